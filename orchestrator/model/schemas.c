#include "model/schemas.h"

#include <assert.h>

#include "base/cleanup.h"

/* The assembler copies the file in; the build runs at the top of the tree. */
#define SCHEMAS_EMBED(name)                                          \
    __asm__(".section .rodata\n"                                     \
            ".global coexist_schema_" #name "\n"                     \
            "coexist_schema_" #name ":\n"                            \
            ".incbin \"matrices/schema/" #name ".schema.json\"\n"    \
            ".global coexist_schema_" #name "_end\n"                 \
            "coexist_schema_" #name "_end:\n"                        \
            ".byte 0\n"                                              \
            ".previous\n");                                          \
    extern const char coexist_schema_##name[];                       \
    extern const char coexist_schema_##name##_end[]

SCHEMAS_EMBED(product);
SCHEMAS_EMBED(update);
SCHEMAS_EMBED(matrix);
SCHEMAS_EMBED(image);
SCHEMAS_EMBED(hosts);
SCHEMAS_EMBED(profile);
SCHEMAS_EMBED(windows);
SCHEMAS_EMBED(reactos);

static const struct {
    const char *name, *begin, *end;
} schemas_table[] = {
    [SCHEMA_PRODUCT] = {"product", coexist_schema_product, coexist_schema_product_end},
    [SCHEMA_UPDATE] = {"update", coexist_schema_update, coexist_schema_update_end},
    [SCHEMA_MATRIX] = {"matrix", coexist_schema_matrix, coexist_schema_matrix_end},
    [SCHEMA_IMAGE] = {"image", coexist_schema_image, coexist_schema_image_end},
    [SCHEMA_HOSTS] = {"hosts", coexist_schema_hosts, coexist_schema_hosts_end},
    [SCHEMA_PROFILE] = {"profile", coexist_schema_profile, coexist_schema_profile_end},
    [SCHEMA_WINDOWS] = {"windows", coexist_schema_windows, coexist_schema_windows_end},
    [SCHEMA_REACTOS] = {"reactos", coexist_schema_reactos, coexist_schema_reactos_end},
};
static_assert(ARRAY_LEN(schemas_table) == SCHEMA_KIND_COUNT, "a text for every schema");

const char *schemas_name(enum schema_kind k) {
    return schemas_table[k].name;
}

const char *schemas_text(enum schema_kind k, size_t *len) {
    *len = (size_t)(schemas_table[k].end - schemas_table[k].begin);
    return schemas_table[k].begin;
}

struct schema *schemas_compile(enum schema_kind k, struct err *err) {
    size_t len = 0;
    const char *text = schemas_text(k, &len);
    struct schema *s = schema_compile(schemas_table[k].name, text, len, err);
    if (!s) {
        err_prefix(err, "schema");
    }
    return s;
}
