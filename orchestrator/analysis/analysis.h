/* From the journal to verdicts, blame and decision. Pure: reads observations, touches no VM and no clock; the
 * same journal always gives the same result. How it decides is written in METHOD.md in this folder. */
#ifndef COEXIST_ANALYSIS_ANALYSIS_H
#define COEXIST_ANALYSIS_ANALYSIS_H

#include "journal/journal.h"
#include "model/failure.h"
#include "model/model.h"
#include "plan/coverage.h"

struct analysis_blame { /* each NULL when not known; owned */
    char *product;  /* product id */
    char *vendor;
    char *update;   /* update id */
    char *module;   /* file name of the driver or program at fault */
    char *with;     /* interaction: ids of the other products, "+"-joined */
    char *reason;   /* how we know, for people */
    double confidence; /* 0..1; 0 when nobody is blamed */
};

struct analysis_metric { /* one metric of one cell, before against after; higher is worse for all of them */
    char *name, *unit, *source;
    char *process;      /* NULL: the system's */
    char *product;      /* id of the product it belongs to; NULL: none in particular */
    double *before, *after; /* samples, reference-corrected for timed workloads */
    size_t before_count, after_count;
    double before_median, after_median; /* NAN without samples */
    double change_percent;    /* positive: worse; NAN when a side has no sample */
    double change_low, change_high; /* one-sided bounds of change_percent, each at `confidence` */
    double confidence;        /* what the bounds really reach with so many samples */
    double p_value;           /* one-sided, after worse than before; NAN when too few samples */
    double p_adjusted;        /* the same after Holm over the gated metrics of the cell; NAN when not in that family */
    double session_percent;   /* allowance for differences between two boots that no sample within a boot shows */
    size_t set_aside;         /* samples shown but left out of the test as spikes of the host */
    bool corrected;           /* divided by the reference loop */
    size_t starved;           /* samples taken while the host had no processor for the VM, for want of better ones */
    bool regression;          /* a gate says this is too much */
    bool doubtful;            /* a gate would say so, but with starved samples nothing is decided */
    char *gate;               /* id of the gate that says so, or NULL */
    char *note;               /* why it is (or, though it looks like one, is not) a regression; may be NULL */
};

struct analysis_artifact {
    char *role, *name, *sha256; /* never NULL */
    char *phase;                /* "before" or "after" */
    int64_t bytes;
    size_t moment;              /* index of its line among the moments */
};

struct analysis_drill { /* a way back that was tried after the boot had failed */
    char *what; /* "repair", "rollback", "safe-mode", "safe-mode-rollback" (journal/observation.h) */
    char *text;
    bool ok;
    int64_t ms; /* until the machine answered again, was healthy again */
};

struct analysis_step { /* the timeline of the attempt the verdict rests on */
    char *kind, *phase; /* never NULL */
    char *skipped;      /* reason, or NULL */
    int64_t begin_ms;   /* since the cell began */
    int64_t ms;         /* -1: did not end */
    bool ok;
};

struct analysis_moment { /* anything that has a time: one line of the whole course of a cell */
    int64_t at_ms;       /* since the cell began */
    const char *type;    /* "step", "event", "failure", "check", "artifact", "screen", "log", "note". Static storage */
    char *text;          /* never NULL */
};

struct analysis_cell {
    char *id;
    const struct plan_cell *plan; /* borrowed from analysis.plan, which has the runs that confirm a failure, too */
    bool run;                 /* it was begun at least once */
    bool complete;            /* it ran to its end */
    int attempts;             /* begun; those that were only interrupted do not count */
    char *host;               /* where its last attempt ran; NULL: not told (a journal of an older version) */
    char **earlier;           /* "attempt 1: host-resources: ...": why it was tried again; NULL-terminated */
    enum verdict verdict;     /* VERDICT_INCONCLUSIVE when it did not run */
    enum failure_class failure;
    bool failed_before;       /* the failure came before the update */
    bool by_order;            /* interaction: the same products pass when they are installed in another order */
    struct analysis_blame blame;
    char *summary;            /* one sentence */
    char *detail;             /* what the cell itself said about the failure; NULL when nothing */
    char **evidence;          /* "step 7 apply: ...", NULL-terminated, in order */
    int boots;                /* crashes in a row, boot loops */
    size_t repetitions, repetitions_failed; /* of this combination: runs that tell, and of these the failed ones */
    struct analysis_metric *metrics;
    size_t metric_count;
    struct analysis_artifact *artifacts;
    size_t artifact_count;
    struct analysis_step *steps;
    size_t step_count;
    struct analysis_moment *moments; /* in the order in which they were observed */
    size_t moment_count;
    struct analysis_drill *drills;
    size_t drill_count;
};

struct analysis_tally { /* runs of one combination */
    size_t failed, trials; /* trials: runs that tell; failed: of these, with the failure at hand */
    size_t unclear;        /* minimisation runs that tell nothing: the lab failed, or nobody knows */
};

struct analysis_control { /* the same with one thing less */
    char *without; /* product id; NULL: the update */
    struct analysis_tally seen;
};

enum minimal_state {
    MINIMAL_OPEN,           /* more runs are needed */
    MINIMAL_FOUND,          /* `products` fail together; no product of them can be left out */
    MINIMAL_NOT_REPRODUCED, /* the failure did not come again */
    MINIMAL_STATE_COUNT
};
const char *minimal_state_name(enum minimal_state s); /* "open", "found", "not-reproduced" */

struct analysis_minimal { /* a failing set of products, shrunk (analysis/minimize.h) */
    enum minimal_state state;
    char *cell;   /* the cell it began with: planned, or the confirmation of one */
    char *image;
    char *update; /* NULL: it fails before any update */
    enum failure_class failure;
    bool measured;   /* found by a gate over measurements */
    char **products; /* in install order: the smallest set that failed, so far; NULL-terminated */
    struct analysis_tally seen;
    struct analysis_control *controls;
    size_t control_count;
    struct analysis_tally other_orders; /* the same products and update, installed in another order */
    double confidence; /* that the set fails more often than each of its controls; 0: a control was not run */
    bool cut;     /* the budget ended before all of this was certain */
    char *text;   /* one sentence */
};

struct analysis_update {
    char *id;
    enum decision decision;
    char **reasons; /* NULL-terminated */
    size_t cells_run, cells_planned;
    size_t cells_verdict;  /* came to a verdict about the update: exposures */
    size_t cells_failed;   /* of those, failed because of it */
    double failure_upper;  /* 95 % upper bound of the failure rate that so many exposures allow */
};

struct analysis {
    struct journal_run run;
    struct model *model; /* from run.matrix */
    struct plan *plan;   /* from the model */
    struct analysis_cell *cells; /* in plan order */
    size_t cell_count;
    struct analysis_update *updates;
    size_t update_count;
    enum decision decision;
    char **reasons; /* NULL-terminated */
    struct coverage_tally covered; /* with plan->coverage only */
    bool minimizes;              /* failing sets are shrunk: the matrix asks for it, or such runs were made */
    int minimize_budget;
    size_t minimize_runs;        /* such runs begun so far */
    struct analysis_minimal *minimal;
    size_t minimal_count;
    char **wanted;               /* ids of the minimisation runs to make next (plan/minimize.h); NULL-terminated */
};

/* Whether the cell says something about products: it ran, and the lab did not fail. */
bool analysis_came_to_verdict(const struct analysis_cell *c);

/* artifact_dir: where minidumps lie (runs/<id>/artifacts). */
struct analysis *analysis_run(struct journal *j, const char *artifact_dir, struct err *err);
/* The same with another budget for minimisation runs than the journal's matrix has; negative: with that one. */
struct analysis *analysis_run_minimize(struct journal *j, const char *artifact_dir, int budget, struct err *err);
void analysis_free(struct analysis *a);

#endif
