#include "model/model.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "model/build.h"
#include "model/check.h"
#include "model/coverage.h"
#include "model/doubts.h"

static const char *const check_names[] = {"service", "driver", "process", "file", "registry"};
static_assert(ARRAY_LEN(check_names) == CHECK_KIND_COUNT, "a name for every kind of check");

static const char *const update_names[] = {"content", "engine", "driver", "os"};
static_assert(ARRAY_LEN(update_names) == UPDATE_KIND_COUNT, "a name for every kind of update");

static const char *const step_names[] = {
    [STEP_PROVISION] = "provision", [STEP_BOOT] = "boot",
    [STEP_INSTALL] = "install",     [STEP_VERIFY] = "verify",
    [STEP_DETECT] = "detect",       [STEP_MEASURE] = "measure",
    [STEP_APPLY] = "apply",         [STEP_TOOK] = "took",
    [STEP_REBOOT] = "reboot",       [STEP_SOAK] = "soak",
    [STEP_ROLLBACK] = "rollback",   [STEP_UNINSTALL] = "uninstall",
    [STEP_COLLECT] = "collect",     [STEP_DRILL] = "drill",
    [STEP_TEARDOWN] = "teardown",
};
static_assert(ARRAY_LEN(step_names) == STEP_KIND_COUNT, "a name for every step");

const char *check_kind_name(enum check_kind k) {
    return (unsigned)k < CHECK_KIND_COUNT ? check_names[k] : "unknown";
}

const char *update_kind_name(enum update_kind k) {
    return (unsigned)k < UPDATE_KIND_COUNT ? update_names[k] : "unknown";
}

const char *step_kind_name(enum step_kind k) {
    return (unsigned)k < STEP_KIND_COUNT ? step_names[k] : "unknown";
}

/* Evidence is collected, and a machine taken down, for one cell each. */
bool step_kind_is_fresh(enum step_kind k) {
    return k == STEP_MEASURE || k == STEP_COLLECT || k == STEP_DRILL || k == STEP_TEARDOWN;
}

static struct model *model_build(const struct input *in) {
    struct model *m = mem_zalloc(1, sizeof(*m));
    m->source = source_build(in);
    m->path = str_dup(json_doc_path(in->matrix.doc));
    m->sha256 = source_digest(m->source);
    m->products = mem_zalloc(in->product_count, sizeof(*m->products));
    for (size_t i = 0; i < in->product_count; i++) {
        build_product(&in->products[i], &m->products[i]);
        m->product_count++;
    }
    m->updates = mem_zalloc(in->update_count, sizeof(*m->updates));
    for (size_t i = 0; i < in->update_count; i++) {
        build_update(&in->updates[i], m, &m->updates[i]);
        build_adopt(m, &m->updates[i]);
        m->update_count++;
    }
    build_matrix(&in->matrix, m);
    m->coverage = coverage_make(in, NULL);
    return m;
}

static struct model *model_finish(struct input *in, size_t complaints_before) {
    struct model *m = NULL;
    if (in->matrix.doc) {
        check_input(in);
    }
    if (in->matrix.good && in->diags->count == complaints_before) {
        m = model_build(in);
        if (!in->offline) {
            doubts_find(in, m, &m->doubts);
        }
    }
    diags_sort(in->diags);
    input_free(in);
    return m;
}

struct model *model_load(const char *matrix_path, struct diags *diags) {
    struct input in;
    size_t before = diags->count;
    input_load(&in, matrix_path, diags);
    return model_finish(&in, before);
}

struct model *model_from_source(const json_t *source, struct diags *diags) {
    struct input in;
    size_t before = diags->count;
    input_load_source(&in, source, diags);
    return model_finish(&in, before);
}

static void model_free_names(char **names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
}

static void model_free_matrix(struct model *m) {
    for (size_t i = 0; i < m->set_count; i++) {
        free(m->sets[i].products);
        free(m->sets[i].updates);
    }
    for (size_t i = 0; i < m->workload_count; i++) {
        free(m->workloads[i].name);
        json_decref(m->workloads[i].params);
    }
    for (size_t i = 0; i < m->gate_count; i++) {
        free(m->gates[i].id);
        free(m->gates[i].verdict);
        free(m->gates[i].metric);
        free(m->gates[i].then);
    }
    coverage_free(m->coverage);
    free(m->sets);
    free(m->steps);
    free(m->workloads);
    free(m->gates);
    model_free_names(m->images, m->image_count);
}

void model_free(struct model *m) {
    if (!m) {
        return;
    }
    model_free_matrix(m);
    for (size_t i = 0; i < m->product_count; i++) {
        build_product_free(&m->products[i]);
    }
    for (size_t i = 0; i < m->update_count; i++) {
        build_update_free(&m->updates[i]);
    }
    free(m->products);
    free(m->updates);
    free(m->path);
    free(m->name);
    free(m->title);
    free(m->sha256);
    json_decref(m->source);
    diags_free(&m->doubts);
    free(m);
}

void model_set_minimize(struct model *m, int runs) {
    m->minimize = runs;
    json_object_set_new(json_object_get(m->source, "matrix"), "minimize", json_integer(runs));
}

void model_set_confirm(struct model *m, int confirm) {
    m->confirm = confirm;
    json_object_set_new(json_object_get(m->source, "matrix"), "confirm", json_integer(confirm));
}

const struct model_product *model_find_product(const struct model *m, const char *id) {
    for (size_t i = 0; i < m->product_count; i++) {
        if (str_eq(m->products[i].id, id)) {
            return &m->products[i];
        }
    }
    return NULL;
}

const struct model_update *model_find_update(const struct model *m, const char *id) {
    for (size_t i = 0; i < m->update_count; i++) {
        if (str_eq(m->updates[i].id, id)) {
            return &m->updates[i];
        }
    }
    return NULL;
}

static bool model_check_same_thing(const struct model_check *a, const struct model_check *b) {
    return a->kind == b->kind && str_eq_nocase(a->name, b->name) &&
           str_eq_nocase(a->value ? a->value : "", b->value ? b->value : "");
}

bool model_codes_hold(const struct model_codes *codes, uint32_t code) {
    for (size_t i = 0; i < codes->count; i++) {
        if (codes->items[i] == code) {
            return true;
        }
    }
    return false;
}

const struct model_check *model_check_find(const struct model_checks *list, const struct model_check *like) {
    for (size_t i = 0; i < list->count; i++) {
        if (model_check_same_thing(&list->items[i], like)) {
            return &list->items[i];
        }
    }
    return NULL;
}

bool model_has_module(const struct model_product *p, const char *name, size_t cut) {
    bool short_of = cut && strlen(name) == cut;
    for (char **m = p->modules; m && *m; m++) {
        if (str_eq_nocase(*m, name) || (short_of && strncasecmp(*m, name, cut) == 0)) {
            return true;
        }
    }
    return false;
}

bool model_owner_take(const struct model_product **owner, const struct model_product *p, const char *name, size_t cut) {
    if (!model_has_module(p, name, cut)) {
        return true;
    }
    if (!*owner) {
        *owner = p;
    }
    return str_eq((*owner)->vendor, p->vendor);
}

const struct model_product *model_module_owner(const struct model *m, const char *module) {
    const char *name = module + strlen(module);
    while (name > module && name[-1] != '\\' && name[-1] != '/') {
        name--;
    }
    const struct model_product *owner = NULL;
    for (size_t i = 0; i < m->product_count; i++) {
        if (!model_owner_take(&owner, &m->products[i], name, 0)) {
            return NULL;
        }
    }
    return owner;
}
