/* How long steps take: a table to begin with, replaced by what was seen. Pure. All times in ms. */
#ifndef COEXIST_PLAN_ESTIMATE_H
#define COEXIST_PLAN_ESTIMATE_H

#include "plan/tree.h"

struct estimate {
    double sum_ms[STEP_KIND_COUNT]; /* of what was seen */
    size_t seen[STEP_KIND_COUNT];
    double save_ms, restore_ms; /* of a state */
};

/* Nothing seen yet. */
void estimate_init(struct estimate *e);
/* kind: a step kind's name; unknown ones are passed over. */
void estimate_learn(struct estimate *e, const char *kind, int64_t ms);
/* The mean of what was seen, the table's value before. */
double estimate_step(const struct estimate *e, enum step_kind k);
/* The steps [from, to) of a cell. */
double estimate_steps(const struct estimate *e, const struct plan_cell *cell, size_t from, size_t to);
bool estimate_is_learned(const struct estimate *e); /* anything seen at all */

struct estimate_plan {
    double apart_ms;   /* every cell from nothing, one after the other */
    double shared_ms;  /* every segment once, with saving and restoring */
    double longest_ms; /* the longest way from nothing to the end of a cell */
    size_t states;     /* to be kept in the course of the run */
};
void estimate_tree(const struct estimate *e, const struct tree *t, struct estimate_plan *out);
/* Wall time with so many cells at a time: neither the work nor the longest way can be beaten. */
double estimate_wall_ms(const struct estimate_plan *p, bool sharing, int jobs);

#endif
