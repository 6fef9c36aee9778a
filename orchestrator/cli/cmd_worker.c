/* coexist worker: the process that runs one cell; started by 'coexist run', not by people. */
#include "cli/cli.h"
#include "run/worker.h"

static int worker_run(struct cli *cli, const struct cli_args *args) {
    long attempt = 0;
    if (cli_number("attempt", args->operands[2], 1, 1000, &attempt) < 0) {
        return CLI_BAD_INPUT;
    }
    return worker_main(args->operands[0], args->operands[1], (int)attempt, args->operands[3],
                       cli->lab_dir, &cli->log);
}

const struct cli_verb *cmd_worker(void) {
    static const struct cli_verb verb = {
        .name = "worker",
        .operands = "RUN_DIR CELL ATTEMPT JOB",
        .min_operands = 4,
        .max_operands = 4,
        .summary = "run one cell and report it on descriptor 3",
        .about = "Started by 'coexist run', one process a cell, so that nothing a cell does takes the "
                 "run down.",
        .hidden = true,
        .run = worker_run,
    };
    return &verb;
}
