/* Many cells, a few at a time, each in a worker process of its own. The scheduler decides who runs,
 * writes what workers report into the journal (it is the only writer), tries again what failed
 * through no fault of a product, and survives anything a worker does. It knows workers only through
 * struct sched_ops, so the same code runs processes (run/spawn.c) and simulated workers
 * (tests/sim). One thread, one loop. */
#ifndef COEXIST_RUN_SCHEDULER_H
#define COEXIST_RUN_SCHEDULER_H

#include <sys/types.h>

#include "base/clock.h"
#include "base/log.h"
#include "journal/observation.h"
#include "model/failure.h"
#include "plan/plan.h"

enum { SCHED_JOBS_MAX = 64 };

enum sched_stop {
    SCHED_STOP_STEP, /* finish the current step, tear down (SIGTERM) */
    SCHED_STOP_NOW,  /* cut every wait, tear down (SIGHUP) */
    SCHED_STOP_KILL, /* SIGKILL: what the worker had is swept afterwards */
};

struct sched_exit { /* how a worker ended */
    int code;   /* exit code, -1 when it was killed by a signal */
    int signal; /* 0: none */
};

/* Slots are numbered 0 .. jobs-1; a slot is busy from spawn to reap. */
struct sched_ops {
    int (*spawn)(void *ctx, int slot, const struct plan_cell *cell, int attempt, struct err *err);
    /* Until something can be read, a worker ended, the user interrupted or the deadline passed;
     * early returns are fine. */
    int (*wait)(void *ctx, int64_t deadline, struct err *err);
    /* Bytes of a worker's report: > 0; 0 when it will send no more; -1 when nothing is there
     * now. */
    ssize_t (*read)(void *ctx, int slot, char *buf, size_t len);
    void (*stop)(void *ctx, int slot, enum sched_stop how);
    /* Takes a worker that sends no more; bounded, kills it when it does not end. */
    void (*reap)(void *ctx, int slot, struct sched_exit *out);
    /* Removes what a worker could not remove itself. Called after reap. */
    void (*sweep)(void *ctx);
    /* May one more such cell run? 0: no, with the reason for people. */
    int (*room)(void *ctx, const struct plan_cell *cell, char why[200]);
    /* How often the user asked to stop so far. */
    int (*interrupts)(void *ctx);
    /* Keeps an observation (journal_append). A failure ends the run. */
    int (*record)(void *ctx, const struct observation *o, struct err *err);
};

struct sched_counts {
    size_t cells, done, failed, running; /* failed: through the lab's fault, after all attempts */
    int64_t eta_ms; /* until the end, -1 while there is nothing to go by */
};

/* For people to look at; each may be NULL. Called from the scheduler's thread, must not block. */
struct sched_progress {
    void (*cell_started)(void *ctx, const struct plan_cell *cell, int attempt,
                         const struct sched_counts *n);
    void (*step_started)(void *ctx, const struct plan_cell *cell, int step,
                         const struct sched_counts *n);
    /* outcome: "ok", the first failure's class, "stopped" or "again: <class>". */
    void (*cell_finished)(void *ctx, const struct plan_cell *cell, const char *outcome,
                          const struct sched_counts *n);
    void (*waiting)(void *ctx, const char *why); /* no room on this host for one more */
    void *ctx;
};

struct sched_limits { /* nanoseconds */
    int64_t heartbeat; /* silence that makes a worker count as lost */
    int64_t cell;      /* longest life of one cell */
    int64_t grace;     /* from "now" to being killed */
    int64_t room;      /* how long to wait for room while nothing runs */
    int attempts;      /* how often a cell is tried when the lab itself fails */
};
void sched_limits_default(struct sched_limits *l);

struct sched_opts { /* borrowed during sched_run */
    const struct plan *plan;
    int jobs; /* 1 .. SCHED_JOBS_MAX */
    struct clock *clock;
    struct log *log;
    const struct sched_ops *ops;
    void *ops_ctx;
    struct sched_progress progress;
    struct sched_limits limits;
};

struct sched_result {
    size_t done;      /* cells that came to their end */
    size_t failed;    /* cells the lab failed on, after all attempts */
    bool interrupted; /* the user stopped it */
};

/* Runs every cell of the plan. Negative with err when the journal could not be written or the host
 * cannot run anything; all workers have ended then, too. */
int sched_run(const struct sched_opts *opts, struct sched_result *out, struct err *err);

#endif
