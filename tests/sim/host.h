/* A host with simulated workers on a virtual clock, for the scheduler: every way a worker can end. */
#ifndef COEXIST_TESTS_SIM_HOST_H
#define COEXIST_TESTS_SIM_HOST_H

#include "model/model.h"
#include "plan/confirm.h"
#include "run/scheduler.h"

enum behaviour {
    WORKS,
    PRODUCT_FAILS,   /* a failure of a product that proves itself: never tried again */
    HANGS,           /* one that does not */
    HANGS_ONCE,      /* the same in the planned run only */
    LAB_FAILS_ONCE,  /* vm-died at the first attempt */
    LAB_FAILS,       /* vm-died always */
    CRASHES_ONCE,    /* SIGSEGV in mid-cell at the first attempt */
    CRASHES,
    KILLED_ONCE,     /* SIGKILL that was not ours, as when the host's memory runs out */
    TOLD_ONCE,       /* SIGTERM that was not ours: it finishes its step and takes leave */
    LEAVES,          /* exits without its last word */
    GOES_SILENT,     /* no line, no heartbeat, no end */
    TALKS_NONSENSE,
    NEVER_ENDS_LINE,
    LIES,            /* reports about a cell that is not its own */
    CANNOT_START,
    RUNS_FOR_EVER,   /* with heartbeats */
    BEHAVIOUR_COUNT
};

struct said {
    int64_t at;
    char *text;
};

struct worker {
    bool busy, killed, stubborn;
    const struct plan_cell *cell;
    int attempt;
    struct said *script;
    size_t count, cap, next;
    int64_t end_at; /* CLOCK_NEVER: it never ends by itself */
    struct sched_exit exit;
};

struct host {
    struct clock_virtual clock;
    struct plan plan;
    struct plan_step steps[3];
    enum behaviour *behaviour; /* by cell */
    struct worker workers[SCHED_JOBS_MAX];
    int running, most, jobs;
    int asked; /* slots told of since the last wait */
    int spawned, swept, reaped, killed;
    int room;           /* workers this host has room for */
    int64_t interrupt_at[3];
    bool stubborn;      /* workers ignore being asked to stop */
    size_t recorded, record_fails_at; /* 0: never */
    int64_t *last_seq;  /* by cell, of its last attempt */
    char said[200];     /* class and text of the last failure */
    int *last_attempt, *failures, *ends, *completes;
    int *run;           /* by cell: the confirmation being recorded, 0: the planned run */
    int confirm;        /* sched_opts.confirm */
    int64_t bad_order;
    int finished_calls;
    bool eta_seen;
};

struct host *host_new(size_t cells, int jobs); /* all cells work */
void host_free(struct host *h);
/* Runs all cells and checks what must hold whatever happens: no worker stays, none is one too many, observations come
 * in order. */
int host_run(struct host *h, struct sched_result *res, struct err *err);

#endif
