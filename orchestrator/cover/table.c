/* The tuples to be covered and how often each is. */
#include <string.h>

#include "cover/impl.h"

static void table_add_combo(struct table *t, const int *col, int n) {
    struct combo c = {.base = (uint32_t)t->tuples, .n = n};
    size_t size = 1;
    for (int i = n - 1; i >= 0; i--) {
        c.col[i] = col[i];
        c.stride[i] = (uint32_t)size;
        size *= (size_t)t->s->size.items[col[i]];
    }
    t->tuples += size;
    VEC_PUSH(t->combos, c);
}

static bool combo_is_apart(const struct table *t, const int *col, int n, const bool *apart) {
    for (int i = 0; apart && i < n; i++) {
        for (int k = i + 1; k < n; k++) {
            if (apart[(size_t)col[i] * (size_t)t->s->factors + (size_t)col[k]]) {
                return true;
            }
        }
    }
    return false;
}

void table_add(struct table *t, const int *columns, int n, int strength, const bool *apart) {
    const size_t most = (size_t)1 << 30;
    int at[COVER_MAX_STRENGTH];
    int col[COVER_MAX_STRENGTH];
    if (strength > n) {
        return;
    }
    for (int i = 0; i < strength; i++) {
        at[i] = i;
    }
    for (int i = strength; i >= 0 && t->tuples <= most;) {
        for (int k = 0; k < strength; k++) {
            col[k] = columns[at[k]];
        }
        if (!combo_is_apart(t, col, strength, apart)) {
            table_add_combo(t, col, strength);
        }
        for (i = strength - 1; i >= 0 && at[i] == n - strength + i; i--) {
        }
        if (i >= 0) {
            at[i]++;
            for (int k = i + 1; k < strength; k++) {
                at[k] = at[k - 1] + 1;
            }
        }
    }
}

static void table_link(struct table *t) {
    size_t columns = (size_t)t->s->columns;
    t->links = mem_zalloc(columns * COVER_MAX_STRENGTH + 1, sizeof(*t->links));
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < t->combos.count; i++) {
            const struct combo *c = &t->combos.items[i];
            for (int k = 0; k < c->n; k++) {
                struct links *l = &t->links[(size_t)c->col[k] * COVER_MAX_STRENGTH + (size_t)c->n - 1];
                l->n = c->n;
                uint32_t *to = l->data ? l->data + (size_t)l->count * 2 * (size_t)c->n : NULL;
                l->count++;
                if (pass == 0) {
                    continue;
                }
                *to++ = c->base;
                *to++ = c->stride[k];
                for (int o = 0; o < c->n; o++) {
                    if (o != k) {
                        *to++ = (uint32_t)c->col[o];
                        *to++ = c->stride[o];
                    }
                }
            }
        }
        for (size_t i = 0; pass == 0 && i < columns * COVER_MAX_STRENGTH; i++) {
            struct links *l = &t->links[i];
            l->data = l->count ? mem_zalloc((size_t)l->count * 2 * (size_t)l->n, sizeof(uint32_t)) : NULL;
            l->count = 0;
        }
    }
}

int table_finish(struct table *t, struct err *err) {
    if (t->tuples > (size_t)1 << 30) {
        return err_set(err, ERR_INPUT, "more than 2^30 combinations to cover; ask for a lower strength");
    }
    t->count = mem_zalloc(t->tuples + 1, sizeof(*t->count));
    t->open = t->tuples;
    table_link(t);
    for (int c = 0; c < t->s->columns; c++) {
        bool used = false;
        for (int n = 0; n < COVER_MAX_STRENGTH; n++) {
            used |= t->links[(size_t)c * COVER_MAX_STRENGTH + (size_t)n].count > 0;
        }
        if (used) {
            VEC_PUSH(t->columns, c);
        }
    }
    return 0;
}

void table_free(struct table *t) {
    for (size_t i = 0; t->links && i < (size_t)t->s->columns * COVER_MAX_STRENGTH; i++) {
        free(t->links[i].data);
    }
    free(t->links);
    free(t->combos.items);
    free(t->count);
    free(t->columns.items);
    *t = (struct table){0};
}

void table_count_row(struct table *t, const int *row, int by) {
    t->work += t->combos.count;
    for (size_t i = 0; i < t->combos.count; i++) {
        const struct combo *c = &t->combos.items[i];
        size_t at = c->base;
        for (int k = 0; k < c->n; k++) {
            at += (size_t)row[c->col[k]] * c->stride[k];
        }
        uint16_t *count = &t->count[at];
        if (*count >= COUNT_MAX) {
            continue;
        }
        t->open -= by > 0 && *count == 0;
        *count = (uint16_t)(*count + by);
        t->open += by < 0 && *count == 0;
    }
}

void table_off(struct table *t, size_t tuple) {
    t->open -= t->count[tuple] == 0;
    t->count[tuple] = COUNT_OFF;
}

const struct combo *table_tuple(const struct table *t, size_t tuple, int *values) {
    size_t low = 0, high = t->combos.count - 1;
    while (low < high) {
        size_t mid = (low + high + 1) / 2;
        if (t->combos.items[mid].base <= tuple) {
            low = mid;
        } else {
            high = mid - 1;
        }
    }
    const struct combo *c = &t->combos.items[low];
    size_t rest = tuple - c->base;
    for (int k = 0; k < c->n; k++) {
        values[k] = (int)(rest / c->stride[k]);
        rest %= c->stride[k];
    }
    return c;
}

size_t table_pick(struct table *t, struct rng *rng) {
    for (int i = 0; i < 32; i++) {
        size_t at = rng_below(rng, (uint32_t)t->tuples);
        if (t->count[at] == 0) {
            return at;
        }
    }
    while (t->count[t->scan] != 0) {
        t->scan++;
        t->work += 1;
    }
    return t->scan;
}

/* Adds to gain, for every value of the set, 1 where the tuple at base + value * stride is open. */
static inline void gain_of_combo(const struct table *t, size_t base, size_t stride, const uint64_t *set, int words,
                                 int *gain) {
    for (int w = 0; w < words; w++) {
        for (uint64_t bits = set[w]; bits; bits &= bits - 1) {
            int v = w * 64 + __builtin_ctzll(bits);
            gain[v] += t->count[base + (size_t)v * stride] == 0;
        }
    }
}

void table_gain(struct table *t, const int *row, int col, const uint64_t *set, int *gain) {
    int words = words_of(t->s->size.items[col]);
    for (size_t n = 1; n <= COVER_MAX_STRENGTH; n++) {
        const struct links *l = &t->links[(size_t)col * COVER_MAX_STRENGTH + n - 1];
        const uint32_t *at = l->data;
        for (uint32_t i = 0; i < l->count; i++, at += 2 * n) {
            size_t base = at[0];
            bool whole = true;
            for (size_t o = 1; o < n; o++) {
                int value = row[at[2 * o]];
                whole &= value >= 0;
                base += (size_t)value * at[2 * o + 1];
            }
            if (whole) {
                gain_of_combo(t, base, at[1], set, words, gain);
            }
        }
        t->work += (uint64_t)l->count * 2;
    }
}
