#include "cli/show.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define SHOW_FORMAT "coexist-events/1"

void show_init(struct show *s, struct cli *cli, bool events, int jobs) {
    *s = (struct show){.cli = cli, .events = events, .jobs = jobs,
                       .began = clock_now(clock_monotonic())};
}

/* ---- for machines --------------------------------------------------------------------------- */

/* Takes data. Each line is written whole and at once: who reads it may be waiting for it. */
static void event_write(const struct show *s, const char *name, json_t *data) {
    char now[32];
    clock_wall_iso(now);
    if (s->events && data) {
        json_t *line = json_pack("{s:s, s:s, s:I}", "event", name, "at", now, "ms",
                                 (json_int_t)((clock_now(clock_monotonic()) - s->began) / CLOCK_MS));
        json_object_update(line, data);
        json_dumpf(line, stdout, JSON_COMPACT);
        putchar('\n');
        fflush(stdout);
        json_decref(line);
    }
    json_decref(data);
}

static void event_counts(json_t *data, const struct sched_counts *n) {
    json_object_set_new(data, "counts",
                        json_pack("{s:I, s:I, s:I, s:I, s:o}", "cells", (json_int_t)n->cells, "done",
                                  (json_int_t)n->done, "running", (json_int_t)n->running, "failed",
                                  (json_int_t)n->failed, "eta_ms",
                                  n->eta_ms < 0 ? json_null() : json_integer(n->eta_ms)));
}

/* ---- for people ----------------------------------------------------------------------------- */

static void show_clear(struct show *s) {
    if (s->line_open) {
        fputs("\r\033[K", stderr);
        s->line_open = false;
    }
}

static void show_left(int64_t ms) {
    long long s = (long long)(ms + 999) / 1000;
    if (s < 120) {
        fprintf(stderr, ", about %lld s left", s);
    } else if (s < 7200) {
        fprintf(stderr, ", about %lld min left", (s + 30) / 60);
    } else {
        fprintf(stderr, ", about %lld h %lld min left", s / 3600, s % 3600 / 60);
    }
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
        show_left(n->eta_ms);
    }
    s->line_open = true;
}

static void show_line(struct show *s, const char *cell, const char *what) {
    show_clear(s);
    fprintf(stderr, "coexist: %4lld s  %-44s %s\n",
            (long long)((clock_now(clock_monotonic()) - s->began) / CLOCK_S), cell, what);
}

/* ---- callbacks ------------------------------------------------------------------------------ */

static void show_cell_started(void *ctx, const struct plan_cell *cell, int attempt,
                              const struct sched_counts *n) {
    struct show *s = ctx;
    char what[64];
    snprintf(what, sizeof(what), attempt > 1 ? "started (attempt %d)" : "started", attempt);
    show_line(s, cell->id, what);
    show_counts(s, n);
    json_t *data = json_pack("{s:s, s:i}", "cell", cell->id, "attempt", attempt);
    event_counts(data, n);
    event_write(s, "cell-started", data);
}

static void show_step_started(void *ctx, const struct plan_cell *cell, int step,
                              const struct sched_counts *n) {
    struct show *s = ctx;
    const char *kind = step_kind_name(cell->steps[step].kind);
    if (s->cli->log.level >= LOG_LEVEL_DEBUG || !s->cli->terminal) {
        char what[96];
        snprintf(what, sizeof(what), "%d/%zu %s", step + 1, cell->step_count, kind);
        show_line(s, cell->id, what);
    }
    show_counts(s, n);
    json_t *data = json_pack("{s:s, s:i, s:I, s:s}", "cell", cell->id, "step", step, "steps",
                             (json_int_t)cell->step_count, "kind", kind);
    event_counts(data, n);
    event_write(s, "step-started", data);
}

static void show_cell_finished(void *ctx, const struct plan_cell *cell, const char *outcome,
                               const struct sched_counts *n) {
    struct show *s = ctx;
    show_line(s, cell->id, outcome);
    show_counts(s, n);
    json_t *data = json_pack("{s:s, s:s}", "cell", cell->id, "outcome", outcome);
    event_counts(data, n);
    event_write(s, "cell-finished", data);
}

static void show_waiting(void *ctx, const char *why) {
    struct show *s = ctx;
    if (strcmp(s->last_wait, why) != 0) { /* said once, not at every look */
        snprintf(s->last_wait, sizeof(s->last_wait), "%s", why);
        show_line(s, "waiting for room:", why);
        event_write(s, "waiting", json_pack("{s:s}", "why", why));
    }
}

void show_progress(struct show *s, struct sched_progress *out) {
    *out = (struct sched_progress){.cell_started = show_cell_started,
                                   .step_started = show_step_started,
                                   .cell_finished = show_cell_finished,
                                   .waiting = show_waiting, .ctx = s};
}

void show_run_started(void *ctx, const char *run_id, const char *run_dir, const struct plan *plan,
                      size_t done) {
    struct show *s = ctx;
    const struct model *m = plan->model;
    show_clear(s);
    fprintf(stderr, "coexist: %s: %zu cell%s", m->title ? m->title : m->name, plan->cell_count,
            plan->cell_count == 1 ? "" : "s");
    if (done > 0) {
        fprintf(stderr, ", %zu of them done before", done);
    }
    fprintf(stderr, ", %d at a time\ncoexist: run %s in %s\n", s->jobs, run_id, run_dir);
    event_write(s, "run-started",
                json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:i}", "format", SHOW_FORMAT, "run", run_id,
                          "dir", run_dir, "matrix", m->name, "cells", (json_int_t)plan->cell_count,
                          "done", (json_int_t)done, "jobs", s->jobs));
}

void show_run_ended(struct show *s, const struct run_result *r, int exit, const struct err *err) {
    static const char *const decisions[] = {[CLI_SHIP] = "ship", [CLI_HOLD] = "hold",
                                            [CLI_NOT_KNOWN] = "unknown"};
    const char *decision = err_is_set(err) || exit > CLI_NOT_KNOWN ? NULL : decisions[exit];
    const char *outcome = err_is_set(err) || exit == CLI_LAB_FAILED ? "failed"
                          : r->cells.interrupted                    ? "interrupted"
                                                                    : "finished";
    show_clear(s);
    event_write(s, "run-ended",
                json_pack("{s:s?, s:s?, s:s, s:s?, s:i, s:s?}", "run", r->id, "dir", r->dir, "outcome",
                          outcome, "decision", decision, "exit", exit, "error",
                          err_is_set(err) ? err_text(err) : NULL));
}
