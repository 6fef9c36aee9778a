/* The matrix's workloads, run by the agent, one observation for each sample. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "run/cell_state.h"
#include "run/vitals.h"

enum {
    MEASURE_ROWS_MAX = 20000, /* more than any sane answer has: processes times repetitions */
    MEASURE_ROUNDS = 3,       /* how often a workload is run until the host let it run */
    MEASURE_TRIES = 3,        /* ... until the guest does: a start that fails once is no harm, as in vitals.h */
    MEASURE_BUSY_PERCENT = 50, /* of one processor: a guest that takes more is busy with something of its own */
};
#define MEASURE_LOOK CLOCK_S /* over so long */

/* The agent's names of what idle and load tell (agents/proto/PROTOCOL.md, Workloads), after the
 * workload's own and a dot, and theirs in the journal, where "process" tells the system's from a
 * process's own. */
static const struct {
    const char *agent, *journal;
} measure_names[] = {
    {"cpu", "cpu"},
    {"memory_used", "memory"},
    {"handles", "handles"},
    {"process.cpu", "cpu"},
    {"process.working_set", "memory"},
    {"process.handles", "handles"},
};

/* Timed workloads have one metric, called like the workload. */
static void measure_name(const char *workload, const char *metric, char out[100]) {
    size_t n = strlen(workload);
    const char *rest = strncmp(metric, workload, n) == 0 && metric[n] == '.' ? metric + n + 1
                                                                               : metric;
    for (size_t i = 0; i < ARRAY_LEN(measure_names); i++) {
        if (strcmp(rest, measure_names[i].agent) == 0) {
            snprintf(out, 100, "%.40s.%s", workload, measure_names[i].journal);
            return;
        }
    }
    if (strcmp(metric, workload) == 0) {
        snprintf(out, 100, "%.90s", workload);
    } else {
        snprintf(out, 100, "%.40s.%.50s", workload, rest);
    }
}

struct measure_round { /* one call of the agent: all repetitions of a workload */
    const struct model_workload *workload;
    int first_rep;  /* number of its first repetition among all rounds */
    double starved; /* percent of its time that the VM waited for a processor of the host; NAN */
};

static bool measure_unit_known(const char *unit) {
    static const char *const units[] = {"ms", "bytes", "percent", "count"};
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (strcmp(unit, units[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* False when the row is not one of ours: said once by the caller. */
static bool measure_row(struct cell *c, const struct measure_round *round, const json_t *row) {
    const char *workload = round->workload->name;
    const json_t *value = json_object_get(row, "value");
    const json_t *reference = json_object_get(row, "reference_ms");
    const char *metric = json_string_value(json_object_get(row, "metric"));
    const char *unit = json_string_value(json_object_get(row, "unit"));
    json_int_t i = json_integer_value(json_object_get(row, "i"));
    if (!metric || !unit || !json_is_number(value) || !measure_unit_known(unit) || i < 0 ||
        i > 1000000) {
        return false;
    }
    const char *process = json_string_value(json_object_get(row, "process"));
    const struct model_product *owner = process ? cell_module_owner(c, process, 0) : NULL;
    if (process && !owner) {
        return true; /* the system's own processes are part of its sums */
    }
    char name[100];
    measure_name(workload, metric, name);
    cell_metric(c, &(struct cell_metric){
                       .name = name, .unit = unit, .source = "agent",
                       .value = json_number_value(value),
                       .reference_ms = json_is_number(reference) ? json_number_value(reference)
                                                                 : NAN,
                       .rep = (int)i + round->first_rep, .starved = round->starved,
                       .process = process, .product = owner ? owner->id : NULL});
    return true;
}

static void measure_rows(struct cell *c, const struct measure_round *round, const json_t *items) {
    const char *workload = round->workload->name;
    size_t i, bad = 0;
    json_t *row;
    json_array_foreach((json_t *)items, i, row) {
        if (i >= MEASURE_ROWS_MAX) {
            cell_note(c, "workload %s: rows after the first %d were dropped", workload,
                      MEASURE_ROWS_MAX);
            break;
        }
        bad += !measure_row(c, round, row);
    }
    if (bad > 0) {
        cell_note(c, "workload %s: %zu rows without a usable value", workload, bad);
    }
}

/* NULL without err: this guest cannot run it. New reference. */
static json_t *measure_call(struct cell *c, const struct model_workload *w, struct err *err) {
    json_t *args = json_pack("{s:s, s:i}", "name", w->name, "repetitions", w->repetitions);
    if (w->params) {
        json_object_set(args, "params", w->params);
    }
    int64_t limit = c->env->limits.call + c->env->limits.workload * w->repetitions;
    json_t *result = NULL;
    CLEANUP_ERR struct err refused = ERR_INIT;
    if (cell_call(c, "workload", args, limit, &result, &refused) < 0) {
        if (refused.cls != ERR_REFUSED || !strstr(err_text(&refused), "unsupported")) {
            err_move(err, &refused);
            err_prefix(err, "workload %s", w->name);
            return NULL;
        }
        cell_note(c, "workload %s cannot run in this guest: %s", w->name, err_text(&refused));
    }
    return result;
}

/* A host that has no processor for the VM makes everything slow, whatever the guest does: such a round is
 * kept, told as what it is, and measured again. 1: measured, 0: once more, negative with err. */
static int measure_round(struct cell *c, struct measure_round *round, struct err *err) {
    int64_t began = clock_now(c->env->clock), starved = -1, until = -1;
    json_t *result = cell_starved(c, &starved, err) < 0 ? NULL : measure_call(c, round->workload, err);
    if (!result) {
        return err_is_set(err) ? -1 : 1;
    }
    int64_t took = clock_now(c->env->clock) - began;
    if (cell_starved(c, &until, err) < 0) {
        json_decref(result);
        return -1;
    }
    bool known = starved >= 0 && until >= starved && took > 0;
    round->starved = known ? 100.0 * (double)(until - starved) / (double)took : NAN;
    measure_rows(c, round, json_object_get(result, "items"));
    json_decref(result);
    return known && round->starved > OBS_STARVED_PERCENT ? 0 : 1;
}

static int measure_workload(struct cell *c, const struct model_workload *w, struct err *err) {
    struct measure_round round = {.workload = w};
    CLEANUP_STR struct str starved = STR_INIT;
    int rc = 0;
    for (int i = 0; i < MEASURE_ROUNDS && rc == 0 && !cell_stop_now(c); i++) {
        round.first_rep = i * w->repetitions;
        rc = measure_round(c, &round, err);
        if (rc == 0) {
            str_addf(&starved, "%s%.0f %%", i ? ", " : "", round.starved);
        }
    }
    if (starved.len > 0) {
        cell_note(c, "workload %s: the host had no processor for the VM in %s of the time%s", w->name,
                  str_get(&starved), rc > 0 ? "; measured again until it had" : "");
    }
    return rc < 0 ? -1 : 0;
}

/* Disk footprint: what is used on the system drive. */
static int measure_disk(struct cell *c, struct err *err) {
    json_t *result = NULL;
    if (cell_call(c, "system", NULL, c->env->limits.call, &result, err) < 0) {
        return -1;
    }
    const json_t *total = json_object_get(result, "disk_total");
    const json_t *free_bytes = json_object_get(result, "disk_free");
    if (json_is_number(total) && json_is_number(free_bytes)) {
        cell_metric(c, &(struct cell_metric){
                           .name = "disk.used", .unit = "bytes", .source = "agent",
                           .value = json_number_value(total) - json_number_value(free_bytes),
                           .reference_ms = NAN, .starved = NAN});
    }
    json_decref(result);
    return 0;
}

/* What the guest's own system refused to an ordinary program, not to the lab's request. */
static bool measure_is_broken(const struct err *err) {
    static const char *const codes[] = {"os: ", "denied: ", "not-found: "};
    for (size_t i = 0; err->cls == ERR_REFUSED && i < ARRAY_LEN(codes); i++) {
        if (strstr(err_text(err), codes[i])) {
            return true;
        }
    }
    return false;
}

/* Work that anybody does on a computer does not go through any more: a full disk, say. */
static int measure_broken(struct cell *c, const struct model_workload *w, struct err *err) {
    cell_check(c, "launch", w->name, NULL, false, "done", err_text(err));
    cell_fail(c, FAILURE_APPLICATION_BROKEN, NULL, "%s, %d times in a row", err_text(err), MEASURE_TRIES);
    err_clear(err);
    return vitals_begin(c, err) < 0 ? -1 : vitals_end(c, true, err);
}

/* 1: measured, 0: the guest's system does not let it through, told as a failure; negative with err. */
static int measure_until_done(struct cell *c, const struct model_workload *w, struct err *err) {
    for (int i = 1; measure_workload(c, w, err) < 0; i++) {
        if (!measure_is_broken(err)) {
            return -1;
        }
        if (i == MEASURE_TRIES) {
            return measure_broken(c, w, err);
        }
        cell_note(c, "%s; tried again", err_text(err));
        err_clear(err);
    }
    return 1;
}

static int measure_all(struct cell *c, struct err *err) {
    const struct model *m = c->env->model;
    if (measure_disk(c, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < m->workload_count; i++) {
        int rc = measure_until_done(c, &m->workloads[i], err);
        if (rc <= 0) {
            return rc;
        }
    }
    return 0;
}

/* Percent of one processor that the VM takes while the lab asks nothing of it; negative: not known. */
static int measure_busy(struct cell *c, int *percent, struct err *err) {
    struct vm_diagnostics was, is;
    int64_t began = clock_now(c->env->clock);
    *percent = -1;
    int seen = cell_diagnose(c, &was, err) < 0 ? -1 : cell_watch(c, cell_in(c, MEASURE_LOOK), err);
    if (seen > 0) {
        c->side = CELL_SIDE_GUEST;
        return err_set(err, ERR_INTERRUPT, "the VM failed before it was measured");
    }
    if (seen < 0 || cell_diagnose(c, &is, err) < 0) {
        return -1;
    }
    int64_t took = clock_now(c->env->clock) - began;
    if (was.cpu_ns >= 0 && is.cpu_ns >= was.cpu_ns && took > 0) {
        *percent = (int)(100 * (is.cpu_ns - was.cpu_ns) / took);
    }
    return 0;
}

/* What an update has to do once is waited for; what does not end is part of what is measured. */
static int measure_await_calm(struct cell *c, struct err *err) {
    int64_t began = clock_now(c->env->clock), deadline = cell_in(c, c->env->limits.calm);
    int busy = 0, looks = 0;
    do {
        if (measure_busy(c, &busy, err) < 0) {
            return -1;
        }
        looks++;
    } while (busy > MEASURE_BUSY_PERCENT && clock_now(c->env->clock) < deadline);
    if (looks > 1) {
        cell_note(c, "%s after %lld s: the guest was busy with something of its own",
                  busy > MEASURE_BUSY_PERCENT ? "measured nevertheless" : "measured",
                  (long long)((clock_now(c->env->clock) - began) / CLOCK_S));
    }
    return 0;
}

int step_measure(struct cell *c, struct err *err) {
    if (cell_favour(c, true, err) < 0) {
        return -1;
    }
    int rc = measure_await_calm(c, err);
    rc = rc < 0 ? rc : measure_all(c, err);
    return cell_favour(c, false, rc < 0 ? NULL : err) < 0 ? -1 : rc;
}
