/* The journal of a run: SQLite in WAL mode, one writer, runs/<id>/journal.sqlite; artifacts beside
 * it under runs/<id>/artifacts/ab/<sha256>. The seam of the whole program: everything right of it
 * (analysis, reports) works from here alone, without a VM, at any time later. */
#ifndef COEXIST_JOURNAL_JOURNAL_H
#define COEXIST_JOURNAL_JOURNAL_H

#include "journal/observation.h"

/* PRAGMA user_version. 1 knew neither kept states nor resuming: it is still read, reported and marked as
 * interrupted, but not gone on with. */
#define JOURNAL_FORMAT 2
#define JOURNAL_FORMAT_OLDEST 1

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
    json_t *resumed;  /* array of ISO 8601 UTC: when it was taken up again; ignored by journal_create */
};
void journal_run_clear(struct journal_run *r);

/* Makes the folder and the database. Fails when the run already exists. */
struct journal *journal_create(const char *run_dir, const struct journal_run *run, struct err *err);
/* read_only: for analysis; never writes, works while a writer runs and after a kill -9. Refuses
 * other formats with a message that says which version wrote it. */
struct journal *journal_open(const char *run_dir, int read_only, struct err *err);
void journal_close(struct journal *j);
int journal_format(const struct journal *j); /* JOURNAL_FORMAT_OLDEST .. JOURNAL_FORMAT */
/* Looks at every page of the file (sqlite.org/pragma.html, quick_check). ERR_INPUT when it is damaged. */
int journal_check(struct journal *j, struct err *err);

/* Durable when it returns for step-end, failure, cell-begin, cell-end and state (synchronous=FULL commit);
 * others at the latest with the next of those. A (cell, attempt, seq) already there is ignored. */
int journal_append(struct journal *j, const struct observation *o, struct err *err);
int journal_finish(struct journal *j, const char *outcome, struct err *err);
/* The run goes on: it has no end and no outcome any more, and one more time in `resumed`. Durable. */
int journal_resume(struct journal *j, struct err *err);

int journal_read_run(struct journal *j, struct journal_run *out, struct err *err);
/* Calls fn for every observation in (cell, attempt, seq) order; stops at the first non-zero. */
int journal_each(struct journal *j, int (*fn)(const struct observation *o, void *ctx), void *ctx,
                 struct err *err);
/* The id of every cell that anything was observed of, in order; stops at the first non-zero. */
int journal_each_cell(struct journal *j, int (*fn)(const char *cell, void *ctx), void *ctx, struct err *err);
/* The same as journal_each for one attempt of one cell. */
int journal_each_of(struct journal *j, const char *cell, int attempt,
                    int (*fn)(const struct observation *o, void *ctx), void *ctx, struct err *err);
/* Every attempt whole: what came before the state that it began from (cell-begin's "from") stands before its
 * own observations, as if the attempt had made it itself; `seq` counts anew through both. Where the journal
 * does not hold what "from" names, a failure "lab-bug" stands there instead, which says so: such a cell says
 * nothing about products. */
int journal_each_whole(struct journal *j, int (*fn)(const struct observation *o, void *ctx), void *ctx,
                       struct err *err);

#endif
