/* One pass: a space, a table of what is to be covered, rows until nothing is left, then fewer rows. */
#include <string.h>

#include "cover/impl.h"

/* Rows tried for each row kept: one, since time is better spent on taking rows out. Where hardly any single value of a
 * row can change (all different, say), there is little to be had by that, and the rows had better be good at once. */
enum { CANDIDATES = 1, CANDIDATES_STIFF = 8, FLIPS_TRIED = 200, STIFF_PERCENT = 5 };

/* Work allowed for each row of a table without a time given, fitted to what PICT 3.7.4 takes for one of its rows: about
 * 60 ns a combo and 8 ns a tuple, where a unit of ours takes about 2 ns. The most is reached after some seconds. */
static const double work_per_combo = 30, work_per_tuple = 4.2, work_most = 3e9, work_thorough = 10;


static void push_set(struct space *s, int factor, bool negative_too) {
    const struct factor *f = &s->problem->factors.items[factor];
    struct lit l = {factor, space_new_set(s, factor)};
    for (int v = 0; v < f->values; v++) {
        if (!f->negative[v] || negative_too) {
            set_put(s->sets.items + l.set, v);
        }
    }
    VEC_PUSH(s->lits, l);
}

void forbid_negatives(struct space *s, enum pass pass) {
    for (int f = 0; pass != PASS_PLAIN && f < s->factors; f++) {
        if (!s->problem->factors.items[f].has_negative) {
            continue;
        }
        if (pass == PASS_POSITIVE) {
            push_set(s, f, false);
            space_end_clause(s);
        }
        for (int g = f + 1; pass == PASS_NEGATIVE && g < s->factors; g++) {
            if (s->problem->factors.items[g].has_negative) {
                push_set(s, f, false);
                push_set(s, g, false);
                space_end_clause(s);
            }
        }
    }
}

void link_unit(struct space *s, const struct unit *u, int spare) {
    int col = space_add_column(s, (int)u->rows.count + spare);
    for (int k = 0; k < u->count; k++) {
        for (int v = 0; v < s->size.items[u->factors[k]]; v++) {
            struct lit away = {col, space_new_set(s, col)};
            struct lit here = {u->factors[k], space_new_set(s, u->factors[k])};
            bool any = false;
            for (size_t r = 0; r < u->rows.count; r++) {
                if (u->rows.items[r][k] != v) {
                    set_put(s->sets.items + away.set, (int)r);
                } else {
                    any = true;
                }
            }
            for (int r = 0; r < spare; r++) {
                set_put(s->sets.items + away.set, (int)u->rows.count + r);
            }
            set_put(s->sets.items + here.set, v);
            if (any) {
                VEC_PUSH(s->lits, away);
                VEC_PUSH(s->lits, here);
                space_end_clause(s);
            }
        }
    }
}

/* Units come first behind the factors, so that their columns can be told beforehand. */
void phase_space(const struct phase *ph, enum pass pass, struct space *s) {
    space_init(s, ph->problem);
    for (size_t i = 0; ph->units && i < ph->units->count; i++) {
        link_unit(s, &ph->units->items[i], 0);
    }
    s->units = ph->units;
    for (size_t i = 0; i < ph->problem->required.count; i++) {
        space_require(s, ph->problem->required.items[i]);
    }
    forbid_negatives(s, pass);
    space_finish(s);
}

static bool row_is_negative(const struct cover_problem *p, const int *row) {
    for (size_t f = 0; f < p->factors.count; f++) {
        if (row[f] >= 0 && p->factors.items[f].negative[row[f]]) {
            return true;
        }
    }
    return false;
}

/* Unit columns of a row made elsewhere; COVER_FREE where none of the unit's rows fits. */
static void row_find_units(const struct phase *ph, int *row) {
    for (size_t i = 0; ph->units && i < ph->units->count; i++) {
        const struct unit *u = &ph->units->items[i];
        int found = COVER_FREE;
        for (size_t r = 0; found < 0 && r < u->rows.count; r++) {
            bool same = true;
            for (int k = 0; k < u->count; k++) {
                same &= u->rows.items[r][k] == row[u->factors[k]];
            }
            found = same ? (int)r : COVER_FREE;
        }
        row[ph->problem->factors.count + i] = found;
    }
}

struct pass_state {
    struct phase *ph;
    enum pass pass;
    struct space space;
    struct table table;
    struct grower grower;
    size_t first; /* line */
    int candidates;
    uint64_t tuples;
};

/* In the first of two passes a tuple with a negative value waits for the second. */
static void pass_set_negative_aside(struct pass_state *ps) {
    const struct cover_problem *p = ps->ph->problem;
    for (size_t i = 0; ps->pass == PASS_POSITIVE && i < ps->table.combos.count; i++) {
        const struct combo *c = &ps->table.combos.items[i];
        size_t end = i + 1 < ps->table.combos.count ? ps->table.combos.items[i + 1].base : ps->table.tuples;
        for (size_t t = c->base; t < end; t++) {
            for (int k = 0; k < c->n; k++) {
                int v = (int)((t - c->base) / c->stride[k]) % ps->space.size.items[c->col[k]];
                if (c->col[k] < ps->space.factors && p->factors.items[c->col[k]].negative[v]) {
                    table_off(&ps->table, t);
                    break;
                }
            }
        }
    }
}

/* Rows that are there already cover; what they cover needs nothing more. */
static void pass_count_lines(struct pass_state *ps) {
    const struct cover_problem *p = ps->ph->problem;
    for (size_t i = 0; i < ps->ph->lines->count; i++) {
        int *row = ps->ph->lines->items[i].row;
        if (ps->pass != PASS_POSITIVE || !row_is_negative(p, row)) {
            table_count_row(&ps->table, row, 1);
        }
    }
    for (size_t t = 0; ps->ph->lines->count && t < ps->table.tuples; t++) {
        if (ps->table.count[t] != 0) {
            ps->tuples += ps->table.count[t] < COUNT_OFF;
            table_off(&ps->table, t);
        }
    }
    ps->first = ps->ph->lines->count;
}

static void result_impossible(struct cover_result *r, const struct combo *c, const int *values) {
    if (r->impossible_count++ >= COVER_IMPOSSIBLE_KEPT) {
        return;
    }
    size_t n = r->impossible_kept++;
    if ((n & (n - 1)) == 0) {
        r->impossible = mem_grow(r->impossible, n ? 2 * n : 1, sizeof(*r->impossible));
    }
    struct cover_tuple *t = &r->impossible[n];
    *t = (struct cover_tuple){.count = c->n};
    memcpy(t->factor, c->col, sizeof(t->factor));
    memcpy(t->value, values, sizeof(int) * (size_t)c->n);
}

static void pass_add_line(struct pass_state *ps, int *row, bool *frozen, long seed) {
    struct line l = {row, frozen, seed};
    table_count_row(&ps->table, row, 1);
    VEC_PUSH(*ps->ph->lines, l);
}

static void pass_seed(struct pass_state *ps, size_t index) {
    const struct cover_problem *p = ps->ph->problem;
    const int *seed = p->seeds.items[index];
    struct decided must = {0, mem_zalloc(p->factors.count + 1, sizeof(int)),
                           mem_zalloc(p->factors.count + 1, sizeof(int))};
    bool *frozen = mem_zalloc((size_t)ps->space.columns + 1, sizeof(bool));
    for (size_t f = 0; f < p->factors.count; f++) {
        if (seed[f] >= 0) {
            must.col[must.count] = (int)f;
            must.value[must.count++] = seed[f];
            frozen[f] = true;
        }
    }
    for (size_t u = 0; ps->ph->units && u < ps->ph->units->count; u++) {
        for (int k = 0; k < ps->ph->units->items[u].count; k++) {
            frozen[p->factors.count + u] |= frozen[ps->ph->units->items[u].factors[k]];
        }
    }
    int *row = mem_zalloc((size_t)ps->space.columns + 1, sizeof(int));
    if (grower_row(&ps->grower, &must, row) >= 0) {
        ps->ph->seed_done[index] = true;
        pass_add_line(ps, row, frozen, (long)index);
    } else {
        free(row);
        free(frozen);
    }
    free(must.col);
    free(must.value);
}

/* An impossible tuple. */
static void pass_give_up(void *ctx, size_t tuple) {
    struct pass_state *ps = ctx;
    int values[COVER_MAX_STRENGTH];
    const struct combo *c = table_tuple(&ps->table, tuple, values);
    table_off(&ps->table, tuple);
    if (ps->ph->result && ps->pass != PASS_POSITIVE) {
        result_impossible(ps->ph->result, c, values);
    }
}

static int *pass_best_row(struct pass_state *ps) {
    int *best = NULL;
    long best_gain = -1;
    for (int i = 0; i < ps->candidates && ps->table.open; i++) {
        size_t tuple = table_pick(&ps->table, ps->ph->rng);
        int values[COVER_MAX_STRENGTH];
        int cols[COVER_MAX_STRENGTH];
        const struct combo *c = table_tuple(&ps->table, tuple, values);
        memcpy(cols, c->col, sizeof(cols));
        struct decided must = {c->n, cols, values};
        int *row = mem_zalloc((size_t)ps->space.columns + 1, sizeof(int));
        long gain = grower_row(&ps->grower, &must, row);
        if (gain < 0) {
            pass_give_up(ps, tuple);
            i -= !best; /* what is impossible does not count as a try until there is a row */
        }
        if (gain > best_gain) {
            free(best);
            best = row;
            best_gain = gain;
        } else {
            free(row);
        }
    }
    return best;
}

/* Of changes of one value by chance, do hardly any leave the row valid? */
static bool row_is_stiff(struct pass_state *ps, int *row) {
    int valid = 0, changes = 0;
    for (int i = 0; i < FLIPS_TRIED; i++) {
        int col = ps->table.columns.items[rng_below(ps->ph->rng, (uint32_t)ps->table.columns.count)];
        int value = (int)rng_below(ps->ph->rng, (uint32_t)ps->space.size.items[col]);
        changes += value != row[col];
        valid += value != row[col] && space_flip_ok(&ps->space, row, col, value);
    }
    return valid * 100 < changes * STIFF_PERCENT;
}

static void pass_improve(struct pass_state *ps) {
    const struct table *t = &ps->table;
    double rows = (double)(ps->ph->lines->count - ps->first);
    double budget = rows * (work_per_combo * (double)t->combos.count + work_per_tuple * (double)t->tuples);
    budget *= ps->ph->thorough ? work_thorough : 1;
    budget = budget < work_most ? budget : work_most;
    struct improve_limits limits = {budget > (double)t->work ? (uint64_t)budget - t->work : 0, ps->ph->options->clock,
                                    ps->ph->options->deadline};
    improve(&ps->table, &ps->grower, ps->ph->lines, ps->first, &limits, ps->ph->rng);
}

static void pass_cover(struct pass_state *ps) {
    struct phase *ph = ps->ph;
    for (size_t i = 0; i < ph->problem->seeds.count; i++) {
        if (!ph->seed_done[i]) {
            pass_seed(ps, i);
        }
    }
    while (ps->table.open) {
        int *row = pass_best_row(ps);
        if (row && ps->ph->lines->count == ps->first) {
            ps->candidates = row_is_stiff(ps, row) ? CANDIDATES_STIFF : CANDIDATES;
        }
        if (row) {
            pass_add_line(ps, row, NULL, -1);
        }
    }
    for (size_t t = 0; ph->result && ps->pass != PASS_POSITIVE && t < ps->table.tuples; t++) {
        ps->tuples += ps->table.count[t] > 0 && ps->table.count[t] < COUNT_OFF;
    }
    if (!ph->quick) {
        pass_improve(ps);
    }
    if (ph->problem->weighted && ps->table.open == 0) {
        prefer_weights(&ps->table, &ps->grower, ph->lines, ps->first, ph->rng);
    }
}

static int pass_run(struct phase *ph, enum pass pass, struct err *err) {
    struct pass_state ps = {.ph = ph, .pass = pass, .candidates = CANDIDATES};
    phase_space(ph, pass, &ps.space);
    ps.table.s = &ps.space;
    for (size_t i = 0; i < ph->targets->count; i++) {
        const struct target *t = &ph->targets->items[i];
        table_add(&ps.table, t->columns, t->count, t->strength, t->apart);
    }
    int rc = table_finish(&ps.table, err);
    if (rc == 0) {
        size_t columns = (size_t)ps.space.columns;
        for (size_t i = 0; i < ph->lines->count; i++) {
            struct line *l = &ph->lines->items[i];
            l->row = mem_grow(l->row, columns + 1, sizeof(int));
            row_find_units(ph, l->row);
        }
        pass_set_negative_aside(&ps);
        pass_count_lines(&ps);
        grower_init(&ps.grower, &ps.space, &ps.table, ph->rng);
        exclude_pairs(&ps.table, &ps.grower.d, ps.grower.possible, pass_give_up, &ps);
        pass_cover(&ps);
        if (ph->result && pass != PASS_POSITIVE) {
            ph->result->covered_count += ps.tuples;
        }
        grower_free(&ps.grower);
    }
    table_free(&ps.table);
    space_free(&ps.space);
    return rc;
}

int phase_run(struct phase *ph, struct err *err) {
    bool negative = false;
    for (size_t f = 0; f < ph->problem->factors.count; f++) {
        negative |= ph->problem->factors.items[f].has_negative;
    }
    if (!negative) {
        return pass_run(ph, PASS_PLAIN, err);
    }
    int rc = pass_run(ph, PASS_POSITIVE, err);
    return rc ? rc : pass_run(ph, PASS_NEGATIVE, err);
}
