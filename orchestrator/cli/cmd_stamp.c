/* coexist stamp: write the true digests into product and update files. */
#include <stdio.h>

#include "cli/cli.h"
#include "model/stamp.h"

static int stamp_run(struct cli *cli, const struct cli_args *args) {
    (void)cli;
    int rc = CLI_SHIP;
    for (int i = 0; i < args->operand_count; i++) {
        CLEANUP_ERR struct err err = ERR_INIT;
        struct diags diags = DIAGS_INIT;
        bool changed = false;
        if (model_stamp_file(args->operands[i], &changed, &diags, &err) < 0) {
            diags_print(&diags, stderr);
            int failed = cli_fail(&err);
            rc = rc == CLI_LAB_FAILED ? rc : failed;
        } else {
            printf("%s: %s\n", args->operands[i], changed ? "digests written" : "already right");
        }
        diags_free(&diags);
    }
    return rc;
}

const struct cli_verb *cmd_stamp(void) {
    static const struct cli_verb verb = {
        .name = "stamp",
        .operands = "FILE.json...",
        .min_operands = 1,
        .max_operands = -1,
        .summary = "write the SHA-256 of every named file into product and update files",
        .about = "For each product or update file, computes the SHA-256 of the files it names and "
                 "writes them into its sha256 members. Do this when you have built a new installer "
                 "or update and know that the files are the right ones; a run refuses files whose "
                 "digests do not match.",
        .run = stamp_run,
    };
    return &verb;
}
