/* "coverage" of a matrix: from its JSON to factors, constraints, groups, seeds and weights. The factors are written as
 * a model in PICT's language, so that constraints mean what they mean there.
 * Private to model/. */
#ifndef COEXIST_MODEL_COVERAGE_H
#define COEXIST_MODEL_COVERAGE_H

#include "model/input.h"
#include "model/model.h"

/* NULL when the matrix has no "coverage", or one that cannot be made sense of; complaints go to diags (NULL: they were
 * made already). Caller frees. */
struct model_coverage *coverage_make(const struct input *in, struct diags *diags);
void coverage_free(struct model_coverage *c);

#endif
