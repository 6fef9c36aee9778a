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

/* The agent answers, in the same boot as when the state was kept. */
static int start_await_guest(struct cell *c, struct err *err) {
    json_t *hello = NULL;
    if (guest_wait_ready(c->guest, cell_in(c, c->env->limits.boot), &hello, err) < 0) {
        return -1;
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

/* Nothing that goes wrong here is a product's doing: the same guest answered when the state was kept. */
void cell_start_from_state(struct cell *c) {
    CLEANUP_ERR struct err err = ERR_INIT;
    int64_t began = clock_now(c->env->clock), stood_ms = 0;
    start_recall(c);
    if (start_machine(c, &stood_ms, &err) < 0 || start_await_guest(c, &err) < 0) {
        cell_screenshot(c, "not-restored");
        cell_vm_drop(c);
        c->waiting_count = 0;
        cell_fail(c, start_class(&err), NULL, "could not go on from the kept state %s: %s",
                  c->env->from.state, err_text(&err));
        return;
    }
    c->up = true;
    int64_t now = clock_now(c->env->clock);
    c->ready_at = now - stood_ms * CLOCK_MS; /* its clock stood still while the state lay there */
    cell_event(c, "restored", c->env->from.state);
    log_debug(c->env->log, "%s: went on from state %s after %lld ms", c->env->cell->id,
              c->env->from.state, (long long)((now - began) / CLOCK_MS));
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

static bool keep_is_worth(const struct cell *c) {
    return c->vm && c->up && !c->failed && !c->stopped && !(c->env->stop && *c->env->stop) &&
           c->waiting_count == 0 && vm_state(c->vm) == VM_RUNNING;
}

void cell_keep_state(struct cell *c, size_t done) {
    const char *name = keep_name(&c->env->save, done);
    CLEANUP_ERR struct err err = ERR_INIT;
    if (!name || !keep_is_worth(c)) {
        return;
    }
    c->step = -1; /* it belongs to none, and to no cell that goes on from it */
    c->kind = "";
    /* Whoever goes on from the state cannot take a connection of ours over. */
    guest_disconnect(c->guest);
    int64_t now = clock_now(c->env->clock);
    struct cell_kept kept = {name, done, (now - c->began_ns) / CLOCK_MS, (now - c->ready_at) / CLOCK_MS};
    int64_t bytes = 0;
    int rc = cell_pump(c, &err);
    if (rc == 0 && c->waiting_count == 0) {
        rc = c->env->machine->save(c->env->machine_ctx, c->vm, &kept,
                                   cell_in(c, c->env->limits.state), &bytes, &err);
    }
    if (rc < 0) {
        cell_note(c, "state %s was not kept: %s", name, err_text(&err));
    } else if (c->waiting_count == 0) {
        cell_emit(c, OBS_STATE, json_pack("{s:I, s:s, s:I}", "steps", (json_int_t)done, "name", name,
                                          "bytes", (json_int_t)bytes));
    }
}
