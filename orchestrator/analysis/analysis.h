/* From the journal to verdicts, blame and decision. Pure: reads observations, touches no VM and no clock; the
 * same journal always gives the same result. */
#ifndef COEXIST_ANALYSIS_ANALYSIS_H
#define COEXIST_ANALYSIS_ANALYSIS_H

#include "journal/journal.h"
#include "model/failure.h"
#include "model/model.h"

struct analysis_blame { /* each NULL when not known; owned */
    char *product;  /* product id */
    char *vendor;
    char *update;   /* update id */
    char *module;   /* file name of the driver or program at fault */
    char *with;     /* interaction: ids of the other products, "+"-joined */
    char *reason;   /* how we know, for people */
    double confidence; /* 0..1 */
};

struct analysis_metric { /* one metric of one cell, before against after */
    char *name, *unit, *source;
    char *process;      /* NULL: the system's */
    double *before, *after; /* samples, reference-corrected for timed workloads */
    size_t before_count, after_count;
    double before_median, after_median; /* NAN without samples */
    double change_percent;    /* positive: worse */
    double change_low, change_high; /* confidence interval of change_percent at `confidence` */
    double confidence;
    double p_value;           /* one-sided, after worse than before; NAN when too few samples */
    bool regression;          /* a gate says this is too much */
};

struct analysis_cell {
    char *id;
    bool complete;            /* it ran to its end */
    int attempts;
    enum verdict verdict;
    enum failure_class failure;
    struct analysis_blame blame;
    char *summary;            /* one sentence */
    char **evidence;          /* "step 7 apply: ...", NULL-terminated, in order */
    int boots;                /* crashes in a row, boot loops */
    struct analysis_metric *metrics;
    size_t metric_count;
};

struct analysis_update {
    char *id;
    enum decision decision;
    char **reasons; /* NULL-terminated */
    size_t cells_run, cells_planned;
};

struct analysis {
    struct journal_run run;
    struct model *model; /* from run.matrix */
    struct analysis_cell *cells; /* in plan order */
    size_t cell_count;
    struct analysis_update *updates;
    size_t update_count;
    enum decision decision;
    char **reasons; /* NULL-terminated */
};

/* artifact_dir: where minidumps lie (runs/<id>/artifacts). */
struct analysis *analysis_run(struct journal *j, const char *artifact_dir, struct err *err);
void analysis_free(struct analysis *a);

#endif
