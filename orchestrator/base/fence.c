#include "base/fence.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

#if defined(__SANITIZE_ADDRESS__)
#define FENCE_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FENCE_SANITIZED
#endif
#endif

/* The first byte of what a child sends. */
enum { FENCE_OK = 'o', FENCE_ERR = 'e' };
enum { FENCE_ERR_MAX = 4096 }; /* bytes of an error's text: they are no output */
#define FENCE_LEAVE (10 * CLOCK_S) /* from its last byte to its end */

static void fence_write(int fd, const void *data, size_t len) {
    const char *p = data;
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return; /* the parent gave up */
        }
        p += n;
        len -= (size_t)n;
    }
}

/* Address space in use now, in bytes: a limit has to come on top of it. 0 when not known. */
static size_t fence_in_use(void) {
    CLEANUP_FILE FILE *f = fopen("/proc/self/statm", "re");
    unsigned long pages = 0;
    if (!f || fscanf(f, "%lu", &pages) != 1) {
        return 0;
    }
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void fence_limit(const struct fence_limits *l) {
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
#ifndef FENCE_SANITIZED
    /* The sanitizer's shadow memory needs more address space than any limit could grant. */
    if (l->memory_bytes) {
        struct rlimit space = {fence_in_use() + l->memory_bytes, fence_in_use() + l->memory_bytes};
        setrlimit(RLIMIT_AS, &space);
    }
#else
    (void)fence_in_use;
#endif
    struct rlimit cpu = {(rlim_t)(l->timeout_ns / CLOCK_S) + 1, (rlim_t)(l->timeout_ns / CLOCK_S) + 2};
    setrlimit(RLIMIT_CPU, &cpu);
}

static void fence_child(int fd, int (*fn)(void *, struct str *, struct err *), void *ctx,
                        const struct fence_limits *limits, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (limits->group) {
        setpgid(0, 0);
    }
    for (int s = 1; s < NSIG; s++) {
        signal(s, SIG_DFL); /* the parent's handlers would write to the parent's pipes */
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN); /* of the terminal: the parent decides */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (getppid() != parent || null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0) {
        _exit(1);
    }
    fence_limit(limits);
    struct str out = STR_INIT;
    struct err err = ERR_INIT;
    unsigned char head[2] = {FENCE_OK, 0};
    const char *text = NULL;
    size_t len = 0;
    if (fn(ctx, &out, &err) == 0) {
        text = str_get(&out);
        len = out.len;
    } else {
        head[0] = FENCE_ERR;
        head[1] = (unsigned char)err.cls;
        text = err_text(&err);
        len = strnlen(text, FENCE_ERR_MAX);
    }
    fence_write(fd, head, sizeof(head));
    fence_write(fd, text, len);
    _exit(0);
}

static int fence_read(int fd, const struct fence_limits *l, struct str *got, struct err *err) {
    struct clock *clock = clock_monotonic();
    int64_t until = clock_after(clock, l->timeout_ns);
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int ready = poll(&p, 1, clock_poll_ms(clock, until));
        if (ready < 0 && errno != EINTR) {
            return err_sys(err, errno, "wait for the reader's process");
        }
        if (ready <= 0) {
            if (clock_now(clock) >= until) {
                return err_set(err, ERR_TIMEOUT, "reading took longer than %lld s",
                               (long long)(l->timeout_ns / CLOCK_S));
            }
            continue;
        }
        char buf[65536];
        ssize_t n = read(fd, buf, sizeof(buf));
        if (n == 0) {
            return 0;
        }
        if (n < 0 && errno != EINTR) {
            return err_sys(err, errno, "read from the reader's process");
        }
        if (n > 0) {
            str_add_bytes(got, buf, (size_t)n);
        }
        size_t max = got->len > 0 && got->data[0] == FENCE_ERR ? FENCE_ERR_MAX : l->max_output;
        if (got->len > max + 2) {
            return err_set(err, ERR_PROTOCOL, "more than %zu bytes came of it", l->max_output);
        }
    }
}

/* It has said everything: whoever does not go now has been taken over. False when it is still there. */
static bool fence_wait(pid_t pid) {
    CLEANUP_FD int gone = pidfd_open(pid, 0);
    struct pollfd p = {.fd = gone, .events = POLLIN};
    int64_t until = clock_after(clock_monotonic(), FENCE_LEAVE);
    int rc = -1;
    while (gone >= 0 && (rc = poll(&p, 1, clock_poll_ms(clock_monotonic(), until))) < 0 && errno == EINTR) {
    }
    return rc > 0;
}

static int fence_result(const struct str *got, int status, struct str *out, struct err *err) {
    if (WIFSIGNALED(status)) {
        return err_set(err, ERR_PROTOCOL, "the reader broke down over it (signal %d)", WTERMSIG(status));
    }
    if (WEXITSTATUS(status) != 0 || got->len < 2) {
        return err_set(err, ERR_PROTOCOL, "the reader broke down over it (exit code %d)", WEXITSTATUS(status));
    }
    if (got->data[0] == FENCE_OK) {
        str_add_bytes(out, got->data + 2, got->len - 2);
        return 0;
    }
    int cls = (unsigned char)got->data[1];
    return err_set(err, cls > ERR_NONE && cls < ERR_CLASS_COUNT ? (enum err_class)cls : ERR_BUG, "%s", got->data + 2);
}

int fence_run(int (*fn)(void *ctx, struct str *out, struct err *err), void *ctx,
              const struct fence_limits *limits, struct str *out, struct err *err) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0) {
        return err_sys(err, errno, "make a pipe");
    }
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid > 0 && limits->group) {
        setpgid(pid, pid); /* on both sides: whoever comes first */
    }
    if (pid == 0) {
        close(fds[0]);
        fence_child(fds[1], fn, ctx, limits, parent);
    }
    close(fds[1]);
    CLEANUP_FD int fd = fds[0];
    if (pid < 0) {
        return err_sys(err, errno, "start the reader's process");
    }
    CLEANUP_STR struct str got = STR_INIT;
    int rc = fence_read(fd, limits, &got, err);
    int status = 0;
    if (rc < 0 || !fence_wait(pid)) {
        kill(limits->group ? -pid : pid, SIGKILL);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return rc < 0 ? rc : fence_result(&got, status, out, err);
}
