/* The smallest set of products that still fails, sought over the runs of a journal; where runs are missing, which ones.
 * Delta debugging (Zeller and Hildebrandt, IEEE Trans. Softw. Eng. 28(2), 2002, the ddmin algorithm) over the products
 * beside the updated one, in their install order; METHOD.md, "The smallest failing set", has the rules. Pure: called
 * again after each batch of runs it goes the same way with more answers. */
#ifndef COEXIST_ANALYSIS_MINIMIZE_H
#define COEXIST_ANALYSIS_MINIMIZE_H

#include "analysis/judge.h"

/* Further runs without a second failure after which the first one counts as not reproduced. */
enum { MINIMIZE_REPRODUCE = 5 };

/* Fills j->minimal and *wanted (ids of cells to run next, see plan/minimize.h). budget: such runs in all; less than
 * what was begun already: no more of them. */
void minimize_sets(struct judgement *j, bool orders, int budget, struct texts *wanted);
/* What explains this failed cell: its products hold that set in that order; NULL: nothing found does. */
const struct analysis_minimal *minimize_explains(const struct judgement *j, const struct judged *c);
void minimize_clear(struct analysis_minimal *m, size_t count);

#endif
