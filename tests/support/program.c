#include "support/program.h"

#include <check.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"

enum { PROGRAM_ARGUMENTS = 24 };

struct proc_result program_run(const char *const arguments[]) {
    const char *build = getenv("COEXIST_BUILD");
    CLEANUP_FREE char *program = str_printf("%s/coexist", build ? build : "build");
    const char *argv[PROGRAM_ARGUMENTS + 2] = {program};
    for (int n = 0; arguments[n]; n++) {
        ck_assert_int_lt(n, PROGRAM_ARGUMENTS);
        argv[n + 1] = arguments[n];
    }
    struct proc_opts opts = {.timeout_ns = 120 * CLOCK_S};
    struct proc_result res = {0};
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_msg(proc_run(argv, &opts, &res, &err) == 0, "%s", err_text(&err));
    return res;
}
