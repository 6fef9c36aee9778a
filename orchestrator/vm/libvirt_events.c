#include "vm/libvirt_events.h"

#include <errno.h>
#include <jansson.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"

enum { EVENTS_MAX = 64, EVENTS_CALLBACKS = 3, EVENTS_RESET_ECHO_MS = 2000, EVENTS_REAP_MS = 10 };

struct libvirt_events {
    pthread_t thread;
    pthread_mutex_t lock; /* everything below */
    pthread_cond_t changed;
    bool stop;
    int fd; /* eventfd, counts what is queued */
    struct vm_event queue[EVENTS_MAX];
    size_t queued;
    bool stopped;       /* the machine's end has been told */
    bool expect_stop;   /* it was asked for by the lab */
    unsigned host_resets;
    char panic[256];    /* what the panic device told last */
    int wake;           /* libvirt timer that ends the loop */
    int guard;          /* libvirt timer of the guard, -1 for none */
    int reaper;         /* libvirt timer, ticks while a call is in progress */
    bool guard_fired;
    void (*guard_fn)(void *ctx);
    void *guard_ctx;
    int callbacks[EVENTS_CALLBACKS];
    int64_t reset_at; /* last reset told, by whomever */
    char only[256];   /* the one domain that counts; "": all do */
    bool host_lost;
};

/* ---- the thread ------------------------------------------------------------------------------ */

static bool events_stopping(struct libvirt_events *ev) {
    pthread_mutex_lock(&ev->lock);
    bool stop = ev->stop;
    pthread_mutex_unlock(&ev->lock);
    return stop;
}

static void *events_run(void *arg) {
    struct libvirt_events *ev = arg;
    while (!events_stopping(ev)) {
        if (virEventRunDefaultImpl() < 0) {
            break; /* libvirt lost its own loop: every wait still has its deadline */
        }
    }
    return NULL;
}

static void events_woken(int timer, void *opaque) {
    (void)opaque;
    virEventUpdateTimeout(timer, -1);
}

/* Is this dead child of ours the orphan of a QEMU that made itself a daemon? libvirt waits for its
 * own children: they are in our session, or a fork of ourselves (with our name) that leads a
 * session of its own. */
static bool events_is_orphan(pid_t pid) {
    CLEANUP_FREE char *path = str_printf("/proc/%d/stat", (int)pid);
    CLEANUP_FREE char *stat = fs_read(path, 4096, NULL, NULL);
    const char *name = stat ? strchr(stat, '(') : NULL;
    const char *after_name = stat ? strrchr(stat, ')') : NULL; /* the name may hold anything */
    int session = 0;
    if (!name || !after_name || strncmp(name, "(qemu-system-", 13) != 0 ||
        sscanf(after_name + 1, " %*c %*d %*d %d", &session) != 1) {
        return false;
    }
    return session != getsid(0);
}

/* libvirt starts QEMUs of its own to ask what they can do, and waits for each to be reaped. */
static void events_reap(int timer, void *opaque) {
    (void)timer;
    (void)opaque;
    siginfo_t info = {0};
    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid > 0 &&
           events_is_orphan(info.si_pid) &&
           waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG) == 0) {
        info.si_pid = 0;
    }
}

static void events_destroy(struct libvirt_events *ev) {
    if (ev->fd >= 0) {
        close(ev->fd);
    }
    pthread_cond_destroy(&ev->changed);
    pthread_mutex_destroy(&ev->lock);
    free(ev);
}

struct libvirt_events *libvirt_events_new(struct err *err) {
    struct libvirt_events *ev = mem_zalloc(1, sizeof(*ev));
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&ev->changed, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&ev->lock, NULL);
    ev->stopped = true;
    ev->guard = -1;
    ev->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    /* Registering again in one process is ignored by libvirt, which is what is wanted. */
    if (ev->fd < 0 || virEventRegisterDefaultImpl() < 0 ||
        (ev->wake = virEventAddTimeout(-1, events_woken, ev, NULL)) < 0 ||
        (ev->reaper = virEventAddTimeout(-1, events_reap, ev, NULL)) < 0) {
        err_set(err, ERR_SYSTEM, "libvirt's event loop cannot be set up");
        events_destroy(ev);
        return NULL;
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* without it stopping is only slower */
    int rc = pthread_create(&ev->thread, NULL, events_run, ev);
    if (rc != 0) {
        err_sys(err, rc, "start libvirt's event thread");
        events_destroy(ev);
        return NULL;
    }
    return ev;
}

void libvirt_events_free(struct libvirt_events *ev) {
    if (!ev) {
        return;
    }
    pthread_mutex_lock(&ev->lock);
    ev->stop = true;
    pthread_mutex_unlock(&ev->lock);
    virEventUpdateTimeout(ev->wake, 0);
    pthread_join(ev->thread, NULL);
    virEventRemoveTimeout(ev->wake);
    virEventRemoveTimeout(ev->reaper);
    events_destroy(ev);
}

/* ---- the queue ------------------------------------------------------------------------------- */

/* Under the lock. When nobody reads, the oldest goes: the newest tells the machine's state. */
static void events_push(struct libvirt_events *ev, enum vm_event_type type, const char *detail) {
    if (ev->queued == EVENTS_MAX) {
        memmove(ev->queue, ev->queue + 1, (EVENTS_MAX - 1) * sizeof(ev->queue[0]));
        ev->queued--;
    } else if (eventfd_write(ev->fd, 1) < 0) {
        return; /* cannot happen: the counter holds 2^64 - 2 */
    }
    struct vm_event *e = &ev->queue[ev->queued++];
    *e = (struct vm_event){.type = type, .at_ns = clock_now(clock_monotonic())};
    snprintf(e->detail, sizeof(e->detail), "%s", detail ? detail : "");
}

int libvirt_events_fd(const struct libvirt_events *ev) {
    return ev->fd;
}

static bool events_pop(struct libvirt_events *ev, struct vm_event *out) {
    pthread_mutex_lock(&ev->lock);
    bool got = ev->queued > 0;
    if (got) {
        eventfd_t one;
        eventfd_read(ev->fd, &one);
        *out = ev->queue[0];
        ev->queued--;
        memmove(ev->queue, ev->queue + 1, ev->queued * sizeof(ev->queue[0]));
    }
    pthread_mutex_unlock(&ev->lock);
    return got;
}

int libvirt_events_next(struct libvirt_events *ev, int64_t deadline, struct vm_event *out,
                        struct err *err) {
    for (;;) {
        if (events_pop(ev, out)) {
            return 1;
        }
        struct pollfd p = {ev->fd, POLLIN, 0};
        int rc = poll(&p, 1, clock_poll_ms(clock_monotonic(), deadline));
        if (rc == 0) {
            return 0;
        }
        if (rc < 0 && errno != EINTR) {
            return err_sys(err, errno, "wait for VM events");
        }
    }
}

/* ---- what libvirt tells ---------------------------------------------------------------------- */

static void events_machine_ended(struct libvirt_events *ev, int detail) {
    ev->stopped = true;
    pthread_cond_broadcast(&ev->changed);
    if (ev->expect_stop || detail == VIR_DOMAIN_EVENT_STOPPED_DESTROYED ||
        detail == VIR_DOMAIN_EVENT_STOPPED_SAVED) {
        return;
    }
    if (detail == VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN) {
        events_push(ev, VM_EVENT_SHUTDOWN, "the guest powered off");
    } else {
        events_push(ev, VM_EVENT_DIED, "QEMU ended by itself");
    }
}

/* Under the lock. */
static bool events_counts(const struct libvirt_events *ev, virDomainPtr dom) {
    return !ev->only[0] || str_eq(virDomainGetName(dom), ev->only);
}

static int events_on_lifecycle(virConnectPtr conn, virDomainPtr dom, int event, int detail,
                               void *opaque) {
    struct libvirt_events *ev = opaque;
    (void)conn;
    pthread_mutex_lock(&ev->lock);
    if (!events_counts(ev, dom)) {
        event = -1;
    }
    if (event == VIR_DOMAIN_EVENT_STOPPED) {
        events_machine_ended(ev, detail);
    } else if (event == VIR_DOMAIN_EVENT_CRASHED) {
        events_push(ev, VM_EVENT_PANICKED, ev->panic);
        ev->panic[0] = '\0';
    }
    pthread_mutex_unlock(&ev->lock);
    return 0;
}

static void events_on_io_error(virConnectPtr conn, virDomainPtr dom, const char *path,
                               const char *device, int action, const char *reason, void *opaque) {
    struct libvirt_events *ev = opaque;
    (void)conn;
    char text[512];
    snprintf(text, sizeof(text), "disk %s: %s%s", device, *reason ? reason : path,
             action == VIR_DOMAIN_EVENT_IO_ERROR_PAUSE ? ", guest stopped" : "");
    pthread_mutex_lock(&ev->lock);
    if (events_counts(ev, dom)) {
        events_push(ev, VM_EVENT_IO_ERROR, text);
    }
    pthread_mutex_unlock(&ev->lock);
}

void libvirt_events_tell_host_lost(struct libvirt_events *ev, const char *why) {
    pthread_mutex_lock(&ev->lock);
    if (!ev->host_lost) {
        ev->host_lost = true;
        events_push(ev, VM_EVENT_IO_ERROR, why);
        pthread_cond_broadcast(&ev->changed);
    }
    pthread_mutex_unlock(&ev->lock);
}

void libvirt_events_only(struct libvirt_events *ev, const char *name) {
    pthread_mutex_lock(&ev->lock);
    snprintf(ev->only, sizeof(ev->only), "%s", name);
    pthread_mutex_unlock(&ev->lock);
}

/* QEMU's RESET carries who asked (qapi/run-state.json: "guest", "reason"); libvirt's own reboot
 * event does not. SeaBIOS, finding itself in a warm start, resets the machine once more: one
 * reboot, told twice. */
static void events_on_reset(struct libvirt_events *ev, const char *details) {
    json_t *j = json_loads(details ? details : "{}", 0, NULL);
    const char *reason = json_string_value(json_object_get(j, "reason"));
    int64_t now = clock_now(clock_monotonic());
    bool echo = ev->reset_at && now - ev->reset_at < EVENTS_RESET_ECHO_MS * CLOCK_MS;
    ev->reset_at = now;
    if (!json_is_true(json_object_get(j, "guest"))) {
        ev->host_resets++;
        pthread_cond_broadcast(&ev->changed);
    } else if (!echo) {
        events_push(ev, VM_EVENT_RESET, reason);
    }
    json_decref(j);
}

/* GUEST_PANICKED may carry the guest's crash registers ("info"); the ISA device has none. */
static void events_note_panic(struct libvirt_events *ev, const char *details) {
    json_t *j = json_loads(details ? details : "{}", 0, NULL);
    json_t *info = json_object_get(j, "info");
    CLEANUP_FREE char *text = info ? json_dumps(info, JSON_COMPACT) : NULL;
    snprintf(ev->panic, sizeof(ev->panic), "the guest's kernel panicked%s%s", text ? ": " : "",
             text ? text : "");
    json_decref(j);
}

static void events_on_monitor(virConnectPtr conn, virDomainPtr dom, const char *event,
                              long long seconds, unsigned int micros, const char *details,
                              void *opaque) {
    struct libvirt_events *ev = opaque;
    (void)conn;
    (void)seconds;
    (void)micros;
    pthread_mutex_lock(&ev->lock);
    bool counts = events_counts(ev, dom);
    if (counts && strcmp(event, "RESET") == 0) {
        events_on_reset(ev, details);
    } else if (counts && strcmp(event, "GUEST_PANICKED") == 0) {
        events_note_panic(ev, details);
    }
    pthread_mutex_unlock(&ev->lock);
}

int libvirt_events_attach(struct libvirt_events *ev, virConnectPtr conn, struct err *err) {
    ev->callbacks[0] = virConnectDomainEventRegisterAny(
        conn, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
        VIR_DOMAIN_EVENT_CALLBACK(events_on_lifecycle), ev, NULL);
    ev->callbacks[1] = virConnectDomainEventRegisterAny(
        conn, NULL, VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON,
        VIR_DOMAIN_EVENT_CALLBACK(events_on_io_error), ev, NULL);
    ev->callbacks[2] =
        virConnectDomainQemuMonitorEventRegister(conn, NULL, NULL, events_on_monitor, ev, NULL, 0);
    for (int i = 0; i < EVENTS_CALLBACKS; i++) {
        if (ev->callbacks[i] < 0) {
            return err_set(err, ERR_SYSTEM, "libvirt: no events: %s", virGetLastErrorMessage());
        }
    }
    return 0;
}

void libvirt_events_detach(struct libvirt_events *ev, virConnectPtr conn) {
    virConnectDomainEventDeregisterAny(conn, ev->callbacks[0]);
    virConnectDomainEventDeregisterAny(conn, ev->callbacks[1]);
    virConnectDomainQemuMonitorEventDeregister(conn, ev->callbacks[2]);
}

/* ---- the process ----------------------------------------------------------------------------- */

static void events_process_ended(int watch, int fd, int what, void *opaque) {
    (void)what;
    (void)opaque;
    siginfo_t info;
    waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG);
    virEventRemoveHandle(watch); /* closes the descriptor by events_forget_process */
}

/* libvirt hands only the opaque pointer over when a watch goes: it carries the descriptor. */
static void events_forget_process(void *opaque) {
    close((int)(intptr_t)opaque);
}

void libvirt_events_watch(struct libvirt_events *ev, int pidfd) {
    (void)ev;
    if (pidfd >= 0 && virEventAddHandle(pidfd, VIR_EVENT_HANDLE_READABLE, events_process_ended,
                                        (void *)(intptr_t)pidfd, events_forget_process) < 0) {
        close(pidfd);
    }
}

/* ---- waiting --------------------------------------------------------------------------------- */

void libvirt_events_arm(struct libvirt_events *ev) {
    pthread_mutex_lock(&ev->lock);
    ev->stopped = false;
    ev->expect_stop = false;
    ev->panic[0] = '\0';
    pthread_mutex_unlock(&ev->lock);
}

void libvirt_events_expect_stop(struct libvirt_events *ev) {
    pthread_mutex_lock(&ev->lock);
    ev->expect_stop = true;
    pthread_mutex_unlock(&ev->lock);
}

/* Under the lock: sleeps until something changed; false once the deadline has passed. */
static bool events_wait(struct libvirt_events *ev, int64_t deadline) {
    if (deadline == CLOCK_NEVER) {
        return pthread_cond_wait(&ev->changed, &ev->lock) == 0;
    }
    struct timespec ts = {.tv_sec = deadline / CLOCK_S, .tv_nsec = deadline % CLOCK_S};
    return pthread_cond_timedwait(&ev->changed, &ev->lock, &ts) == 0;
}

bool libvirt_events_wait_stopped(struct libvirt_events *ev, int64_t deadline) {
    pthread_mutex_lock(&ev->lock);
    while (!ev->stopped && !ev->host_lost && events_wait(ev, deadline)) {
    }
    bool stopped = ev->stopped;
    pthread_mutex_unlock(&ev->lock);
    return stopped;
}

unsigned libvirt_events_host_resets(struct libvirt_events *ev) {
    pthread_mutex_lock(&ev->lock);
    unsigned n = ev->host_resets;
    pthread_mutex_unlock(&ev->lock);
    return n;
}

bool libvirt_events_wait_host_reset(struct libvirt_events *ev, unsigned beyond, int64_t deadline) {
    pthread_mutex_lock(&ev->lock);
    while (ev->host_resets <= beyond && !ev->stopped && !ev->host_lost && events_wait(ev, deadline)) {
    }
    bool seen = ev->host_resets > beyond;
    pthread_mutex_unlock(&ev->lock);
    return seen;
}

/* ---- the guard ------------------------------------------------------------------------------- */

static void events_guard_due(int timer, void *opaque) {
    struct libvirt_events *ev = opaque;
    virEventUpdateTimeout(timer, -1);
    pthread_mutex_lock(&ev->lock);
    bool due = ev->guard == timer && ev->guard_fn;
    void (*fn)(void *) = ev->guard_fn;
    ev->guard_fired = due;
    pthread_mutex_unlock(&ev->lock);
    if (due) {
        fn(ev->guard_ctx);
    }
}

int libvirt_events_guard(struct libvirt_events *ev, int64_t deadline, void (*fn)(void *ctx),
                         void *ctx, struct err *err) {
    if (deadline != CLOCK_NEVER && clock_now(clock_monotonic()) >= deadline) {
        return err_set(err, ERR_TIMEOUT, "the deadline had passed before the call");
    }
    pthread_mutex_lock(&ev->lock);
    ev->guard_fn = fn;
    ev->guard_ctx = ctx;
    ev->guard_fired = false;
    /* The timer cannot run before the lock is free, and then sees its own number. */
    ev->guard = virEventAddTimeout(clock_poll_ms(clock_monotonic(), deadline), events_guard_due,
                                   ev, NULL);
    bool made = ev->guard >= 0;
    pthread_mutex_unlock(&ev->lock);
    virEventUpdateTimeout(ev->reaper, EVENTS_REAP_MS);
    return made ? 0 : err_set(err, ERR_SYSTEM, "libvirt: no timer for a deadline");
}

bool libvirt_events_unguard(struct libvirt_events *ev) {
    pthread_mutex_lock(&ev->lock);
    int timer = ev->guard;
    bool fired = ev->guard_fired;
    ev->guard = -1;
    ev->guard_fn = NULL;
    pthread_mutex_unlock(&ev->lock);
    virEventUpdateTimeout(ev->reaper, -1);
    if (timer >= 0) {
        virEventRemoveTimeout(timer);
    }
    return fired;
}
