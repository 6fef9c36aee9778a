/* coexist report: render a run again, from its journal alone. */
#include "base/cleanup.h"
#include "base/fs.h"
#include "cli/cli.h"
#include "cli/outcome.h"

static const struct cli_option options[] = {
    {"json", NULL, "print report.json on standard output instead of the table"},
    {NULL, NULL, NULL},
};

static int report_run(struct cli *cli, const struct cli_args *args) {
    const char *run = args->operands[0];
    CLEANUP_FREE char *named = fs_join(cli->runs_dir, run);
    CLEANUP_FREE char *journal = fs_join(named, "journal.sqlite");
    return outcome_show(cli, fs_exists(journal) ? named : run,
                        cli_value(cmd_report(), args, "json") ? OUTCOME_JSON : OUTCOME_TABLE);
}

const struct cli_verb *cmd_report(void) {
    static const struct cli_verb verb = {
        .name = "report",
        .operands = "RUN",
        .min_operands = 1,
        .max_operands = 1,
        .summary = "render a run's reports again, from its journal alone",
        .about = "RUN is a run's id or its folder. Reads the journal, decides again, writes "
                 "report.json, report.html and junit.xml into the run's folder and prints the "
                 "summary. Needs no machine. Exits by the gate as 'coexist run' does.",
        .options = options,
        .run = report_run,
    };
    return &verb;
}
