#include <string.h>

#include "base/cleanup.h"
#include "run/cell_state.h"

/* Clocks of host and guest start at different moments and run at their own pace; the boot's own
 * duration is far above this. */
#define BOOT_FRESH_SLACK_MS 3000
/* A guest that agreed to restart and answers on is given so many times the limit for going down: updates may be put in
 * place meanwhile. */
#define BOOT_DOWN_TIMES 5
/* A host without a processor for the VM is waited for so many times a boot's limit, not for ever. */
#define BOOT_STARVED_TIMES 3

static double boot_hello_number(const json_t *hello, const char *key) {
    const json_t *v = json_object_get(hello, key);
    return json_is_number(v) ? json_number_value(v) : -1;
}

/* A hello of the system that is still going down must not pass for the one of the next boot. */
static bool boot_hello_is_fresh(const struct cell *c, const json_t *hello, int64_t since) {
    double guest_ms = boot_hello_number(hello, "boot_ms");
    double host_ms = (double)(clock_now(c->env->clock) - since) / (double)CLOCK_MS;
    return guest_ms < 0 || guest_ms <= host_ms * 1.1 + BOOT_FRESH_SLACK_MS;
}

void cell_say_ready(struct cell *c, const json_t *hello) {
    const char *agent = json_string_value(json_object_get(hello, "agent"));
    const json_t *os = json_object_get(hello, "os");
    const char *name = json_string_value(json_object_get(os, "name"));
    const char *version = json_string_value(json_object_get(os, "version"));
    char text[400];
    snprintf(text, sizeof(text), "agent %.60s on %.100s %.60s", agent ? agent : "?",
             name ? name : "?", version ? version : "?");
    cell_event(c, "ready", text);
}

/* Resets without a hello: what a stop screen with automatic restart looks like without a panic
 * device. */
static int boot_reset_loop(struct cell *c, struct err *err) {
    cell_screenshot(c, "boot-loop");
    cell_fail_boots(c, FAILURE_BOOT_LOOP, c->resets,
                    "restarted by itself %d times in a row without becoming ready", c->resets);
    cell_vm_off(c);
    c->handled = true;
    return err_set(err, ERR_INTERRUPT, "boot loop");
}

struct boot_wait {
    int64_t began, limit, deadline; /* ns; limit: what it may take with a processor to run on */
    int64_t starved;                /* as it began; -1: not known */
    bool told;
};

/* When its time is over: time in which the host had no processor for the VM is not the guest's. True: it has longer,
 * and err is clear; false: err stays, or is the lab's own bug. */
static bool boot_has_longer(struct cell *c, struct boot_wait *w, struct err *err) {
    CLEANUP_ERR struct err bug = ERR_INIT;
    int64_t now = clock_now(c->env->clock), starved = -1;
    if (w->starved < 0 || w->deadline == CLOCK_NEVER) {
        return false;
    }
    if (cell_starved(c, &starved, &bug) < 0) {
        err_move(err, &bug);
        return false;
    }
    int64_t hungry = starved - w->starved;
    hungry = hungry > now - w->began ? now - w->began : hungry; /* it is a sum over processors */
    hungry = hungry > w->limit * BOOT_STARVED_TIMES ? w->limit * BOOT_STARVED_TIMES : hungry;
    if (w->began + w->limit + hungry <= now + CLOCK_S) {
        return false;
    }
    w->deadline = w->began + w->limit + hungry;
    if (!w->told) {
        cell_note(c, "the host had no processor for the VM in %lld s of its boot so far: its time limit is the guest's",
                  (long long)(hungry / CLOCK_S));
    }
    w->told = true;
    err_clear(err);
    return true;
}

static int boot_wait_begin(struct cell *c, int64_t since, struct boot_wait *w, struct err *err) {
    int64_t limit = c->env->limits.boot;
    *w = (struct boot_wait){since, limit, since > CLOCK_NEVER - limit ? CLOCK_NEVER : since + limit, -1, false};
    return cell_starved(c, &w->starved, err);
}

int cell_wait_ready(struct cell *c, int64_t since, struct err *err) {
    struct boot_wait wait;
    if (boot_wait_begin(c, since, &wait, err) < 0) {
        return -1;
    }
    for (;;) {
        json_t *hello = NULL;
        int rc = guest_wait_ready(c->guest, wait.deadline, &hello, err);
        if (rc == 0) {
            bool fresh = boot_hello_is_fresh(c, hello, since);
            if (fresh) {
                cell_say_ready(c, hello);
                c->booting = false;
                c->up = true;
                c->ready_at = clock_now(c->env->clock);
            }
            json_decref(hello);
            if (fresh) {
                return 0;
            }
            guest_disconnect(c->guest);
            continue;
        }
        c->side = CELL_SIDE_GUEST;
        if (err->cls == ERR_TIMEOUT && boot_has_longer(c, &wait, err)) {
            continue;
        }
        if (err->cls != ERR_INTERRUPT || cell_stop_now(c)) {
            return -1;
        }
        CLEANUP_ERR struct err pump = ERR_INIT;
        if (cell_pump(c, &pump) < 0) {
            err_move(err, &pump);
            return -1;
        }
        /* Our own reset may be reported as one, too: hence "more than". */
        if (c->resets > c->env->limits.loop_boots) {
            return boot_reset_loop(c, err);
        }
        if (c->waiting_count > 0) {
            return -1;
        }
        err_clear(err);
        guest_disconnect(c->guest);
    }
}

int64_t cell_stands_at(const struct cell *c) {
    int64_t least = c->env->limits.stand, wanted = c->crash_after;
    wanted = wanted > 4 * least / 3 ? 4 * least : wanted * 3;
    return c->ready_at + (wanted > least ? wanted : least);
}

int cell_stand(struct cell *c, struct err *err) {
    return cell_watch(c, cell_stands_at(c), err);
}

/* Asks the agent; the guest may be gone before it answers. 1: agreed, 0: no answer (err says why),
 * -1: refused or broken (err). */
static int boot_ask_down(struct cell *c, bool reboot, struct err *err) {
    json_t *args = json_pack("{s:b}", "reboot", (int)reboot), *result = NULL;
    int rc = guest_call(c->guest, "shutdown", args, cell_in(c, c->env->limits.call), &result, err);
    json_decref(args);
    json_decref(result);
    if (rc == 0) {
        return 1;
    }
    c->side = CELL_SIDE_GUEST;
    err_prefix(err, "ask the guest to %s", reboot ? "restart" : "shut down");
    return err->cls == ERR_CLOSED || err->cls == ERR_TIMEOUT || err->cls == ERR_INTERRUPT ? 0 : -1;
}

/* 1: it went down (or was reset), *since tells when; 0: it stays up; -1 with err. */
static int boot_wait_down(struct cell *c, int64_t limit, int64_t *since, struct err *err) {
    int rc = cell_watch(c, cell_in(c, limit), err);
    if (rc < 0) {
        return -1;
    }
    if (c->waiting_count > 0) {
        c->side = CELL_SIDE_GUEST;
        return err_set(err, ERR_INTERRUPT, "the VM failed while it went down");
    }
    if (c->resets > 0) {
        *since = c->reset_at;
        return 1;
    }
    if (c->powered_off) {
        cell_note(c, "the guest powered off instead of restarting: started again");
        *since = clock_now(c->env->clock);
        return cell_vm_power_on(c, err) < 0 ? -1 : 1;
    }
    return 0;
}

/* It agreed and is still there. 1: it went down at the last moment after all; 0: it answers; -1 with err: also when it
 * does not, which is a hang. */
static int boot_still_answers(struct cell *c, int64_t waited, int64_t *since, struct err *err) {
    struct guest_reach r = {0};
    CLEANUP_ERR struct err asked = ERR_INIT;
    if (cell_reach(c, &r, &asked) < 0) {
        if (asked.cls == ERR_INTERRUPT && cell_pump(c, err) == 0 && c->resets > 0) {
            *since = c->reset_at;
            return 1;
        }
        err_move(err, &asked);
        return -1;
    }
    if (!r.serial && (!r.ssh || r.frozen)) {
        c->side = CELL_SIDE_GUEST;
        return err_set(err, ERR_TIMEOUT, "agreed to restart and did not go down in %lld s",
                       (long long)(waited / CLOCK_S));
    }
    return 0;
}

/* One that answers is given longer, and hangs then, too. */
static int boot_insist(struct cell *c, int64_t *since, struct err *err) {
    int64_t limit = c->env->limits.down;
    int down = boot_still_answers(c, limit, since, err);
    if (down != 0) {
        return down;
    }
    cell_note(c, "the guest agreed to restart and was still up %lld s later: waited for longer",
              (long long)(limit / CLOCK_S));
    down = boot_wait_down(c, limit * (BOOT_DOWN_TIMES - 1), since, err);
    down = down != 0 ? down : boot_still_answers(c, limit * BOOT_DOWN_TIMES, since, err);
    if (down != 0) {
        return down;
    }
    cell_fail(c, FAILURE_HANG, NULL, "agreed to restart and did not go down in %lld s, though it answers",
              (long long)(limit * BOOT_DOWN_TIMES / CLOCK_S));
    c->handled = true;
    return err_set(err, ERR_INTERRUPT, "the guest does not go down");
}

static int boot_go_down(struct cell *c, int64_t *since, struct err *err) {
    CLEANUP_ERR struct err asked_err = ERR_INIT;
    int asked = boot_ask_down(c, true, &asked_err);
    if (asked < 0) {
        err_move(err, &asked_err);
        return -1;
    }
    int down = boot_wait_down(c, c->env->limits.down, since, err);
    if (down != 0) {
        return down;
    }
    if (!asked) {
        err_move(err, &asked_err);
        return -1;
    }
    return boot_insist(c, since, err);
}

int cell_reboot(struct cell *c, struct err *err) {
    int64_t since = clock_now(c->env->clock);
    c->going_down = true;
    c->resets = 0;
    c->powered_off = false;
    int rc = boot_go_down(c, &since, err);
    c->going_down = false;
    if (rc < 0) {
        return -1;
    }
    c->booting = true;
    c->up = false;
    c->resets = 0;
    guest_disconnect(c->guest);
    if (cell_wait_ready(c, since, err) < 0) {
        err_prefix(err, "restart");
        return -1;
    }
    int64_t took = clock_now(c->env->clock) - since;
    cell_metric(c, &(struct cell_metric){.name = "boot", .unit = "ms", .source = "lab",
                                         .value = (double)took / (double)CLOCK_MS,
                                         .reference_ms = __builtin_nan("")});
    return 0;
}

/* 1: it is off, 0: it is still on, -1 with err. One that restarts instead is off for us, too: the caller sees to it. */
static int boot_wait_off(struct cell *c, struct err *err) {
    if (cell_watch(c, cell_in(c, c->env->limits.down), err) < 0) {
        return -1;
    }
    if (c->waiting_count > 0) {
        c->side = CELL_SIDE_GUEST;
        return err_set(err, ERR_INTERRUPT, "the VM failed while it was shut down");
    }
    return c->powered_off;
}

int cell_shut_down(struct cell *c, struct err *err) {
    CLEANUP_ERR struct err asked = ERR_INIT;
    c->going_down = true;
    c->resets = 0;
    c->powered_off = false;
    int rc = boot_ask_down(c, false, &asked);
    if (rc < 0) {
        err_move(err, &asked);
    } else {
        rc = boot_wait_off(c, err);
    }
    c->going_down = false;
    c->up = false;
    if (rc == 0) {
        cell_note(c, "the guest did not shut down in %lld s: switched off hard%s%s",
                  (long long)(c->env->limits.down / CLOCK_S), err_is_set(&asked) ? ": " : "", err_text(&asked));
    }
    if (rc >= 0) {
        cell_vm_off(c);
    }
    return rc < 0 ? -1 : 0;
}
