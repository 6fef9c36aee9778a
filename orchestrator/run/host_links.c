#include "run/host_links.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"
#include "run/host_watch.h"

enum { LINK_LINE_MAX = 65536 };
#define LINK_SILENCE (30 * CLOCK_S)  /* without a beat; one comes every 2 s */
#define LINK_CONNECT (60 * CLOCK_S)  /* without a word before the host is up; copying speaks every second */
#define LINK_BACKOFF (2 * CLOCK_S)
#define LINK_BACKOFF_MAX (60 * CLOCK_S)
#define LINK_END (30 * CLOCK_S)      /* for the last sweep */
#define LINK_POLL (20 * CLOCK_MS)

enum link_phase {
    LINK_COMING,  /* a process is on its way to it */
    LINK_UP,      /* it beats */
    LINK_WAITING, /* no process; the next try at `retry_at` */
};

struct host_link {
    bool embedded;
    enum link_phase phase;
    bool told_gone; /* the scheduler does not count on it */
    bool tried;     /* once, at least */
    pid_t pid;      /* 0: none */
    int report;     /* -1: none */
    struct str line;
    int64_t heard, retry_at, backoff;
    struct host_state state;
    char why[300];
};

struct host_links {
    struct host_links_spec spec;
    struct host_link *items; /* as many as hosts */
};

static struct clock *links_clock(void) {
    return clock_monotonic();
}

static const char *link_name(const struct host_links *l, const struct host_link *k) {
    return l->spec.hosts->items[k - l->items].name;
}

/* ---- the process ----------------------------------------------------------------------------- */

/* Between fork and exec: only async-signal-safe calls. */
static void link_child(const struct host_links *l, int report, int log, char *const argv[]) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0); /* Ctrl-C is for the orchestrator alone */
    int null = open("/dev/null", O_RDWR);
    if (null < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) {
        _exit(3);
    }
    if (report == HOST_WATCH_REPORT_FD) {
        fcntl(report, F_SETFD, 0);
    } else if (dup2(report, HOST_WATCH_REPORT_FD) < 0) {
        _exit(3);
    }
    execv(l->spec.program, argv);
    _exit(3);
}

static int link_fork(struct host_links *l, struct host_link *k, char *const argv[], struct err *err) {
    int fds[2];
    CLEANUP_FD int log = open(l->spec.log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log < 0 || pipe2(fds, O_CLOEXEC) < 0) {
        return err_sys(err, errno, "%s", log < 0 ? l->spec.log_path : "pipe");
    }
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    pid_t pid = fork();
    if (pid == 0) {
        link_child(l, fds[1], log, argv);
    }
    close(fds[1]);
    if (pid < 0) {
        close(fds[0]);
        return err_sys(err, errno, "fork");
    }
    k->pid = pid;
    k->report = fds[0];
    return 0;
}

static void link_wait_until(struct host_links *l, struct host_link *k, int64_t at, const char *why) {
    snprintf(k->why, sizeof(k->why), "%s", why);
    k->phase = LINK_WAITING;
    k->tried = true;
    k->state.there = false;
    k->retry_at = at;
    log_warn(l->spec.log, "host %s: %s; tried again in %lld s", link_name(l, k), k->why,
             (long long)(k->backoff / CLOCK_S));
}

static void link_start(struct host_links *l, struct host_link *k) {
    CLEANUP_ERR struct err err = ERR_INIT;
    json_t *j = hosts_to_json(&l->spec.hosts->items[k - l->items]);
    CLEANUP_FREE char *text = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    /* The casts only drop const: exec changes nothing. */
    char *const argv[] = {(char *)l->spec.program, (char *)"--lab", (char *)l->spec.lab_dir,
                          (char *)"host-watch", text, (char *)l->spec.images, NULL};
    k->phase = LINK_COMING;
    k->heard = clock_now(links_clock());
    if (link_fork(l, k, argv, &err) < 0) {
        link_wait_until(l, k, clock_after(links_clock(), k->backoff), err_text(&err));
    }
}

/* Reaps it, by force at the deadline. */
static void link_reap(struct host_link *k, int64_t deadline) {
    struct clock *clock = links_clock();
    bool killed = false;
    while (k->pid > 0 && waitpid(k->pid, NULL, WNOHANG) == 0) {
        if (!killed && clock_now(clock) >= deadline) {
            kill(k->pid, SIGKILL);
            killed = true;
        }
        clock->wait_until(clock, clock_after(clock, LINK_POLL));
    }
    if (k->report >= 0) {
        close(k->report);
    }
    k->pid = 0;
    k->report = -1;
    str_reset(&k->line);
}

/* The process is of no more use. */
static void link_lose(struct host_links *l, struct host_link *k, const char *why) {
    CLEANUP_FREE char *text = str_dup(why); /* may be k->why */
    link_reap(k, 0);
    k->backoff = k->phase == LINK_UP || k->backoff == 0 ? LINK_BACKOFF : 2 * k->backoff;
    k->backoff = k->backoff > LINK_BACKOFF_MAX ? LINK_BACKOFF_MAX : k->backoff;
    link_wait_until(l, k, clock_after(links_clock(), k->backoff), text);
}

/* ---- its report ------------------------------------------------------------------------------ */

static void link_up(struct host_links *l, struct host_link *k, const json_t *up) {
    const char *why = json_string_value(json_object_get(up, "why"));
    const char *version = json_string_value(json_object_get(up, "version"));
    snprintf(k->why, sizeof(k->why), "%s", why ? why : "");
    k->phase = LINK_UP;
    k->tried = true;
    k->state = (struct host_state){
        .there = true, .kvm = json_is_true(json_object_get(up, "kvm")),
        .seen = json_is_true(json_object_get(up, "seen")),
        .cpus = (int)json_integer_value(json_object_get(up, "cpus")),
        .memory_free = -1, .disk_free = -1,
    };
    log_info(l->spec.log, "host %s is there: %s, %d processors; %s; %s", link_name(l, k),
             version ? version : "", k->state.cpus, k->why,
             k->state.seen ? "it sees the lab's images" : "it has copies of the images");
}

static void link_line(struct host_links *l, struct host_link *k, const char *line) {
    json_t *j = json_loads(line, 0, NULL);
    const json_t *up = json_object_get(j, "up"), *beat = json_object_get(j, "beat");
    const char *doing = json_string_value(json_object_get(j, "doing"));
    const char *lost = json_string_value(json_object_get(j, "lost"));
    if (up) {
        link_up(l, k, up);
    } else if (beat) {
        k->state.memory_free = json_integer_value(json_object_get(beat, "memory_free"));
        k->state.disk_free = json_integer_value(json_object_get(beat, "disk_free"));
    } else if (doing) {
        log_info(l->spec.log, "host %s: %s", link_name(l, k), doing);
    } else if (lost) {
        snprintf(k->why, sizeof(k->why), "%s", lost);
    }
    json_decref(j);
}

/* True while the process may say more. */
static bool link_read(struct host_links *l, struct host_link *k) {
    char buf[4096];
    ssize_t n;
    while ((n = read(k->report, buf, sizeof(buf))) > 0) {
        k->heard = clock_now(links_clock());
        for (ssize_t i = 0; i < n; i++) {
            if (buf[i] == '\n') {
                link_line(l, k, str_get(&k->line));
                str_reset(&k->line);
            } else if (k->line.len < LINK_LINE_MAX) {
                str_add_bytes(&k->line, buf + i, 1);
            }
        }
    }
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static int64_t link_due(const struct host_link *k) {
    if (k->embedded) {
        return CLOCK_NEVER;
    }
    return k->phase == LINK_WAITING ? k->retry_at
                                    : k->heard + (k->phase == LINK_UP ? LINK_SILENCE : LINK_CONNECT);
}

static void link_serve(struct host_links *l, struct host_link *k) {
    int64_t now = clock_now(links_clock());
    if (k->embedded) {
        return;
    }
    if (k->phase == LINK_WAITING) {
        if (now >= k->retry_at) {
            link_start(l, k);
        }
        return;
    }
    if (!link_read(l, k)) {
        link_lose(l, k, k->state.there || !k->why[0] ? "the connection to it ended" : k->why);
    } else if (now >= link_due(k)) {
        link_lose(l, k, "it does not answer");
    }
}

void host_links_serve(struct host_links *l) {
    for (size_t i = 0; i < l->spec.hosts->count; i++) {
        link_serve(l, &l->items[i]);
    }
}

nfds_t host_links_poll(const struct host_links *l, struct pollfd *p, nfds_t max, int64_t *deadline) {
    nfds_t n = 0;
    for (size_t i = 0; i < l->spec.hosts->count; i++) {
        const struct host_link *k = &l->items[i];
        int64_t due = link_due(k);
        *deadline = due < *deadline ? due : *deadline;
        if (k->report >= 0 && n < max) {
            p[n++] = (struct pollfd){.fd = k->report, .events = POLLIN};
        }
    }
    return n;
}

/* ---- life ------------------------------------------------------------------------------------ */

struct host_links *host_links_new(const struct host_links_spec *spec) {
    struct host_links *l = mem_zalloc(1, sizeof(*l));
    l->spec = *spec;
    l->items = mem_zalloc(spec->hosts->count + 1, sizeof(*l->items));
    for (size_t i = 0; i < spec->hosts->count; i++) {
        struct host_link *k = &l->items[i];
        k->report = -1;
        k->embedded = spec->hosts->items[i].uri.way == HOST_EMBED;
        k->tried = k->embedded;
        k->phase = k->embedded ? LINK_UP : LINK_WAITING;
    }
    return l;
}

void host_links_free(struct host_links *l) {
    if (!l) {
        return;
    }
    for (size_t i = 0; i < l->spec.hosts->count; i++) {
        if (l->items[i].pid > 0) {
            kill(l->items[i].pid, SIGTERM);
        }
    }
    int64_t deadline = clock_after(links_clock(), LINK_END);
    for (size_t i = 0; i < l->spec.hosts->count; i++) {
        link_reap(&l->items[i], deadline);
        str_free(&l->items[i].line);
    }
    free(l->items);
    free(l);
}

static bool links_all_tried(const struct host_links *l) {
    for (size_t i = 0; i < l->spec.hosts->count; i++) {
        if (!l->items[i].tried) {
            return false;
        }
    }
    return true;
}

static int links_any(const struct host_links *l, struct err *err) {
    CLEANUP_STR struct str reasons = STR_INIT;
    for (size_t i = 0; i < l->spec.hosts->count; i++) {
        const struct host_link *k = &l->items[i];
        if (k->embedded || k->state.there) {
            return 0;
        }
        str_addf(&reasons, "%s%s: %s", reasons.len ? "; " : "", link_name(l, k), k->why);
    }
    return err_set(err, ERR_SYSTEM, "no host is there: %s", str_get(&reasons));
}

int host_links_meet(struct host_links *l, int stop_fd, struct err *err) {
    nfds_t max = l->spec.hosts->count + 1;
    CLEANUP_FREE struct pollfd *p = mem_zalloc(max, sizeof(*p));
    for (;;) {
        host_links_serve(l);
        if (links_all_tried(l)) {
            return links_any(l, err);
        }
        int64_t deadline = CLOCK_NEVER;
        p[0] = (struct pollfd){.fd = stop_fd, .events = POLLIN};
        nfds_t n = 1 + host_links_poll(l, p + 1, max - 1, &deadline);
        if (poll(p, n, clock_poll_ms(links_clock(), deadline)) < 0 && errno != EINTR) {
            return err_sys(err, errno, "wait for hosts");
        }
        if (p[0].revents) {
            return err_set(err, ERR_INTERRUPT, "stopped while the hosts were prepared");
        }
    }
}

int host_links_gone(struct host_links *l) {
    for (size_t i = 0; i < l->spec.hosts->count; i++) {
        struct host_link *k = &l->items[i];
        if (!k->embedded && !k->state.there && !k->told_gone) {
            k->told_gone = true;
            return (int)i;
        }
    }
    return -1;
}

int host_links_back(struct host_links *l) {
    for (size_t i = 0; i < l->spec.hosts->count; i++) {
        struct host_link *k = &l->items[i];
        if (k->state.there && k->told_gone) {
            k->told_gone = false;
            return (int)i;
        }
    }
    return -1;
}

struct host_state host_links_state(const struct host_links *l, size_t host) {
    struct host_state s = l->items[host].state;
    s.why = l->items[host].why;
    return s;
}
