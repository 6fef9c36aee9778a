/* One row: columns in random order, each with the value that covers most, then better values where one covers more. */
#include <string.h>

#include "cover/impl.h"

/* Questions to CaDiCaL while one row grows; after that the row follows what is known to work. */
enum { QUESTIONS_PER_ROW = 8 };

void grower_init(struct grower *g, const struct space *s, struct table *t, struct rng *rng) {
    *g = (struct grower){.s = s, .t = t, .rng = rng, .sat = sat_new(s)};
    g->possible = dom_init(&g->d, s);
    g->word_col = mem_zalloc((size_t)s->words + 1, sizeof(int));
    g->order = mem_zalloc((size_t)s->columns + 1, sizeof(int));
    g->witness = mem_zalloc((size_t)s->columns + 1, sizeof(int));
    int most = 1;
    bool *used = mem_zalloc((size_t)s->columns + 1, sizeof(bool));
    int n = 0;
    for (size_t i = 0; i < t->columns.count; i++) {
        used[t->columns.items[i]] = true;
        g->order[n++] = t->columns.items[i];
    }
    for (int c = 0; c < s->columns; c++) {
        if (!used[c]) {
            g->order[n++] = c;
        }
        most = s->size.items[c] > most ? s->size.items[c] : most;
        for (int w = 0; w < words_of(s->size.items[c]); w++) {
            g->word_col[s->word.items[c] + w] = c;
        }
    }
    free(used);
    g->gain = mem_zalloc((size_t)most, sizeof(int));
}

void grower_free(struct grower *g) {
    dom_free(&g->d);
    sat_free(g->sat);
    free(g->word_col);
    free(g->order);
    free(g->gain);
    free(g->witness);
    free(g->ready.items);
    *g = (struct grower){0};
}

static int value_weight(const struct grower *g, int col, int value) {
    const struct cover_problem *p = g->s->problem;
    return p->weighted && col < g->s->factors ? p->factors.items[col].weight[value] : 1;
}

/* The value left in col with most gain; among equals by chance and weight. -1: none left. */
static int value_choose(struct grower *g, int col) {
    const uint64_t *set = dom_set(&g->d, col);
    int best = -1;
    uint32_t weights = 0;
    for (int w = 0; w < words_of(g->s->size.items[col]); w++) {
        for (uint64_t bits = set[w]; bits; bits &= bits - 1) {
            int v = w * 64 + __builtin_ctzll(bits);
            if (best >= 0 && g->gain[v] < g->gain[best]) {
                continue;
            }
            if (best < 0 || g->gain[v] > g->gain[best]) {
                weights = 0;
            }
            uint32_t weight = (uint32_t)value_weight(g, col, v);
            weights += weight;
            if (weights == weight || rng_below(g->rng, weights) < weight) {
                best = v;
            }
        }
    }
    return best;
}

static void notice_ready(struct grower *g, size_t mark, const int *row) {
    for (size_t i = mark; i < g->d.trail.count; i++) {
        int col = g->word_col[g->d.trail.items[i].word];
        if (row[col] < 0 && dom_only(&g->d, col) >= 0) {
            VEC_PUSH(g->ready, col);
        }
    }
}

/* Does the row with this value, which propagation allows, still have a completion? Asks CaDiCaL unless it is known. */
static bool value_is_safe(struct grower *g, const int *row, int col, int value) {
    if (g->witness[col] == value) {
        return true;
    }
    if (g->questions++ >= QUESTIONS_PER_ROW) {
        return false;
    }
    size_t bytes = (size_t)g->s->columns * sizeof(int);
    int *asked = mem_zalloc(1, bytes);
    memcpy(asked, row, bytes);
    asked[col] = value;
    bool safe = sat_complete(g->sat, asked);
    if (safe) {
        memcpy(g->witness, asked, bytes);
    }
    free(asked);
    return safe;
}

/* Decides one column. False: a dead end. */
static bool grow_column(struct grower *g, int *row, int col, bool guided, long *gained) {
    memset(g->gain, 0, (size_t)g->s->size.items[col] * sizeof(int));
    table_gain(g->t, row, col, dom_set(&g->d, col), g->gain);
    for (int v; (v = value_choose(g, col)) >= 0;) {
        size_t mark = g->d.trail.count;
        if (dom_fix(&g->d, col, v) && (!guided || value_is_safe(g, row, col, v))) {
            row[col] = v;
            *gained += g->gain[v];
            notice_ready(g, mark, row);
            return true;
        }
        dom_undo_to(&g->d, mark);
        if (!dom_drop(&g->d, col, v)) {
            return false;
        }
    }
    return false;
}

static void shuffle(struct rng *rng, int *items, size_t n) {
    for (size_t i = n; i > 1; i--) {
        size_t k = rng_below(rng, (uint32_t)i);
        int swap = items[i - 1];
        items[i - 1] = items[k];
        items[k] = swap;
    }
}

static bool fix_must(struct grower *g, const struct decided *must) {
    for (int i = 0; i < must->count; i++) {
        if (!dom_fix(&g->d, must->col[i], must->value[i])) {
            return false;
        }
    }
    return true;
}

enum grown { GROWN, GROWN_DEAD_END, GROWN_IMPOSSIBLE };

static enum grown grow(struct grower *g, const struct decided *must, int *row, bool guided, long *gained) {
    dom_undo_to(&g->d, 0);
    g->ready.count = 0;
    *gained = 0;
    for (int c = 0; c < g->s->columns; c++) {
        row[c] = COVER_FREE;
    }
    if (!g->possible || !fix_must(g, must)) {
        return GROWN_IMPOSSIBLE;
    }
    if (guided) {
        memcpy(g->witness, row, (size_t)g->s->columns * sizeof(int));
        for (int i = 0; i < must->count; i++) {
            g->witness[must->col[i]] = must->value[i];
        }
        if (!sat_complete(g->sat, g->witness)) {
            return GROWN_IMPOSSIBLE;
        }
    }
    notice_ready(g, 0, row);
    shuffle(g->rng, g->order, g->t->columns.count);
    for (int next = 0; next < g->s->columns;) {
        bool forced = g->ready.count > 0;
        int col = forced ? g->ready.items[--g->ready.count] : g->order[next++];
        if (row[col] < 0 && !grow_column(g, row, col, guided, gained)) {
            return GROWN_DEAD_END;
        }
    }
    return GROWN;
}

/* Is the column, or a factor of the unit it stands for, among what the row must hold? */
static bool is_decided(const struct space *s, const struct decided *must, int col) {
    bool unit = s->units && col >= s->factors && (size_t)(col - s->factors) < s->units->count;
    const struct unit *u = unit ? &s->units->items[col - s->factors] : NULL;
    for (int i = 0; i < must->count; i++) {
        if (must->col[i] == col) {
            return true;
        }
        for (int k = 0; u && k < u->count; k++) {
            if (u->factors[k] == must->col[i]) {
                return true;
            }
        }
    }
    return false;
}

/* Changes single values as long as that covers more open tuples. */
static void grow_climb(struct grower *g, const struct decided *must, int *row, long *gained) {
    const struct space *s = g->s;
    dom_undo_to(&g->d, 0);
    size_t n = g->t->columns.count;
    size_t since = 0;
    for (size_t i = 0; since < n && i < 4 * n; i++, since++) {
        int col = g->order[i % n];
        if (is_decided(s, must, col)) {
            continue;
        }
        memset(g->gain, 0, (size_t)s->size.items[col] * sizeof(int));
        table_gain(g->t, row, col, dom_set(&g->d, col), g->gain);
        int best = row[col];
        for (int v = 0; v < s->size.items[col]; v++) {
            if (dom_has(&g->d, col, v) && g->gain[v] > g->gain[best] && space_flip_ok(s, row, col, v)) {
                best = v;
            }
        }
        if (best != row[col]) {
            *gained += g->gain[best] - g->gain[row[col]];
            space_flip(s, row, col, best);
            since = 0;
        }
    }
}

long grower_row(struct grower *g, const struct decided *must, int *row) {
    long gained;
    g->questions = 0;
    enum grown how = grow(g, must, row, false, &gained);
    if (how == GROWN_DEAD_END) {
        how = grow(g, must, row, true, &gained);
    }
    if (how != GROWN) {
        return -1;
    }
    grow_climb(g, must, row, &gained);
    return gained;
}

bool grower_repair(struct grower *g, const struct decided *must, int *row) {
    size_t columns = (size_t)g->s->columns;
    int *old = mem_zalloc(columns + 1, sizeof(int));
    memcpy(old, row, columns * sizeof(int));
    dom_undo_to(&g->d, 0);
    bool ok = g->possible && fix_must(g, must);
    shuffle(g->rng, g->order, g->t->columns.count);
    for (size_t i = 0; ok && i < columns; i++) {
        int col = g->order[i];
        size_t mark = g->d.trail.count;
        int only = dom_only(&g->d, col);
        if (only >= 0 || (old[col] >= 0 && dom_fix(&g->d, col, old[col]))) {
            row[col] = only >= 0 ? only : old[col];
            continue;
        }
        dom_undo_to(&g->d, mark);
        ok = old[col] < 0 || dom_drop(&g->d, col, old[col]);
        memset(g->gain, 0, (size_t)g->s->size.items[col] * sizeof(int));
        for (int v; ok && (v = value_choose(g, col)) >= 0;) {
            mark = g->d.trail.count;
            if (dom_fix(&g->d, col, v)) {
                row[col] = v;
                break;
            }
            dom_undo_to(&g->d, mark);
            ok = dom_drop(&g->d, col, v);
        }
    }
    if (!ok) {
        memcpy(row, old, columns * sizeof(int));
    }
    free(old);
    return ok;
}
