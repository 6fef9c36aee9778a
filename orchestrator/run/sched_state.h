/* Inside the scheduler only. */
#ifndef COEXIST_RUN_SCHED_STATE_H
#define COEXIST_RUN_SCHED_STATE_H

#include "base/str.h"
#include "run/scheduler.h"

enum sched_cell_state {
    SCHED_WAITING, /* has its turn to come, for the first time or again */
    SCHED_RUNNING, /* a slot holds it */
    SCHED_DONE,    /* came to its end */
    SCHED_FAILED,  /* the lab failed on it, attempts used up */
    SCHED_STOPPED, /* the user ended the run before it did */
};

struct sched_cell {
    enum sched_cell_state state;
    int attempts;
};

struct sched_slot {
    int host;         /* never changes */
    bool busy;
    size_t cell;      /* index into the plan */
    int attempt;
    struct str line;  /* what came since the last newline */
    int64_t began, heard; /* times */
    int64_t kill_at;  /* CLOCK_NEVER while it may go on */
    int64_t next_seq;
    int step;         /* last one begun, -1 */
    bool ended;       /* it sent cell-end */
    bool complete;    /* and that said so */
    bool killed;      /* by us, for a reason already recorded */
    enum failure_class first, infra; /* first failure, first of the lab's own */
};

struct sched_eta { /* what steps took so far */
    double sum_ms[STEP_KIND_COUNT];
    size_t count[STEP_KIND_COUNT];
};

struct sched {
    const struct sched_opts *o;
    struct sched_cell *cells;
    struct sched_slot *slots;
    int slot_count;
    struct sched_eta eta;
    size_t done, failed, running;
    int interrupts; /* acted upon */
    int64_t no_room_since; /* CLOCK_NEVER: there is room */
    char no_room[200];
    struct err broken; /* the journal's failure: ends the run */
};

/* ---- sched_slot.c -------------------------------------------------------------------------- */
struct sched_slot *sched_slot_begin(struct sched *s, int slot, size_t cell, int attempt);
/* Takes all a worker has to say now. True when it will say no more. */
bool sched_slot_read(struct sched *s, int slot);
/* Settles a worker that has ended: records what it could not, decides whether the cell runs
 * again. */
void sched_slot_end(struct sched *s, int slot, const struct sched_exit *exit);
/* Records a failure of the lab for the cell in this slot. */
void sched_slot_fail(struct sched *s, struct sched_slot *slot, enum failure_class class,
                     const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void sched_record(struct sched *s, const struct observation *o);
void sched_counts(const struct sched *s, struct sched_counts *out);

/* ---- sched_eta.c --------------------------------------------------------------------------- */
void sched_eta_learn(struct sched_eta *e, const char *kind, int64_t ms);
/* Milliseconds until the end, -1 when nothing is known yet. */
int64_t sched_eta_ms(const struct sched *s);

#endif
