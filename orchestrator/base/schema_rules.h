/* Shared by the parts of the validator (schema*.c); nobody else includes it. */
#ifndef COEXIST_BASE_SCHEMA_RULES_H
#define COEXIST_BASE_SCHEMA_RULES_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <jansson.h>
#include <pcre2.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct schema_pattern {
    const char *text; /* borrowed from root, found again by this very pointer */
    pcre2_code *re;
};

struct schema {
    json_t *root;
    struct schema_pattern *patterns;
    size_t pattern_count;
};

/* How much a wrong type weighs when the nearest alternative is sought. */
#define SCHEMA_WRONG_TYPE 1000

struct complaint {
    char *pointer; /* RFC 6901 */
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

/* The schema a $ref names, or NULL. Borrowed. */
const json_t *schema_resolve(const struct schema *s, const char *ref);

/* schema_say.c */

void schema_complaints_free(struct complaints *l);
/* Complains about the value at hand. hint is taken (may be NULL). */
void schema_complain(struct check *c, int at_key, const char *code, char *hint, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* A wrong type rules an alternative out, if the value itself has it and not just a part of it. */
void schema_weigh_type(struct check *c);
/* Moves the pointer to a member, and back to the length it had. */
void schema_enter(struct check *c, const char *token);
void schema_leave(struct check *c, size_t len);
/* The value as a message quotes it, shortened; the caller frees. */
char *schema_quote(const json_t *value);
const char *schema_title(const json_t *node, const char *otherwise);
/* The description and the first example, or NULL; the caller frees. */
char *schema_help(const json_t *node);
/* "did you mean ...? allowed: ..." of an enum; the caller frees. */
char *schema_choices(const json_t *choices, const json_t *value);
const char *schema_type_words(const char *type);
double schema_number(const json_t *node, const char *key, double otherwise);

/* schema_value.c */

/* False when the type is wrong: then nothing else is worth checking. */
bool schema_check_type(struct check *c, const json_t *node, const json_t *value);
void schema_check_enum(struct check *c, const json_t *node, const json_t *value);
void schema_check_string(struct check *c, const json_t *node, const json_t *value);
void schema_check_number(struct check *c, const json_t *node, const json_t *value);
void schema_check_unique(struct check *c, const json_t *node, const json_t *value);

#endif
