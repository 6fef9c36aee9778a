/* From a model to the list of cells to execute. Pure: no clock, no file, no VM. */
#ifndef COEXIST_PLAN_PLAN_H
#define COEXIST_PLAN_PLAN_H

#include "model/model.h"

enum plan_phase { PHASE_BEFORE, PHASE_AFTER };

struct plan_step {
    enum step_kind kind;
    enum plan_phase phase; /* BEFORE until apply; the apply step itself is AFTER */
    int product; /* index into the cell's products: what install installs; -1: about none of them */
    bool fresh;  /* may not be shared: neither this step nor any that follows it in the cell */
    int part;    /* steps that differ in it are not shared: where repetitions part, their number less 1; else 0 */
};

struct plan_cell {
    char *id; /* stable, readable, unique: "winelab/alder+birch/alder-content-2/1" */
    const char *image;
    const struct model_product **products; /* in install order */
    size_t product_count;
    const struct model_update *update; /* NULL: control cell */
    int repetition;                    /* 1-based */
    int confirm; /* 0: planned; else the so many-th run that confirms its failure (plan/confirm.h) */
    int minimize; /* 0; else the so many-th run of this combination that shrinks a failing set (plan/minimize.h) */
    struct plan_step *steps;           /* provision, boot, ..., collect, teardown */
    size_t step_count;
};

struct plan_coverage; /* plan/coverage.h */

struct plan {
    const struct model *model; /* borrowed */
    struct plan_coverage *coverage; /* NULL: the matrix asks for none */
    struct plan_cell *cells;
    size_t cell_count;
};

struct plan *plan_build(const struct model *m, struct diags *diags);
/* The plan of a run again: kept is what plan_to_json made of it. Rows that cover are taken from there instead of being
 * sought anew, so that a program with another engine goes on with the same cells. */
struct plan *plan_build_kept(const struct model *m, const json_t *kept, struct diags *diags);
void plan_free(struct plan *p);
const struct plan_cell *plan_find(const struct plan *p, const char *cell_id);
/* Whether a cell may go on with another machine after so many of its steps. Its fresh steps (but for collecting
 * evidence and tearing down) belong together: what is measured after an update is compared with what was measured
 * before it, on one host in one stretch. So not between the first and the last of them. */
bool plan_resumes(const struct plan_cell *c, size_t steps);
json_t *plan_to_json(const struct plan *p); /* new reference */

#endif
