/* Which attempts of a cell count, and what one that began from a kept state is made of. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "support/runs.h"
#include "support/suite.h"

#define PAIR_SETS "{'product_sets':[{'products':['alder'],'updates':['alder-content']}]}"

/* What an undisturbed run would have said, word for word: a run that was killed and resumed has nothing to add. */
START_TEST(an_interrupted_attempt_is_no_attempt) {
    struct runs *r = runs_make(PAIR_SETS);
    const char *cell = "winelab/alder/alder-content/1";
    runs_cell(r, cell, 1); /* killed */
    runs_step(r, "provision", false);
    runs_metric(r, "copy-small", 900, 5);
    runs_cell(r, cell, 2); /* stopped by the user */
    runs_step(r, "provision", false);
    runs_end(r, false);
    runs_cell(r, cell, 3);
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    ck_assert_int_eq(a->cells[0].verdict, VERDICT_PASS);
    ck_assert_int_eq(a->cells[0].attempts, 1);
    ck_assert_ptr_null(a->cells[0].earlier[0]);
    ck_assert_ptr_null(a->cells[0].evidence[0]);
    ck_assert_uint_eq(a->cells[0].metric_count, 0);
    ck_assert_ptr_null(strstr(a->cells[0].summary, "attempt"));
    analysis_free(a);
    runs_free(r);
}
END_TEST

/* The lab failed on it before it was interrupted: that stays told. */
START_TEST(a_failed_attempt_counts_though_it_was_interrupted) {
    struct runs *r = runs_make(PAIR_SETS);
    const char *cell = "winelab/alder/alder-content/1";
    runs_cell(r, cell, 1);
    runs_fail(r, FAILURE_VM_DIED, NULL, "QEMU is gone");
    runs_cell(r, cell, 2);
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    ck_assert_int_eq(a->cells[0].attempts, 2);
    ck_assert_str_eq(a->cells[0].earlier[0], "attempt 1: vm-died: QEMU is gone");
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(shared_steps_count_for_every_cell) {
    struct runs *r = runs_make(PAIR_SETS);
    runs_cell(r, "winelab/alder/none/1", 1);
    runs_step(r, "provision", false);
    runs_step(r, "boot", false);
    runs_metric(r, "boot", 5000, 1);
    runs_step(r, "install", false);
    runs_end(r, true);
    r->cell = "winelab/alder/alder-content/1";
    r->attempt = 1;
    r->seq = 0;
    runs_add(r, OBS_CELL_BEGIN, "{'from':{'cell':'winelab/alder/none/1','attempt':1,'steps':2,'state':'0-1'}}");
    r->step = 1;
    runs_step(r, "verify", false);
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, "winelab/alder/alder-content/1");
    ck_assert_int_eq(c->verdict, VERDICT_PASS);
    ck_assert_uint_eq(c->step_count, 3);
    ck_assert_str_eq(c->steps[1].kind, "boot");
    ck_assert_str_eq(c->steps[2].kind, "verify");
    ck_assert_uint_eq(c->metric_count, 1);
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(a_dangling_state_is_the_labs_fault) {
    struct runs *r = runs_make(PAIR_SETS);
    runs_cell(r, "winelab/alder/alder-content/1", 1);
    r->seq = 0;
    r->attempt = 2;
    runs_add(r, OBS_CELL_BEGIN, "{'from':{'cell':'winelab/gone/none/1','attempt':1,'steps':2,'state':'0-1'}}");
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, "winelab/alder/alder-content/1");
    ck_assert_int_eq(c->verdict, VERDICT_INFRASTRUCTURE_ERROR);
    ck_assert_ptr_nonnull(strstr(c->evidence[0], "is not in the journal"));
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(second_attempt_counts_and_the_first_is_told) {
    struct runs *r = runs_make(PAIR_SETS);
    runs_cell(r, "winelab/alder/alder-content/1", 1);
    runs_fail(r, FAILURE_HOST_RESOURCES, NULL, "disk full");
    runs_end(r, true);
    runs_cell(r, "winelab/alder/alder-content/1", 2);
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    ck_assert_int_eq(a->cells[0].verdict, VERDICT_PASS);
    ck_assert_int_eq(a->cells[0].attempts, 2);
    ck_assert_str_eq(a->cells[0].evidence[0], "attempt 1: host-resources: disk full");
    ck_assert_ptr_nonnull(strstr(a->cells[0].summary, "passed on attempt 2"));
    analysis_free(a);
    runs_free(r);
}
END_TEST

/* A run that confirms a failure is a cell of its own: both stay, and the worse one decides. */
START_TEST(a_flaky_failure_holds) {
    struct runs *r = runs_make(PAIR_SETS);
    const char *planned = "winelab/alder/alder-content/1";
    runs_cell_until_applied(r, planned);
    runs_step(r, "verify", true);
    runs_fail(r, FAILURE_SERVICE_DOWN, "alder", "aldersvc is stopped");
    runs_end(r, true);
    runs_cell_passes(r, "winelab/alder/alder-content/1.1");
    struct analysis *a = runs_analyse(r);
    ck_assert_uint_eq(a->cell_count, 2);
    const struct analysis_cell *c = runs_find_cell(a, planned);
    const struct analysis_cell *again = runs_find_cell(a, "winelab/alder/alder-content/1.1");
    ck_assert_ptr_eq(again, c + 1); /* beside each other */
    ck_assert_int_eq(c->verdict, VERDICT_UPDATE_REGRESSION);
    ck_assert_double_eq_tol(c->blame.confidence, 0.90 / 2, 1e-9);
    ck_assert_ptr_nonnull(strstr(c->summary, "Flaky: 1 of 2 repetitions failed."));
    ck_assert_int_eq(again->verdict, VERDICT_PASS);
    ck_assert_int_eq(again->plan->confirm, 1);
    ck_assert_uint_eq(again->repetitions, 2);
    ck_assert_uint_eq(again->repetitions_failed, 1);
    ck_assert_int_eq(runs_find_update(a, "alder-content")->decision, DECISION_HOLD);
    ck_assert_int_eq(a->decision, DECISION_HOLD);
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(another_failure_confirms_no_kind) {
    struct runs *r = runs_make(PAIR_SETS);
    static const enum failure_class cls[] = {FAILURE_SERVICE_DOWN, FAILURE_FILE_DAMAGED};
    for (int k = 0; k < 2; k++) {
        runs_cell_until_applied(r, k ? "winelab/alder/alder-content/1.1" : "winelab/alder/alder-content/1");
        runs_step(r, "verify", true);
        runs_fail(r, cls[k], "alder", "found otherwise");
        runs_end(r, true);
    }
    struct analysis *a = runs_analyse(r);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(a->cells[i].verdict, VERDICT_UPDATE_REGRESSION);
        ck_assert_ptr_nonnull(strstr(a->cells[i].summary, "2 of 2 repetitions failed, in this way 1."));
    }
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(a_confirmed_failure_is_firm) {
    struct runs *r = runs_make(PAIR_SETS);
    for (int k = 0; k < 3; k++) {
        static const char *const ids[] = {"winelab/alder/alder-content/1", "winelab/alder/alder-content/1.2",
                                          "winelab/alder/alder-content/1.1"}; /* in any order */
        runs_cell_until_applied(r, ids[k]);
        runs_fail(r, FAILURE_HANG, NULL, "silent");
        runs_end(r, true);
    }
    runs_cell_passes(r, "winelab/alder/alder-content/1.7"); /* no such run is ever made */
    runs_cell_passes(r, "winelab/birch/birch-content/1.1"); /* of no cell of the plan */
    struct analysis *a = runs_analyse(r);
    ck_assert_uint_eq(a->cell_count, 3);
    ck_assert_str_eq(a->cells[1].id, "winelab/alder/alder-content/1.1");
    ck_assert_str_eq(a->cells[2].id, "winelab/alder/alder-content/1.2");
    for (int k = 0; k < 3; k++) {
        ck_assert_int_eq(a->cells[k].verdict, VERDICT_UPDATE_REGRESSION);
        ck_assert_ptr_nonnull(strstr(a->cells[k].summary, "Firm: 3 of 3 repetitions failed."));
    }
    analysis_free(a);
    runs_free(r);
}
END_TEST

/* Not known once and well the other time is not well. */
START_TEST(a_riddle_is_not_solved_by_a_pass) {
    struct runs *r = runs_make(PAIR_SETS);
    runs_cell_until_applied(r, "winelab/alder/alder-content/1");
    runs_fail(r, FAILURE_NOT_KNOWN, NULL, "the guest restarted by itself");
    runs_end(r, true);
    runs_cell_passes(r, "winelab/alder/alder-content/1.1");
    struct analysis *a = runs_analyse(r);
    ck_assert_int_eq(a->cells[0].verdict, VERDICT_INCONCLUSIVE);
    ck_assert_ptr_nonnull(strstr(a->cells[0].summary, "Flaky: 1 of 2 repetitions failed."));
    ck_assert_int_eq(a->cells[1].verdict, VERDICT_PASS);
    ck_assert_int_eq(runs_find_update(a, "alder-content")->decision, DECISION_UNKNOWN);
    analysis_free(a);
    runs_free(r);
}
END_TEST

int main(void) {
    Suite *s = suite_create("attempts");
    TCase *t = tcase_create("attempts");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, second_attempt_counts_and_the_first_is_told);
    tcase_add_test(t, an_interrupted_attempt_is_no_attempt);
    tcase_add_test(t, a_failed_attempt_counts_though_it_was_interrupted);
    tcase_add_test(t, shared_steps_count_for_every_cell);
    tcase_add_test(t, a_dangling_state_is_the_labs_fault);
    tcase_add_test(t, a_flaky_failure_holds);
    tcase_add_test(t, a_confirmed_failure_is_firm);
    tcase_add_test(t, another_failure_confirms_no_kind);
    tcase_add_test(t, a_riddle_is_not_solved_by_a_pass);
    suite_add_tcase(s, t);
    return suite_run(s);
}
