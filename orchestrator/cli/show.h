/* What a run shows while it goes on: for people lines and a progress line on standard error, for machines one
 * JSON object a line on standard output (the events are listed in `coexist run --help`). */
#ifndef COEXIST_CLI_SHOW_H
#define COEXIST_CLI_SHOW_H

#include "cli/cli.h"
#include "run/run.h"

struct show {
    struct cli *cli;
    bool events;        /* also for machines */
    int minimize;       /* budget of minimisation runs; -1: the matrix' */
    int jobs;
    int64_t began;
    bool line_open;     /* a progress line stands without its newline */
    char last_wait[200];
};

void show_init(struct show *s, struct cli *cli, bool events, int jobs);
/* Callbacks with s as their context. */
void show_progress(struct show *s, struct sched_progress *out);
void show_run_started(void *show, const char *run_id, const char *run_dir, const struct plan *plan,
                      size_t done);
/* The last line of all: exit is the program's. err may be clear. */
void show_run_ended(struct show *s, const struct run_result *r, int exit, const struct err *err);

#endif
