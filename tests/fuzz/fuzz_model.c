/* Any bytes as an input file: parsed, and validated against every schema. Opens no file. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "model/schemas.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct diags diags = DIAGS_INIT;
    struct json_doc *doc = json_doc_parse("fuzz", (const char *)data, size, &diags);
    if ((doc == NULL) != (diags.count == 1)) {
        abort(); /* exactly one complaint about a text that is not JSON */
    }
    for (int k = 0; doc && k < SCHEMA_KIND_COUNT; k++) {
        struct schema *schema = schemas_compile((enum schema_kind)k, NULL);
        size_t before = diags.count;
        size_t count = schema_validate(schema, doc, &diags);
        if (schema_accepts(schema, json_doc_root(doc)) != (count == 0) ||
            (count > 0) != (diags.count > before)) {
            abort();
        }
        schema_free(schema);
    }
    for (size_t i = 0; i < diags.count; i++) {
        if (diags.items[i].pos.line < (size <= JSON_FILE_MAX) || !diags.items[i].message[0]) {
            abort(); /* every complaint has a place */
        }
    }
    diags_sort(&diags);
    diags_free(&diags);
    json_doc_free(doc);
    return 0;
}
