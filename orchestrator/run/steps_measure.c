/* The matrix's workloads, run by the agent, one observation for each sample. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "run/cell_state.h"

/* More rows than any sane answer has: processes times repetitions. */
enum { MEASURE_ROWS_MAX = 20000 };

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

/* The product of this cell that a process belongs to, or NULL. */
static const char *measure_owner(const struct cell *c, const char *process) {
    const struct plan_cell *p = c->env->cell;
    for (size_t i = 0; i < p->product_count; i++) {
        for (char **m = p->products[i]->modules; m && *m; m++) {
            if (str_eq_nocase(*m, process)) {
                return p->products[i]->id;
            }
        }
    }
    return NULL;
}

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
static bool measure_row(struct cell *c, const char *workload, const json_t *row) {
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
    const char *owner = process ? measure_owner(c, process) : NULL;
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
                       .rep = (int)i,
                       .process = process, .product = owner});
    return true;
}

static void measure_rows(struct cell *c, const char *workload, const json_t *items) {
    size_t i, bad = 0;
    json_t *row;
    json_array_foreach((json_t *)items, i, row) {
        if (i >= MEASURE_ROWS_MAX) {
            cell_note(c, "workload %s: rows after the first %d were dropped", workload,
                      MEASURE_ROWS_MAX);
            break;
        }
        bad += !measure_row(c, workload, row);
    }
    if (bad > 0) {
        cell_note(c, "workload %s: %zu rows without a usable value", workload, bad);
    }
}

static int measure_workload(struct cell *c, const struct model_workload *w, struct err *err) {
    json_t *args = json_pack("{s:s, s:i}", "name", w->name, "repetitions", w->repetitions);
    if (w->params) {
        json_object_set(args, "params", w->params);
    }
    int64_t limit = c->env->limits.call + c->env->limits.workload * w->repetitions;
    json_t *result = NULL;
    CLEANUP_ERR struct err refused = ERR_INIT;
    if (cell_call(c, "workload", args, limit, &result, &refused) < 0) {
        bool unable = refused.cls == ERR_REFUSED && strstr(err_text(&refused), "unsupported");
        if (!unable) {
            err_move(err, &refused);
            err_prefix(err, "workload %s", w->name);
            return -1;
        }
        cell_note(c, "workload %s cannot run in this guest: %s", w->name, err_text(&refused));
        return 0;
    }
    measure_rows(c, w->name, json_object_get(result, "items"));
    json_decref(result);
    return 0;
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
                           .reference_ms = NAN});
    }
    json_decref(result);
    return 0;
}

int step_measure(struct cell *c, struct err *err) {
    const struct model *m = c->env->model;
    if (measure_disk(c, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < m->workload_count; i++) {
        if (measure_workload(c, &m->workloads[i], err) < 0) {
            return -1;
        }
    }
    return 0;
}
