/* A small plan whose cells share beginnings, for the scheduler's tests on the virtual clock. */
#ifndef COEXIST_TESTS_SHARING_H
#define COEXIST_TESTS_SHARING_H

#include "support/fleet.h"
#include "support/grove.h"

/* Ways of a cell, ended by STEP_KIND_COUNT: with a measurement before the update, and with reboots but none. */
static const enum step_kind usual[] = {STEP_INSTALL, STEP_VERIFY, STEP_DETECT, STEP_MEASURE,
                                       STEP_APPLY,   STEP_TOOK,   STEP_VERIFY, STEP_KIND_COUNT};
static const enum step_kind deep[] = {STEP_INSTALL, STEP_VERIFY, STEP_REBOOT,  STEP_VERIFY,
                                      STEP_APPLY,   STEP_TOOK,   STEP_REBOOT,  STEP_VERIFY,
                                      STEP_MEASURE, STEP_KIND_COUNT};

struct world {
    struct grove *grove;
    struct plan *plan;
    struct tree *tree;
};

struct world world_new(const enum step_kind *steps, int repetitions, size_t images);
void world_free(struct world *w);
/* With sharing, and room for any number of states. */
struct fleet_spec world_spec(const struct world *w, size_t hosts, int slots);

#endif
