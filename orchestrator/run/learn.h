/* How long steps took in earlier runs. */
#ifndef COEXIST_RUN_LEARN_H
#define COEXIST_RUN_LEARN_H

#include "plan/estimate.h"

/* Takes in the steps of the newest runs in runs_dir, enough of them to go by; runs that cannot be
 * read are passed over. Returns what was learned from, for people ("run X", "runs X and 2 older
 * ones"); NULL: nothing was. Caller frees. */
char *learn_estimate(const char *runs_dir, struct estimate *e);

#endif
