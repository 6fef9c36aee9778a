/* What is left to do, in time; learns as the run goes on. */
#include <string.h>

#include "run/sched_state.h"

/* What older runs taught counts as much as so many steps of this one. */
#define ETA_OLD 3
/* Everything is estimated anew after so many steps seen, and each time they have quadrupled. */
#define ETA_RELEARN 16

double sched_eta_cell_ms(const struct sched *s, size_t cell) {
    return s->segments[s->tree->leaf[cell]].at_ms;
}

static void eta_estimate(struct sched *s) {
    s->eta.longest_ms = 0;
    for (size_t i = 0; i < s->tree->count; i++) {
        const struct tree_segment *t = &s->tree->segments[i];
        const struct plan_cell *c = &s->o->plan->cells[t->cell];
        double before = t->parent == TREE_NONE ? 0 : s->segments[t->parent].at_ms;
        double at = before + estimate_steps(&s->eta.seen, c, t->first, t->end);
        s->segments[i].at_ms = at;
        s->eta.longest_ms = at > s->eta.longest_ms ? at : s->eta.longest_ms;
    }
}

void sched_eta_init(struct sched *s) {
    estimate_init(&s->eta.seen);
    s->eta.told_at = -CLOCK_S;
    s->eta.relearn_at = ETA_RELEARN;
    if (s->o->estimate) {
        s->eta.seen = *s->o->estimate;
        for (int k = 0; k < STEP_KIND_COUNT; k++) {
            if (s->eta.seen.seen[k] > ETA_OLD) {
                s->eta.seen.sum_ms[k] = ETA_OLD * estimate_step(&s->eta.seen, (enum step_kind)k);
                s->eta.seen.seen[k] = ETA_OLD;
            }
        }
    }
    eta_estimate(s);
}

void sched_eta_learn(struct sched *s, const struct observation *step_end) {
    if (json_object_get(step_end->data, "skipped")) {
        return;
    }
    estimate_learn(&s->eta.seen, step_end->kind,
                   json_integer_value(json_object_get(step_end->data, "ms")));
    if (++s->eta.learned < s->eta.relearn_at) {
        return;
    }
    s->eta.relearn_at *= 4;
    eta_estimate(s);
    for (size_t i = 0; i < s->o->plan->cell_count; i++) {
        if (s->cells[i].state == SCHED_WAITING) {
            sched_rank_set(s->rank, s->tree->segments[s->tree->leaf[i]].order,
                           sched_eta_cell_ms(s, i));
        }
    }
}

void sched_eta_owe(struct sched *s, uint32_t segment) {
    struct sched_segment *g = &s->segments[segment];
    const struct tree_segment *t = &s->tree->segments[segment];
    bool owed = g->waiting > 0 && g->sites == 0;
    if (owed == g->owed) {
        return;
    }
    g->owed = owed;
    const struct plan_cell *c = &s->o->plan->cells[t->cell];
    for (uint32_t i = t->first; i < t->end; i++) {
        s->eta.owed[c->steps[i].kind] += owed ? 1 : -1;
    }
}

double sched_eta_owed_ms(const struct sched *s) {
    double ms = 0;
    for (int k = 0; k < STEP_KIND_COUNT; k++) {
        ms += s->eta.owed[k] * estimate_step(&s->eta.seen, (enum step_kind)k);
    }
    return ms;
}

double sched_eta_slot_ms(const struct sched *s, const struct sched_slot *slot) {
    const struct plan_cell *c = &s->o->plan->cells[slot->cell];
    size_t from = slot->step < 0 ? slot->from_steps : (size_t)slot->step;
    return estimate_steps(&s->eta.seen, c, from, c->step_count);
}

int64_t sched_eta_ms(struct sched *s) {
    int64_t now = clock_now(s->o->clock);
    if (!estimate_is_learned(&s->eta.seen)) {
        return -1;
    }
    if (now - s->eta.told_at < CLOCK_S) {
        return s->eta.told_ms;
    }
    double total = sched_eta_owed_ms(s), longest = 0;
    for (int i = 0; i < s->slot_count && s->running > 0; i++) {
        const struct sched_slot *slot = &s->slots[i];
        if (slot->busy) {
            double left = sched_eta_slot_ms(s, slot);
            total += left;
            longest = left > longest ? left : longest;
        }
    }
    double shared = total / (s->alive_slots > 0 ? s->alive_slots : 1);
    s->eta.told_at = now;
    s->eta.told_ms = (int64_t)(shared > longest ? shared : longest);
    return s->eta.told_ms;
}
