/* Booting an image's machine once, to keep it at ready. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "run/machine.h"
#include "run/ready.h"

/* Services and drivers start after the agent: at rest it uses less than this much of one processor for so long. */
enum { READY_REST_PERCENT = 10 };
#define READY_REST_LOOK (2 * CLOCK_S)
#define READY_REST_LIMIT (120 * CLOCK_S)

struct ready_making {
    const struct ready_make *r;
    const struct image *image;
    struct machine *machine;
    struct vm *vm;
    struct guest *guest;
    struct clock *clock;
    struct cell_limits limits;
    int64_t began, ready_at;
};

static int64_t ready_in(const struct ready_making *m, int64_t ns) {
    return clock_now(m->clock) + ns;
}

/* The user wants it to end. */
static bool ready_stopped(const struct ready_making *m, struct err *err) {
    struct pollfd p = {m->r->interrupt_fd, POLLIN, 0};
    if (p.fd < 0 || poll(&p, 1, 0) <= 0) {
        return false;
    }
    err_set(err, ERR_INTERRUPT, "interrupted");
    return true;
}

/* Why a call was cut short. */
static void ready_explain(struct ready_making *m, struct err *err) {
    struct vm_event ev;
    if (err->cls == ERR_INTERRUPT && m->vm && vm_next_event(m->vm, clock_now(m->clock), &ev, NULL) > 0) {
        err_set(err, ERR_CLOSED, "the machine of the image: %s %s", vm_event_name(ev.type), ev.detail);
    }
}

static int ready_both_ways(struct ready_making *m, struct err *err) {
    struct guest_reach reach = {0};
    int64_t until = ready_in(m, m->limits.call);
    while (guest_reach(m->guest, ready_in(m, m->limits.call), &reach, err) == 0) {
        if (reach.serial && (reach.ssh || reach.no_ssh)) {
            return 0;
        }
        if (clock_now(m->clock) >= until) {
            return err_set(err, ERR_TIMEOUT, "the image does not answer on both ways: serial port: %s; SSH: %s",
                           reach.serial ? "yes" : reach.serial_why, reach.ssh ? "yes" : reach.ssh_why);
        }
        m->clock->wait_until(m->clock, ready_in(m, m->limits.poll));
    }
    return -1;
}

/* A guest that never rests is kept as it is: that is what a cell would find, too. */
static int ready_rest(struct ready_making *m, struct err *err) {
    struct vm_diagnostics d = {.cpu_ns = -1};
    struct vm_event ev;
    int64_t until = ready_in(m, READY_REST_LIMIT), before = -1;
    do {
        if (ready_stopped(m, err) || vm_diagnose(m->vm, &d, err) < 0) {
            return -1;
        }
        if (before >= 0 && 100 * (d.cpu_ns - before) < READY_REST_PERCENT * READY_REST_LOOK) {
            return 0;
        }
        before = d.cpu_ns;
        if (vm_next_event(m->vm, ready_in(m, READY_REST_LOOK), &ev, err) != 0) {
            return err_is_set(err) ? -1 : err_set(err, ERR_CLOSED, "the machine of the image: %s %s",
                                                  vm_event_name(ev.type), ev.detail);
        }
    } while (clock_now(m->clock) < until);
    log_warn(m->r->log, "image %s: its guest did not come to rest in %d s and is kept as it is", m->r->image,
             (int)(READY_REST_LIMIT / CLOCK_S));
    return 0;
}

static int ready_boot(struct ready_making *m, struct err *err) {
    const struct cell_machine_ops *ops = machine_ops();
    json_t *hello = NULL;
    m->vm = ops->create_vm(m->machine, err);
    if (!m->vm || vm_start(m->vm, ready_in(m, m->limits.vm), err) < 0) {
        return -1;
    }
    m->guest = ops->create_guest(m->machine, m->vm, err);
    if (!m->guest || guest_wait_ready(m->guest, ready_in(m, m->limits.boot), &hello, err) < 0) {
        return -1;
    }
    json_decref(hello);
    m->ready_at = clock_now(m->clock);
    return ready_both_ways(m, err) < 0 ? -1 : ready_rest(m, err);
}

static int ready_keep(struct ready_making *m, struct err *err) {
    CLEANUP_FREE char *name = str_printf(IMAGE_READY_PREFIX "%lld", (long long)clock_wall_ms());
    int64_t now = clock_now(m->clock), bytes = 0;
    struct cell_kept kept = {name, 1, (now - m->began) / CLOCK_MS, (now - m->ready_at) / CLOCK_MS};
    guest_disconnect(m->guest); /* whoever goes on from it cannot take a connection over */
    if (machine_ops()->save(m->machine, m->vm, &kept, ready_in(m, m->limits.state), &bytes, err) < 0) {
        return -1;
    }
    log_debug(m->r->log, "image %s: state %s of %lld bytes", m->r->image, name, (long long)bytes);
    return ready_finish(m->image, name, err);
}

static int ready_run(const struct ready_make *r, const struct image *image, struct err *err) {
    struct ready_making m = {.r = r, .image = image, .clock = clock_monotonic()};
    struct machine_spec spec = {.lab_dir = r->lab_dir, .image = r->image, .work_dir = r->work_dir, .states = image->dir,
                                .cell = "", .attempt = 1, .kvm = r->kvm, .interrupt_fd = r->interrupt_fd,
                                .clock = m.clock, .log = r->log};
    m.began = clock_now(m.clock);
    cell_limits_set(&m.limits, NULL, r->kvm);
    m.machine = machine_new(&spec, err);
    int rc = m.machine && ready_boot(&m, err) == 0 ? ready_keep(&m, err) : -1;
    if (rc < 0) {
        ready_explain(&m, err);
    }
    guest_destroy(m.guest);
    vm_destroy(m.vm);
    machine_free(m.machine);
    return rc;
}

static int ready_make_of(const struct ready_make *r, const struct image *image, bool *made, struct err *err) {
    char hardware[65];
    if (machine_may_save(image, r->kvm, err) < 0 || machine_hardware(image, r->kvm, hardware, err) < 0) {
        return -1;
    }
    CLEANUP_FREE char *found = ready_find(image, r->kvm, hardware);
    CLEANUP_ERR struct err why = ERR_INIT;
    if (found && (r->again || ready_verify(image, found, &why) < 0)) {
        log_info(r->log, "%s", err_is_set(&why) ? err_text(&why) : "making another one, as asked");
        ready_distrust(image, found, NULL);
        free(STEAL(found));
    }
    if (!found) {
        if (ready_run(r, image, err) < 0) {
            return -1;
        }
        *made = true;
        found = ready_find(image, r->kvm, hardware);
    }
    return found ? ready_tidy(r->lab_dir, image, found, err)
                 : err_set(err, ERR_BUG, "image %s: the state just kept is not found again", r->image);
}

int ready_make(const struct ready_make *r, bool *made, struct err *err) {
    *made = false;
    struct image *image = image_open(r->lab_dir, r->image, err);
    if (!image) {
        return -1;
    }
    CLEANUP_FREE char *path = image_lock_path(r->lab_dir, r->image);
    CLEANUP_FD int lock = fs_lock(path, err);
    int rc = lock < 0 ? -1 : ready_make_of(r, image, made, err);
    if (lock == -2) {
        err_set(err, ERR_SYSTEM, "image '%s' is being built or made ready by another process", r->image);
    }
    image_free(image);
    return rc;
}
