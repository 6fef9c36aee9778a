#include "cli/outcome.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "analysis/analysis.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "reports/report.h"

static int outcome_columns(void) {
    struct winsize w;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col >= 60 ? w.ws_col : 100;
}

static int outcome_exit(enum decision d) {
    static const int codes[] = {CLI_SHIP, CLI_HOLD, CLI_NOT_KNOWN};
    return codes[d];
}

static int outcome_print(struct cli *cli, const struct analysis *a, struct journal *j,
                         const char *run_dir, enum outcome_form form,
                         struct err *err) {
    json_t *report = report_to_json(a, j, err);
    if (!report) {
        return -1;
    }
    if (form == OUTCOME_JSON) {
        json_dumpf(report, stdout, JSON_INDENT(2));
        putchar('\n');
    } else if (form == OUTCOME_TABLE) {
        CLEANUP_FREE char *text = report_to_text(report, outcome_columns(), cli->colour);
        CLEANUP_FREE char *full = fs_absolute(run_dir);
        printf("%s\nreport  %s/report.html\n        %s/report.json  %s/junit.xml\n", text, full, run_dir,
               run_dir);
    }
    json_decref(report);
    return 0;
}

int outcome_show(struct cli *cli, const char *run_dir, enum outcome_form form) {
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *artifacts = fs_join(run_dir, "artifacts");
    struct journal *j = journal_open(run_dir, 1, &err);
    struct analysis *a = j ? analysis_run(j, artifacts, &err) : NULL;
    int rc = a && report_write_all(a, j, run_dir, &err) == 0 &&
                     outcome_print(cli, a, j, run_dir, form, &err) == 0
                 ? outcome_exit(a->decision)
                 : cli_fail(&err);
    analysis_free(a);
    journal_close(j);
    return rc;
}
