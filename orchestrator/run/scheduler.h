/* Many cells, a few at a time, each in a worker process of its own. The scheduler decides who runs
 * where, writes what workers report into the journal (it is the only writer), tries again what
 * failed through no fault of a product, runs again what failed through one (run/repeat.h: as a further
 * repetition, one after the other), and survives anything a worker or a host does.
 *
 * With sharing, cells that begin alike share the beginning: the first one to go a way keeps a state
 * where the plan's tree branches and goes on, the others wait for it and begin there. A state is
 * kept within the budget of its host and dropped as soon as nobody can begin there any more; where
 * the budget forbids one, its steps are executed again. States stay on the host that made them and are lost with it.
 * Besides, a cell may keep points of its own, from which it goes on when the run is resumed or the lab failed.
 *
 * Workers and hosts are known only through struct sched_ops, so the same code runs processes
 * (run/spawn.c) and simulated ones (tests/sim). One thread, one loop; every choice is O(log n) in
 * the number of cells. */
#ifndef COEXIST_RUN_SCHEDULER_H
#define COEXIST_RUN_SCHEDULER_H

#include <sys/types.h>

#include "base/clock.h"
#include "base/log.h"
#include "journal/observation.h"
#include "model/failure.h"
#include "plan/estimate.h"

/* Most workers on one real host: what `--jobs` accepts. */
enum { SCHED_JOBS_MAX = 64 };

enum sched_stop {
    SCHED_STOP_STEP, /* finish the current step, tear down (SIGTERM) */
    SCHED_STOP_NOW,  /* cut every wait, tear down (SIGHUP) */
    SCHED_STOP_KILL, /* SIGKILL: what the worker had is swept afterwards */
};

enum sched_drop {
    SCHED_DROP_MEMORY, /* nobody begins there any more; its disk is still the base of others */
    SCHED_DROP_ALL,    /* nobody stands on it */
};

struct sched_exit { /* how a worker ended */
    int code;   /* exit code, -1 when it was killed by a signal */
    int signal; /* 0: none */
};

/* What one worker is to do. Valid during the call of spawn. */
struct sched_job {
    const struct plan_cell *cell; /* the plan's, or a confirmation of one of these */
    int attempt;             /* 1-based */
    int host;                /* index into sched_opts.hosts */
    const char *from;        /* state to begin at: a folder of the host's states folder; NULL: from nothing */
    size_t from_steps;       /* how many of the cell's steps that state has behind it; 0 without one */
    const char *from_cell;   /* whose observations of those steps count for this cell, too */
    int from_attempt;
    int64_t from_ms;         /* at_ms at which the state was taken */
    const size_t *save_after; /* ascending: after so many steps done well a state is to be kept ... */
    const char *const *save_names; /* ... under this name */
    size_t save_count;
    bool cold;               /* without sharing: also the image is booted, not gone on with from its state at ready */
    const char *points;      /* as in cell_save; NULL: none */
    int points_max;
    int64_t point_every;
};

/* Slots are numbered from 0, those of the first host first, sched_host_slots of each; a slot is busy from spawn to
 * reap. */
struct sched_ops {
    int (*spawn)(void *ctx, int slot, const struct sched_job *job, struct err *err);
    /* Until something can be read, a worker ended, the user interrupted or the deadline passed;
     * early returns are fine. */
    int (*wait)(void *ctx, int64_t deadline, struct err *err);
    /* The next slot with something to read or a worker that will say no more; -1: no further one.
     * After each wait every such slot is told once. */
    int (*ready)(void *ctx);
    /* Bytes of a worker's report: > 0; 0 when it will send no more; -1 when nothing is there
     * now. */
    ssize_t (*read)(void *ctx, int slot, char *buf, size_t len);
    void (*stop)(void *ctx, int slot, enum sched_stop how);
    /* Takes a worker that sends no more; bounded, kills it when it does not end. */
    void (*reap)(void *ctx, int slot, struct sched_exit *out);
    /* Removes what a worker could not remove itself. Called after reap. */
    void (*sweep)(void *ctx);
    /* May one more such cell run on that host? 0: no, with the reason for people. */
    int (*room)(void *ctx, int host, const struct plan_cell *cell, char why[200]);
    /* A host that is gone with everything on it, each told once; -1: no further one. NULL: no host
     * ever goes. */
    int (*gone)(void *ctx);
    /* A host that was gone and is back, empty; each told once; -1: no further one. NULL: none ever returns.
     * With it, a run without any host waits for one for limits.room. */
    int (*back)(void *ctx);
    /* Removes a state or its memory image; returns the bytes that stay. What cannot be removed is
     * the sweep's. NULL: only without sharing. */
    int64_t (*drop_state)(void *ctx, int host, const char *name, enum sched_drop what);
    /* How often the user asked to stop so far. */
    int (*interrupts)(void *ctx);
    /* Keeps an observation (journal_append). A failure ends the run. */
    int (*record)(void *ctx, const struct observation *o, struct err *err);
};

struct sched_counts {
    size_t cells;  /* of the plan, and confirmations ordered so far */
    size_t done, failed, running; /* failed: through the lab's fault, after all attempts */
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

struct sched_host {
    const char *name; /* for people */
    int slots;        /* cells at a time: as many as its processors carry, 1 or more */
    int spare;        /* how many more may run while as many of the running ones rest (cell_rest) ... */
    int leaving;      /* ... and while as many are in their last rest */
    bool stateless;   /* keeps no states: every cell executes all its steps there */
};

struct sched_past { /* of a cell, when a run is taken up again */
    bool done;    /* nothing to do any more */
    int attempts; /* made so far: numbering goes on from here */
    int tries;    /* of these, the ones that the lab itself failed on: they count against the limit */
    int confirm;  /* the run of the cell that all this is about: 0 the planned one, else that confirmation */
    int confirms; /* confirmations wanted in all, as far as known */
};

struct sched_kept { /* a state that an earlier part of the run left */
    const char *name;
    size_t cell; /* who made it: index into the plan, */
    int confirm; /* which run of it (0: the planned one) */
    int attempt;
    size_t steps; /* of that cell, behind it */
    int64_t at_ms; /* of the observation that told of it */
    int64_t bytes; /* on disk now */
    int host;
    const char *base; /* name of the kept state whose disk it stands on; NULL: of none */
    bool memory;      /* its memory image is there; else it only carries others */
};

struct sched_opts { /* borrowed during sched_run */
    const struct plan *plan;
    const struct sched_host *hosts;
    size_t host_count;
    bool sharing;        /* keep states and begin at them */
    int64_t state_bytes; /* a state is never larger */
    int64_t states_max;  /* bytes that the states of one host may take together */
    bool points;         /* cells keep points for themselves to be resumed from (cell_save.points) ... */
    int64_t point_every; /* ... also so long (ns) after the last state; 0: only when told to stop */
    int confirm; /* how often a cell is run again that a product failed in: run/repeat.h; 0: never */
    const struct estimate *estimate; /* what older runs taught; NULL: nothing */
    size_t done_before, failed_before; /* runs of this run that are over: only counted in, for people */
    const struct sched_past *past; /* one for each cell; NULL: a new run */
    const struct sched_kept *kept;
    size_t kept_count;
    struct clock *clock;
    struct log *log;
    const struct sched_ops *ops;
    void *ops_ctx;
    struct sched_progress progress;
    struct sched_limits limits;
};

struct sched_result {
    size_t done;      /* runs of cells that came to their end */
    size_t failed;    /* those the lab failed on, after all attempts */
    size_t confirms;  /* runs beyond the plan: done + failed is this and the plan's cells, unless interrupted */
    size_t minimized; /* of these, minimisation runs: filled in by run/rounds.h */
    bool interrupted; /* the user stopped it */
};

/* How many workers a host may have at the most. */
static inline int sched_host_slots(const struct sched_host *h) {
    return h->slots + h->spare + h->leaving;
}

/* Runs every cell of the plan. Negative with err when the journal could not be written or the host
 * cannot run anything; all workers have ended then, too. */
int sched_run(const struct sched_opts *opts, struct sched_result *out, struct err *err);

#endif
