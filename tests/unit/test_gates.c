/* Gates of the matrix: what follows from a verdict or a metric is the user's to say. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "support/runs.h"
#include "support/suite.h"

#define ONE_SET "'product_sets':[{'products':['birch'],'updates':['birch-engine']}]"

static struct analysis *failing(struct runs **r, const char *matrix, bool before) {
    *r = runs_make(matrix);
    runs_cell(*r, "winelab/birch/birch-engine/1", 1);
    runs_step(*r, before ? "verify" : "apply", !before);
    runs_fail(*r, FAILURE_SERVICE_DOWN, "birch", "stopped");
    runs_end(*r, true);
    return runs_analyse(*r);
}

static void assert_decision(const char *matrix, bool before, enum decision update) {
    struct runs *r;
    struct analysis *a = failing(&r, matrix, before);
    const struct analysis_update *u = runs_find_update(a, "birch-engine");
    ck_assert_int_eq(u->decision, update);
    ck_assert_ptr_nonnull(u->reasons[0]);
    ck_assert_ptr_nonnull(a->reasons[0]);
    analysis_free(a);
    runs_free(r);
}

START_TEST(verdict_gates_decide_as_written) {
    assert_decision("{" ONE_SET "}", false, DECISION_HOLD);
    assert_decision("{" ONE_SET ",'gates':[{'id':'g','verdict':'update-regression','then':'hold'}]}",
                    false, DECISION_HOLD);
    assert_decision("{" ONE_SET ",'gates':[{'id':'g','verdict':'update-regression','then':'unknown'}]}",
                    false, DECISION_UNKNOWN);
    assert_decision("{" ONE_SET ",'gates':[{'id':'g','verdict':'update-regression','then':'ship'}]}",
                    false, DECISION_SHIP);
}
END_TEST

START_TEST(failing_before_the_update_never_holds_it) {
    assert_decision("{" ONE_SET ",'gates':[{'id':'g','verdict':'product-fault','then':'hold'}]}", true,
                    DECISION_UNKNOWN);
    assert_decision("{" ONE_SET "}", true, DECISION_UNKNOWN);
}
END_TEST

static enum decision slow_decision(const char *gates, double factor, bool *regression) {
    char *matrix = str_printf("{" ONE_SET ",'gates':[%s]}", gates);
    struct runs *r = runs_make(matrix);
    free(matrix);
    runs_cell(r, "winelab/birch/birch-engine/1", 1);
    runs_step(r, "measure", false);
    runs_metric(r, "copy-small", 200, 7);
    runs_metric(r, "launch", 200, 7);
    runs_step(r, "apply", true);
    runs_metric(r, "copy-small", 200 * factor, 7);
    runs_metric(r, "launch", 200, 7);
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    *regression = a->cells[0].metrics[0].regression;
    enum decision d = runs_find_update(a, "birch-engine")->decision;
    analysis_free(a);
    runs_free(r);
    return d;
}

START_TEST(slower_gates_by_metric_size_and_consequence) {
    bool bad;
    ck_assert_int_eq(slow_decision("{'id':'s','metric':'copy-small','worse_percent':30,'confidence':0.99,"
                                   "'then':'hold'}", 2, &bad), DECISION_HOLD);
    ck_assert(bad);
    ck_assert_int_eq(slow_decision("{'id':'s','metric':'copy-small','worse_percent':150,'confidence':0.99,"
                                   "'then':'hold'}", 2, &bad), DECISION_SHIP);
    ck_assert(!bad);
    ck_assert_int_eq(slow_decision("{'id':'s','metric':'launch','worse_percent':30,'confidence':0.99,"
                                   "'then':'hold'}", 2, &bad), DECISION_SHIP);
    ck_assert(!bad);
    ck_assert_int_eq(slow_decision("{'id':'s','metric':'*','worse_percent':30,'confidence':0.99,"
                                   "'then':'unknown'}", 2, &bad), DECISION_UNKNOWN);
    ck_assert(bad);
    ck_assert_int_eq(slow_decision("{'id':'s','metric':'*','worse_percent':30,'confidence':0.99,"
                                   "'then':'ship'}", 2, &bad), DECISION_SHIP);
    ck_assert(!bad);
    ck_assert_int_eq(slow_decision("{'id':'a','metric':'*','worse_percent':30,'confidence':0.99,'then':'unknown'},"
                                   "{'id':'b','metric':'*','worse_percent':80,'confidence':0.99,'then':'hold'}",
                                   3, &bad), DECISION_HOLD);
    ck_assert(bad);
    ck_assert_int_eq(slow_decision("{'id':'a','metric':'*','worse_percent':30,'confidence':0.99,'then':'unknown'},"
                                   "{'id':'b','metric':'*','worse_percent':80,'confidence':0.99,'then':'hold'}",
                                   1.6, &bad), DECISION_UNKNOWN);
    ck_assert(bad);
}
END_TEST

START_TEST(all_cells_passing_ship_with_exposure) {
    struct runs *r = runs_make("{'product_sets':[{'products':['birch'],'updates':['birch-engine','birch-content']},"
                               "{'products':['alder'],'updates':['alder-content','alder-engine','os-kb1']},"
                               "{'products':['cedar'],'updates':['cedar-content','cedar-engine']}]}");
    static const char *const cells[] = {
        "winelab/birch/birch-engine/1",  "winelab/birch/birch-content/1", "winelab/alder/alder-content/1",
        "winelab/alder/alder-engine/1",  "winelab/alder/os-kb1/1",        "winelab/cedar/cedar-content/1",
        "winelab/cedar/cedar-engine/1"};
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        runs_cell_passes(r, cells[i]);
    }
    struct analysis *a = runs_analyse(r);
    ck_assert_int_eq(a->decision, DECISION_SHIP);
    const struct analysis_update *u = runs_find_update(a, "birch-engine");
    ck_assert_uint_eq(u->cells_verdict, 1);
    ck_assert_double_eq_tol(u->failure_upper, 0.95, 1e-9);
    ck_assert_ptr_nonnull(strstr(u->reasons[0], "no harm in 1 of 1 cells"));
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(one_unrun_cell_keeps_its_update_unknown) {
    struct runs *r = runs_make("{'product_sets':[{'products':['birch'],'updates':['birch-engine']},"
                               "{'products':['birch','cedar'],'updates':['birch-engine']}]}");
    runs_cell_passes(r, "winelab/birch/birch-engine/1");
    struct analysis *a = runs_analyse(r);
    const struct analysis_update *u = runs_find_update(a, "birch-engine");
    ck_assert_int_eq(u->decision, DECISION_UNKNOWN);
    ck_assert_uint_eq(u->cells_planned, 2);
    ck_assert_uint_eq(u->cells_run, 1);
    analysis_free(a);
    runs_free(r);
}
END_TEST

int main(void) {
    Suite *s = suite_create("gates");
    TCase *t = tcase_create("gates");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, verdict_gates_decide_as_written);
    tcase_add_test(t, failing_before_the_update_never_holds_it);
    tcase_add_test(t, slower_gates_by_metric_size_and_consequence);
    tcase_add_test(t, all_cells_passing_ship_with_exposure);
    tcase_add_test(t, one_unrun_cell_keeps_its_update_unknown);
    suite_add_tcase(s, t);
    return suite_run(s);
}
