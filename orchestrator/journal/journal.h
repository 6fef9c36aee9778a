/* The journal of a run: SQLite in WAL mode, one writer, runs/<id>/journal.sqlite; artifacts beside
 * it under runs/<id>/artifacts/ab/<sha256>. The seam of the whole program: everything right of it
 * (analysis, reports) works from here alone, without a VM, at any time later. */
#ifndef COEXIST_JOURNAL_JOURNAL_H
#define COEXIST_JOURNAL_JOURNAL_H

#include "journal/observation.h"

#define JOURNAL_FORMAT 1 /* PRAGMA user_version */

struct journal; /* opaque */

struct journal_run { /* what a run is; all owned by the caller when passed in, by journal_run_clear when read */
    char *id;         /* "20261121-050000-demo-1a2b" */
    char *started;    /* ISO 8601 UTC */
    char *ended;      /* NULL while running */
    char *version;    /* of coexist */
    char *host;       /* text: CPU model, cores, memory, accelerator */
    json_t *matrix;   /* model->source */
    json_t *images;   /* object: image name -> its manifest */
    json_t *plan;     /* plan_to_json */
    char *outcome;    /* NULL while running; "finished", "interrupted" */
};
void journal_run_clear(struct journal_run *r);

/* Makes the folder and the database. Fails when the run already exists. */
struct journal *journal_create(const char *run_dir, const struct journal_run *run, struct err *err);
/* read_only: for analysis; never writes, works while a writer runs and after a kill -9. Refuses
 * other formats with a message that says which version wrote it. */
struct journal *journal_open(const char *run_dir, int read_only, struct err *err);
void journal_close(struct journal *j);

/* Durable when it returns for step-end, failure, cell-end (synchronous=FULL commit); others at the
 * latest with the next of those. A (cell, attempt, seq) already there is ignored. */
int journal_append(struct journal *j, const struct observation *o, struct err *err);
int journal_finish(struct journal *j, const char *outcome, struct err *err);

int journal_read_run(struct journal *j, struct journal_run *out, struct err *err);
/* Calls fn for every observation in (cell, attempt, seq) order; stops at the first non-zero. */
int journal_each(struct journal *j, int (*fn)(const struct observation *o, void *ctx), void *ctx,
                 struct err *err);

#endif
