/* coexist host-look: one look at a host; started by 'coexist doctor', not by people. */
#include "cli/cli.h"
#include "run/host_look.h"

static int host_look_run(struct cli *cli, const struct cli_args *args) {
    return host_look_main(args->operands[0], cli->lab_dir, &cli->log);
}

const struct cli_verb *cmd_host_look(void) {
    static const struct cli_verb verb = {
        .name = "host-look",
        .operands = "HOST",
        .min_operands = 1,
        .max_operands = 1,
        .summary = "look at one host and print what is there",
        .about = "Started by 'coexist doctor --host', so that a host that does not answer can be given up.",
        .hidden = true,
        .run = host_look_run,
    };
    return &verb;
}
