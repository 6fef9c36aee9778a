/* coexist clean: remove what dead runs left behind. */
#include <stdio.h>

#include "cli/cli.h"
#include "run/sweep.h"

static int clean_run(struct cli *cli, const struct cli_args *args) {
    (void)args;
    CLEANUP_ERR struct err err = ERR_INIT;
    int folders = sweep_lab(cli->lab_dir, &cli->log, &err);
    if (folders < 0) {
        return cli_fail(&err);
    }
    int runs = sweep_runs(cli->runs_dir, &cli->log, &err);
    if (runs < 0) {
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
                 "orchestrators as interrupted. Living runs are not touched. 'coexist run' does the "
                 "same by itself before it starts.",
        .run = clean_run,
    };
    return &verb;
}
