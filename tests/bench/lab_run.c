#include "lab_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"

enum { LAB_TICK_MS = 20 };

static char *lab_place(const char *variable, const char *otherwise) {
    const char *env = getenv(variable);
    return fs_absolute(env && *env ? env : otherwise);
}

int lab_open(struct lab *l, struct err *err) {
    *l = (struct lab){.dir = "/tmp/coexist-bench-XXXXXX"};
    CLEANUP_FREE char *build = lab_place("COEXIST_BUILD", "build");
    l->program = fs_join(build, "coexist");
    l->samples = fs_join(build, "samples");
    l->lab_dir = lab_place("COEXIST_LAB", "lab");
    CLEANUP_FREE char *image = str_printf("%s/images/winelab/manifest.json", l->lab_dir);
    if (!fs_exists(image) || !fs_exists(l->program) || !mkdtemp(l->dir)) {
        err_set(err, ERR_SYSTEM, "no image %s, no program %s, or no temporary folder (make all image)", image,
                l->program);
        l->dir[0] = '\0';
        return -1;
    }
    l->runs_dir = fs_join(l->dir, "runs");
    return 0;
}

void lab_free(struct lab *l) {
    if (l->dir[0]) {
        fs_remove_tree(l->dir, NULL);
    }
    free(l->program);
    free(l->samples);
    free(l->lab_dir);
    free(l->runs_dir);
}

char *lab_write_json(const struct lab *l, const char *name, const json_t *content, struct err *err) {
    CLEANUP_FREE char *path = fs_join(l->dir, name);
    if (json_dump_file(content, path, JSON_INDENT(1)) < 0) {
        err_set(err, ERR_SYSTEM, "cannot write %s", path);
        return NULL;
    }
    return STEAL(path);
}

char *lab_sample(const struct lab *l, const char *name) {
    return fs_join(l->samples, name);
}

/* ---- running --------------------------------------------------------------------------------- */

static void run_child(const struct lab *l, const char *matrix, const char *option, pid_t parent) {
    CLEANUP_FREE char *log_path = fs_join(l->dir, "log");
    int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent || log < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) {
        _exit(3);
    }
    execl(l->program, l->program, "--lab", l->lab_dir, "--runs", l->runs_dir, "run", matrix, option,
          (char *)NULL);
    _exit(3);
}

/* Until it has ended, with a tick now and then. */
static int run_await(pid_t pid, void (*on_tick)(pid_t orchestrator, void *ctx), void *ctx) {
    CLEANUP_FD int fd = pidfd_open(pid, 0);
    struct pollfd p = {fd, POLLIN, 0};
    int status = 0;
    while (fd >= 0 && poll(&p, 1, on_tick ? LAB_TICK_MS : -1) <= 0) {
        if (on_tick) {
            on_tick(pid, ctx);
        }
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 3;
}

struct run_newest {
    const char *runs;
    char *found;
};

static int run_take_newest(const char *name, void *ctx) {
    struct run_newest *n = ctx;
    free(n->found);
    n->found = fs_join(n->runs, name);
    return 0;
}

int lab_run_matrix(const struct lab *l, const char *matrix, const char *option,
                   void (*on_tick)(pid_t orchestrator, void *ctx), void *ctx, struct lab_run *out,
                   struct err *err) {
    CLEANUP_FREE char *old = fs_join(l->dir, "log");
    unlink(old);
    fflush(NULL);
    pid_t parent = getpid();
    int64_t began = clock_now(clock_monotonic());
    pid_t pid = fork();
    if (pid == 0) {
        run_child(l, matrix, option, parent);
    }
    if (pid < 0) {
        return err_sys(err, errno, "fork");
    }
    *out = (struct lab_run){.exit_code = run_await(pid, on_tick, ctx)};
    out->seconds = (double)(clock_now(clock_monotonic()) - began) / CLOCK_S;
    struct run_newest newest = {l->runs_dir, NULL};
    fs_each(l->runs_dir, run_take_newest, &newest, NULL);
    out->dir = newest.found;
    if (!out->dir || out->exit_code == 2 || out->exit_code == 3) {
        CLEANUP_FREE char *said = fs_read(old, 1 << 20, NULL, NULL);
        size_t len = said ? strlen(said) : 0;
        return err_set(err, ERR_SYSTEM, "coexist run ended with exit code %d: ...%s", out->exit_code,
                       said ? said + (len > 600 ? len - 600 : 0) : "");
    }
    return 0;
}

void lab_run_clear(struct lab_run *r) {
    free(r->dir);
    *r = (struct lab_run){0};
}

json_t *lab_run_verdicts(const struct lab_run *r, struct err *err) {
    CLEANUP_FREE char *path = fs_join(r->dir, "report.json");
    json_t *report = json_load_file(path, 0, NULL), *verdicts = json_object(), *cell;
    size_t i;
    if (!report) {
        err_set(err, ERR_INPUT, "%s cannot be read", path);
        json_decref(verdicts);
        return NULL;
    }
    json_array_foreach(json_object_get(report, "cells"), i, cell) {
        json_object_set(verdicts, json_string_value(json_object_get(cell, "id")),
                        json_object_get(cell, "verdict"));
    }
    json_decref(report);
    return verdicts;
}
