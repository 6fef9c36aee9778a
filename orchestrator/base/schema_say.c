/* How the validator speaks: collecting complaints, and the words they are made of. */
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/nearest.h"
#include "base/schema.h"
#include "base/schema_rules.h"

enum { SCHEMA_QUOTE_MAX = 60 }; /* characters of a value quoted in a message */

void schema_complaints_free(struct complaints *l) {
    for (size_t i = 0; i < l->count; i++) {
        free(l->items[i].pointer);
        free(l->items[i].message);
        free(l->items[i].hint);
    }
    free(l->items);
    *l = (struct complaints){NULL, 0, 0};
}

void schema_complain(struct check *c, int at_key, const char *code, char *hint, const char *fmt, ...) {
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

void schema_enter(struct check *c, const char *token) {
    str_add(&c->pointer, "/");
    for (const char *p = token; *p; p++) {
        if (*p == '~' || *p == '/') {
            str_add(&c->pointer, *p == '~' ? "~0" : "~1"); /* RFC 6901, section 3 */
        } else {
            str_add_bytes(&c->pointer, p, 1);
        }
    }
}

void schema_leave(struct check *c, size_t len) {
    c->pointer.len = len;
    if (c->pointer.data) {
        c->pointer.data[len] = '\0';
    }
}

void schema_weigh_type(struct check *c) {
    c->found->weight += c->pointer.len == c->base ? SCHEMA_WRONG_TYPE : 0;
}

char *schema_quote(const json_t *value) {
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

const char *schema_title(const json_t *node, const char *otherwise) {
    const char *title = json_string_value(json_object_get(node, "title"));
    return title ? title : otherwise;
}

char *schema_help(const json_t *node) {
    const char *text = json_string_value(json_object_get(node, "description"));
    const char *example =
        json_string_value(json_array_get(json_object_get(node, "examples"), 0));
    if (!text) {
        return NULL;
    }
    return example ? str_printf("%s; for example \"%s\"", text, example) : str_dup(text);
}

double schema_number(const json_t *node, const char *key, double otherwise) {
    const json_t *n = json_object_get(node, key);
    return n ? json_number_value(n) : otherwise;
}

const char *schema_type_words(const char *type) {
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

char *schema_choices(const json_t *choices, const json_t *value) {
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
