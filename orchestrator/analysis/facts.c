#include "analysis/facts.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

/* The further up, the more of the rest it explains: a machine that does not boot has no services either; a
 * file taken away takes its service down with it. */
static const enum failure_class facts_rank[] = {
    FAILURE_BOOT_LOOP,          FAILURE_KERNEL_CRASH,       FAILURE_NO_BOOT,
    FAILURE_UNASKED_RESTART,    FAILURE_HANG,               FAILURE_NETWORK_LOST,
    FAILURE_INSTALL_FAILED,     FAILURE_UPDATE_FAILED,      FAILURE_SYSTEM_FILE,
    FAILURE_DATA_LOST,          FAILURE_DISK_FULL,          FAILURE_ROLLBACK_FAILED,
    FAILURE_UNINSTALL_FAILED,   FAILURE_FILE_DAMAGED,       FAILURE_REGISTRY_DAMAGED,
    FAILURE_PROCESS_CRASH,      FAILURE_RESTART_LOOP,       FAILURE_RESOURCE_RUNAWAY,
    FAILURE_DRIVER_DOWN,        FAILURE_SERVICE_DOWN,       FAILURE_PROCESS_DOWN,
    FAILURE_APPLICATION_BROKEN, FAILURE_UPDATE_NOT_APPLIED, FAILURE_PROTECTION_LOST,
    FAILURE_RESIDUE,            FAILURE_SLOWER,             FAILURE_NOT_KNOWN,
};

static size_t facts_class_rank(enum failure_class cls) {
    for (size_t i = 0; i < ARRAY_LEN(facts_rank); i++) {
        if (facts_rank[i] == cls) {
            return i;
        }
    }
    return ARRAY_LEN(facts_rank);
}

/* Whether a says more than b: what came before the update first (the update cannot have done it), then the class,
 * then who names a victim, then what the cell said over what a check showed, then the earlier one. */
static bool facts_says_more(const struct fact_failure *a, const struct fact_failure *b) {
    size_t ra = facts_class_rank(a->cls);
    size_t rb = facts_class_rank(b->cls);
    if (a->after != b->after) {
        return b->after;
    }
    if (ra != rb) {
        return ra < rb;
    }
    if (!a->product != !b->product) {
        return a->product != NULL;
    }
    if (a->from_check != b->from_check) {
        return b->from_check;
    }
    return a->seq < b->seq;
}

/* Infrastructure stands for itself only when it came first: what failed after it may be its consequence; what
 * failed before it stands, and a failing screenshot later does not undo a boot loop. */
const struct fact_failure *facts_primary(const struct cell_facts *c) {
    const struct fact_failure *best = NULL;
    const struct fact_failure *lab = NULL;
    for (size_t i = 0; i < c->failure_count; i++) {
        const struct fact_failure *f = &c->failures[i];
        if (failure_class_is_infrastructure(f->cls)) {
            lab = lab && lab->seq < f->seq ? lab : f;
        } else if (!best || facts_says_more(f, best)) {
            best = f;
        }
    }
    if (!lab || !best) {
        return lab ? lab : best;
    }
    for (size_t i = 0; i < c->failure_count; i++) {
        const struct fact_failure *f = &c->failures[i];
        if (!failure_class_is_infrastructure(f->cls) && f->cls != FAILURE_NOT_KNOWN &&
            f->seq < lab->seq) {
            return best->seq < lab->seq ? best : f;
        }
    }
    return lab;
}

void facts_failure_clear(struct fact_failure *f) {
    free(f->text);
    free(f->product);
    free(f->subject);
    free(f->check_what);
    free(f->kind);
}

void facts_artifact_clear(struct analysis_artifact *a) {
    free(a->role);
    free(a->name);
    free(a->sha256);
    free(a->phase);
}

void facts_step_clear(struct analysis_step *s) {
    free(s->kind);
    free(s->phase);
    free(s->skipped);
}

void facts_moments_free(struct analysis_moment *m, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(m[i].text);
    }
    free(m);
}

void facts_drill_clear(struct analysis_drill *d) {
    free(d->what);
    free(d->text);
}

/* Everything that belongs to one attempt. */
static void facts_cell_reset(struct cell_facts *c) {
    for (size_t i = 0; i < c->failure_count; i++) {
        facts_failure_clear(&c->failures[i]);
    }
    for (size_t i = 0; i < c->artifact_count; i++) {
        facts_artifact_clear(&c->artifacts[i]);
    }
    for (size_t i = 0; i < c->step_count; i++) {
        facts_step_clear(&c->steps[i]);
    }
    free(c->host);
    facts_moments_free(c->moments, c->moment_count);
    free(c->failures);
    free(c->artifacts);
    free(c->steps);
    kept_free(&c->kept);
    kept_free(&c->sums);
    texts_free(&c->evidence);
    sample_set_free(&c->samples);
    *c = (struct cell_facts){.plan = c->plan, .attempt = c->attempt, .attempts = c->attempts,
                             .earlier = c->earlier};
}

void facts_free(struct facts *f) {
    for (size_t i = 0; i < f->count; i++) {
        facts_cell_reset(&f->cells[i]);
        texts_free(&f->cells[i].earlier);
    }
    free(f->cells);
    *f = (struct facts){NULL, 0, 0};
}

/* Cut off by the end of its orchestrator or by the user, before the lab itself failed on it: what was observed
 * so far is kept in the journal and observed again by the next attempt. */
static bool facts_was_interrupted(const struct cell_facts *c) {
    for (size_t i = 0; i < c->failure_count; i++) {
        if (failure_class_is_infrastructure(c->failures[i].cls)) {
            return false;
        }
    }
    return !c->ended || !c->complete;
}

/* The attempt that failed stays known by its reason when the next one begins. */
static void facts_next_attempt(struct cell_facts *c, int attempt) {
    if (c->begun && facts_was_interrupted(c)) {
        c->attempts--;
    } else if (c->begun) {
        const struct fact_failure *f = facts_primary(c);
        CLEANUP_FREE char *on = c->host ? str_printf(" on %s", c->host) : str_dup("");
        if (f) {
            texts_addf(&c->earlier, "attempt %d%s: %s: %s", c->attempts, on,
                       failure_class_name(f->cls), f->text);
        } else {
            texts_addf(&c->earlier, "attempt %d%s: ended without a failure", c->attempts, on);
        }
    }
    facts_cell_reset(c);
    c->attempt = attempt;
    c->attempts++;
}

struct facts_walk {
    struct facts *facts;
    const struct plan *plan;
    size_t last;
};

static struct cell_facts *facts_cell(struct facts_walk *w, const char *id) {
    for (size_t k = 0; k < w->facts->count; k++) { /* rows come cell by cell: mostly the last one again */
        size_t i = (w->last + k) % w->facts->count;
        if (str_eq(w->plan->cells[i].id, id)) {
            w->last = i;
            return &w->facts->cells[i];
        }
    }
    return NULL;
}

static int facts_walk_one(const struct observation *o, void *ctx) {
    struct facts_walk *w = ctx;
    struct cell_facts *c = facts_cell(w, o->cell);
    if (!c) {
        w->facts->strangers++;
        return 0;
    }
    if (o->attempt > c->attempt) {
        facts_next_attempt(c, o->attempt);
    }
    c->begun = true;
    facts_observe(c, o);
    return 0;
}

int facts_collect(struct journal *j, const struct plan *plan, struct facts *out, struct err *err) {
    *out = (struct facts){.cells = mem_zalloc(plan->cell_count, sizeof(*out->cells)),
                          .count = plan->cell_count};
    for (size_t i = 0; i < plan->cell_count; i++) {
        out->cells[i].plan = &plan->cells[i];
    }
    struct facts_walk walk = {.facts = out, .plan = plan};
    int rc = journal_each_whole(j, facts_walk_one, &walk, err);
    for (size_t i = 0; i < out->count; i++) {
        sample_set_settle(&out->cells[i].samples);
    }
    return rc;
}
