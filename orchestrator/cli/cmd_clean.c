/* coexist clean: remove what dead runs left behind. */
#include <stdio.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "run/host_look.h"
#include "run/ready.h"
#include "run/states.h"
#include "run/sweep.h"

static const struct cli_option options[] = {
    {"host", "URI", "also what dead workers left there (as for 'coexist run'); may be given several times"},
    {"hosts", "FILE", "also on the hosts of this JSON file"},
    {"states", NULL, "also the kept states of interrupted runs: resuming these begins their cells anew"},
    {NULL, NULL, NULL},
};

/* Every host is tried; the first that fails is told of. */
static int clean_hosts(struct cli *cli, const struct cli_args *args, struct err *err) {
    CLEANUP(hosts_clear) struct hosts hosts = {NULL, 0};
    int rc = 0;
    if (cli_hosts(cmd_clean(), args, &hosts) < 0) {
        return err_set(err, ERR_INPUT, "the hosts have errors");
    }
    for (size_t i = 0; i < hosts.count; i++) {
        CLEANUP_ERR struct err why = ERR_INIT;
        if (hosts.items[i].uri.way != HOST_EMBED && host_clean(&hosts.items[i], cli->lab_dir, &why) < 0) {
            log_warn(&cli->log, "%s", err_text(&why));
            if (rc == 0) {
                err_move(err, &why);
            }
            rc = -1;
        }
    }
    return rc;
}

static int clean_run(struct cli *cli, const struct cli_args *args) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct sweep_counts n = {0};
    struct states_counts states = {0};
    bool all = cli_value(cmd_clean(), args, "states") != NULL;
    if (sweep_all(cli->lab_dir, cli->runs_dir, &cli->log, &n, &err) < 0 ||
        states_sweep(cli->lab_dir, all, &cli->log, &states, &err) < 0 || ready_sweep(cli->lab_dir, &err) < 0) {
        return cli_fail(&err);
    }
    if (clean_hosts(cli, args, &err) < 0) {
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
                 "does the same before it starts. Also removes what a killed 'coexist image ready' left.",
        .options = options,
        .repeats = "host",
        .run = clean_run,
    };
    return &verb;
}
