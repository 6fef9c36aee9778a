/* From verdicts to ship, hold or unknown. */
#ifndef COEXIST_ANALYSIS_GATES_H
#define COEXIST_ANALYSIS_GATES_H

#include "analysis/judge.h"

/* Fills a->updates, a->decision and a->reasons from a->cells. */
void gates_decide(struct analysis *a, const struct judgement *j);

#endif
