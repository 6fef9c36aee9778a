/* Workloads of a matrix: the parameters each one knows, as the agent bounds them, and the gates about what they
 * measure. */
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "model/check.h"

enum { WORKLOAD_PARAMS = 2 };

/* agents/proto/PROTOCOL.md, operation "workload". */
static const struct workload_words {
    const char *name;
    struct workload_param {
        const char *name;
        int64_t most; /* 0: as the schema says */
    } params[WORKLOAD_PARAMS]; /* beside "dir" */
} workloads_known[] = {
    {"copy-small", {{"files", 0}, {"bytes", 0}}},
    {"copy-large", {{"files", 0}, {"bytes", 0}}},
    {"archive", {{"files", 1000}, {"bytes", 512 << 10}}},
    {"unarchive", {{"files", 1000}, {"bytes", 512 << 10}}},
    {"launch", {{"count", 0}, {"stay_ms", 0}}},
    {"registry", {{"keys", 0}}},
    {"idle", {{"window_ms", 0}}},
    {"load", {{"window_ms", 0}}},
};

static const struct workload_words *workloads_find(const char *name) {
    for (size_t i = 0; i < ARRAY_LEN(workloads_known); i++) {
        if (str_eq(workloads_known[i].name, name)) {
            return &workloads_known[i];
        }
    }
    return NULL;
}

static bool workloads_any_knows(const char *param) {
    for (size_t i = 0; i < ARRAY_LEN(workloads_known); i++) {
        for (size_t k = 0; k < WORKLOAD_PARAMS; k++) {
            if (str_eq(workloads_known[i].params[k].name, param)) {
                return true;
            }
        }
    }
    return str_eq(param, "dir");
}

static void workloads_check_param(const struct input *in, const char *pointer, const struct workload_words *w,
                                  const char *name, const json_t *value) {
    const struct workload_param *known = NULL;
    CLEANUP_STR struct str hint = STR_INIT;
    str_addf(&hint, "\"%s\" knows dir", w->name);
    for (size_t i = 0; i < WORKLOAD_PARAMS && w->params[i].name; i++) {
        known = str_eq(w->params[i].name, name) ? &w->params[i] : known;
        str_addf(&hint, ", %s", w->params[i].name);
    }
    if (!known && !str_eq(name, "dir") && workloads_any_knows(name)) { /* else the schema complained */
        json_doc_complain(in->matrix.doc, pointer, 1, in->diags, "no-effect", str_get(&hint),
                          "workload \"%s\" has no parameter \"%s\"", w->name, name);
    } else if (known && known->most && json_is_number(value) && json_number_value(value) > (double)known->most) {
        json_doc_complain(in->matrix.doc, pointer, 0, in->diags, "out-of-range", NULL,
                          "\"%s\" of workload \"%s\" is at most %" PRId64, name, w->name, known->most);
    }
}

static void workloads_check_params(const struct input *in) {
    size_t i;
    json_t *workload, *value;
    json_array_foreach(json_object_get(in->matrix.root, "workloads"), i, workload) {
        const struct workload_words *w = workloads_find(json_string_value(json_object_get(workload, "name")));
        const char *name;
        json_object_foreach(w ? json_object_get(workload, "params") : NULL, name, value) {
            CLEANUP_FREE char *at = str_printf("/workloads/%zu/params/%s", i, name);
            workloads_check_param(in, at, w, name, value);
        }
    }
}

static bool workloads_measure(const json_t *workloads, const char *name) {
    for (size_t i = 0; i < json_array_size(workloads); i++) {
        if (str_eq(json_string_value(json_object_get(json_array_get(workloads, i), "name")), name)) {
            return true;
        }
    }
    return !workloads; /* none listed: all are run */
}

/* A gate compares what is measured before the update with what is measured after it. */
static const char *workloads_unmeasured(const json_t *steps) {
    bool applied = false, before = false, after = false;
    for (size_t i = 0; i < json_array_size(steps); i++) {
        const char *name = check_step_name(json_array_get(steps, i));
        applied |= str_eq(name, "apply");
        before |= str_eq(name, "measure") && !applied;
        after |= str_eq(name, "measure") && applied;
    }
    if (!json_array_size(steps) || (before && after)) {
        return NULL; /* the default steps have both */
    }
    return before ? "behind" : after ? "before" : "both before and behind";
}

static void workloads_check_gates(const struct input *in) {
    const json_t *gates = json_object_get(in->matrix.root, "gates");
    const json_t *workloads = json_object_get(in->matrix.root, "workloads");
    const char *missing = workloads_unmeasured(json_object_get(in->matrix.root, "steps"));
    for (size_t i = 0; i < json_array_size(gates); i++) {
        const char *metric = json_string_value(json_object_get(json_array_get(gates, i), "metric"));
        CLEANUP_FREE char *at = str_printf("/gates/%zu/metric", i);
        if (metric && !str_eq(metric, "*") && !workloads_measure(workloads, metric)) {
            json_doc_complain(in->matrix.doc, at, 0, in->diags, "impossible",
                              "add the workload to \"workloads\", or remove the gate",
                              "no workload measures \"%s\", so this gate could never apply", metric);
        } else if (metric && missing && in->update_count > 0) {
            CLEANUP_FREE char *hint = str_printf("add \"measure\" to \"steps\", %s \"apply\"", missing);
            json_doc_complain(in->matrix.doc, at, 0, in->diags, "impossible", hint,
                              "nothing is measured %s \"apply\", so this gate could never apply", missing);
        }
    }
}

void check_workloads(const struct input *in) {
    workloads_check_params(in);
    workloads_check_gates(in);
}
