#include "run/scheduler.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "run/sched_state.h"

/* How often room is looked for, and the longest nap of the loop. */
#define SCHED_LOOK CLOCK_S

void sched_limits_default(struct sched_limits *l) {
    *l = (struct sched_limits){
        .heartbeat = 30 * CLOCK_S, /* six beats */
        .cell = INT64_C(3600) * 3 * CLOCK_S,
        .grace = 20 * CLOCK_S,
        .room = 600 * CLOCK_S,
        .attempts = 3,
    };
}

static int64_t sched_now(const struct sched *s) {
    return clock_now(s->o->clock);
}

static bool sched_ending(const struct sched *s) {
    return s->interrupts > 0 || err_is_set(&s->broken);
}

/* ---- admission ----------------------------------------------------------------------------- */

/* Next cell to run, in plan order; -1 when none waits. */
static ssize_t sched_next(const struct sched *s) {
    for (size_t i = 0; i < s->o->plan->cell_count; i++) {
        if (s->cells[i].state == SCHED_WAITING) {
            return (ssize_t)i;
        }
    }
    return -1;
}

static int sched_free_slot(const struct sched *s) {
    for (int i = 0; i < s->slot_count; i++) {
        if (!s->slots[i].busy) {
            return i;
        }
    }
    return -1;
}

/* Gives up a cell that never got a worker. */
static void sched_give_up(struct sched *s, int slot, enum failure_class class, const char *why) {
    struct sched_slot *given = &s->slots[slot];
    struct sched_exit exit = {0, 0};
    sched_slot_fail(s, given, class, "%s", why);
    given->killed = true; /* why is said: no further judgement of its exit */
    s->running++;
    sched_slot_end(s, slot, &exit);
}

static void sched_spawn(struct sched *s, int slot, size_t cell) {
    CLEANUP_ERR struct err err = ERR_INIT;
    const struct plan_cell *p = &s->o->plan->cells[cell];
    int attempt = ++s->cells[cell].attempts;
    sched_slot_begin(s, slot, cell, attempt);
    s->cells[cell].state = SCHED_RUNNING;
    struct sched_job job = {.cell = p, .attempt = attempt, .host = s->slots[slot].host};
    if (s->o->ops->spawn(s->o->ops_ctx, slot, &job, &err) < 0) {
        err_prefix(&err, "start a worker");
        sched_give_up(s, slot, err.cls == ERR_BUG ? FAILURE_LAB_BUG : FAILURE_HOST_RESOURCES,
                      err_text(&err));
        return;
    }
    s->running++;
    if (s->o->progress.cell_started) {
        struct sched_counts n;
        sched_counts(s, &n);
        s->o->progress.cell_started(s->o->progress.ctx, p, attempt, &n);
    }
}

/* True when a cell may start; else keeps since when and says why, once for each reason. */
static bool sched_has_room(struct sched *s, int slot, size_t cell) {
    char why[200] = "";
    if (s->o->ops->room(s->o->ops_ctx, s->slots[slot].host, &s->o->plan->cells[cell], why)) {
        s->no_room_since = CLOCK_NEVER;
        s->no_room[0] = '\0';
        return true;
    }
    if (s->no_room_since == CLOCK_NEVER) {
        s->no_room_since = sched_now(s);
        log_info(s->o->log, "waiting for room on this host: %s", why);
        if (s->o->progress.waiting) {
            s->o->progress.waiting(s->o->progress.ctx, why);
        }
    }
    memcpy(s->no_room, why, sizeof(s->no_room));
    return false;
}

static void sched_admit(struct sched *s) {
    while (!sched_ending(s)) {
        int slot = sched_free_slot(s);
        ssize_t cell = sched_next(s);
        if (slot < 0 || cell < 0) {
            return;
        }
        if (sched_has_room(s, slot, (size_t)cell)) {
            sched_spawn(s, slot, (size_t)cell);
            continue;
        }
        if (s->running > 0 || sched_now(s) - s->no_room_since < s->o->limits.room) {
            return;
        }
        /* Nothing runs and still no room: waiting longer would be a run stuck without an
         * account. */
        s->cells[cell].state = SCHED_RUNNING;
        sched_slot_begin(s, slot, (size_t)cell, s->cells[cell].attempts + 1);
        s->cells[cell].attempts = s->o->limits.attempts; /* more of them would wait as vainly */
        sched_give_up(s, slot, FAILURE_HOST_RESOURCES, s->no_room);
    }
}

/* ---- time ---------------------------------------------------------------------------------- */

static void sched_kill(struct sched *s, int slot) {
    s->slots[slot].killed = true;
    s->slots[slot].kill_at = sched_now(s) + s->o->limits.grace;
    s->o->ops->stop(s->o->ops_ctx, slot, SCHED_STOP_KILL);
}

static void sched_check_slot(struct sched *s, int index, int64_t now) {
    struct sched_slot *slot = &s->slots[index];
    if (slot->killed) {
        return;
    }
    if (now >= slot->kill_at) {
        sched_kill(s, index);
    } else if (now - slot->heard >= s->o->limits.heartbeat) {
        sched_slot_fail(s, slot, FAILURE_LAB_BUG, "nothing heard from the worker for %lld s",
                        (long long)((now - slot->heard) / CLOCK_S));
        sched_kill(s, index);
    } else if (now - slot->began >= s->o->limits.cell) {
        sched_slot_fail(s, slot, FAILURE_LAB_BUG, "the cell was not done after %lld s",
                        (long long)((now - slot->began) / CLOCK_S));
        sched_kill(s, index);
    }
}

static int64_t sched_earlier(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t sched_deadline(const struct sched *s) {
    int64_t at = s->no_room_since != CLOCK_NEVER ? sched_now(s) + SCHED_LOOK : CLOCK_NEVER;
    for (int i = 0; i < s->slot_count; i++) {
        const struct sched_slot *slot = &s->slots[i];
        if (!slot->busy) {
            continue;
        }
        at = sched_earlier(at, slot->kill_at);
        if (!slot->killed) {
            at = sched_earlier(at, slot->heard + s->o->limits.heartbeat);
            at = sched_earlier(at, slot->began + s->o->limits.cell);
        }
    }
    return at;
}

/* ---- stopping ------------------------------------------------------------------------------ */

static void sched_stop_all(struct sched *s, enum sched_stop how) {
    for (int i = 0; i < s->slot_count; i++) {
        struct sched_slot *slot = &s->slots[i];
        if (!slot->busy || slot->killed) {
            continue;
        }
        s->o->ops->stop(s->o->ops_ctx, i, how);
        if (how != SCHED_STOP_STEP && slot->kill_at == CLOCK_NEVER) {
            slot->kill_at = sched_now(s) + s->o->limits.grace;
        }
    }
}

/* The first request lets steps end, the second cuts them short, the third kills. */
static void sched_hear_user(struct sched *s) {
    int asked = s->o->ops->interrupts(s->o->ops_ctx);
    for (; s->interrupts < asked; s->interrupts++) {
        if (s->interrupts == 0) {
            log_info(s->o->log, "stopping after the current steps; once more stops at once");
            sched_stop_all(s, SCHED_STOP_STEP);
        } else if (s->interrupts == 1) {
            log_info(s->o->log, "stopping at once");
            sched_stop_all(s, SCHED_STOP_NOW);
        } else {
            for (int i = 0; i < s->slot_count; i++) {
                if (s->slots[i].busy && !s->slots[i].killed) {
                    sched_kill(s, i);
                }
            }
        }
    }
}

/* ---- the loop ------------------------------------------------------------------------------ */

static void sched_take_end(struct sched *s, int index) {
    struct sched_exit exit = {0, 0};
    s->o->ops->reap(s->o->ops_ctx, index, &exit);
    sched_slot_end(s, index, &exit);
}

static void sched_serve(struct sched *s) {
    int ready;
    while ((ready = s->o->ops->ready(s->o->ops_ctx)) >= 0) {
        if (s->slots[ready].busy && sched_slot_read(s, ready)) {
            sched_take_end(s, ready);
        }
    }
    int64_t now = sched_now(s);
    for (int i = 0; i < s->slot_count; i++) {
        struct sched_slot *slot = &s->slots[i];
        /* A killed worker whose pipe stays open (somebody inherited it) is not waited for for
         * ever. */
        if (slot->busy && slot->killed && now >= slot->kill_at) {
            sched_take_end(s, i);
        } else if (slot->busy) {
            sched_check_slot(s, i, now);
        }
    }
}

/* True while there is something to wait for. */
static bool sched_goes_on(const struct sched *s) {
    return s->running > 0 || (!sched_ending(s) && sched_next(s) >= 0);
}

static int sched_loop(struct sched *s, struct err *err) {
    bool told = false;
    for (;;) {
        sched_admit(s);
        if (err_is_set(&s->broken) && !told) {
            sched_stop_all(s, SCHED_STOP_NOW);
            told = true;
        }
        if (!sched_goes_on(s)) {
            return 0;
        }
        if (s->o->ops->wait(s->o->ops_ctx, sched_deadline(s), err) < 0) {
            return -1;
        }
        sched_hear_user(s);
        sched_serve(s);
    }
}

/* The loop itself broke: nothing may stay behind. */
static void sched_abandon(struct sched *s) {
    for (int i = 0; i < s->slot_count; i++) {
        if (s->slots[i].busy) {
            struct sched_exit exit;
            s->o->ops->stop(s->o->ops_ctx, i, SCHED_STOP_KILL);
            s->o->ops->reap(s->o->ops_ctx, i, &exit);
            str_free(&s->slots[i].line);
            s->slots[i].busy = false;
        }
    }
    s->o->ops->sweep(s->o->ops_ctx);
}

static void sched_make_slots(struct sched *s) {
    const struct sched_opts *o = s->o;
    for (size_t h = 0; h < o->host_count; h++) {
        s->slot_count += o->hosts[h].slots;
    }
    s->slots = mem_zalloc((size_t)s->slot_count, sizeof(*s->slots));
    int slot = 0;
    for (size_t h = 0; h < o->host_count; h++) {
        for (int i = 0; i < o->hosts[h].slots; i++) {
            s->slots[slot++].host = (int)h;
        }
    }
}

static int sched_check_hosts(const struct sched_opts *o, struct err *err) {
    for (size_t h = 0; h < o->host_count; h++) {
        if (o->hosts[h].slots < 1) {
            return err_set(err, ERR_INPUT, "host %s: slots must be 1 or more", o->hosts[h].name);
        }
    }
    return o->host_count > 0 ? 0 : err_set(err, ERR_INPUT, "there is no host to run on");
}

int sched_run(const struct sched_opts *opts, struct sched_result *out, struct err *err) {
    if (sched_check_hosts(opts, err) < 0) {
        return -1;
    }
    struct sched s = {.o = opts, .no_room_since = CLOCK_NEVER, .broken = ERR_INIT};
    s.cells = mem_zalloc(opts->plan->cell_count + 1, sizeof(*s.cells));
    sched_make_slots(&s);
    int rc = sched_loop(&s, err);
    if (rc < 0) {
        sched_abandon(&s);
    } else if (err_is_set(&s.broken)) {
        err_move(err, &s.broken);
        rc = -1;
    }
    *out = (struct sched_result){s.done, s.failed, s.interrupts > 0};
    err_clear(&s.broken);
    free(s.cells);
    free(s.slots);
    return rc;
}
