/* What a run does beyond its plan: it asks what is wanted, runs that, asks again, until nothing is. All of it is in the
 * journal, so a run that was killed on the way asks the same again and goes on. */
#ifndef COEXIST_RUN_ROUNDS_H
#define COEXIST_RUN_ROUNDS_H

#include "journal/journal.h"
#include "run/scheduler.h"

struct rounds {
    const struct model *model;
    struct journal *journal;
    int attempts_max; /* as in sched_limits */
    /* Ids of runs to make (plan/minimize.h), NULL-terminated, freed here; none: enough. NULL with err. */
    char **(*wanted)(void *ctx, struct err *err);
    /* Runs the cells of the plan; so_far: what the run came to before. past: one for each of them. */
    int (*schedule)(void *ctx, const struct plan *plan, const struct sched_past *past,
                    const struct sched_result *so_far, struct sched_result *out, struct err *err);
    void *ctx;
};

/* Adds to *total, which holds what the plan itself came to. Ends when nothing more is wanted, when interrupted, or
 * when what is wanted was all run before (whoever asks is wrong then: it is told as ERR_BUG). */
int rounds_run(const struct rounds *r, struct sched_result *total, struct err *err);

#endif
