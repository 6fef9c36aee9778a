/* The JSON Schemas of the input formats, as they lie in matrices/schema/, embedded in the program. */
#ifndef COEXIST_MODEL_SCHEMAS_H
#define COEXIST_MODEL_SCHEMAS_H

#include "base/schema.h"

enum schema_kind {
    SCHEMA_PRODUCT, SCHEMA_UPDATE, SCHEMA_MATRIX, SCHEMA_IMAGE, SCHEMA_HOSTS, SCHEMA_PROFILE,
    SCHEMA_WINDOWS, SCHEMA_REACTOS, SCHEMA_KIND_COUNT
};

/* "product", ... */
const char *schemas_name(enum schema_kind k);
/* The text as it lies in matrices/schema/; borrowed, static, NUL-terminated. */
const char *schemas_text(enum schema_kind k, size_t *len);
/* Compiled; the caller frees. NULL with err is a bug of the program. */
struct schema *schemas_compile(enum schema_kind k, struct err *err);

enum schemas_fit {
    SCHEMAS_OTHER,  /* it says to be of another format ("wrong-format"), or the schema is a bug of the program
                     * ("lab-bug"): nothing in it was looked at */
    SCHEMAS_BREAKS, /* it breaks the schema */
    SCHEMAS_FOLLOWS /* its types can be relied on */
};
/* Anything but SCHEMAS_FOLLOWS comes with complaints in diags, each at its place. */
enum schemas_fit schemas_check(enum schema_kind k, const struct json_doc *doc, struct diags *diags);
/* A file that follows its schema. The caller frees; NULL with complaints in diags. */
struct json_doc *schemas_load(enum schema_kind k, const char *path, struct diags *diags);

#endif
