/* Fewer rows: take one out, then change values, each time towards a tuple that was lost, until none is missing. */
#include <string.h>

#include "cover/impl.h"

/* For how many steps a changed cell stays as it is. */
enum { TABU_STEPS = 10 };
/* Looking at a line costs as much as looking up so many tuples. */
enum { WORK_PER_LINE = 4, CLOCK_EVERY = 64 };

struct search {
    struct table *t;
    struct grower *g;
    struct vec_line *lines;
    size_t first;
    struct rng *rng;
    uint64_t *listed;        /* one bit a tuple: is in lost */
    struct vec_size lost;    /* holds every open tuple, and some that are covered again */
    uint32_t *tabu_until;    /* by line - first, column */
    uint32_t step;
    uint64_t end_work;
    const struct improve_limits *limits;
    struct vec_line best;    /* the last complete lines from first on */
};

static void search_lose(struct search *s, size_t tuple) {
    uint64_t bit = UINT64_C(1) << (tuple & 63);
    s->t->open++;
    if (!(s->listed[tuple >> 6] & bit)) {
        s->listed[tuple >> 6] |= bit;
        VEC_PUSH(s->lost, tuple);
    }
}

/* Puts value into the row's column and keeps the counts. */
static void search_set(struct search *s, int *row, int col, int value) {
    int old = row[col];
    for (size_t n = 1; n <= COVER_MAX_STRENGTH; n++) {
        const struct links *l = &s->t->links[(size_t)col * COVER_MAX_STRENGTH + n - 1];
        const uint32_t *at = l->data;
        for (uint32_t i = 0; i < l->count; i++, at += 2 * n) {
            size_t base = at[0];
            for (size_t o = 1; o < n; o++) {
                base += (size_t)row[at[2 * o]] * at[2 * o + 1];
            }
            size_t from = base + (size_t)old * at[1];
            s->t->open -= s->t->count[base + (size_t)value * at[1]]++ == 0;
            if (--s->t->count[from] == 0) {
                search_lose(s, from);
            }
        }
        s->t->work += l->count;
    }
    space_flip(s->g->s, row, col, value);
}

/* Tuples covered anew less tuples lost if the row's column had that value. */
static long search_delta(const struct search *s, const int *row, int col, int value) {
    long delta = 0;
    int old = row[col];
    for (size_t n = 1; n <= COVER_MAX_STRENGTH; n++) {
        const struct links *l = &s->t->links[(size_t)col * COVER_MAX_STRENGTH + n - 1];
        const uint32_t *at = l->data;
        const uint16_t *count = s->t->count;
        for (uint32_t i = 0; i < l->count; i++, at += 2 * n) {
            size_t base = at[0];
            for (size_t o = 1; o < n; o++) {
                base += (size_t)row[at[2 * o]] * at[2 * o + 1];
            }
            delta += count[base + (size_t)value * at[1]] == 0;
            delta -= count[base + (size_t)old * at[1]] == 1;
        }
        s->t->work += l->count;
    }
    return delta;
}

static long line_unique(const struct search *s, const int *row) {
    long unique = 0;
    for (size_t i = 0; i < s->t->combos.count; i++) {
        const struct combo *c = &s->t->combos.items[i];
        size_t at = c->base;
        for (int k = 0; k < c->n; k++) {
            at += (size_t)row[c->col[k]] * c->stride[k];
        }
        unique += s->t->count[at] == 1;
    }
    s->t->work += s->t->combos.count;
    return unique;
}

/* Takes out the line whose loss costs least. False: none may go. */
static bool search_remove(struct search *s) {
    size_t victim = SIZE_MAX;
    long least = 0;
    for (size_t i = s->first; i < s->lines->count; i++) {
        long unique = s->lines->items[i].frozen ? -1 : line_unique(s, s->lines->items[i].row);
        if (unique >= 0 && (victim == SIZE_MAX || unique < least)) {
            victim = i;
            least = unique;
        }
    }
    if (victim == SIZE_MAX) {
        return false;
    }
    int *row = s->lines->items[victim].row;
    for (size_t i = 0; i < s->t->combos.count; i++) {
        const struct combo *c = &s->t->combos.items[i];
        size_t at = c->base;
        for (int k = 0; k < c->n; k++) {
            at += (size_t)row[c->col[k]] * c->stride[k];
        }
        if (--s->t->count[at] == 0) {
            search_lose(s, at);
        }
    }
    free(row);
    s->lines->items[victim] = s->lines->items[--s->lines->count];
    return true;
}

static void search_keep(struct search *s) {
    size_t bytes = (size_t)s->g->s->columns * sizeof(int);
    size_t now = s->lines->count - s->first;
    while (s->best.count > now) {
        free(s->best.items[--s->best.count].row);
    }
    while (s->best.count < now) {
        struct line l = {mem_zalloc(1, bytes), NULL, -1};
        VEC_PUSH(s->best, l);
    }
    for (size_t i = 0; i < now; i++) {
        const struct line *from = &s->lines->items[s->first + i];
        memcpy(s->best.items[i].row, from->row, bytes);
        s->best.items[i].frozen = from->frozen;
        s->best.items[i].seed = from->seed;
    }
}

static void search_restore(struct search *s) {
    while (s->lines->count > s->first) {
        free(s->lines->items[--s->lines->count].row);
    }
    for (size_t i = 0; i < s->best.count; i++) {
        VEC_PUSH(*s->lines, s->best.items[i]);
    }
    free(s->best.items);
}

/* No set of rows is smaller than the tuples of any one combo. */
static size_t fewest_rows(const struct table *t) {
    size_t most = 0;
    for (size_t i = 0; i < t->combos.count; i++) {
        size_t end = i + 1 < t->combos.count ? t->combos.items[i + 1].base : t->tuples;
        size_t needed = 0;
        for (size_t k = t->combos.items[i].base; k < end; k++) {
            needed += t->count[k] < COUNT_OFF;
        }
        most = needed > most ? needed : most;
    }
    return most;
}

static bool search_goes_on(const struct search *s) {
    if (s->limits->deadline) {
        return s->step % CLOCK_EVERY || clock_now(s->limits->clock) < s->limits->deadline;
    }
    return s->t->work < s->end_work;
}

/* A lost tuple by chance. */
static size_t search_pick(struct search *s) {
    for (;;) {
        size_t at = rng_below(s->rng, (uint32_t)s->lost.count);
        size_t tuple = s->lost.items[at];
        if (s->t->count[tuple] == 0) {
            return tuple;
        }
        s->listed[tuple >> 6] &= ~(UINT64_C(1) << (tuple & 63));
        s->lost.items[at] = s->lost.items[--s->lost.count];
    }
}

static uint32_t *search_tabu(const struct search *s, size_t line, int col) {
    return &s->tabu_until[(line - s->first) * (size_t)s->g->s->columns + (size_t)col];
}

struct move { size_t line; int col, value; long delta; uint32_t ties; };

/* The one column in which the line differs from the tuple; -1 when it is not one. */
static int search_one_off(const struct combo *c, const int *values, const int *row) {
    int off = -1;
    for (int k = 0; k < c->n; k++) {
        if (row[c->col[k]] != values[k]) {
            if (off >= 0) {
                return -1;
            }
            off = k;
        }
    }
    return off;
}

static bool search_best_move(struct search *s, const struct combo *c, const int *values, struct move *best) {
    *best = (struct move){0};
    for (size_t i = s->first; i < s->lines->count; i++) {
        struct line *l = &s->lines->items[i];
        int k = search_one_off(c, values, l->row);
        if (k < 0 || (l->frozen && l->frozen[c->col[k]]) || *search_tabu(s, i, c->col[k]) > s->step ||
            !space_flip_ok(s->g->s, l->row, c->col[k], values[k])) {
            continue;
        }
        long delta = search_delta(s, l->row, c->col[k], values[k]);
        if (!best->ties || delta > best->delta) {
            *best = (struct move){i, c->col[k], values[k], delta, 1};
        } else if (delta == best->delta && rng_below(s->rng, ++best->ties) == 0) {
            *best = (struct move){i, c->col[k], values[k], delta, best->ties};
        }
    }
    return best->ties > 0;
}

/* Puts the whole tuple into a line by chance, and what the constraints then ask for. */
static void search_force(struct search *s, const struct combo *c, int *values) {
    size_t i = s->first + rng_below(s->rng, (uint32_t)(s->lines->count - s->first));
    struct line *l = &s->lines->items[i];
    size_t columns = (size_t)s->g->s->columns;
    if (l->frozen) {
        return;
    }
    int *row = mem_zalloc(columns, sizeof(int));
    int cols[COVER_MAX_STRENGTH];
    memcpy(cols, c->col, sizeof(cols));
    memcpy(row, l->row, columns * sizeof(int));
    struct decided must = {c->n, cols, values};
    if (grower_repair(s->g, &must, row)) {
        for (size_t k = 0; k < s->t->columns.count; k++) {
            int col = s->t->columns.items[k];
            if (row[col] != l->row[col]) {
                search_set(s, l->row, col, row[col]);
                *search_tabu(s, i, col) = s->step + TABU_STEPS;
            }
        }
        memcpy(l->row, row, columns * sizeof(int));
    }
    free(row);
}

static void search_step(struct search *s) {
    int values[COVER_MAX_STRENGTH];
    const struct combo *c = table_tuple(s->t, search_pick(s), values);
    struct move m;
    s->step++;
    s->t->work += WORK_PER_LINE * (s->lines->count - s->first);
    if (search_best_move(s, c, values, &m)) {
        search_set(s, s->lines->items[m.line].row, m.col, m.value);
        *search_tabu(s, m.line, m.col) = s->step + TABU_STEPS + rng_below(s->rng, TABU_STEPS);
    } else {
        search_force(s, c, values);
    }
}

void improve(struct table *t, struct grower *g, struct vec_line *lines, size_t first,
             const struct improve_limits *limits, struct rng *rng) {
    size_t rows = lines->count - first;
    size_t fewest = fewest_rows(t);
    if (t->open || rows <= fewest || rows >= COUNT_MAX) {
        return;
    }
    struct search s = {.t = t, .g = g, .lines = lines, .first = first, .rng = rng, .limits = limits,
                       .listed = mem_zalloc(t->tuples / 64 + 1, sizeof(uint64_t)),
                       .tabu_until = mem_zalloc(rows * (size_t)g->s->columns + 1, sizeof(uint32_t)),
                       .end_work = t->work + limits->work};
    search_keep(&s);
    while (search_goes_on(&s)) {
        if (t->open == 0) {
            search_keep(&s);
            if (lines->count - first <= fewest || !search_remove(&s)) {
                break;
            }
            continue;
        }
        search_step(&s);
    }
    search_restore(&s);
    free(s.listed);
    free(s.lost.items);
    free(s.tabu_until);
}

/* A value for the cell by weight, among those that cost no coverage. */
static int heavy_value(struct search *s, int *row, int col) {
    const struct factor *f = &s->g->s->problem->factors.items[col];
    uint32_t total = (uint32_t)f->weight[row[col]];
    int chosen = row[col];
    for (int v = 0; v < f->values; v++) {
        if (v == row[col] || search_delta(s, row, col, v) < 0 || !space_flip_ok(s->g->s, row, col, v)) {
            continue;
        }
        total += (uint32_t)f->weight[v];
        if (rng_below(s->rng, total) < (uint32_t)f->weight[v]) {
            chosen = v;
        }
    }
    return chosen;
}

void prefer_weights(struct table *t, struct grower *g, struct vec_line *lines, size_t first, struct rng *rng) {
    struct search s = {.t = t, .g = g, .rng = rng, .listed = mem_zalloc(t->tuples / 64 + 1, sizeof(uint64_t))};
    for (size_t i = first; i < lines->count; i++) {
        struct line *l = &lines->items[i];
        for (size_t k = 0; k < t->columns.count; k++) {
            int col = t->columns.items[k];
            bool plain = col < g->s->factors && !(l->frozen && l->frozen[col]);
            int value = plain ? heavy_value(&s, l->row, col) : l->row[col];
            if (value != l->row[col]) {
                search_set(&s, l->row, col, value);
            }
        }
    }
    free(s.listed);
    free(s.lost.items);
}
