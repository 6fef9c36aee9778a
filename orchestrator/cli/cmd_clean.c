/* coexist clean: remove what dead runs left behind. */
#include <stdio.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "cli/cli.h"
#include "run/sweep.h"

#define CLEAN_WAIT_NS (30 * CLOCK_S)

/* A run's folder; the sweep's own lock file stays. */
static int clean_stop_at_first(const char *name, void *ctx) {
    (void)ctx;
    return !str_eq(name, "lock");
}

static bool clean_work_is_empty(const struct cli *cli) {
    CLEANUP_FREE char *work = fs_join(cli->lab_dir, "work");
    return !fs_exists(work) || fs_each(work, clean_stop_at_first, NULL, NULL) == 0;
}

/* Workers whose orchestrator was killed take their machines down by themselves; they are waited for. */
static int clean_lab(struct cli *cli, bool dying, struct err *err) {
    struct clock *clock = clock_monotonic();
    int64_t deadline = clock_after(clock, CLEAN_WAIT_NS);
    int folders = sweep_lab(cli->lab_dir, &cli->log, err);
    while (dying && folders >= 0 && !clean_work_is_empty(cli) && clock_now(clock) < deadline) {
        clock->wait_until(clock, clock_after(clock, CLOCK_S / 4));
        int more = sweep_lab(cli->lab_dir, &cli->log, err);
        folders = more < 0 ? -1 : folders + more;
    }
    return folders;
}

static int clean_run(struct cli *cli, const struct cli_args *args) {
    (void)args;
    CLEANUP_ERR struct err err = ERR_INIT;
    int runs = sweep_runs(cli->runs_dir, &cli->log, &err);
    if (runs < 0) {
        return cli_fail(&err);
    }
    int folders = clean_lab(cli, runs > 0, &err);
    if (folders < 0) {
        return cli_fail(&err);
    }
    printf("%d work folder%s removed, %d run%s marked as interrupted\n", folders,
           folders == 1 ? "" : "s", runs, runs == 1 ? "" : "s");
    return CLI_SHIP;
}

const struct cli_verb *cmd_clean(void) {
    static const struct cli_verb verb = {
        .name = "clean",
        .operands = "",
        .summary = "remove what killed runs left behind",
        .about = "Ends machines and removes work folders whose owner is dead, and marks the runs of dead "
                 "orchestrators as interrupted; waits for workers that are still ending by themselves. "
                 "Living runs are not touched. 'coexist run' removes what it finds before it starts.",
        .run = clean_run,
    };
    return &verb;
}
