#include "analysis/analysis.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/gates.h"
#include "analysis/minimize.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "plan/confirm.h"
#include "plan/minimize.h"

static void analysis_free_ptr(struct analysis **a) {
    analysis_free(*a);
}

/* A run may have been limited to some of the matrix' cells; the plan it kept says to which. */
static bool analysis_was_planned(const json_t *plan, const char *cell_id) {
    const json_t *cells = json_object_get(plan, "cells");
    size_t i;
    json_t *cell;
    if (!json_is_array(cells)) {
        return true;
    }
    json_array_foreach(cells, i, cell) {
        if (str_eq(json_string_value(json_object_get(cell, "id")), cell_id)) {
            return true;
        }
    }
    return false;
}

static void analysis_keep_planned(struct plan *plan, const json_t *kept) {
    size_t out = 0;
    for (size_t i = 0; i < plan->cell_count; i++) {
        if (analysis_was_planned(kept, plan->cells[i].id)) {
            struct plan_cell moved = plan->cells[out];
            plan->cells[out] = plan->cells[i];
            plan->cells[i] = moved;
            out++;
        }
    }
    for (size_t i = out; i < plan->cell_count; i++) { /* cells beyond the count are nobody's */
        free(plan->cells[i].id);
        free(plan->cells[i].products);
        free(plan->cells[i].steps);
    }
    plan->cell_count = out;
}

/* A run may have repeated cells to confirm a failure, and run others to shrink one: each is a cell of its own. */
static int analysis_add_extra(const char *cell, void *ctx) {
    int k;
    confirm_split(cell, &k);
    if (minimize_number(cell) > 0) {
        minimize_add(ctx, cell);
    } else if (k > 0) {
        confirm_add(ctx, cell);
    }
    return 0;
}

static int analysis_load(struct journal *j, struct analysis *a, struct err *err) {
    if (journal_read_run(j, &a->run, err)) {
        return -1;
    }
    struct diags diags = DIAGS_INIT;
    a->model = model_from_source(a->run.matrix, &diags);
    a->plan = a->model ? plan_build_kept(a->model, a->run.plan, &diags) : NULL;
    int rc = 0;
    if (!a->plan) {
        rc = err_set(err, ERR_INPUT, "the matrix kept in the journal is not understood: %s",
                     diags.count ? diags.items[0].message : "no reason given");
    } else {
        analysis_keep_planned(a->plan, a->run.plan);
        rc = journal_each_cell(j, analysis_add_extra, a->plan, err);
    }
    diags_free(&diags);
    return rc;
}

/* Metrics of a cell that never got to both phases have nothing to be compared with, but are shown. */
static struct slower_cell *analysis_metrics(const struct analysis *a, const struct facts *facts,
                                            const struct judgement *j) {
    struct slower_cell *slow = mem_zalloc(facts->count, sizeof(*slow));
    for (size_t i = 0; i < facts->count; i++) {
        const struct plan_cell *p = facts->cells[i].plan;
        slow[i] = (struct slower_cell){.image = p->image, .update = p->update ? p->update->id : NULL,
                                       .set = j->cells[i].set, .samples = &facts->cells[i].samples};
    }
    slower_find(a->model, slow, facts->count);
    return slow;
}

static void analysis_evidence(const struct judged *c, struct cell_facts *facts,
                              struct analysis_cell *cell) {
    struct texts all = {NULL, 0};
    for (size_t i = 0; i < facts->earlier.count; i++) {
        texts_addf(&all, "%s", facts->earlier.items[i]);
    }
    for (size_t i = 0; i < facts->evidence.count; i++) {
        texts_addf(&all, "%s", facts->evidence.items[i]);
    }
    if (c->crash.how) {
        texts_addf(&all, "%s: %s", c->crash.kernel ? "kernel dump" : "process dump", c->crash.how);
    }
    if (c->crash.problem) {
        texts_addf(&all, "dump not read: %s", c->crash.problem);
    }
    for (size_t i = 0; i < c->witness.count; i++) {
        texts_add_once(&all, "%s", c->witness.lines[i].text);
    }
    for (size_t k = 0; k < cell->metric_count; k++) {
        const struct analysis_metric *m = &cell->metrics[k];
        if (m->note) {
            texts_addf(&all, "%s %+.0f %%: %s", m->name, m->change_percent, m->note);
        }
    }
    cell->evidence = texts_take(&all);
}

/* What was observed, and behind each artifact what was read in it. Moments move from the facts to the cell. */
static void analysis_moments(const struct judged *c, struct cell_facts *facts, struct analysis_cell *cell) {
    const struct witness *w = &c->witness;
    cell->moments = mem_zalloc(facts->moment_count + w->count + 1, sizeof(*cell->moments));
    for (size_t i = 0; i < facts->moment_count; i++) {
        cell->moments[cell->moment_count++] = facts->moments[i];
        for (size_t k = 0; k < w->count; k++) {
            if (w->lines[k].moment == i) {
                bool screen = strncmp(w->lines[k].text, "screen", 6) == 0;
                cell->moments[cell->moment_count++] = (struct analysis_moment){
                    facts->moments[i].at_ms, screen ? "screen" : "log", str_dup(w->lines[k].text)};
            }
        }
    }
    free(facts->moments);
    facts->moments = NULL;
    facts->moment_count = 0;
}

/* Artifacts, steps and metrics move from the facts to the cell. */
static void analysis_cell_fill(const struct judgement *j, size_t at, struct cell_facts *facts,
                               struct slower_cell *slow, struct analysis_cell *cell) {
    const struct judged *c = &j->cells[at];
    *cell = (struct analysis_cell){
        .id = str_dup(c->plan->id), .plan = c->plan, .run = facts->begun,
        .complete = facts->ended && facts->complete, .attempts = facts->attempts,
        .repetitions = c->repetitions, .repetitions_failed = c->failed,
        .boots = c->primary ? c->primary->boots : 0,
        .host = STEAL(facts->host), .metrics = STEAL(slow->metrics), .metric_count = slow->metric_count,
        .artifacts = STEAL(facts->artifacts), .artifact_count = facts->artifact_count,
        .steps = STEAL(facts->steps), .step_count = facts->step_count,
    };
    facts->artifact_count = 0;
    facts->step_count = 0;
    cell->drills = STEAL(facts->drills);
    cell->drill_count = facts->drill_count;
    facts->drill_count = 0;
    attribution_decide(j, at, cell);
    cell->summary = summary_make(c, cell);
    cell->detail = summary_detail(c);
    analysis_evidence(c, facts, cell);
    analysis_moments(c, facts, cell);
    cell->earlier = texts_take(&facts->earlier);
}

bool analysis_came_to_verdict(const struct analysis_cell *c) {
    return c->verdict != VERDICT_INCONCLUSIVE && c->verdict != VERDICT_INFRASTRUCTURE_ERROR;
}

/* Only what really came to a verdict covers anything, and nobody saw an update that was never applied. */
static enum coverage_shown analysis_shown(const struct analysis_cell *c) {
    if (!analysis_came_to_verdict(c)) {
        return COVERAGE_NOTHING;
    }
    return c->failed_before && c->plan->update ? COVERAGE_BEFORE_UPDATE : COVERAGE_WHOLE;
}

static void analysis_cover(struct analysis *a) {
    if (!a->plan->coverage) {
        return;
    }
    enum coverage_shown *shown = mem_zalloc(a->cell_count + 1, sizeof(*shown));
    for (size_t i = 0; i < a->cell_count; i++) {
        shown[i] = analysis_shown(&a->cells[i]);
    }
    coverage_tally(a->plan, shown, &a->covered);
    free(shown);
}

/* Whether the matrix installs the same products in several orders. */
static bool analysis_has_orders(const struct judgement *j) {
    for (size_t i = 0; i < j->count; i++) {
        const struct judged *c = &j->cells[i];
        for (size_t k = 0; k < i && !c->plan->minimize; k++) {
            const struct judged *o = &j->cells[k];
            if (str_eq(c->set, o->set) && memcmp(c->plan->products, o->plan->products,
                                                 c->plan->product_count * sizeof(*c->plan->products)) != 0) {
                return true;
            }
        }
    }
    return false;
}

static void analysis_minimize(struct analysis *a, struct judgement *j, int budget) {
    struct texts wanted = {NULL, 0};
    for (size_t i = 0; i < j->count; i++) {
        a->minimize_runs += j->cells[i].plan->minimize > 0;
    }
    a->minimize_budget = budget;
    a->minimizes = budget > 0 || a->minimize_runs > 0;
    if (a->minimizes) {
        minimize_sets(j, analysis_has_orders(j), budget, &wanted);
    }
    a->wanted = texts_take(&wanted);
}

static void analysis_judge(struct analysis *a, struct facts *facts, const char *artifact_dir, int budget) {
    struct judgement j = {.model = a->model};
    judge_outcomes(&j, facts, artifact_dir);
    struct slower_cell *slow = analysis_metrics(a, facts, &j);
    judge_slower(&j, slow);
    analysis_minimize(a, &j, budget);
    a->cells = mem_zalloc(facts->count, sizeof(*a->cells));
    for (size_t i = 0; i < facts->count; i++) {
        analysis_cell_fill(&j, i, &facts->cells[i], &slow[i], &a->cells[i]);
        a->cell_count++;
    }
    gates_decide(a, &j);
    analysis_cover(a);
    for (size_t i = 0; i < facts->count; i++) {
        free(slow[i].compares);
    }
    free(slow);
    a->minimal = STEAL(j.minimal);
    a->minimal_count = j.minimal_count;
    j.minimal_count = 0;
    judge_clear(&j);
}

struct analysis *analysis_run(struct journal *j, const char *artifact_dir, struct err *err) {
    return analysis_run_minimize(j, artifact_dir, -1, err);
}

struct analysis *analysis_run_minimize(struct journal *j, const char *artifact_dir, int budget, struct err *err) {
    CLEANUP(analysis_free_ptr) struct analysis *a = mem_zalloc(1, sizeof(*a));
    CLEANUP(facts_free) struct facts facts = {NULL, 0, 0};
    if (analysis_load(j, a, err) || facts_collect(j, a->plan, &facts, err)) {
        err_prefix(err, "analysis");
        return NULL;
    }
    analysis_judge(a, &facts, artifact_dir, budget < 0 ? a->model->minimize : budget);
    return STEAL(a);
}

static void analysis_cell_clear(struct analysis_cell *c) {
    free(c->id);
    free(c->blame.product);
    free(c->blame.vendor);
    free(c->blame.update);
    free(c->blame.module);
    free(c->blame.with);
    free(c->blame.reason);
    free(c->host);
    free(c->summary);
    free(c->detail);
    texts_free_array(c->evidence);
    texts_free_array(c->earlier);
    for (size_t i = 0; i < c->metric_count; i++) {
        compare_metric_clear(&c->metrics[i]);
    }
    for (size_t i = 0; i < c->artifact_count; i++) {
        facts_artifact_clear(&c->artifacts[i]);
    }
    for (size_t i = 0; i < c->step_count; i++) {
        facts_step_clear(&c->steps[i]);
    }
    facts_moments_free(c->moments, c->moment_count);
    free(c->metrics);
    free(c->artifacts);
    free(c->steps);
    for (size_t i = 0; i < c->drill_count; i++) {
        facts_drill_clear(&c->drills[i]);
    }
    free(c->drills);
}

void analysis_free(struct analysis *a) {
    if (!a) {
        return;
    }
    for (size_t i = 0; i < a->cell_count; i++) {
        analysis_cell_clear(&a->cells[i]);
    }
    for (size_t i = 0; i < a->update_count; i++) {
        free(a->updates[i].id);
        texts_free_array(a->updates[i].reasons);
    }
    free(a->cells);
    free(a->updates);
    texts_free_array(a->reasons);
    texts_free_array(a->wanted);
    minimize_clear(a->minimal, a->minimal_count);
    coverage_tally_clear(&a->covered);
    journal_run_clear(&a->run);
    plan_free(a->plan);
    model_free(a->model);
    free(a);
}
