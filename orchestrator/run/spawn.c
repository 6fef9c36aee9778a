#include "run/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "run/host.h"
#include "run/host_links.h"
#include "run/job.h"
#include "run/states.h"
#include "run/sweep.h"
#include "run/worker.h"
#include "vm/vm.h"

/* What a machine costs the host beside the guest's memory and QEMU's translated code (DOMAIN_TCG_CACHE_MIB): QEMU
 * itself and the worker. Seen with winelab (512 MiB) through two restarts and workloads: QEMU's peak was 595, 761,
 * 1046 and 1371 MiB with 128, 256, 512 MiB of translated code and without a bound, so at most 22 MiB above the sum of
 * both; a worker takes about 30. */
#define SPAWN_OVERHEAD (INT64_C(100) << 20)
/* Room on the disk for one more cell's overlay, logs and evidence. */
#define SPAWN_DISK (INT64_C(2) << 30)
/* How long until a machine has taken the memory it is going to take. */
#define SPAWN_YOUNG (60 * CLOCK_S)
#define SPAWN_REAP_WAIT (10 * CLOCK_S)
enum { SPAWN_WORKERS_MAX = 4 * SCHED_JOBS_MAX }; /* a host may have three spare slots for each other */

struct spawn_worker {
    pid_t pid;  /* 0: free */
    int report; /* read end; -1 */
    int64_t born;
    int64_t memory;
    int vcpus;
    int host;   /* index of spec.hosts */
    bool ready; /* something to read, not told of yet */
};

struct spawn_retained { /* a state whose memory image stays though the scheduler dropped it */
    char *name;
    int64_t bytes;
};

struct spawn {
    struct spawn_spec spec;
    struct spawn_retained *retained;
    size_t retained_count;
    int64_t retained_bytes;
    struct spawn_worker workers[SPAWN_WORKERS_MAX]; /* of all hosts together */
    struct host_links *links;
    char *links_log;
    int signals; /* signalfd */
    sigset_t old_mask;
    int interrupts;
};

static void spawn_signal_set(sigset_t *set) {
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
}

struct spawn *spawn_new(const struct spawn_spec *spec, struct err *err) {
    struct spawn *s = mem_zalloc(1, sizeof(*s));
    s->spec = *spec;
    for (int i = 0; i < SPAWN_WORKERS_MAX; i++) {
        s->workers[i].report = -1;
    }
    sigset_t set;
    spawn_signal_set(&set);
    sigprocmask(SIG_BLOCK, &set, &s->old_mask);
    s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (s->signals < 0) {
        err_sys(err, errno, "watch for signals");
        sigprocmask(SIG_SETMASK, &s->old_mask, NULL);
        free(s);
        return NULL;
    }
    s->links_log = fs_join(spec->run_dir, "workers.log");
    struct host_links_spec links = {.program = spec->program, .lab_dir = spec->lab_dir,
                                    .images = spec->images, .log_path = s->links_log,
                                    .hosts = spec->hosts, .log = spec->log};
    s->links = host_links_new(&links);
    return s;
}

int spawn_meet_hosts(struct spawn *s, struct err *err) {
    return host_links_meet(s->links, s->signals, err);
}

void spawn_free(struct spawn *s) {
    if (s) {
        host_links_free(s->links);
        free(s->links_log);
        struct signalfd_siginfo info;
        while (read(s->signals, &info, sizeof(info)) == sizeof(info)) {
            /* a request to stop that came when everything was over */
        }
        close(s->signals);
        sigprocmask(SIG_SETMASK, &s->old_mask, NULL);
        while (s->retained_count > 0) {
            free(s->retained[--s->retained_count].name);
        }
        free(s->retained);
        free(s);
    }
}

/* ---- the child, between fork and exec: only async-signal-safe calls ------------------------ */

static void spawn_child(const struct spawn *s, pid_t parent, int report, int log,
                        char *const argv[]) {
    /* Its own process group: Ctrl-C at the terminal is for the orchestrator alone to act on. */
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGHUP);
    if (getppid() != parent) {
        _exit(3);
    }
    sigprocmask(SIG_SETMASK, &s->old_mask, NULL);
    int null = open("/dev/null", O_RDWR);
    if (null < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) {
        _exit(3);
    }
    if (report == WORKER_REPORT_FD) {
        fcntl(report, F_SETFD, 0);
    } else if (dup2(report, WORKER_REPORT_FD) < 0) {
        _exit(3);
    }
    execv(s->spec.program, argv);
    _exit(3);
}

static int spawn_fork(struct spawn *s, int slot, char *const argv[], struct err *err) {
    CLEANUP_FREE char *log_path = fs_join(s->spec.run_dir, "workers.log");
    CLEANUP_FD int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    int fds[2];
    if (log < 0 || pipe2(fds, O_CLOEXEC) < 0) {
        return err_sys(err, errno, "%s", log < 0 ? log_path : "pipe");
    }
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        spawn_child(s, parent, fds[1], log, argv);
    }
    close(fds[1]);
    if (pid < 0) {
        err_sys(err, errno, "fork");
        close(fds[0]);
        return -1;
    }
    s->workers[slot].pid = pid;
    s->workers[slot].report = fds[0];
    return 0;
}

/* NULL for the embedded driver. New reference. */
static json_t *spawn_job_host(const struct spawn *s, int host) {
    const struct hosts_one *one = &s->spec.hosts->items[host];
    struct host_state state = host_links_state(s->links, (size_t)host);
    return one->uri.way == HOST_EMBED
               ? NULL
               : json_pack("{s:o, s:b, s:b}", "at", hosts_to_json(one), "kvm", state.kvm, "seen",
                           state.seen);
}

static int spawn_spawn(void *ctx, int slot, const struct sched_job *job, struct err *err) {
    struct spawn *s = ctx;
    char number[16];
    snprintf(number, sizeof(number), "%d", job->attempt);
    json_t *host = spawn_job_host(s, job->host);
    CLEANUP_FREE char *text = job_to_text(job, host);
    json_decref(host);
    /* The casts only drop const: exec takes what it is given and changes nothing. */
    char *argv[] = {(char *)s->spec.program, (char *)"--lab", (char *)s->spec.lab_dir, (char *)"worker",
                    (char *)s->spec.run_dir, job->cell->id, number, text, NULL, NULL};
    if (s->spec.log && s->spec.log->level >= LOG_LEVEL_DEBUG) {
        memmove(argv + 2, argv + 1, sizeof(argv) - 2 * sizeof(*argv)); /* the last one was to spare */
        argv[1] = (char *)"--verbose";
    }
    if (spawn_fork(s, slot, argv, err) < 0) {
        return -1;
    }
    s->workers[slot].born = clock_now(clock_monotonic());
    s->workers[slot].memory = s->spec.cell_memory(s->spec.ctx, job->cell) + SPAWN_OVERHEAD;
    s->workers[slot].vcpus = s->spec.cell_vcpus(s->spec.ctx, job->cell);
    s->workers[slot].host = job->host;
    return 0;
}

/* ---- waiting and reading ------------------------------------------------------------------- */

static int spawn_wait(void *ctx, int64_t deadline, struct err *err) {
    struct spawn *s = ctx;
    struct pollfd p[SPAWN_WORKERS_MAX + SCHED_JOBS_MAX + 1] = {{.fd = s->signals, .events = POLLIN}};
    nfds_t n = 1;
    for (int i = 0; i < SPAWN_WORKERS_MAX; i++) {
        if (s->workers[i].report >= 0) {
            p[n++] = (struct pollfd){.fd = s->workers[i].report, .events = POLLIN};
        }
    }
    n += host_links_poll(s->links, p + n, SCHED_JOBS_MAX, &deadline);
    int found = poll(p, n, clock_poll_ms(clock_monotonic(), deadline));
    if (found < 0 && errno != EINTR) {
        return err_sys(err, errno, "wait for workers");
    }
    n = 1;
    for (int i = 0; i < SPAWN_WORKERS_MAX; i++) {
        struct spawn_worker *w = &s->workers[i];
        w->ready = w->report >= 0 && p[n++].revents != 0 && found > 0;
    }
    host_links_serve(s->links);
    struct signalfd_siginfo info;
    while (read(s->signals, &info, sizeof(info)) == sizeof(info)) {
        s->interrupts++;
    }
    return 0;
}

static int spawn_ready(void *ctx) {
    struct spawn *s = ctx;
    for (int i = 0; i < SPAWN_WORKERS_MAX; i++) {
        if (s->workers[i].ready) {
            s->workers[i].ready = false;
            return i;
        }
    }
    return -1;
}

static ssize_t spawn_read(void *ctx, int slot, char *buf, size_t len) {
    struct spawn *s = ctx;
    ssize_t n = read(s->workers[slot].report, buf, len);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return -1;
    }
    return n < 0 ? 0 : n;
}

static int spawn_interrupts(void *ctx) {
    return ((struct spawn *)ctx)->interrupts;
}

/* ---- ending -------------------------------------------------------------------------------- */

static void spawn_stop(void *ctx, int slot, enum sched_stop how) {
    static const int signals[] = {[SCHED_STOP_STEP] = SIGTERM, [SCHED_STOP_NOW] = SIGHUP,
                                  [SCHED_STOP_KILL] = SIGKILL};
    struct spawn *s = ctx;
    kill(s->workers[slot].pid, signals[how]);
}

/* waitpid with a deadline: true when the child is gone. */
static bool spawn_waited(pid_t pid, int *status, int64_t deadline) {
    struct clock *clock = clock_monotonic();
    for (;;) {
        pid_t got = waitpid(pid, status, WNOHANG);
        if (got == pid || (got < 0 && errno == ECHILD)) {
            return true;
        }
        if (clock_now(clock) >= deadline) {
            return false;
        }
        clock->wait_until(clock, clock_after(clock, 10 * CLOCK_MS));
    }
}

static void spawn_reap(void *ctx, int slot, struct sched_exit *out) {
    struct spawn *s = ctx;
    struct spawn_worker *w = &s->workers[slot];
    struct clock *clock = clock_monotonic();
    int status = 0;
    if (!spawn_waited(w->pid, &status, clock_after(clock, SPAWN_REAP_WAIT))) {
        kill(w->pid, SIGKILL);
        spawn_waited(w->pid, &status, clock_after(clock, SPAWN_REAP_WAIT));
    }
    *out = WIFSIGNALED(status) ? (struct sched_exit){-1, WTERMSIG(status)}
                               : (struct sched_exit){WEXITSTATUS(status), 0};
    close(w->report);
    *w = (struct spawn_worker){.report = -1};
}

static void spawn_sweep(void *ctx) {
    struct spawn *s = ctx;
    CLEANUP_ERR struct err err = ERR_INIT;
    if (sweep_lab(s->spec.lab_dir, s->spec.log, &err) < 0) {
        log_warn(s->spec.log, "%s", err_text(&err));
    }
}

/* ---- room ---------------------------------------------------------------------------------- */

/* What the workers of a host have, in bytes. */
struct spawn_use {
    int64_t promised; /* to young machines, which may not have taken it yet, at most */
    int young;
    int64_t memory;   /* all of them */
    int vcpus;
};

static struct spawn_use spawn_used(const struct spawn *s, int host) {
    int64_t now = clock_now(clock_monotonic());
    struct spawn_use u = {0};
    for (int i = 0; i < SPAWN_WORKERS_MAX; i++) {
        const struct spawn_worker *w = &s->workers[i];
        if (w->pid && w->host == host) {
            bool young = now - w->born < SPAWN_YOUNG;
            u.promised += young ? w->memory : 0;
            u.young += young;
            u.memory += w->memory;
            u.vcpus += w->vcpus;
        }
    }
    return u;
}

/* The limits that the user gave this host. */
static bool spawn_within_limits(const struct spawn *s, int host, const struct spawn_use *u,
                                const struct plan_cell *cell, char why[200]) {
    const struct hosts_one *one = &s->spec.hosts->items[host];
    int64_t memory = u->memory + s->spec.cell_memory(s->spec.ctx, cell) + SPAWN_OVERHEAD;
    int vcpus = u->vcpus + s->spec.cell_vcpus(s->spec.ctx, cell);
    if (one->memory && memory > one->memory) {
        snprintf(why, 200, "memory: %lld MiB of the %lld MiB allowed", (long long)(memory >> 20),
                 (long long)(one->memory >> 20));
        return false;
    }
    if (one->vcpus && vcpus > one->vcpus) {
        snprintf(why, 200, "processors: %d of the %d allowed", vcpus, one->vcpus);
        return false;
    }
    return true;
}

static int spawn_room(void *ctx, int host, const struct plan_cell *cell, char why[200]) {
    struct spawn *s = ctx;
    struct spawn_use u = spawn_used(s, host);
    struct host_state far = host_links_state(s->links, (size_t)host);
    bool here = s->spec.hosts->items[host].uri.way == HOST_EMBED;
    int64_t need = s->spec.cell_memory(s->spec.ctx, cell) + SPAWN_OVERHEAD;
    int64_t have = here ? host_memory_available() : far.memory_free < 0 ? INT64_MAX : far.memory_free;
    int64_t disk = here ? fs_free_bytes(s->spec.lab_dir) : far.disk_free;
    int64_t disk_need = SPAWN_DISK * (u.young + 1);
    have -= have == INT64_MAX ? 0 : u.promised;
    if (!here && !far.there) {
        snprintf(why, 200, "the host is not there: %.150s", far.why);
        return 0;
    }
    if (!spawn_within_limits(s, host, &u, cell, why)) {
        return 0;
    }
    if (have < need) {
        snprintf(why, 200, "memory: a machine needs %lld MiB, %lld MiB are free",
                 (long long)(need >> 20), (long long)((have < 0 ? 0 : have) >> 20));
        return 0;
    }
    if (disk >= 0 && disk < disk_need) {
        snprintf(why, 200, "disk: %lld MiB wanted for the lab, %lld MiB are free",
                 (long long)(disk_need >> 20), (long long)(disk >> 20));
        return 0;
    }
    return 1;
}

/* ---- states -------------------------------------------------------------------------------- */

static int64_t spawn_memory_bytes(const struct spawn *s, const char *name) {
    CLEANUP_FREE char *path = str_printf("%s/%s/" VM_STATE_MEMORY, s->spec.states, name);
    int64_t bytes = fs_size(path);
    return bytes < 0 ? 0 : bytes;
}

/* A memory image that no cell of this run waits for any more is what a resumed one goes on from, should this one
 * be killed: it stays as long as all of these take no more than half of the room for states. */
static bool spawn_retain(struct spawn *s, const char *name) {
    int64_t bytes = spawn_memory_bytes(s, name);
    if (s->retained_bytes + bytes > s->spec.states_max / 2) {
        return false;
    }
    s->retained = mem_grow(s->retained, s->retained_count + 1, sizeof(*s->retained));
    s->retained[s->retained_count++] = (struct spawn_retained){str_dup(name), bytes};
    s->retained_bytes += bytes;
    return true;
}

static void spawn_release(struct spawn *s, const char *name) {
    for (size_t i = 0; i < s->retained_count; i++) {
        if (str_eq(s->retained[i].name, name)) {
            s->retained_bytes -= s->retained[i].bytes;
            free(s->retained[i].name);
            s->retained[i] = s->retained[--s->retained_count];
            return;
        }
    }
}

static int64_t spawn_drop_state(void *ctx, int host, const char *name, enum sched_drop what) {
    struct spawn *s = ctx;
    (void)host; /* states are of this machine alone */
    if (s->interrupts > 0) {
        return states_bytes(s->spec.states, name); /* the run ends: the next part of it wants them all */
    }
    if (what == SCHED_DROP_MEMORY && spawn_retain(s, name)) {
        return states_bytes(s->spec.states, name);
    }
    spawn_release(s, name);
    return states_drop(s->spec.states, name, what == SCHED_DROP_ALL, s->spec.log);
}

static int spawn_gone(void *ctx) {
    return host_links_gone(((struct spawn *)ctx)->links);
}

static int spawn_back(void *ctx) {
    return host_links_back(((struct spawn *)ctx)->links);
}

static int spawn_record(void *ctx, const struct observation *o, struct err *err) {
    return journal_append(((struct spawn *)ctx)->spec.journal, o, err);
}

const struct sched_ops *spawn_ops(void) {
    static const struct sched_ops ops = {
        .spawn = spawn_spawn,
        .wait = spawn_wait,
        .ready = spawn_ready,
        .read = spawn_read,
        .stop = spawn_stop,
        .reap = spawn_reap,
        .sweep = spawn_sweep,
        .room = spawn_room,
        .gone = spawn_gone,
        .back = spawn_back,
        .drop_state = spawn_drop_state,
        .interrupts = spawn_interrupts,
        .record = spawn_record,
    };
    return &ops;
}
