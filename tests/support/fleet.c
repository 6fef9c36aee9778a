#include "support/fleet.h"

#include <signal.h>
#include <string.h>

#include "base/cleanup.h"
#include "support/fleet_impl.h"

/* ---- the scheduler's calls ---------------------------------------------------------------------- */

static void spawn_check_from(struct fleet *f, const struct sched_job *job, struct fleet_worker *w) {
    struct fleet_state *x = fleet_state_find(f, job->host, job->from);
    MUST_SAY(x != NULL, "%s is not there to begin at", job->from);
    MUST(x->memory);
    MUST(job->from_steps == x->steps);
    char id[200];
    fleet_id(f, x->cell, id);
    MUST(strcmp(job->from_cell, id) == 0);
    MUST(job->from_attempt == x->attempt);
    MUST(job->from_ms == x->at_ms);
    /* Whoever else goes on from there has these steps in common; the cell itself may only where it may be split. */
    MUST(x->cell == fleet_run_of(f, job->cell->id) ? plan_resumes(job->cell, x->steps)
                                                   : tree_common(fleet_cell(f, x->cell), job->cell) >= x->steps);
    w->from = w->base = x;
    x->restoring++;
    x->standing++;
}

static int fleet_host_slots(const struct fleet *f) {
    return f->spec.slots + f->spec.spare + f->spec.leaving;
}

/* One more begins there: is there a processor for it? */
static void fleet_check_use(struct fleet *f, int host) {
    int running = 1, resting = 0, leaving = 0, slots = fleet_host_slots(f);
    for (int i = host * slots; i < (host + 1) * slots; i++) {
        running += f->workers[i].busy;
        resting += f->workers[i].busy && f->workers[i].rest == CELL_RESTS;
        leaving += f->workers[i].busy && f->workers[i].rest == CELL_LAST_REST;
    }
    int lent = (resting < f->spec.spare ? resting : f->spec.spare) +
               (leaving < f->spec.leaving ? leaving : f->spec.leaving);
    MUST_SAY(running - lent <= f->spec.slots, "%d cells, of which %d rest and %d rest for the last time", running,
             resting, leaving);
    f->n.most_running = running > f->n.most_running ? running : f->n.most_running;
}

static int fleet_spawn(void *ctx, int slot, const struct sched_job *job, struct err *err) {
    struct fleet *f = ctx;
    struct fleet_worker *w = &f->workers[slot];
    size_t cell = fleet_run_of(f, job->cell->id);
    MUST(!w->busy);
    MUST(job->host == slot / fleet_host_slots(f));
    fleet_check_use(f, job->host);
    MUST(!f->gone_told[job->host]);
    MUST(job->cold == !f->spec.sharing);
    MUST(job->save_count == 0 || (size_t)job->host < f->keepers);
    MUST(job->attempt == f->cells[cell].attempts + 1);
    MUST(!f->cells[cell].done);
    if (f->spec.faults.spawn && f->spec.faults.spawn(f->spec.faults.ctx, cell, job->attempt)) {
        return err_set(err, ERR_SYSTEM, "fork: Resource temporarily unavailable");
    }
    *w = (struct fleet_worker){.busy = true, .queued = w->queued, .cell = cell,
                               .attempt = job->attempt, .host = job->host,
                               .began = f->clock.now_ns, .step = job->from_steps,
                               .save_count = job->save_count};
    if (job->from) {
        spawn_check_from(f, job, w);
    }
    w->save_after = mem_zalloc(job->save_count + 1, sizeof(*w->save_after));
    w->save_names = mem_zalloc(job->save_count + 1, sizeof(*w->save_names));
    for (size_t i = 0; i < job->save_count; i++) {
        MUST(job->save_after[i] > (i ? job->save_after[i - 1] : job->from_steps));
        MUST(job->save_after[i] < job->cell->step_count);
        w->save_after[i] = job->save_after[i];
        w->save_names[i] = str_dup(job->save_names[i]);
    }
    w->points = str_dup(job->points);
    w->point_every = job->point_every;
    w->points_max = job->points_max;
    w->kept_at = f->clock.now_ns;
    if (job->from) {
        fleet_say(f, w, SIZE_MAX, "cell-begin", "{\"from\":{\"cell\":\"%s\",\"attempt\":%d,\"steps\":%zu}}",
            job->from_cell, job->from_attempt, job->from_steps);
    } else {
        fleet_say(f, w, SIZE_MAX, "cell-begin", "{}");
    }
    sched_timers_set(f->timers, slot,
                     f->clock.now_ns + (job->from ? FLEET_RESTORE_MS : 0) * CLOCK_MS);
    f->n.attempts++;
    f->n.on_host[job->host % 8]++;
    return 0;
}

static void fleet_lose_hosts(struct fleet *f) {
    f->next_gone = CLOCK_NEVER;
    for (size_t h = 0; h < f->spec.hosts; h++) {
        if (f->gone[h] || f->gone_at[h] > f->clock.now_ns) {
            f->next_gone = !f->gone[h] && f->gone_at[h] < f->next_gone ? f->gone_at[h] : f->next_gone;
            continue;
        }
        f->gone[h] = true;
        f->untold++;
        int slots = fleet_host_slots(f);
        for (int i = 0; i < slots; i++) {
            int slot = (int)h * slots + i;
            if (f->workers[slot].busy) {
                f->workers[slot].phase = PHASE_HUNG;
                sched_timers_set(f->timers, slot, CLOCK_NEVER);
            }
        }
    }
}

/* Empty: whatever it had kept is gone. */
static void fleet_return_hosts(struct fleet *f) {
    f->next_back = CLOCK_NEVER;
    for (size_t h = 0; h < f->spec.hosts; h++) {
        if (f->back_at[h] <= f->clock.now_ns) {
            MUST(f->gone[h] && f->gone_told[h]);
            f->gone[h] = f->gone_told[h] = false;
            f->gone_at[h] = f->back_at[h] = CLOCK_NEVER;
            f->back_untold[h] = true;
            while (f->states[h]) {
                fleet_state_delete(f, f->states[h]);
            }
        }
        f->next_back = f->back_at[h] < f->next_back ? f->back_at[h] : f->next_back;
    }
}

static int fleet_wait(void *ctx, int64_t deadline, struct err *err) {
    struct fleet *f = ctx;
    int slot;
    (void)err;
    int64_t at = deadline, next = sched_timers_first(f->timers, &slot), now = f->clock.now_ns;
    at = next < at ? next : at;
    for (int i = 0; i < FLEET_STOPS; i++) {
        at = f->stops[i] > now && f->stops[i] < at ? f->stops[i] : at;
    }
    at = f->next_gone < at ? f->next_gone : at;
    at = f->next_back < at ? f->next_back : at;
    MUST_SAY(at != CLOCK_NEVER, "the scheduler waits for nothing, for ever");
    MUST(at < FLEET_LIMIT);
    f->clock.clock.wait_until(&f->clock.clock, at);
    if (f->next_gone <= at) {
        fleet_lose_hosts(f);
    }
    if (f->next_back <= at) {
        fleet_return_hosts(f);
    }
    for (int i = 0; i < FLEET_STOPS; i++) {
        if (f->stops[i] <= f->clock.now_ns) {
            f->stops[i] = CLOCK_NEVER;
            f->interrupts++;
        }
    }
    while (sched_timers_first(f->timers, &slot) <= f->clock.now_ns) {
        fleet_worker_event(f, slot);
    }
    return 0;
}

static int fleet_ready(void *ctx) {
    struct fleet *f = ctx;
    while (f->ready_count > 0) {
        int slot = f->ready[f->ready_next];
        f->ready_next = (f->ready_next + 1) % f->slots;
        f->ready_count--;
        f->workers[slot].queued = false;
        if (f->workers[slot].busy) {
            return slot;
        }
    }
    return -1;
}

static ssize_t fleet_read(void *ctx, int slot, char *buf, size_t len) {
    struct fleet *f = ctx;
    struct fleet_worker *w = &f->workers[slot];
    MUST(w->busy);
    if (w->killed) {
        return 0;
    }
    size_t n = w->out.len - w->read;
    if (n == 0) {
        return w->phase == PHASE_OVER ? 0 : -1;
    }
    n = n > len ? len : n;
    memcpy(buf, w->out.data + w->read, n);
    w->read += n;
    if (w->read == w->out.len) {
        str_reset(&w->out);
        w->read = 0;
    }
    return (ssize_t)n;
}

static void fleet_stop(void *ctx, int slot, enum sched_stop how) {
    struct fleet *f = ctx;
    struct fleet_worker *w = &f->workers[slot];
    MUST(w->busy);
    if (how == SCHED_STOP_KILL) {
        w->killed = true;
        w->exit = (struct sched_exit){-1, SIGKILL};
        sched_timers_set(f->timers, slot, CLOCK_NEVER);
        fleet_tell(f, slot);
        return;
    }
    if (w->phase == PHASE_HUNG || w->phase == PHASE_OVER) {
        return;
    }
    w->stop = (int)how + 1;
    if (how == SCHED_STOP_NOW) {
        if (w->phase == PHASE_RESTORING && w->from) {
            w->from->restoring--;
            w->from = NULL;
        }
        w->phase = PHASE_BETWEEN;
        sched_timers_set(f->timers, slot, f->clock.now_ns + CLOCK_S);
    }
}

static void fleet_reap(void *ctx, int slot, struct sched_exit *out) {
    struct fleet *f = ctx;
    struct fleet_worker *w = &f->workers[slot];
    *out = w->exit;
    if (w->phase == PHASE_RESTORING && w->from) {
        w->from->restoring--;
    }
    if (w->base) {
        w->base->standing--;
    }
    for (size_t i = 0; i < w->save_count; i++) {
        free(w->save_names[i]);
    }
    free(w->save_names);
    free(w->save_after);
    free(w->points);
    str_free(&w->out);
    sched_timers_set(f->timers, slot, CLOCK_NEVER);
    *w = (struct fleet_worker){.queued = w->queued};
}

static void fleet_sweep(void *ctx) {
    (void)ctx;
}

static int fleet_room(void *ctx, int host, const struct plan_cell *cell, char why[200]) {
    (void)ctx;
    (void)host;
    (void)cell;
    why[0] = '\0';
    return 1;
}

static int fleet_gone(void *ctx) {
    struct fleet *f = ctx;
    for (size_t h = 0; h < f->spec.hosts && f->untold > 0; h++) {
        if (f->gone[h] && !f->gone_told[h]) {
            f->gone_told[h] = true;
            f->untold--;
            return (int)h;
        }
    }
    return -1;
}

static int fleet_back(void *ctx) {
    struct fleet *f = ctx;
    for (size_t h = 0; h < f->spec.hosts; h++) {
        if (f->back_untold[h]) {
            f->back_untold[h] = false;
            return (int)h;
        }
    }
    return -1;
}

static int fleet_interrupts(void *ctx) {
    return ((struct fleet *)ctx)->interrupts;
}

/* ---- from outside ---------------------------------------------------------------------------------- */

struct fleet *fleet_new(const struct fleet_spec *spec) {
    struct fleet *f = mem_zalloc(1, sizeof(*f));
    f->spec = *spec;
    clock_virtual_init(&f->clock);
    f->clock.now_ns = CLOCK_S;
    f->slots = (int)spec->hosts * fleet_host_slots(f);
    f->workers = mem_zalloc((size_t)f->slots, sizeof(*f->workers));
    f->ready = mem_zalloc((size_t)f->slots, sizeof(*f->ready));
    f->timers = sched_timers_new(f->slots);
    f->states = mem_zalloc(spec->hosts, sizeof(struct fleet_state *));
    f->used = mem_zalloc(spec->hosts, sizeof(*f->used));
    f->gone = mem_zalloc(spec->hosts, sizeof(*f->gone));
    f->gone_told = mem_zalloc(spec->hosts, sizeof(*f->gone_told));
    f->gone_at = mem_zalloc(spec->hosts, sizeof(*f->gone_at));
    f->cells = mem_zalloc(spec->plan->cell_count * (CONFIRM_MAX + 1), sizeof(*f->cells));
    f->back_at = mem_zalloc(spec->hosts, sizeof(*f->back_at));
    f->back_untold = mem_zalloc(spec->hosts, sizeof(*f->back_untold));
    f->next_gone = f->next_back = CLOCK_NEVER;
    f->keepers = spec->hosts;
    for (size_t h = 0; h < spec->hosts; h++) {
        f->gone_at[h] = f->back_at[h] = CLOCK_NEVER;
    }
    for (int i = 0; i < FLEET_STOPS; i++) {
        f->stops[i] = CLOCK_NEVER;
    }
    return f;
}

void fleet_free(struct fleet *f) {
    for (size_t h = 0; h < f->spec.hosts; h++) {
        while (f->states[h]) {
            fleet_state_delete(f, f->states[h]);
        }
    }
    for (size_t i = 0; i < f->spec.plan->cell_count * (CONFIRM_MAX + 1); i++) {
        for (int a = 0; f->spec.facts && a < f->cells[i].attempts; a++) {
            free(f->cells[i].list[a].seen);
        }
        free(f->cells[i].list);
    }
    sched_timers_free(f->timers);
    free(f->workers);
    free(f->ready);
    free(f->states);
    free(f->used);
    free(f->gone);
    free(f->gone_told);
    free(f->gone_at);
    free(f->back_at);
    free(f->back_untold);
    free(f->cells);
    free(f);
}

void fleet_interrupt_at(struct fleet *f, int64_t at) {
    for (int i = 0; i < FLEET_STOPS; i++) {
        if (f->stops[i] == CLOCK_NEVER) {
            f->stops[i] = at;
            return;
        }
    }
}

void fleet_host_gone_at(struct fleet *f, int host, int64_t at) {
    f->gone_at[host] = at;
    f->next_gone = at < f->next_gone ? at : f->next_gone;
}

void fleet_host_back_at(struct fleet *f, int host, int64_t at) {
    f->back_at[host] = at;
    f->next_back = at < f->next_back ? at : f->next_back;
}

void fleet_keepers(struct fleet *f, size_t n) {
    f->keepers = n;
}

/* What a resumed run is told of states. Caller frees. */
static struct sched_kept *fleet_kept(const struct fleet *f, size_t *count) {
    struct sched_kept *kept = NULL;
    *count = 0;
    for (size_t h = 0; h < f->spec.hosts; h++) {
        for (struct fleet_state *x = f->gone[h] ? NULL : f->states[h]; x; x = x->next) {
            kept = mem_grow(kept, *count + 1, sizeof(*kept));
            kept[(*count)++] = (struct sched_kept){
                .name = x->name, .cell = x->cell % f->spec.plan->cell_count,
                .confirm = (int)(x->cell / f->spec.plan->cell_count), .attempt = x->attempt, .steps = x->steps,
                .at_ms = x->at_ms, .host = x->host, .base = x->base ? x->base->name : NULL,
                .bytes = x->memory ? FLEET_STATE_BYTES : FLEET_DISK_BYTES, .memory = x->memory,
            };
        }
    }
    return kept;
}

/* Where the cell stands: its last run that began, or the confirmation that is due after it. */
static struct sched_past fleet_past(const struct fleet *f, size_t cell) {
    size_t n = f->spec.plan->cell_count;
    bool failed = f->cells[cell].list && f->cells[cell].product;
    struct sched_past p = {.confirms = f->cells[cell].done && failed ? abs(f->spec.confirm) : 0};
    while (p.confirm < p.confirms && f->cells[cell + (size_t)p.confirm * n].done) {
        p.confirm++;
    }
    const struct fleet_cell *run = &f->cells[cell + (size_t)p.confirm * n];
    p.done = run->done;
    p.attempts = run->attempts;
    return p;
}

static void fleet_opts(struct fleet *f, struct sched_opts *o, struct sched_host *hosts,
                       struct sched_past *past) {
    static const struct sched_ops ops = {
        .spawn = fleet_spawn, .wait = fleet_wait, .ready = fleet_ready, .read = fleet_read,
        .stop = fleet_stop, .reap = fleet_reap, .sweep = fleet_sweep, .room = fleet_room,
        .gone = fleet_gone, .back = fleet_back, .drop_state = fleet_drop_state, .interrupts = fleet_interrupts,
        .record = fleet_record,
    };
    for (size_t h = 0; h < f->spec.hosts; h++) {
        hosts[h] = (struct sched_host){"host", f->spec.slots, f->spec.spare, f->spec.leaving, h >= f->keepers};
        f->untold += f->gone_told[h];
        f->gone_told[h] = false;
    }
    for (size_t i = 0; i < f->spec.plan->cell_count; i++) {
        past[i] = fleet_past(f, i);
    }
    *o = (struct sched_opts){
        .plan = f->spec.plan, .hosts = hosts, .host_count = f->spec.hosts,
        .sharing = f->spec.sharing, .state_bytes = FLEET_STATE_BYTES,
        .states_max = f->spec.states_max, .confirm = f->spec.confirm,
        .points = f->spec.points, .point_every = f->spec.point_every,
        .past = past, .clock = &f->clock.clock, .ops = &ops,
        .ops_ctx = f,
    };
    sched_limits_default(&o->limits);
    o->limits.heartbeat = 120 * CLOCK_S; /* these workers say nothing between steps */
}

struct sched_result fleet_run(struct fleet *f) {
    struct sched_opts o;
    struct sched_result res;
    CLEANUP_ERR struct err err = ERR_INIT;
    struct sched_host *hosts = mem_zalloc(f->spec.hosts, sizeof(*hosts));
    struct sched_past *past = mem_zalloc(f->spec.plan->cell_count, sizeof(*past));
    fleet_opts(f, &o, hosts, past);
    struct sched_kept *kept = fleet_kept(f, &o.kept_count);
    o.kept = kept;
    f->interrupts = 0;
    MUST_SAY(sched_run(&o, &res, &err) == 0, "%s", err_text(&err));
    for (int i = 0; i < FLEET_STOPS; i++) {
        f->stops[i] = CLOCK_NEVER;
    }
    for (int i = 0; i < f->slots; i++) {
        MUST(!f->workers[i].busy);
    }
    if (!res.interrupted) { /* all cells accounted for */
        MUST(res.done + res.failed == f->spec.plan->cell_count + res.confirms);
        MUST(res.done == f->n.done);
    }
    f->n.confirms = res.confirms;
    free(kept);
    free(past);
    free(hosts);
    return res;
}

struct fleet_counts fleet_count(const struct fleet *f) {
    struct fleet_counts n = f->n;
    n.ms = f->clock.now_ns / CLOCK_MS;
    n.left = 0;
    for (size_t h = 0; h < f->spec.hosts; h++) {
        for (struct fleet_state *x = f->gone[h] ? NULL : f->states[h]; x; x = x->next) {
            n.left++;
        }
    }
    return n;
}

int fleet_attempts(const struct fleet *f, size_t cell) {
    return f->cells[cell].attempts;
}

struct fleet_counts fleet_run_whole(const struct fleet_spec *spec) {
    struct fleet *f = fleet_new(spec);
    struct sched_result res = fleet_run(f);
    struct fleet_counts n = fleet_count(f);
    MUST(!res.interrupted);
    MUST(n.left == 0);
    fleet_check_facts(f);
    fleet_free(f);
    return n;
}
