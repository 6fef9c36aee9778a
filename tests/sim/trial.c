#include "sim/trial.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "plan/minimize.h"
#include "run/past.h"
#include "run/rounds.h"

/* ---- rules ---------------------------------------------------------------------------------- */

bool trial_has(const struct plan_cell *cell, const char *together) {
    CLEANUP_FREE char *list = str_dup(together);
    char *rest = list, *id;
    bool all = true;
    while ((id = strsep(&rest, "+")) != NULL) {
        bool found = false;
        for (size_t i = 0; i < cell->product_count; i++) {
            found |= str_eq(cell->products[i]->id, id);
        }
        all &= found;
    }
    return all;
}

enum trial_outcome trial_needs(const struct trial *t, const struct plan_cell *cell, int attempt) {
    (void)attempt;
    return cell->update && trial_has(cell, t->together) ? TRIAL_FAILS : TRIAL_PASSES;
}

enum trial_outcome trial_flaky(const struct trial *t, const struct plan_cell *cell, int attempt) {
    unsigned hash = 2166136261u ^ (t->seed * 2654435761u);
    for (const char *p = cell->id; *p; p++) {
        hash = (hash ^ (unsigned char)*p) * 16777619u;
    }
    hash ^= hash >> 15;
    hash *= 2246822519u;
    hash ^= hash >> 13;
    return !cell->minimize || hash % 100 < t->percent ? trial_needs(t, cell, attempt) : TRIAL_PASSES;
}

/* ---- what a worker says ---------------------------------------------------------------------- */

static void worker_say(struct trial_worker *w, const struct sched_job *job, int64_t at, int step, const char *type,
                       const char *data) {
    const struct plan_step *s = step >= 0 ? &job->cell->steps[step] : NULL;
    w->lines = mem_grow(w->lines, w->count + 1, sizeof(*w->lines));
    w->at = mem_grow(w->at, w->count + 1, sizeof(*w->at));
    w->at[w->count] = at;
    w->lines[w->count] = str_printf(
        "{\"cell\":\"%s\",\"attempt\":%d,\"seq\":%zu,\"step\":%d,\"kind\":\"%s\",\"phase\":\"%s\",\"at_ms\":%zu,"
        "\"type\":\"%s\",\"data\":%s}\n",
        job->cell->id, job->attempt, w->count, step, s ? step_kind_name(s->kind) : "",
        s && s->phase == PHASE_AFTER ? "after" : "before", w->count * 100, type, data);
    w->count++;
}

static void worker_write(struct trial_worker *w, const struct sched_job *job, enum trial_outcome outcome, int64_t at) {
    static const char failure[] = "{\"class\":\"service-down\",\"text\":\"aldersvc is stopped\",\"product\":\"alder\"}";
    bool told = false;
    worker_say(w, job, at, -1, "cell-begin", "{}");
    for (size_t i = 0; i < job->cell->step_count; i++) {
        const struct plan_step *s = &job->cell->steps[i];
        bool here = s->kind == STEP_VERIFY && (s->phase == PHASE_AFTER || outcome == TRIAL_FAILS_BEFORE);
        at += CLOCK_S;
        worker_say(w, job, at, (int)i, "step-begin", "{}");
        if (!told && here && (outcome == TRIAL_FAILS || outcome == TRIAL_FAILS_BEFORE)) {
            worker_say(w, job, at, (int)i, "failure", failure);
            told = true;
        }
        if (outcome == TRIAL_LAB_FAILS && s->kind == STEP_BOOT) {
            worker_say(w, job, at, (int)i, "failure", "{\"class\":\"vm-died\",\"text\":\"x\",\"product\":null}");
        }
        worker_say(w, job, at, (int)i, "step-end", "{\"ok\":true,\"ms\":1000}");
    }
    worker_say(w, job, at, -1, "cell-end", "{\"complete\":true}");
}

/* ---- the host -------------------------------------------------------------------------------- */

static int trial_spawn(void *ctx, int slot, const struct sched_job *job, struct err *err) {
    struct trial *t = ctx;
    struct trial_worker *w = &t->workers[slot];
    (void)err;
    ck_assert(!w->busy);
    enum trial_outcome outcome = t->rule(t, job->cell, job->attempt);
    *w = (struct trial_worker){.busy = true, .lab_fails = outcome == TRIAL_LAB_FAILS, .cell = str_dup(job->cell->id)};
    worker_write(w, job, outcome, t->clock.now_ns);
    if (job->attempt == 1) {
        *(job->cell->minimize ? &t->extra : &t->planned) += 1;
    }
    for (size_t i = 0; i < t->complete_count; i++) {
        t->completed_twice += str_eq(t->complete[i], job->cell->id);
    }
    return 0;
}

static int trial_wait(void *ctx, int64_t deadline, struct err *err) {
    struct trial *t = ctx;
    int64_t at = deadline;
    (void)err;
    for (size_t i = 0; i < ARRAY_LEN(t->workers); i++) {
        const struct trial_worker *w = &t->workers[i];
        if (w->busy) {
            int64_t next = w->next < w->count ? w->at[w->next] : 0;
            at = next < at ? next : at;
        }
    }
    ck_assert(at != CLOCK_NEVER);
    t->clock.clock.wait_until(&t->clock.clock, at);
    t->asked = 0;
    return 0;
}

static int trial_ready(void *ctx) {
    struct trial *t = ctx;
    while (t->asked < (int)ARRAY_LEN(t->workers) && !t->workers[t->asked].busy) {
        t->asked++;
    }
    return t->asked < (int)ARRAY_LEN(t->workers) ? t->asked++ : -1;
}

static ssize_t trial_read(void *ctx, int slot, char *buf, size_t len) {
    struct trial *t = ctx;
    struct trial_worker *w = &t->workers[slot];
    if (w->next == w->count) {
        return 0;
    }
    if (w->at[w->next] > t->clock.now_ns) {
        return -1;
    }
    const char *line = w->lines[w->next++];
    ck_assert_uint_le(strlen(line), len);
    memcpy(buf, line, strlen(line));
    return (ssize_t)strlen(line);
}

static void trial_stop(void *ctx, int slot, enum sched_stop how) {
    (void)how;
    struct trial_worker *w = &((struct trial *)ctx)->workers[slot];
    for (size_t i = w->next; i < w->count; i++) {
        free(w->lines[i]);
    }
    w->count = w->next;
}

static void trial_reap(void *ctx, int slot, struct sched_exit *out) {
    struct trial_worker *w = &((struct trial *)ctx)->workers[slot];
    *out = (struct sched_exit){0, 0};
    for (size_t i = 0; i < w->count; i++) {
        free(w->lines[i]);
    }
    free(w->cell);
    free(w->lines);
    free(w->at);
    *w = (struct trial_worker){0};
}

static void trial_sweep(void *ctx) {
    (void)ctx;
}

static int trial_room(void *ctx, int host, const struct plan_cell *cell, char why[200]) {
    (void)ctx;
    (void)host;
    (void)cell;
    (void)why;
    return 1;
}

static int trial_interrupts(void *ctx) {
    (void)ctx;
    return 0;
}

/* What the lab failed in may be tried again, nothing else. */
static void trial_note_complete(struct trial *t, const char *cell) {
    bool lab = false;
    for (size_t i = 0; i < ARRAY_LEN(t->workers); i++) {
        lab |= t->workers[i].busy && t->workers[i].lab_fails && str_eq(t->workers[i].cell, cell);
    }
    if (!lab) {
        t->complete = mem_grow(t->complete, t->complete_count + 1, sizeof(*t->complete));
        t->complete[t->complete_count++] = str_dup(cell);
    }
}

/* Once killed, nothing reaches the journal any more. */
static int trial_record(void *ctx, const struct observation *o, struct err *err) {
    struct trial *t = ctx;
    if (t->killed_at && t->recorded + 1 >= t->killed_at) {
        return err_set(err, ERR_BUG, "killed");
    }
    t->recorded++;
    if (o->type == OBS_CELL_END && json_is_true(json_object_get(o->data, "complete"))) {
        trial_note_complete(t, o->cell);
    }
    return journal_append(t->runs->journal, o, err);
}

/* ---- a run ----------------------------------------------------------------------------------- */

static int trial_schedule(void *ctx, const struct plan *plan, const struct sched_past *past,
                          const struct sched_result *so_far, struct sched_result *out, struct err *err) {
    static const struct sched_ops ops = {
        .spawn = trial_spawn, .wait = trial_wait, .ready = trial_ready, .read = trial_read, .stop = trial_stop,
        .reap = trial_reap, .sweep = trial_sweep, .room = trial_room, .interrupts = trial_interrupts,
        .record = trial_record,
    };
    struct trial *t = ctx;
    struct sched_host here = {.name = "here", .slots = (int)ARRAY_LEN(t->workers)};
    struct sched_opts o = {.plan = plan, .hosts = &here, .host_count = 1, .past = past, .clock = &t->clock.clock,
                           .done_before = so_far->done, .failed_before = so_far->failed, .ops = &ops, .ops_ctx = t};
    sched_limits_default(&o.limits);
    return sched_run(&o, out, err);
}

static char **trial_wanted(void *ctx, struct err *err) {
    const struct trial *t = ctx;
    struct analysis *a = analysis_run_minimize(t->runs->journal, t->runs->artifacts, t->budget, err);
    char **ids = a ? STEAL(a->wanted) : NULL;
    analysis_free(a);
    return ids;
}

static int trial_go(struct trial *t, const struct model *m, const struct plan *plan, struct err *err) {
    struct sched_result total = {0}, none = {0};
    struct past_spec spec = {.journal = t->runs->journal, .plan = plan, .attempts_max = 3};
    struct past past = {0};
    ck_assert_int_eq(past_read(&spec, &past, err), 0);
    int rc = trial_schedule(t, plan, past.cells, &none, &total, err);
    past_clear(&past);
    struct rounds rounds = {.model = m, .journal = t->runs->journal, .attempts_max = 3, .wanted = trial_wanted,
                            .schedule = trial_schedule, .ctx = t};
    return rc < 0 ? rc : rounds_run(&rounds, &total, err);
}

bool trial_run(struct trial *t) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct diags diags = DIAGS_INIT;
    struct journal_run run = {0};
    ck_assert_int_eq(journal_read_run(t->runs->journal, &run, &err), 0);
    struct model *m = model_from_source(run.matrix, &diags);
    ck_assert_ptr_nonnull(m);
    struct plan *plan = plan_build(m, &diags);
    int rc = trial_go(t, m, plan, &err);
    ck_assert_msg(rc == 0 || strstr(err_text(&err), "killed"), "%s", err_text(&err));
    plan_free(plan);
    model_free(m);
    journal_run_clear(&run);
    diags_free(&diags);
    return rc == 0;
}

struct analysis *trial_analyse(const struct trial *t) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct analysis *a = analysis_run_minimize(t->runs->journal, t->runs->artifacts, t->budget, &err);
    ck_assert_msg(a != NULL, "%s", err_text(&err));
    return a;
}

struct trial *trial_new(const char *matrix, size_t products, trial_rule *rule, const char *together, int budget) {
    struct trial *t = mem_zalloc(1, sizeof(*t));
    t->runs = runs_make_of(matrix, products);
    clock_virtual_init(&t->clock);
    t->clock.now_ns = CLOCK_S;
    t->rule = rule;
    t->together = together;
    t->budget = budget;
    return t;
}

void trial_free(struct trial *t) {
    for (size_t i = 0; i < t->complete_count; i++) {
        free(t->complete[i]);
    }
    free(t->complete);
    runs_free(t->runs);
    free(t);
}
