/* From a run's journal to reports, a summary and an exit code; what 'run' ends with and 'report' is. */
#ifndef COEXIST_CLI_OUTCOME_H
#define COEXIST_CLI_OUTCOME_H

#include "cli/cli.h"

/* Writes all reports into run_dir, prints the summary (or report.json), returns an enum cli_exit. */
int outcome_show(struct cli *cli, const char *run_dir, bool as_json);

#endif
