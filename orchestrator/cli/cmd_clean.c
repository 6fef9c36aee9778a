/* coexist clean: remove what dead runs left behind. */
#include <stdio.h>

#include "cli/cli.h"
#include "run/sweep.h"

static int clean_run(struct cli *cli, const struct cli_args *args) {
    (void)args;
    CLEANUP_ERR struct err err = ERR_INIT;
    struct sweep_counts n = {0};
    if (sweep_all(cli->lab_dir, cli->runs_dir, &cli->log, &n, &err) < 0) {
        return cli_fail(&err);
    }
    printf("%d work folder%s removed, %d run%s marked as interrupted\n", n.folders,
           n.folders == 1 ? "" : "s", n.runs, n.runs == 1 ? "" : "s");
    return CLI_SHIP;
}

const struct cli_verb *cmd_clean(void) {
    static const struct cli_verb verb = {
        .name = "clean",
        .operands = "",
        .summary = "remove what killed runs left behind",
        .about = "Ends machines and removes work folders whose owner is dead, and marks the runs of dead "
                 "orchestrators as interrupted; waits for workers that are still ending by themselves. "
                 "Living runs are not touched. 'coexist run' does the same before it starts.",
        .run = clean_run,
    };
    return &verb;
}
