/* Reading a schema: every keyword must be known and well-formed, every $ref must lead somewhere, every
 * pattern must compile. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/schema.h"
#include "base/schema_rules.h"
#include "base/str.h"

static int schema_compile_node(struct schema *s, json_t *node, const char *where, struct err *err);

static int schema_is_bad(const char *where, const char *key, const char *what, struct err *err) {
    return err_set(err, ERR_BUG, "%s: \"%s\" must be %s", where, key, what);
}

static int schema_compile_one(struct schema *s, json_t *value, const char *key, const char *where,
                              struct err *err) {
    CLEANUP_FREE char *at = str_printf("%s/%s", where, key);
    return schema_compile_node(s, value, at, err);
}

static int schema_compile_map(struct schema *s, json_t *value, const char *key, const char *where,
                              struct err *err) {
    if (!json_is_object(value)) {
        return schema_is_bad(where, key, "an object", err);
    }
    CLEANUP_FREE char *at = str_printf("%s/%s", where, key);
    const char *name;
    json_t *sub;
    json_object_foreach(value, name, sub) {
        if (schema_compile_one(s, sub, name, at, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int schema_compile_list(struct schema *s, json_t *value, const char *key, const char *where,
                               struct err *err) {
    if (json_array_size(value) == 0) {
        return schema_is_bad(where, key, "a list of schemas that is not empty", err);
    }
    CLEANUP_FREE char *at = str_printf("%s/%s", where, key);
    for (size_t i = 0; i < json_array_size(value); i++) {
        CLEANUP_FREE char *index = str_printf("%zu", i);
        if (schema_compile_one(s, json_array_get(value, i), index, at, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int schema_compile_strings(struct schema *s, json_t *value, const char *key,
                                  const char *where, struct err *err) {
    (void)s;
    size_t i;
    json_t *item;
    json_array_foreach(value, i, item) {
        if (!json_is_string(item)) {
            return schema_is_bad(where, key, "a list of strings", err);
        }
    }
    return json_is_array(value) ? 0 : schema_is_bad(where, key, "a list of strings", err);
}

static int schema_compile_type(struct schema *s, json_t *value, const char *key, const char *where,
                               struct err *err) {
    (void)s;
    static const char *const names[] = {"object", "array",  "string", "integer",
                                        "number", "boolean", "null"};
    size_t n = json_is_array(value) ? json_array_size(value) : 1;
    for (size_t i = 0; i < n; i++) {
        const char *name =
            json_string_value(json_is_array(value) ? json_array_get(value, i) : value);
        bool known = false;
        for (size_t k = 0; k < ARRAY_LEN(names); k++) {
            known |= name && str_eq(name, names[k]);
        }
        if (!known) {
            return schema_is_bad(where, key, "the name of a JSON type, or a list of them", err);
        }
    }
    return n > 0 ? 0 : schema_is_bad(where, key, "a list that is not empty", err);
}

static int schema_compile_array(struct schema *s, json_t *value, const char *key,
                                const char *where, struct err *err) {
    (void)s;
    return json_is_array(value) ? 0 : schema_is_bad(where, key, "a list", err);
}

static int schema_compile_bool(struct schema *s, json_t *value, const char *key, const char *where,
                               struct err *err) {
    (void)s;
    return json_is_boolean(value) ? 0 : schema_is_bad(where, key, "true or false", err);
}

static int schema_compile_string(struct schema *s, json_t *value, const char *key,
                                 const char *where, struct err *err) {
    (void)s;
    return json_is_string(value) ? 0 : schema_is_bad(where, key, "a string", err);
}

static int schema_compile_number(struct schema *s, json_t *value, const char *key,
                                 const char *where, struct err *err) {
    (void)s;
    return json_is_number(value) ? 0 : schema_is_bad(where, key, "a number", err);
}

static int schema_compile_count(struct schema *s, json_t *value, const char *key,
                                const char *where, struct err *err) {
    (void)s;
    bool good = json_is_number(value) && json_number_value(value) >= 0;
    return good ? 0 : schema_is_bad(where, key, "a number that is not negative", err);
}

static int schema_compile_any(struct schema *s, json_t *value, const char *key, const char *where,
                              struct err *err) {
    (void)s;
    (void)value;
    (void)key;
    (void)where;
    (void)err;
    return 0;
}

static int schema_compile_pattern(struct schema *s, json_t *value, const char *key,
                                  const char *where, struct err *err) {
    if (!json_is_string(value)) {
        return schema_is_bad(where, key, "a string", err);
    }
    s->patterns = mem_grow(s->patterns, s->pattern_count + 1, sizeof(*s->patterns));
    struct schema_pattern *p = &s->patterns[s->pattern_count];
    p->text = json_string_value(value);
    int code = 0;
    PCRE2_SIZE at = 0;
    p->re = pcre2_compile((PCRE2_SPTR)p->text, PCRE2_ZERO_TERMINATED,
                          PCRE2_UTF | PCRE2_DOLLAR_ENDONLY, &code, &at, NULL);
    if (!p->re) {
        PCRE2_UCHAR why[128];
        pcre2_get_error_message(code, why, sizeof(why));
        return err_set(err, ERR_BUG, "%s: pattern %s: %s", where, p->text, (const char *)why);
    }
    s->pattern_count++;
    return 0;
}

static int schema_compile_ref(struct schema *s, json_t *value, const char *key, const char *where,
                              struct err *err) {
    const char *ref = json_string_value(value);
    if (!ref || !schema_resolve(s, ref)) {
        return schema_is_bad(where, key, "\"#\" or the \"#/$defs/NAME\" of a definition", err);
    }
    return 0;
}

static const struct {
    const char *name;
    int (*compile)(struct schema *s, json_t *value, const char *key, const char *where,
                   struct err *err);
} schema_keywords[] = {
    {"$schema", schema_compile_string},
    {"$id", schema_compile_string},
    {"$comment", schema_compile_string},
    {"$defs", schema_compile_map},
    {"$ref", schema_compile_ref},
    {"title", schema_compile_string},
    {"description", schema_compile_string},
    {"examples", schema_compile_array},
    {"default", schema_compile_any},
    {"type", schema_compile_type},
    {"enum", schema_compile_array},
    {"const", schema_compile_any},
    {"required", schema_compile_strings},
    {"properties", schema_compile_map},
    {"additionalProperties", schema_compile_one},
    {"minProperties", schema_compile_count},
    {"maxProperties", schema_compile_count},
    {"items", schema_compile_one},
    {"minItems", schema_compile_count},
    {"maxItems", schema_compile_count},
    {"uniqueItems", schema_compile_bool},
    {"pattern", schema_compile_pattern},
    {"minLength", schema_compile_count},
    {"maxLength", schema_compile_count},
    {"minimum", schema_compile_number},
    {"maximum", schema_compile_number},
    {"exclusiveMinimum", schema_compile_number},
    {"exclusiveMaximum", schema_compile_number},
    {"oneOf", schema_compile_list},
    {"anyOf", schema_compile_list},
    {"allOf", schema_compile_list},
    {"not", schema_compile_one},
};

static int schema_compile_node(struct schema *s, json_t *node, const char *where, struct err *err) {
    if (json_is_boolean(node)) {
        return 0;
    }
    if (!json_is_object(node)) {
        return err_set(err, ERR_BUG, "%s: a schema must be an object, true or false", where);
    }
    const char *key;
    json_t *value;
    json_object_foreach(node, key, value) {
        size_t k = 0;
        while (k < ARRAY_LEN(schema_keywords) && !str_eq(schema_keywords[k].name, key)) {
            k++;
        }
        if (k == ARRAY_LEN(schema_keywords)) {
            return err_set(err, ERR_BUG, "%s: keyword \"%s\" is not known here", where, key);
        }
        if (schema_keywords[k].compile(s, value, key, where, err) < 0) {
            return -1;
        }
    }
    return 0;
}

const json_t *schema_resolve(const struct schema *s, const char *ref) {
    static const char defs[] = "#/$defs/";
    if (str_eq(ref, "#")) {
        return s->root;
    }
    return strncmp(ref, defs, strlen(defs)) == 0
               ? json_object_get(json_object_get(s->root, "$defs"), ref + strlen(defs))
               : NULL;
}

static void schema_cleanup(struct schema **s) {
    schema_free(*s);
}

struct schema *schema_compile(const char *name, const char *text, size_t len, struct err *err) {
    json_error_t e;
    CLEANUP(schema_cleanup) struct schema *s = mem_zalloc(1, sizeof(*s));
    s->root = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
    if (!s->root) {
        err_set(err, ERR_BUG, "%s:%d:%d: %s", name, e.line, e.column, e.text);
        return NULL;
    }
    if (schema_compile_node(s, s->root, name, err) < 0) {
        return NULL;
    }
    return STEAL(s);
}

void schema_free(struct schema *s) {
    if (!s) {
        return;
    }
    for (size_t i = 0; i < s->pattern_count; i++) {
        pcre2_code_free(s->patterns[i].re);
    }
    free(s->patterns);
    json_decref(s->root);
    free(s);
}
