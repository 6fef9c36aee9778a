#include "plan/plan.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "model/subsets.h"
#include "plan/coverage.h"
#include "plan/plan_impl.h"

static uint64_t plan_set_cells(const struct model *m, const struct model_set *set) {
    uint64_t orders = m->all_orders ? subsets_orders(set->count) : 1;
    return subsets_multiply(orders, subsets_add(set->update_count, set->control));
}

static uint64_t plan_count(const struct model *m) {
    uint64_t cells = 0;
    for (size_t i = 0; i < m->set_count; i++) {
        cells = subsets_add(cells, plan_set_cells(m, &m->sets[i]));
    }
    cells = subsets_multiply(cells, m->image_count);
    return subsets_multiply(cells, (uint64_t)m->repetitions);
}

/* A control cell has no update, so nothing that deals with one. */
static bool plan_wants_step(enum step_kind k, bool control) {
    return !control || (k != STEP_APPLY && k != STEP_TOOK && k != STEP_ROLLBACK);
}

static void plan_add_step(struct plan_cell *c, struct model_step step, enum plan_phase phase,
                          int product) {
    c->steps[c->step_count++] = (struct plan_step){step.kind, phase, product, step.fresh, 0};
}

static void plan_add_own(struct plan_cell *c, enum step_kind kind, enum plan_phase phase) {
    plan_add_step(c, (struct model_step){kind, step_kind_is_fresh(kind)}, phase, -1);
}

/* One step for each product, so that {a} and {a, b} have the first install in common. */
static void plan_add_installs(struct plan_cell *c, struct model_step step, enum plan_phase phase) {
    for (size_t i = 0; i < c->product_count; i++) {
        plan_add_step(c, step, phase, (int)i);
    }
}

/* What repetitions of a cell may have in common ends where the update is applied; in a matrix or a cell without one,
 * behind the installations. One that did nothing by itself but be taken down would be none. own: the first step that
 * is not the matrix's. */
static void plan_part(struct plan_cell *c, size_t apply, size_t own) {
    size_t first = own, behind = own;
    for (size_t i = 0; i < own; i++) {
        if (c->steps[i].kind == STEP_INSTALL) {
            first = first == own ? i : first;
            behind = i + 1;
        }
    }
    size_t at = apply < own ? apply : behind < own ? behind : first < own ? first : 1; /* the boot */
    c->steps[at].part = c->repetition - 1;
}

static void plan_fill_steps(struct plan_cell *c, const struct model *m) {
    enum plan_phase phase = PHASE_BEFORE;
    size_t apply = SIZE_MAX;
    c->steps = mem_zalloc(m->step_count + c->product_count + 5, sizeof(*c->steps));
    plan_add_own(c, STEP_PROVISION, phase);
    plan_add_own(c, STEP_BOOT, phase);
    for (size_t i = 0; i < m->step_count; i++) {
        struct model_step step = m->steps[i];
        apply = step.kind == STEP_APPLY ? c->step_count : apply; /* or its place in a control */
        if (!plan_wants_step(step.kind, c->update == NULL)) {
            continue;
        }
        phase = step.kind == STEP_APPLY ? PHASE_AFTER : phase;
        if (step.kind == STEP_INSTALL) {
            plan_add_installs(c, step, phase);
        } else {
            plan_add_step(c, step, phase, -1);
        }
    }
    plan_part(c, apply, c->step_count);
    plan_add_own(c, STEP_COLLECT, phase);
    if (m->drills && c->update) {
        plan_add_own(c, STEP_DRILL, phase);
    }
    plan_add_own(c, STEP_TEARDOWN, phase);
}

static char *plan_name_cell(const struct plan_cell *c) {
    struct str s = STR_INIT;
    str_addf(&s, "%s/", c->image);
    for (size_t i = 0; i < c->product_count; i++) {
        str_addf(&s, "%s%s", i ? "+" : "", c->products[i]->id);
    }
    str_addf(&s, "/%s/%d", c->update ? c->update->id : "none", c->repetition);
    return str_take(&s);
}

void plan_add_cell(const struct plan_walk *w, const struct model_update *update, int repetition) {
    struct plan_cell *c = &w->plan->cells[w->plan->cell_count++];
    c->image = w->image;
    c->products = mem_zalloc(w->set->count, sizeof(struct model_product *));
    c->product_count = w->set->count;
    for (size_t i = 0; i < w->set->count; i++) {
        c->products[i] = w->set->products[w->order[i]];
    }
    c->update = update;
    c->repetition = repetition;
    c->id = plan_name_cell(c);
    plan_fill_steps(c, w->plan->model);
}

static void plan_add_order(const struct plan_walk *w) {
    for (int r = 1; w->set->control && r <= w->plan->model->repetitions; r++) {
        plan_add_cell(w, NULL, r);
    }
    for (size_t u = 0; u < w->set->update_count; u++) {
        for (int r = 1; r <= w->plan->model->repetitions; r++) {
            plan_add_cell(w, w->set->updates[u], r);
        }
    }
}

static void plan_add_set(struct plan *p, const char *image, const struct model_set *set) {
    size_t *order = mem_zalloc(set->count, sizeof(*order));
    subsets_first(order, set->count);
    struct plan_walk w = {p, image, set, order};
    do {
        plan_add_order(&w);
    } while (p->model->all_orders && subsets_next_order(order, set->count));
    free(order);
}

/* The loader has refused such a matrix, with its place; a model made otherwise is caught here. */
static bool plan_is_too_large(const struct model *m, struct diags *diags) {
    uint64_t cells = plan_count(m);
    if (cells > PLAN_CELLS_MAX) {
        diags_add(diags, m->path, (struct diag_pos){0, 0}, "too-many-cells",
                  "reduce images, product sets, install orders, updates or repetitions",
                  "this matrix makes %s%" PRIu64 " cells, at most %u are planned",
                  cells == UINT64_MAX ? "more than " : "", cells, PLAN_CELLS_MAX);
        return true;
    }
    for (size_t i = 0; m->all_orders && i < m->set_count; i++) {
        uint64_t orders = subsets_orders(m->sets[i].count);
        if (orders > PLAN_ORDERS_MAX) {
            diags_add(diags, m->path, (struct diag_pos){0, 0}, "too-many-cells",
                      "use \"install_orders\": \"listed\", or smaller sets",
                      "%zu products have %" PRIu64 " install orders, at most %u are run",
                      m->sets[i].count, orders, PLAN_ORDERS_MAX);
            return true;
        }
    }
    return false;
}

static void plan_free_ptr(struct plan **p) {
    plan_free(*p);
}

static struct plan *plan_build_rows(const struct model *m, const json_t *kept,
                                    struct diags *diags) {
    CLEANUP(plan_free_ptr) struct plan *p = mem_zalloc(1, sizeof(*p));
    p->model = m;
    p->coverage = kept ? coverage_from_json(m, kept) : NULL;
    p->coverage = p->coverage ? p->coverage : coverage_generate(m, diags);
    if (!p->coverage || coverage_add_cells(p, diags) < 0) {
        return NULL;
    }
    return STEAL(p);
}

struct plan *plan_build_kept(const struct model *m, const json_t *kept, struct diags *diags) {
    return m->coverage ? plan_build_rows(m, json_object_get(kept, "coverage"), diags)
                       : plan_build(m, diags);
}

struct plan *plan_build(const struct model *m, struct diags *diags) {
    if (m->coverage) {
        return plan_build_rows(m, NULL, diags);
    }
    if (plan_is_too_large(m, diags)) {
        return NULL;
    }
    struct plan *p = mem_zalloc(1, sizeof(*p));
    p->model = m;
    p->cells = mem_zalloc((size_t)plan_count(m), sizeof(*p->cells));
    for (size_t i = 0; i < m->image_count; i++) {
        for (size_t s = 0; s < m->set_count; s++) {
            plan_add_set(p, m->images[i], &m->sets[s]);
        }
    }
    return p;
}

void plan_free(struct plan *p) {
    if (!p) {
        return;
    }
    for (size_t i = 0; i < p->cell_count; i++) {
        free(p->cells[i].id);
        free(p->cells[i].products);
        free(p->cells[i].steps);
    }
    coverage_free_rows(p->coverage);
    free(p->cells);
    free(p);
}

const struct plan_cell *plan_find(const struct plan *p, const char *cell_id) {
    for (size_t i = 0; i < p->cell_count; i++) {
        if (str_eq(p->cells[i].id, cell_id)) {
            return &p->cells[i];
        }
    }
    return NULL;
}

bool plan_resumes(const struct plan_cell *c, size_t steps) {
    bool before = false, after = false;
    for (size_t i = 0; i < c->step_count; i++) {
        enum step_kind k = c->steps[i].kind;
        if (c->steps[i].fresh && k != STEP_COLLECT && k != STEP_DRILL && k != STEP_TEARDOWN) {
            *(i < steps ? &before : &after) = true;
        }
    }
    return steps > 0 && steps + 1 < c->step_count && !(before && after);
}

static json_t *plan_step_to_json(const struct plan_cell *c, const struct plan_step *step) {
    json_t *j = json_pack("{s:s, s:s, s:b}", "step", step_kind_name(step->kind), "phase",
                          step->phase == PHASE_AFTER ? "after" : "before", "fresh", step->fresh);
    if (step->product >= 0) {
        json_object_set_new(j, "product", json_string(c->products[step->product]->id));
    }
    return j;
}

static json_t *plan_cell_to_json(const struct plan_cell *c) {
    json_t *products = json_array();
    for (size_t i = 0; i < c->product_count; i++) {
        json_array_append_new(products, json_string(c->products[i]->id));
    }
    json_t *steps = json_array();
    for (size_t i = 0; i < c->step_count; i++) {
        json_array_append_new(steps, plan_step_to_json(c, &c->steps[i]));
    }
    return json_pack("{s:s, s:s, s:o, s:s?, s:i, s:o}", "id", c->id, "image", c->image, "products",
                     products, "update", c->update ? c->update->id : NULL, "repetition",
                     c->repetition, "steps", steps);
}

json_t *plan_to_json(const struct plan *p) {
    json_t *cells = json_array();
    for (size_t i = 0; i < p->cell_count; i++) {
        json_array_append_new(cells, plan_cell_to_json(&p->cells[i]));
    }
    json_t *plan = json_pack("{s:s, s:s, s:s, s:I, s:o}", "format", "coexist-plan/1", "matrix",
                             p->model->name, "matrix_sha256", p->model->sha256, "cell_count",
                             (json_int_t)p->cell_count, "cells", cells);
    if (p->coverage) {
        json_object_set_new(plan, "coverage", coverage_to_json(p->coverage));
    }
    return plan;
}
