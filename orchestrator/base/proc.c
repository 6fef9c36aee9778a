#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"

struct proc_stream {
    int fd;
    struct str *keep;
    struct str line;
};

/* Between fork and exec: async-signal-safe calls only, so env is applied by environ. */
static void proc_child(const char *const *argv, const struct proc_opts *o, int in, int out, int err,
                       char **env, pid_t parent) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0 ||
        (o->cwd && chdir(o->cwd) < 0)) {
        _exit(127);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    execvpe(argv[0], (char *const *)argv, env);
    _exit(errno == ENOENT ? 127 : 126);
}

/* The environment with the additions in front: getenv and exec'd programs take the first match. */
static char **proc_env(const char *const *add) {
    size_t n = 0;
    size_t m = 0;
    while (add && add[n]) {
        n++;
    }
    while (environ[m]) {
        m++;
    }
    char **env = mem_zalloc(n + m + 1, sizeof(*env));
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        env[k++] = (char *)add[i];
    }
    for (size_t i = 0; i < m; i++) {
        size_t name = strcspn(environ[i], "=") + 1;
        size_t j = 0;
        while (j < n && strncmp(environ[i], add[j], name) != 0) {
            j++;
        }
        if (j == n) {
            env[k++] = environ[i];
        }
    }
    return env;
}

static void proc_lines(struct proc_stream *s, const char *data, size_t len,
                       const struct proc_opts *o) {
    for (size_t i = 0; o->on_line && i < len; i++) {
        if (data[i] != '\n' && s->line.len < 4096) {
            str_add_bytes(&s->line, data + i, 1);
            continue;
        }
        o->on_line(str_get(&s->line), o->ctx);
        str_reset(&s->line);
    }
}

/* One read of a ready stream; closes it at its end. */
static void proc_pump(struct proc_stream *s, const struct proc_opts *o) {
    char buf[16384];
    ssize_t n = read(s->fd, buf, sizeof(buf));
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
        return;
    }
    if (n <= 0) {
        if (o->on_line && s->line.len) {
            o->on_line(str_get(&s->line), o->ctx);
        }
        close(s->fd);
        s->fd = -1;
        return;
    }
    size_t max = o->max_output ? o->max_output : 1 << 20;
    size_t room = s->keep->len < max ? max - s->keep->len : 0;
    str_add_bytes(s->keep, buf, (size_t)n < room ? (size_t)n : room);
    proc_lines(s, buf, (size_t)n, o);
}

static int proc_reap(pid_t pid, int64_t deadline, int *status) {
    struct clock *c = clock_monotonic();
    for (;;) {
        pid_t r = waitpid(pid, status, WNOHANG);
        if (r == pid) {
            return 0;
        }
        if (r < 0 && errno != EINTR) {
            return -1;
        }
        if (clock_now(c) >= deadline) {
            return -2;
        }
        int64_t next = clock_after(c, 2 * CLOCK_MS);
        c->wait_until(c, next < deadline ? next : deadline);
    }
}

static int proc_serve(pid_t pid, struct proc_stream s[2], const struct proc_opts *o, int *status) {
    struct clock *c = clock_monotonic();
    int64_t deadline = clock_after(c, o->timeout_ns);
    while (s[0].fd >= 0 || s[1].fd >= 0) {
        struct pollfd p[2] = {{s[0].fd, POLLIN, 0}, {s[1].fd, POLLIN, 0}};
        int rc = poll(p, 2, clock_poll_ms(c, deadline));
        if (rc == 0) {
            return -2;
        }
        for (int i = 0; rc > 0 && i < 2; i++) {
            if (p[i].revents) {
                proc_pump(&s[i], o);
            }
        }
    }
    return proc_reap(pid, deadline, status);
}

/* A descriptor to read the input text from: an unlinked memory file, so no writer can block us. */
static int proc_input(const char *text, struct err *err) {
    if (!text) {
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return fd < 0 ? err_sys(err, errno, "open /dev/null") : fd;
    }
    CLEANUP_FD int fd = memfd_create("input", MFD_CLOEXEC);
    size_t len = strlen(text);
    if (fd < 0 || write(fd, text, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) < 0) {
        return err_sys(err, errno, "prepare standard input");
    }
    return STEAL_FD(fd);
}

static pid_t proc_fork(const char *const *argv, const struct proc_opts *o, int out[2], int errp[2],
                       struct err *err) {
    CLEANUP_FD int in = proc_input(o->input, err);
    if (in < 0) {
        return -1;
    }
    CLEANUP_FREE char **env = proc_env(o->env);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        proc_child(argv, o, in, out[1], errp[1], env, parent);
    }
    if (pid < 0) {
        err_sys(err, errno, "fork");
    }
    return pid;
}

int proc_run(const char *const *argv, const struct proc_opts *opts, struct proc_result *res,
             struct err *err) {
    memset(res, 0, sizeof(*res));
    int out[2] = {-1, -1};
    int errp[2] = {-1, -1};
    if (pipe2(out, O_CLOEXEC) < 0) {
        return err_sys(err, errno, "pipe");
    }
    if (pipe2(errp, O_CLOEXEC) < 0) {
        close(out[0]);
        close(out[1]);
        return err_sys(err, errno, "pipe");
    }
    pid_t pid = proc_fork(argv, opts, out, errp, err);
    close(out[1]);
    close(errp[1]);
    struct proc_stream s[2] = {{out[0], &res->out, STR_INIT}, {errp[0], &res->err, STR_INIT}};
    int status = 0;
    int rc = pid < 0 ? -1 : proc_serve(pid, s, opts, &status);
    if (pid > 0 && rc < 0) {
        kill(-pid, SIGKILL);
        waitpid(pid, &status, 0);
        err_set(err, rc == -2 ? ERR_TIMEOUT : ERR_SYSTEM, "%s: did not end within %lld s", argv[0],
                (long long)(opts->timeout_ns / CLOCK_S));
    }
    for (int i = 0; i < 2; i++) {
        if (s[i].fd >= 0) {
            close(s[i].fd);
        }
        str_free(&s[i].line);
    }
    if (rc < 0) {
        proc_result_free(res);
        return -1;
    }
    res->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    CLEANUP_FREE char *found = proc_find(argv[0]);
    if (res->exit_code == 127 && !found) {
        proc_result_free(res);
        return err_set(err, ERR_SYSTEM, "%s: no such program", argv[0]);
    }
    return 0;
}

int proc_check(const char *const *argv, const struct proc_opts *opts, struct err *err) {
    CLEANUP(proc_result_free) struct proc_result res = {0};
    if (proc_run(argv, opts, &res, err) < 0) {
        return -1;
    }
    if (res.exit_code == 0) {
        return 0;
    }
    const char *text = str_get(&res.err);
    size_t len = res.err.len;
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' ')) {
        len--;
    }
    size_t from = len > 400 ? len - 400 : 0;
    return err_set(err, ERR_SYSTEM, "%s: exit code %d: %.*s", argv[0], res.exit_code,
                   (int)(len - from), text + from);
}

void proc_result_free(struct proc_result *res) {
    str_free(&res->out);
    str_free(&res->err);
}

char *proc_find(const char *program) {
    if (strchr(program, '/')) {
        return access(program, X_OK) == 0 ? str_dup(program) : NULL;
    }
    CLEANUP_FREE char *path = str_dup(getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
    char *save = NULL;
    for (char *d = strtok_r(path, ":", &save); d; d = strtok_r(NULL, ":", &save)) {
        CLEANUP_FREE char *full = fs_join(d, program);
        if (access(full, X_OK) == 0) {
            return STEAL(full);
        }
    }
    return NULL;
}
