/* exec for POSIX: a process group of its own, output by poll. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/exec_sink.h"
#include "posix/ops.h"
#include "proto/proto.h"

struct exec_run {
    struct exec_sink sink;
    pid_t pid;
    int pidfd;  /* readable when the process has ended */
    int out[2]; /* read ends of stdout and stderr; -1 after their end */
    uint64_t start;
};

static void exec_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Between fork and exec of a threaded program: async-signal-safe calls only. */
static void exec_child(const struct exec_args *a, char *const argv[], const int pipes[2])
{
    int null = open("/dev/null", O_RDONLY);

    setpgid(0, 0);
    if (null < 0 || dup2(null, 0) < 0 || dup2(pipes[0], 1) < 0 || dup2(pipes[1], 2) < 0)
        _exit(126);
    close_range(3, ~0U, 0);
    if (a->cwd != NULL && chdir(a->cwd) < 0)
        _exit(126);
    signal(SIGPIPE, SIG_DFL);
    execvp(argv[0], argv);
    _exit(127);
}

/* Without a shell the command is split at blanks; there is no quoting to be had. */
static char **exec_split(char *command)
{
    size_t words = strlen(command) / 2 + 2, n = 0;
    char **argv = calloc(words, sizeof *argv);
    char *save = NULL;

    if (argv == NULL)
        return NULL;
    for (char *w = strtok_r(command, " \t", &save); w != NULL; w = strtok_r(NULL, " \t", &save))
        argv[n++] = w;
    return argv;
}

static int exec_fork(struct exec_run *x, const struct exec_args *a, char *const argv[],
                     struct op_error *err)
{
    int out[2] = {-1, -1}, errs[2] = {-1, -1};

    if (pipe2(out, O_CLOEXEC) < 0 || pipe2(errs, O_CLOEXEC) < 0) {
        exec_close(&out[0]);
        exec_close(&out[1]);
        return op_fail_os(err, (uint32_t)errno, "pipe: %s", strerror(errno));
    }
    int pipes[2] = {out[1], errs[1]};
    x->pid = fork();
    if (x->pid == 0)
        exec_child(a, argv, pipes);
    int os = errno;
    exec_close(&out[1]);
    exec_close(&errs[1]);
    x->out[0] = out[0];
    x->out[1] = errs[0];
    if (x->pid < 0)
        return op_fail_os(err, (uint32_t)os, "fork: %s", strerror(os));
    setpgid(x->pid, x->pid); /* the child does it too; whoever is first */
    fcntl(x->out[0], F_SETFL, O_NONBLOCK);
    fcntl(x->out[1], F_SETFL, O_NONBLOCK);
    x->pidfd = (int)syscall(SYS_pidfd_open, x->pid, 0);
    return 0;
}

static int exec_spawn(struct exec_run *x, struct exec_args *a, struct op_error *err)
{
    char *shell[] = {(char[]){"/bin/sh"}, (char[]){"-c"}, a->command, NULL};
    char **split = a->shell ? NULL : exec_split(a->command);
    char *const *argv = a->shell ? shell : split;
    int rc;

    if (argv == NULL)
        rc = op_fail(err, PROTO_ERR_BUSY, "out of memory");
    else if (argv[0] == NULL)
        rc = op_fail(err, PROTO_ERR_BAD_ARGS, "command: empty");
    else
        rc = exec_fork(x, a, argv, err);
    free(split);
    return rc;
}

/* Takes one piece of a stream; false when there was none at once. */
static bool exec_read(struct exec_run *x, int i)
{
    char buf[PROTO_MAX_CHUNK];

    if (x->out[i] < 0)
        return false;
    ssize_t n = read(x->out[i], buf, sizeof buf);
    if (n > 0)
        exec_sink_take(&x->sink, i == 1, buf, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        exec_close(&x->out[i]);
    return n > 0;
}

static void exec_drain(struct exec_run *x)
{
    uint64_t end = plat_now_ms() + EXEC_DRAIN_MAX_MS;

    while ((x->out[0] >= 0 || x->out[1] >= 0) && plat_now_ms() < end) {
        struct pollfd p[2] = {{.fd = x->out[0], .events = POLLIN},
                              {.fd = x->out[1], .events = POLLIN}};
        if (poll(p, 2, EXEC_DRAIN_QUIET_MS) == 0)
            break;
        exec_read(x, 0);
        exec_read(x, 1);
    }
}

/* 1: ended by itself, 0: timed out, -1: has to stop. */
static int exec_wait(struct exec_run *x, uint64_t timeout_ms, struct op_error *err)
{
    for (;;) {
        uint64_t gone = plat_now_ms() - x->start;
        if (request_stopped(x->sink.rq, err))
            return -1;
        if (gone >= timeout_ms)
            return 0;
        struct pollfd p[4] = {
            {.fd = x->pidfd, .events = POLLIN},
            {.fd = x->out[0], .events = POLLIN},
            {.fd = x->out[1], .events = POLLIN},
            {.fd = (int)plat_event_native(request_wake(x->sink.rq)), .events = POLLIN},
        };
        uint64_t left = exec_sink_tick(&x->sink, timeout_ms - gone);
        if (poll(p, 4, left > 3600000 ? 3600000 : (int)left) < 0)
            continue;
        if (p[1].revents != 0)
            exec_read(x, 0);
        if (p[2].revents != 0)
            exec_read(x, 1);
        if (p[0].revents != 0)
            return 1;
    }
}

static uint32_t exec_reap(struct exec_run *x)
{
    int status = 0;
    while (waitpid(x->pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? (uint32_t)WEXITSTATUS(status) : 128 + (uint32_t)WTERMSIG(status);
}

static int exec_finish(struct exec_run *x, const struct exec_args *a, struct jsonw *result,
                       struct op_error *err)
{
    int rc = x->pidfd < 0 ? op_fail_os(err, (uint32_t)errno, "pidfd_open: %s", strerror(errno))
                          : exec_wait(x, a->timeout_ms, err);
    if (rc <= 0)
        kill(-x->pid, SIGKILL);
    struct exec_result r = {.exit_code = exec_reap(x), .timed_out = rc == 0};
    r.duration_ms = plat_now_ms() - x->start;
    exec_drain(x);
    exec_write_result(result, &r, &x->sink);
    return rc < 0 ? -1 : 0;
}

int op_exec(struct request *rq, struct jsonw *result, struct op_error *err)
{
    struct exec_args a;
    struct exec_run x = {.pidfd = -1, .out = {-1, -1}};
    int rc;

    if (exec_args_read(rq, &a, err) < 0)
        return -1;
    x.sink = (struct exec_sink){.rq = rq, .left = a.max_output};
    x.start = plat_now_ms();
    rc = exec_spawn(&x, &a, err);
    if (rc == 0)
        rc = exec_finish(&x, &a, result, err);
    exec_close(&x.pidfd);
    exec_close(&x.out[0]);
    exec_close(&x.out[1]);
    exec_args_free(&a);
    return rc;
}
