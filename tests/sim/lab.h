/* A lab in a simulated world: two products, one update, the cell that tries them. Tests bend it and run it. */
#ifndef COEXIST_TESTS_SIM_LAB_H
#define COEXIST_TESTS_SIM_LAB_H

#include "model/failure.h"
#include "run/cell.h"
#include "sim/world.h"

enum { LAB_STEPS_MAX = 24 };

struct lab_seen { /* one observation, and how many calls had been made when it came */
    struct observation o;
    int calls;
};

struct lab {
    struct sim_world *world;
    struct model model;
    struct model_product products[2]; /* alder, birch */
    const struct model_product *order[2];
    struct model_update update; /* of alder */
    struct model_file files[1];
    struct model_workload workloads[2];
    struct plan_step steps[LAB_STEPS_MAX];
    struct plan_cell cell;
    struct cell_limits limits;
    char *dir, *scratch, *artifacts, *states;
    struct cell_from from; /* where the next run begins; nothing by itself */
    struct cell_save save; /* and what it is to keep, in `states` */
    struct lab_seen *seen;
    size_t seen_count;
    int64_t stood_ms; /* kept with the last state */
    const char *ready; /* state that takes the place of a first boot; NULL: none */
    int distrusted;    /* how often the cell said that it is of no use */
    int vms;       /* made so far */
    int copied;    /* files copied from a VM that was off */
    json_t *kept_disk; /* what the lab kept of the machine's disk; NULL: nothing yet */
    int put_back;      /* how often it was brought back */
    enum err_class safe_fails[2]; /* of asking for normal boots, for safe ones; ERR_NONE: succeeds */
    int rested, last_rests; /* how often the cell told that its guest rests, how often for the last time, */
    enum cell_rest rest; /* and its last word about that */
    volatile int stop;
    int stop_after; /* observations until stop becomes stop_to; 0: never */
    int stop_to;
};

/* Everything healthy. The steps: provision boot install verify detect measure | apply took reboot verify
 * detect measure collect teardown. */
struct lab *lab_new(void);
void lab_free(struct lab *l);
/* Replaces the steps; ends with STEP_KIND_COUNT. */
void lab_steps(struct lab *l, const enum step_kind *kinds);
/* What the lab asks for when it asks for safe mode: a fact of the disk, "1" or absent. */
#define LAB_SAFE_ASKED "disk:safe mode"
/* True while the guest runs in safe mode, as Windows itself says so. */
bool lab_world_is_safe(const struct sim_world *w);
/* Runs the cell once and checks what must hold whatever happened: order and pairing of observations, one
 * VM at most, nothing left running. Returns what cell_run did. */
int lab_run(struct lab *l);

/* ---- questions about what was seen ------------------------------------------------------------------ */
size_t lab_count(const struct lab *l, enum obs_type type);
bool lab_failed(const struct lab *l, enum failure_class class);
size_t lab_failures(const struct lab *l); /* number of failure observations */
/* First failure of that class, NULL when there is none. */
const struct observation *lab_failure(const struct lab *l, enum failure_class class);
bool lab_skipped(const struct lab *l, enum step_kind kind, enum plan_phase phase);
bool lab_has_artifact(const struct lab *l, const char *role);
bool lab_has_artifact_named(const struct lab *l, const char *role, const char *name); /* name NULL: any */
size_t lab_metrics(const struct lab *l, const char *name, enum plan_phase phase);
const char *lab_text(const struct observation *o); /* "text" of its data, "" when absent */
int64_t lab_virtual_ms(const struct lab *l);
/* Prints what was seen, for a test that is about to fail. */
void lab_print(const struct lab *l);

#endif
