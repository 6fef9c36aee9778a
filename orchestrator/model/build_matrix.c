/* The matrix itself: protocol, workloads, gates, product sets. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "model/build.h"
#include "model/subsets.h"

static const enum step_kind build_default_steps[] = {
    STEP_INSTALL, STEP_VERIFY, STEP_DETECT, STEP_REBOOT, STEP_VERIFY, STEP_MEASURE,
    STEP_APPLY,   STEP_TOOK,   STEP_REBOOT, STEP_VERIFY, STEP_DETECT, STEP_MEASURE,
};

static const struct model_workload build_default_workloads[] = {
    {(char *)(uintptr_t)"copy-small", 5, NULL}, {(char *)(uintptr_t)"copy-large", 5, NULL},
    {(char *)(uintptr_t)"archive", 5, NULL},    {(char *)(uintptr_t)"unarchive", 5, NULL},
    {(char *)(uintptr_t)"launch", 5, NULL},     {(char *)(uintptr_t)"registry", 5, NULL},
    {(char *)(uintptr_t)"idle", 1, NULL},       {(char *)(uintptr_t)"load", 1, NULL},
};

/* A product that was ill before the update says nothing of the update: not known, never ship. */
static const struct {
    enum gate_kind kind;
    const char *id, *verdict, *metric;
    double worse_percent, confidence;
    const char *then;
} build_default_gates[] = {
    {GATE_VERDICT, "update-regression", "update-regression", NULL, 0, 0, "hold"},
    {GATE_VERDICT, "interaction-fault", "interaction-fault", NULL, 0, 0, "hold"},
    {GATE_VERDICT, "product-fault", "product-fault", NULL, 0, 0, "unknown"},
    {GATE_VERDICT, "infrastructure-error", "infrastructure-error", NULL, 0, 0, "unknown"},
    {GATE_VERDICT, "inconclusive", "inconclusive", NULL, 0, 0, "unknown"},
    {GATE_SLOWER, "slower", NULL, "*", 30, 0.99, "hold"},
};

static const char *build_string(const json_t *o, const char *key) {
    return json_string_value(json_object_get(o, key));
}

static double build_number(const json_t *o, const char *key, double otherwise) {
    const json_t *n = json_object_get(o, key);
    return n ? json_number_value(n) : otherwise;
}

/* "reboot", or {"step": "reboot", "fresh": true}. */
static struct model_step build_step(const json_t *item) {
    const char *name = json_is_string(item) ? json_string_value(item) : build_string(item, "step");
    const json_t *fresh = json_object_get(item, "fresh");
    int k = STEP_INSTALL;
    while (k < STEP_KIND_COUNT - 1 && !str_eq(name, step_kind_name((enum step_kind)k))) {
        k++;
    }
    return (struct model_step){(enum step_kind)k, fresh ? json_is_true(fresh)
                                                        : step_kind_is_fresh((enum step_kind)k)};
}

static void build_steps(const json_t *list, struct model *m) {
    m->step_count = list ? json_array_size(list) : ARRAY_LEN(build_default_steps);
    m->steps = mem_zalloc(m->step_count, sizeof(*m->steps));
    for (size_t i = 0; i < m->step_count; i++) {
        m->steps[i] = list ? build_step(json_array_get(list, i))
                           : (struct model_step){build_default_steps[i],
                                                 step_kind_is_fresh(build_default_steps[i])};
    }
}

static void build_workloads(const json_t *list, struct model *m) {
    m->workload_count = list ? json_array_size(list) : ARRAY_LEN(build_default_workloads);
    m->workloads = mem_zalloc(m->workload_count, sizeof(*m->workloads));
    for (size_t i = 0; i < m->workload_count; i++) {
        const json_t *o = json_array_get(list, i);
        struct model_workload *w = &m->workloads[i];
        w->name = str_dup(o ? build_string(o, "name") : build_default_workloads[i].name);
        w->repetitions = o ? (int)build_number(o, "repetitions", 1)
                           : build_default_workloads[i].repetitions;
        w->params = json_incref(json_object_get(o, "params"));
    }
}

static void build_gate(const json_t *o, struct model_gate *g) {
    g->id = str_dup(build_string(o, "id"));
    g->then = str_dup(build_string(o, "then"));
    g->verdict = str_dup(build_string(o, "verdict"));
    g->metric = str_dup(build_string(o, "metric"));
    g->kind = g->metric ? GATE_SLOWER : GATE_VERDICT;
    g->worse_percent = build_number(o, "worse_percent", 0);
    g->confidence = g->metric ? build_number(o, "confidence", 0.99) : 0;
}

static void build_gates(const json_t *list, struct model *m) {
    m->gate_count = list ? json_array_size(list) : ARRAY_LEN(build_default_gates);
    m->gates = mem_zalloc(m->gate_count, sizeof(*m->gates));
    for (size_t i = 0; i < m->gate_count; i++) {
        struct model_gate *g = &m->gates[i];
        if (list) {
            build_gate(json_array_get(list, i), g);
            continue;
        }
        *g = (struct model_gate){
            .kind = build_default_gates[i].kind,
            .id = str_dup(build_default_gates[i].id),
            .verdict = str_dup(build_default_gates[i].verdict),
            .metric = str_dup(build_default_gates[i].metric),
            .worse_percent = build_default_gates[i].worse_percent,
            .confidence = build_default_gates[i].confidence,
            .then = str_dup(build_default_gates[i].then),
        };
    }
}

void build_matrix(const struct input_doc *d, struct model *m) {
    const json_t *o = d->root;
    m->name = str_dup(build_string(o, "name"));
    m->title = str_dup(build_string(o, json_object_get(o, "title") ? "title" : "name"));
    const json_t *images = json_object_get(o, "images");
    m->image_count = json_array_size(images);
    m->images = mem_zalloc(m->image_count, sizeof(*m->images));
    for (size_t i = 0; i < m->image_count; i++) {
        m->images[i] = str_dup(json_string_value(json_array_get(images, i)));
    }
    m->all_orders = str_eq(build_string(o, "install_orders"), "all");
    m->repetitions = (int)build_number(o, "repetitions", 1);
    m->confirm = (int)build_number(o, "confirm", MODEL_CONFIRM_BY_EVIDENCE);
    m->minimize = (int)build_number(o, "minimize", 0);
    m->watch_ms = (int64_t)build_number(o, "watch_s", 0) * 1000;
    m->drills = json_is_true(json_object_get(o, "drills"));
    build_steps(json_object_get(o, "steps"), m);
    build_workloads(json_object_get(o, "workloads"), m);
    build_gates(json_object_get(o, "gates"), m);
    build_sets(o, m);
}

static bool build_fits(const struct model_update *u, const struct model_set *set) {
    for (size_t i = 0; i < set->count; i++) {
        if (set->products[i] == u->product) {
            return true;
        }
    }
    return !u->product;
}

static bool build_wants(const json_t *names, const char *id) {
    for (size_t i = 0; i < json_array_size(names); i++) {
        if (str_eq(json_string_value(json_array_get(names, i)), id)) {
            return true;
        }
    }
    return !names;
}

/* Updates of a set in matrix order; names NULL means each one that fits. */
static void build_set_updates(const json_t *names, const struct model *m, struct model_set *set) {
    set->updates = mem_zalloc(m->update_count, sizeof(struct model_update *));
    for (size_t i = 0; i < m->update_count; i++) {
        const struct model_update *u = &m->updates[i];
        if (build_wants(names, u->id) && build_fits(u, set)) {
            set->updates[set->update_count++] = u;
        }
    }
    set->control = names ? build_wants(names, "none") : m->update_count == 0;
}

static struct model_set *build_add_set(struct model *m, size_t count) {
    m->sets = mem_grow(m->sets, m->set_count + 1, sizeof(*m->sets));
    struct model_set *set = &m->sets[m->set_count++];
    *set = (struct model_set){.products = mem_zalloc(count, sizeof(struct model_product *)), .count = count};
    return set;
}

static void build_listed_set(const json_t *o, struct model *m) {
    const json_t *ids = json_object_get(o, "products");
    struct model_set *set = build_add_set(m, json_array_size(ids));
    for (size_t i = 0; i < set->count; i++) {
        set->products[i] = model_find_product(m, json_string_value(json_array_get(ids, i)));
    }
    build_set_updates(json_object_get(o, "updates"), m, set);
}

static void build_subsets(const json_t *o, size_t size, struct model *m) {
    size_t *pick = mem_zalloc(size, sizeof(*pick));
    subsets_first(pick, size);
    do {
        struct model_set *set = build_add_set(m, size);
        for (size_t i = 0; i < size; i++) {
            set->products[i] = &m->products[pick[i]];
        }
        build_set_updates(json_object_get(o, "updates"), m, set);
        if (set->update_count == 0 && !set->control) { /* nothing to test here */
            free(set->products);
            free(set->updates);
            m->set_count--;
        }
    } while (subsets_next(pick, size, m->product_count));
    free(pick);
}

void build_sets(const json_t *root, struct model *m) {
    const json_t *sets = json_object_get(root, "product_sets");
    const json_t *sizes = json_object_get(sets, "all_subsets_of_size");
    size_t i;
    json_t *item;
    json_array_foreach(sizes, i, item) {
        build_subsets(sets, (size_t)json_number_value(item), m);
    }
    json_array_foreach(sets, i, item) {
        build_listed_set(item, m);
    }
}
