#include "run/scheduler.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "plan/confirm.h"
#include "run/sched_state.h"

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

bool sched_ending(const struct sched *s) {
    return s->interrupts > 0 || err_is_set(&s->broken);
}

/* ---- time ---------------------------------------------------------------------------------- */

void sched_kill(struct sched *s, int slot) {
    s->slots[slot].killed = true;
    s->slots[slot].kill_at = sched_now(s) + s->o->limits.grace;
    sched_timers_set(s->timers, slot, s->slots[slot].kill_at);
    s->o->ops->stop(s->o->ops_ctx, slot, SCHED_STOP_KILL);
}

static int64_t sched_earlier(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* When a slot has to be looked at. What was heard since moves it, without telling the timers. */
static int64_t sched_slot_due(const struct sched *s, const struct sched_slot *slot) {
    int64_t at = slot->kill_at;
    if (!slot->killed) {
        at = sched_earlier(at, slot->heard + s->o->limits.heartbeat);
        at = sched_earlier(at, slot->began + s->o->limits.cell);
    }
    return at;
}

static void sched_take_end(struct sched *s, int index) {
    struct sched_exit exit = {0, 0};
    s->o->ops->reap(s->o->ops_ctx, index, &exit);
    sched_slot_end(s, index, &exit);
}

static void sched_slot_overdue(struct sched *s, int index, int64_t now) {
    struct sched_slot *slot = &s->slots[index];
    if (slot->killed) {
        /* Its pipe stays open (somebody inherited it): not waited for for ever. */
        sched_take_end(s, index);
        return;
    }
    if (now - slot->heard >= s->o->limits.heartbeat) {
        sched_slot_fail(s, slot, FAILURE_LAB_BUG, "nothing heard from the worker for %lld s",
                        (long long)((now - slot->heard) / CLOCK_S));
    } else if (now - slot->began >= s->o->limits.cell) {
        sched_slot_fail(s, slot, FAILURE_LAB_BUG, "the cell was not done after %lld s",
                        (long long)((now - slot->began) / CLOCK_S));
    }
    sched_kill(s, index);
}

static void sched_check_time(struct sched *s) {
    int64_t now = sched_now(s);
    int slot;
    while (sched_timers_first(s->timers, &slot) <= now) {
        int64_t due = sched_slot_due(s, &s->slots[slot]);
        if (due <= now) {
            sched_slot_overdue(s, slot, now);
        } else {
            sched_timers_set(s->timers, slot, due);
        }
    }
}

static int64_t sched_deadline(const struct sched *s) {
    int slot;
    return sched_earlier(sched_timers_first(s->timers, &slot), s->look_at);
}

/* ---- stopping ------------------------------------------------------------------------------ */

static void sched_stop_all(struct sched *s, enum sched_stop how) {
    for (int i = 0; i < s->slot_count; i++) {
        struct sched_slot *slot = &s->slots[i];
        if (!slot->busy || slot->killed) {
            continue;
        }
        slot->stopped = true;
        s->o->ops->stop(s->o->ops_ctx, i, how);
        if (how != SCHED_STOP_STEP && slot->kill_at == CLOCK_NEVER) {
            slot->kill_at = sched_now(s) + s->o->limits.grace;
            sched_timers_set(s->timers, i, slot->kill_at);
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

static void sched_serve(struct sched *s) {
    int slot, host;
    while ((slot = s->o->ops->ready(s->o->ops_ctx)) >= 0) {
        if (s->slots[slot].busy && sched_slot_read(s, slot)) {
            sched_take_end(s, slot);
        }
    }
    while (s->o->ops->gone && (host = s->o->ops->gone(s->o->ops_ctx)) >= 0) {
        sched_host_gone(s, host);
    }
    while (s->o->ops->back && (host = s->o->ops->back(s->o->ops_ctx)) >= 0) {
        sched_host_back(s, host);
    }
    sched_check_time(s);
}

/* True while there is something to wait for. */
static bool sched_goes_on(const struct sched *s) {
    return s->running > 0 || (!sched_ending(s) && s->waiting > 0);
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
            free(s->slots[i].saves);
            s->slots[i].busy = false;
        }
    }
    s->o->ops->sweep(s->o->ops_ctx);
}

/* ---- runs of cells ---------------------------------------------------------------------------- */

const struct plan_cell *sched_cell_plan(const struct sched *s, size_t cell) {
    return s->cells[cell].again ? s->cells[cell].again : &s->o->plan->cells[cell];
}

void sched_cell_confirm(struct sched *s, size_t cell, int k) {
    struct sched_cell *c = &s->cells[cell];
    confirm_free(c->again);
    c->again = confirm_make(&s->o->plan->cells[cell], k);
    c->confirm = k;
    s->confirms++;
}

/* ---- the whole --------------------------------------------------------------------------------- */

static void sched_make_hosts(struct sched *s) {
    const struct sched_opts *o = s->o;
    s->places = mem_zalloc(o->host_count, sizeof(*s->places));
    s->queue = mem_zalloc(o->host_count, sizeof(*s->queue));
    s->idle = mem_zalloc(o->host_count, sizeof(*s->idle));
    for (size_t h = 0; h < o->host_count; h++) {
        s->slot_count += sched_host_slots(&o->hosts[h]);
        s->alive_slots += o->hosts[h].slots;
    }
    s->slots = mem_zalloc((size_t)s->slot_count, sizeof(*s->slots));
    s->timers = sched_timers_new(s->slot_count);
    int slot = s->slot_count;
    for (size_t h = o->host_count; h-- > 0;) { /* from the last: the first are looked at first */
        s->places[h].free = s->places[h].idle_at = -1;
        for (int i = 0; i < sched_host_slots(&o->hosts[h]); i++) {
            s->slots[--slot].host = (int)h;
            s->slots[slot].next_free = s->places[h].free;
            s->places[h].free = slot;
        }
        sched_wake(s, (int)h);
    }
}

static void sched_make_cells(struct sched *s) {
    const struct plan *p = s->o->plan;
    s->tree = tree_build(p);
    s->cells = mem_zalloc(p->cell_count + 1, sizeof(*s->cells));
    s->segments = mem_zalloc(s->tree->count + 1, sizeof(*s->segments));
    s->rank = sched_rank_new(p->cell_count);
    sched_eta_init(s);
    for (size_t i = 0; i < p->cell_count; i++) {
        const struct sched_past *past = s->o->past ? &s->o->past[i] : NULL;
        s->cells[i].attempts = past ? past->attempts : 0;
        s->cells[i].tries = past ? past->tries : 0;
        s->cells[i].confirms = past ? past->confirms : 0;
        for (int k = 1; past && k <= past->confirm; k++) { /* the runs before are done */
            sched_cell_confirm(s, i, k);
            s->done++;
        }
        if (past && past->done) {
            s->cells[i].state = SCHED_DONE;
            s->done++;
        } else {
            sched_cell_wait(s, i);
        }
    }
}

static void sched_free(struct sched *s) {
    sched_sites_free(s);
    sched_rank_free(s->rank);
    sched_timers_free(s->timers);
    tree_free(s->tree);
    err_clear(&s->broken);
    for (size_t i = 0; i < s->o->plan->cell_count; i++) {
        confirm_free(s->cells[i].again);
    }
    free(s->cells);
    free(s->segments);
    free(s->slots);
    free(s->places);
    free(s->queue);
    free(s->idle);
}

static int sched_check_hosts(const struct sched_opts *o, struct err *err) {
    for (size_t h = 0; h < o->host_count; h++) {
        if (o->hosts[h].slots < 1 || o->hosts[h].spare < 0 || o->hosts[h].leaving < 0) {
            return err_set(err, ERR_INPUT, "host %s: slots must be 1 or more, spare ones 0 or more", o->hosts[h].name);
        }
    }
    if (o->sharing && (!o->ops->drop_state || o->state_bytes < 1)) {
        return err_set(err, ERR_BUG, "states can be kept but not dropped, or have no size");
    }
    return o->host_count > 0 ? 0 : err_set(err, ERR_INPUT, "there is no host to run on");
}

int sched_run(const struct sched_opts *opts, struct sched_result *out, struct err *err) {
    if (sched_check_hosts(opts, err) < 0) {
        return -1;
    }
    struct sched s = {.o = opts, .no_room_since = CLOCK_NEVER, .look_at = CLOCK_NEVER, .no_host_since = CLOCK_NEVER,
                      .broken = ERR_INIT};
    sched_make_hosts(&s);
    sched_make_cells(&s);
    sched_sites_take_kept(&s);
    int rc = sched_loop(&s, err);
    if (rc < 0) {
        sched_abandon(&s);
    } else if (err_is_set(&s.broken)) {
        err_move(err, &s.broken);
        rc = -1;
    }
    *out = (struct sched_result){.done = s.done, .failed = s.failed, .confirms = s.confirms,
                                 .interrupted = s.interrupts > 0};
    sched_free(&s);
    return rc;
}
