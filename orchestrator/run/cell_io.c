#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "run/cell_state.h"

/* A call cut short by an event that proves harmless is repeated this often. */
enum { CELL_REPEATS = 8, CELL_OUTPUT_MAX = 256 * 1024 };
/* A guest rests when it took less than so many percent of one processor between two looks that far apart. */
enum { CELL_REST_PERCENT = 25 };
#define CELL_REST_LOOK (3 * CLOCK_S)
#define CELL_LAST_REST_LOOK CLOCK_S /* what it lends then, it hardly takes back */

bool cell_stop_now(const struct cell *c) {
    return c->env->stop && *c->env->stop >= CELL_STOP_NOW;
}

int64_t cell_healthy_by(const struct cell *c) {
    int64_t most = c->env->limits.healthy;
    for (size_t i = 0; i < c->env->cell->product_count; i++) {
        int64_t own = c->env->cell->products[i]->healthy_ms * CLOCK_MS;
        most = c->installed[i] && own > most ? own : most;
    }
    if (c->update_is != CELL_UPDATE_AWAY) {
        int64_t own = c->env->cell->update->healthy_ms * CLOCK_MS;
        most = own > most ? own : most;
    }
    return cell_in(c, most);
}

int64_t cell_in(const struct cell *c, int64_t ns) {
    return clock_after(c->env->clock, ns);
}

/* ---- events -------------------------------------------------------------------------------- */

static void io_keep_event(struct cell *c, const struct vm_event *ev) {
    if (c->waiting_count < CELL_EVENTS_MAX) {
        c->waiting[c->waiting_count++] = *ev;
    }
}

/* How long it stood before it went down says how long it must stand the next time. */
static void io_note_stood(struct cell *c, int64_t until) {
    if (!c->booting && c->ready_at > 0 && until - c->ready_at > c->crash_after) {
        c->crash_after = until - c->ready_at;
    }
}

static void io_take_event(struct cell *c, const struct vm_event *ev) {
    cell_event(c, vm_event_name(ev->type), ev->detail);
    switch (ev->type) {
    case VM_EVENT_STARTED:
        break;
    case VM_EVENT_RESET:
        if (c->booting || c->going_down) {
            c->resets++;
            c->reset_at = ev->at_ns;
        } else {
            io_note_stood(c, ev->at_ns);
            io_keep_event(c, ev);
        }
        break;
    case VM_EVENT_SHUTDOWN:
        if (c->going_down) {
            c->powered_off = true;
        } else {
            io_keep_event(c, ev);
        }
        break;
    case VM_EVENT_PANICKED:
        io_note_stood(c, ev->at_ns);
        io_keep_event(c, ev);
        break;
    case VM_EVENT_IO_ERROR:
    case VM_EVENT_DIED:
    case VM_EVENT_TYPE_COUNT:
        io_keep_event(c, ev);
        break;
    }
}

/* Takes events until none comes before the deadline, or (wait) the first one came. */
static int io_take_events(struct cell *c, int64_t deadline, bool wait, struct err *err) {
    for (int taken = 0; taken < 1000; taken++) {
        struct vm_event ev;
        int64_t until = wait && taken == 0 ? deadline : clock_now(c->env->clock);
        int rc = vm_next_event(c->vm, until, &ev, err);
        if (rc < 0) {
            c->side = CELL_SIDE_VM;
            return -1;
        }
        if (rc == 0) {
            return 0;
        }
        io_take_event(c, &ev);
    }
    c->side = CELL_SIDE_VM;
    return err_set(err, ERR_BUG, "the VM gives events without end");
}

int cell_pump(struct cell *c, struct err *err) {
    return c->vm ? io_take_events(c, 0, false, err) : 0;
}

int cell_watch(struct cell *c, int64_t deadline, struct err *err) {
    for (;;) {
        if (cell_stop_now(c)) {
            return err_set(err, ERR_INTERRUPT, "told to stop at once");
        }
        /* In slices, so that the order to stop is heard. */
        int64_t slice = cell_in(c, CLOCK_S);
        if (io_take_events(c, slice < deadline ? slice : deadline, true, err) < 0) {
            return -1;
        }
        if (c->waiting_count > 0 || (c->going_down && (c->resets > 0 || c->powered_off))) {
            return 1;
        }
        if (clock_now(c->env->clock) >= deadline) {
            return 0;
        }
    }
}

/* ---- the VM -------------------------------------------------------------------------------- */

static int io_vm(struct cell *c, int rc) {
    if (rc < 0) {
        c->side = CELL_SIDE_VM;
    }
    return rc;
}

int cell_vm_power_on(struct cell *c, struct err *err) {
    c->booting = true;
    c->up = false;
    c->resets = 0;
    return io_vm(c, vm_start(c->vm, cell_in(c, c->env->limits.vm), err)) < 0 ? -1
                                                                             : cell_vm_meet(c, err);
}

int cell_vm_meet(struct cell *c, struct err *err) {
    struct vm_endpoints ends = {0};
    if (io_vm(c, vm_endpoints(c->vm, &ends, err)) < 0) {
        return -1;
    }
    free(c->console);
    c->console = str_dup(ends.console_log);
    c->console_read = 0;
    guest_destroy(c->guest);
    c->guest = c->env->machine->create_guest(c->env->machine_ctx, c->vm, err);
    return c->guest ? 0 : io_vm(c, -1);
}

int cell_vm_reset(struct cell *c, struct err *err) {
    c->booting = true;
    c->up = false;
    c->resets = 0;
    if (io_vm(c, vm_reset(c->vm, cell_in(c, c->env->limits.vm), err)) < 0) {
        return -1;
    }
    if (c->guest) {
        guest_disconnect(c->guest);
    }
    return 0;
}

static bool io_vm_is_on(const struct cell *c) {
    return c->vm && (vm_state(c->vm) == VM_RUNNING || vm_state(c->vm) == VM_CRASHED);
}

void cell_vm_off(struct cell *c) {
    CLEANUP_ERR struct err err = ERR_INIT;
    c->up = false;
    if (c->guest) {
        guest_disconnect(c->guest);
    }
    if (io_vm_is_on(c) && vm_stop(c->vm, cell_in(c, c->env->limits.vm), &err) < 0) {
        cell_minor(c, "switch off", &err);
    }
}

void cell_vm_drop(struct cell *c) {
    guest_destroy(STEAL(c->guest));
    vm_destroy(STEAL(c->vm));
    c->up = false;
}

/* ---- the guest ----------------------------------------------------------------------------- */

/* 0: done; 1: try again; -1: give up. An interrupt by an event that is no reason to stop is
 * repeated. */
static int io_after(struct cell *c, int rc, int tries, struct err *err) {
    if (rc >= 0) {
        return 0;
    }
    c->side = CELL_SIDE_GUEST;
    if (err->cls != ERR_INTERRUPT || cell_stop_now(c) || tries >= CELL_REPEATS) {
        return -1;
    }
    CLEANUP_ERR struct err pump = ERR_INIT;
    if (cell_pump(c, &pump) < 0) {
        err_move(err, &pump);
        return -1;
    }
    if (c->waiting_count > 0 || c->going_down) {
        return -1;
    }
    err_clear(err);
    return 1;
}

int cell_exec(struct cell *c, const char *command, int64_t limit_ms, struct guest_exec *x,
              struct err *err) {
    /* Events that wait already would cut the command short after it was sent. */
    if (cell_pump(c, err) < 0) {
        return -1;
    }
    c->side = CELL_SIDE_GUEST;
    if (c->waiting_count > 0) {
        return err_set(err, ERR_INTERRUPT, "run %s: the VM has failed", command);
    }
    int64_t deadline = cell_in(c, limit_ms * CLOCK_MS + c->env->limits.command_extra);
    if (guest_exec(c->guest, command, limit_ms, CELL_OUTPUT_MAX, deadline, x, err) < 0) {
        err_prefix(err, "run %s", command);
        return -1;
    }
    return 0;
}

int cell_put(struct cell *c, const char *host_path, const char *guest_path, struct err *err) {
    if (access(host_path, R_OK) < 0) {
        c->side = CELL_SIDE_HOST;
        return err_sys(err, errno, "read %s", host_path);
    }
    for (int tries = 0;; tries++) {
        int rc = guest_put(c->guest, host_path, guest_path, cell_in(c, c->env->limits.file), err);
        int again = io_after(c, rc, tries, err);
        if (again <= 0) {
            err_prefix(err, "put %s", guest_path);
            return again;
        }
    }
}

int cell_get(struct cell *c, const char *guest_path, const char *host_path, int64_t max_bytes,
             struct err *err) {
    for (int tries = 0;; tries++) {
        int rc = guest_get(c->guest, guest_path, host_path, max_bytes,
                           cell_in(c, c->env->limits.file), err);
        int again = io_after(c, rc, tries, err);
        if (again <= 0) {
            err_prefix(err, "get %s", guest_path);
            return again;
        }
    }
}

int cell_call(struct cell *c, const char *op, json_t *args, int64_t limit_ns, json_t **result,
              struct err *err) {
    json_auto_t *given = args ? args : json_object();
    for (int tries = 0;; tries++) {
        int rc = guest_call(c->guest, op, given, cell_in(c, limit_ns), result, err);
        int again = io_after(c, rc, tries, err);
        if (again <= 0) {
            err_prefix(err, "ask the guest for '%s'", op);
            return again;
        }
    }
}

int cell_reach(struct cell *c, struct guest_reach *out, struct err *err) {
    for (int tries = 0;; tries++) {
        int rc = guest_reach(c->guest, cell_in(c, c->env->limits.call), out, err);
        int again = io_after(c, rc, tries, err);
        if (again <= 0) {
            return again;
        }
    }
}

/* Of a question that may go without an answer, only the lab's own bug is an error. */
static int io_only_bug(struct err *why, struct err *err) {
    if (why->cls != ERR_BUG) {
        return 0;
    }
    err_move(err, why);
    return -1;
}

int cell_diagnose(struct cell *c, struct vm_diagnostics *out, struct err *err) {
    CLEANUP_ERR struct err unseen = ERR_INIT;
    if (vm_diagnose(c->vm, out, &unseen) < 0) {
        memset(out, -1, sizeof(*out)); /* each number -1 */
        return io_only_bug(&unseen, err);
    }
    return 0;
}

int cell_starved(struct cell *c, int64_t *ns, struct err *err) {
    struct vm_diagnostics d;
    int rc = cell_diagnose(c, &d, err);
    *ns = d.starved_ns;
    return rc;
}

int cell_favour(struct cell *c, bool on, struct err *err) {
    CLEANUP_ERR struct err why = ERR_INIT;
    enum vm_state state = vm_state(c->vm);
    if ((state != VM_RUNNING && state != VM_CRASHED) || vm_favour(c->vm, on, &why) == 0) {
        return 0; /* one that is off is not favoured when it starts */
    }
    log_say(c->env->log, why.cls == ERR_REFUSED ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, "%s", err_text(&why));
    return io_only_bug(&why, err);
}

static void io_tell_rest(struct cell *c, enum cell_rest rest) {
    int64_t now = clock_now(c->env->clock);
    if (c->rest != CELL_WORKS) {
        c->rested += now - c->rest_began;
    }
    if (rest != c->rest && c->env->rests) {
        c->env->rests(c->env->rests_ctx, rest);
    }
    c->rest = rest;
    c->rest_began = now;
}

int64_t cell_rested(const struct cell *c) {
    return c->rested + (c->rest != CELL_WORKS ? clock_now(c->env->clock) - c->rest_began : 0);
}

int cell_may_rest(struct cell *c, enum cell_rest rest, struct err *err) {
    struct vm_diagnostics d;
    int64_t now = clock_now(c->env->clock), since = now - c->rest_at;
    if (c->rest_at && since < (rest == CELL_LAST_REST ? CELL_LAST_REST_LOOK : CELL_REST_LOOK)) {
        return 0;
    }
    int rc = cell_diagnose(c, &d, err);
    if (d.cpu_ns < 0) {
        cell_works(c); /* not known */
        return rc;
    }
    if (c->rest_at) {
        io_tell_rest(c, 100 * (d.cpu_ns - c->rest_cpu) < CELL_REST_PERCENT * since ? rest : CELL_WORKS);
    }
    c->rest_at = now;
    c->rest_cpu = d.cpu_ns;
    return 0;
}

void cell_works(struct cell *c) {
    c->rest_at = 0;
    io_tell_rest(c, CELL_WORKS);
}
