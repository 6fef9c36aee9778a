#include "run/ready.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "run/machine.h"
#include "run/states.h"

#define READY_DIGESTS "SHA256SUMS" /* as of sha256sum(1) */
/* Services and drivers start after the agent: at rest it uses less than this much of one processor for so long. */
enum { READY_REST_PERCENT = 10, READY_DIGESTS_MAX = 4096 };
#define READY_REST_LOOK (2 * CLOCK_S)
#define READY_REST_LIMIT (120 * CLOCK_S)

/* ---- finding -------------------------------------------------------------------------------- */

struct ready_search {
    const struct image *image;
    bool kvm;
    const char *hardware, *digest;
    char *found;
};

static bool ready_is(const char *name) {
    return strncmp(name, IMAGE_READY_PREFIX, strlen(IMAGE_READY_PREFIX)) == 0;
}

static int ready_look(const char *name, void *ctx) {
    struct ready_search *s = ctx;
    struct state_note note;
    if (s->found || !ready_is(name) || states_read(s->image->dir, name, &note, NULL) < 0) {
        return 0;
    }
    CLEANUP_FREE char *digests = str_printf("%s/%s/" READY_DIGESTS, s->image->dir, name);
    if (note.memory && fs_exists(digests) && note.kvm == s->kvm && str_eq(note.hardware, s->hardware) &&
        str_eq(note.image, s->digest)) {
        s->found = str_dup(name);
    }
    state_note_clear(&note);
    return 0;
}

char *ready_find(const struct image *image, bool kvm, const char *hardware) {
    char digest[65];
    state_image_digest(image->manifest, digest);
    struct ready_search s = {image, kvm, hardware, digest, NULL};
    fs_each(image->dir, ready_look, &s, NULL);
    return s.found;
}

/* Text of its digests, caller frees; NULL with err. */
static char *ready_digests(const struct image *image, const char *name, struct err *err) {
    static const char *const files[] = {VM_STATE_MEMORY, VM_STATE_DISK};
    CLEANUP_STR struct str text = STR_INIT;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        CLEANUP_FREE char *path = str_printf("%s/%s/%s", image->dir, name, files[i]);
        char hex[FS_SHA256_HEX];
        if (fs_sha256_file(path, hex, err) < 0) {
            return NULL;
        }
        str_addf(&text, "%s  %s\n", hex, files[i]);
    }
    return str_take(&text);
}

int ready_verify(const struct image *image, const char *name, struct err *err) {
    CLEANUP_FREE char *path = str_printf("%s/%s/" READY_DIGESTS, image->dir, name);
    CLEANUP_FREE char *were = fs_read(path, READY_DIGESTS_MAX, NULL, err);
    CLEANUP_FREE char *are = were ? ready_digests(image, name, err) : NULL;
    if (are && !str_eq(were, are)) {
        err_set(err, ERR_INPUT, "%s/%s: a file has not the digest it was kept with", image->dir, name);
    }
    return are && str_eq(were, are) ? 0 : -1;
}

void ready_distrust(const struct image *image, const char *name, struct log *log) {
    log_warn(log, "image %s: its state at ready, %s, is of no use and is not gone on from any more; "
                  "'coexist image ready %s' makes another", image->name, name, image->name);
    states_drop(image->dir, name, false, log);
}

void ready_check(const struct image *image, bool kvm, struct log *log) {
    CLEANUP_ERR struct err err = ERR_INIT;
    char hardware[65];
    bool known = machine_hardware(image, kvm, hardware, NULL) == 0;
    CLEANUP_FREE char *name = known ? ready_find(image, kvm, hardware) : NULL;
    if (name && ready_verify(image, name, &err) < 0) {
        log_warn(log, "%s", err_text(&err));
        ready_distrust(image, name, log);
    }
}

/* ---- making --------------------------------------------------------------------------------- */

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
    CLEANUP_FREE char *text = ready_digests(m->image, name, err);
    CLEANUP_FREE char *path = str_printf("%s/%s/" READY_DIGESTS, m->image->dir, name);
    return text ? fs_write_atomic(path, text, strlen(text), 0644, err) : -1;
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

/* ---- those of no use ------------------------------------------------------------------------ */

static int ready_count_folder(const char *name, void *ctx) {
    *(int *)ctx += !str_eq(name, "lock");
    return 0;
}

static int ready_count(const char *lab_dir, const char *folder) {
    CLEANUP_FREE char *dir = fs_join(lab_dir, folder);
    int count = 0;
    return fs_exists(dir) && fs_each(dir, ready_count_folder, &count, NULL) < 0 ? INT32_MAX : count;
}

/* Runs have folders in both for as long as they may go on; work/ has that of whoever makes this one, too. */
static bool ready_none_stands(const char *lab_dir) {
    return ready_count(lab_dir, "states") == 0 && ready_count(lab_dir, "work") <= 1;
}

struct ready_keep {
    const char *name; /* NULL: none */
};

static bool ready_stays(const char *name, void *ctx) {
    const struct ready_keep *k = ctx;
    return !ready_is(name) || str_eq(name, k->name);
}

int ready_tidy(const char *lab_dir, const struct image *image, const char *name, struct err *err) {
    struct ready_keep keep = {name};
    return ready_none_stands(lab_dir) ? states_tidy(image->dir, ready_stays, &keep, err) : 0;
}

/* Without a note it is none yet, and without its owner never will be. */
static bool ready_is_whole(const char *name, void *ctx) {
    CLEANUP_FREE char *note = str_printf("%s/%s/state.json", (const char *)ctx, name);
    return !ready_is(name) || fs_exists(note);
}

struct ready_sweep {
    const char *lab_dir;
    struct err *err;
};

static char *ready_lock_path(const char *lab_dir, const char *image) { /* as of image_build */
    return str_printf("%s/images/.%s.lock", lab_dir, image);
}

static int ready_sweep_image(const char *name, const struct image *image, const char *why, void *ctx) {
    const struct ready_sweep *s = ctx;
    CLEANUP_FREE char *path = ready_lock_path(s->lab_dir, name);
    CLEANUP_FD int lock = image ? fs_lock(path, NULL) : -1;
    (void)why; /* a broken image is for others to tell of */
    return lock < 0 ? 0 : states_tidy(image->dir, ready_is_whole, image->dir, s->err);
}

int ready_sweep(const char *lab_dir, struct err *err) {
    struct ready_sweep s = {lab_dir, err};
    return image_each(lab_dir, ready_sweep_image, &s, err);
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
    CLEANUP_FREE char *path = ready_lock_path(r->lab_dir, r->image);
    CLEANUP_FD int lock = fs_lock(path, err);
    int rc = lock < 0 ? -1 : ready_make_of(r, image, made, err);
    if (lock == -2) {
        err_set(err, ERR_SYSTEM, "image '%s' is being built or made ready by another process", r->image);
    }
    image_free(image);
    return rc;
}
