#include "plan/estimate.h"

#include <assert.h>
#include <string.h>

#include "base/cleanup.h"

/* Means of the demo matrix on a busy two-core host under emulation, rounded up. */
static const double estimate_table[] = {
    [STEP_PROVISION] = 500, [STEP_BOOT] = 10000,  [STEP_INSTALL] = 6000,
    [STEP_VERIFY] = 8000,   [STEP_DETECT] = 1000,  [STEP_MEASURE] = 50000,
    [STEP_APPLY] = 2500,    [STEP_TOOK] = 500,     [STEP_REBOOT] = 15000,
    [STEP_SOAK] = 20000,    [STEP_ROLLBACK] = 5000, [STEP_UNINSTALL] = 6000,
    [STEP_COLLECT] = 2500,  [STEP_DRILL] = 100,     [STEP_TEARDOWN] = 500,
};
static_assert(ARRAY_LEN(estimate_table) == STEP_KIND_COUNT, "a time for every kind of step");

void estimate_init(struct estimate *e) {
    *e = (struct estimate){.save_ms = 2500, .restore_ms = 2500};
}

void estimate_learn(struct estimate *e, const char *kind, int64_t ms) {
    for (int k = 0; k < STEP_KIND_COUNT; k++) {
        if (strcmp(kind, step_kind_name((enum step_kind)k)) == 0) {
            e->sum_ms[k] += (double)ms;
            e->seen[k]++;
            return;
        }
    }
}

double estimate_step(const struct estimate *e, enum step_kind k) {
    return e->seen[k] ? e->sum_ms[k] / (double)e->seen[k] : estimate_table[k];
}

double estimate_steps(const struct estimate *e, const struct plan_cell *cell, size_t from,
                      size_t to) {
    double ms = 0;
    for (size_t i = from; i < to; i++) {
        ms += estimate_step(e, cell->steps[i].kind);
    }
    return ms;
}

bool estimate_is_learned(const struct estimate *e) {
    for (int k = 0; k < STEP_KIND_COUNT; k++) {
        if (e->seen[k]) {
            return true;
        }
    }
    return false;
}

void estimate_tree(const struct estimate *e, const struct tree *t, struct estimate_plan *out) {
    *out = (struct estimate_plan){0};
    for (size_t i = 0; i < t->count; i++) {
        const struct tree_segment *s = &t->segments[i];
        const struct plan_cell *c = &t->plan->cells[s->cell];
        out->shared_ms += estimate_steps(e, c, s->first, s->end);
        if (s->child != TREE_NONE) { /* saved once, restored for each child but the first */
            out->states++;
            out->shared_ms += e->save_ms - e->restore_ms;
            for (uint32_t k = s->child; k != TREE_NONE; k = t->segments[k].next) {
                out->shared_ms += e->restore_ms;
            }
            continue;
        }
        double alone = estimate_steps(e, c, 0, c->step_count);
        out->apart_ms += alone;
        out->longest_ms = alone > out->longest_ms ? alone : out->longest_ms;
    }
}

double estimate_wall_ms(const struct estimate_plan *p, bool sharing, int jobs) {
    double each = (sharing ? p->shared_ms : p->apart_ms) / jobs;
    return each > p->longest_ms ? each : p->longest_ms;
}
