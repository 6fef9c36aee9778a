#include "analysis/gates.h"

#include <stdlib.h>

#include "analysis/stats.h"
#include "base/cleanup.h"
#include "base/str.h"

static enum decision gates_parse(const char *then) {
    for (int d = 0; d < DECISION_COUNT; d++) {
        if (str_eq(decision_name((enum decision)d), then)) {
            return (enum decision)d;
        }
    }
    return DECISION_UNKNOWN;
}

/* Hold outweighs unknown, unknown outweighs ship. */
static enum decision gates_worse(enum decision a, enum decision b) {
    if (a == DECISION_HOLD || b == DECISION_HOLD) {
        return DECISION_HOLD;
    }
    return a == DECISION_UNKNOWN || b == DECISION_UNKNOWN ? DECISION_UNKNOWN : DECISION_SHIP;
}

/* What follows from a verdict when the matrix has no gate for it. */
static enum decision gates_default(enum verdict v) {
    switch (v) {
    case VERDICT_PASS:
        return DECISION_SHIP;
    case VERDICT_UPDATE_REGRESSION:
    case VERDICT_INTERACTION_FAULT:
        return DECISION_HOLD;
    default:
        return DECISION_UNKNOWN;
    }
}

static enum decision gates_by_verdict(const struct model *m, enum verdict v, const char **gate) {
    enum decision said = gates_default(v);
    bool any = false;
    *gate = NULL;
    for (size_t i = 0; i < m->gate_count; i++) {
        const struct model_gate *g = &m->gates[i];
        if (g->kind == GATE_VERDICT && str_eq(g->verdict, verdict_name(v))) {
            enum decision then = gates_parse(g->then);
            if (!any || gates_worse(then, said) != said) {
                said = then;
                *gate = g->id;
            }
            any = true;
        }
    }
    return said;
}

/* A cell that is only too slow is decided by the gates that found it so. */
static enum decision gates_by_metrics(const struct model *m, const struct analysis_cell *cell,
                                      const char **gate) {
    enum decision said = DECISION_SHIP;
    for (size_t k = 0; k < cell->metric_count; k++) {
        const struct model_gate *g =
            cell->metrics[k].regression ? slower_gate(m, cell->metrics[k].gate) : NULL;
        if (g && gates_worse(said, gates_parse(g->then)) != said) {
            said = gates_parse(g->then);
            *gate = g->id;
        }
    }
    return said;
}

/* An interaction that takes the update, and none of products that do not get along without it either. */
static bool gates_is_interaction(const struct analysis_cell *cell) {
    return cell->verdict == VERDICT_INTERACTION_FAULT && cell->blame.update;
}

/* Fails before the update was tried, or products do not get along in any case: nothing is known about the update,
 * whoever is at fault. */
static enum decision gates_cell(const struct model *m, const struct judged *c,
                                const struct analysis_cell *cell, const char **gate) {
    if (c->outcome == OUTCOME_AFTER && judge_is_performance(c->cls) && c->worst) {
        return gates_by_metrics(m, cell, gate);
    }
    enum decision said = gates_by_verdict(m, cell->verdict, gate);
    bool never_tried = c->outcome != OUTCOME_AFTER && c->outcome != OUTCOME_PASS;
    bool anyway = cell->verdict == VERDICT_INTERACTION_FAULT && !gates_is_interaction(cell);
    if (c->plan->update && (never_tried || anyway) && said == DECISION_HOLD) {
        *gate = NULL;
        return DECISION_UNKNOWN;
    }
    return said;
}

static const char *gates_about(const struct analysis_cell *cell) {
    return gates_is_interaction(cell) ? "interaction: " : "";
}

static void gates_reason(const struct analysis_cell *cell, enum decision said, const char *gate,
                         struct texts *reasons) {
    if (said == DECISION_SHIP) {
        if (cell->verdict != VERDICT_PASS) {
            texts_add_once(reasons, "gate %s lets %s pass: %s", gate ? gate : "(default)",
                           verdict_name(cell->verdict), cell->summary);
        }
        return;
    }
    texts_add_once(reasons, "%s%s (cell %s%s%s)", gates_about(cell), cell->summary, cell->id,
                   gate ? ", gate " : "", gate ? gate : "");
}

static void gates_count(const struct judged *c, const struct analysis_cell *cell,
                        struct analysis_update *u) {
    u->cells_planned++;
    u->cells_run += cell->run;
    if (c->outcome == OUTCOME_PASS || c->outcome == OUTCOME_AFTER) {
        u->cells_verdict++;
        u->cells_failed += cell->verdict == VERDICT_UPDATE_REGRESSION || gates_is_interaction(cell);
    }
}

static void gates_passed_reason(const struct analysis_update *u, struct texts *reasons) {
    texts_addf(reasons,
               "no harm in %zu of %zu cells; that few prove the true failure rate only to be below "
               "%.0f %% (95 %% confidence)",
               u->cells_verdict, u->cells_planned, 100 * u->failure_upper);
}

/* Reasons for the decision come first; those for a lesser one follow. */
static void gates_update(const struct analysis *a, const struct judgement *j,
                         const struct model_update *update, struct analysis_update *u) {
    struct texts reasons[DECISION_COUNT] = {{NULL, 0}};
    *u = (struct analysis_update){.id = str_dup(update->id), .decision = DECISION_SHIP};
    for (size_t i = 0; i < a->cell_count; i++) {
        if (j->cells[i].plan->update != update || j->cells[i].plan->minimize) {
            continue;
        }
        const char *gate = NULL;
        enum decision said = gates_cell(a->model, &j->cells[i], &a->cells[i], &gate);
        gates_count(&j->cells[i], &a->cells[i], u);
        gates_reason(&a->cells[i], said, gate, &reasons[said]);
        u->decision = gates_worse(u->decision, said);
    }
    u->failure_upper = stats_rate_upper(u->cells_failed, u->cells_verdict, 0.95);
    if (u->cells_verdict == 0 && u->decision == DECISION_SHIP) {
        u->decision = DECISION_UNKNOWN;
        texts_addf(&reasons[DECISION_UNKNOWN], u->cells_planned ? "no cell of it came to a verdict"
                                                                : "the matrix has no cell for it");
    }
    if (u->decision == DECISION_SHIP) {
        gates_passed_reason(u, &reasons[DECISION_SHIP]);
    }
    static const enum decision order[] = {DECISION_HOLD, DECISION_UNKNOWN, DECISION_SHIP};
    struct texts all = {NULL, 0};
    for (size_t k = 0; k < ARRAY_LEN(order); k++) {
        for (size_t i = 0; i < reasons[order[k]].count; i++) {
            texts_addf(&all, "%s", reasons[order[k]].items[i]);
        }
        texts_free(&reasons[order[k]]);
    }
    u->reasons = texts_take(&all);
}

/* Cells without an update answer no update's question, but their gates speak for the run. */
static enum decision gates_control_cells(const struct analysis *a, const struct judgement *j,
                                         struct texts *reasons) {
    enum decision all = DECISION_SHIP;
    for (size_t i = 0; i < a->cell_count; i++) {
        if (!j->cells[i].plan->update && !j->cells[i].plan->minimize) {
            const char *gate = NULL;
            enum decision said = gates_cell(a->model, &j->cells[i], &a->cells[i], &gate);
            gates_reason(&a->cells[i], said, gate, reasons);
            all = gates_worse(all, said);
        }
    }
    return all;
}

static bool gates_any_verdict(const struct judgement *j) {
    for (size_t i = 0; i < j->count; i++) {
        enum outcome o = j->cells[i].outcome;
        if (o == OUTCOME_PASS || o == OUTCOME_AFTER || o == OUTCOME_BEFORE) {
            return true;
        }
    }
    return false;
}

/* One line for each update of that decision: its first reason. */
static void gates_quote(const struct analysis *a, enum decision d, const char *word,
                        struct texts *reasons) {
    for (size_t i = 0; i < a->update_count; i++) {
        const struct analysis_update *u = &a->updates[i];
        if (u->decision == d) {
            texts_addf(reasons, "%s %s: %s", word, u->id, u->reasons[0] ? u->reasons[0] : "");
        }
    }
}

void gates_decide(struct analysis *a, const struct judgement *j) {
    CLEANUP(texts_free) struct texts controls = {NULL, 0};
    struct texts reasons = {NULL, 0};
    a->updates = mem_zalloc(a->model->update_count, sizeof(*a->updates));
    a->update_count = a->model->update_count;
    a->decision = gates_control_cells(a, j, &controls);
    for (size_t i = 0; i < a->update_count; i++) {
        gates_update(a, j, &a->model->updates[i], &a->updates[i]);
        a->decision = gates_worse(a->decision, a->updates[i].decision);
    }
    gates_quote(a, DECISION_HOLD, "hold", &reasons);
    gates_quote(a, DECISION_UNKNOWN, "not known", &reasons);
    for (size_t i = 0; i < controls.count; i++) {
        texts_addf(&reasons, "%s", controls.items[i]);
    }
    if (!gates_any_verdict(j) && a->decision != DECISION_HOLD) {
        a->decision = DECISION_UNKNOWN;
        texts_addf(&reasons, "no cell came to a verdict");
    }
    if (a->decision == DECISION_SHIP) {
        texts_addf(&reasons, "every update came to a verdict and no gate objects");
    }
    a->reasons = texts_take(&reasons);
}
