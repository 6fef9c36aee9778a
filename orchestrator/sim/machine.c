#include "sim/machine.h"

#include <stdio.h>
#include <string.h>

#include "sim/impl.h"

/* How long a reboot takes from being asked to the reset. */
enum { SIM_GO_DOWN_MS = 1500, SIM_SLOW_FACTOR = 100 };

static void sim_machine_event(struct sim_world *w, enum vm_event_type type, const char *detail) {
    if (w->event_count == SIM_EVENTS_MAX) { /* nobody reads: the oldest is the least useful */
        memmove(w->events, w->events + 1, (SIM_EVENTS_MAX - 1) * sizeof(w->events[0]));
        w->event_count--;
    }
    struct vm_event *ev = &w->events[w->event_count++];
    *ev = (struct vm_event){.type = type, .at_ns = w->now};
    snprintf(ev->detail, sizeof(ev->detail), "%s", detail);
}

static void sim_machine_power_to(struct sim_world *w, enum sim_power power, int64_t due) {
    w->power = power;
    w->power_due = due;
    if (power != SIM_POWER_UP) {
        w->timer_count = 0; /* what the guest was about to do, it does no more */
    }
}

static void sim_machine_panic(struct sim_world *w, const char *why) {
    sim_machine_power_to(w, SIM_POWER_PANICKED, CLOCK_NEVER);
    sim_machine_event(w, VM_EVENT_PANICKED, why);
}

/* ---- time ------------------------------------------------------------------------------------ */

static void sim_machine_end_boot(struct sim_world *w) {
    if (w->crash_on_boot) {
        sim_machine_panic(w, "simulated panic at boot");
        return;
    }
    sim_machine_power_to(w, SIM_POWER_UP, CLOCK_NEVER);
    sim_world_boot_facts(w);
}

static void sim_machine_end_going_down(struct sim_world *w) {
    if (w->reboot) {
        sim_machine_event(w, VM_EVENT_RESET, "the guest rebooted");
        sim_machine_boot(w);
        return;
    }
    sim_machine_power_to(w, SIM_POWER_OFF, CLOCK_NEVER);
    sim_machine_event(w, VM_EVENT_SHUTDOWN, "the guest powered off");
}

/* Index of the earliest timer, or -1. */
static int sim_machine_next_timer(const struct sim_world *w) {
    int best = -1;
    for (size_t i = 0; i < w->timer_count; i++) {
        if (best < 0 || w->timers[i].at < w->timers[best].at) {
            best = (int)i;
        }
    }
    return best;
}

static int64_t sim_machine_next_due(const struct sim_world *w) {
    if (w->hung) {
        return CLOCK_NEVER;
    }
    int t = sim_machine_next_timer(w);
    int64_t timer = t < 0 ? CLOCK_NEVER : w->timers[t].at;
    return timer < w->power_due ? timer : w->power_due;
}

/* Lets the one earliest due thing happen. */
static void sim_machine_happen(struct sim_world *w) {
    int t = sim_machine_next_timer(w);
    if (t >= 0 && w->timers[t].at < w->power_due) {
        struct sim_timer timer = w->timers[t];
        w->timers[t] = w->timers[--w->timer_count];
        timer.effect(w, timer.ctx);
        return;
    }
    w->power_due = CLOCK_NEVER;
    if (w->power == SIM_POWER_BOOTING) {
        sim_machine_end_boot(w);
    } else if (w->power == SIM_POWER_GOING_DOWN) {
        sim_machine_end_going_down(w);
    }
}

/* Moves time to `until`, or only to the first event when stop_at_event. */
static void sim_machine_advance(struct sim_world *w, int64_t until, bool stop_at_event) {
    for (;;) {
        if (stop_at_event && w->event_count > 0) {
            return;
        }
        int64_t due = sim_machine_next_due(w);
        if (due == CLOCK_NEVER || due > until) {
            break;
        }
        w->now = due > w->now ? due : w->now;
        sim_machine_happen(w);
    }
    if (until != CLOCK_NEVER && until > w->now) {
        w->now = until;
    }
}

static int64_t sim_machine_now(struct clock *c) {
    return ((struct sim_world *)c)->now;
}

static void sim_machine_wait_until(struct clock *c, int64_t until) {
    sim_machine_advance((struct sim_world *)c, until, false);
}

void sim_machine_init(struct sim_world *w) {
    w->clock.now = sim_machine_now;
    w->clock.wait_until = sim_machine_wait_until;
    w->power_due = CLOCK_NEVER;
}

/* ---- power ----------------------------------------------------------------------------------- */

static void sim_machine_release_waiting(struct sim_world *w) {
    unsigned waiting = w->waiting;
    w->waiting = 0;
    for (int k = 0; k < SIM_FAULT_KIND_COUNT; k++) {
        if (waiting & (1u << k)) {
            sim_world_strike(w, (enum sim_fault_kind)k);
        }
    }
}

void sim_machine_boot(struct sim_world *w) {
    w->hung = w->frozen = false;
    w->boot_began = w->now;
    sim_machine_power_to(w, SIM_POWER_BOOTING, w->now + w->boot_ms * CLOCK_MS);
    sim_machine_release_waiting(w);
}

void sim_machine_resume(struct sim_world *w) {
    w->hung = w->frozen = false;
    w->boot_began = w->now - w->boot_ms * CLOCK_MS;
    sim_machine_power_to(w, SIM_POWER_UP, CLOCK_NEVER);
    sim_machine_release_waiting(w);
}

void sim_machine_off(struct sim_world *w) {
    sim_machine_power_to(w, SIM_POWER_OFF, CLOCK_NEVER);
    w->hung = w->frozen = false;
}

void sim_machine_go_down(struct sim_world *w, bool reboot) {
    w->reboot = reboot;
    sim_machine_power_to(w, SIM_POWER_GOING_DOWN, w->now + SIM_GO_DOWN_MS * CLOCK_MS);
}

static void sim_machine_goes_down(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_machine_go_down(w, w->reboot);
}

void sim_machine_go_down_in(struct sim_world *w, int64_t ms, bool reboot) {
    w->reboot = reboot;
    if (ms == 0) {
        sim_machine_go_down(w, reboot);
    } else {
        sim_world_later(w, ms, sim_machine_goes_down, NULL);
    }
}

enum sim_power sim_machine_power(const struct sim_world *w) {
    return w->power;
}

int64_t sim_machine_up_ms(const struct sim_world *w) {
    return (w->now - w->boot_began) / CLOCK_MS;
}

int64_t sim_machine_wall_ms(const struct sim_world *w) {
    return w->now / CLOCK_MS + w->wall_shift_ms;
}

void sim_machine_shift_wall(struct sim_world *w, int64_t by_ms) {
    w->wall_shift_ms += by_ms;
}

/* ---- faults ---------------------------------------------------------------------------------- */

static void sim_machine_strike_running(struct sim_world *w, enum sim_fault_kind kind) {
    switch (kind) {
    case SIM_FAULT_CRASH:
        if (w->power != SIM_POWER_PANICKED) {
            sim_machine_panic(w, "simulated panic");
        }
        break;
    case SIM_FAULT_HANG:
    case SIM_FAULT_FREEZE:
        w->hung = true;
        w->frozen = kind == SIM_FAULT_FREEZE;
        break;
    case SIM_FAULT_QEMU_DIED:
        sim_machine_off(w);
        sim_machine_event(w, VM_EVENT_DIED, "simulated death of QEMU");
        break;
    case SIM_FAULT_DISK_FULL:
        sim_machine_power_to(w, SIM_POWER_PAUSED, CLOCK_NEVER);
        sim_machine_event(w, VM_EVENT_IO_ERROR, "vda: enospc, guest stopped");
        break;
    default:
        break;
    }
}

void sim_world_strike(struct sim_world *w, enum sim_fault_kind kind) {
    w->crash_on_boot |= kind == SIM_FAULT_CRASH_ON_BOOT;
    w->network_lost |= kind == SIM_FAULT_NETWORK_LOST;
    w->serial_lost |= kind == SIM_FAULT_SERIAL_LOST;
    w->disk_full |= kind == SIM_FAULT_DISK_FULL;
    w->slow_call |= kind == SIM_FAULT_SLOW;
    if (w->power != SIM_POWER_OFF) {
        sim_machine_strike_running(w, kind);
    } else if (kind == SIM_FAULT_CRASH || kind == SIM_FAULT_HANG || kind == SIM_FAULT_FREEZE ||
               kind == SIM_FAULT_QEMU_DIED || kind == SIM_FAULT_DISK_FULL) {
        w->waiting |= 1u << kind;
    }
}

/* Begins a call: counts it and lets what is due strike. Says whether the lab itself is to fail. */
static bool sim_machine_count_call(struct sim_world *w) {
    bool lab_bug = false;
    w->calls++;
    w->slow_call = false;
    for (size_t i = 0; i < w->fault_count; i++) {
        if (w->faults[i].call != w->calls) {
            continue;
        }
        lab_bug |= w->faults[i].kind == SIM_FAULT_LAB_BUG;
        sim_world_strike(w, w->faults[i].kind);
    }
    return lab_bug;
}

/* ---- calls ----------------------------------------------------------------------------------- */

bool sim_machine_frozen(const struct sim_world *w) {
    return w->power == SIM_POWER_UP && w->frozen && !w->network_lost;
}

bool sim_machine_answers(const struct sim_world *w, enum sim_way way, const char **why) {
    const char *seen = NULL;
    if (way == SIM_WAY_HOST) {
        return true;
    }
    if (w->power == SIM_POWER_OFF) {
        seen = "the machine is off";
    } else if (w->power != SIM_POWER_UP) {
        seen = "no agent is running";
    } else if (w->hung) {
        seen = "connected, nothing answers";
    } else if (way == SIM_WAY_SSH && w->network_lost) {
        seen = "connection reset before the SSH banner";
    } else if (way == SIM_WAY_SERIAL && w->serial_lost) {
        seen = "not a byte on the serial port";
    }
    if (why && seen) {
        *why = seen;
    }
    return seen == NULL;
}

static int sim_machine_interrupted(const struct sim_world *w, enum sim_way way, struct err *err) {
    if (way == SIM_WAY_HOST || w->event_count == 0) {
        return 0;
    }
    return err_set(err, ERR_INTERRUPT, "the VM has news: %s", vm_event_name(w->events[0].type));
}

int sim_machine_spend(struct sim_world *w, enum sim_way way, int64_t ms, int64_t deadline,
                      struct err *err) {
    if (sim_machine_interrupted(w, way, err) < 0) {
        return -1;
    }
    const char *why = "the call took too long";
    if (way != SIM_WAY_HOST && w->power == SIM_POWER_OFF) {
        return err_set(err, ERR_CLOSED, "the machine is off");
    }
    int64_t until = w->now + ms * CLOCK_MS * (w->slow_call ? SIM_SLOW_FACTOR : 1);
    bool answers = sim_machine_answers(w, way, &why);
    if (!answers && way == SIM_WAY_SSH && w->network_lost && w->power == SIM_POWER_UP) {
        return err_set(err, ERR_CLOSED, "ssh: %s", why);
    }
    bool late = !answers || until > deadline;
    sim_machine_advance(w, late ? deadline : until, way != SIM_WAY_HOST);
    if (sim_machine_interrupted(w, way, err) < 0) {
        return -1;
    }
    if (late) {
        return err_set(err, ERR_TIMEOUT, "deadline passed: %s", why);
    }
    return 0;
}

int sim_machine_call(struct sim_world *w, enum sim_way way, int64_t ms, int64_t deadline,
                     struct err *err) {
    if (sim_machine_count_call(w)) {
        return err_set(err, ERR_BUG, "simulated bug of the lab");
    }
    return sim_machine_spend(w, way, ms, deadline, err);
}

int sim_machine_wait_up(struct sim_world *w, int64_t deadline, struct err *err) {
    if (sim_machine_count_call(w)) {
        return err_set(err, ERR_BUG, "simulated bug of the lab");
    }
    const char *why = "";
    while (sim_machine_interrupted(w, SIM_WAY_SERIAL, err) == 0) {
        if (sim_machine_answers(w, SIM_WAY_SERIAL, &why)) {
            return 0;
        }
        if (w->power == SIM_POWER_OFF) {
            return err_set(err, ERR_CLOSED, "the machine is off");
        }
        int64_t due = sim_machine_next_due(w);
        if (due == CLOCK_NEVER && deadline == CLOCK_NEVER) {
            return err_set(err, ERR_BUG, "waiting for ever: %s", why);
        }
        sim_machine_advance(w, due < deadline ? due : deadline, true);
        if (w->now >= deadline && w->event_count == 0 &&
            !sim_machine_answers(w, SIM_WAY_SERIAL, &why)) {
            return err_set(err, ERR_TIMEOUT, "no hello from the agent: %s", why);
        }
    }
    return -1;
}

int sim_machine_next_event(struct sim_world *w, int64_t deadline, struct vm_event *ev,
                           struct err *err) {
    if (sim_machine_count_call(w)) {
        return err_set(err, ERR_BUG, "simulated bug of the lab");
    }
    sim_machine_advance(w, deadline, true);
    if (w->event_count == 0) {
        return deadline == CLOCK_NEVER
                   ? err_set(err, ERR_BUG, "waiting for ever: nothing more can happen")
                   : 0;
    }
    *ev = w->events[0];
    w->event_count--;
    memmove(w->events, w->events + 1, w->event_count * sizeof(w->events[0]));
    return 1;
}

int sim_machine_host_write(const struct sim_world *w, const char *path, struct err *err) {
    if (w->disk_full) {
        return err_set(err, ERR_NOSPACE, "write %s: No space left on device", path);
    }
    return 0;
}

bool sim_machine_save_fails(const struct sim_world *w, struct err *err) {
    if (w->save_fails != ERR_NONE) {
        err_set(err, w->save_fails, "simulated failure of a save");
    }
    return w->save_fails != ERR_NONE;
}

bool sim_machine_restore_fails(const struct sim_world *w, struct err *err) {
    if (w->restore_fails != ERR_NONE) {
        err_set(err, w->restore_fails, "simulated failure of a restore");
    }
    return w->restore_fails != ERR_NONE;
}
