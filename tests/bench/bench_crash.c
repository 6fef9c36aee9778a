/* How soon the lab knows that a guest's kernel has crashed: a saved machine is restored, told to crash, and watched,
 * again and again. Timed is from the moment at which the guest's own panic message stands in its console log (the first
 * serial port, written by QEMU as it comes; seen by inotify) to the typed event in the hands of whoever runs the cell
 * (vm_next_event). Every crash has to be noticed, and within two seconds.
 *
 *     COEXIST_TEST_IMAGE    image folder (lab/images/winelab)
 *     COEXIST_BENCH_TRIES   crashes (10)
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "guest/remote.h"
#include "saved.h"

enum { TRIES = 10, TRIES_MAX = 1000, BOOT_S = 180, CALL_S = 60, LIMIT_MS = 2000 };
/* What the stand-in does for a bug check (images/winelab/labctl.c). */
#define CRASH_COMMAND "\\\\?\\unix\\usr\\lib\\coexist\\labctl panic bench"
#define PANIC_MESSAGE "Kernel panic"

struct found { /* by a child; over a pipe */
    double ms;
    char detail[200];
};

static int64_t bench_in(int64_t seconds) {
    return clock_after(clock_monotonic(), seconds * CLOCK_S);
}

static struct guest *bench_guest(struct vm *vm, struct err *err) {
    struct vm_endpoints at;
    if (vm_endpoints(vm, &at, err) < 0) {
        return NULL;
    }
    struct guest_remote_spec spec = {.serial_socket = at.agent_socket, .interrupt_fd = vm_event_fd(vm)};
    return guest_remote_create(&spec, clock_monotonic(), NULL, err);
}

/* ---- the guest's own word --------------------------------------------------------------------- */

struct console { /* watched by a thread of its own */
    char *path;
    int inotify;
    int64_t until;
    atomic_bool over; /* nobody waits for it any more */
    int64_t said_at; /* CLOCK_NEVER: it never said it */
};

static bool console_says(const char *path) {
    CLEANUP_FREE char *text = fs_read(path, 4 << 20, NULL, NULL);
    return text && strstr(text, PANIC_MESSAGE);
}

static void *console_watch(void *ctx) {
    struct console *c = ctx;
    struct pollfd p = {.fd = c->inotify, .events = POLLIN};
    char events[4096];
    while (!atomic_load(&c->over) && clock_now(clock_monotonic()) < c->until) {
        if (poll(&p, 1, 500) != 1) { /* only to see that it is over */
            continue;
        }
        int64_t now = clock_now(clock_monotonic());
        if (read(c->inotify, events, sizeof(events)) > 0 && console_says(c->path)) {
            c->said_at = now;
            return NULL;
        }
    }
    return NULL;
}

/* ---- one crash -------------------------------------------------------------------------------- */

static int crash_wait(struct vm *vm, int64_t *noticed, struct vm_event *ev, struct err *err) {
    int64_t until = bench_in(CALL_S);
    for (;;) {
        int rc = vm_next_event(vm, until, ev, err);
        if (rc <= 0) {
            return rc < 0 ? -1 : err_set(err, ERR_TIMEOUT, "the crash was not noticed");
        }
        if (ev->type == VM_EVENT_PANICKED) {
            *noticed = clock_now(clock_monotonic());
            return 0;
        }
    }
}

static int crash_now(struct vm *vm, struct console *c, struct found *f, struct err *err) {
    CLEANUP(guest_destroy_ptr) struct guest *g = bench_guest(vm, err);
    pthread_t thread;
    struct vm_event ev = {0};
    int64_t noticed = 0;
    c->said_at = CLOCK_NEVER;
    c->until = bench_in(2 * CALL_S);
    if (!g || pthread_create(&thread, NULL, console_watch, c) != 0) {
        return g ? err_set(err, ERR_SYSTEM, "no thread") : -1;
    }
    /* The machine dies under the command: that is meant. Wine has no handle of a Unix program to wait for, so that
     * the agent may complain before. */
    CLEANUP_ERR struct err cut = ERR_INIT;
    struct guest_exec x = {0};
    guest_exec(g, CRASH_COMMAND, 30000, 4096, bench_in(CALL_S), &x, &cut);
    guest_exec_free(&x);
    int rc = crash_wait(vm, &noticed, &ev, err);
    atomic_store(&c->over, rc < 0);
    if (rc < 0) {
        err_prefix(err, "after '%s'", err_is_set(&cut) ? err_text(&cut) : "the command ended well");
    }
    pthread_join(thread, NULL);
    if (rc == 0 && c->said_at == CLOCK_NEVER) {
        return err_set(err, ERR_PROTOCOL, "the guest's console has no panic message");
    }
    f->ms = (double)(noticed - c->said_at) / CLOCK_MS;
    snprintf(f->detail, sizeof(f->detail), "%s%s%.150s", vm_event_name(ev.type), *ev.detail ? ": " : "", ev.detail);
    return rc;
}

static int child_crash(const struct saved *b, struct found *f, struct err *err) {
    CLEANUP(vm_destroy_ptr) struct vm *vm = saved_vm(b, "crash", 0, err);
    struct vm_endpoints at;
    if (!vm || vm_restore(vm, b->state, bench_in(CALL_S), err) < 0 || vm_endpoints(vm, &at, err) < 0) {
        return -1;
    }
    CLEANUP_FREE char *log = str_dup(at.console_log);
    CLEANUP_FD int inotify = inotify_init1(IN_CLOEXEC);
    struct console c = {.path = log, .inotify = inotify};
    if (inotify < 0 || inotify_add_watch(inotify, log, IN_MODIFY) < 0) {
        return err_set(err, ERR_SYSTEM, "%s cannot be watched", log);
    }
    return crash_now(vm, &c, f, err);
}

static int child_save(const struct saved *b, struct found *f, struct err *err) {
    CLEANUP(vm_destroy_ptr) struct vm *vm = saved_vm(b, "saved", 0, err);
    json_t *hello = NULL;
    (void)f;
    if (!vm || vm_start(vm, bench_in(CALL_S), err) < 0) {
        return -1;
    }
    CLEANUP(guest_destroy_ptr) struct guest *g = bench_guest(vm, err);
    if (!g || guest_wait_ready(g, bench_in(BOOT_S), &hello, err) < 0) {
        return -1;
    }
    json_decref(hello);
    return vm_save(vm, b->state, bench_in(CALL_S), err);
}

/* One libvirt VM a process, ever: each try is a process. */
static int bench_in_child(const char *what, int (*body)(const struct saved *, struct found *, struct err *),
                          const struct saved *b, struct found *f) {
    int pipes[2];
    if (pipe(pipes) < 0) {
        return -1;
    }
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        CLEANUP_ERR struct err err = ERR_INIT;
        if (body(b, f, &err) < 0) {
            fprintf(stderr, "bench_crash: %s: %s\n", what, err_text(&err));
            _exit(1);
        }
        _exit(write(pipes[1], f, sizeof(*f)) != (ssize_t)sizeof(*f));
    }
    close(pipes[1]);
    int status = 1;
    bool got = pid > 0 && read(pipes[0], f, sizeof(*f)) == (ssize_t)sizeof(*f);
    close(pipes[0]);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 && got ? 0 : -1;
}

/* ---- many ------------------------------------------------------------------------------------- */

static int bench_compare_ms(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int bench_run(const struct saved *b, int n) {
    double *ms = mem_zalloc((size_t)n, sizeof(*ms));
    struct found f = {0};
    int noticed = 0, late = 0;
    int rc = fs_mkdirs(b->state, NULL) < 0 ? -1 : bench_in_child("save", child_save, b, &f);
    for (int i = 0; i < n && rc == 0; i++) {
        CLEANUP_FREE char *work = fs_join(b->dir, "crash");
        if (bench_in_child("crash", child_crash, b, &f) == 0) {
            late += f.ms > LIMIT_MS;
            ms[noticed++] = f.ms;
            printf("crash %d: %.1f ms after the guest's panic message (%s)\n", i + 1, f.ms, f.detail);
            fflush(stdout);
        }
        fs_remove_tree(work, NULL);
    }
    qsort(ms, (size_t)noticed, sizeof(*ms), bench_compare_ms);
    if (noticed > 0) {
        printf("bench crash noticed=%d of=%d within_2s=%d median=%.1fms slowest=%.1fms\n", noticed, n, noticed - late,
               ms[noticed / 2], ms[noticed - 1]);
    }
    free(ms);
    return rc < 0 || noticed < n || late > 0 ? -1 : 0;
}

int main(void) {
    const char *tries = getenv("COEXIST_BENCH_TRIES");
    long n = tries ? strtol(tries, NULL, 10) : TRIES;
    struct saved b;
    int rc = saved_open(&b, "crash");
    if (rc != 0) {
        return rc < 0;
    }
    rc = bench_run(&b, (int)(n < 1 ? 1 : n > TRIES_MAX ? TRIES_MAX : n));
    saved_close(&b);
    return rc < 0;
}
