/* Several witnesses tell of one accident: the error that broke a step, the VM's events, which of
 * the two ways into the guest still answers. Here they are put together, in the order of time, into
 * failures. */
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "run/cell_state.h"
#include "run/console.h"
#include "run/vitals.h"

/* Class of an error that is certainly not the guest's; FAILURE_NONE when the guest may be the
 * cause. */
static enum failure_class fuse_host_class(const struct cell *c, const struct err *err) {
    if (!err_is_set(err)) {
        return FAILURE_NONE;
    }
    if (err->cls == ERR_NOSPACE) {
        return FAILURE_HOST_RESOURCES;
    }
    if (err->cls == ERR_BUG) {
        return FAILURE_LAB_BUG;
    }
    if (c->side == CELL_SIDE_VM) {
        return FAILURE_VM_DIED;
    }
    return c->side == CELL_SIDE_HOST ? FAILURE_LAB_BUG : FAILURE_NONE;
}

static void fuse_fail_once(struct cell *c, enum failure_class class, const char *text) {
    if (!(c->step_failures & (UINT64_C(1) << class))) {
        cell_fail(c, class, NULL, "%s", text);
    }
}

void cell_minor(struct cell *c, const char *what, struct err *err) {
    if (err->cls == ERR_BUG || err->cls == ERR_NOSPACE) {
        err_prefix(err, "%s", what);
        fuse_fail_once(c, fuse_host_class(c, err), err_text(err));
    } else {
        cell_note(c, "%s: %s", what, err_text(err));
    }
}

void cell_screenshot(struct cell *c, const char *name) {
    if (!c->vm || (vm_state(c->vm) != VM_RUNNING && vm_state(c->vm) != VM_CRASHED)) {
        return;
    }
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *path =
        str_printf("%s/screen-%d.png", c->env->scratch_dir, ++c->screens);
    CLEANUP_FREE char *file = str_printf("%s.png", name);
    if (vm_screenshot(c->vm, path, &err) < 0 ||
        cell_artifact(c, "screenshot", file, path, &err) < 0) {
        cell_minor(c, "screenshot", &err);
    }
}

/* ---- a panic ------------------------------------------------------------------------------- */

/* Takes the first panic among the waiting events; true when there was one. */
static bool fuse_take_panic(struct cell *c, char detail[512]) {
    for (int i = 0; i < c->waiting_count; i++) {
        if (c->waiting[i].type != VM_EVENT_PANICKED) {
            continue;
        }
        memcpy(detail, c->waiting[i].detail, sizeof(c->waiting[i].detail));
        memmove(&c->waiting[i], &c->waiting[i + 1],
                (size_t)(c->waiting_count - i - 1) * sizeof(c->waiting[0]));
        c->waiting_count--;
        return true;
    }
    return false;
}

/* Restarts a stopped guest as Windows' automatic restart would and sees whether it stands. 1:
 * panicked again, 0: it is back, -1 with err. */
static int fuse_try_boot(struct cell *c, struct err *err) {
    int64_t since = clock_now(c->env->clock);
    if (cell_vm_reset(c, err) < 0) {
        return -1;
    }
    int rc = cell_wait_ready(c, since, err);
    if (rc == 0) {
        /* Ready is early: a service that starts late may pull the system down again. */
        rc = cell_stand(c, err);
    } else if (!cell_stop_now(c)) {
        CLEANUP_ERR struct err ignored = ERR_INIT;
        cell_pump(c, &ignored);
    }
    for (int i = 0; i < c->waiting_count; i++) {
        if (c->waiting[i].type == VM_EVENT_PANICKED) {
            err_clear(err);
            c->up = false;
            return 1;
        }
    }
    return rc < 0 || c->waiting_count > 0 ? -1 : 0;
}

static void fuse_others(struct cell *c, enum failure_class own, struct err *err);

/* Handles a panic to its end: back again, a boot loop, or something else that came on top. */
static void fuse_panic(struct cell *c, const char *first_detail) {
    CLEANUP_ERR struct err err = ERR_INIT;
    char detail[512];
    snprintf(detail, sizeof(detail), "%s", first_detail);
    int boots = c->panics, again = 1;
    c->up = false;
    while (again == 1) {
        boots++;
        CLEANUP_FREE char *name = str_printf("crash-%d", boots);
        cell_screenshot(c, name);
        if (!c->touched || boots >= c->env->limits.loop_boots || c->infra != FAILURE_NONE) {
            break;
        }
        again = fuse_try_boot(c, &err);
        if (again == 1) {
            fuse_take_panic(c, detail);
        }
    }
    c->panics = again == 0 ? 0 : boots;
    const char *colon = detail[0] ? ": " : "";
    if (again == 1 && boots >= c->env->limits.loop_boots) {
        cell_fail_boots(c, FAILURE_BOOT_LOOP, boots, "stopped %d times in a row%s%s", boots, colon,
                        detail);
        cell_vm_off(c);
        return;
    }
    cell_fail_boots(c, FAILURE_KERNEL_CRASH, boots, "the guest's kernel stopped%s%s", colon,
                    detail);
    if (again < 0) {
        c->up = false;
        fuse_others(c, FAILURE_NO_BOOT, &err);
    } else if (again == 1) {
        cell_vm_off(c);
    }
}

/* ---- everything else ----------------------------------------------------------------------- */

/* Takes the first waiting event when it is a restart; true then. */
static bool fuse_take_restart(struct cell *c, struct vm_event *ev) {
    if (c->waiting_count == 0 || c->waiting[0].type != VM_EVENT_RESET) {
        return false;
    }
    *ev = c->waiting[0];
    memmove(&c->waiting[0], &c->waiting[1],
            (size_t)(--c->waiting_count) * sizeof(c->waiting[0]));
    return true;
}

/* A guest that restarted itself: does it stand now? Counts how often it went down until then, *last being the
 * last time. 1: it went down as often as makes a loop, 0: it stands, -1 with err: something else happened. */
static int fuse_count_restarts(struct cell *c, struct vm_event *last, int *boots, struct err *err) {
    for (*boots = 1;; ++*boots) {
        c->booting = true;
        c->resets = 0;
        guest_disconnect(c->guest);
        if (*boots >= c->env->limits.loop_boots) {
            return 1;
        }
        if (cell_wait_ready(c, last->at_ns, err) < 0) {
            return -1;
        }
        int rc = c->touched ? cell_stand(c, err) : 0;
        if (rc <= 0) {
            return rc;
        }
        if (!fuse_take_restart(c, last)) {
            return 0; /* it stood until something else came, which is told by itself */
        }
    }
}

static void fuse_restarted(struct cell *c, const struct vm_event *first) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct vm_event last = *first;
    int boots = 0, rc = fuse_count_restarts(c, &last, &boots, &err);
    const char *colon = last.detail[0] ? ": " : "";
    if (rc > 0) {
        cell_screenshot(c, "boot-loop");
        cell_fail_boots(c, FAILURE_BOOT_LOOP, boots,
                        "restarted by itself %d times in a row, no panic was reported%s%s", boots,
                        colon, last.detail);
        cell_vm_off(c);
        return;
    }
    if (c->handled) { /* it went down again while it came up, and that was told as a loop already */
        c->handled = false;
        return;
    }
    cell_fail_boots(c, FAILURE_UNASKED_RESTART, boots,
                    "the guest restarted by itself during step %s, no panic was reported%s%s",
                    c->kind, colon, last.detail);
    if (rc < 0) {
        fuse_others(c, FAILURE_NO_BOOT, &err);
    }
}

/* Of a guest whose host is gone nothing can be said. */
static bool fuse_host_lost(struct cell *c) {
    CLEANUP_ERR struct err why = ERR_INIT;
    if (!c->vm || vm_host_answers(c->vm, &why) == 0) {
        return false;
    }
    c->up = false;
    cell_fail_host_lost(c, err_text(&why));
    return true;
}

/* Turns events into failures, oldest first. True when at least one was a cause of its own. */
static bool fuse_events(struct cell *c) {
    bool found = false;
    while (c->waiting_count > 0) {
        struct vm_event ev = c->waiting[0];
        memmove(&c->waiting[0], &c->waiting[1],
                (size_t)(--c->waiting_count) * sizeof(c->waiting[0]));
        found = true;
        switch (ev.type) {
        case VM_EVENT_PANICKED:
            fuse_panic(c, ev.detail);
            break;
        case VM_EVENT_DIED:
            c->up = false;
            fuse_fail_once(c, FAILURE_VM_DIED, ev.detail[0] ? ev.detail : "QEMU is gone");
            break;
        case VM_EVENT_IO_ERROR:
            c->up = false;
            if (fuse_host_lost(c)) {
                break;
            }
            fuse_fail_once(c, FAILURE_HOST_RESOURCES,
                           ev.detail[0] ? ev.detail : "a disk of the VM failed");
            break;
        case VM_EVENT_SHUTDOWN:
            c->up = false;
            if (!console_look(c)) {
                cell_fail(c, FAILURE_UNASKED_RESTART, NULL, "the guest powered off by itself during step %s", c->kind);
            }
            break;
        case VM_EVENT_RESET:
            fuse_restarted(c, &ev);
            break;
        case VM_EVENT_STARTED:
        case VM_EVENT_TYPE_COUNT:
            break;
        }
    }
    return found;
}

/* A guest that answers nobody, seen from outside: what do its processors and its disk do? */
#define HANG_WINDOW_NS (3 * CLOCK_S)
#define HANG_SPINNING_PERCENT 50 /* of one processor */
#define HANG_MOVING_BYTES (INT64_C(1) << 20)

static int64_t fuse_moved(int64_t until, int64_t since) {
    return since < 0 || until < since ? 0 : until - since;
}

/* Into text, "" when it cannot be told. */
static void fuse_look_at_hang(struct cell *c, char text[200]) {
    struct vm_diagnostics was = {.cpu_ns = -1}, is = {.cpu_ns = -1};
    CLEANUP_ERR struct err unseen = ERR_INIT;
    int64_t began = clock_now(c->env->clock);
    text[0] = '\0';
    if (!c->vm || vm_state(c->vm) != VM_RUNNING || vm_diagnose(c->vm, &was, &unseen) < 0) {
        return;
    }
    cell_watch(c, cell_in(c, HANG_WINDOW_NS), &unseen);
    int64_t took = clock_now(c->env->clock) - began;
    err_clear(&unseen);
    if (took <= 0 || vm_state(c->vm) != VM_RUNNING || vm_diagnose(c->vm, &is, &unseen) < 0 ||
        was.cpu_ns < 0 || is.cpu_ns < was.cpu_ns) {
        return;
    }
    int64_t cpu = 100 * (is.cpu_ns - was.cpu_ns) / took;
    int64_t bytes = fuse_moved(is.read_bytes, was.read_bytes) +
                    fuse_moved(is.write_bytes, was.write_bytes);
    const char *what = cpu >= HANG_SPINNING_PERCENT    ? "spinning"
                       : bytes >= HANG_MOVING_BYTES ? "busy with its disk"
                                                    : "idle, waiting for what does not come";
    snprintf(text, 200, "; seen from outside it is %s: %lld %% of a processor, %lld KiB of disk in %lld s",
             what, (long long)cpu, (long long)(bytes / 1024), (long long)(took / CLOCK_S));
}

/* The guest answers, but not what was asked: it may have nothing left to do so with, or go down meanwhile. */
static void fuse_answers_otherwise(struct cell *c, enum failure_class own, const char *text) {
    if ((own == FAILURE_NOT_KNOWN && vitals_explain(c, text)) || fuse_events(c)) {
        return;
    }
    if (own == FAILURE_NOT_KNOWN && c->ssh_lost >= c->env->limits.call / 4) { /* a network that comes and goes */
        cell_fail(c, FAILURE_NETWORK_LOST, NULL,
                  "%s; SSH let nobody in for %lld s while the agent answered on the serial port", text,
                  (long long)(c->ssh_lost / CLOCK_S));
    } else {
        cell_fail(c, own, NULL, "%s", text);
    }
}

/* What ran in the guest before is silent, and what is started now may not be. */
static void fuse_half(struct cell *c, const struct guest_reach *r, const char *text) {
    char outside[200];
    fuse_look_at_hang(c, outside);
    if (fuse_events(c)) { /* it went down meanwhile */
        return;
    }
    cell_fail(c, FAILURE_NOT_KNOWN, NULL,
              "%s; SSH answers, %s%s; the agent on the serial port does not: %s%s", text,
              r->ssh_why[0] ? "a program started there does not: " : "and so does a program started there",
              r->ssh_why, r->serial_why, outside);
}

/* The guest gave no usable answer: which ways still answer tells apart what is wrong. */
static void fuse_by_reach(struct cell *c, enum failure_class own, const struct guest_reach *r,
                          const char *text) {
    bool booting = c->booting;
    c->up = r->serial || (r->ssh && !r->frozen);
    c->booting = booting && !c->up;
    if (!c->up) {
        char outside[200];
        fuse_look_at_hang(c, outside);
        if (fuse_events(c)) {
            return;
        }
        cell_fail(c, booting ? FAILURE_NO_BOOT : FAILURE_HANG, NULL,
                  "%s; serial port: %s; SSH: %s%s%s", text, r->serial_why,
                  r->frozen ? "lets in, but no program answers: " : "", r->ssh_why, outside);
    } else if (r->serial && !r->ssh && !r->no_ssh) {
        cell_fail(c, FAILURE_NETWORK_LOST, NULL,
                  "%s; the agent answers on the serial port, SSH does not: %s", text, r->ssh_why);
    } else if (!r->serial) {
        fuse_half(c, r, text);
    } else {
        CLEANUP_FREE char *told = str_printf("%s (the guest answers otherwise)", text);
        fuse_answers_otherwise(c, own, told);
    }
}

static void fuse_silence(struct cell *c, enum failure_class own, struct err *err) {
    struct guest_reach reach = {0};
    CLEANUP_ERR struct err asked = ERR_INIT;
    int rc = cell_reach(c, &reach, &asked);
    if (rc == 0 && fuse_host_lost(c)) {
        return;
    }
    if (rc == 0) {
        fuse_by_reach(c, own, &reach, err_text(err));
        return;
    }
    if (cell_stop_now(c) || fuse_events(c)) {
        return;
    }
    enum failure_class host = fuse_host_class(c, &asked);
    cell_fail(c, host != FAILURE_NONE ? host : FAILURE_HANG, NULL, "%s; %s", err_text(err),
              err_text(&asked));
    c->up = false;
}

static bool fuse_may_be_a_crash(const struct err *err) {
    return err->cls == ERR_TIMEOUT || err->cls == ERR_CLOSED || err->cls == ERR_INTERRUPT ||
           err->cls == ERR_SYSTEM;
}

static void fuse_others(struct cell *c, enum failure_class own, struct err *err) {
    enum failure_class host = fuse_host_class(c, err);
    CLEANUP_ERR struct err watching = ERR_INIT;
    if (c->vm && host == FAILURE_NONE && c->waiting_count == 0 && fuse_may_be_a_crash(err) &&
        vm_state(c->vm) == VM_RUNNING) {
        /* The connection may be lost before the panic is reported. */
        cell_watch(c, cell_in(c, c->env->limits.crash_settle), &watching);
    } else if (c->vm) {
        cell_pump(c, &watching);
    }
    bool told = fuse_events(c);
    if (err_is_set(&watching) && watching.cls != ERR_INTERRUPT) {
        cell_minor(c, "watch the VM", &watching);
    }
    if (c->side == CELL_SIDE_VM && host == FAILURE_VM_DIED && !told && fuse_host_lost(c)) {
        return;
    }
    if (host != FAILURE_NONE) {
        fuse_fail_once(c, host, err_text(err));
    } else if (told || cell_stop_now(c)) {
        return;
    } else if (err->cls == ERR_REFUSED || err->cls == ERR_INPUT) {
        fuse_answers_otherwise(c, own, err_text(err));
    } else {
        fuse_silence(c, own, err);
    }
}

void cell_fuse(struct cell *c, enum failure_class own, struct err *err) {
    if (c->handled) {
        c->handled = false;
    } else if (cell_stop_now(c)) {
        cell_note(c, "stopped at once: %s", err_text(err));
    } else {
        fuse_others(c, own, err);
    }
    c->going_down = false;
    c->waiting_count = 0;
    err_clear(err);
}
