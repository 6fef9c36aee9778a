#include "base/schema.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/nearest.h"
#include "base/schema_rules.h"
#include "base/str.h"

enum {
    SCHEMA_DEPTH_MAX = 256, /* of $ref and nesting together; a schema that refers to itself ends here */
    SCHEMA_QUOTE_MAX = 60,  /* characters of a value quoted in a message */
    SCHEMA_WRONG_TYPE = 1000, /* weight of a wrong type when the nearest alternative is sought */
};

struct complaint {
    char *pointer;
    int at_key;
    const char *code; /* static */
    char *message, *hint;
};

struct complaints {
    struct complaint *items;
    size_t count;
    size_t weight; /* how far the value is from the schema */
};

struct check {
    const struct schema *schema;
    struct str pointer; /* to the value at hand */
    int depth;
    size_t base; /* length of the pointer where the alternative being tried begins */
    struct complaints *found;
};

static void schema_check(struct check *c, const json_t *node, const json_t *value);

static void complaints_free(struct complaints *l) {
    for (size_t i = 0; i < l->count; i++) {
        free(l->items[i].pointer);
        free(l->items[i].message);
        free(l->items[i].hint);
    }
    free(l->items);
    *l = (struct complaints){NULL, 0, 0};
}

/* hint is taken (may be NULL). */
__attribute__((format(printf, 5, 6))) static void schema_complain(struct check *c, int at_key,
                                                                  const char *code, char *hint,
                                                                  const char *fmt, ...) {
    struct complaints *l = c->found;
    l->weight++;
    if (l->count > SCHEMA_COMPLAINTS_MAX) {
        free(hint);
        return;
    }
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0) {
        abort();
    }
    va_end(ap);
    l->items = mem_grow(l->items, l->count + 1, sizeof(*l->items));
    l->items[l->count++] = (struct complaint){
        str_dup(str_get(&c->pointer)), at_key, code, text, hint,
    };
}

static void schema_enter(struct check *c, const char *token) {
    str_add(&c->pointer, "/");
    for (const char *p = token; *p; p++) {
        if (*p == '~' || *p == '/') {
            str_add(&c->pointer, *p == '~' ? "~0" : "~1"); /* RFC 6901, section 3 */
        } else {
            str_add_bytes(&c->pointer, p, 1);
        }
    }
}

static void schema_leave(struct check *c, size_t len) {
    c->pointer.len = len;
    if (c->pointer.data) {
        c->pointer.data[len] = '\0';
    }
}

static void schema_check_member(struct check *c, const json_t *node, const char *token,
                                const json_t *value) {
    size_t len = c->pointer.len;
    schema_enter(c, token);
    schema_check(c, node, value);
    schema_leave(c, len);
}

/* The value as a message quotes it, shortened. Caller frees. */
static char *schema_quote(const json_t *value) {
    if (json_is_object(value) || json_is_array(value)) {
        return str_dup(json_is_object(value) ? "an object" : "a list");
    }
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    if (!text) {
        return str_dup("this");
    }
    size_t cut = 0;
    size_t chars = 0;
    while (text[cut] && chars < SCHEMA_QUOTE_MAX) {
        cut++;
        chars += ((unsigned char)text[cut] & 0xC0) != 0x80;
    }
    char *out = text[cut] ? str_printf("%.*s...\"", (int)cut, text) : str_dup(text);
    free(text);
    return out;
}

static const char *schema_title(const json_t *node, const char *otherwise) {
    const char *title = json_string_value(json_object_get(node, "title"));
    return title ? title : otherwise;
}

/* description and the first example, or NULL. Caller frees. */
static char *schema_help(const json_t *node) {
    const char *text = json_string_value(json_object_get(node, "description"));
    const char *example =
        json_string_value(json_array_get(json_object_get(node, "examples"), 0));
    if (!text) {
        return NULL;
    }
    return example ? str_printf("%s; for example \"%s\"", text, example) : str_dup(text);
}

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

static const char *schema_type_words(const char *type) {
    static const char *const words[][2] = {
        {"object", "an object {...}"}, {"array", "a list [...]"}, {"string", "a string"},
        {"integer", "a whole number"}, {"number", "a number"},    {"boolean", "true or false"},
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_eq(words[i][0], type)) {
            return words[i][1];
        }
    }
    return type;
}

/* A wrong type rules an alternative out, if the value itself has it and not just a part of it. */
static void schema_weigh_type(struct check *c) {
    c->found->weight += c->pointer.len == c->base ? SCHEMA_WRONG_TYPE : 0;
}

/* False when the type is wrong: then nothing else is worth checking. */
static bool schema_check_type(struct check *c, const json_t *node, const json_t *value) {
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

static char *schema_choices(const json_t *choices, const json_t *value) {
    size_t n = json_array_size(choices);
    const char **names = mem_zalloc(n, sizeof(*names));
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_array_get(choices, i));
        if (name) {
            names[count++] = name;
        }
    }
    const char *given = json_string_value(value);
    const char *near = given ? nearest_name(given, names, count) : NULL;
    struct str s = STR_INIT;
    if (near) {
        str_addf(&s, "did you mean \"%s\"? ", near);
    }
    str_add(&s, "allowed:");
    for (size_t i = 0; i < n; i++) {
        CLEANUP_FREE char *one = schema_quote(json_array_get(choices, i));
        str_addf(&s, "%s %s", i ? "," : "", one);
    }
    free(names);
    return str_take(&s);
}

static void schema_check_enum(struct check *c, const json_t *node, const json_t *value) {
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

static double schema_number(const json_t *node, const char *key, double otherwise) {
    const json_t *n = json_object_get(node, key);
    return n ? json_number_value(n) : otherwise;
}

static void schema_check_string(struct check *c, const json_t *node, const json_t *value) {
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

static void schema_check_number(struct check *c, const json_t *node, const json_t *value) {
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

static void schema_check_unique(struct check *c, const json_t *node, const json_t *value) {
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

static void schema_check_array(struct check *c, const json_t *node, const json_t *value) {
    double n = (double)json_array_size(value);
    double least = schema_number(node, "minItems", 0);
    double most = schema_number(node, "maxItems", INFINITY);
    const char *title = schema_title(node, "this list");
    if (n < least) {
        schema_complain(c, 0, n > 0 ? "too-few" : "empty-list", schema_help(node),
                        n > 0 ? "%s must have at least %.0f entries" : "%s must not be empty", title,
                        least);
    }
    if (n > most) { /* checking each of far too many would bury this one */
        schema_complain(c, 0, "too-many", NULL, "%s has %.0f entries, at most %.0f are allowed",
                        title, n, most);
        return;
    }
    if (json_is_true(json_object_get(node, "uniqueItems"))) {
        schema_check_unique(c, node, value);
    }
    const json_t *items = json_object_get(node, "items");
    for (size_t i = 0; items && i < json_array_size(value); i++) {
        CLEANUP_FREE char *token = str_printf("%zu", i);
        schema_check_member(c, items, token, json_array_get(value, i));
    }
}

static void schema_complain_unknown(struct check *c, const json_t *properties, const char *key) {
    size_t count = 0;
    const char **names = mem_zalloc(json_object_size(properties), sizeof(*names));
    const char *name;
    json_t *unused;
    json_object_foreach((json_t *)(uintptr_t)properties, name, unused) {
        names[count++] = name;
    }
    size_t len = c->pointer.len;
    schema_enter(c, key);
    schema_complain(c, 1, "unknown-key", nearest_hint(key, names, count), "unknown key \"%s\"", key);
    schema_leave(c, len);
    free(names);
}

static void schema_check_required(struct check *c, const json_t *node, const json_t *value) {
    const json_t *required = json_object_get(node, "required");
    for (size_t i = 0; i < json_array_size(required); i++) {
        const char *key = json_string_value(json_array_get(required, i));
        if (json_object_get(value, key)) {
            continue;
        }
        const json_t *p = json_object_get(json_object_get(node, "properties"), key);
        const char *ref = json_string_value(json_object_get(p, "$ref"));
        const char *help = json_string_value(json_object_get(p, "description"));
        if (!help && ref) {
            p = schema_resolve(c->schema, ref);
            help = json_string_value(json_object_get(p, "description"));
        }
        schema_complain(c, 0, "missing-key", help ? str_printf("\"%s\": %s", key, help) : NULL,
                        "%s lacks the key \"%s\"", schema_title(node, "this object"), key);
    }
}

static void schema_check_object(struct check *c, const json_t *node, const json_t *value) {
    double n = (double)json_object_size(value);
    const char *title = schema_title(node, "this object");
    if (n < schema_number(node, "minProperties", 0)) {
        schema_complain(c, 0, "empty-object", schema_help(node), "%s must not be empty", title);
    }
    if (n > schema_number(node, "maxProperties", INFINITY)) {
        schema_complain(c, 0, "too-many", NULL, "%s has too many members", title);
    }
    schema_check_required(c, node, value);
    const json_t *properties = json_object_get(node, "properties");
    const json_t *others = json_object_get(node, "additionalProperties");
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)(uintptr_t)value, key, member) {
        const json_t *p = json_object_get(properties, key);
        if (p || (others && !json_is_false(others))) {
            schema_check_member(c, p ? p : others, key, member);
        } else if (others) {
            schema_complain_unknown(c, properties, key);
        }
    }
}

/* Checks against one alternative without telling; *found is the caller's to free. */
static void schema_try(struct check *c, const json_t *node, const json_t *value,
                       struct complaints *found) {
    struct complaints *outer = c->found;
    size_t base = c->base;
    *found = (struct complaints){NULL, 0, 0};
    c->found = found;
    c->base = c->pointer.len;
    schema_check(c, node, value);
    c->base = base;
    c->found = outer;
}

static void schema_adopt(struct check *c, struct complaints *from) {
    for (size_t i = 0; i < from->count; i++) {
        struct complaint *x = &from->items[i];
        if (c->found->count <= SCHEMA_COMPLAINTS_MAX) {
            c->found->items = mem_grow(c->found->items, c->found->count + 1, sizeof(*x));
            c->found->items[c->found->count++] = *x;
            *x = (struct complaint){NULL, 0, NULL, NULL, NULL};
        }
    }
    c->found->weight += from->weight < SCHEMA_WRONG_TYPE ? from->weight : 1;
}

/* What the alternatives are called, for values that are like none of them. */
static char *schema_alternatives(const struct check *c, const json_t *list) {
    struct str s = STR_INIT;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *node = json_array_get(list, i);
        const char *ref = json_string_value(json_object_get(node, "$ref"));
        const char *name = schema_title(ref ? schema_resolve(c->schema, ref) : node, NULL);
        if (name) {
            str_addf(&s, "%s%s", s.len ? ", or " : "it must be ", name);
        }
    }
    return s.len ? str_take(&s) : NULL;
}

/* No alternative fits: the complaints of the nearest one help most, unless all have another type. */
static void schema_check_any(struct check *c, const json_t *list, const json_t *value, bool just_one) {
    struct complaints best = {NULL, 0, SIZE_MAX};
    size_t matched = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct complaints found;
        schema_try(c, json_array_get(list, i), value, &found);
        matched += found.weight == 0;
        if (found.weight < best.weight) {
            complaints_free(&best);
            best = found;
        } else {
            complaints_free(&found);
        }
    }
    if (just_one && matched > 1) {
        schema_complain(c, 0, "ambiguous", schema_alternatives(c, list),
                        "this fits more than one of the forms allowed here");
    } else if (matched == 0 && best.weight >= SCHEMA_WRONG_TYPE && best.count == 1) {
        CLEANUP_FREE char *found = schema_quote(value);
        schema_complain(c, 0, "wrong-type", schema_alternatives(c, list),
                        "%s has none of the forms allowed here", found);
        schema_weigh_type(c);
    } else if (matched == 0) {
        schema_adopt(c, &best);
    }
    complaints_free(&best);
}

static void schema_check_not(struct check *c, const json_t *node, const json_t *value) {
    struct complaints found;
    schema_try(c, node, value, &found);
    if (found.weight == 0) {
        schema_complain(c, 0, "not-allowed", schema_help(node), "this value is not allowed here");
    }
    complaints_free(&found);
}

static void schema_check_combined(struct check *c, const json_t *node, const json_t *value) {
    const char *ref = json_string_value(json_object_get(node, "$ref"));
    if (ref) {
        schema_check(c, schema_resolve(c->schema, ref), value);
    }
    const json_t *all = json_object_get(node, "allOf");
    for (size_t i = 0; i < json_array_size(all); i++) {
        schema_check(c, json_array_get(all, i), value);
    }
    const json_t *list = json_object_get(node, "anyOf");
    if (list) {
        schema_check_any(c, list, value, false);
    }
    list = json_object_get(node, "oneOf");
    if (list) {
        schema_check_any(c, list, value, true);
    }
    const json_t *not = json_object_get(node, "not");
    if (not) {
        schema_check_not(c, not, value);
    }
}

static void schema_check_value(struct check *c, const json_t *node, const json_t *value) {
    if (!schema_check_type(c, node, value)) {
        return;
    }
    schema_check_enum(c, node, value);
    if (json_is_string(value)) {
        schema_check_string(c, node, value);
    } else if (json_is_number(value)) {
        schema_check_number(c, node, value);
    } else if (json_is_array(value)) {
        schema_check_array(c, node, value);
    } else if (json_is_object(value)) {
        schema_check_object(c, node, value);
    }
    schema_check_combined(c, node, value);
}

static void schema_check(struct check *c, const json_t *node, const json_t *value) {
    if (json_is_false(node)) {
        schema_complain(c, 0, "not-allowed", NULL, "nothing is allowed here");
    }
    if (!json_is_object(node)) {
        return;
    }
    if (c->depth == SCHEMA_DEPTH_MAX) {
        schema_complain(c, 0, "too-deep", NULL, "the schema refers to itself without end");
        return;
    }
    c->depth++;
    schema_check_value(c, node, value);
    c->depth--;
}

size_t schema_validate(const struct schema *s, const struct json_doc *doc, struct diags *diags) {
    struct complaints found = {NULL, 0, 0};
    struct check c = {.schema = s, .found = &found};
    schema_check(&c, s->root, json_doc_root(doc));
    str_free(&c.pointer);
    size_t count = found.count;
    for (size_t i = 0; i < count && i < SCHEMA_COMPLAINTS_MAX; i++) {
        const struct complaint *x = &found.items[i];
        json_doc_complain(doc, x->pointer, x->at_key, diags, x->code, x->hint, "%s", x->message);
    }
    if (count > SCHEMA_COMPLAINTS_MAX) {
        json_doc_complain(doc, "", 0, diags, "too-many-errors", "repair these first",
                          "only the first %d errors of this file are told", SCHEMA_COMPLAINTS_MAX);
    }
    complaints_free(&found);
    return count;
}

bool schema_accepts(const struct schema *s, const json_t *value) {
    struct complaints found = {NULL, 0, 0};
    struct check c = {.schema = s, .found = &found};
    schema_check(&c, s->root, value);
    str_free(&c.pointer);
    bool good = found.weight == 0;
    complaints_free(&found);
    return good;
}
