/* What every guest needs, whatever the products: memory, disk and processor left over, processes that stay, programs
 * that start. Bounds are absolute, so that a single look finds what has run away; whatever may pass by itself (a
 * burst after an update, a service that restarts once by design) is looked at again for cell_limits.calm first. */
#ifndef COEXIST_RUN_VITALS_H
#define COEXIST_RUN_VITALS_H

#include "run/cell_state.h"

/* Set by judgement; analysis/METHOD.md says what each means. Percent of the whole unless named otherwise. */
#define VITALS_MEMORY_PERCENT 5   /* available at least */
#define VITALS_DISK_PERCENT 2     /* free at least, */
#define VITALS_DISK_BYTES (INT64_C(1) << 30) /* or so much: 2 % of a large disk is plenty */
#define VITALS_BUSY_PERCENT 75    /* of one processor: one process of a product, all the time */
#define VITALS_SYSTEM_PERCENT 97  /* of all processors: everybody together, all the time */
#define VITALS_THREADS 500        /* of one process */
#define VITALS_HANDLES 20000      /* of one process */
#define VITALS_INSTANCES 50       /* processes of one name */
#define VITALS_RESTARTS 3         /* of one process in one boot, while no vendor's command ran */
#define VITALS_WINDOW_MS 1500     /* guest's time between two samples that tell of the processor */
#define VITALS_PACE_MS 4000
#define VITALS_LAUNCHES 3
#define VITALS_LAUNCH_MS 30000
#define VITALS_PROGRAM "C:\\Windows\\System32\\cmd.exe /d /c exit 0"

/* A first sample, so that vitals_end has something to compare with. 0 (also when the guest cannot tell), or negative
 * with err. */
int vitals_begin(struct cell *c, struct err *err);
/* Looks, again while something is wrong that may pass; records checks and failures. last: nothing of the lab's follows
 * in this guest. Only then is it asked whether all of them together keep the processors busy: the lab's own questions
 * do so for a while, and who does it for good does it at the end, too. Likewise. */
int vitals_end(struct cell *c, bool last, struct err *err);
/* The guest did not answer what the lab asked: has it nothing left to answer with? What two looks in a row show is
 * recorded as the failure, with `what` was asked. False: nothing recorded, or it could not be looked at. */
bool vitals_explain(struct cell *c, const char *what);
/* A vendor's command runs: what restarts meanwhile was asked for. */
void vitals_forget(struct cell *c);
/* Starts a program of the system that belongs to no product. Likewise. */
int vitals_launch(struct cell *c, struct err *err);

#endif
