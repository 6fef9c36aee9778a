#include <string.h>

#include "run/sched_state.h"

void sched_eta_learn(struct sched_eta *e, const char *kind, int64_t ms) {
    for (int k = 0; k < STEP_KIND_COUNT; k++) {
        if (strcmp(kind, step_kind_name((enum step_kind)k)) == 0) {
            e->sum_ms[k] += (double)ms;
            e->count[k]++;
            return;
        }
    }
}

/* Steps of a kind never finished yet count as nothing: the figure grows more honest as the run goes
 * on. */
static double eta_steps(const struct sched_eta *e, const struct plan_cell *cell, size_t from) {
    double ms = 0;
    for (size_t i = from; i < cell->step_count; i++) {
        enum step_kind k = cell->steps[i].kind;
        ms += e->count[k] ? e->sum_ms[k] / (double)e->count[k] : 0;
    }
    return ms;
}

int64_t sched_eta_ms(const struct sched *s) {
    const struct plan *plan = s->o->plan;
    double total = 0, longest = 0;
    size_t known = 0;
    for (int k = 0; k < STEP_KIND_COUNT; k++) {
        known += s->eta.count[k];
    }
    if (known == 0) {
        return -1;
    }
    for (size_t i = 0; i < plan->cell_count; i++) {
        if (s->cells[i].state == SCHED_WAITING) {
            total += eta_steps(&s->eta, &plan->cells[i], 0);
        }
    }
    for (int i = 0; i < s->slot_count; i++) {
        const struct sched_slot *slot = &s->slots[i];
        if (slot->busy) {
            size_t from = slot->step < 0 ? 0 : (size_t)slot->step;
            double left = eta_steps(&s->eta, &plan->cells[slot->cell], from);
            total += left;
            longest = left > longest ? left : longest;
        }
    }
    double shared = total / s->slot_count;
    return (int64_t)(shared > longest ? shared : longest);
}
