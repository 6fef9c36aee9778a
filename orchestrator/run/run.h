/* A run from its model to its journal. */
#ifndef COEXIST_RUN_RUN_H
#define COEXIST_RUN_RUN_H

#include "run/scheduler.h"

struct run_opts { /* borrowed during run_start */
    const struct model *model;
    const struct plan *plan;
    const char *lab_dir, *runs_dir;
    const char *program; /* the coexist binary; NULL: this process's own */
    const char *version; /* of coexist */
    int jobs;            /* cells at a time; 0: 2 */
    struct log *log;
    struct sched_progress progress;
    /* Called once the run has a folder and before any VM starts; may be NULL. */
    void (*started)(void *ctx, const char *run_id, const char *run_dir);
    void *ctx;
};

struct run_result {
    char *id, *dir; /* owned: run_result_clear */
    struct sched_result cells;
};
void run_result_clear(struct run_result *r);

/* Sweeps what dead runs left, verifies every image by digest, makes runs/<id>/ with its journal,
 * runs all cells, finishes the journal ("finished" or "interrupted"). Negative with err when
 * nothing could be started (ERR_INPUT: an image is missing or wrong) or the run broke; out->id then
 * tells whether there is a journal to look at. */
int run_start(const struct run_opts *opts, struct run_result *out, struct err *err);

#endif
