#include "model/doubts.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"

enum { DOUBTS_SAMPLES_MIN = 3 }; /* fewer on a side show nothing: analysis/METHOD.md, "slower" */

/* Index among the steps that the matrix lists; -1: it does not list this one, or none at all. */
static long doubts_listed(const struct input *in, const struct model *m, enum step_kind kind) {
    size_t listed = json_object_get(in->matrix.root, "steps") ? m->step_count : 0;
    for (size_t i = 0; i < listed; i++) {
        if (m->steps[i].kind == kind) {
            return (long)i;
        }
    }
    return -1;
}

static void doubts_steps(const struct input *in, const struct model *m, struct diags *out) {
    long apply = doubts_listed(in, m, STEP_APPLY), detect = doubts_listed(in, m, STEP_DETECT);
    if (apply >= 0 && doubts_listed(in, m, STEP_TOOK) < 0) {
        CLEANUP_FREE char *at = str_printf("/steps/%ld", apply);
        json_doc_complain(in->matrix.doc, at, 0, out, "took-not-asked", "add \"took\" behind it",
                          "no step asks whether an update took effect: one that changes nothing would pass");
    }
    bool detects = false;
    for (size_t i = 0; i < m->product_count; i++) {
        detects |= m->products[i].detection.name != NULL;
    }
    if (detect >= 0 && !detects) {
        CLEANUP_FREE char *at = str_printf("/steps/%ld", detect);
        json_doc_complain(in->matrix.doc, at, 0, out, "nothing-to-detect", "give products a \"detection\"",
                          "no product says how its protection is tried, so this step does nothing");
    }
}

static void doubts_workloads(const struct input *in, const struct model *m, struct diags *out) {
    bool asks = json_array_size(json_object_get(in->matrix.root, "workloads")) > 0;
    if (asks && json_object_get(in->matrix.root, "steps") && doubts_listed(in, m, STEP_MEASURE) < 0) {
        json_doc_complain(in->matrix.doc, "/workloads", 1, out, "not-measured",
                          "add \"measure\" before \"apply\" and after it", "no step measures these workloads");
    }
}

static bool doubts_holds_before(const struct model_check *took, const struct model_checks *health) {
    const struct model_check *has = model_check_find(health, took);
    return has && !took->sha256 && (!took->expect || (has->expect && str_eq_nocase(has->expect, took->expect)));
}

static void doubts_updates(const struct input *in, const struct model *m, struct diags *out) {
    for (size_t u = 0; u < m->update_count; u++) {
        const struct model_update *update = &m->updates[u];
        bool before = update->product && update->took.count > 0;
        for (size_t i = 0; before && i < update->took.count; i++) {
            before = doubts_holds_before(&update->took.items[i], &update->product->health);
        }
        if (before) {
            json_doc_complain(in->updates[u].doc, "/took", 0, out, "took-proves-nothing",
                              "add what is otherwise with the update: a version, a value, a file",
                              "all of this is so in every healthy %s, also without the update", update->product->id);
        }
    }
}

static bool doubts_set_has(const struct model_set *set, const struct model_product *p) {
    for (size_t i = 0; i < set->count; i++) {
        if (set->products[i] == p) {
            return true;
        }
    }
    return false;
}

/* Some set has both; of a matrix with "coverage" that is not looked into. */
static bool doubts_meet(const struct model *m, const struct model_product *p, const struct model_product *q) {
    bool meet = m->coverage != NULL;
    for (size_t s = 0; s < m->set_count; s++) {
        meet |= doubts_set_has(&m->sets[s], p) && doubts_set_has(&m->sets[s], q);
    }
    return meet;
}

static void doubts_products(const struct input *in, const struct model *m, struct diags *out) {
    for (size_t i = 0; i < m->product_count; i++) {
        if (!doubts_meet(m, &m->products[i], &m->products[i])) {
            CLEANUP_FREE char *at = str_printf("/products/%zu", i);
            json_doc_complain(in->matrix.doc, at, 0, out, "product-unused", "add it to a set, or remove it here",
                              "product \"%s\" is in no product set, so nothing is said of it", m->products[i].id);
        }
    }
}

/* Of two products that wait for the sample in one place, either's answer counts for both. */
static void doubts_one_place(const struct input *in, const struct model *m, struct diags *out) {
    for (size_t i = 1; i < m->product_count; i++) {
        const struct model_product *p = &m->products[i];
        for (size_t k = 0; p->detection.path && k < i; k++) {
            const struct model_product *other = &m->products[k];
            if (str_eq_nocase(p->detection.path, other->detection.path) && doubts_meet(m, p, other)) {
                json_doc_complain(in->products[i].doc, "/detection/path", 0, out, "one-place-for-two",
                                  "give each a place that only it looks at",
                                  "%s waits for its sample there, too: what one of them removes counts for both",
                                  other->id);
                break;
            }
        }
    }
}

/* How often a cell measures: before the update or after, whichever is less. */
static int doubts_measured(const struct model *m) {
    int sides[2] = {0, 0}, after = 0;
    for (size_t i = 0; i < m->step_count; i++) {
        after |= m->steps[i].kind == STEP_APPLY;
        sides[after] += m->steps[i].kind == STEP_MEASURE;
    }
    return sides[0] < sides[1] ? sides[0] : sides[1];
}

static void doubts_gates(const struct input *in, const struct model *m, struct diags *out) {
    int times = doubts_measured(m);
    for (size_t g = 0; g < m->gate_count; g++) {
        bool compares = m->gates[g].kind == GATE_SLOWER && m->update_count > 0;
        for (size_t w = 0; compares && w < m->workload_count; w++) {
            int samples = m->workloads[w].repetitions * times;
            if (str_eq(m->gates[g].metric, m->workloads[w].name) && samples < DOUBTS_SAMPLES_MIN) {
                CLEANUP_FREE char *at = str_printf("/gates/%zu/metric", g);
                CLEANUP_FREE char *hint = str_printf("let \"%s\" have \"repetitions\": %d or more",
                                                     m->workloads[w].name, DOUBTS_SAMPLES_MIN);
                json_doc_complain(in->matrix.doc, at, 0, out, "too-few-samples", hint,
                                  "%d sample%s on a side never show%s that something is slower", samples,
                                  samples == 1 ? "" : "s", samples == 1 ? "s" : "");
            }
        }
    }
}

static void doubts_codes(const struct input_doc *d, const char *pointer, const struct model_command *c,
                         struct diags *out) {
    for (size_t i = 0; i < c->reboot.count; i++) {
        if (model_codes_hold(&c->success, c->reboot.items[i])) {
            CLEANUP_FREE char *at = str_printf("%s/reboot/%zu", pointer, i);
            json_doc_complain(d->doc, at, 0, out, "code-in-both", "remove it from one of the two",
                              "exit code %u is under \"success\" as well: it asks for a restart",
                              c->reboot.items[i]);
        }
    }
}

static bool doubts_in_quotes(const char *text, const char *at) {
    bool in = false;
    for (; text < at; text++) {
        in ^= *text == '"';
    }
    return in;
}

/* "{installer}" stands for a path that ends with the file's own name: a blank in it parts the command line there. */
static void doubts_quotes(const struct input_doc *d, const char *pointer, const struct model_command *c,
                          const char *installer, struct diags *out) {
    const char *used = c->command ? strstr(c->command, "{installer}") : NULL;
    if (used && strchr(fs_basename(installer), ' ') && !doubts_in_quotes(c->command, used)) {
        CLEANUP_FREE char *at = str_printf("%s/command", pointer);
        json_doc_complain(d->doc, at, 0, out, "unquoted", "write \\\"{installer}\\\"",
                          "the name of \"%s\" holds a blank, and the command does not quote it",
                          fs_basename(installer));
    }
}

static void doubts_commands(const struct input *in, const struct model *m, struct diags *out) {
    for (size_t i = 0; i < m->product_count; i++) {
        doubts_codes(&in->products[i], "/install", &m->products[i].install, out);
        doubts_codes(&in->products[i], "/uninstall", &m->products[i].uninstall, out);
        doubts_quotes(&in->products[i], "/install", &m->products[i].install, m->products[i].installer, out);
        doubts_quotes(&in->products[i], "/uninstall", &m->products[i].uninstall, m->products[i].installer, out);
    }
    for (size_t i = 0; i < m->update_count; i++) {
        doubts_codes(&in->updates[i], "/apply", &m->updates[i].apply, out);
        doubts_codes(&in->updates[i], "/rollback", &m->updates[i].rollback, out);
    }
}

void doubts_find(const struct input *in, const struct model *m, struct diags *out) {
    doubts_steps(in, m, out);
    doubts_products(in, m, out);
    doubts_updates(in, m, out);
    doubts_commands(in, m, out);
    doubts_one_place(in, m, out);
    doubts_gates(in, m, out);
    doubts_workloads(in, m, out);
    diags_sort(out);
}
