/* plan: which cells, in which order, with which steps; and that nothing multiplies unseen. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "plan/plan.h"
#include "support/suite.h"

enum { WORLD_PRODUCTS = 8, WORLD_UPDATES = 3 };

/* A model made by hand: the plan needs no files. */
struct world {
    struct model model;
    struct model_product products[WORLD_PRODUCTS];
    struct model_update updates[WORLD_UPDATES];
    const struct model_product *in_set[2][WORLD_PRODUCTS];
    const struct model_update *tried[WORLD_UPDATES];
    struct model_set sets[2];
    struct model_step steps[16];
    char *images[2];
    char ids[WORLD_PRODUCTS + WORLD_UPDATES][8];
    char names[2][8];
};

static struct world *world_new(size_t set_size) {
    static const enum step_kind steps[] = {STEP_INSTALL, STEP_VERIFY, STEP_APPLY,    STEP_TOOK,
                                           STEP_REBOOT,  STEP_VERIFY, STEP_ROLLBACK, STEP_MEASURE};
    struct world *w = mem_zalloc(1, sizeof(*w));
    for (size_t i = 0; i < WORLD_PRODUCTS; i++) {
        w->ids[i][0] = (char)('a' + i);
        w->products[i].id = w->ids[i];
        w->in_set[0][i] = w->in_set[1][i] = &w->products[i];
    }
    for (size_t i = 0; i < WORLD_UPDATES; i++) {
        char *id = w->ids[WORLD_PRODUCTS + i];
        id[0] = 'u';
        id[1] = (char)('1' + i);
        w->updates[i].id = id;
        w->tried[i] = &w->updates[i];
    }
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        w->steps[i] = (struct model_step){steps[i], step_kind_is_fresh(steps[i])};
    }
    memcpy(w->names[0], "winlab", 7);
    memcpy(w->names[1], "other", 6);
    w->images[0] = w->names[0];
    w->images[1] = w->names[1];
    w->sets[0] = (struct model_set){w->in_set[0], set_size, w->tried, 2, true};
    w->sets[1] = (struct model_set){w->in_set[1], 1, w->tried, 1, false};
    w->model = (struct model){.path = w->names[0], .name = w->names[0], .sha256 = w->names[0],
                              .images = w->images, .image_count = 2, .sets = w->sets, .set_count = 2,
                              .repetitions = 2, .steps = w->steps, .step_count = ARRAY_LEN(steps)};
    return w;
}

static struct plan *world_plan(const struct world *w) {
    struct diags diags = DIAGS_INIT;
    struct plan *p = plan_build(&w->model, &diags);
    ck_assert_uint_eq(diags.count, 0);
    ck_assert_ptr_nonnull(p);
    return p;
}

START_TEST(plan_lists_cells_in_a_fixed_order) {
    static const char *const ids[] = {
        "winlab/a+b/none/1", "winlab/a+b/none/2", "winlab/a+b/u1/1", "winlab/a+b/u1/2",
        "winlab/a+b/u2/1",   "winlab/a+b/u2/2",   "winlab/a/u1/1",   "winlab/a/u1/2",
        "other/a+b/none/1",  "other/a+b/none/2",  "other/a+b/u1/1",  "other/a+b/u1/2",
        "other/a+b/u2/1",    "other/a+b/u2/2",    "other/a/u1/1",    "other/a/u1/2",
    };
    struct world *w = world_new(2);
    struct plan *p = world_plan(w);
    ck_assert_uint_eq(p->cell_count, ARRAY_LEN(ids));
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        ck_assert_str_eq(p->cells[i].id, ids[i]);
        ck_assert_ptr_eq(plan_find(p, ids[i]), &p->cells[i]);
        ck_assert_int_eq(p->cells[i].repetition, 1 + (int)i % 2);
    }
    ck_assert_ptr_null(plan_find(p, "winlab/a"));
    plan_free(p);
    free(w);
}
END_TEST

START_TEST(plan_phases_change_at_apply) {
    static const enum step_kind kinds[] = {
        STEP_PROVISION, STEP_BOOT,   STEP_INSTALL,  STEP_INSTALL, STEP_VERIFY,  STEP_APPLY, STEP_TOOK,
        STEP_REBOOT,    STEP_VERIFY, STEP_ROLLBACK, STEP_MEASURE, STEP_COLLECT, STEP_TEARDOWN};
    struct world *w = world_new(2);
    struct plan *p = world_plan(w);
    const struct plan_cell *c = plan_find(p, "winlab/a+b/u1/1");
    ck_assert_uint_eq(c->step_count, ARRAY_LEN(kinds));
    for (size_t i = 0; i < c->step_count; i++) {
        ck_assert_int_eq(c->steps[i].kind, kinds[i]);
        ck_assert_int_eq(c->steps[i].phase, i < 5 ? PHASE_BEFORE : PHASE_AFTER);
        ck_assert_int_eq(c->steps[i].product, kinds[i] == STEP_INSTALL ? (int)i - 2 : -1);
        ck_assert_int_eq(c->steps[i].fresh, i >= 10);
    }
    plan_free(p);
    free(w);
}
END_TEST

START_TEST(plan_control_cells_have_no_update_steps) {
    static const enum step_kind kinds[] = {STEP_PROVISION, STEP_BOOT,   STEP_INSTALL, STEP_INSTALL,
                                           STEP_VERIFY,    STEP_REBOOT, STEP_VERIFY,  STEP_MEASURE,
                                           STEP_COLLECT,   STEP_TEARDOWN};
    struct world *w = world_new(2);
    struct plan *p = world_plan(w);
    const struct plan_cell *c = plan_find(p, "winlab/a+b/none/2");
    ck_assert_ptr_null(c->update);
    ck_assert_uint_eq(c->step_count, ARRAY_LEN(kinds));
    for (size_t i = 0; i < c->step_count; i++) {
        ck_assert_int_eq(c->steps[i].kind, kinds[i]);
        ck_assert_int_eq(c->steps[i].phase, PHASE_BEFORE);
    }
    plan_free(p);
    free(w);
}
END_TEST

static int test_compare_ids(const void *a, const void *b) {
    return strcmp(((const struct plan_cell *)a)->id, ((const struct plan_cell *)b)->id);
}

START_TEST(plan_all_orders_are_each_permutation_once) {
    struct world *w = world_new(4);
    w->model.all_orders = true;
    w->model.set_count = 1;
    struct plan *p = world_plan(w);
    ck_assert_uint_eq(p->cell_count, 2 * 24 * 3 * 2); /* images, orders, updates and control, twice */
    ck_assert_str_eq(p->cells[0].id, "winlab/a+b+c+d/none/1");
    ck_assert_ptr_nonnull(plan_find(p, "other/d+c+b+a/u2/2"));
    qsort(p->cells, p->cell_count, sizeof(*p->cells), test_compare_ids);
    for (size_t i = 1; i < p->cell_count; i++) {
        ck_assert_str_ne(p->cells[i - 1].id, p->cells[i].id);
    }
    plan_free(p);
    free(w);
}
END_TEST

static void test_refused(struct world *w, const char *number) {
    struct diags diags = DIAGS_INIT;
    ck_assert_ptr_null(plan_build(&w->model, &diags));
    ck_assert_uint_eq(diags.count, 1);
    ck_assert_str_eq(diags.items[0].code, "too-many-cells");
    ck_assert_msg(strstr(diags.items[0].message, number) != NULL, "%s", diags.items[0].message);
    diags_free(&diags);
}

START_TEST(plan_says_how_many_cells_are_too_many) {
    struct world *w = world_new(8);
    w->model.set_count = 1;
    w->model.all_orders = true;
    test_refused(w, "40320 install orders");
    w->sets[0].count = 7;
    w->model.repetitions = 40; /* 2 images x 5040 orders x 3 x 40 */
    test_refused(w, "1209600 cells");
    w->model.repetitions = 33;
    struct diags diags = DIAGS_INIT;
    struct plan *p = plan_build(&w->model, &diags);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq(p->cell_count, 997920);
    plan_free(p);
    free(w);
}
END_TEST

START_TEST(plan_as_json) {
    struct world *w = world_new(2);
    struct plan *p = world_plan(w);
    json_t *j = plan_to_json(p);
    ck_assert_ptr_nonnull(j);
    ck_assert_int_eq(json_integer_value(json_object_get(j, "cell_count")), 16);
    const json_t *cells = json_object_get(j, "cells");
    const json_t *control = json_array_get(cells, 0);
    const json_t *cell = json_array_get(cells, 2);
    ck_assert_uint_eq(json_array_size(cells), 16);
    ck_assert(json_is_null(json_object_get(control, "update")));
    ck_assert_str_eq(json_string_value(json_object_get(cell, "update")), "u1");
    const json_t *products = json_object_get(cell, "products");
    ck_assert_str_eq(json_string_value(json_array_get(products, 1)), "b");
    const json_t *apply = json_array_get(json_object_get(cell, "steps"), 5);
    ck_assert_str_eq(json_string_value(json_object_get(apply, "step")), "apply");
    ck_assert_str_eq(json_string_value(json_object_get(apply, "phase")), "after");
    ck_assert_ptr_null(json_object_get(apply, "product"));
    const json_t *install = json_array_get(json_object_get(cell, "steps"), 3);
    ck_assert_str_eq(json_string_value(json_object_get(install, "product")), "b");
    ck_assert(json_is_false(json_object_get(install, "fresh")));
    json_decref(j);
    plan_free(p);
    free(w);
}
END_TEST

int main(void) {
    Suite *s = suite_create("plan");
    TCase *t = tcase_create("plan");
    tcase_set_timeout(t, 60); /* a million cells under sanitizers */
    tcase_add_test(t, plan_lists_cells_in_a_fixed_order);
    tcase_add_test(t, plan_phases_change_at_apply);
    tcase_add_test(t, plan_control_cells_have_no_update_steps);
    tcase_add_test(t, plan_all_orders_are_each_permutation_once);
    tcase_add_test(t, plan_says_how_many_cells_are_too_many);
    tcase_add_test(t, plan_as_json);
    suite_add_tcase(s, t);
    return suite_run(s);
}
