/* Narrowing: what is left for every column after some were decided. */
#include "cover/impl.h"

static void dom_set_word(struct dom *d, int word, uint64_t now) {
    struct dom_undo u = {word, d->bits[word]};
    VEC_PUSH(d->trail, u);
    d->bits[word] = now;
}

static void dom_enqueue(struct dom *d, int col) {
    if (!d->queued[col]) {
        d->queued[col] = true;
        VEC_PUSH(d->queue, col);
    }
}

/* Narrows a column to a set; false when nothing is left. */
static bool dom_and(struct dom *d, int col, const uint64_t *set) {
    int first = d->s->word.items[col];
    int n = words_of(d->s->size.items[col]);
    uint64_t left = 0;
    bool changed = false;
    for (int i = 0; i < n; i++) {
        uint64_t now = d->bits[first + i] & set[i];
        if (now != d->bits[first + i]) {
            dom_set_word(d, first + i, now);
            changed = true;
        }
        left |= now;
    }
    if (changed) {
        dom_enqueue(d, col);
    }
    return left != 0;
}

static bool lit_false(const struct dom *d, const struct lit *l) {
    const uint64_t *set = d->s->sets.items + l->set;
    const uint64_t *bits = dom_set(d, l->col);
    int n = words_of(d->s->size.items[l->col]);
    for (int i = 0; i < n; i++) {
        if (set[i] & bits[i]) {
            return false;
        }
    }
    return true;
}

/* False: the clause cannot hold any more. */
static bool dom_visit_clause(struct dom *d, size_t c) {
    const struct space *s = d->s;
    const struct lit *open = NULL;
    for (size_t i = c ? s->ends.items[c - 1] : 0; i < s->ends.items[c]; i++) {
        d->work++;
        if (!lit_false(d, &s->lits.items[i])) {
            if (open) {
                return true;
            }
            open = &s->lits.items[i];
        }
    }
    return open && dom_and(d, open->col, s->sets.items + open->set);
}

static bool dom_propagate(struct dom *d) {
    const struct space *s = d->s;
    bool ok = true;
    for (size_t at = 0; at < d->queue.count; at++) {
        int col = d->queue.items[at];
        d->queued[col] = false;
        d->work += s->occ_at[col + 1] - s->occ_at[col];
        for (uint32_t i = s->occ_at[col]; ok && i < s->occ_at[col + 1]; i++) {
            if (lit_false(d, &s->lits.items[s->occ[i]])) {
                ok = dom_visit_clause(d, s->lit_clause[s->occ[i]]);
            }
        }
    }
    d->queue.count = 0;
    return ok;
}

bool dom_init(struct dom *d, const struct space *s) {
    *d = (struct dom){.s = s,
                      .bits = mem_zalloc((size_t)s->words + 1, sizeof(uint64_t)),
                      .queued = mem_zalloc((size_t)s->columns + 1, sizeof(bool))};
    for (int c = 0; c < s->columns; c++) {
        for (int v = 0; v < s->size.items[c]; v++) {
            set_put(d->bits + s->word.items[c], v);
        }
    }
    bool ok = !s->contradiction;
    for (size_t c = 0; ok && c < s->ends.count; c++) {
        ok = dom_visit_clause(d, c);
    }
    ok = dom_propagate(d) && ok;
    d->trail.count = 0;
    return ok;
}

void dom_free(struct dom *d) {
    free(d->bits);
    free(d->trail.items);
    free(d->queue.items);
    free(d->queued);
    *d = (struct dom){0};
}

bool dom_fix(struct dom *d, int col, int value) {
    if (!dom_has(d, col, value)) {
        return false;
    }
    int first = d->s->word.items[col];
    int n = words_of(d->s->size.items[col]);
    bool changed = false;
    for (int i = 0; i < n; i++) {
        uint64_t now = i == value >> 6 ? UINT64_C(1) << (value & 63) : 0;
        if (now != d->bits[first + i]) {
            dom_set_word(d, first + i, now);
            changed = true;
        }
    }
    if (!changed) {
        return true;
    }
    dom_enqueue(d, col);
    return dom_propagate(d);
}

bool dom_drop(struct dom *d, int col, int value) {
    int word = d->s->word.items[col] + (value >> 6);
    uint64_t now = d->bits[word] & ~(UINT64_C(1) << (value & 63));
    if (now == d->bits[word]) {
        return true;
    }
    dom_set_word(d, word, now);
    uint64_t left = 0;
    for (int i = 0; i < words_of(d->s->size.items[col]); i++) {
        left |= dom_set(d, col)[i];
    }
    if (!left) {
        return false;
    }
    dom_enqueue(d, col);
    return dom_propagate(d);
}

void dom_undo_to(struct dom *d, size_t mark) {
    while (d->trail.count > mark) {
        const struct dom_undo *u = &d->trail.items[--d->trail.count];
        d->bits[u->word] = u->old;
    }
}

int dom_only(const struct dom *d, int col) {
    const uint64_t *bits = dom_set(d, col);
    int only = -1;
    for (int i = 0; i < words_of(d->s->size.items[col]); i++) {
        if (bits[i] && (only >= 0 || (bits[i] & (bits[i] - 1)))) {
            return -1;
        }
        if (bits[i]) {
            only = i * 64 + __builtin_ctzll(bits[i]);
        }
    }
    return only;
}
