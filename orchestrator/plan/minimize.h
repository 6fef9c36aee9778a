/* Runs that shrink a failing set of products: cells of their own, beyond the plan, each for one combination and the
 * so many-th of that combination. Their ids are "IMAGE/A+B/UPDATE/mN" (N from 1; "none" without an update): no planned
 * id and no confirmation ends like that. Which of them a run needs, analysis/minimize.h says. Pure. */
#ifndef COEXIST_PLAN_MINIMIZE_H
#define COEXIST_PLAN_MINIMIZE_H

#include "plan/plan.h"

enum { MINIMIZE_MAX = 1000 }; /* such runs in one run at most; matrices/schema/matrix.schema.json has it, too */

struct minimize_combination {
    const char *image;
    const struct model_product *const *products; /* in install order */
    size_t count;
    const struct model_update *update; /* NULL: none */
};

/* Id of the combination's n-th run. Caller frees. */
char *minimize_name(const struct minimize_combination *c, int n);
/* N of such an id; 0: it is none. */
int minimize_number(const char *id);
/* Puts the cell of such an id behind the last one of the plan. Moves the cells: pointers to them are void. False when
 * the plan has it, or when the id is none that this plan's model can have. */
bool minimize_add(struct plan *p, const char *id);
/* A plan of nothing but these cells (ids NULL-terminated); those that the model cannot have are left out. */
struct plan *minimize_plan(const struct model *m, char *const *ids);

#endif
