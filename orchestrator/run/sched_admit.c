/* Who starts where and when: hosts with a free slot are looked at, one cell after the other. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "run/sched_state.h"

/* How often idle hosts are asked again: while room is wanted, and else. */
#define ADMIT_LOOK CLOCK_S
#define ADMIT_LOOK_IDLE (10 * CLOCK_S)

/* ---- hosts to look at ------------------------------------------------------------------------- */

static void admit_leave_idle(struct sched *s, int host) {
    struct sched_place *p = &s->places[host];
    if (p->idle_at >= 0) {
        int last = s->idle[--s->idle_count];
        s->idle[p->idle_at] = last;
        s->places[last].idle_at = p->idle_at;
        p->idle_at = -1;
    }
}

static void admit_enter_idle(struct sched *s, int host) {
    struct sched_place *p = &s->places[host];
    if (p->idle_at < 0 && !p->gone) {
        p->idle_at = s->idle_count;
        s->idle[s->idle_count++] = host;
    }
    if (s->look_at == CLOCK_NEVER) {
        s->look_at = clock_after(s->o->clock, ADMIT_LOOK_IDLE);
    }
}

void sched_wake(struct sched *s, int host) {
    struct sched_place *p = &s->places[host];
    if (!p->queued && !p->gone) {
        admit_leave_idle(s, host);
        p->queued = true;
        s->queue[s->queue_count++] = host;
    }
}

void sched_wake_idle(struct sched *s, size_t most) {
    for (; most > 0 && s->idle_count > 0; most--) {
        sched_wake(s, s->idle[s->idle_count - 1]);
    }
}

/* ---- cells that wait --------------------------------------------------------------------------- */

static void admit_count(struct sched *s, size_t cell, int change) {
    for (uint32_t g = s->tree->leaf[cell]; g != TREE_NONE; g = s->tree->segments[g].parent) {
        s->segments[g].waiting += (uint32_t)change;
        sched_eta_owe(s, g);
    }
    s->waiting += (size_t)change;
}

void sched_cell_wait(struct sched *s, size_t cell) {
    s->cells[cell].state = SCHED_WAITING;
    sched_rank_set(s->rank, s->tree->segments[s->tree->leaf[cell]].order,
                   sched_eta_cell_ms(s, cell));
    admit_count(s, cell, 1);
    sched_wake_idle(s, 1);
}

void sched_cell_take(struct sched *s, size_t cell) {
    s->cells[cell].state = SCHED_RUNNING;
    sched_rank_set(s->rank, s->tree->segments[s->tree->leaf[cell]].order, -1);
    admit_count(s, cell, -1);
}

/* Where nobody waits any more, states may go. */
static void admit_review(struct sched *s, size_t cell) {
    for (uint32_t g = s->tree->leaf[cell]; g != TREE_NONE; g = s->tree->segments[g].parent) {
        if (s->segments[g].waiting == 0 && s->segments[g].sites > 0) {
            sched_sites_review(s, g);
        }
    }
}

/* ---- starting ----------------------------------------------------------------------------------- */

/* Gives up a cell that never got a worker. */
static void admit_give_up(struct sched *s, int slot, enum failure_class class, const char *why) {
    struct sched_slot *given = &s->slots[slot];
    struct sched_exit exit = {0, 0};
    sched_slot_fail(s, given, class, "%s", why);
    given->killed = true; /* why is said: no further judgement of its exit */
    sched_slot_end(s, slot, &exit);
}

static int admit_call_spawn(struct sched *s, int index, struct err *err) {
    const struct sched_slot *slot = &s->slots[index];
    size_t after[SCHED_SAVES_MAX];
    const char *names[SCHED_SAVES_MAX];
    for (size_t i = 0; i < slot->save_count; i++) {
        after[i] = s->tree->segments[slot->saves[i]->segment].end;
        names[i] = slot->saves[i]->name;
    }
    struct sched_job job = {
        .cell = sched_cell_plan(s, slot->cell), .attempt = slot->attempt, .host = slot->host,
        .save_after = after, .save_names = names, .save_count = slot->save_count,
        .cold = !s->o->sharing, .points = *slot->points ? slot->points : NULL,
        .points_max = slot->points_max, .point_every = s->o->point_every,
    };
    const struct sched_site *from = slot->base;
    if (from) {
        job.from = from->name;
        job.from_steps = slot->from_steps;
        job.from_cell = from->maker;
        job.from_attempt = from->attempt;
        job.from_ms = from->at_ms;
    }
    return s->o->ops->spawn(s->o->ops_ctx, index, &job, err);
}

static void admit_spawn(struct sched *s, int slot, const struct sched_pick *pick) {
    CLEANUP_ERR struct err err = ERR_INIT;
    int attempt = ++s->cells[pick->cell].attempts;
    s->cells[pick->cell].tries++;
    sched_cell_take(s, pick->cell);
    sched_slot_begin(s, slot, pick->cell, attempt);
    sched_sites_enter(s, slot, pick->from);
    admit_review(s, pick->cell);
    if (admit_call_spawn(s, slot, &err) < 0) {
        err_prefix(&err, "start a worker");
        admit_give_up(s, slot, err.cls == ERR_BUG ? FAILURE_LAB_BUG : FAILURE_HOST_RESOURCES,
                      err_text(&err));
        return;
    }
    if (s->o->progress.cell_started) {
        struct sched_counts n;
        sched_counts(s, &n);
        s->o->progress.cell_started(s->o->progress.ctx, sched_cell_plan(s, pick->cell), attempt, &n);
    }
}

/* Has the host a processor for one more? */
static bool admit_is_open(const struct sched *s, int host) {
    const struct sched_place *p = &s->places[host];
    const struct sched_host *h = &s->o->hosts[host];
    int lent = (p->resting < h->spare ? p->resting : h->spare) + (p->leaving < h->leaving ? p->leaving : h->leaving);
    return !p->gone && p->free >= 0 && p->running - lent < h->slots;
}

/* True when a cell may start; else keeps since when and says why, once for each reason. */
static bool admit_has_room(struct sched *s, int host, size_t cell) {
    char why[200] = "";
    if (s->o->ops->room(s->o->ops_ctx, host, &s->o->plan->cells[cell], why)) {
        s->no_room_since = CLOCK_NEVER;
        s->no_room[0] = '\0';
        return true;
    }
    if (s->places[host].running >= s->o->hosts[host].slots) {
        return false; /* one beyond the regular ones: nobody waits for that */
    }
    if (s->no_room_since == CLOCK_NEVER) {
        s->no_room_since = clock_now(s->o->clock);
        log_info(s->o->log, "waiting for room on %s: %s", s->o->hosts[host].name, why);
        if (s->o->progress.waiting) {
            CLEANUP_FREE char *where = str_printf("%s: %s", s->o->hosts[host].name, why);
            s->o->progress.waiting(s->o->progress.ctx, s->o->host_count > 1 ? where : why);
        }
    }
    memcpy(s->no_room, why, sizeof(s->no_room));
    int64_t look = clock_after(s->o->clock, ADMIT_LOOK);
    s->look_at = look < s->look_at ? look : s->look_at;
    return false;
}

/* A cell that cannot run although nothing else does. */
static void admit_refuse(struct sched *s, int slot, size_t cell, const char *why) {
    sched_cell_take(s, cell);
    sched_slot_begin(s, slot, cell, ++s->cells[cell].attempts);
    s->cells[cell].tries = s->o->limits.attempts; /* more of them would wait as vainly */
    admit_review(s, cell);
    admit_give_up(s, slot, FAILURE_HOST_RESOURCES, why);
}

static void admit_host(struct sched *s, int host) {
    struct sched_place *p = &s->places[host];
    bool doubted = p->doubt_until > clock_now(s->o->clock);
    if (doubted) {
        s->look_at = p->doubt_until < s->look_at ? p->doubt_until : s->look_at;
    }
    while (!doubted && !sched_ending(s) && admit_is_open(s, host) && s->waiting > 0) {
        struct sched_pick pick;
        if (!sched_pick(s, host, &pick)) {
            break;
        }
        if (admit_has_room(s, host, pick.cell)) {
            admit_spawn(s, p->free, &pick);
            continue;
        }
        if (s->running > 0 || clock_now(s->o->clock) - s->no_room_since < s->o->limits.room) {
            break;
        }
        /* Nothing runs and still no room: waiting longer would be a run stuck without an
         * account. */
        admit_refuse(s, p->free, pick.cell, s->no_room);
    }
    if (admit_is_open(s, host)) {
        admit_enter_idle(s, host);
    }
}

/* Every host is gone: what waits cannot run. */
static void admit_refuse_all(struct sched *s) {
    for (size_t i = 0; i < s->o->plan->cell_count && !sched_ending(s); i++) {
        if (s->cells[i].state == SCHED_WAITING) {
            admit_refuse(s, 0, i, "no host is left to run on");
        }
    }
}

/* One may come back: it is waited for, but not for ever. */
static void admit_without_hosts(struct sched *s) {
    int64_t now = clock_now(s->o->clock);
    s->no_host_since = s->no_host_since == CLOCK_NEVER ? now : s->no_host_since;
    int64_t until = s->no_host_since + s->o->limits.room;
    if (!s->o->ops->back || now >= until) {
        admit_refuse_all(s);
        return;
    }
    if (now == s->no_host_since && s->o->progress.waiting) {
        s->o->progress.waiting(s->o->progress.ctx, "no host is there");
    }
    s->look_at = until < s->look_at ? until : s->look_at;
}

void sched_admit(struct sched *s) {
    if (clock_now(s->o->clock) >= s->look_at) {
        s->look_at = CLOCK_NEVER;
        sched_wake_idle(s, SIZE_MAX);
    }
    while (s->queue_count > 0) {
        int host = s->queue[--s->queue_count];
        s->places[host].queued = false;
        admit_host(s, host);
    }
    if (s->waiting == 0) {
        s->look_at = CLOCK_NEVER;
    }
    if (s->alive_slots == 0 && s->running == 0 && s->waiting > 0) {
        admit_without_hosts(s);
    }
}

/* ---- a host that is gone -------------------------------------------------------------------------- */

void sched_host_gone(struct sched *s, int host) {
    struct sched_place *p = &s->places[host];
    if (host < 0 || (size_t)host >= s->o->host_count || p->gone) {
        return;
    }
    log_warn(s->o->log, "host %s is gone, its work goes elsewhere", s->o->hosts[host].name);
    admit_leave_idle(s, host);
    p->gone = true;
    s->alive_slots -= s->o->hosts[host].slots;
    int first = 0;
    for (int h = 0; h < host; h++) {
        first += sched_host_slots(&s->o->hosts[h]);
    }
    for (int i = first; i < first + sched_host_slots(&s->o->hosts[host]); i++) {
        struct sched_slot *slot = &s->slots[i];
        if (slot->busy) {
            struct sched_exit exit;
            slot->lost_host = true;
            sched_slot_fail(s, slot, FAILURE_HOST_RESOURCES, "host %s is gone",
                            s->o->hosts[host].name);
            slot->killed = true;
            s->o->ops->stop(s->o->ops_ctx, i, SCHED_STOP_KILL);
            s->o->ops->reap(s->o->ops_ctx, i, &exit);
            sched_slot_end(s, i, &exit);
        }
    }
    sched_sites_lose_host(s, host);
    sched_wake_idle(s, SIZE_MAX);
}

void sched_host_back(struct sched *s, int host) {
    if (host < 0 || (size_t)host >= s->o->host_count || !s->places[host].gone) {
        return;
    }
    log_info(s->o->log, "host %s is back", s->o->hosts[host].name);
    s->places[host].gone = false;
    s->places[host].doubt_until = 0;
    s->alive_slots += s->o->hosts[host].slots;
    s->no_host_since = CLOCK_NEVER;
    sched_wake(s, host);
}
