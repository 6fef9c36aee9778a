#include "guest/agent_schema.h"

#include <stdint.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "proto/proto.h"

enum schema_type {
    SCHEMA_STRING,
    SCHEMA_TEXT_OR_NULL,
    SCHEMA_COUNT,  /* 0..2^53 */
    SCHEMA_U32,    /* 0..2^32-1 */
    SCHEMA_TIME,   /* any whole number: file times reach before 1970 */
    SCHEMA_NUMBER, /* whole or real */
    SCHEMA_BOOL,
    SCHEMA_TYPE_COUNT
};

static const char *const schema_type_names[] = {
    "a string", "a string or null", "a whole number from 0", "a whole number below 2^32",
    "a whole number", "a number", "true or false",
};
_Static_assert(ARRAY_LEN(schema_type_names) == SCHEMA_TYPE_COUNT, "a name for every type");

struct schema_member {
    const char *name; /* NULL ends a list */
    enum schema_type type;
    bool optional;
};

enum { SCHEMA_MEMBERS = 11 };

struct schema_op {
    const char *op;
    bool list, output;
    struct schema_member result[SCHEMA_MEMBERS];
    struct schema_member item[SCHEMA_MEMBERS];
};

#define SCHEMA_SERVICE                                                              \
    {                                                                               \
        {"name", SCHEMA_STRING, 0}, {"display", SCHEMA_STRING, 1},                  \
        {"state", SCHEMA_STRING, 0}, {"start", SCHEMA_STRING, 1},                   \
        {"type", SCHEMA_STRING, 1}, {"pid", SCHEMA_COUNT, 1},                       \
        {"exit_code", SCHEMA_COUNT, 1}, {"path", SCHEMA_TEXT_OR_NULL, 1},           \
    }

static const struct schema_op schema_ops[] = {
    {"ping", 0, 0, {{"up_ms", SCHEMA_COUNT, 0}}, {{0}}},
    {"exec", 0, 1,
     {{"exit_code", SCHEMA_U32, 0}, {"timed_out", SCHEMA_BOOL, 0}, {"duration_ms", SCHEMA_COUNT, 0},
      {"out_bytes", SCHEMA_COUNT, 0}, {"err_bytes", SCHEMA_COUNT, 0}, {"truncated", SCHEMA_BOOL, 0}},
     {{0}}},
    {"put", 0, 0, {{"size", SCHEMA_COUNT, 0}}, {{0}}},
    {"get", 0, 0,
     {{"data", SCHEMA_STRING, 0}, {"eof", SCHEMA_BOOL, 0}, {"size", SCHEMA_COUNT, 0}}, {{0}}},
    {"stat", 0, 0,
     {{"exists", SCHEMA_BOOL, 0}, {"dir", SCHEMA_BOOL, 1}, {"size", SCHEMA_COUNT, 1},
      {"mtime_unix_ms", SCHEMA_TIME, 1}}, {{0}}},
    {"hash", 0, 0, {{"sha256", SCHEMA_STRING, 0}, {"size", SCHEMA_COUNT, 0}}, {{0}}},
    {"look", 1, 0, {{0}},
     {{"i", SCHEMA_COUNT, 0}, {"exists", SCHEMA_BOOL, 1}, {"dir", SCHEMA_BOOL, 1},
      {"size", SCHEMA_COUNT, 1}, {"mtime_unix_ms", SCHEMA_TIME, 1}, {"sha256", SCHEMA_STRING, 1},
      {"crc32", SCHEMA_STRING, 1}, {"why", SCHEMA_STRING, 1}}},
    {"list", 1, 0, {{0}},
     {{"name", SCHEMA_STRING, 0}, {"dir", SCHEMA_BOOL, 0}, {"size", SCHEMA_COUNT, 0},
      {"mtime_unix_ms", SCHEMA_TIME, 1}}},
    {"processes", 1, 0, {{0}},
     {{"pid", SCHEMA_COUNT, 0}, {"ppid", SCHEMA_COUNT, 1}, {"name", SCHEMA_STRING, 0},
      {"path", SCHEMA_TEXT_OR_NULL, 1}, {"cpu_ms", SCHEMA_COUNT, 1},
      {"working_set", SCHEMA_COUNT, 1}, {"private_bytes", SCHEMA_COUNT, 1},
      {"handles", SCHEMA_COUNT, 1}, {"threads", SCHEMA_COUNT, 1}}},
    {"services", 1, 0, {{0}}, SCHEMA_SERVICE},
    {"drivers", 1, 0, {{0}}, SCHEMA_SERVICE},
    {"service", 0, 0, SCHEMA_SERVICE, {{0}}},
    {"file_version", 0, 0,
     {{"file_version", SCHEMA_TEXT_OR_NULL, 0}, {"product_version", SCHEMA_TEXT_OR_NULL, 1}},
     {{0}}},
    {"products", 1, 0, {{0}},
     {{"key", SCHEMA_STRING, 0}, {"name", SCHEMA_TEXT_OR_NULL, 1},
      {"version", SCHEMA_TEXT_OR_NULL, 1}, {"publisher", SCHEMA_TEXT_OR_NULL, 1},
      {"uninstall", SCHEMA_TEXT_OR_NULL, 1}}},
    {"registry", 0, 0,
     {{"exists", SCHEMA_BOOL, 0}, {"type", SCHEMA_TEXT_OR_NULL, 1},
      {"data", SCHEMA_TEXT_OR_NULL, 1}}, {{0}}},
    {"system", 0, 0,
     {{"up_ms", SCHEMA_COUNT, 0}, {"cpu_idle_ms", SCHEMA_COUNT, 1},
      {"cpu_kernel_ms", SCHEMA_COUNT, 1}, {"cpu_user_ms", SCHEMA_COUNT, 1},
      {"memory_total", SCHEMA_COUNT, 1}, {"memory_available", SCHEMA_COUNT, 1},
      {"commit", SCHEMA_COUNT, 1}, {"handles", SCHEMA_COUNT, 1}, {"processes", SCHEMA_COUNT, 1},
      {"threads", SCHEMA_COUNT, 1}, {"disk_free", SCHEMA_COUNT, 1}}, {{0}}},
    {"clock", 0, 0, {{"moved_ms", SCHEMA_TIME, 0}}, {{0}}},
    {"eventlog", 1, 0, {{0}}, {{0}}},
    {"workload", 1, 0, {{"count", SCHEMA_COUNT, 0}},
     {{"i", SCHEMA_COUNT, 0}, {"metric", SCHEMA_STRING, 0}, {"value", SCHEMA_NUMBER, 0},
      {"unit", SCHEMA_STRING, 0}, {"reference_ms", SCHEMA_NUMBER, 1}}},
};

static const struct schema_op *schema_find(const char *op) {
    for (size_t i = 0; i < ARRAY_LEN(schema_ops); i++) {
        if (str_eq(schema_ops[i].op, op)) {
            return &schema_ops[i];
        }
    }
    return NULL;
}

static bool schema_integer_within(const json_t *v, int64_t max) {
    return json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) <= max;
}

static bool schema_type_ok(const json_t *v, enum schema_type type) {
    switch (type) {
    case SCHEMA_STRING: return json_is_string(v);
    case SCHEMA_TEXT_OR_NULL: return json_is_string(v) || json_is_null(v);
    case SCHEMA_COUNT: return schema_integer_within(v, (int64_t)PROTO_MAX_ID);
    case SCHEMA_U32: return schema_integer_within(v, UINT32_MAX);
    case SCHEMA_TIME: return json_is_integer(v);
    case SCHEMA_NUMBER: return json_is_number(v);
    case SCHEMA_BOOL: return json_is_boolean(v);
    case SCHEMA_TYPE_COUNT: break;
    }
    return false;
}

static int schema_check(const char *op, const char *what, const struct schema_member *members,
                        const json_t *object, struct err *err) {
    if (!json_is_object(object)) {
        return err_set(err, ERR_PROTOCOL, "%s: %s: not an object", op, what);
    }
    for (size_t i = 0; i < SCHEMA_MEMBERS && members[i].name; i++) {
        const struct schema_member *m = &members[i];
        const json_t *v = json_object_get(object, m->name);
        if (!v && !m->optional) {
            return err_set(err, ERR_PROTOCOL, "%s: %s: '%s' is missing", op, what, m->name);
        }
        if (v && !schema_type_ok(v, m->type)) {
            return err_set(err, ERR_PROTOCOL, "%s: %s: '%s' is not %s", op, what, m->name,
                           m->type < SCHEMA_TYPE_COUNT ? schema_type_names[m->type] : "known");
        }
    }
    return 0;
}

static const struct schema_member schema_anything[SCHEMA_MEMBERS];

int agent_schema_result(const char *op, const json_t *result, struct err *err) {
    const struct schema_op *s = schema_find(op);
    return schema_check(op, "result", s ? s->result : schema_anything, result, err);
}

int agent_schema_item(const char *op, const json_t *item, struct err *err) {
    const struct schema_op *s = schema_find(op);
    return schema_check(op, "item", s ? s->item : schema_anything, item, err);
}

bool agent_schema_is_list(const char *op) {
    const struct schema_op *s = schema_find(op);
    return s && s->list;
}

bool agent_schema_has_output(const char *op) {
    const struct schema_op *s = schema_find(op);
    return s && s->output;
}

static int schema_hello_string(const json_t *object, const char *name, bool nullable,
                               struct err *err) {
    const json_t *v = json_object_get(object, name);
    if (nullable && (!v || json_is_null(v))) {
        return 0;
    }
    if (!json_is_string(v)) {
        return err_set(err, ERR_PROTOCOL, "hello: '%s' is not a string", name);
    }
    if (json_string_length(v) > AGENT_HELLO_STRING) {
        return err_set(err, ERR_PROTOCOL, "hello: '%s' has %zu bytes, more than %d", name,
                       json_string_length(v), AGENT_HELLO_STRING);
    }
    return 0;
}

static int schema_hello_version(const json_t *hello, struct err *err) {
    const json_t *v = json_object_get(hello, "protocol");
    if (!json_is_integer(v)) {
        return err_set(err, ERR_PROTOCOL, "hello: 'protocol' is not a whole number");
    }
    if (json_integer_value(v) != PROTO_VERSION) {
        return err_set(err, ERR_PROTOCOL,
                       "hello: the guest's agent speaks protocol %" JSON_INTEGER_FORMAT
                       ", this lab speaks protocol %d",
                       json_integer_value(v), PROTO_VERSION);
    }
    return 0;
}

static int schema_hello_os(const json_t *os, struct err *err) {
    if (!json_is_object(os)) {
        return err_set(err, ERR_PROTOCOL, "hello: 'os' is not an object");
    }
    if (schema_hello_string(os, "name", false, err) < 0 ||
        schema_hello_string(os, "version", false, err) < 0 ||
        schema_hello_string(os, "arch", false, err) < 0 ||
        schema_hello_string(os, "wine", true, err) < 0) {
        err_prefix(err, "os");
        return -1;
    }
    return 0;
}

static int schema_hello_lists(const json_t *hello, struct err *err) {
    const json_t *ops = json_object_get(hello, "ops");
    const json_t *can = json_object_get(hello, "can");
    if (ops && (!json_is_array(ops) || json_array_size(ops) > AGENT_HELLO_OPS)) {
        return err_set(err, ERR_PROTOCOL, "hello: 'ops' is not a list of at most %d words",
                       AGENT_HELLO_OPS);
    }
    for (size_t i = 0; i < json_array_size(ops); i++) {
        const json_t *word = json_array_get(ops, i);
        if (!json_is_string(word) || json_string_length(word) > AGENT_HELLO_STRING) {
            return err_set(err, ERR_PROTOCOL, "hello: 'ops' has what is not a word");
        }
    }
    if (can && !json_is_object(can)) {
        return err_set(err, ERR_PROTOCOL, "hello: 'can' is not an object");
    }
    return 0;
}

int agent_schema_hello(const json_t *hello, struct err *err) {
    if (!json_is_object(hello)) {
        return err_set(err, ERR_PROTOCOL, "hello: not an object");
    }
    if (schema_hello_version(hello, err) < 0 ||
        schema_hello_string(hello, "agent", false, err) < 0 ||
        schema_hello_string(hello, "transport", false, err) < 0 ||
        schema_hello_os(json_object_get(hello, "os"), err) < 0 ||
        schema_hello_lists(hello, err) < 0) {
        return -1;
    }
    const json_t *up = json_object_get(hello, "boot_ms");
    if (!schema_type_ok(up, SCHEMA_COUNT)) {
        return err_set(err, ERR_PROTOCOL, "hello: 'boot_ms' is not a whole number from 0");
    }
    return 0;
}

bool agent_schema_depth_ok(const char *text, size_t len, int limit) {
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (in_string) {
            in_string = c != '"';
            i += c == '\\'; /* whatever is escaped ends no string */
        } else if (c == '"') {
            in_string = true;
        } else if ((c == '[' || c == '{') && ++depth > limit) {
            return false;
        } else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return true;
}
