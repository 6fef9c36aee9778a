/* Rendering. Decides nothing: everything shown is in the analysis. */
#ifndef COEXIST_REPORTS_REPORT_H
#define COEXIST_REPORTS_REPORT_H

#include "analysis/analysis.h"

/* report.json as described by reports/schema/report.schema.json; also holds all that the other renderers show.
 * New reference. run_dir: for reading small artifacts (screenshots) to embed. */
json_t *report_to_json(const struct analysis *a, struct journal *j, struct err *err);
/* A page that needs nothing but itself. Every text that came from a guest or an input file is escaped.
 * Caller frees. */
char *report_to_html(const json_t *report, const char *artifact_dir, struct err *err);
/* JUnit XML that passes both schemas in common use (Jenkins xunit, windyroad). Caller frees. */
char *report_to_junit(const json_t *report, struct err *err);
/* The summary table for a terminal, `columns` wide, with colour when asked. Caller frees. */
char *report_to_text(const json_t *report, int columns, bool colour);
/* Writes report.json, report.html, junit.xml into run_dir, atomically. */
int report_write_all(const struct analysis *a, struct journal *j, const char *run_dir, struct err *err);

#endif
