/* Makes journals of runs that never happened: a matrix over three vendors and observations in few words. */
#ifndef COEXIST_TESTS_SUPPORT_RUNS_H
#define COEXIST_TESTS_SUPPORT_RUNS_H

#include <jansson.h>

#include "analysis/analysis.h"
#include "journal/journal.h"
#include "support/mdmp.h"

struct runs {
    char *dir;       /* runs/<id>, temporary */
    char *artifacts; /* dir/artifacts */
    struct journal *journal;
    /* where the next observation goes */
    const char *cell;
    int attempt;
    int64_t seq;
    int step;
    char kind[16];
    char phase[8];
};

/* Products alder (driver alderflt.sys), birch, cedar, each with <id>-content (content), <id>-engine (engine, brings
 * <id>eng.dll), and an OS update os-kb1. `matrix` (JSON, single quotes allowed) gives the rest of the matrix:
 * {'product_sets':[...],'gates':[...],'repetitions':2}. */
struct runs *runs_make(const char *matrix);
/* The same over the first so many, at most 6, of: these three, dogwood, elm, fir. */
struct runs *runs_make_of(const char *matrix, size_t products);
void runs_free(struct runs *r);

void runs_cell(struct runs *r, const char *cell, int attempt); /* cell-begin, phase before */
void runs_step(struct runs *r, const char *kind, bool after);  /* step-begin and step-end */
void runs_fail(struct runs *r, enum failure_class cls, const char *product, const char *text);
void runs_boot_loop(struct runs *r, int boots);
void runs_check(struct runs *r, const char *what, const char *name, const char *product, bool ok);
/* `count` samples around `value` ms, a little apart from one another, with a reference of 100 ms. */
void runs_metric(struct runs *r, const char *name, double value, int count);
/* The same while the VM waited for a processor of the host in so many percent of the time. */
void runs_metric_starved(struct runs *r, const char *name, double value, int count, double percent);
void runs_artifact(struct runs *r, const char *role, const char *name, const void *data, size_t len);
/* A dump of role "minidump" or "process-dump" whose fault lies in `module` (one of the modules every such dump
 * lists: ntoskrnl.exe, alderflt.sys, birchflt.sys, cedarsvc.exe), with `on_stack` (or NULL) on the stack. */
void runs_dump(struct runs *r, const char *role, const char *module, const char *on_stack);
void runs_end(struct runs *r, bool complete);
/* Adds any observation: data as JSON text, single quotes allowed. */
void runs_add(struct runs *r, enum obs_type type, const char *data);

/* A whole cell that is healthy throughout; measures four workloads five times a phase. */
void runs_cell_passes(struct runs *r, const char *cell);
/* Healthy before, with metrics; the caller goes on in phase after, at the step after apply. */
void runs_cell_until_applied(struct runs *r, const char *cell);

/* Analyses; the test fails when that does. */
struct analysis *runs_analyse(struct runs *r);
const struct analysis_cell *runs_find_cell(const struct analysis *a, const char *id);
const struct analysis_update *runs_find_update(const struct analysis *a, const char *id);

#endif
