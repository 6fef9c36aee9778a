/* coexist clean: remove what dead runs left behind. */
#include <stdio.h>

#include "cli/cli.h"
#include "run/states.h"
#include "run/sweep.h"

static const struct cli_option options[] = {
    {"states", NULL, "also the kept states of interrupted runs: resuming these begins their cells anew"},
    {NULL, NULL, NULL},
};

static int clean_run(struct cli *cli, const struct cli_args *args) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct sweep_counts n = {0};
    struct states_counts states = {0};
    bool all = cli_value(cmd_clean(), args, "states") != NULL;
    if (sweep_all(cli->lab_dir, cli->runs_dir, &cli->log, &n, &err) < 0 ||
        states_sweep(cli->lab_dir, all, &cli->log, &states, &err) < 0) {
        return cli_fail(&err);
    }
    printf("%d work folder%s removed, %d run%s marked as interrupted, states of %d run%s removed\n",
           n.folders, n.folders == 1 ? "" : "s", n.runs, n.runs == 1 ? "" : "s", states.removed,
           states.removed == 1 ? "" : "s");
    if (states.kept > 0) {
        printf("states of %d interrupted run%s kept for 'coexist run --resume', %lld MiB; "
               "'coexist clean --states' removes them\n",
               states.kept, states.kept == 1 ? "" : "s", (long long)(states.kept_bytes >> 20));
    }
    return CLI_SHIP;
}

const struct cli_verb *cmd_clean(void) {
    static const struct cli_verb verb = {
        .name = "clean",
        .operands = "",
        .summary = "remove what killed runs left behind",
        .about = "Ends machines and removes work folders whose owner is dead, and marks the runs of dead "
                 "orchestrators as interrupted; waits for workers that are still ending by themselves. "
                 "Removes the kept states of runs that are finished or gone; those of interrupted runs stay, "
                 "so that they can be resumed, and are told of. Living runs are not touched. 'coexist run' "
                 "does the same before it starts.",
        .options = options,
        .run = clean_run,
    };
    return &verb;
}
