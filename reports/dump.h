/* Rendering of crash dumps for `coexist dump`. Decides nothing: the dump's facts and the blame are handed in. */
#ifndef COEXIST_REPORTS_DUMP_H
#define COEXIST_REPORTS_DUMP_H

#include <jansson.h>

#include "analysis/dump_blame.h"
#include "base/str.h"
#include "model/products.h"

struct dump_report {
    const char *file;
    const char *error; /* NULL: it was read; else why not, and the rest is NULL */
    const struct dump *dump;
    const struct dump_blame *blame;
    const struct products *products;
};

/* One element of "dumps" of reports/schema/dump.schema.json. New reference. */
json_t *dump_report_json(const struct dump_report *r);
/* For a person: what happened, who is to blame and why, stack, modules. */
void dump_report_text(const struct dump_report *r, struct str *out);
/* "2021-09-14T02:51:58.146709Z" from microseconds since 1970; NULL for 0. Caller frees. */
char *dump_report_time(int64_t us);
/* Words on the stack that point into modules are shown up to so many. */
#define DUMP_REPORT_STACK 64

#endif
