/* From a problem to rows: units first, then everything, then what units left uncovered. */
#include <string.h>

#include "cover/impl.h"

struct generation {
    const struct cover_problem *p;
    const struct cover_options *options;
    struct rng rng;
    struct vec_unit units;
    struct vec_target targets;
    struct vec_line lines;
    bool *seed_done;
    struct cover_result *result;
};

static void target_add(struct vec_target *v, const int *columns, int count, int strength, bool *apart) {
    struct target t = {mem_zalloc((size_t)count + 1, sizeof(int)), count, strength, apart};
    memcpy(t.columns, columns, (size_t)count * sizeof(int));
    VEC_PUSH(*v, t);
}

static void targets_clear(struct vec_target *v) {
    for (size_t i = 0; i < v->count; i++) {
        free(v->items[i].columns);
        free(v->items[i].apart);
    }
    v->count = 0;
}

static void lines_clear(struct vec_line *v) {
    for (size_t i = 0; i < v->count; i++) {
        free(v->items[i].row);
        free(v->items[i].frozen);
    }
    v->count = 0;
}

static struct phase generation_phase(struct generation *g, const struct vec_unit *units) {
    return (struct phase){.problem = g->p, .options = g->options, .rng = &g->rng, .units = units,
                          .targets = &g->targets, .lines = &g->lines, .seed_done = g->seed_done};
}

/* Different parts of the lines become the unit's rows. */
static void unit_take_lines(struct generation *g, struct unit *u) {
    for (size_t i = 0; i < g->lines.count; i++) {
        int *part = mem_zalloc((size_t)u->count, sizeof(int));
        for (int k = 0; k < u->count; k++) {
            part[k] = g->lines.items[i].row[u->factors[k]];
        }
        bool known = false;
        for (size_t r = 0; !known && r < u->rows.count; r++) {
            known = memcmp(u->rows.items[r], part, (size_t)u->count * sizeof(int)) == 0;
        }
        if (known) {
            free(part);
        } else {
            VEC_PUSH(u->rows, part);
        }
    }
    lines_clear(&g->lines);
}

/* The group's own array, the given rows first. */
static int unit_make(struct generation *g, const struct group *group, const struct vec_row *musts, struct err *err) {
    struct unit u = {group->factors, group->count, {0}};
    targets_clear(&g->targets);
    target_add(&g->targets, group->factors, group->count, group->strength, NULL);
    size_t bytes = g->p->factors.count * sizeof(int);
    for (size_t i = 0; i < musts->count; i++) {
        struct line l = {mem_zalloc(1, bytes), NULL, -1};
        memcpy(l.row, musts->items[i], bytes);
        VEC_PUSH(g->lines, l);
    }
    struct phase ph = generation_phase(g, NULL);
    ph.seed_done = mem_zalloc(g->p->seeds.count + 1, sizeof(bool));
    ph.thorough = true;
    int rc = phase_run(&ph, err);
    free(ph.seed_done);
    unit_take_lines(g, &u);
    VEC_PUSH(g->units, u);
    return rc;
}

static void units_clear(struct generation *g) {
    for (size_t i = 0; i < g->units.count; i++) {
        for (size_t r = 0; r < g->units.items[i].rows.count; r++) {
            free(g->units.items[i].rows.items[r]);
        }
        free(g->units.items[i].rows.items);
    }
    g->units.count = 0;
}

/* Factors in no unit, then units, as columns. */
static struct vec_int unit_columns(const struct generation *g) {
    struct vec_int columns = {0};
    int factors = (int)g->p->factors.count;
    bool *inside = mem_zalloc((size_t)factors + 1, sizeof(bool));
    for (size_t i = 0; i < g->units.count; i++) {
        for (int k = 0; k < g->units.items[i].count; k++) {
            inside[g->units.items[i].factors[k]] = true;
        }
    }
    for (int f = 0; f < factors; f++) {
        if (!inside[f] && !g->p->factors.items[f].passive) {
            VEC_PUSH(columns, f);
        }
    }
    for (size_t i = 0; i < g->units.count; i++) {
        VEC_PUSH(columns, factors + (int)i);
    }
    free(inside);
    return columns;
}

/* Tuples of values: of each unit at its strength, and across units and single factors at the overall one. */
static void targets_of_values(struct generation *g) {
    size_t factors = g->p->factors.count;
    int *all = mem_zalloc(factors + 1, sizeof(int));
    bool *apart = mem_zalloc(factors * factors + 1, sizeof(bool));
    int count = 0;
    for (size_t f = 0; f < factors; f++) {
        if (!g->p->factors.items[f].passive) {
            all[count++] = (int)f;
        }
    }
    targets_clear(&g->targets);
    for (size_t i = 0; i < g->p->groups.count; i++) {
        const struct group *group = &g->p->groups.items[i];
        target_add(&g->targets, group->factors, group->count, group->strength, NULL);
        for (int a = 0; group->kind == COVER_GROUP_UNIT && a < group->count; a++) {
            for (int b = 0; b < group->count; b++) {
                apart[(size_t)group->factors[a] * factors + (size_t)group->factors[b]] = true;
            }
        }
    }
    if (g->options->strength == COVER_ALL) {
        free(apart);
    } else {
        target_add(&g->targets, all, count, g->options->strength, apart);
    }
    free(all);
}

/* The lines that hold the seeds are told so that they come first. */
static void seeds_find(struct generation *g) {
    for (size_t i = 0; i < g->p->seeds.count; i++) {
        const int *seed = g->p->seeds.items[i];
        for (size_t k = 0; !g->seed_done[i] && k < g->lines.count; k++) {
            struct line *l = &g->lines.items[k];
            bool holds = l->seed < 0;
            for (size_t f = 0; holds && f < g->p->factors.count; f++) {
                holds = seed[f] < 0 || seed[f] == l->row[f];
            }
            if (holds) {
                l->seed = (long)i;
                g->seed_done[i] = true;
            }
        }
    }
}

static int generation_all(struct generation *g, struct err *err) {
    struct vec_int columns = unit_columns(g);
    struct phase ph = {.problem = g->p, .units = &g->units};
    struct space s;
    phase_space(&ph, PASS_NEGATIVE, &s);
    int rc = all_rows(&s, &columns, &g->lines, err);
    space_free(&s);
    free(columns.items);
    seeds_find(g);
    return rc;
}

/* Arrays of all units; musts by unit. */
static int units_make(struct generation *g, const struct vec_row *musts, struct err *err) {
    int rc = 0;
    units_clear(g);
    for (size_t i = 0; rc == 0 && i < g->p->groups.count; i++) {
        if (g->p->groups.items[i].kind == COVER_GROUP_UNIT) {
            rc = unit_make(g, &g->p->groups.items[i], &musts[g->units.count], err);
        }
    }
    return rc;
}

/* Nothing without a value to combine: there is no valid row at all. */
static bool units_are_empty(const struct generation *g) {
    for (size_t i = 0; i < g->units.count; i++) {
        if (!g->units.items[i].rows.count) {
            return true;
        }
    }
    return false;
}

static int generation_root(struct generation *g, bool quick, struct err *err) {
    struct vec_int columns = unit_columns(g);
    targets_clear(&g->targets);
    target_add(&g->targets, columns.items, (int)columns.count, g->options->strength, NULL);
    free(columns.items);
    struct phase ph = generation_phase(g, &g->units);
    ph.quick = quick;
    bool *trial = mem_zalloc(g->p->seeds.count + 1, sizeof(bool));
    ph.seed_done = quick ? trial : g->seed_done;
    int rc = phase_run(&ph, err);
    free(trial);
    return rc;
}

/* One try: rows that these units lead to, without taking any out. What the units lack is added to musts. */
static int units_try(struct generation *g, struct vec_row *musts, size_t *rows, bool *lacking, struct err *err) {
    int rc = generation_root(g, true, err);
    if (rc == 0) {
        targets_of_values(g);
        struct phase ph = generation_phase(g, &g->units);
        *lacking = find_musts(&ph, musts, err) > 0;
        ph.units = NULL;
        ph.quick = true;
        ph.seed_done = mem_zalloc(g->p->seeds.count + 1, sizeof(bool));
        rc = phase_run(&ph, err);
        free(ph.seed_done);
        *rows = g->lines.count;
    }
    lines_clear(&g->lines);
    return rc;
}

/* Makes the units; where they lack what others depend on, once more with that; the better ones stay. */
static int generation_units(struct generation *g, struct err *err) {
    enum { ROUNDS = 3 };
    size_t groups = g->p->groups.count, least = SIZE_MAX;
    struct vec_row *musts = mem_zalloc(groups + 1, sizeof(*musts));
    struct vec_unit best = {0};
    int rc = units_make(g, musts, err);
    bool lacking = (g->p->required.count > 0 || groups > 1) && g->options->strength != COVER_ALL && !units_are_empty(g);
    for (int round = 0; rc == 0 && lacking && round < ROUNDS; round++) {
        size_t rows = SIZE_MAX;
        rc = units_try(g, musts, &rows, &lacking, err);
        if (rc == 0 && rows <= least) {
            struct vec_unit worse = best;
            least = rows;
            best = g->units;
            g->units = worse;
        }
        if (rc == 0 && lacking && round + 1 < ROUNDS) {
            rc = units_make(g, musts, err);
        }
    }
    if (best.count) {
        units_clear(g);
        free(g->units.items);
        g->units = best;
    }
    for (size_t i = 0; i < groups; i++) {
        for (size_t k = 0; k < musts[i].count; k++) {
            free(musts[i].items[k]);
        }
        free(musts[i].items);
    }
    free(musts);
    return rc;
}

static int generation_cover(struct generation *g, struct err *err) {
    bool units = false;
    for (size_t i = 0; i < g->p->groups.count; i++) {
        units |= g->p->groups.items[i].kind == COVER_GROUP_UNIT;
    }
    int rc = units ? generation_units(g, err) : 0;
    if (units_are_empty(g)) {
        units = false;
    } else if (rc == 0 && g->options->strength == COVER_ALL) {
        rc = generation_all(g, err);
        units = false;
    }
    if (rc == 0 && units) {
        rc = generation_root(g, false, err);
    }
    if (rc == 0) {
        targets_of_values(g);
        struct phase ph = generation_phase(g, NULL);
        ph.result = g->result;
        rc = phase_run(&ph, err);
    }
    return rc;
}

bool problem_has_row(const struct cover_problem *p, size_t required) {
    struct space s;
    space_init(&s, p);
    for (size_t i = 0; i < required; i++) {
        space_require(&s, p->required.items[i]);
    }
    forbid_negatives(&s, PASS_NEGATIVE);
    space_finish(&s);
    int *row = mem_zalloc((size_t)s.columns + 1, sizeof(int));
    for (int c = 0; c < s.columns; c++) {
        row[c] = COVER_FREE;
    }
    struct sat *sat = sat_new(&s);
    bool has = !s.contradiction && sat_complete(sat, row);
    sat_free(sat);
    free(row);
    space_free(&s);
    return has;
}

static int line_order(const void *a, const void *b) {
    const struct line *x = a;
    const struct line *y = b;
    unsigned long sx = (unsigned long)x->seed; /* -1, no seed, comes last */
    unsigned long sy = (unsigned long)y->seed;
    return sx < sy ? -1 : sx > sy;
}

/* Seeds in their order, then the others as they were made. */
static void generation_finish(struct generation *g) {
    struct cover_result *r = g->result;
    size_t factors = g->p->factors.count;
    struct vec_line seeds = {0};
    r->rows = mem_zalloc(g->lines.count * factors + 1, sizeof(int));
    for (size_t i = 0; i < g->lines.count; i++) {
        if (g->lines.items[i].seed >= 0) {
            VEC_PUSH(seeds, g->lines.items[i]);
        }
    }
    if (seeds.count) {
        qsort(seeds.items, seeds.count, sizeof(*seeds.items), line_order);
    }
    for (size_t i = 0; i < seeds.count; i++) {
        memcpy(r->rows + r->row_count++ * factors, seeds.items[i].row, factors * sizeof(int));
    }
    for (size_t i = 0; i < g->lines.count; i++) {
        if (g->lines.items[i].seed < 0) {
            memcpy(r->rows + r->row_count++ * factors, g->lines.items[i].row, factors * sizeof(int));
        }
    }
    free(seeds.items);
    r->refused_seeds = mem_zalloc(g->p->seeds.count + 1, sizeof(size_t));
    for (size_t i = 0; i < g->p->seeds.count; i++) {
        if (!g->seed_done[i]) {
            r->refused_seeds[r->refused_count++] = i;
        }
    }
}

struct cover_result *cover_generate(const struct cover_problem *p, const struct cover_options *options,
                                    struct err *err) {
    int units = cover_unit_count(p);
    if (options->strength > units) {
        err_set(err, ERR_INPUT, "a strength of %d is more than the %d factor%s and groups there are", options->strength,
                units, units == 1 ? "" : "s");
        return NULL;
    }
    struct generation g = {.p = p, .options = options, .rng = {options->seed * 2 + 1},
                           .seed_done = mem_zalloc(p->seeds.count + 1, sizeof(bool)),
                           .result = mem_zalloc(1, sizeof(struct cover_result))};
    g.result->factor_count = (int)p->factors.count;
    int rc = generation_cover(&g, err);
    if (rc == 0) {
        generation_finish(&g);
    } else {
        cover_result_free(g.result);
        g.result = NULL;
    }
    targets_clear(&g.targets);
    lines_clear(&g.lines);
    units_clear(&g);
    free(g.units.items);
    free(g.targets.items);
    free(g.lines.items);
    free(g.seed_done);
    return g.result;
}

void cover_result_free(struct cover_result *r) {
    if (r) {
        free(r->rows);
        free(r->impossible);
        free(r->refused_seeds);
        free(r);
    }
}
