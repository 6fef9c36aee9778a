/* Whether a cell that failed is run again, to tell a firm failure from a flaky one. Decided by what its worker saw
 * while it ran: what only a comparison of samples shows ("slower", "resource-runaway") is confirmed by the
 * repetitions of the workloads instead (analysis/METHOD.md). Pure. */
#ifndef COEXIST_RUN_REPEAT_H
#define COEXIST_RUN_REPEAT_H

#include <stdbool.h>

#include "journal/observation.h"

struct repeat { /* of one attempt; all zero to begin with */
    uint64_t failed; /* bit set of the failure classes seen that are not the lab's own */
    bool dump;       /* a crash of the guest's kernel left a dump */
};

/* Takes one observation of the attempt in. */
void repeat_see(struct repeat *r, const struct observation *o);
/* How often to run the cell again once that attempt has ended and the lab did not fail in it. confirm: the matrix'
 * number, or MODEL_CONFIRM_BY_EVIDENCE: not at all where any of its failures proves itself (a boot loop, which is
 * counted over three boots; a kernel crash with a dump; a file or registry value that is not what it was), else
 * once. */
int repeat_times(const struct repeat *r, int confirm);

#endif
