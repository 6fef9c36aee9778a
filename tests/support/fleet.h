/* A simulated lab: many hosts, each with slots and room for states, on a virtual clock. Its workers
 * do what struct sched_job says; what a guest has gone through is a number that every step changes,
 * so that a cell continued from a wrong state is found out. It checks the scheduler's contract at
 * every call (ck_assert). */
#ifndef COEXIST_TESTS_SUPPORT_FLEET_H
#define COEXIST_TESTS_SUPPORT_FLEET_H

#include "plan/tree.h"
#include "run/cell.h"
#include "run/scheduler.h"

enum fleet_fault {
    FLEET_FINE,
    FLEET_KILLED,    /* the worker is ended by a signal in the step */
    FLEET_LEAVES,    /* it exits without its last word */
    FLEET_SILENT,    /* it hangs */
    FLEET_LAB_FAILS, /* it reports vm-died and ends its cell */
    FLEET_NONSENSE,  /* it says what is not JSON */
    FLEET_HOST_LOST, /* it finds that its host is not there and ends its cell */
    FLEET_FAULT_COUNT
};

/* A cell's k-th confirmation counts as cell k * plan->cell_count + its index. */
struct fleet_faults { /* each may be NULL: never. steps: how many the cell has behind it */
    enum fleet_fault (*step)(void *ctx, size_t cell, int attempt, size_t step);
    bool (*save)(void *ctx, size_t cell, int attempt, size_t steps);
    bool (*restore)(void *ctx, size_t cell, int attempt, size_t steps);
    bool (*spawn)(void *ctx, size_t cell, int attempt);
    enum cell_rest (*rests)(void *ctx, size_t cell, int attempt, size_t step); /* for FLEET_REST_MS, beside its time */
    bool (*product)(void *ctx, uint64_t guest); /* the guest's own fault: whoever comes there */
    void *ctx;
};

struct fleet_spec {
    const struct plan *plan; /* borrowed */
    size_t hosts;
    int slots, spare, leaving; /* of each host */
    bool sharing;
    int64_t states_max; /* bytes on each host */
    struct fleet_faults faults;
    bool facts; /* keep what was observed, for fleet_check_facts */
    int confirm; /* sched_opts.confirm */
    bool points; /* sched_opts.points, ... */
    int64_t point_every; /* ns */
};

enum { FLEET_REST_MS = 45000 };
enum { FLEET_STATE_BYTES = 1000, FLEET_DISK_BYTES = 200 };

struct fleet; /* opaque */
struct fleet *fleet_new(const struct fleet_spec *spec);
void fleet_free(struct fleet *f);
void fleet_interrupt_at(struct fleet *f, int64_t at); /* up to three times; one left over is forgotten */
void fleet_host_gone_at(struct fleet *f, int host, int64_t at);
/* After it was gone (at > that time): it comes back, without any state. Once for each host; the next
 * fleet_host_gone_at of that host only afterwards. */
void fleet_host_back_at(struct fleet *f, int host, int64_t at);
/* Hosts below the first n keep states, the others do not. Default: all do. */
void fleet_keepers(struct fleet *f, size_t n);

/* Runs what is not done yet, as a resumed run does; all calls after the first one resume. */
struct sched_result fleet_run(struct fleet *f);
/* Every cell that is done shows, with what it began with, exactly what its own steps lead to. */
void fleet_check_facts(const struct fleet *f);

struct fleet_counts {
    int64_t ms;        /* virtual time so far */
    size_t executed;   /* steps begun */
    size_t events;     /* lines that workers sent */
    size_t states;     /* kept, */
    size_t points;     /* of them, for one cell alone */
    size_t left;       /* of them still there, on hosts that are */
    size_t attempts;   /* workers spawned */
    size_t on_host[8]; /* of them, on each of the first hosts */
    size_t restored;
    int most_running;  /* workers at any time */
    int64_t most_bytes; /* of states on one host at any time */
    size_t done;       /* runs of cells with a complete attempt the lab did not fail */
    size_t confirms;   /* of them, beyond the plan */
};
struct fleet_counts fleet_count(const struct fleet *f);

/* A fleet of its own, to the end of its run; checks what must hold of every run that ends by itself. */
struct fleet_counts fleet_run_whole(const struct fleet_spec *spec);
int fleet_attempts(const struct fleet *f, size_t cell);

#endif
