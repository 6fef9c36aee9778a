/* Shared by the two halves of the validator (schema_compile.c, schema.c); nobody else includes it. */
#ifndef COEXIST_BASE_SCHEMA_RULES_H
#define COEXIST_BASE_SCHEMA_RULES_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <jansson.h>
#include <pcre2.h>
#include <stddef.h>

struct schema_pattern {
    const char *text; /* borrowed from root, found again by this very pointer */
    pcre2_code *re;
};

struct schema {
    json_t *root;
    struct schema_pattern *patterns;
    size_t pattern_count;
};

struct schema;
/* The schema a $ref names, or NULL. Borrowed. */
const json_t *schema_resolve(const struct schema *s, const char *ref);

#endif
