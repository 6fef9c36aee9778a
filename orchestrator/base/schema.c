#include "base/schema.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/nearest.h"
#include "base/schema_rules.h"

enum { SCHEMA_SLIPS_MAX = 64 }; /* members of an object in which slips of keys are looked for */

/* Of $ref and nesting together; a schema that refers to itself ends here. */
enum { SCHEMA_DEPTH_MAX = 256 };

static void schema_check(struct check *c, const json_t *node, const json_t *value);

static void schema_check_member(struct check *c, const json_t *node, const char *token,
                                const json_t *value) {
    size_t len = c->pointer.len;
    schema_enter(c, token);
    schema_check(c, node, value);
    schema_leave(c, len);
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

/* Caller frees the array; the names are the properties'. */
static const char **schema_names(const json_t *properties, size_t *count) {
    const char **names = mem_zalloc(json_object_size(properties), sizeof(*names)), *name;
    json_t *unused;
    *count = 0;
    json_object_foreach((json_t *)(uintptr_t)properties, name, unused) {
        names[(*count)++] = name;
    }
    return names;
}

static void schema_complain_unknown(struct check *c, const json_t *properties, const char *key) {
    if (c->found->count > SCHEMA_COMPLAINTS_MAX) { /* no time for hints that nobody will read */
        c->found->weight++;
        return;
    }
    size_t count = 0;
    const char **names = schema_names(properties, &count);
    size_t len = c->pointer.len;
    schema_enter(c, key);
    schema_complain(c, 1, "unknown-key", nearest_hint(key, names, count), "unknown key \"%s\"", key);
    schema_leave(c, len);
    free(names);
}

/* The key is there, but for a slip: the unknown key is complained about, with this one as the hint. */
static bool schema_has_misspelt(const json_t *node, const json_t *value, const char *key) {
    const json_t *properties = json_object_get(node, "properties");
    if (!json_is_false(json_object_get(node, "additionalProperties")) || json_object_size(value) > SCHEMA_SLIPS_MAX) {
        return false;
    }
    size_t count = 0;
    const char **names = schema_names(properties, &count), *name;
    json_t *unused;
    bool found = false;
    json_object_foreach((json_t *)(uintptr_t)value, name, unused) {
        found |= !json_object_get(properties, name) && str_eq(nearest_name(name, names, count), key);
    }
    free(names);
    return found;
}

static void schema_check_required(struct check *c, const json_t *node, const json_t *value) {
    const json_t *required = json_object_get(node, "required");
    for (size_t i = 0; i < json_array_size(required); i++) {
        const char *key = json_string_value(json_array_get(required, i));
        if (json_object_get(value, key) || schema_has_misspelt(node, value, key)) {
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
            schema_complaints_free(&best);
            best = found;
        } else {
            schema_complaints_free(&found);
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
    schema_complaints_free(&best);
}

static void schema_check_not(struct check *c, const json_t *node, const json_t *value) {
    struct complaints found;
    schema_try(c, node, value, &found);
    if (found.weight == 0) {
        schema_complain(c, 0, "not-allowed", schema_help(node), "this value is not allowed here");
    }
    schema_complaints_free(&found);
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
    schema_complaints_free(&found);
    return count;
}

static bool schema_accepts_by(const struct schema *s, const json_t *node, const json_t *value) {
    struct complaints found = {NULL, 0, 0};
    struct check c = {.schema = s, .found = &found};
    schema_check(&c, node, value);
    str_free(&c.pointer);
    bool good = found.weight == 0;
    schema_complaints_free(&found);
    return good;
}

bool schema_accepts(const struct schema *s, const json_t *value) {
    return schema_accepts_by(s, s->root, value);
}

bool schema_accepts_under(const struct schema *s, const char *key, const json_t *value) {
    const json_t *node = json_object_get(json_object_get(s->root, "properties"), key);
    return !node || schema_accepts_by(s, node, value);
}
