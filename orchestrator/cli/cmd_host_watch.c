/* coexist host-watch: the process that looks after one host; started by 'coexist run', not by people. */
#include "cli/cli.h"
#include "run/host_watch.h"

static int host_watch_run(struct cli *cli, const struct cli_args *args) {
    return host_watch_main(args->operands[0], args->operands[1], cli->lab_dir, &cli->log);
}

const struct cli_verb *cmd_host_watch(void) {
    static const struct cli_verb verb = {
        .name = "host-watch",
        .operands = "HOST IMAGES",
        .min_operands = 2,
        .max_operands = 2,
        .summary = "look after one host and report it on descriptor 3",
        .about = "Started by 'coexist run', one process a host, so that a connection that hangs takes nothing "
                 "else down.",
        .hidden = true,
        .run = host_watch_run,
    };
    return &verb;
}
