/* What follows the schemas and can be run, and is hardly what its author meant: told as warnings, and run all the same.
 * Private to model/. */
#ifndef COEXIST_MODEL_DOUBTS_H
#define COEXIST_MODEL_DOUBTS_H

#include "model/input.h"
#include "model/model.h"

/* in: what m was built from, without complaints. */
void doubts_find(const struct input *in, const struct model *m, struct diags *out);

#endif
