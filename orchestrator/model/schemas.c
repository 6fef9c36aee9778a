#include "model/schemas.h"

#include <assert.h>

#include "base/cleanup.h"
#include "base/str.h"

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
    const char *name, *what, *begin, *end;
} schemas_table[] = {
    [SCHEMA_PRODUCT] = {"product", "a product", coexist_schema_product, coexist_schema_product_end},
    [SCHEMA_UPDATE] = {"update", "an update", coexist_schema_update, coexist_schema_update_end},
    [SCHEMA_MATRIX] = {"matrix", "a matrix", coexist_schema_matrix, coexist_schema_matrix_end},
    [SCHEMA_IMAGE] = {"image", "a recipe of an image", coexist_schema_image, coexist_schema_image_end},
    [SCHEMA_HOSTS] = {"hosts", "a list of hosts", coexist_schema_hosts, coexist_schema_hosts_end},
    [SCHEMA_PROFILE] = {"profile", "a hardware profile", coexist_schema_profile, coexist_schema_profile_end},
    [SCHEMA_WINDOWS] = {"windows", "a recipe of a Windows image", coexist_schema_windows, coexist_schema_windows_end},
    [SCHEMA_REACTOS] = {"reactos", "a recipe of a ReactOS image", coexist_schema_reactos, coexist_schema_reactos_end},
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

enum schemas_fit schemas_check(enum schema_kind k, const struct json_doc *doc, struct diags *diags) {
    CLEANUP_ERR struct err err = ERR_INIT;
    const char *format = json_string_value(json_object_get(json_doc_root(doc), "format"));
    CLEANUP_FREE char *wanted = str_printf("coexist-%s/1", schemas_table[k].name);
    struct schema *schema = schemas_compile(k, &err);
    if (!schema) {
        json_doc_complain(doc, "", 0, diags, "lab-bug", NULL, "%s", err_text(&err));
        return SCHEMAS_OTHER;
    }
    enum schemas_fit fit = SCHEMAS_OTHER;
    if (format && !str_eq(format, wanted)) { /* every other complaint would be noise */
        CLEANUP_FREE char *hint = str_printf("%s says \"format\": \"%s\"", schemas_table[k].what, wanted);
        json_doc_complain(doc, "/format", 0, diags, "wrong-format", hint, "%s is expected here, found format \"%s\"",
                          schemas_table[k].what, format);
    } else {
        fit = schema_validate(schema, doc, diags) == 0 ? SCHEMAS_FOLLOWS : SCHEMAS_BREAKS;
    }
    schema_free(schema);
    return fit;
}

struct json_doc *schemas_load(enum schema_kind k, const char *path, struct diags *diags) {
    struct json_doc *doc = json_doc_load(path, diags);
    if (doc && schemas_check(k, doc, diags) != SCHEMAS_FOLLOWS) {
        json_doc_free(doc);
        return NULL;
    }
    return doc;
}
