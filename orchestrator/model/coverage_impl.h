/* Inside of coverage: what its parts share. */
#ifndef COEXIST_MODEL_COVERAGE_IMPL_H
#define COEXIST_MODEL_COVERAGE_IMPL_H

#include "base/str.h"
#include "model/coverage.h"

struct coverage { /* what is being made */
    const struct input *in;
    const json_t *asked;
    struct diags *diags;
    bool check; /* not checked yet */
    struct model_coverage *out;
    const char **names; /* of the factors, in order */
    int count;
    struct str text;      /* the model in PICT's language */
    int first_constraint; /* line of the text where the matrix' own begin, 1-based */
};

/* coverage_constraints.c: fills out->factors, NULL when a constraint is wrong; complaints to diags if `check`. */
void coverage_read_constraints(struct coverage *c);
/* A complaint about the index-th constraint in PICT's language, told where the matrix has it. */
void coverage_complain(struct coverage *c, size_t index, const struct diag *d);

#endif
