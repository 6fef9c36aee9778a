/* The scheduler with simulated workers on a virtual clock: thousands of cells, every way a worker
 * can end. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "model/model.h"
#include "plan/confirm.h"
#include "run/scheduler.h"

enum behaviour {
    WORKS,
    PRODUCT_FAILS,   /* a failure of a product that proves itself: never tried again */
    HANGS,           /* one that does not */
    HANGS_ONCE,      /* the same in the planned run only */
    LAB_FAILS_ONCE,  /* vm-died at the first attempt */
    LAB_FAILS,       /* vm-died always */
    CRASHES_ONCE,    /* SIGSEGV in mid-cell at the first attempt */
    CRASHES,
    LEAVES,          /* exits without its last word */
    GOES_SILENT,     /* no line, no heartbeat, no end */
    TALKS_NONSENSE,
    NEVER_ENDS_LINE,
    LIES,            /* reports about a cell that is not its own */
    CANNOT_START,
    RUNS_FOR_EVER,   /* with heartbeats */
    BEHAVIOUR_COUNT
};

struct said {
    int64_t at;
    char *text;
};

struct worker {
    bool busy, killed, stubborn;
    const struct plan_cell *cell;
    int attempt;
    struct said *script;
    size_t count, cap, next;
    int64_t end_at; /* CLOCK_NEVER: it never ends by itself */
    struct sched_exit exit;
};

struct host {
    struct clock_virtual clock;
    struct plan plan;
    struct plan_step steps[3];
    enum behaviour *behaviour; /* by cell */
    struct worker workers[SCHED_JOBS_MAX];
    int running, most, jobs;
    int asked; /* slots told of since the last wait */
    int spawned, swept, reaped, killed;
    int room;           /* workers this host has room for */
    int64_t interrupt_at[3];
    bool stubborn;      /* workers ignore being asked to stop */
    size_t recorded, record_fails_at; /* 0: never */
    int64_t *last_seq;  /* by cell, of its last attempt */
    int *last_attempt, *failures, *ends, *completes;
    int *run;           /* by cell: the confirmation being recorded, 0: the planned run */
    int confirm;        /* sched_opts.confirm */
    int64_t bad_order;
    int finished_calls;
    bool eta_seen;
};

/* ---- what a worker says ---------------------------------------------------------------------- */

static void say(struct worker *w, int64_t at, char *text) {
    if (w->count == w->cap) {
        w->cap = w->cap ? w->cap * 2 : 32;
        w->script = mem_grow(w->script, w->cap, sizeof(*w->script));
    }
    w->script[w->count++] = (struct said){at, text};
}

static void say_obs(struct worker *w, int64_t *seq, int64_t at, int step, const char *type,
                    const char *data) {
    say(w, at, str_printf("{\"cell\":\"%s\",\"attempt\":%d,\"seq\":%lld,\"step\":%d,\"kind\":\"%s\","
                          "\"phase\":\"before\",\"at_ms\":%lld,\"type\":\"%s\",\"data\":%s}\n",
                          w->cell->id, w->attempt, (long long)(*seq)++, step,
                          step < 0 ? "" : "boot", (long long)(at / CLOCK_MS), type, data));
}

static void script_end(struct worker *w, int64_t *seq, int64_t at, bool complete) {
    say_obs(w, seq, at, -1, "cell-end", complete ? "{\"complete\":true}" : "{\"complete\":false}");
    w->end_at = at;
}

static void script_write(struct worker *w, enum behaviour b, int64_t now) {
    int64_t seq = 0, at = now + CLOCK_S;
    bool first = w->attempt == 1;
    bool hang = b == HANGS || (b == HANGS_ONCE && w->cell->confirm == 0);
    bool crash = b == CRASHES || (b == CRASHES_ONCE && first);
    w->end_at = CLOCK_NEVER;
    say_obs(w, &seq, at, -1, "cell-begin", "{}");
    for (int step = 0; step < 2; step++) {
        say_obs(w, &seq, at, step, "step-begin", "{}");
        at += 10 * CLOCK_S;
        say(w, at - CLOCK_S, str_dup("{\"beat\":1}\n"));
        if (step == 1 && (crash || b == LEAVES)) {
            w->end_at = at;
            w->exit = crash ? (struct sched_exit){-1, SIGSEGV} : (struct sched_exit){7, 0};
            say(w, at, str_dup("{\"cell\":\"half a li"));
            return;
        }
        if (step == 1 && b == GOES_SILENT) {
            return;
        }
        if (step == 1 && (b == TALKS_NONSENSE || b == LIES)) {
            say(w, at, str_dup(b == LIES ? "{\"cell\":\"other\",\"attempt\":1,\"seq\":9,\"step\":0,"
                                           "\"kind\":\"\",\"phase\":\"before\",\"at_ms\":1,"
                                           "\"type\":\"note\",\"data\":{}}\n"
                                         : "\x01\xff not json\n"));
        }
        if (step == 1 && (b == PRODUCT_FAILS || b == LAB_FAILS || (b == LAB_FAILS_ONCE && first))) {
            say_obs(w, &seq, at, step, "failure",
                    b == PRODUCT_FAILS ? "{\"class\":\"boot-loop\",\"text\":\"x\",\"product\":null}"
                                       : "{\"class\":\"vm-died\",\"text\":\"x\",\"product\":null}");
        }
        if (step == 1 && hang) {
            say_obs(w, &seq, at, step, "failure", "{\"class\":\"hang\",\"text\":\"x\",\"product\":null}");
        }
        say_obs(w, &seq, at, step, "step-end", "{\"ok\":true,\"ms\":10000}");
    }
    for (int i = 0; b == RUNS_FOR_EVER && i < 10000; i++) {
        say(w, at += 5 * CLOCK_S, str_dup("{\"beat\":1}\n"));
    }
    for (int i = 0; b == NEVER_ENDS_LINE && i < 40; i++) {
        char *long_part = mem_zalloc(1, 65537);
        memset(long_part, 'x', 65536);
        say(w, at += CLOCK_S, long_part);
    }
    if (b != RUNS_FOR_EVER) {
        script_end(w, &seq, at, true);
    }
}

/* ---- the host -------------------------------------------------------------------------------- */

static int host_spawn(void *ctx, int slot, const struct sched_job *job, struct err *err) {
    struct host *h = ctx;
    const struct plan_cell *cell = job->cell;
    struct worker *w = &h->workers[slot];
    ck_assert(!w->busy);
    int k;
    size_t index = (size_t)(confirm_find(&h->plan, cell->id, &k) - h->plan.cells);
    ck_assert_int_eq(cell->confirm, k);
    if (h->behaviour[index] == CANNOT_START) {
        return err_set(err, ERR_SYSTEM, "fork: Resource temporarily unavailable");
    }
    *w = (struct worker){.busy = true, .cell = cell, .attempt = job->attempt,
                         .stubborn = h->stubborn};
    script_write(w, h->behaviour[index], h->clock.now_ns);
    h->spawned++;
    h->running++;
    h->most = h->running > h->most ? h->running : h->most;
    return 0;
}

static int64_t worker_next_event(const struct worker *w) {
    if (w->killed) {
        return 0;
    }
    return w->next < w->count ? w->script[w->next].at : w->end_at;
}

static int host_wait(void *ctx, int64_t deadline, struct err *err) {
    struct host *h = ctx;
    int64_t at = deadline;
    (void)err;
    for (int i = 0; i < h->jobs; i++) {
        if (h->workers[i].busy) {
            int64_t next = worker_next_event(&h->workers[i]);
            at = next < at ? next : at;
        }
    }
    for (int i = 0; i < 3; i++) {
        if (h->interrupt_at[i] > h->clock.now_ns && h->interrupt_at[i] < at) {
            at = h->interrupt_at[i];
        }
    }
    ck_assert_msg(at != CLOCK_NEVER, "the scheduler waits for nothing, for ever");
    h->clock.clock.wait_until(&h->clock.clock, at);
    h->asked = 0;
    return 0;
}

/* Every busy one: a slot with nothing to say is fine to be told, too. */
static int host_ready(void *ctx) {
    struct host *h = ctx;
    while (h->asked < h->jobs && !h->workers[h->asked].busy) {
        h->asked++;
    }
    return h->asked < h->jobs ? h->asked++ : -1;
}

static ssize_t host_read(void *ctx, int slot, char *buf, size_t len) {
    struct host *h = ctx;
    struct worker *w = &h->workers[slot];
    ck_assert(w->busy);
    if (w->killed) {
        return 0;
    }
    if (w->next < w->count && w->script[w->next].at <= h->clock.now_ns) {
        const char *text = w->script[w->next++].text;
        ck_assert_uint_le(strlen(text), len);
        memcpy(buf, text, strlen(text));
        return (ssize_t)strlen(text);
    }
    return w->next == w->count && w->end_at <= h->clock.now_ns ? 0 : -1;
}

static void worker_drop(struct worker *w) {
    for (size_t i = 0; i < w->count; i++) {
        free(w->script[i].text);
    }
    free(w->script);
    *w = (struct worker){0};
}

static void host_stop(void *ctx, int slot, enum sched_stop how) {
    struct host *h = ctx;
    struct worker *w = &h->workers[slot];
    ck_assert(w->busy);
    if (how == SCHED_STOP_KILL) {
        w->killed = true;
        w->exit = (struct sched_exit){-1, SIGKILL};
        h->killed++;
        return;
    }
    if (w->stubborn) {
        return;
    }
    /* It drops what it meant to say and takes leave. */
    int64_t seq = w->next ? 1000 : 0, at = h->clock.now_ns + 2 * CLOCK_S;
    for (size_t i = w->next; i < w->count; i++) {
        free(w->script[i].text);
    }
    w->count = w->next;
    script_end(w, &seq, at, false);
}

static void host_reap(void *ctx, int slot, struct sched_exit *out) {
    struct host *h = ctx;
    *out = h->workers[slot].exit;
    worker_drop(&h->workers[slot]);
    h->running--;
    h->reaped++;
}

static void host_sweep(void *ctx) {
    ((struct host *)ctx)->swept++;
}

static int host_room(void *ctx, int host, const struct plan_cell *cell, char why[200]) {
    (void)host;
    struct host *h = ctx;
    (void)cell;
    snprintf(why, 200, "room for %d", h->room);
    return h->running < h->room;
}

static int host_interrupts(void *ctx) {
    struct host *h = ctx;
    int n = 0;
    for (int i = 0; i < 3; i++) {
        n += h->interrupt_at[i] > 0 && h->interrupt_at[i] <= h->clock.now_ns;
    }
    return n;
}

static int host_record(void *ctx, const struct observation *o, struct err *err) {
    struct host *h = ctx;
    if (++h->recorded == h->record_fails_at) {
        return err_set(err, ERR_NOSPACE, "journal: database or disk is full");
    }
    size_t i = (size_t)strtoul(o->cell + 1, NULL, 10);
    int k;
    confirm_split(o->cell, &k);
    if (k != h->run[i]) { /* one run after the other, each with attempts of its own */
        h->bad_order += k != h->run[i] + 1 || h->completes[i] != k;
        h->run[i] = k;
        h->last_attempt[i] = 0;
    }
    if (o->attempt != h->last_attempt[i]) {
        h->bad_order += o->attempt != h->last_attempt[i] + 1 || o->seq != 0;
        h->last_attempt[i] = o->attempt;
    } else {
        h->bad_order += o->seq <= h->last_seq[i];
    }
    h->last_seq[i] = o->seq;
    h->failures[i] += o->type == OBS_FAILURE;
    h->ends[i] += o->type == OBS_CELL_END;
    h->completes[i] += o->type == OBS_CELL_END && json_is_true(json_object_get(o->data, "complete"));
    return 0;
}

static void host_finished(void *ctx, const struct plan_cell *cell, const char *outcome,
                          const struct sched_counts *n) {
    struct host *h = ctx;
    (void)cell;
    ck_assert_int_gt((int)strlen(outcome), 0);
    ck_assert_uint_le(n->done + n->failed, n->cells);
    h->eta_seen |= n->eta_ms > 0;
    h->finished_calls++;
}

static struct host *host_new(size_t cells, int jobs) {
    struct host *h = mem_zalloc(1, sizeof(*h));
    clock_virtual_init(&h->clock);
    h->clock.now_ns = CLOCK_S;
    h->jobs = jobs;
    h->room = jobs;
    h->steps[0] = (struct plan_step){STEP_BOOT, PHASE_BEFORE, -1, false};
    h->steps[1] = (struct plan_step){STEP_BOOT, PHASE_BEFORE, -1, false};
    h->plan.cell_count = cells;
    h->plan.cells = mem_zalloc(cells, sizeof(*h->plan.cells));
    h->behaviour = mem_zalloc(cells, sizeof(*h->behaviour));
    h->last_seq = mem_zalloc(cells, sizeof(*h->last_seq));
    h->last_attempt = mem_zalloc(cells, sizeof(int));
    h->failures = mem_zalloc(cells, sizeof(int));
    h->ends = mem_zalloc(cells, sizeof(int));
    h->completes = mem_zalloc(cells, sizeof(int));
    h->run = mem_zalloc(cells, sizeof(int));
    for (size_t i = 0; i < cells; i++) {
        h->plan.cells[i] = (struct plan_cell){.id = str_printf("c%zu", i), .image = "winelab",
                                              .steps = h->steps, .step_count = 2};
    }
    return h;
}

static void host_free(struct host *h) {
    for (size_t i = 0; i < h->plan.cell_count; i++) {
        free(h->plan.cells[i].id);
    }
    free(h->plan.cells);
    free(h->behaviour);
    free(h->last_seq);
    free(h->last_attempt);
    free(h->failures);
    free(h->ends);
    free(h->completes);
    free(h->run);
    free(h);
}

static int host_run(struct host *h, struct sched_result *res, struct err *err) {
    static const struct sched_ops ops = {
        .spawn = host_spawn, .wait = host_wait, .ready = host_ready, .read = host_read,
        .stop = host_stop, .reap = host_reap, .sweep = host_sweep, .room = host_room,
        .interrupts = host_interrupts, .record = host_record,
    };
    struct sched_host here = {"here", h->jobs};
    struct sched_opts o = {.plan = &h->plan, .hosts = &here, .host_count = 1, .confirm = h->confirm,
                           .clock = &h->clock.clock, .ops = &ops, .ops_ctx = h,
                           .progress = {.cell_finished = host_finished, .ctx = h}};
    sched_limits_default(&o.limits);
    int rc = sched_run(&o, res, err);
    ck_assert_int_eq(h->running, 0); /* whatever happened, no worker stays behind */
    ck_assert_int_eq(h->spawned, h->reaped);
    ck_assert_int_le(h->most, h->jobs);
    ck_assert_int_eq((int)h->bad_order, 0);
    return rc;
}

/* ---- tests ----------------------------------------------------------------------------------- */

START_TEST(thousands_of_cells_two_at_a_time) {
    struct host *h = host_new(3000, 2);
    struct sched_result res;
    ck_assert_int_eq(host_run(h, &res, NULL), 0);
    ck_assert_uint_eq(res.done, 3000);
    ck_assert_uint_eq(res.failed, 0);
    ck_assert_int_eq(h->most, 2);
    ck_assert(h->eta_seen);
    /* Both slots were in use all the time: 21 s a cell, two at a time. */
    ck_assert_int_le(h->clock.now_ns / CLOCK_S, 3000 * 22 / 2 + 60);
    host_free(h);
}
END_TEST

/* What must come of each behaviour: attempts made, and how the cell counts in the end. */
static const struct {
    int attempts;
    bool done;
    int failures; /* observations of class failure over all attempts */
} outcomes[BEHAVIOUR_COUNT] = {
    [WORKS] = {1, true, 0},          [PRODUCT_FAILS] = {1, true, 1},
    [HANGS] = {1, true, 1},          [HANGS_ONCE] = {1, true, 1},
    [LAB_FAILS_ONCE] = {2, true, 1}, [LAB_FAILS] = {3, false, 3},
    [CRASHES_ONCE] = {2, true, 1},   [CRASHES] = {3, false, 3},
    [LEAVES] = {3, false, 3},        [GOES_SILENT] = {3, false, 3},
    [TALKS_NONSENSE] = {3, false, 3}, [NEVER_ENDS_LINE] = {3, false, 3},
    [LIES] = {3, false, 3},          [CANNOT_START] = {3, false, 3},
    [RUNS_FOR_EVER] = {3, false, 3},
};

START_TEST(each_end_of_a_worker) {
    enum behaviour b = (enum behaviour)_i;
    struct host *h = host_new(3, 2);
    h->behaviour[1] = b; /* the two neighbours must not notice */
    struct sched_result res;
    ck_assert_int_eq(host_run(h, &res, NULL), 0);
    ck_assert_int_eq(h->last_attempt[1], outcomes[b].attempts);
    ck_assert_int_eq(h->failures[1], outcomes[b].failures);
    ck_assert_int_eq(h->ends[1], outcomes[b].attempts);
    ck_assert_uint_eq(res.done, 2 + (size_t)outcomes[b].done);
    ck_assert_uint_eq(res.failed, (size_t)!outcomes[b].done);
    ck_assert(!res.interrupted);
    ck_assert_int_eq(h->failures[0] + h->failures[2], 0);
    bool unclean = b == CRASHES || b == CRASHES_ONCE || b == GOES_SILENT || b == RUNS_FOR_EVER ||
                   b == TALKS_NONSENSE || b == LIES || b == NEVER_ENDS_LINE;
    ck_assert(!unclean || h->swept >= 1);
    host_free(h);
}
END_TEST

/* Runs of a cell, the planned one among them, by the matrix' number of confirmations. */
static const struct {
    enum behaviour behaviour;
    int confirm, runs, failures;
} confirmed[] = {
    {WORKS, MODEL_CONFIRM_BY_EVIDENCE, 1, 0},         {WORKS, 5, 1, 0},
    {PRODUCT_FAILS, MODEL_CONFIRM_BY_EVIDENCE, 1, 1}, {PRODUCT_FAILS, 2, 3, 3},
    {HANGS, MODEL_CONFIRM_BY_EVIDENCE, 2, 2},         {HANGS, 0, 1, 1},
    {HANGS, 5, 6, 6},                                 {HANGS_ONCE, MODEL_CONFIRM_BY_EVIDENCE, 2, 1},
    {HANGS_ONCE, 3, 4, 1},                            {LAB_FAILS_ONCE, 3, 1, 1},
};

START_TEST(failures_of_products_are_confirmed) {
    struct host *h = host_new(3, 2);
    h->behaviour[1] = confirmed[_i].behaviour;
    h->confirm = confirmed[_i].confirm;
    struct sched_result res;
    ck_assert_int_eq(host_run(h, &res, NULL), 0);
    ck_assert_int_eq(h->run[1] + 1, confirmed[_i].runs);
    ck_assert_int_eq(h->completes[1], confirmed[_i].runs + (confirmed[_i].behaviour == LAB_FAILS_ONCE));
    ck_assert_int_eq(h->failures[1], confirmed[_i].failures);
    ck_assert_uint_eq(res.confirms, (size_t)confirmed[_i].runs - 1);
    ck_assert_uint_eq(res.done, 3 + res.confirms);
    ck_assert_uint_eq(res.failed, 0);
    ck_assert_int_eq(h->run[0] + h->run[2], 0);
    host_free(h);
}
END_TEST

/* No confirmation begins once the user wants to stop; what was done counts. */
START_TEST(an_interrupted_run_orders_no_confirmation) {
    struct host *h = host_new(1, 1);
    h->behaviour[0] = HANGS;
    h->confirm = 1;
    h->interrupt_at[0] = 21 * CLOCK_S + CLOCK_S / 2; /* in its last step */
    h->stubborn = true;
    struct sched_result res;
    ck_assert_int_eq(host_run(h, &res, NULL), 0);
    ck_assert(res.interrupted);
    ck_assert_int_eq(h->run[0], 0);
    ck_assert_uint_eq(res.done, 1);
    host_free(h);
}
END_TEST

START_TEST(all_behaviours_mixed) {
    size_t cells = 2000;
    struct host *h = host_new(cells, 7);
    size_t done = 0;
    for (size_t i = 0; i < cells; i++) {
        h->behaviour[i] = (enum behaviour)((i * 7919 + i / 13) % RUNS_FOR_EVER);
        done += outcomes[h->behaviour[i]].done;
    }
    struct sched_result res;
    ck_assert_int_eq(host_run(h, &res, NULL), 0);
    ck_assert_uint_eq(res.done, done);
    ck_assert_uint_eq(res.failed, cells - done);
    for (size_t i = 0; i < cells; i++) {
        ck_assert_int_eq(h->last_attempt[i], outcomes[h->behaviour[i]].attempts);
    }
    host_free(h);
}
END_TEST

START_TEST(a_request_to_stop_is_orderly) {
    for (int64_t at = 1; at < 60; at += 3) {
        struct host *h = host_new(50, 2);
        h->interrupt_at[0] = at * CLOCK_S + CLOCK_S / 2;
        struct sched_result res;
        ck_assert_int_eq(host_run(h, &res, NULL), 0);
        ck_assert(res.interrupted);
        ck_assert_uint_lt(res.done, 50);
        ck_assert_uint_eq(res.failed, 0); /* stopping is nobody's failure */
        ck_assert_int_eq(h->killed, 0);
        for (size_t i = 0; i < 50; i++) {
            ck_assert_int_eq(h->failures[i], 0);
        }
        host_free(h);
    }
}
END_TEST

START_TEST(workers_that_will_not_stop_are_killed) {
    for (int requests = 2; requests <= 3; requests++) {
        struct host *h = host_new(4, 2);
        h->stubborn = true;
        for (size_t i = 0; i < 4; i++) {
            h->behaviour[i] = RUNS_FOR_EVER;
        }
        for (int i = 0; i < requests; i++) {
            h->interrupt_at[i] = (5 + i) * CLOCK_S;
        }
        struct sched_result res;
        ck_assert_int_eq(host_run(h, &res, NULL), 0);
        ck_assert(res.interrupted);
        ck_assert_int_eq(h->killed, 2);
        ck_assert_int_ge(h->swept, 1);
        /* Two requests: after the grace; three: at once. */
        ck_assert_int_le(h->clock.now_ns, (requests == 2 ? 40 : 10) * CLOCK_S);
        host_free(h);
    }
}
END_TEST

START_TEST(a_full_journal_ends_the_run) {
    for (size_t at = 1; at < 40; at += 3) {
        struct host *h = host_new(20, 3);
        h->record_fails_at = at;
        struct sched_result res;
        CLEANUP_ERR struct err err = ERR_INIT;
        ck_assert_int_lt(host_run(h, &res, &err), 0);
        ck_assert_int_eq(err.cls, ERR_NOSPACE);
        ck_assert_int_le(h->spawned, 20);
        host_free(h);
    }
}
END_TEST

START_TEST(room_limits_how_many_run) {
    struct host *h = host_new(30, 4);
    h->room = 2;
    struct sched_result res;
    ck_assert_int_eq(host_run(h, &res, NULL), 0);
    ck_assert_uint_eq(res.done, 30);
    ck_assert_int_eq(h->most, 2);
    host_free(h);
}
END_TEST

START_TEST(no_room_at_all_is_told_and_ends) {
    struct host *h = host_new(5, 2);
    h->room = 0;
    struct sched_result res;
    ck_assert_int_eq(host_run(h, &res, NULL), 0);
    ck_assert_uint_eq(res.failed, 5);
    for (size_t i = 0; i < 5; i++) {
        ck_assert_int_eq(h->failures[i], 1);
    }
    ck_assert_int_le(h->clock.now_ns / CLOCK_S, 700);
    host_free(h);
}
END_TEST

START_TEST(hosts_without_slots_are_refused) {
    struct host *h = host_new(1, 1);
    struct sched_result res;
    struct err err = ERR_INIT;
    static const struct sched_ops none;
    struct sched_host lame = {"lame", 0};
    struct sched_opts o = {.plan = &h->plan, .hosts = &lame, .host_count = 1, .ops = &none};
    ck_assert_int_lt(sched_run(&o, &res, &err), 0);
    ck_assert_int_eq(err.cls, ERR_INPUT);
    err_clear(&err);
    o.host_count = 0;
    ck_assert_int_lt(sched_run(&o, &res, &err), 0);
    ck_assert_int_eq(err.cls, ERR_INPUT);
    err_clear(&err);
    host_free(h);
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim_run");
    TCase *t = tcase_create("scheduler");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, thousands_of_cells_two_at_a_time);
    tcase_add_loop_test(t, each_end_of_a_worker, 0, BEHAVIOUR_COUNT);
    tcase_add_loop_test(t, failures_of_products_are_confirmed, 0, (int)ARRAY_LEN(confirmed));
    tcase_add_test(t, an_interrupted_run_orders_no_confirmation);
    tcase_add_test(t, all_behaviours_mixed);
    tcase_add_test(t, a_request_to_stop_is_orderly);
    tcase_add_test(t, workers_that_will_not_stop_are_killed);
    tcase_add_test(t, a_full_journal_ends_the_run);
    tcase_add_test(t, room_limits_how_many_run);
    tcase_add_test(t, no_room_at_all_is_told_and_ends);
    tcase_add_test(t, hosts_without_slots_are_refused);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
