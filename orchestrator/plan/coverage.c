#include "plan/coverage.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/texts.h"
#include "cover/pict.h"
#include "model/subsets.h"
#include "plan/plan_impl.h"

/* Factors as model_coverage has them: image, products, update, order. */
static int coverage_update_factor(const struct model *m) {
    return 1 + (int)m->product_count;
}

static const char *coverage_value_name(const struct plan_coverage *c, int factor, int value) {
    bool negative;
    return pict_value(c->asked->factors, factor, value, &negative);
}

/* "image=winelab, alder=present" */
static char *coverage_name(const struct plan_coverage *c, const int *factors, const int *values, int count) {
    struct str s = STR_INIT;
    for (int i = 0; i < count; i++) {
        str_addf(&s, "%s%s=%s", i ? ", " : "", pict_parameter(c->asked->factors, factors[i]),
                 coverage_value_name(c, factors[i], values[i]));
    }
    return str_take(&s);
}

const char *coverage_strength_name(const struct plan_coverage *c) {
    static const char *const names[] = {"all", "1", "2", "3", "4", "5", "6"};
    return names[c->asked->strength];
}

void coverage_free_rows(struct plan_coverage *c) {
    if (c) {
        free(c->rows);
        texts_free_array(c->impossible);
        free(c);
    }
}

/* ---- rows ----------------------------------------------------------------------------------- */

static const int *coverage_row(const struct plan_coverage *c, size_t row) {
    return c->rows + row * (size_t)c->factor_count;
}

static int coverage_compare(const void *a, const void *b, void *ctx) {
    const struct plan_coverage *c = ctx;
    size_t x = *(const size_t *)a;
    size_t y = *(const size_t *)b;
    int order = memcmp(coverage_row(c, x), coverage_row(c, y), (size_t)c->factor_count * sizeof(int));
    return order ? order : x < y ? -1 : x > y;
}

/* Two seeds may come to the same row: that is one cell, where it stands first. */
static void coverage_drop_doubles(struct plan_coverage *c) {
    size_t bytes = (size_t)c->factor_count * sizeof(int);
    size_t *sorted = mem_zalloc(c->row_count + 1, sizeof(*sorted));
    bool *again = mem_zalloc(c->row_count + 1, sizeof(*again));
    for (size_t i = 0; i < c->row_count; i++) {
        sorted[i] = i;
    }
    qsort_r(sorted, c->row_count, sizeof(*sorted), coverage_compare, c);
    for (size_t i = 1; i < c->row_count; i++) {
        again[sorted[i]] = memcmp(coverage_row(c, sorted[i - 1]), coverage_row(c, sorted[i]), bytes) == 0;
    }
    size_t out = 0;
    for (size_t i = 0; i < c->row_count; i++) {
        if (!again[i]) {
            memmove(c->rows + out++ * (size_t)c->factor_count, coverage_row(c, i), bytes);
        }
    }
    c->row_count = out;
    free(sorted);
    free(again);
}

static struct plan_coverage *coverage_new(const struct model *m, size_t rows) {
    struct plan_coverage *c = mem_zalloc(1, sizeof(*c));
    c->asked = m->coverage;
    c->factor_count = cover_factor_count(pict_problem(m->coverage->factors));
    c->rows = mem_zalloc(rows * (size_t)c->factor_count + 1, sizeof(int));
    c->impossible = mem_zalloc(COVERAGE_NAMED + 1, sizeof(char *));
    return c;
}

struct plan_coverage *coverage_generate(const struct model *m, struct diags *diags) {
    struct cover_options options = {.strength = m->coverage->strength, .seed = m->coverage->seed};
    CLEANUP_ERR struct err err = ERR_INIT;
    struct cover_result *r = cover_generate(pict_problem(m->coverage->factors), &options, &err);
    if (!r) {
        diags_add(diags, m->path, (struct diag_pos){0, 0}, "too-large", "ask for a lower strength, or for groups",
                  "coverage: %s", err_text(&err));
        return NULL;
    }
    struct plan_coverage *c = coverage_new(m, r->row_count);
    memcpy(c->rows, r->rows, r->row_count * (size_t)c->factor_count * sizeof(int));
    c->row_count = r->row_count;
    coverage_drop_doubles(c);
    c->impossible_count = r->impossible_count;
    for (size_t i = 0; i < r->impossible_kept && i < COVERAGE_NAMED; i++) {
        const struct cover_tuple *t = &r->impossible[i];
        c->impossible[i] = coverage_name(c, t->factor, t->value, t->count);
    }
    cover_result_free(r);
    return c;
}

/* ---- as JSON -------------------------------------------------------------------------------- */

static json_t *coverage_names_to_json(char *const *names) {
    json_t *list = json_array();
    for (size_t i = 0; names[i]; i++) {
        json_array_append_new(list, json_string(names[i]));
    }
    return list;
}

static json_t *coverage_factor_to_json(const struct plan_coverage *c, int factor) {
    json_t *values = json_array();
    for (int v = 0; v < cover_factor_values(pict_problem(c->asked->factors), factor); v++) {
        json_array_append_new(values, json_string(coverage_value_name(c, factor, v)));
    }
    return json_pack("{s:s, s:o}", "name", pict_parameter(c->asked->factors, factor), "values", values);
}

json_t *coverage_to_json(const struct plan_coverage *c) {
    json_t *factors = json_array();
    for (int f = 0; f < c->factor_count; f++) {
        json_array_append_new(factors, coverage_factor_to_json(c, f));
    }
    json_t *rows = json_array();
    for (size_t i = 0; i < c->row_count; i++) {
        json_t *row = json_array();
        for (int f = 0; f < c->factor_count; f++) {
            json_array_append_new(row, json_integer(coverage_row(c, i)[f]));
        }
        json_array_append_new(rows, row);
    }
    json_t *strength = c->asked->strength == COVER_ALL ? json_string("all") : json_integer(c->asked->strength);
    return json_pack("{s:o, s:o, s:o, s:I, s:o}", "strength", strength, "factors", factors, "rows", rows,
                     "impossible_count", (json_int_t)c->impossible_count, "impossible",
                     coverage_names_to_json(c->impossible));
}

static bool coverage_read_row(const struct plan_coverage *c, const json_t *from, int *row) {
    for (int f = 0; f < c->factor_count; f++) {
        const json_t *value = json_array_get(from, (size_t)f);
        int values = cover_factor_values(pict_problem(c->asked->factors), f);
        json_int_t v = json_integer_value(value);
        if (!json_is_integer(value) || v < 0 || v >= values) {
            return false;
        }
        row[f] = (int)v;
    }
    return json_array_size(from) == (size_t)c->factor_count;
}

struct plan_coverage *coverage_from_json(const struct model *m, const json_t *kept) {
    const json_t *rows = json_object_get(kept, "rows");
    const json_t *impossible = json_object_get(kept, "impossible");
    struct plan_coverage *c = coverage_new(m, json_array_size(rows));
    bool good = json_array_size(rows) > 0 && json_array_size(rows) <= PLAN_CELLS_MAX;
    for (; good && c->row_count < json_array_size(rows); c->row_count++) {
        good = coverage_read_row(c, json_array_get(rows, c->row_count),
                                 c->rows + c->row_count * (size_t)c->factor_count);
    }
    coverage_drop_doubles(c);
    for (size_t i = 0; i < json_array_size(impossible) && i < COVERAGE_NAMED; i++) {
        const char *name = json_string_value(json_array_get(impossible, i));
        c->impossible[i] = str_dup(name ? name : "");
    }
    c->impossible_count = (uint64_t)json_integer_value(json_object_get(kept, "impossible_count"));
    if (!good) {
        coverage_free_rows(c);
        return NULL;
    }
    return c;
}

/* ---- cells ---------------------------------------------------------------------------------- */

static void coverage_add_cell(struct plan *p, const int *row, const struct model_product **products, size_t *order) {
    const struct model *m = p->model;
    struct model_set set = {.products = products};
    for (size_t i = 0; i < m->product_count; i++) {
        if (row[1 + i] == 1) { /* "absent", "present" */
            products[set.count++] = &m->products[i];
        }
    }
    bool reversed = row[coverage_update_factor(m) + 1] == 1;
    for (size_t i = 0; i < set.count; i++) {
        order[i] = reversed ? set.count - 1 - i : i;
    }
    int update = row[coverage_update_factor(m)]; /* "none" comes first */
    struct plan_walk w = {p, m->images[row[0]], &set, order};
    for (int r = 1; r <= m->repetitions; r++) {
        plan_add_cell(&w, update ? &m->updates[update - 1] : NULL, r);
    }
}

int coverage_add_cells(struct plan *p, struct diags *diags) {
    const struct plan_coverage *c = p->coverage;
    const struct model *m = p->model;
    uint64_t cells = subsets_multiply(c->row_count, (uint64_t)m->repetitions);
    if (cells > PLAN_CELLS_MAX) {
        diags_add(diags, m->path, (struct diag_pos){0, 0}, "too-many-cells", "ask for a lower strength",
                  "this matrix makes %" PRIu64 " cells, at most %u are planned", cells, PLAN_CELLS_MAX);
        return -1;
    }
    p->cells = mem_zalloc((size_t)cells + 1, sizeof(*p->cells));
    const struct model_product **products = mem_zalloc(m->product_count + 1, sizeof(*products));
    size_t *order = mem_zalloc(m->product_count + 1, sizeof(*order));
    for (size_t i = 0; i < c->row_count; i++) {
        coverage_add_cell(p, coverage_row(c, i), products, order);
    }
    free(products);
    free(order);
    return 0;
}

/* ---- how much of it was done ---------------------------------------------------------------- */

struct tally {
    const struct plan_coverage *c;
    struct coverage_tally *out;
    const enum coverage_shown *shown; /* by row */
    int update_factor;
    size_t *rows;     /* indices, sorted by the tuple at hand */
    size_t named;
    const int *factors; /* the tuple's */
    int count;
};

static const int *tally_row(const struct tally *t, size_t row) {
    return coverage_row(t->c, row);
}

static int tally_compare_rows(const struct tally *t, size_t a, size_t b) {
    for (int i = 0; i < t->count; i++) {
        int order = tally_row(t, a)[t->factors[i]] - tally_row(t, b)[t->factors[i]];
        if (order) {
            return order;
        }
    }
    return 0;
}

static int tally_compare(const void *a, const void *b, void *ctx) {
    return tally_compare_rows(ctx, *(const size_t *)a, *(const size_t *)b);
}

static void tally_name(struct tally *t, size_t row) {
    int *values = mem_zalloc((size_t)t->count, sizeof(int));
    for (int i = 0; i < t->count; i++) {
        values[i] = tally_row(t, row)[t->factors[i]];
    }
    t->out->uncovered[t->named++] = coverage_name(t->c, t->factors, values, t->count);
    free(values);
}

/* Whether the row covers the tuple at hand. */
static bool tally_shows(const struct tally *t, size_t row) {
    bool update = false;
    for (int i = 0; i < t->count; i++) {
        update |= t->factors[i] == t->update_factor;
    }
    return t->shown[row] == COVERAGE_WHOLE || (t->shown[row] == COVERAGE_BEFORE_UPDATE && !update);
}

/* All tuples of these factors: rows that agree on them stand together. */
static void tally_factors(struct tally *t, const int *factors, int count) {
    t->factors = factors;
    t->count = count;
    qsort_r(t->rows, t->c->row_count, sizeof(*t->rows), tally_compare, t);
    for (size_t from = 0, to = 0; from < t->c->row_count; from = to) {
        bool covered = false;
        for (; to < t->c->row_count && tally_compare_rows(t, t->rows[from], t->rows[to]) == 0; to++) {
            covered |= tally_shows(t, t->rows[to]);
        }
        t->out->asked++;
        t->out->covered += covered;
        if (!covered && t->named < COVERAGE_NAMED) {
            tally_name(t, t->rows[from]);
        }
    }
}

/* Whether all these factors are in the group. */
static bool tally_group_has(const struct model_group *g, const int *factors, int count) {
    int found = 0;
    for (int i = 0; i < count; i++) {
        for (size_t k = 0; k < g->count; k++) {
            found += g->factors[k] == factors[i];
        }
    }
    return found == count;
}

/* Every `strength` of the factors given; those of a group before (the first `groups`) were counted with it. */
static void tally_subsets(struct tally *t, const int *among, size_t count, int strength, size_t groups) {
    size_t pick[COVER_MAX_STRENGTH];
    int factors[COVER_MAX_STRENGTH];
    subsets_first(pick, (size_t)strength);
    do {
        bool counted = false;
        for (int i = 0; i < strength; i++) {
            factors[i] = among[pick[i]];
        }
        for (size_t g = 0; g < groups && !counted; g++) {
            const struct model_group *group = &t->c->asked->groups[g];
            counted = group->strength == strength && tally_group_has(group, factors, strength);
        }
        if (!counted) {
            tally_factors(t, factors, strength);
        }
    } while (subsets_next(pick, (size_t)strength, count));
}

static void tally_run(struct tally *t) {
    const struct model_coverage *asked = t->c->asked;
    size_t count = (size_t)t->c->factor_count;
    int *all = mem_zalloc(count, sizeof(int));
    for (size_t f = 0; f < count; f++) {
        all[f] = (int)f;
    }
    for (size_t g = 0; g < asked->group_count; g++) {
        const struct model_group *group = &asked->groups[g];
        tally_subsets(t, group->factors, group->count, group->strength, g);
    }
    if (asked->strength == COVER_ALL) {
        tally_factors(t, all, (int)count);
    } else {
        tally_subsets(t, all, count, asked->strength, asked->group_count);
    }
    free(all);
}

/* Cells may be fewer than planned, when a run was limited: their rows are found again by what they are. */
static bool tally_is_row(const struct plan *p, const struct plan_cell *cell, const int *row) {
    const struct model *m = p->model;
    int update = row[coverage_update_factor(m)];
    bool reversed = row[coverage_update_factor(m) + 1] == 1;
    if (!str_eq(cell->image, m->images[row[0]]) || cell->update != (update ? &m->updates[update - 1] : NULL)) {
        return false;
    }
    size_t at = 0;
    for (size_t i = 0; i < m->product_count; i++) {
        size_t k = reversed ? m->product_count - 1 - i : i;
        if (row[1 + k] == 1 && (at >= cell->product_count || cell->products[at++] != &m->products[k])) {
            return false;
        }
    }
    return at == cell->product_count;
}

void coverage_tally(const struct plan *p, const enum coverage_shown *shown,
                    struct coverage_tally *out) {
    const struct plan_coverage *c = p->coverage;
    *out = (struct coverage_tally){.uncovered = mem_zalloc(COVERAGE_NAMED + 1, sizeof(char *))};
    enum coverage_shown *by_row = mem_zalloc(c->row_count + 1, sizeof(*by_row));
    struct tally t = {.c = c, .out = out, .shown = by_row, .update_factor = coverage_update_factor(p->model),
                      .rows = mem_zalloc(c->row_count + 1, sizeof(size_t))};
    size_t cell = 0;
    for (size_t r = 0; r < c->row_count; r++) { /* both are in the order of rows */
        t.rows[r] = r;
        for (; cell < p->cell_count && tally_is_row(p, &p->cells[cell], tally_row(&t, r)); cell++) {
            by_row[r] = shown[cell] > by_row[r] ? shown[cell] : by_row[r];
        }
    }
    tally_run(&t);
    free(by_row);
    free(t.rows);
}

void coverage_tally_clear(struct coverage_tally *t) {
    texts_free_array(t->uncovered);
    *t = (struct coverage_tally){0};
}
