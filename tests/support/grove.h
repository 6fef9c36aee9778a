/* Plans made by hand, of any size: a model without files. */
#ifndef COEXIST_TESTS_SUPPORT_GROVE_H
#define COEXIST_TESTS_SUPPORT_GROVE_H

#include "plan/plan.h"

enum { GROVE_PRODUCTS = 12, GROVE_UPDATES = 24, GROVE_SETS = 64, GROVE_STEPS = 20 };

struct grove {
    struct model model; /* image_count, repetitions and all_orders may be set before the plan is made */
    struct model_product products[GROVE_PRODUCTS]; /* "a", "b", ... */
    struct model_update updates[GROVE_UPDATES];    /* "u1", "u2", ... */
    const struct model_product *in_set[GROVE_SETS][GROVE_PRODUCTS];
    const struct model_update *tried[GROVE_SETS][GROVE_UPDATES];
    struct model_set sets[GROVE_SETS];
    struct model_step steps[GROVE_STEPS];
    char ids[GROVE_PRODUCTS + GROVE_UPDATES][8];
    char name[8], names[4][8];
    char *images[4]; /* "one", "two", ... */
};

struct grove *grove_new(void); /* no sets, no steps, one image; free() it after its plans */
void grove_steps(struct grove *g, const enum step_kind *kinds); /* ends with STEP_KIND_COUNT */
/* products: letters; the first `updates` updates are tried on them. */
void grove_set(struct grove *g, const char *products, size_t updates, bool control);
/* The plan; numbered: each cell's id ends with "#" and its index. */
struct plan *grove_plan(const struct grove *g, bool numbered);

#endif
