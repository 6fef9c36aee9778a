/* A run from its model to its journal, and on from where it was interrupted. */
#ifndef COEXIST_RUN_RUN_H
#define COEXIST_RUN_RUN_H

#include "run/hosts.h"
#include "run/scheduler.h"

/* Called when nothing is left to run: ids of runs to make besides (plan/minimize.h), NULL-terminated, freed by the
 * caller; none: the run is finished. The journal in run_dir holds all that was observed. NULL with err. */
typedef char **run_wanted(void *ctx, const char *run_dir, struct err *err);

struct run_opts { /* borrowed during the call */
    const struct model *model; /* run_start only: a resumed run has its own in the journal */
    const struct plan *plan;
    const char *lab_dir, *runs_dir;
    const char *program; /* the coexist binary; NULL: this process's own */
    const char *version; /* of coexist */
    const struct hosts *hosts; /* NULL: this machine alone, without a daemon */
    int jobs;            /* cells at a time; 0: 2; without hosts only */
    bool no_sharing;     /* every cell executes all of its steps itself */
    bool confirm_given;  /* `confirm` instead of the matrix' (also a resumed run's, which has it in its journal) */
    int confirm;         /* runs more of a cell that a product failed in: 0 .. CONFIRM_MAX */
    bool minimize_given; /* a finished run is taken up again, to be minimised */
    run_wanted *wanted;  /* NULL: nothing beyond the plan and confirmations */
    int64_t state_budget; /* bytes that kept states may take together; 0: half of the free disk, at most
                             RUN_STATE_BUDGET */
    int64_t checkpoint;  /* ns without a state after which a cell keeps one for itself; 0: only when interrupted */
    struct log *log;
    struct sched_progress progress;
    /* Called once the run has a folder and before any VM starts; may be NULL. plan: what is executed. done:
     * cells that need nothing more. */
    void (*started)(void *ctx, const char *run_id, const char *run_dir, const struct plan *plan,
                    size_t done);
    void *ctx;
};
#define RUN_STATE_BUDGET (INT64_C(128) << 30)

struct run_result {
    char *id, *dir; /* owned: run_result_clear */
    bool was_finished; /* run_resume: there was nothing left to do */
    struct sched_result cells;
};
void run_result_clear(struct run_result *r);

/* Sweeps what dead runs left, verifies every image by digest, makes runs/<id>/ with its journal,
 * runs all cells, finishes the journal ("finished" or "interrupted"). Negative with err when
 * nothing could be started (ERR_INPUT: an image is missing or wrong) or the run broke; out->id then
 * tells whether there is a journal to look at. The states that cells went on from are removed unless
 * the run was interrupted. */
int run_start(const struct run_opts *opts, struct run_result *out, struct err *err);

/* Goes on with an interrupted run (its id or its folder): finished cells stay as they are, each other one goes on
 * from the deepest state that still exists. Attempts that were only interrupted use up no retry. The plan is
 * made anew from the journal and must come out the same, images and files must have the digests they had.
 * ERR_INPUT: no such run, it is still running, its journal is damaged or of an older format, something
 * changed; nothing was started or changed then. */
int run_resume(const struct run_opts *opts, const char *run, struct run_result *out, struct err *err);

#endif
