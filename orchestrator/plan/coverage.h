/* Cells that cover combinations of factors: the rows of a matrix' "coverage", and how much of what was asked for the
 * cells with a verdict hold. Pure. */
#ifndef COEXIST_PLAN_COVERAGE_H
#define COEXIST_PLAN_COVERAGE_H

#include "plan/plan.h"

enum { COVERAGE_NAMED = 50 }; /* tuples named in plans and reports; the others are only counted */

struct plan_coverage {
    const struct model_coverage *asked; /* borrowed from the model */
    int factor_count;
    int *rows; /* row_count x factor_count values, as in model_coverage; each once, seeds first */
    size_t row_count;
    uint64_t impossible_count; /* tuples asked for that the constraints exclude */
    char **impossible;         /* the first of them, "update=alder-2, alder=absent"; NULL-terminated */
};

/* Rows that hold every possible tuple asked for. NULL with a complaint where that is too large. */
struct plan_coverage *coverage_generate(const struct model *m, struct diags *diags);
/* "coverage" of a plan as JSON, and back; NULL when that does not fit the model. */
json_t *coverage_to_json(const struct plan_coverage *c); /* new reference */
struct plan_coverage *coverage_from_json(const struct model *m, const json_t *kept);
void coverage_free_rows(struct plan_coverage *c);

/* The plan's cells from its coverage: a cell for each row and repetition, row by row. -1 with a complaint where these
 * are too many. */
int coverage_add_cells(struct plan *p, struct diags *diags);

/* How much is covered. A tuple counts as asked for when it is in a row of the plan: by construction these are all that
 * the constraints allow. */
struct coverage_tally {
    uint64_t asked, covered;
    char **uncovered; /* the first COVERAGE_NAMED, NULL-terminated; owned */
};
enum coverage_shown { /* what a cell has shown; the better of two repetitions counts */
    COVERAGE_NOTHING,       /* no verdict */
    COVERAGE_BEFORE_UPDATE, /* a verdict, but the update was never applied: tuples without the update */
    COVERAGE_WHOLE,
};
/* shown: for each cell of the plan. The plan has a coverage. */
void coverage_tally(const struct plan *p, const enum coverage_shown *shown,
                    struct coverage_tally *out);
void coverage_tally_clear(struct coverage_tally *t);

/* For people: "2", or "all". Static. */
const char *coverage_strength_name(const struct plan_coverage *c);

#endif
