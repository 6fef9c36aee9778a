/* Inside of the plan: adding a cell. */
#ifndef COEXIST_PLAN_PLAN_IMPL_H
#define COEXIST_PLAN_PLAN_IMPL_H

#include "plan/plan.h"

struct plan_walk { /* where the cells being made stand */
    struct plan *plan;  /* has room for the cell */
    const char *image;  /* borrowed by the cell */
    const struct model_set *set;
    const size_t *order; /* indexes into the set's products */
};

void plan_add_cell(const struct plan_walk *w, const struct model_update *update, int repetition);

#endif
