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

#endif
