/* Tuples that a single decided value already excludes. */
#include <string.h>

#include "cover/impl.h"

struct exclusion {
    const struct space *s;
    uint64_t *image; /* for each value of each column (value_at[col] + v) the domain image it leaves; all 0: none */
    size_t *value_at;
    bool *narrow;    /* by column: some value of it is excluded or excludes something */
};

static void exclusion_fill(struct exclusion *x, struct dom *d, bool possible) {
    const struct space *s = x->s;
    size_t words = (size_t)s->words;
    for (int c = 0; c < s->columns; c++) {
        for (int v = 0; v < s->size.items[c]; v++) {
            dom_undo_to(d, 0);
            bool ok = possible && dom_fix(d, c, v);
            if (ok) {
                memcpy(x->image + (x->value_at[c] + (size_t)v) * words, d->bits, words * sizeof(uint64_t));
            }
            /* One change is the decision itself (as many words as it has). */
            x->narrow[c] |= !ok || d->trail.count > (size_t)words_of(s->size.items[c]);
        }
    }
    dom_undo_to(d, 0);
}

static bool tuple_excluded(const struct exclusion *x, const struct combo *c, const int *values) {
    for (int i = 0; i < c->n; i++) {
        const uint64_t *image = x->image + (x->value_at[c->col[i]] + (size_t)values[i]) * (size_t)x->s->words;
        for (int k = 0; k < c->n; k++) {
            if (!set_has(image + x->s->word.items[c->col[k]], values[k])) {
                return true;
            }
        }
    }
    return false;
}

static bool next_values(const struct space *s, const struct combo *c, int *values) {
    for (int k = c->n - 1; k >= 0; k--) {
        if (++values[k] < s->size.items[c->col[k]]) {
            return true;
        }
        values[k] = 0;
    }
    return false;
}

void exclude_pairs(struct table *t, struct dom *d, bool possible, void (*off)(void *ctx, size_t tuple), void *ctx) {
    const struct space *s = t->s;
    struct exclusion x = {s, NULL, mem_zalloc((size_t)s->columns + 1, sizeof(size_t)),
                          mem_zalloc((size_t)s->columns + 1, sizeof(bool))};
    size_t values_total = 0;
    for (int c = 0; c < s->columns; c++) {
        x.value_at[c] = values_total;
        values_total += (size_t)s->size.items[c];
    }
    if (s->ends.count) {
        x.image = mem_zalloc(values_total * (size_t)s->words + 1, sizeof(uint64_t));
        exclusion_fill(&x, d, possible);
    }
    for (size_t i = 0; s->ends.count && i < t->combos.count; i++) {
        const struct combo *c = &t->combos.items[i];
        int values[COVER_MAX_STRENGTH] = {0};
        bool narrow = false;
        for (int k = 0; k < c->n; k++) {
            narrow |= x.narrow[c->col[k]];
        }
        size_t tuple = c->base;
        do {
            if (narrow && t->count[tuple] == 0 && tuple_excluded(&x, c, values)) {
                off(ctx, tuple);
            }
            tuple++;
        } while (narrow && next_values(s, c, values));
    }
    free(x.image);
    free(x.value_at);
    free(x.narrow);
}
