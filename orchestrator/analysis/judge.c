#include "analysis/judge.h"

#include <stdlib.h>

#include "analysis/minimize.h"
#include "base/str.h"

bool judge_is_crash(enum failure_class cls) {
    return cls == FAILURE_KERNEL_CRASH || cls == FAILURE_BOOT_LOOP || cls == FAILURE_NO_BOOT ||
           cls == FAILURE_UNASKED_RESTART || cls == FAILURE_HANG;
}

bool judge_is_performance(enum failure_class cls) {
    return cls == FAILURE_SLOWER || cls == FAILURE_RESOURCE_RUNAWAY;
}

bool judge_is_measured(const struct judged *c) {
    return judge_is_performance(c->cls) && !c->primary;
}

/* A crash hides everything else, so it can be the cause of any failure; being slow is the cause of none but itself. */
bool judge_same_family(const struct judged *a, const struct judged *b) {
    return judge_is_measured(a) == judge_is_measured(b);
}

static enum outcome judge_outcome(const struct cell_facts *facts, const struct fact_failure *f) {
    if (!facts->begun) {
        return OUTCOME_NOT_RUN;
    }
    if (f && failure_class_is_infrastructure(f->cls)) {
        return OUTCOME_LAB;
    }
    if (!facts->ended || !facts->complete || (f && f->cls == FAILURE_NOT_KNOWN)) {
        return OUTCOME_OPEN;
    }
    if (!f) {
        return OUTCOME_PASS;
    }
    return f->after && facts->plan->update ? OUTCOME_AFTER : OUTCOME_BEFORE;
}

/* A program of the system that crashed somewhere is not what took the whole system down. */
static void judge_weigh_crash(struct judged *c) {
    if (judge_is_crash(c->cls) && !c->crash.kernel && !c->crash.owner) {
        free(c->crash.module);
        c->crash.module = NULL;
    }
}

/* Failures of which the screen may tell more: the guest crashed, hung, did not boot, or nobody knows. */
static bool judge_screen_tells(const struct judged *c) {
    return judge_is_crash(c->cls) || (c->primary && c->cls == FAILURE_NOT_KNOWN);
}

void judge_outcomes(struct judgement *j, const struct facts *facts, const char *artifact_dir) {
    j->cells = mem_zalloc(facts->count, sizeof(*j->cells));
    j->count = facts->count;
    struct witness_cache seen = {0};
    for (size_t i = 0; i < facts->count; i++) {
        const struct cell_facts *f = &facts->cells[i];
        struct judged *c = &j->cells[i];
        c->plan = f->plan;
        c->facts = f;
        c->set = slower_set_name(f->plan);
        c->primary = facts_primary(f);
        c->cls = c->primary ? c->primary->cls : FAILURE_NONE;
        c->outcome = judge_outcome(f, c->primary);
        crash_read(j->model, artifact_dir, f, &c->crash);
        judge_weigh_crash(c);
        witness_read(j->model, artifact_dir, f, judge_screen_tells(c), &seen, &c->witness);
    }
    witness_cache_clear(&seen);
}

static const struct analysis_metric *judge_worst(const struct slower_cell *slow, bool doubtful) {
    const struct analysis_metric *worst = NULL;
    for (size_t k = 0; k < slow->metric_count; k++) {
        const struct analysis_metric *m = &slow->metrics[k];
        if ((doubtful ? m->doubtful : m->regression) && (!worst || m->change_low > worst->change_low)) {
            worst = m;
        }
    }
    return worst;
}

/* Time lost is "slower"; memory, processor, handles and disk taken are "resource-runaway". */
static enum failure_class judge_metric_class(const struct analysis_metric *m) {
    return str_eq(m->unit, "ms") ? FAILURE_SLOWER : FAILURE_RESOURCE_RUNAWAY;
}

bool judge_same_combination(const struct plan_cell *a, const struct plan_cell *b) {
    if (!str_eq(a->image, b->image) || a->update != b->update ||
        a->product_count != b->product_count) {
        return false;
    }
    for (size_t i = 0; i < a->product_count; i++) {
        if (a->products[i] != b->products[i]) {
            return false;
        }
    }
    return true;
}

/* Whether a run says how often the combination fails: it passed, a product failed, or something nobody knows did. */
static bool judge_tells(const struct judged *o) {
    bool riddle = o->outcome == OUTCOME_OPEN && o->cls == FAILURE_NOT_KNOWN && o->facts->ended &&
                  o->facts->complete;
    return riddle || o->outcome == OUTCOME_PASS || o->outcome == OUTCOME_AFTER ||
           o->outcome == OUTCOME_BEFORE;
}

static void judge_count_repetitions(struct judgement *j, struct judged *c) {
    for (size_t i = 0; i < j->count; i++) {
        const struct judged *o = &j->cells[i];
        if (judge_tells(o) && judge_same_combination(c->plan, o->plan)) {
            c->repetitions++;
            c->failed += o->outcome != OUTCOME_PASS;
            c->alike += o->outcome != OUTCOME_PASS && o->cls == c->cls;
            c->confirms += o->plan->confirm > 0;
        }
    }
}

void judge_slower(struct judgement *j, const struct slower_cell *slow) {
    for (size_t i = 0; i < j->count; i++) {
        struct judged *c = &j->cells[i];
        c->worst = judge_worst(&slow[i], false);
        if (c->worst && c->outcome == OUTCOME_PASS) {
            c->outcome = OUTCOME_AFTER;
            c->cls = judge_metric_class(c->worst);
        }
        const struct analysis_metric *doubtful = judge_worst(&slow[i], true);
        if (doubtful && c->outcome == OUTCOME_PASS) {
            c->worst = doubtful;
            c->outcome = OUTCOME_OPEN;
        }
    }
    for (size_t i = 0; i < j->count; i++) {
        judge_count_repetitions(j, &j->cells[i]);
    }
}

void judge_clear(struct judgement *j) {
    for (size_t i = 0; i < j->count; i++) {
        free(j->cells[i].set);
        crash_clear(&j->cells[i].crash);
        witness_clear(&j->cells[i].witness);
    }
    minimize_clear(j->minimal, j->minimal_count);
    j->minimal = NULL;
    j->minimal_count = 0;
    free(j->cells);
    j->cells = NULL;
    j->count = 0;
}
