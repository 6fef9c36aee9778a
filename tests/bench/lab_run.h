/* Runs of the real program for benchmarks: matrices in a temporary folder, `coexist run` on the lab's image, what its
 * journal says. Everything is removed by lab_free.
 *
 *     COEXIST_BUILD   where the program and the samples were built (build)
 *     COEXIST_LAB     lab folder with the image winelab (lab) */
#ifndef COEXIST_TESTS_BENCH_LAB_RUN_H
#define COEXIST_TESTS_BENCH_LAB_RUN_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct lab {
    char dir[64];   /* temporary */
    char *program, *samples, *lab_dir, *runs_dir; /* absolute; owned */
};

/* Negative with err when there is no image: then nothing can be measured here. */
int lab_open(struct lab *l, struct err *err);
void lab_free(struct lab *l);

/* A file of that name in the folder. Caller frees its path; NULL with err. */
char *lab_write_json(const struct lab *l, const char *name, const json_t *content, struct err *err);
/* Path of a sample's file, "alder/product.json". Caller frees. */
char *lab_sample(const struct lab *l, const char *name);

struct lab_run {
    double seconds; /* from fork to exit */
    int exit_code;
    char *dir;      /* runs/<id>; owned */
};
/* Runs the matrix; option may be NULL. on_tick, when given, is called every 20 ms with the pid of the orchestrator. */
int lab_run_matrix(const struct lab *l, const char *matrix, const char *option,
                   void (*on_tick)(pid_t orchestrator, void *ctx), void *ctx, struct lab_run *out,
                   struct err *err);
void lab_run_clear(struct lab_run *r);

/* report.json of a run: object cell id -> verdict. New reference; NULL with err. */
json_t *lab_run_verdicts(const struct lab_run *r, struct err *err);

#endif
