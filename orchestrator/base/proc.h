/* Child processes. Children die with their parent (PR_SET_PDEATHSIG), get no descriptors they were
 * not given, and every wait has a deadline on the monotonic clock. */
#ifndef COEXIST_BASE_PROC_H
#define COEXIST_BASE_PROC_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

struct proc_result {
    int exit_code;    /* 0..255, or 128 + signal */
    struct str out;   /* standard output, at most max_output bytes, the rest is dropped */
    struct str err;   /* standard error, same */
};

struct proc_opts {
    int64_t timeout_ns;  /* > 0; the whole process group is killed when it passes */
    size_t max_output;   /* bytes kept of each stream; 0 means 1 MiB */
    const char *cwd;     /* NULL: unchanged */
    const char *const *env; /* NULL: inherited; else "NAME=value" entries added, NULL-terminated */
    const char *input;   /* text for standard input, NULL: /dev/null */
    /* Called for each whole line of either stream as it comes; may be NULL. */
    void (*on_line)(const char *line, void *ctx);
    void *ctx;
};

/* Runs argv (NULL-terminated, searched in PATH) to its end. Returns 0 when it ran, whatever its exit
 * code; negative when it could not be started or timed out. Free the result with proc_result_free. */
int proc_run(const char *const *argv, const struct proc_opts *opts, struct proc_result *res,
             struct err *err);
/* The same, but an exit code other than 0 is an error that quotes the end of standard error. */
int proc_check(const char *const *argv, const struct proc_opts *opts, struct err *err);
void proc_result_free(struct proc_result *res);

/* Full path of a program in PATH, NULL when absent. Caller frees. */
char *proc_find(const char *program);

#endif
