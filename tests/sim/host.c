#include "sim/host.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

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
    bool crash = b == CRASHES || (first && (b == CRASHES_ONCE || b == KILLED_ONCE));
    w->end_at = CLOCK_NEVER;
    say_obs(w, &seq, at, -1, "cell-begin", "{}");
    for (int step = 0; step < 2; step++) {
        say_obs(w, &seq, at, step, "step-begin", "{}");
        at += 10 * CLOCK_S;
        say(w, at - CLOCK_S, str_dup("{\"beat\":1}\n"));
        if (step == 1 && (crash || b == LEAVES)) {
            w->end_at = at;
            w->exit = crash ? (struct sched_exit){-1, b == KILLED_ONCE ? SIGKILL : SIGSEGV}
                            : (struct sched_exit){7, 0};
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
    if (b == TOLD_ONCE && first) {
        say_obs(w, &seq, at, -1, "cell-end", "{\"complete\":false,\"signal\":15}");
        w->end_at = at;
        return;
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
    if (o->type == OBS_FAILURE) {
        snprintf(h->said, sizeof(h->said), "%s: %s", json_string_value(json_object_get(o->data, "class")),
                 json_string_value(json_object_get(o->data, "text")));
    }
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

struct host *host_new(size_t cells, int jobs) {
    struct host *h = mem_zalloc(1, sizeof(*h));
    clock_virtual_init(&h->clock);
    h->clock.now_ns = CLOCK_S;
    h->jobs = jobs;
    h->room = jobs;
    h->steps[0] = (struct plan_step){STEP_BOOT, PHASE_BEFORE, -1, false, 0};
    h->steps[1] = (struct plan_step){STEP_BOOT, PHASE_BEFORE, -1, false, 0};
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

void host_free(struct host *h) {
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

int host_run(struct host *h, struct sched_result *res, struct err *err) {
    static const struct sched_ops ops = {
        .spawn = host_spawn, .wait = host_wait, .ready = host_ready, .read = host_read,
        .stop = host_stop, .reap = host_reap, .sweep = host_sweep, .room = host_room,
        .interrupts = host_interrupts, .record = host_record,
    };
    struct sched_host here = {.name = "here", .slots = h->jobs};
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
