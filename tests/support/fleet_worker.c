/* The fleet's workers, their guests and the states they keep. */
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include "support/fleet_impl.h"

/* ---- runs of cells ---------------------------------------------------------------------------- */

size_t fleet_run_of(const struct fleet *f, const char *id) {
    int k;
    const char *number = strrchr(id, '#');
    confirm_split(id, &k);
    MUST(number);
    return (size_t)strtoul(number + 1, NULL, 10) + (size_t)k * f->spec.plan->cell_count;
}

const struct plan_cell *fleet_cell(const struct fleet *f, size_t run) {
    return &f->spec.plan->cells[run % f->spec.plan->cell_count];
}

void fleet_id(const struct fleet *f, size_t run, char id[200]) {
    size_t k = run / f->spec.plan->cell_count;
    snprintf(id, 200, k ? "%s.%zu" : "%s", fleet_cell(f, run)->id, k);
}

/* ---- guests ---------------------------------------------------------------------------------- */

static uint64_t guest_mix(uint64_t guest, uint64_t with) {
    guest ^= with + 0x9e3779b97f4a7c15u + (guest << 6) + (guest >> 2);
    guest *= 0xff51afd7ed558ccdu;
    return (guest ^ (guest >> 33)) | 1;
}

static uint64_t guest_text(uint64_t guest, const char *text) {
    for (; *text; text++) {
        guest = guest_mix(guest, (unsigned char)*text);
    }
    return guest;
}

uint64_t fleet_guest_step(uint64_t guest, const struct plan *p, size_t cell, size_t i) {
    const struct plan_cell *c = &p->cells[cell];
    const struct plan_step *step = &c->steps[i];
    bool update = step->kind == STEP_APPLY || step->kind == STEP_TOOK || step->kind == STEP_ROLLBACK;
    guest = guest_mix(i == 0 ? guest_text(1, c->image) : guest, (uint64_t)step->kind * 2 + step->phase);
    guest = step->product >= 0 ? guest_text(guest, c->products[step->product]->id) : guest;
    guest = update && c->update ? guest_text(guest, c->update->id) : guest;
    return step->fresh ? guest_mix(guest, cell + 1) : guest;
}

/* ---- states ---------------------------------------------------------------------------------- */

struct fleet_state *fleet_state_find(const struct fleet *f, int host, const char *name) {
    for (struct fleet_state *x = f->states[host]; x; x = x->next) {
        if (strcmp(x->name, name) == 0) {
            return x;
        }
    }
    return NULL;
}

static void state_bytes(struct fleet *f, int host, int64_t change) {
    f->used[host] += change;
    f->n.most_bytes = f->used[host] > f->n.most_bytes ? f->used[host] : f->n.most_bytes;
    MUST(f->used[host] <= f->spec.states_max);
}

static void state_make(struct fleet *f, struct fleet_worker *w, const char *name) {
    struct fleet_state *x = mem_zalloc(1, sizeof(*x));
    MUST(!fleet_state_find(f, w->host, name));
    *x = (struct fleet_state){
        .name = str_dup(name), .host = w->host, .cell = w->cell, .steps = w->step,
        .attempt = w->attempt, .at_ms = (f->clock.now_ns - w->began) / CLOCK_MS,
        .guest = w->guest, .memory = true, .standing = 1, .base = w->base,
        .next = f->states[w->host],
    };
    f->states[w->host] = x;
    w->base = x;
    f->n.states++;
    f->n.left++;
    state_bytes(f, w->host, FLEET_STATE_BYTES);
}

void fleet_state_delete(struct fleet *f, struct fleet_state *x) {
    struct fleet_state **at = &f->states[x->host];
    while (*at != x) {
        at = &(*at)->next;
    }
    *at = x->next;
    f->n.left--;
    f->used[x->host] -= x->memory ? FLEET_STATE_BYTES : FLEET_DISK_BYTES;
    free(x->name);
    free(x);
}

int64_t fleet_drop_state(void *ctx, int host, const char *name, enum sched_drop what) {
    struct fleet *f = ctx;
    struct fleet_state *x = fleet_state_find(f, host, name);
    MUST_SAY(x != NULL, "drop of %s, which is not there", name);
    MUST(x->restoring == 0);
    if (what == SCHED_DROP_MEMORY) {
        MUST(x->memory);
        x->memory = false;
        state_bytes(f, host, FLEET_DISK_BYTES - FLEET_STATE_BYTES);
        return FLEET_DISK_BYTES;
    }
    MUST_SAY(x->standing == 0, "%s is dropped, %d stand on it", name, x->standing);
    if (x->base) {
        x->base->standing--;
    }
    fleet_state_delete(f, x);
    return 0;
}

/* ---- what a worker says ------------------------------------------------------------------------ */

void fleet_say(struct fleet *f, struct fleet_worker *w, size_t step, const char *type,
               const char *fmt, ...) {
    const struct plan_cell *c = fleet_cell(f, w->cell);
    char id[200];
    fleet_id(f, w->cell, id);
    bool in = step < c->step_count;
    char data[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(data, sizeof(data), fmt, ap);
    va_end(ap);
    str_addf(&w->out, "{\"cell\":\"%s\",\"attempt\":%d,\"seq\":%lld,\"step\":%d,\"kind\":\"%s\","
             "\"phase\":\"%s\",\"at_ms\":%lld,\"type\":\"%s\",\"data\":%s}\n",
             id, w->attempt, (long long)w->seq++, in ? (int)step : -1,
             in ? step_kind_name(c->steps[step].kind) : "",
             in && c->steps[step].phase == PHASE_AFTER ? "after" : "before",
             (long long)((f->clock.now_ns - w->began) / CLOCK_MS), type, data);
    f->n.events++;
}

void fleet_tell(struct fleet *f, int slot) {
    if (!f->workers[slot].queued) {
        f->workers[slot].queued = true;
        f->ready[(f->ready_next + f->ready_count++) % f->slots] = slot;
    }
}

static void worker_over(struct fleet_worker *w, int code, int signal) {
    w->phase = PHASE_OVER;
    w->exit = (struct sched_exit){code, signal};
}

static void worker_end(struct fleet *f, struct fleet_worker *w, bool complete) {
    const struct plan_cell *c = fleet_cell(f, w->cell);
    complete |= w->step == c->step_count;
    for (; w->step < c->step_count; w->step++) {
        fleet_say(f, w, w->step, "step-end", "{\"ok\":false,\"ms\":0,\"skipped\":\"x\"}");
    }
    fleet_say(f, w, SIZE_MAX, "cell-end", "{\"complete\":%s}", complete ? "true" : "false");
    worker_over(w, 0, 0);
}

/* Returns ms until its next event. */
static int64_t worker_begin_step(struct fleet *f, struct fleet_worker *w) {
    const struct plan_cell *c = fleet_cell(f, w->cell);
    struct estimate e;
    bool stops = w->stop && (w->stop != SCHED_STOP_STEP + 1 || w->step + 1 < c->step_count);
    if (w->step == c->step_count || stops || w->failed) {
        worker_end(f, w, !w->stop);
        return 0;
    }
    fleet_say(f, w, w->step, "step-begin", "{}");
    f->n.executed++;
    w->phase = PHASE_IN_STEP;
    estimate_init(&e);
    return (int64_t)estimate_step(&e, c->steps[w->step].kind);
}

static bool worker_is_faulty(struct fleet *f, struct fleet_worker *w) {
    const struct fleet_faults *x = &f->spec.faults;
    switch (x->step ? x->step(x->ctx, w->cell, w->attempt, w->step) : FLEET_FINE) {
    case FLEET_KILLED:
        worker_over(w, -1, SIGSEGV);
        return true;
    case FLEET_LEAVES:
        worker_over(w, 7, 0);
        return true;
    case FLEET_SILENT:
        w->phase = PHASE_HUNG;
        return true;
    case FLEET_NONSENSE:
        str_add(&w->out, "\x01 nonsense\n");
        w->phase = PHASE_HUNG;
        return true;
    case FLEET_HOST_LOST:
        fleet_say(f, w, w->step, "event", "{\"what\":\"host-lost\",\"text\":\"x\"}");
        fleet_say(f, w, w->step, "failure",
                  "{\"class\":\"host-resources\",\"text\":\"x\",\"product\":null}");
        worker_end(f, w, true);
        return true;
    case FLEET_LAB_FAILS:
        fleet_say(f, w, w->step, "failure", "{\"class\":\"vm-died\",\"text\":\"x\",\"product\":null}");
        worker_end(f, w, true);
        return true;
    default:
        return false;
    }
}

static int64_t worker_end_step(struct fleet *f, struct fleet_worker *w) {
    const struct fleet_faults *x = &f->spec.faults;
    if (w->rest != CELL_WORKS) {
        w->rest = CELL_WORKS;
        str_add(&w->out, "{\"rests\":false}\n");
    } else if (x->rests && (w->rest = x->rests(x->ctx, w->cell, w->attempt, w->step)) != CELL_WORKS) {
        str_add(&w->out, w->rest == CELL_RESTS ? "{\"rests\":true}\n" : "{\"rests\":true,\"last\":true}\n");
        return FLEET_REST_MS;
    }
    if (worker_is_faulty(f, w)) {
        return 0;
    }
    w->guest = fleet_guest_step(w->guest, f->spec.plan, w->cell % f->spec.plan->cell_count, w->step);
    fleet_say(f, w, w->step, "note", "{\"text\":\"%llx\"}", (unsigned long long)w->guest);
    if (x->product && x->product(x->ctx, w->guest)) {
        fleet_say(f, w, w->step, "failure", "{\"class\":\"install-failed\",\"text\":\"x\",\"product\":null}");
        w->failed = true;
    }
    struct estimate e;
    estimate_init(&e);
    fleet_say(f, w, w->step, "step-end", "{\"ok\":true,\"ms\":%d}",
        (int)estimate_step(&e, fleet_cell(f, w->cell)->steps[w->step].kind));
    w->step++;
    w->saving_point = false;
    if (!w->failed && !w->stop && w->save_next < w->save_count &&
        w->save_after[w->save_next] == w->step) {
        w->phase = PHASE_SAVING;
        return FLEET_SAVE_MS;
    }
    bool time = w->point_every > 0 && f->clock.now_ns - w->kept_at >= w->point_every &&
                w->points_kept + 1 < w->points_max;
    bool stop = w->stop == SCHED_STOP_STEP + 1 && w->points_kept < w->points_max;
    if (!w->failed && w->points && (stop || (!w->stop && time)) &&
        plan_resumes(fleet_cell(f, w->cell), w->step)) {
        w->saving_point = true;
        w->phase = PHASE_SAVING;
        return FLEET_SAVE_MS;
    }
    return worker_begin_step(f, w);
}

static int64_t worker_saved(struct fleet *f, struct fleet_worker *w) {
    const struct fleet_faults *x = &f->spec.faults;
    char point[100];
    snprintf(point, sizeof(point), "%s-%zu", w->points ? w->points : "", w->step);
    const char *name = w->saving_point ? point : w->save_names[w->save_next++];
    w->kept_at = f->clock.now_ns;
    w->points_kept += w->saving_point;
    if (x->save && x->save(x->ctx, w->cell, w->attempt, w->step)) {
        fleet_say(f, w, SIZE_MAX, "note", "{\"text\":\"could not be saved\"}");
    } else {
        state_make(f, w, name);
        f->n.points += w->saving_point;
        fleet_say(f, w, SIZE_MAX, "state", "{\"steps\":%zu,\"name\":\"%s\",\"bytes\":%d}", w->step, name,
            FLEET_STATE_BYTES);
    }
    return worker_begin_step(f, w);
}

static int64_t worker_restored(struct fleet *f, struct fleet_worker *w) {
    const struct fleet_faults *x = &f->spec.faults;
    if (w->from) {
        MUST(w->from->memory);
        w->from->restoring--;
        if (x->restore && x->restore(x->ctx, w->cell, w->attempt, w->step)) {
            fleet_say(f, w, w->step, "failure", "{\"class\":\"vm-died\",\"text\":\"x\",\"product\":null}");
            worker_end(f, w, true);
            return 0;
        }
        w->guest = w->from->guest;
        f->n.restored++;
    }
    return worker_begin_step(f, w);
}

void fleet_worker_event(struct fleet *f, int slot) {
    struct fleet_worker *w = &f->workers[slot];
    int64_t ms = 0;
    switch (w->phase) {
    case PHASE_RESTORING: ms = worker_restored(f, w); break;
    case PHASE_BETWEEN: ms = worker_begin_step(f, w); break;
    case PHASE_IN_STEP: ms = worker_end_step(f, w); break;
    case PHASE_SAVING: ms = worker_saved(f, w); break;
    default: break;
    }
    bool goes_on = w->phase != PHASE_OVER && w->phase != PHASE_HUNG;
    sched_timers_set(f->timers, slot, goes_on ? f->clock.now_ns + ms * CLOCK_MS : CLOCK_NEVER);
    fleet_tell(f, slot);
}
