/* Harm that takes more than one product: who is named as the company it takes, and in which order. */
#include <check.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "support/runs.h"
#include "support/suite.h"

#define SETS                                                                                                       \
    "{'product_sets':[{'products':['birch'],'updates':['birch-engine']},"                                          \
    "{'products':['birch','cedar'],'updates':['birch-engine']},{'products':['cedar','birch'],'updates':['birch-"   \
    "engine']},{'products':['alder','birch','cedar'],'updates':['birch-engine']}]}"
#define THREE "winelab/alder+birch+cedar/birch-engine/1"

/* In the company of all three, the service of cedar is stopped. */
static void three_fail(struct runs *r) {
    runs_cell_passes(r, "winelab/birch/birch-engine/1");
    runs_cell_until_applied(r, THREE);
    runs_step(r, "verify", true);
    runs_check(r, "service", "cedarsvc", "cedar", false);
    runs_fail(r, FAILURE_SERVICE_DOWN, "cedar", "cedarsvc is stopped");
    runs_end(r, true);
}

/* pair: a cell with two of them that passes, NULL: none. */
static const struct {
    const char *pair, *with;
} company[] = {
    {NULL, "cedar"},                                         /* the harmed one: nothing speaks against it */
    {"winelab/birch+cedar/birch-engine/1", "alder+cedar"},   /* it takes more than cedar */
    {"winelab/cedar+birch/birch-engine/1", "cedar"},         /* another order shows nothing of this one */
};

START_TEST(the_company_that_it_takes_is_named) {
    struct runs *r = runs_make(SETS);
    three_fail(r);
    if (company[_i].pair) {
        runs_cell_passes(r, company[_i].pair);
    }
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, THREE);
    ck_assert_int_eq(c->verdict, VERDICT_INTERACTION_FAULT);
    ck_assert_str_eq(c->blame.product, "birch");
    ck_assert_str_eq(c->blame.with, company[_i].with);
    ck_assert_ptr_nonnull(strstr(c->blame.reason, "cedar is the one harmed"));
    analysis_free(a);
    runs_free(r);
}
END_TEST

#define FIRST "winelab/birch+cedar/birch-engine/1"
#define OTHER "winelab/cedar+birch/birch-engine/1"

static void pair_fails(struct runs *r, const char *cell) {
    runs_cell_until_applied(r, cell);
    runs_step(r, "verify", true);
    runs_check(r, "service", "cedarsvc", "cedar", false);
    runs_fail(r, FAILURE_SERVICE_DOWN, "cedar", "cedarsvc is stopped");
    runs_end(r, true);
}

/* 0: the other order was not run, 1: it passes, 2: it fails. */
START_TEST(the_order_that_it_takes_is_told) {
    struct runs *r = runs_make(SETS);
    runs_cell_passes(r, "winelab/birch/birch-engine/1");
    pair_fails(r, FIRST);
    if (_i == 1) {
        runs_cell_passes(r, OTHER);
    } else if (_i == 2) {
        pair_fails(r, OTHER);
    }
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, FIRST);
    ck_assert_int_eq(c->verdict, VERDICT_INTERACTION_FAULT);
    ck_assert_int_eq(c->by_order, _i == 1);
    ck_assert_int_eq(strstr(c->summary, "meets cedar, installed in this order: birch then cedar") != NULL, _i == 1);
    ck_assert_int_eq(strstr(c->blame.reason, "installed in another order, the same products pass") != NULL, _i == 1);
    analysis_free(a);
    runs_free(r);
}
END_TEST

#define NEIGHBOURS                                                                                                 \
    "{'product_sets':[{'products':['birch','cedar'],'updates':['none','birch-engine']},"                           \
    "{'products':['cedar'],'updates':['none']},{'products':['birch'],'updates':['none']}]}"

static void cedar_fails(struct runs *r, const char *cell, bool updated) {
    if (updated) {
        runs_cell_until_applied(r, cell);
    } else {
        runs_cell(r, cell, 1);
        runs_step(r, "install", false);
    }
    runs_step(r, "verify", updated);
    runs_check(r, "service", "cedarsvc", "cedar", false);
    runs_fail(r, FAILURE_SERVICE_DOWN, "cedar", "cedarsvc is stopped");
    runs_end(r, true);
}

/* What the control cells with one product show, and what is made of it. */
static const struct {
    bool cedar_fails, birch_passes, cedar_passes;
    enum verdict verdict;
    const char *with;
} anyway[] = {
    {true, true, false, VERDICT_PRODUCT_FAULT, NULL},
    {true, false, false, VERDICT_PRODUCT_FAULT, NULL},
    {false, false, false, VERDICT_PRODUCT_FAULT, NULL}, /* not seen alone: the one that it happens to */
    {false, true, true, VERDICT_INTERACTION_FAULT, "birch"},
};

/* Birch is updated, Cedar fails, and does so without the update as well: Birch is never to blame. */
START_TEST(the_updated_one_is_not_blamed_for_what_happens_anyway) {
    struct runs *r = runs_make(NEIGHBOURS);
    cedar_fails(r, "winelab/birch+cedar/birch-engine/1", true);
    cedar_fails(r, "winelab/birch+cedar/none/1", false);
    if (anyway[_i].cedar_fails) {
        cedar_fails(r, "winelab/cedar/none/1", false);
    }
    if (anyway[_i].birch_passes) {
        runs_cell_passes(r, "winelab/birch/none/1");
    }
    if (anyway[_i].cedar_passes) {
        runs_cell_passes(r, "winelab/cedar/none/1");
    }
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, "winelab/birch+cedar/birch-engine/1");
    ck_assert_int_eq(c->verdict, anyway[_i].verdict);
    ck_assert_str_eq(c->blame.product, "cedar");
    ck_assert_ptr_null(c->blame.update);
    ck_assert_ptr_null(c->blame.module);
    ck_assert_ptr_nonnull(strstr(c->blame.reason, "fail without birch-engine as well"));
    ck_assert(anyway[_i].with ? str_eq(c->blame.with, anyway[_i].with) : c->blame.with == NULL);
    bool both = anyway[_i].verdict == VERDICT_INTERACTION_FAULT;
    ck_assert_ptr_nonnull(strstr(c->summary, both ? "without any update, only in this company: birch and cedar"
                                                  : "not by the update: cedar"));
    ck_assert_int_eq(runs_find_update(a, "birch-engine")->decision, DECISION_UNKNOWN);
    analysis_free(a);
    runs_free(r);
}
END_TEST

/* Birch is unwell by itself in another way than the pair: that is not what the pair suffers from. */
START_TEST(the_one_that_fails_alike_by_itself_is_named) {
    struct runs *r = runs_make(NEIGHBOURS);
    cedar_fails(r, "winelab/birch+cedar/birch-engine/1", true);
    cedar_fails(r, "winelab/birch+cedar/none/1", false);
    cedar_fails(r, "winelab/cedar/none/1", false);
    runs_cell(r, "winelab/birch/none/1", 1);
    runs_step(r, "install", false);
    runs_fail(r, FAILURE_PROCESS_CRASH, "birch", "birchsvc.exe left a dump");
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, "winelab/birch+cedar/birch-engine/1");
    ck_assert_int_eq(c->verdict, VERDICT_PRODUCT_FAULT);
    ck_assert_str_eq(c->blame.product, "cedar");
    analysis_free(a);
    runs_free(r);
}
END_TEST

int main(void) {
    Suite *s = suite_create("company");
    TCase *t = tcase_create("company");
    tcase_add_loop_test(t, the_company_that_it_takes_is_named, 0, (int)ARRAY_LEN(company));
    tcase_add_loop_test(t, the_order_that_it_takes_is_told, 0, 3);
    tcase_add_loop_test(t, the_updated_one_is_not_blamed_for_what_happens_anyway, 0, (int)ARRAY_LEN(anyway));
    tcase_add_test(t, the_one_that_fails_alike_by_itself_is_named);
    suite_add_tcase(s, t);
    return suite_run(s);
}
