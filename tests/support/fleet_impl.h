/* Inside the fleet only. */
#ifndef COEXIST_TESTS_SUPPORT_FLEET_IMPL_H
#define COEXIST_TESTS_SUPPORT_FLEET_IMPL_H

#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "plan/confirm.h"
#include "run/sched_timers.h"
#include "support/fleet.h"

/* Not Check's: the benchmark runs without it, and it writes to a file at each assertion. */
#define MUST_SAY(condition, ...)                                       \
    do {                                                               \
        if (!(condition)) {                                            \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition); \
            fprintf(stderr, __VA_ARGS__);                              \
            fputc('\n', stderr);                                       \
            abort();                                                   \
        }                                                              \
    } while (0)
#define MUST(condition) MUST_SAY(condition, "broken")

#define FLEET_SAVE_MS 2500
#define FLEET_RESTORE_MS 2500
#define FLEET_LIMIT (CLOCK_S * 3600 * 24 * 365)
enum { FLEET_STOPS = 3 };

struct fleet_state {
    char *name;
    int host;
    size_t cell, steps;
    int attempt;
    int64_t at_ms;
    uint64_t guest;
    bool memory;
    int restoring, standing;
    struct fleet_state *base, *next;
};

enum fleet_phase { PHASE_RESTORING, PHASE_BETWEEN, PHASE_IN_STEP, PHASE_SAVING, PHASE_OVER, PHASE_HUNG };

struct fleet_worker {
    bool busy, killed, queued;
    size_t cell;
    int attempt, host;
    enum fleet_phase phase;
    int stop; /* 0, or how it was asked + 1 */
    size_t step;
    uint64_t guest;
    enum cell_rest rest;
    bool failed; /* its remaining steps are skipped */
    int64_t began, seq;
    struct fleet_state *from, *base;
    size_t *save_after;
    char **save_names;
    size_t save_count, save_next;
    char *points;
    int64_t point_every, kept_at;
    bool saving_point;
    int points_max, points_kept;
    struct str out;
    size_t read;
    struct sched_exit exit;
};

struct fleet_attempt {
    bool from;
    size_t from_cell, from_steps;
    int from_attempt;
    bool complete, infra;
    uint64_t *seen;  /* guest after each step, 0: not executed */
    size_t failed_at; /* step + 1 of the product's failure, 0: none */
};

struct fleet_cell {
    int attempts;
    bool done, product; /* product: the last attempt was failed by one */
    int64_t last_seq;
    struct fleet_attempt *list; /* facts only */
};

struct fleet {
    struct fleet_spec spec;
    struct clock_virtual clock;
    struct fleet_worker *workers;
    int slots;
    struct sched_timers *timers;
    int *ready, ready_count, ready_next; /* a ring: each slot stands in it once at most */
    struct fleet_state **states; /* by host */
    int64_t *used;
    int64_t *gone_at, *back_at;
    int64_t next_gone, next_back;
    size_t keepers;
    size_t untold; /* hosts that are gone and not told of yet */
    bool *gone, *gone_told, *back_untold;
    int64_t stops[FLEET_STOPS];
    int interrupts;
    struct fleet_cell *cells;
    struct fleet_counts n;
};

/* ---- fleet_worker.c ---- */
size_t fleet_run_of(const struct fleet *f, const char *id);
const struct plan_cell *fleet_cell(const struct fleet *f, size_t run); /* the planned one */
void fleet_id(const struct fleet *f, size_t run, char id[200]);
uint64_t fleet_guest_step(uint64_t guest, const struct plan *p, size_t cell, size_t step);
struct fleet_state *fleet_state_find(const struct fleet *f, int host, const char *name);
void fleet_state_delete(struct fleet *f, struct fleet_state *x);
int64_t fleet_drop_state(void *ctx, int host, const char *name, enum sched_drop what);
/* An observation of the worker's; step SIZE_MAX: outside of steps. */
void fleet_say(struct fleet *f, struct fleet_worker *w, size_t step, const char *type,
               const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void fleet_tell(struct fleet *f, int slot); /* it has something to read, or has ended */
void fleet_worker_event(struct fleet *f, int slot);

/* ---- fleet_record.c ---- */
int fleet_record(void *ctx, const struct observation *o, struct err *err);

#endif
