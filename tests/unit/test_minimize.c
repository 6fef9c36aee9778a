/* Names of minimisation runs, and what a matrix and a resumed run know of them. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/stats.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "plan/confirm.h"
#include "plan/minimize.h"
#include "support/runs.h"
#include "support/suite.h"

#define MATRIX "{'product_sets':[{'products':['alder','birch'],'updates':['alder-content']}],'minimize':12}"

struct made {
    struct runs *runs;
    struct journal_run run;
    struct model *model;
};

static struct made made_new(void) {
    struct diags diags = DIAGS_INIT;
    struct made m = {.runs = runs_make(MATRIX)};
    ck_assert_int_eq(journal_read_run(m.runs->journal, &m.run, NULL), 0);
    m.model = model_from_source(m.run.matrix, &diags);
    ck_assert_ptr_nonnull(m.model);
    return m;
}

static void made_free(struct made *m) {
    model_free(m->model);
    journal_run_clear(&m->run);
    runs_free(m->runs);
}

START_TEST(a_name_is_read_back) {
    struct made m = made_new();
    const struct model_product *products[] = {model_find_product(m.model, "cedar"),
                                              model_find_product(m.model, "alder")};
    struct minimize_combination c = {m.model->images[0], products, 2, model_find_update(m.model, "alder-content")};
    CLEANUP_FREE char *id = minimize_name(&c, 12);
    ck_assert_str_eq(id, "winelab/cedar+alder/alder-content/m12");
    c.update = NULL;
    CLEANUP_FREE char *without = minimize_name(&c, 1);
    ck_assert_str_eq(without, "winelab/cedar+alder/none/m1");
    char *const ids[] = {id, without, id, NULL};
    struct plan *p = minimize_plan(m.model, ids);
    ck_assert_uint_eq(p->cell_count, 2);
    ck_assert_str_eq(p->cells[0].id, id);
    ck_assert_int_eq(p->cells[0].minimize, 12);
    ck_assert_int_eq(p->cells[0].confirm, 0);
    ck_assert_ptr_eq(p->cells[0].products[0], products[0]);
    ck_assert_ptr_eq(p->cells[0].products[1], products[1]);
    ck_assert_ptr_null(p->cells[1].update);
    ck_assert_uint_lt(p->cells[1].step_count, p->cells[0].step_count); /* a control applies nothing */
    int k;
    ck_assert_uint_eq(confirm_split(id, &k), strlen(id));
    ck_assert_int_eq(k, 0);
    plan_free(p);
    made_free(&m);
}
END_TEST

/* What another matrix, a planned cell or nobody at all is named like. */
static const char *const strangers[] = {
    "winelab/alder/alder-content/1",    "winelab/alder/alder-content/1.1", "winelab/alder/alder-content/m0",
    "winelab/alder/alder-content/m",    "winelab/alder/alder-content/m1x", "winelab/alder/alder-content/m01",
    "winelab/alder/alder-content/m1001", "winelab/alder/alder-content/m99999999999", "winelab/oak/alder-content/m1",
    "winelab/alder+/alder-content/m1",  "winelab//alder-content/m1",       "winelab/alder/oak-content/m1",
    "windows/alder/alder-content/m1",   "winelab/alder/m1",                "m1", "/m1", "", "winelab/alder/none/x/m1",
};

START_TEST(a_stranger_is_no_cell) {
    struct made m = made_new();
    char *const ids[] = {str_dup(strangers[_i]), NULL};
    struct plan *p = minimize_plan(m.model, ids);
    ck_assert_msg(p->cell_count == 0, "%s", strangers[_i]);
    plan_free(p);
    free(ids[0]);
    made_free(&m);
}
END_TEST

START_TEST(the_matrix_has_a_budget) {
    struct made m = made_new();
    ck_assert_int_eq(m.model->minimize, 12);
    model_set_minimize(m.model, 7);
    ck_assert_int_eq(m.model->minimize, 7);
    ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(m.model->source, "matrix"), "minimize")), 7);
    made_free(&m);
}
END_TEST

/* Fisher's own example, the lady who tastes tea (The Design of Experiments, 1935, chapter 2): all four cups of four
 * right by chance once in 70, three or more 17 times. */
START_TEST(fisher_tastes_tea) {
    ck_assert_double_eq_tol(stats_fisher_greater(4, 4, 0, 4), 1.0 / 70, 1e-12);
    ck_assert_double_eq_tol(stats_fisher_greater(3, 4, 1, 4), 17.0 / 70, 1e-12);
    ck_assert_double_eq_tol(stats_fisher_greater(3, 3, 0, 3), 0.05, 1e-12);
    ck_assert_double_eq(stats_fisher_greater(0, 4, 0, 4), 1);
    ck_assert_double_eq(stats_fisher_greater(3, 3, 0, 0), 1);
    ck_assert_double_eq_tol(stats_fisher_greater(2, 2, 2, 2), 1, 1e-12);
}
END_TEST

int main(void) {
    Suite *s = suite_create("minimize");
    TCase *t = tcase_create("minimize");
    tcase_add_test(t, a_name_is_read_back);
    tcase_add_loop_test(t, a_stranger_is_no_cell, 0, (int)ARRAY_LEN(strangers));
    tcase_add_test(t, the_matrix_has_a_budget);
    tcase_add_test(t, fisher_tastes_tea);
    suite_add_tcase(s, t);
    return suite_run(s);
}
