/* coexist run: execute a matrix. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/outcome.h"
#include "run/run.h"

static const struct cli_option options[] = {
    {"jobs", "N", "cells at a time (default: 2)"},
    {"json", NULL, "print report.json on standard output instead of the table"},
    {NULL, NULL, NULL},
};

struct show {
    struct cli *cli;
    int64_t began;
    bool line_open; /* a progress line stands without its newline */
    char last_wait[200];
};

static void show_clear(struct show *s) {
    if (s->line_open) {
        fputs("\r\033[K", stderr);
        s->line_open = false;
    }
}

static long long show_seconds(const struct show *s) {
    return (long long)((clock_now(clock_monotonic()) - s->began) / CLOCK_S);
}

/* The line that is redrawn; only where there is a terminal to redraw it on. */
static void show_counts(struct show *s, const struct sched_counts *n) {
    if (!s->cli->terminal) {
        return;
    }
    show_clear(s);
    fprintf(stderr, "%zu/%zu cells done, %zu running", n->done, n->cells, n->running);
    if (n->failed) {
        fprintf(stderr, ", %zu failed in the lab", n->failed);
    }
    if (n->eta_ms >= 0) {
        fprintf(stderr, ", about %lld s left", (long long)(n->eta_ms / 1000));
    }
    s->line_open = true;
}

static void show_line(struct show *s, const char *cell, const char *what) {
    show_clear(s);
    fprintf(stderr, "coexist: %4lld s  %-44s %s\n", show_seconds(s), cell, what);
}

static void show_cell_started(void *ctx, const struct plan_cell *cell, int attempt,
                              const struct sched_counts *n) {
    char what[64];
    snprintf(what, sizeof(what), attempt > 1 ? "started (attempt %d)" : "started", attempt);
    show_line(ctx, cell->id, what);
    show_counts(ctx, n);
}

static void show_step_started(void *ctx, const struct plan_cell *cell, int step,
                              const struct sched_counts *n) {
    struct show *s = ctx;
    if (s->cli->log.level >= LOG_LEVEL_DEBUG || !s->cli->terminal) {
        char what[96];
        snprintf(what, sizeof(what), "%d/%zu %s", step + 1, cell->step_count,
                 step_kind_name(cell->steps[step].kind));
        show_line(s, cell->id, what);
    }
    show_counts(s, n);
}

static void show_cell_finished(void *ctx, const struct plan_cell *cell, const char *outcome,
                               const struct sched_counts *n) {
    show_line(ctx, cell->id, outcome);
    show_counts(ctx, n);
}

static void show_waiting(void *ctx, const char *why) {
    struct show *s = ctx;
    if (strcmp(s->last_wait, why) != 0) { /* said once, not at every look */
        snprintf(s->last_wait, sizeof(s->last_wait), "%s", why);
        show_line(s, "waiting for room on this host:", why);
    }
}

static void show_run_started(void *ctx, const char *run_id, const char *run_dir) {
    struct show *s = ctx;
    show_clear(s);
    fprintf(stderr, "coexist: run %s in %s\n", run_id, run_dir);
}

static int run_execute(struct cli *cli, const struct model *m, const struct plan *p, int jobs,
                       bool as_json) {
    struct show show = {.cli = cli, .began = clock_now(clock_monotonic())};
    struct run_opts o = {
        .model = m, .plan = p, .lab_dir = cli->lab_dir, .runs_dir = cli->runs_dir,
        .version = COEXIST_VERSION, .jobs = jobs, .log = &cli->log,
        .progress = {show_cell_started, show_step_started, show_cell_finished, show_waiting, &show},
        .started = show_run_started, .ctx = &show,
    };
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP(run_result_clear) struct run_result res = {0};
    fprintf(stderr, "coexist: %s: %zu cell%s, %d at a time\n", m->title ? m->title : m->name,
            p->cell_count, p->cell_count == 1 ? "" : "s", jobs);
    int rc = run_start(&o, &res, &err);
    show_clear(&show);
    if (rc < 0 && !res.dir) {
        return cli_fail(&err);
    }
    int decided = outcome_show(cli, res.dir, as_json);
    return rc < 0 ? cli_fail(&err) : decided;
}

static int run_run(struct cli *cli, const struct cli_args *args) {
    long jobs = 2;
    const char *asked = cli_value(cmd_run(), args, "jobs");
    if (asked && cli_number("jobs", asked, 1, SCHED_JOBS_MAX, &jobs) < 0) {
        return CLI_BAD_INPUT;
    }
    struct diags diags = DIAGS_INIT;
    struct model *m = model_load(args->operands[0], &diags);
    struct plan *p = m ? plan_build(m, &diags) : NULL;
    int rc = diags.count || !p
                 ? cli_fail_input(&diags, false)
                 : run_execute(cli, m, p, (int)jobs, cli_value(cmd_run(), args, "json") != NULL);
    plan_free(p);
    model_free(m);
    diags_free(&diags);
    return rc;
}

const struct cli_verb *cmd_run(void) {
    static const struct cli_verb verb = {
        .name = "run",
        .operands = "MATRIX.json",
        .min_operands = 1,
        .max_operands = 1,
        .summary = "execute a matrix on real machines and report",
        .about = "Checks the matrix and the images, then runs every cell in a machine of its own: "
                 "boot, install, verify, measure, apply the update, restart, verify and measure "
                 "again, collect evidence, tear down. Everything observed goes to the journal in "
                 "runs/<id>/ as it comes; at the end report.html, report.json and junit.xml are "
                 "written there.\n"
                 "Progress goes to standard error, the summary to standard output. The first "
                 "interrupt (Ctrl-C) lets the running steps finish, the second one stops at once; "
                 "what was observed is reported either way.",
        .options = options,
        .run = run_run,
    };
    return &verb;
}
