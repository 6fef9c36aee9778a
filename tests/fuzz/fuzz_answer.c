/* Any bytes as an answer file: read or refused, every complaint with a place. Opens no file. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "media/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct diags errors = DIAGS_INIT, warnings = DIAGS_INIT;
    struct answer_facts facts;
    size_t count = answer_check("fuzz", (const char *)data, size, &facts, &errors, &warnings);
    if (count != errors.count || (size == 0 && count == 0)) {
        abort();
    }
    for (size_t i = 0; i < errors.count; i++) {
        if (size > 0 && (errors.items[i].pos.line < 1 || errors.items[i].pos.column < 1)) {
            abort();
        }
    }
    json_t *j = answer_facts_json(&facts);
    if (!j) {
        abort(); /* libxml2 gives UTF-8 only */
    }
    json_decref(j);
    answer_facts_clear(&facts);
    diags_free(&errors);
    diags_free(&warnings);
    return 0;
}
