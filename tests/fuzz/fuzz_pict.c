/* Any bytes as a PICT model (and, behind a NUL, as its seeding file): read, and small ones generated. Opens no file. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cover/pict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_small(const struct cover_problem *p) {
    int values = 0;
    for (int f = 0; f < cover_factor_count(p); f++) {
        values += cover_factor_values(p, f);
    }
    return values <= 40;
}

static void generate(const struct pict_model *m) {
    struct cover_options o = {.strength = pict_strength(m)};
    struct cover_result *r = cover_generate(pict_problem(m), &o, NULL);
    if (r) {
        struct str out = STR_INIT;
        pict_write_text(m, r, &out);
        str_free(&out);
    }
    cover_result_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct pict_options o = PICT_OPTIONS_INIT;
    struct diags errors = DIAGS_INIT, warnings = DIAGS_INIT;
    const char *text = (const char *)data;
    const char *nul = size ? memchr(text, '\0', size) : NULL;
    size_t model = nul ? (size_t)(nul - text) : size;
    if (size > 4096) {
        return 0;
    }
    struct pict_model *m = pict_read("fuzz", text, model, &o, &errors, &warnings);
    if ((m == NULL) != (errors.count > 0)) {
        abort(); /* a model, or complaints, never both */
    }
    for (size_t i = 0; i < errors.count; i++) {
        if (errors.items[i].pos.line < 1 || errors.items[i].pos.column < 1) {
            abort(); /* every complaint has a place */
        }
    }
    if (m && nul) {
        pict_read_seeds(m, "seeds", nul + 1, size - model - 1, &warnings);
    }
    if (m && is_small(pict_problem(m))) {
        generate(m);
    }
    pict_free(m);
    diags_free(&errors);
    diags_free(&warnings);
    return 0;
}
