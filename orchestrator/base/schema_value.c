/* Keywords about one value: its type, its choices, its text or number, and distinct entries. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/schema_rules.h"

static bool schema_is_whole(const json_t *value) {
    double d = json_number_value(value);
    return json_is_integer(value) || (json_is_real(value) && isfinite(d) && floor(d) == d);
}

static bool schema_type_is(const json_t *value, const char *type) {
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return str_eq(type, "object");
    case JSON_ARRAY:
        return str_eq(type, "array");
    case JSON_STRING:
        return str_eq(type, "string");
    case JSON_INTEGER:
    case JSON_REAL:
        return str_eq(type, "number") || (str_eq(type, "integer") && schema_is_whole(value));
    case JSON_TRUE:
    case JSON_FALSE:
        return str_eq(type, "boolean");
    case JSON_NULL:
    default:
        return str_eq(type, "null");
    }
}

bool schema_check_type(struct check *c, const json_t *node, const json_t *value) {
    const json_t *type = json_object_get(node, "type");
    if (!type) {
        return true;
    }
    CLEANUP_STR struct str wanted = STR_INIT;
    size_t n = json_is_array(type) ? json_array_size(type) : 1;
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_is_array(type) ? json_array_get(type, i) : type);
        if (schema_type_is(value, name)) {
            return true;
        }
        str_addf(&wanted, "%s%s", i ? " or " : "", schema_type_words(name));
    }
    CLEANUP_FREE char *found = schema_quote(value);
    const char *title = schema_title(node, NULL);
    schema_complain(c, 0, "wrong-type", schema_help(node), "%s%s must be %s, found %s",
                    title ? "" : "this", title ? title : "", str_get(&wanted), found);
    schema_weigh_type(c);
    return false;
}

/* Equality as the specification has it: 1 equals 1.0. */
static bool schema_equal(const json_t *a, const json_t *b) {
    if (json_is_number(a) && json_is_number(b)) {
        return json_is_integer(a) && json_is_integer(b)
                   ? json_integer_value(a) == json_integer_value(b)
                   : !(json_number_value(a) < json_number_value(b)) &&
                         !(json_number_value(a) > json_number_value(b));
    }
    if (json_is_array(a) && json_is_array(b)) {
        size_t n = json_array_size(a);
        bool same = n == json_array_size(b);
        for (size_t i = 0; same && i < n; i++) {
            same = schema_equal(json_array_get(a, i), json_array_get(b, i));
        }
        return same;
    }
    if (json_is_object(a) && json_is_object(b)) {
        bool same = json_object_size(a) == json_object_size(b);
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)(uintptr_t)a, key, value) {
            const json_t *other = json_object_get(b, key);
            same = same && other && schema_equal(value, other);
        }
        return same;
    }
    return json_equal(a, b);
}

void schema_check_enum(struct check *c, const json_t *node, const json_t *value) {
    const json_t *choices = json_object_get(node, "enum");
    const json_t *only = json_object_get(node, "const");
    if (choices) {
        for (size_t i = 0; i < json_array_size(choices); i++) {
            if (schema_equal(json_array_get(choices, i), value)) {
                choices = NULL;
                break;
            }
        }
    }
    CLEANUP_FREE char *found = schema_quote(value);
    if (choices) {
        schema_complain(c, 0, "unknown-value", schema_choices(choices, value),
                        "%s is no %s", found, schema_title(node, "value allowed here"));
    }
    if (only && !schema_equal(only, value)) {
        CLEANUP_FREE char *wanted = schema_quote(only);
        schema_complain(c, 0, "unknown-value", NULL, "%s must be %s, found %s",
                        schema_title(node, "this"), wanted, found);
    }
}

static size_t schema_count_chars(const char *text) {
    size_t n = 0;
    for (; *text; text++) {
        n += ((unsigned char)*text & 0xC0) != 0x80;
    }
    return n;
}

static bool schema_matches(const struct schema *s, const char *pattern, const char *text) {
    for (size_t i = 0; i < s->pattern_count; i++) {
        if (s->patterns[i].text == pattern) {
            pcre2_match_data *m = pcre2_match_data_create(1, NULL);
            int rc = pcre2_match(s->patterns[i].re, (PCRE2_SPTR)text, strlen(text), 0, 0, m, NULL);
            pcre2_match_data_free(m);
            return rc >= 0;
        }
    }
    return false;
}

void schema_check_string(struct check *c, const json_t *node, const json_t *value) {
    const char *text = json_string_value(value);
    double n = (double)schema_count_chars(text);
    double least = schema_number(node, "minLength", 0);
    double most = schema_number(node, "maxLength", INFINITY);
    const char *title = schema_title(node, "this string");
    if (n < least) {
        schema_complain(c, 0, n > 0 ? "too-short" : "empty-value", schema_help(node),
                        n > 0 ? "%s must have at least %.0f characters" : "%s must not be empty",
                        title, least);
        return;
    }
    if (n > most) {
        schema_complain(c, 0, "too-long", NULL, "%s has %.0f characters, at most %.0f are allowed",
                        title, n, most);
        return;
    }
    const char *pattern = json_string_value(json_object_get(node, "pattern"));
    if (pattern && !schema_matches(c->schema, pattern, text)) {
        CLEANUP_FREE char *found = schema_quote(value);
        char *help = schema_help(node);
        schema_complain(c, 0, "wrong-form", help ? help : str_printf("it must match %s", pattern),
                        "%s is no valid %s", found, schema_title(node, "value here"));
    }
}

void schema_check_number(struct check *c, const json_t *node, const json_t *value) {
    static const struct {
        const char *key, *words;
    } rules[] = {
        {"minimum", "at least"},
        {"maximum", "at most"},
        {"exclusiveMinimum", "more than"},
        {"exclusiveMaximum", "less than"},
    };
    double d = json_number_value(value);
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        const json_t *limit = json_object_get(node, rules[i].key);
        if (!limit) {
            continue;
        }
        double l = json_number_value(limit);
        bool good = i == 0 ? d >= l : i == 1 ? d <= l : i == 2 ? d > l : d < l;
        if (!good) {
            CLEANUP_FREE char *found = schema_quote(value);
            CLEANUP_FREE char *bound = schema_quote(limit);
            schema_complain(c, 0, "out-of-range", schema_help(node), "%s must be %s %s, found %s",
                            schema_title(node, "this number"), rules[i].words, bound, found);
        }
    }
}

void schema_check_unique(struct check *c, const json_t *node, const json_t *value) {
    for (size_t i = 1; i < json_array_size(value); i++) {
        const json_t *item = json_array_get(value, i);
        size_t k = 0;
        while (k < i && !schema_equal(item, json_array_get(value, k))) {
            k++;
        }
        if (k < i) {
            CLEANUP_FREE char *found = schema_quote(item);
            CLEANUP_FREE char *token = str_printf("%zu", i);
            size_t len = c->pointer.len;
            schema_enter(c, token);
            schema_complain(c, 0, "duplicate", str_dup("remove one of them"),
                            "%s stands twice in %s", found, schema_title(node, "this list"));
            schema_leave(c, len);
        }
    }
}
