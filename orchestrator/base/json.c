#include "base/json.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json_scan.h"
#include "base/str.h"

struct json_doc {
    char *path;
    char *text; /* the positions are offsets into it */
    size_t len;
    json_t *root;
    struct json_index index;
};

static const struct diag_pos json_nowhere = {0, 0};
/* Up to here a double has every whole number: 2^53. */
#define JSON_WHOLE_MAX 9007199254740992.0

void json_doc_free(struct json_doc *doc) {
    if (!doc) {
        return;
    }
    free(doc->path);
    free(doc->text);
    json_decref(doc->root);
    free(doc->index.nodes);
    free(doc);
}

static void json_doc_cleanup(struct json_doc **doc) {
    json_doc_free(*doc);
}

/* The quoted text at offset against a plain key. Escapes in keys are rare: Jansson decodes them. */
static bool json_key_is(const struct json_doc *doc, uint32_t offset, const char *key) {
    const char *begin = doc->text + offset + 1;
    const char *p = begin;
    bool escaped = false;
    while (*p != '"') {
        escaped |= *p == '\\';
        p += *p == '\\' ? 2 : 1;
    }
    size_t len = (size_t)(p - begin);
    if (!escaped) {
        return strlen(key) == len && memcmp(begin, key, len) == 0;
    }
    json_t *text = json_loadb(begin - 1, len + 2, JSON_DECODE_ANY, NULL);
    bool same = str_eq(json_string_value(text), key);
    json_decref(text);
    return same;
}

/* The last key (or value) that begins before offset: where Jansson was when it stopped. */
static const struct json_node *json_node_before(const struct json_doc *doc, size_t offset,
                                                bool keyed) {
    const struct json_node *found = &doc->index.nodes[0];
    for (size_t i = 0; i < doc->index.count; i++) {
        const struct json_node *n = &doc->index.nodes[i];
        if ((!keyed || n->key != JSON_NO_KEY) && (keyed ? n->key : n->value) < offset) {
            found = n;
        }
    }
    return found;
}

static const struct json_node *json_first_with_key(const struct json_doc *doc, size_t node,
                                                   const char *key) {
    for (size_t i = 0; i < doc->index.count; i++) { /* the parent is the node whose child list has it */
        size_t c = doc->index.nodes[i].child;
        size_t first = 0;
        for (; c != 0; c = doc->index.nodes[c].next) {
            bool same = doc->index.nodes[c].key != JSON_NO_KEY &&
                        json_key_is(doc, doc->index.nodes[c].key, key);
            first = first == 0 && same ? c : first;
            if (c == node) {
                return &doc->index.nodes[first];
            }
        }
    }
    return NULL;
}

static void json_complain_duplicate(const struct json_doc *doc, const json_error_t *e,
                                    struct diags *diags) {
    const struct json_node *dup = json_node_before(doc, (size_t)e->position, true);
    const char *begin = doc->text + dup->key + 1;
    const char *end = begin;
    while (*end != '"') {
        end += *end == '\\' ? 2 : 1;
    }
    CLEANUP_FREE char *key = str_printf("%.*s", (int)(end - begin), begin);
    json_t *decoded = json_loadb(begin - 1, (size_t)(end - begin) + 2, JSON_DECODE_ANY, NULL);
    const struct json_node *first = json_first_with_key(
        doc, (size_t)(dup - doc->index.nodes), decoded ? json_string_value(decoded) : key);
    json_decref(decoded);
    CLEANUP_FREE char *hint = NULL;
    if (first && first != dup) {
        struct diag_pos p = json_scan_position(doc->text, doc->len, first->key);
        hint = str_printf("it stands first at line %d, column %d; keep one", p.line, p.column);
    }
    diags_add(diags, doc->path, json_scan_position(doc->text, doc->len, dup->key), "duplicate-key",
              hint, "key \"%s\" stands twice in the same object", key);
}

/* 2.0 is the whole number 2 (JSON Schema, validation, 6.1.1), and is read as one. Takes value; returns what stands in
 * its place. */
static json_t *json_whole(json_t *value) {
    double d = json_real_value(value);
    if (json_is_real(value) && floor(d) == d && fabs(d) <= JSON_WHOLE_MAX) {
        json_decref(value);
        return json_integer((json_int_t)d);
    }
    const char *key;
    json_t *item;
    void *next;
    json_object_foreach_safe(value, next, key, item) {
        if (!json_is_string(item)) {
            json_object_set_new(value, key, json_whole(json_incref(item)));
        }
    }
    for (size_t i = 0; json_is_array(value) && i < json_array_size(value); i++) {
        json_array_set_new(value, i, json_whole(json_incref(json_array_get(value, i))));
    }
    return value;
}

static int json_doc_decode(struct json_doc *doc, struct diags *diags) {
    json_error_t e;
    doc->root = json_loadb(doc->text, doc->len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
    if (doc->root) {
        doc->root = json_whole(doc->root);
        return 0;
    }
    if (json_error_code(&e) == json_error_duplicate_key) {
        json_complain_duplicate(doc, &e, diags);
        return -1;
    }
    const struct json_node *at = json_node_before(doc, (size_t)e.position, false);
    bool range = json_error_code(&e) == json_error_numeric_overflow;
    diags_add(diags, doc->path, json_scan_position(doc->text, doc->len, at->value),
              range ? "out-of-range" : "syntax", NULL, "%s",
              range ? "this number is too large" : e.text);
    return -1;
}

struct json_doc *json_doc_parse(const char *path, const char *text, size_t len,
                                struct diags *diags) {
    if (len > JSON_FILE_MAX) {
        diags_add(diags, path, json_nowhere, "too-large", NULL, "larger than %u bytes",
                  JSON_FILE_MAX);
        return NULL;
    }
    CLEANUP(json_doc_cleanup) struct json_doc *doc = mem_zalloc(1, sizeof(*doc));
    doc->path = str_dup(path);
    doc->text = mem_zalloc(len + 1, 1);
    memcpy(doc->text, text, len);
    doc->len = len;
    if (json_scan_encoding(path, doc->text, len, diags) < 0 ||
        json_scan(path, doc->text, len, &doc->index, diags) < 0 ||
        json_doc_decode(doc, diags) < 0) {
        return NULL;
    }
    return STEAL(doc);
}

/* Says what is wrong with a file before it is opened: opening a FIFO would wait for ever. */
static int json_file_check(const char *path, struct diags *diags) {
    struct stat st;
    if (stat(path, &st) < 0) {
        bool absent = errno == ENOENT || errno == ENOTDIR;
        diags_add(diags, path, json_nowhere, absent ? "missing-file" : "unreadable-file",
                  NULL, "cannot open the file: %s", strerror(errno));
        return -1;
    }
    if (!S_ISREG(st.st_mode)) {
        diags_add(diags, path, json_nowhere, "not-a-file", "name a JSON file",
                  S_ISDIR(st.st_mode) ? "this is a folder" : "this is not a regular file");
        return -1;
    }
    if (st.st_size > (off_t)JSON_FILE_MAX) {
        diags_add(diags, path, json_nowhere, "too-large", "is this really the right file?",
                  "the file has %lld bytes; at most %u are read", (long long)st.st_size,
                  JSON_FILE_MAX);
        return -1;
    }
    return 0;
}

struct json_doc *json_doc_load(const char *path, struct diags *diags) {
    if (json_file_check(path, diags) < 0) {
        return NULL;
    }
    CLEANUP_ERR struct err err = ERR_INIT;
    size_t len = 0;
    CLEANUP_FREE char *text = fs_read(path, JSON_FILE_MAX, &len, &err);
    if (!text) {
        diags_add(diags, path, json_nowhere, "unreadable-file", NULL, "%s", err_text(&err));
        return NULL;
    }
    return json_doc_parse(path, text, len, diags);
}

json_t *json_doc_root(const struct json_doc *doc) {
    return doc->root;
}

const char *json_doc_path(const struct json_doc *doc) {
    return doc->path;
}

/* One reference token of an RFC 6901 pointer with ~1 and ~0 undone; *p moves behind it. */
static char *json_pointer_token(const char **p) {
    struct str s = STR_INIT;
    const char *c = *p;
    for (; *c && *c != '/'; c++) {
        bool tilde = c[0] == '~' && (c[1] == '0' || c[1] == '1');
        str_addf(&s, "%c", tilde ? (c[1] == '0' ? '~' : '/') : c[0]);
        c += tilde;
    }
    *p = c;
    return str_take(&s);
}

static size_t json_node_child(const struct json_doc *doc, size_t node, const char *token) {
    const struct json_node *n = doc->index.nodes;
    size_t c = n[node].child;
    if (c != 0 && n[c].key == JSON_NO_KEY) {
        for (long i = strtol(token, NULL, 10); c != 0 && i > 0; i--) {
            c = n[c].next;
        }
        return c;
    }
    while (c != 0 && !json_key_is(doc, n[c].key, token)) {
        c = n[c].next;
    }
    return c;
}

/* The node at a pointer, or its nearest ancestor that exists (then *exact is false). */
static const struct json_node *json_doc_find(const struct json_doc *doc, const char *pointer,
                                             bool *exact) {
    size_t node = 0;
    *exact = true;
    while (*pointer == '/' && *exact) {
        pointer++;
        CLEANUP_FREE char *token = json_pointer_token(&pointer);
        size_t child = json_node_child(doc, node, token);
        *exact = child != 0;
        node = child ? child : node;
    }
    return &doc->index.nodes[node];
}

struct diag_pos json_doc_at(const struct json_doc *doc, const char *pointer, int at_key) {
    bool exact;
    const struct json_node *n = json_doc_find(doc, pointer, &exact);
    bool key = at_key && exact && n->key != JSON_NO_KEY;
    return json_scan_position(doc->text, doc->len, key ? n->key : n->value);
}

const char *json_doc_text(const struct json_doc *doc, size_t *len) {
    *len = doc->len;
    return doc->text;
}

size_t json_doc_offset(const struct json_doc *doc, const char *pointer) {
    bool exact;
    return json_doc_find(doc, pointer, &exact)->value;
}

void json_doc_complain(const struct json_doc *doc, const char *pointer, int at_key,
                       struct diags *diags, const char *code, const char *hint, const char *fmt,
                       ...) {
    va_list ap;
    va_start(ap, fmt);
    CLEANUP_FREE char *text = NULL;
    if (vasprintf(&text, fmt, ap) < 0) {
        abort();
    }
    va_end(ap);
    diags_add(diags, doc->path, json_doc_at(doc, pointer, at_key), code, hint, "%s", text);
}
