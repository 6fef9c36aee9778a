/* Runs from the plan to the last minimisation run, with simulated workers on a virtual clock and a real journal: what
 * fails is a question of which products are together. Can be killed at any observation, and taken up again. */
#ifndef COEXIST_TESTS_SIM_TRIAL_H
#define COEXIST_TESTS_SIM_TRIAL_H

#include "plan/plan.h"
#include "run/scheduler.h"
#include "support/runs.h"

struct trial;

enum trial_outcome { TRIAL_PASSES, TRIAL_FAILS, TRIAL_FAILS_BEFORE, TRIAL_LAB_FAILS };
/* What the cell comes to; attempt from 1. */
typedef enum trial_outcome trial_rule(const struct trial *t, const struct plan_cell *cell, int attempt);

struct trial_worker {
    bool busy, lab_fails;
    char *cell; /* id */
    char **lines;
    int64_t *at;
    size_t count, next;
};

struct trial {
    struct runs *runs;
    struct clock_virtual clock;
    trial_rule *rule;
    const char *together; /* for trial_needs: "alder+cedar" */
    unsigned seed, percent; /* for trial_flaky */
    int budget;
    struct trial_worker workers[2];
    int asked;
    size_t recorded, killed_at; /* observations; 0: never killed */
    size_t planned, extra; /* cells begun for the first time: of the plan, minimisation runs */
    size_t completed_twice; /* must stay 0 */
    char **complete; /* ids */
    size_t complete_count;
};

/* matrix as for runs_make_of. */
struct trial *trial_new(const char *matrix, size_t products, trial_rule *rule, const char *together, int budget);
void trial_free(struct trial *t);
/* Runs, or goes on after a kill. False when it was killed. */
bool trial_run(struct trial *t);
/* Analyses as the report does. */
struct analysis *trial_analyse(const struct trial *t);

/* Fails after the update where all of t->together are installed. */
trial_rule trial_needs;
/* The same, but beyond the plan only in t->percent of these runs, by t->seed. */
trial_rule trial_flaky;
bool trial_has(const struct plan_cell *cell, const char *together);

#endif
