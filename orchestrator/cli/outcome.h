/* From a run's journal to reports, a summary and an exit code; what 'run' ends with and 'report' is. */
#ifndef COEXIST_CLI_OUTCOME_H
#define COEXIST_CLI_OUTCOME_H

#include "cli/cli.h"

enum outcome_form { /* what goes to standard output */
    OUTCOME_TABLE, /* a summary for people */
    OUTCOME_JSON,  /* report.json */
    OUTCOME_QUIET, /* nothing */
};

/* Writes all reports into run_dir, prints the summary in that form, returns an enum cli_exit. */
int outcome_show(struct cli *cli, const char *run_dir, enum outcome_form form);

#endif
