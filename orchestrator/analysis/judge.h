/* Between facts and report: what each cell came to, seen against the others of the run. The order of work is
 * judge_outcomes (each cell by itself), slower_find (metrics), attribution (each cell against its controls), gates. */
#ifndef COEXIST_ANALYSIS_JUDGE_H
#define COEXIST_ANALYSIS_JUDGE_H

#include "analysis/crash.h"
#include "analysis/facts.h"
#include "analysis/slower.h"
#include "analysis/witness.h"

/* What one cell shows by itself, before it is compared with others. */
enum outcome {
    OUTCOME_NOT_RUN, /* no observation at all */
    OUTCOME_LAB,     /* the lab or the image failed first */
    OUTCOME_OPEN,    /* did not run to its end, or something unknown went wrong */
    OUTCOME_BEFORE,  /* products failed before the update (or, in a control cell, at any time) */
    OUTCOME_AFTER,   /* products failed after the update was begun, or a gate found it slower */
    OUTCOME_PASS
};

struct judged {
    const struct plan_cell *plan;
    const struct cell_facts *facts;
    char *set;                          /* slower_set_name: whatever the install order */
    enum outcome outcome;
    enum failure_class cls;             /* FAILURE_NONE unless BEFORE, AFTER, LAB or OPEN with a failure */
    const struct fact_failure *primary; /* NULL for slower */
    const struct analysis_metric *worst; /* slower: the regression with the largest lower bound;
                                            OPEN: the doubtful one */
    struct crash crash;
    struct witness witness;
    /* Cells of the same combination and order that came to a verdict, or to something wrong that is not known; of
     * these, the failed ones, of these those of this cell's own class, and those that were run to confirm a failure. */
    size_t repetitions, failed, alike, confirms;
};

struct judgement {
    const struct model *model;
    struct judged *cells; /* in plan order */
    size_t count;
    struct analysis_minimal *minimal; /* analysis/minimize.h; owned */
    size_t minimal_count;
};

void judge_outcomes(struct judgement *j, const struct facts *facts, const char *artifact_dir);
/* Takes in what slower_find flagged: a cell that passed otherwise has failed by it. Then counts repetitions. */
void judge_slower(struct judgement *j, const struct slower_cell *slow);
void judge_clear(struct judgement *j);

/* Failures of the same family can have the same cause: a crash alone and a boot loop in a pair, say. */
/* Image, update, and products in the order of their installation are the same: one repeats the other. */
bool judge_same_combination(const struct plan_cell *a, const struct plan_cell *b);
bool judge_same_family(const struct judged *a, const struct judged *b);
bool judge_is_crash(enum failure_class cls);
bool judge_is_performance(enum failure_class cls);
/* Found by comparing measurements, so it hides nothing: what ran away beyond all bounds takes the rest down with it. */
bool judge_is_measured(const struct judged *c);

/* attribution.c: verdict, class and blame of one cell. */
void attribution_decide(const struct judgement *j, size_t at, struct analysis_cell *out);
/* summary.c: one sentence for people, from everything decided. Caller frees. */
char *summary_make(const struct judged *c, const struct analysis_cell *cell);
/* What the cell said about the failure, as a sentence; NULL when it said nothing. Caller frees. */
char *summary_detail(const struct judged *c);

#endif
