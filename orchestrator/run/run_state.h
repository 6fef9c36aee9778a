/* A run in progress: shared by run.c and run_resume.c, by nobody else. */
#ifndef COEXIST_RUN_RUN_STATE_H
#define COEXIST_RUN_RUN_STATE_H

#include "images/image.h"
#include "journal/journal.h"
#include "run/past.h"
#include "run/run.h"

struct run {
    const struct run_opts *o;
    const struct model *model;
    const struct plan *plan;
    struct image **images; /* one for each of model->images */
    bool kvm;
    struct hosts hosts; /* where it runs */
    char *id, *dir, *program;
    int lock;        /* on the run's folder */
    int states_lock; /* on its folder of states */
    struct journal *journal;
    int64_t states_max; /* bytes that its states may take together */
    /* a resumed run */
    struct journal_run record;
    struct model *own_model;
    struct plan *own_plan;
    struct past past;
};

/* Images verified, accelerator and program known. */
int run_make_ready(struct run *r, struct err *err);
json_t *run_manifests(const struct run *r); /* new reference */
int run_confirm(const struct run *r); /* what sched_opts.confirm is */
/* Executes what is left and finishes the journal. */
int run_execute(struct run *r, struct run_result *out, struct err *err);
void run_clear(struct run *r);

#endif
