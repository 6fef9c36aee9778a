/* Inside of the search for smallest failing sets. */
#ifndef COEXIST_ANALYSIS_MINIMIZE_IMPL_H
#define COEXIST_ANALYSIS_MINIMIZE_IMPL_H

#include "analysis/minimize.h"

enum { SHRINK_PRODUCTS = 64 }; /* of one combination at most: bits of a set */

struct shrink_hunt { /* over the whole run */
    struct judgement *j;
    struct texts *wanted;
    bool orders; /* the matrix asks for install orders */
    int left;    /* runs that may still be asked for */
    bool cut;    /* one was wanted that the budget forbids; reset with each subject */
};

struct shrink { /* one failing combination: a set is a bit for each of its products */
    struct shrink_hunt *hunt;
    const struct judged *subject;
    const struct plan_cell *plan;      /* the subject's */
    const struct model_update *update; /* NULL: it fails before any */
    uint64_t all, own;                 /* own: the updated product, 0: none of them is */
    size_t need; /* passes that make a set pass */
    bool waits;  /* an answer is missing */
};

enum shrink_way { SHRINK_AS_IT_IS, SHRINK_WITHOUT_UPDATE, SHRINK_REVERSED };

/* minimize_tally.c: what the runs of a combination say about the subject's failure. */
struct analysis_tally shrink_tally(const struct shrink *s, uint64_t set, enum shrink_way way);
/* The same products and update in any other order than the subject's. */
struct analysis_tally shrink_tally_other_orders(const struct shrink *s, uint64_t set);
/* Asks for so many more runs of it, those begun and not ended first. */
void shrink_want(struct shrink *s, uint64_t set, enum shrink_way way, size_t runs);
/* Whether two cells fail alike: by taking the system down, by a measurement, or by any other harm. */
bool shrink_same_kind(const struct judged *a, const struct judged *b);

/* minimize_say.c */
char *shrink_sentence(const struct analysis_minimal *m);

#endif
