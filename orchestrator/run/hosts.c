#include "run/hosts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "model/schemas.h"

enum { HOSTS_ID_DIGITS = 8 };
#define HOSTS_COMMAND_LINE "--host"

void hosts_one_clear(struct hosts_one *one) {
    host_uri_clear(&one->uri);
    free(one->name);
    free(one->folder);
    *one = (struct hosts_one){.slots = 0};
}

void hosts_clear(struct hosts *h) {
    for (size_t i = 0; i < h->count; i++) {
        hosts_one_clear(&h->items[i]);
    }
    free(h->items);
    *h = (struct hosts){NULL, 0};
}

/* Takes *one. */
static void hosts_add(struct hosts *h, struct hosts_one *one) {
    h->items = mem_grow(h->items, h->count + 1, sizeof(*h->items));
    h->items[h->count++] = *one;
}

void hosts_add_here(struct hosts *h, int slots) {
    struct hosts_one one = {.name = str_dup(HOSTS_HERE), .slots = slots, .folder = str_dup("")};
    host_uri_parse("qemu:///embed", &one.uri, NULL);
    hosts_add(h, &one);
}

/* ---- one of them, from JSON that follows the schema ------------------------------------------ */

static int64_t hosts_number(const json_t *j, const char *key, int64_t otherwise) {
    const json_t *n = json_object_get(j, key);
    return n ? json_integer_value(n) : otherwise;
}

static char *hosts_text(const json_t *j, const char *key, const char *otherwise) {
    const char *text = json_string_value(json_object_get(j, key));
    return str_dup(text ? text : otherwise);
}

static const char *hosts_default_name(const struct host_uri *u) {
    return u->way == HOST_EMBED ? HOSTS_HERE : u->host ? u->host : "local";
}

static int hosts_take(const json_t *j, struct hosts_one *out, struct err *err) {
    *out = (struct hosts_one){.slots = (int)hosts_number(j, "slots", HOSTS_SLOTS)};
    if (host_uri_parse(json_string_value(json_object_get(j, "uri")), &out->uri, err) < 0) {
        return -1;
    }
    out->memory = hosts_number(j, "memory_mib", 0) << 20;
    out->vcpus = (int)hosts_number(j, "vcpus", 0);
    out->name = hosts_text(j, "name", hosts_default_name(&out->uri));
    out->folder = hosts_text(j, "folder", HOSTS_FOLDER);
    out->copy = str_eq(json_string_value(json_object_get(j, "images")), "copy");
    return 0;
}

json_t *hosts_to_json(const struct hosts_one *one) {
    json_t *j = json_pack("{s:s, s:s, s:i, s:s, s:s}", "name", one->name, "uri", one->uri.text,
                          "slots", one->slots, "folder", one->folder, "images",
                          one->copy ? "copy" : "auto");
    if (one->memory) {
        json_object_set_new(j, "memory_mib", json_integer(one->memory >> 20));
    }
    if (one->vcpus) {
        json_object_set_new(j, "vcpus", json_integer(one->vcpus));
    }
    return j;
}

int hosts_from_json(const json_t *j, struct hosts_one *out, struct err *err) {
    if (!json_is_string(json_object_get(j, "uri")) || hosts_take(j, out, err) < 0) {
        *out = (struct hosts_one){.slots = 0};
        return err_set(err, ERR_BUG, "host: not one that was written here");
    }
    return 0;
}

void hosts_copy(const struct hosts *from, struct hosts *to) {
    for (size_t i = 0; i < from->count; i++) {
        json_t *j = hosts_to_json(&from->items[i]);
        struct hosts_one one;
        if (hosts_from_json(j, &one, NULL) == 0) {
            hosts_add(to, &one);
        }
        json_decref(j);
    }
}

/* ---- documents ------------------------------------------------------------------------------- */

static int64_t hosts_slots(const struct hosts *h) {
    int64_t sum = 0;
    for (size_t i = 0; i < h->count; i++) {
        sum += h->items[i].slots;
    }
    return sum;
}

static bool hosts_name_taken(const struct hosts *h, const struct hosts_one *one) {
    for (size_t i = 0; i < h->count; i++) {
        if (str_eq(h->items[i].name, one->name)) {
            return true;
        }
    }
    return false;
}

static bool hosts_uri_taken(const struct hosts *h, const struct hosts_one *one) {
    for (size_t i = 0; i < h->count; i++) {
        if (str_eq(h->items[i].uri.text, one->uri.text)) {
            return true;
        }
    }
    return false;
}

/* What the schema cannot say. Adds the host when it is right. */
static void hosts_read_one(struct hosts *h, const struct json_doc *doc, const json_t *j,
                           const char *at, struct diags *diags) {
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *uri_at = str_printf("%s/uri", at);
    struct hosts_one one;
    if (hosts_take(j, &one, &err) < 0) {
        json_doc_complain(doc, uri_at, 0, diags, "bad-uri", NULL, "%s", err_text(&err));
        return;
    }
    size_t before = diags->count;
    if (hosts_uri_taken(h, &one)) {
        json_doc_complain(doc, uri_at, 0, diags, "duplicate", "give it more slots instead",
                          "the host %s is named twice", one.uri.text);
    } else if (hosts_name_taken(h, &one)) {
        json_doc_complain(doc, at, 0, diags, "duplicate", "give it a \"name\" of its own",
                          "two hosts have the name %s", one.name);
    }
    if (hosts_slots(h) + one.slots > HOSTS_SLOTS_MAX) {
        json_doc_complain(doc, at, 0, diags, "too-many", NULL,
                          "the hosts have more than %d slots together", HOSTS_SLOTS_MAX);
    }
    if (diags->count == before) {
        hosts_add(h, &one);
    } else {
        hosts_one_clear(&one);
    }
}

static int hosts_read(struct hosts *h, const struct json_doc *doc, struct diags *diags) {
    size_t before = diags->count, i;
    json_t *one;
    if (schemas_check(SCHEMA_HOSTS, doc, diags) == SCHEMAS_FOLLOWS) {
        json_array_foreach(json_object_get(json_doc_root(doc), "hosts"), i, one) {
            CLEANUP_FREE char *at = str_printf("/hosts/%zu", i);
            hosts_read_one(h, doc, one, at, diags);
        }
    }
    diags_sort(diags);
    return diags->count > before ? -1 : 0;
}

int hosts_load(struct hosts *h, const char *path, struct diags *diags) {
    struct json_doc *doc = json_doc_load(path, diags);
    int rc = doc ? hosts_read(h, doc, diags) : -1;
    json_doc_free(doc);
    return rc;
}

/* ---- the command line ------------------------------------------------------------------------ */

/* One KEY=VALUE; false when there is no such key or its value is no number. */
static bool hosts_set_option(json_t *j, const char *option) {
    static const struct {
        const char *name, *key;
        bool number;
    } known[] = {{"slots", "slots", true},   {"memory", "memory_mib", true}, {"vcpus", "vcpus", true},
                 {"name", "name", false},    {"folder", "folder", false},    {"images", "images", false}};
    const char *value = strchr(option, '=');
    for (size_t i = 0; value && i < ARRAY_LEN(known); i++) {
        size_t len = (size_t)(value - option);
        if (strlen(known[i].name) != len || strncmp(known[i].name, option, len) != 0) {
            continue;
        }
        char *end = NULL;
        errno = 0;
        long long n = strtoll(value + 1, &end, 10);
        bool whole = known[i].number && value[1] && !*end && errno == 0;
        json_object_set_new(j, known[i].key, whole ? json_integer(n) : json_string(value + 1));
        return whole || !known[i].number;
    }
    return false;
}

/* As a document, so that the command line is checked like a file. */
int hosts_add_text(struct hosts *h, const char *text, struct diags *diags) {
    CLEANUP_FREE char *copy = str_dup(text);
    static const struct diag_pos nowhere = {0, 0};
    size_t before = diags->count;
    char *rest = NULL;
    const char *uri = strtok_r(copy, ",", &rest);
    json_t *host = json_pack("{s:s}", "uri", uri ? uri : "");
    for (const char *o; host && (o = strtok_r(NULL, ",", &rest));) {
        if (!hosts_set_option(host, o)) {
            diags_add(diags, HOSTS_COMMAND_LINE, nowhere, "bad-option",
                      "known: slots=N, memory=MIB, vcpus=N, name=NAME, folder=DIR, images=copy",
                      "%s: '%s' is not an option of a host", text, o);
        }
    }
    json_t *j = json_pack("{s:s, s:[o]}", "format", "coexist-hosts/1", "hosts", host);
    CLEANUP_FREE char *dump = j ? json_dumps(j, JSON_COMPACT) : NULL;
    json_decref(j);
    struct json_doc *doc = dump && diags->count == before
                               ? json_doc_parse(HOSTS_COMMAND_LINE, dump, strlen(dump), diags)
                               : NULL;
    if (doc) {
        hosts_read(h, doc, diags);
    } else if (!dump) {
        diags_add(diags, HOSTS_COMMAND_LINE, nowhere, "bad-uri", NULL, "%s is not UTF-8", text);
    }
    json_doc_free(doc);
    return diags->count > before ? -1 : 0;
}

/* ---- the lab's id ---------------------------------------------------------------------------- */

static bool hosts_id_ok(const char *id) {
    return id && strlen(id) == HOSTS_ID_DIGITS && strspn(id, "0123456789abcdef") == HOSTS_ID_DIGITS;
}

char *hosts_lab_id(const char *lab_dir, struct err *err) {
    CLEANUP_FREE char *path = fs_join(lab_dir, "id");
    CLEANUP_FREE char *known = fs_read(path, 64, NULL, NULL);
    if (hosts_id_ok(known)) {
        return STEAL(known);
    }
    if (known) {
        err_set(err, ERR_INPUT, "%s: not the id of a lab", path);
        return NULL;
    }
    uint32_t random = 0;
    ssize_t n = getrandom(&random, sizeof(random), 0);
    (void)n; /* four bytes are always given (getrandom(2)) */
    char hex[HOSTS_ID_DIGITS + 1];
    snprintf(hex, sizeof(hex), "%08x", random);
    /* A link is made once: of two that make it at the same time, one reads what the other wrote. */
    if (fs_mkdirs(lab_dir, err) < 0) {
        return NULL;
    }
    CLEANUP_FREE char *tmp = str_printf("%s.%d", path, (int)getpid());
    if (fs_write_atomic(tmp, hex, HOSTS_ID_DIGITS, 0644, err) < 0) {
        return NULL;
    }
    int rc = link(tmp, path);
    int why = errno;
    unlink(tmp);
    if (rc < 0 && why != EEXIST) {
        err_sys(err, why, "make %s", path);
        return NULL;
    }
    char *id = fs_read(path, 64, NULL, err);
    return id;
}
