/* Runs that confirm a failure: a cell that failed is run again, as a repetition of its own. Its id is that of the
 * planned cell with ".K" behind it ("winelab/alder/alder-2/1.1" is the first confirmation of
 * "winelab/alder/alder-2/1"): no planned id ends like that, since these end in a whole number. Pure. */
#ifndef COEXIST_PLAN_CONFIRM_H
#define COEXIST_PLAN_CONFIRM_H

#include "plan/plan.h"

enum { CONFIRM_MAX = 5 }; /* confirmations of one cell; matrices/schema/matrix.schema.json has it, too */

/* The k-th confirmation (1 .. CONFIRM_MAX) of a planned cell. Its id is its own, everything else is borrowed from the
 * planned one. Free with confirm_free. */
struct plan_cell *confirm_make(const struct plan_cell *planned, int k);
void confirm_free(struct plan_cell *c); /* NULL is fine */
/* Which planned cell an id means, and in *k which confirmation of it (0: the planned run). NULL: no such cell. */
const struct plan_cell *confirm_find(const struct plan *p, const char *id, int *k);
/* Length of the planned cell's id in the id of any run of it, and *k. */
size_t confirm_split(const char *id, int *k);
/* Puts a confirmation that a run made into the plan, behind what the plan has of that cell. Moves the cells behind it:
 * pointers to cells are void. False when the plan does not know such a cell, or has it. */
bool confirm_add(struct plan *p, const char *id);

#endif
