/* Beginning at a kept state, and keeping one. */
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "run/cell_state.h"

/* What the steps behind a state left in the guest: they all went well, or there would be no state. */
static void start_recall(struct cell *c) {
    const struct plan_cell *p = c->env->cell;
    for (size_t i = 0; i < c->env->from.steps && i < p->step_count; i++) {
        const struct plan_step *s = &p->steps[i];
        bool about_product = s->product >= 0 && (size_t)s->product < p->product_count;
        c->touched |= s->kind == STEP_INSTALL || s->kind == STEP_APPLY;
        if (s->kind == STEP_APPLY && p->update) {
            c->update_is = CELL_UPDATE_APPLIED;
        } else if (s->kind == STEP_ROLLBACK && p->update && p->update->rollback.command) {
            c->update_is = CELL_UPDATE_AWAY;
        }
        if (s->kind == STEP_INSTALL && about_product) {
            c->installed[s->product] = true;
        }
        for (size_t k = 0; s->kind == STEP_UNINSTALL && k < p->product_count; k++) {
            c->installed[k] = c->installed[k] && !p->products[k]->uninstall.command;
        }
    }
}

/* The guest's clock stood still while its state lay on the disk. */
static int start_set_clock(struct cell *c, struct err *err) {
    CLEANUP_ERR struct err why = ERR_INIT;
    int64_t moved = 0;
    if (guest_set_clock(c->guest, clock_wall_ms(), cell_in(c, c->env->limits.call), &moved, &why) == 0) {
        cell_event(c, "clock", moved ? "set right" : "was right");
        return 0;
    }
    if (why.cls == ERR_REFUSED) { /* an agent that knows no clock, say: to be known, no reason to stop */
        cell_note(c, "the guest's clock was not set right: %s", err_text(&why));
        return 0;
    }
    err_move(err, &why);
    return -1;
}

/* The agent answers, in the same boot as when the state was kept. say: it was not told yet in the journal who it is. */
static int start_await_guest(struct cell *c, bool say, struct err *err) {
    json_t *hello = NULL;
    if (guest_wait_ready(c->guest, cell_in(c, c->env->limits.boot), &hello, err) < 0) {
        return -1;
    }
    if (say) {
        cell_say_ready(c, hello);
    }
    json_decref(hello);
    return start_set_clock(c, err);
}

static int start_machine(struct cell *c, int64_t *stood_ms, struct err *err) {
    const struct cell_machine_ops *m = c->env->machine;
    c->side = CELL_SIDE_VM;
    c->vm = m->create_vm(c->env->machine_ctx, err);
    if (!c->vm || m->restore(c->env->machine_ctx, c->vm, c->env->from.state,
                             cell_in(c, c->env->limits.state), stood_ms, err) < 0) {
        return -1;
    }
    return cell_vm_meet(c, err);
}

static enum failure_class start_class(const struct err *err) {
    switch (err->cls) {
    case ERR_NOSPACE:
        return FAILURE_HOST_RESOURCES;
    case ERR_BUG:
    case ERR_INPUT: /* the state is not whole */
        return FAILURE_LAB_BUG;
    default:
        return FAILURE_VM_DIED;
    }
}

static void start_fail(struct cell *c, const char *state, const struct err *err) {
    cell_screenshot(c, "not-restored");
    cell_vm_drop(c);
    c->waiting_count = 0;
    cell_fail(c, start_class(err), NULL, "could not go on from the kept state %s: %s", state, err_text(err));
}

static void start_stands(struct cell *c, int64_t stood_ms, const char *state) {
    c->up = true;
    c->booting = false;
    /* Its clock stood still while the state lay there. */
    c->ready_at = clock_now(c->env->clock) - stood_ms * CLOCK_MS;
    cell_event(c, "restored", state);
}

/* Nothing that goes wrong here is a product's doing: the same guest answered when the state was kept. */
void cell_start_from_state(struct cell *c) {
    CLEANUP_ERR struct err err = ERR_INIT;
    int64_t began = clock_now(c->env->clock), stood_ms = 0;
    start_recall(c);
    if (start_machine(c, &stood_ms, &err) < 0 || start_await_guest(c, false, &err) < 0) {
        start_fail(c, c->env->from.state, &err);
        return;
    }
    start_stands(c, stood_ms, c->env->from.state);
    log_debug(c->env->log, "%s: went on from state %s after %lld ms", c->env->cell->id,
              c->env->from.state, (long long)((clock_now(c->env->clock) - began) / CLOCK_MS));
}

/* Its machine runs, nothing happened to it, and nobody answers there: else it is the host's doing, or an accident. */
static bool start_is_mute(struct cell *c, const struct err *why) {
    CLEANUP_ERR struct err unseen = ERR_INIT;
    bool silent = why->cls == ERR_TIMEOUT || why->cls == ERR_PROTOCOL;
    return silent && cell_pump(c, &unseen) == 0 && c->waiting_count == 0 && vm_state(c->vm) == VM_RUNNING;
}

int cell_start_ready(struct cell *c, struct err *err) {
    const struct cell_machine_ops *m = c->env->machine;
    CLEANUP_ERR struct err why = ERR_INIT;
    struct cell_ready ready = {.name = ""};
    int64_t until = cell_in(c, c->env->limits.state);
    int rc = m->restore_ready ? m->restore_ready(c->env->machine_ctx, c->vm, until, &ready, &why) : 0;
    if (rc == 0) {
        return 0;
    }
    CLEANUP_FREE char *state = str_printf("the image's state at ready, %s", ready.name);
    if (rc > 0 && cell_vm_meet(c, &why) == 0 && start_await_guest(c, true, &why) == 0) {
        start_stands(c, ready.stood_ms, state);
        return 1;
    }
    if (!cell_stop_now(c)) {
        if (rc > 0 && start_is_mute(c, &why)) {
            m->distrust_ready(c->env->machine_ctx);
        }
        start_fail(c, state, &why);
    }
    c->handled = true;
    return err_set(err, ERR_INTERRUPT, "not gone on from the image's state at ready");
}

/* ---- keeping -------------------------------------------------------------------------------- */

/* Name of the state wanted after so many steps, or NULL. */
static const char *keep_name(const struct cell_save *s, size_t done) {
    for (size_t i = 0; i < s->count; i++) {
        if (s->after[i] == done) {
            return s->names[i];
        }
    }
    return NULL;
}

static int keep_stop(const struct cell *c) {
    return c->env->stop ? *c->env->stop : CELL_STOP_NONE;
}

/* Told to stop, it keeps what it has come to, if it may. */
static bool keep_is_worth(const struct cell *c) {
    bool goes_on = keep_stop(c) == CELL_STOP_NONE ||
                   (keep_stop(c) == CELL_STOP_AFTER_STEP && c->env->save.points);
    return c->vm && c->up && !c->failed && !c->stopped && goes_on && c->waiting_count == 0 &&
           vm_state(c->vm) == VM_RUNNING;
}

/* Name of the point that is due after so many steps, or NULL. Caller frees. */
static char *keep_point(const struct cell *c, size_t done) {
    const struct cell_save *s = &c->env->save;
    bool time = s->every > 0 && c->points + 1 < s->points_max &&
                (clock_now(c->env->clock) - c->kept_at) >> c->points >= s->every;
    bool stop = keep_stop(c) == CELL_STOP_AFTER_STEP && c->points < s->points_max;
    bool due = s->points && (time || stop) && plan_resumes(c->env->cell, done);
    return due ? str_printf("%s-%zu", s->points, done) : NULL;
}

static int keep_save(struct cell *c, const char *name, size_t done, int64_t *bytes, struct err *err) {
    /* Whoever goes on from the state cannot take a connection of ours over. */
    guest_disconnect(c->guest);
    int64_t now = clock_now(c->env->clock);
    struct cell_kept kept = {name, done, (now - c->began_ns) / CLOCK_MS, (now - c->ready_at) / CLOCK_MS};
    if (cell_pump(c, err) < 0) {
        return -1;
    }
    return c->waiting_count > 0 ? 0 : c->env->machine->save(c->env->machine_ctx, c->vm, &kept,
                                                            cell_in(c, c->env->limits.state), bytes, err);
}

void cell_keep_state(struct cell *c, size_t done) {
    const char *wanted = keep_name(&c->env->save, done);
    CLEANUP_FREE char *point = wanted ? NULL : keep_point(c, done);
    const char *name = wanted ? wanted : point;
    CLEANUP_ERR struct err err = ERR_INIT;
    if (!name || !keep_is_worth(c)) {
        return;
    }
    c->step = -1; /* it belongs to none, and to no cell that goes on from it */
    c->kind = "";
    int64_t bytes = 0;
    if (keep_save(c, name, done, &bytes, &err) < 0) {
        cell_note(c, "state %s was not kept: %s", name, err_text(&err));
    } else if (c->waiting_count == 0) {
        cell_emit(c, OBS_STATE, json_pack("{s:I, s:s, s:I}", "steps", (json_int_t)done, "name", name,
                                          "bytes", (json_int_t)bytes));
    }
    c->points += point != NULL;
    c->kept_at = clock_now(c->env->clock); /* also when it could not be: no trying at every step */
}
