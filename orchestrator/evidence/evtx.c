#include "evidence/evtx.h"

#include <inttypes.h>
#include <libevtx.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fence.h"
#include "base/fs.h"
#include "base/str.h"

enum { EVTX_MAX_XML = 1 << 20, EVTX_MAX_VALUE = 2000 };

static void event_record_clear(struct event_record *r) {
    free(r->time);
    free(r->provider);
    free(r->channel);
    free(r->computer);
    free(r->text);
    free(r->module);
    for (size_t i = 0; i < r->data_count; i++) {
        free(r->data[i].name);
        free(r->data[i].value);
    }
    free(r->data);
    *r = (struct event_record){0};
}

void event_log_clear(struct event_log *l) {
    for (size_t i = 0; i < l->count; i++) {
        event_record_clear(&l->records[i]);
    }
    free(l->records);
    free(l->missing);
    *l = (struct event_log){0};
}

json_t *event_to_json(const struct event_record *r) {
    json_t *data = json_array();
    for (size_t i = 0; i < r->data_count; i++) {
        json_array_append_new(data, json_pack("[s, s]", r->data[i].name, r->data[i].value));
    }
    json_t *j = json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:I, s:i, s:b, s:o}", "kind", event_kind_name(r->kind), "id",
                          (json_int_t)r->id, "time", r->time, "provider", r->provider, "channel", r->channel,
                          "computer", r->computer, "event", (json_int_t)r->event, "level", r->level, "recovered",
                          r->recovered, "data", data);
    if (j && *r->text) {
        json_object_set_new(j, "text", json_string(r->text));
    }
    if (j && r->module) {
        json_object_set_new(j, "module", json_string(r->module));
    }
    if (j && r->has_code) {
        char code[16];
        snprintf(code, sizeof(code), "0x%" PRIX32, r->code);
        json_object_set_new(j, "code", json_string(code));
    }
    return j;
}

/* ---- inside the fence: libevtx, and its XML ---------------------------------------------------- */

/* Text of a node and what is in it, bounded, UTF-8 as libxml2 keeps it. Caller frees. */
static char *evtx_node_text(xmlNode *node) {
    xmlChar *text = node ? xmlNodeGetContent(node) : NULL;
    size_t len = text ? strlen((char *)text) : 0, keep = len < EVTX_MAX_VALUE ? len : EVTX_MAX_VALUE;
    while (keep < len && keep > 0 && ((unsigned char)text[keep] & 0xc0) == 0x80) {
        keep--;
    }
    char *out = str_printf("%.*s", (int)keep, text ? (char *)text : "");
    xmlFree(text);
    return out;
}

static xmlNode *evtx_child(xmlNode *parent, const char *name) {
    for (xmlNode *n = parent ? parent->children : NULL; n; n = n->next) {
        if (n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, name) == 0) {
            return n;
        }
    }
    return NULL;
}

static char *evtx_attribute(xmlNode *node, const char *name) {
    xmlChar *value = node ? xmlGetProp(node, (const xmlChar *)name) : NULL;
    char *out = str_printf("%.200s", value ? (char *)value : "");
    xmlFree(value);
    return out;
}

static void evtx_add_datum(struct event_record *r, char *name, char *value) {
    if (r->data_count == EVTX_MAX_DATA) {
        free(name);
        free(value);
        return;
    }
    r->data = mem_grow(r->data, r->data_count + 1, sizeof(*r->data));
    r->data[r->data_count++] = (struct event_datum){name, value};
}

/* <EventData><Data Name="a">x</Data>..., or <UserData> with elements of the event's own. */
static void evtx_take_data(struct event_record *r, xmlNode *root) {
    xmlNode *event_data = evtx_child(root, "EventData"), *user = evtx_child(root, "UserData");
    xmlNode *first = event_data ? event_data->children : NULL;
    for (xmlNode *n = user && !event_data ? user->children : NULL; n && !first; n = n->next) {
        first = n->type == XML_ELEMENT_NODE ? n->children : NULL;
    }
    for (xmlNode *n = first; n; n = n->next) {
        if (n->type != XML_ELEMENT_NODE) {
            continue;
        }
        bool plain = strcmp((const char *)n->name, "Data") == 0;
        evtx_add_datum(r, plain ? evtx_attribute(n, "Name") : str_dup((const char *)n->name), evtx_node_text(n));
    }
}

/* "2019-07-24T13:09:55.339150700Z" to milliseconds. Caller frees. */
static char *evtx_time(xmlNode *system) {
    CLEANUP_FREE char *time = evtx_attribute(evtx_child(system, "TimeCreated"), "SystemTime");
    return strlen(time) >= 23 ? str_printf("%.23sZ", time) : str_dup(time);
}

static unsigned long long evtx_number(xmlNode *system, const char *name) {
    CLEANUP_FREE char *text = evtx_node_text(evtx_child(system, name));
    return strtoull(text, NULL, 0);
}

/* False when it is no event. */
static bool evtx_take_xml(const char *xml, size_t len, struct event_record *r) {
    xmlDoc *doc = xmlReadMemory(xml, (int)len, "event.xml", NULL,
                                XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_RECOVER);
    xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
    xmlNode *system = evtx_child(root, "System");
    if (system) {
        *r = (struct event_record){
            .id = evtx_number(system, "EventRecordID"), .time = evtx_time(system),
            .provider = evtx_attribute(evtx_child(system, "Provider"), "Name"),
            .channel = evtx_node_text(evtx_child(system, "Channel")),
            .computer = evtx_node_text(evtx_child(system, "Computer")),
            .event = (uint32_t)evtx_number(system, "EventID"), .level = (int)evtx_number(system, "Level"),
            .text = str_dup(""),
        };
        r->level = r->level < 0 || r->level > 255 ? 0 : r->level;
        evtx_take_data(r, root);
        event_find_fact(r);
    }
    xmlFreeDoc(doc);
    return system != NULL;
}

static bool evtx_take_record(libevtx_record_t *record, struct event_record *r) {
    size_t size = 0;
    if (libevtx_record_get_utf8_xml_string_size(record, &size, NULL) != 1 || size < 2 || size > EVTX_MAX_XML) {
        return false;
    }
    CLEANUP_FREE char *xml = mem_zalloc(size + 1, 1);
    return libevtx_record_get_utf8_xml_string(record, (uint8_t *)xml, size, NULL) == 1 &&
           evtx_take_xml(xml, strlen(xml), r);
}

struct evtx_work {
    const char *path;
    bool all;
    size_t read, unread, recovered;
    uint64_t first, last; /* record ids that were read, the log's own ones */
    json_t *records;
    libevtx_file_t *file;
};

static void evtx_take_one(struct evtx_work *w, int index, bool recovered) {
    libevtx_record_t *record = NULL;
    struct event_record r = {0};
    int got = recovered ? libevtx_file_get_recovered_record_by_index(w->file, index, &record, NULL)
                        : libevtx_file_get_record_by_index(w->file, index, &record, NULL);
    bool ok = got == 1 && evtx_take_record(record, &r);
    if (record) {
        libevtx_record_free(&record, NULL);
    }
    r.recovered = recovered;
    bool again = recovered && r.id >= w->first && r.id <= w->last; /* an old copy of what was read */
    if (ok && !again) {
        w->read += !recovered;
        w->recovered += recovered;
        if (!recovered) {
            w->first = w->first == 0 || r.id < w->first ? r.id : w->first;
            w->last = r.id > w->last ? r.id : w->last;
        }
        json_t *j = w->all || r.kind != EVENT_OTHER ? event_to_json(&r) : NULL;
        if (j) {
            json_array_append_new(w->records, j);
        }
    } else if (!recovered) {
        w->unread++;
    }
    event_record_clear(&r);
}

static void evtx_take_all(struct evtx_work *w) {
    int count = 0, recovered = 0;
    libevtx_file_get_number_of_records(w->file, &count, NULL);
    libevtx_file_get_number_of_recovered_records(w->file, &recovered, NULL);
    for (int i = 0; i < count && i < EVTX_MAX_RECORDS; i++) {
        evtx_take_one(w, i, false);
    }
    for (int i = 0; i < recovered && i < EVTX_MAX_RECORDS && w->all; i++) {
        evtx_take_one(w, i, true);
    }
}

static int evtx_inside(void *ctx, struct str *out, struct err *err) {
    struct evtx_work *w = ctx;
    libevtx_error_t *why = NULL;
    if (libevtx_file_initialize(&w->file, &why) != 1 ||
        libevtx_file_open(w->file, w->path, LIBEVTX_OPEN_READ, &why) != 1) {
        char text[512] = "";
        libevtx_error_sprint(why, text, sizeof(text));
        libevtx_error_free(&why);
        return err_set(err, ERR_INPUT, "not a readable event log%s%s", *text ? ": " : "", text);
    }
    w->records = json_array();
    evtx_take_all(w);
    bool corrupted = libevtx_file_is_corrupted(w->file, NULL) == 1;
    json_t *j = json_pack("{s:I, s:I, s:I, s:b, s:o}", "read", (json_int_t)w->read, "unread", (json_int_t)w->unread,
                          "recovered", (json_int_t)w->recovered, "corrupted", corrupted, "records", w->records);
    CLEANUP_FREE char *text = json_dumps(j, JSON_COMPACT);
    str_add(out, text ? text : "");
    json_decref(j);
    return 0;
}

/* ---- through the fence ------------------------------------------------------------------------ */

static char *event_owned(const json_t *j, const char *key) {
    const char *text = json_string_value(json_object_get(j, key));
    return str_dup(text ? text : "");
}

static void event_from_json(const json_t *j, struct event_record *r) {
    const char *kind = json_string_value(json_object_get(j, "kind"));
    const char *code = json_string_value(json_object_get(j, "code"));
    *r = (struct event_record){
        .id = (uint64_t)json_integer_value(json_object_get(j, "id")), .time = event_owned(j, "time"),
        .provider = event_owned(j, "provider"), .channel = event_owned(j, "channel"),
        .computer = event_owned(j, "computer"),
        .event = (uint32_t)json_integer_value(json_object_get(j, "event")),
        .level = (int)json_integer_value(json_object_get(j, "level")),
        .recovered = json_is_true(json_object_get(j, "recovered")), .text = event_owned(j, "text"),
        .module = str_dup(json_string_value(json_object_get(j, "module"))), .has_code = code != NULL,
        .code = code ? (uint32_t)strtoul(code, NULL, 16) : 0,
    };
    for (int i = 0; i < EVENT_KIND_COUNT; i++) {
        r->kind = str_eq(kind, event_kind_name((enum event_kind)i)) ? (enum event_kind)i : r->kind;
    }
    size_t i;
    json_t *pair;
    json_array_foreach(json_object_get(j, "data"), i, pair) {
        const char *name = json_string_value(json_array_get(pair, 0));
        const char *value = json_string_value(json_array_get(pair, 1));
        evtx_add_datum(r, str_dup(name ? name : ""), str_dup(value ? value : ""));
    }
}

static int event_compare(const void *a, const void *b) {
    const struct event_record *x = a, *y = b;
    int by_time = strcmp(x->time, y->time);
    return by_time ? by_time : (x->id > y->id) - (x->id < y->id);
}

/* How much the log's own header and chunks promise: MS-EVEN6 has no number of records; the size tells of a cut. */
static void evtx_say_missing(const struct evtx_work *w, const json_t *j, struct event_log *out) {
    struct str s = STR_INIT;
    int64_t size = fs_size(w->path), over = size > 4096 ? (size - 4096) % 65536 : 0; /* header 4096, chunks 65536 */
    json_int_t recovered = json_integer_value(json_object_get(j, "recovered"));
    if (out->unread) {
        str_addf(&s, "%zu records could not be read", out->unread);
    }
    if (over || size < 4096) {
        str_addf(&s, "%sthe file is cut short: %lld bytes are no whole number of chunks", s.len ? "; " : "",
                 (long long)size);
    } else if (out->corrupted) {
        str_addf(&s, "%sthe log was not closed or is damaged: records may be missing", s.len ? "; " : "");
    }
    if (recovered) {
        str_addf(&s, "%s%lld records were found outside of the log's order", s.len ? "; " : "", (long long)recovered);
    }
    out->missing = s.len ? str_take(&s) : NULL;
}

int evtx_read_file(const char *path, bool all, struct event_log *out, struct err *err) {
    static const struct fence_limits limits = {
        .timeout_ns = EVTX_SECONDS * CLOCK_S, .memory_bytes = (size_t)2 << 30, .max_output = (size_t)512 << 20};
    struct evtx_work w = {.path = path, .all = all};
    CLEANUP_STR struct str text = STR_INIT;
    *out = (struct event_log){0};
    int64_t size = fs_size(path);
    if (size < 0 || size > (int64_t)EVTX_MAX_BYTES) {
        return err_set(err, ERR_INPUT, size < 0 ? "no such file" : "the log is too large to be read");
    }
    if (fence_run(evtx_inside, &w, &limits, &text, err) < 0) {
        return -1;
    }
    json_error_t at;
    json_t *j = json_loadb(str_get(&text), text.len, 0, &at);
    if (!j) {
        return err_set(err, ERR_BUG, "the reader's answer: %s", at.text);
    }
    const json_t *records = json_object_get(j, "records");
    out->records = mem_zalloc(json_array_size(records) + 1, sizeof(*out->records));
    for (size_t i = 0; i < json_array_size(records); i++) {
        event_from_json(json_array_get(records, i), &out->records[out->count++]);
    }
    qsort(out->records, out->count, sizeof(*out->records), event_compare);
    out->read = (size_t)json_integer_value(json_object_get(j, "read"));
    out->unread = (size_t)json_integer_value(json_object_get(j, "unread"));
    out->corrupted = json_is_true(json_object_get(j, "corrupted"));
    evtx_say_missing(&w, j, out);
    json_decref(j);
    return 0;
}
