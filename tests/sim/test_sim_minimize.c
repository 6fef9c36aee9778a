/* Failing product sets shrunk by further runs: the right set, no more runs than allowed, whatever interferes. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "sim/trial.h"
#include "support/suite.h"

#define ALL_SIX "'alder','birch','cedar','dogwood','elm','fir'"
#define SIX "{'product_sets':[{'products':[" ALL_SIX "],'updates':['alder-content']}]}"
#define WHOLE "alder+birch+cedar+dogwood+elm+fir"

/* "alder+cedar". */
static char *joined(char *const *ids) {
    struct str s = STR_INIT;
    for (size_t i = 0; ids[i]; i++) {
        str_addf(&s, "%s%s", i ? "+" : "", ids[i]);
    }
    return str_take(&s);
}

static void check_found(const struct analysis *a, const char *products) {
    ck_assert_uint_eq(a->minimal_count, 1);
    const struct analysis_minimal *m = &a->minimal[0];
    CLEANUP_FREE char *found = joined(m->products);
    ck_assert_msg(m->state == MINIMAL_FOUND, "%s: %s", minimal_state_name(m->state), m->text);
    ck_assert_str_eq(found, products);
    ck_assert_ptr_null(a->wanted[0]);
}

START_TEST(a_triple_of_six_is_found) {
    struct trial *t = trial_new(SIX, 6, trial_needs, "alder+cedar+elm", 100);
    ck_assert(trial_run(t));
    struct analysis *a = trial_analyse(t);
    check_found(a, "alder+cedar+elm");
    const struct analysis_minimal *m = &a->minimal[0];
    ck_assert_uint_eq(m->seen.failed, 3);
    ck_assert_uint_eq(m->seen.trials, 3);
    ck_assert_uint_eq(m->control_count, 3);
    ck_assert_str_eq(m->controls[0].without, "cedar");
    ck_assert_str_eq(m->controls[1].without, "elm");
    ck_assert_ptr_null(m->controls[2].without);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_uint_eq(m->controls[i].seen.failed, 0);
        ck_assert_uint_eq(m->controls[i].seen.trials, 3);
    }
    ck_assert_double_eq_tol(m->confidence, 0.95, 1e-9);
    ck_assert_str_eq(m->text, "alder+cedar+elm fail only together with alder-content: failed in 3 of 3 runs; without "
                              "cedar 0 of 3, without elm 0 of 3, without the update 0 of 3; confidence 95 %.");
    ck_assert_uint_eq(t->planned, 1);
    ck_assert_uint_eq(a->minimize_runs, t->extra);
    ck_assert_uint_le(t->extra, 30);
    ck_assert_uint_eq(t->completed_twice, 0);
    analysis_free(a);
    trial_free(t);
}
END_TEST

/* The cell's blame is about those who are needed; the runs count as no exposure. */
START_TEST(the_blame_uses_it) {
    struct trial *t = trial_new(SIX, 6, trial_needs, "alder+cedar+elm", 100);
    ck_assert(trial_run(t));
    struct analysis *a = trial_analyse(t);
    const struct analysis_cell *c = runs_find_cell(a, "winelab/" WHOLE "/alder-content/1");
    ck_assert_int_eq(c->verdict, VERDICT_INTERACTION_FAULT);
    ck_assert_str_eq(c->blame.product, "alder");
    ck_assert_str_eq(c->blame.with, "cedar+elm");
    ck_assert_ptr_nonnull(strstr(c->blame.reason, "fail only together"));
    ck_assert_double_ge(c->blame.confidence, 0.9);
    const struct analysis_update *u = runs_find_update(a, "alder-content");
    ck_assert_int_eq(u->decision, DECISION_HOLD);
    ck_assert_uint_eq(u->cells_planned, 1);
    ck_assert_uint_eq(u->cells_verdict, 1);
    ck_assert_uint_eq(u->cells_failed, 1);
    analysis_free(a);
    trial_free(t);
}
END_TEST

static const char *const ids[] = {"alder", "birch", "cedar", "dogwood", "elm", "fir"};

#ifdef COEXIST_SANITIZED /* all of the code, a tenth of the speed */
enum { FLAKY = 3, MOST_PRODUCTS = 5, BUDGET_STEP = 3 };
#else
enum { FLAKY = 25, MOST_PRODUCTS = 6, BUDGET_STEP = 1 };
#endif

/* Every set that holds alder, of 4, 5 and 6 products, by the bits of _i. */
START_TEST(every_set_is_found) {
    for (size_t products = 4; products <= MOST_PRODUCTS; products++) {
        CLEANUP_STR struct str together = STR_INIT, matrix = STR_INIT;
        if (_i >= 1 << (products - 1)) {
            continue;
        }
        str_add(&matrix, "{'product_sets':[{'products':[");
        for (size_t i = 0; i < products; i++) {
            str_addf(&matrix, "%s'%s'", i ? "," : "", ids[i]);
            if (i == 0 || (_i >> (i - 1) & 1)) {
                str_addf(&together, "%s%s", together.len ? "+" : "", ids[i]);
            }
        }
        str_add(&matrix, "],'updates':['alder-content']}]}");
        struct trial *t = trial_new(str_get(&matrix), products, trial_needs, str_get(&together), 100);
        ck_assert(trial_run(t));
        struct analysis *a = trial_analyse(t);
        check_found(a, str_get(&together));
        ck_assert_double_ge(a->minimal[0].confidence, 0.949);
        ck_assert_uint_le(t->extra, 60);
        analysis_free(a);
        trial_free(t);
    }
}
END_TEST

/* What the matrix has run is not run again. */
START_TEST(runs_of_the_matrix_count) {
    static const char matrix[] = "{'product_sets':[{'products':['alder'],'updates':['alder-content']},"
                                 "{'products':['alder','birch'],'updates':['none','alder-content']},"
                                 "{'products':['alder','birch','cedar'],'updates':['alder-content']}],'repetitions':3}";
    struct trial *t = trial_new(matrix, 3, trial_needs, "alder+birch", 100);
    ck_assert(trial_run(t));
    struct analysis *a = trial_analyse(t);
    check_found(a, "alder+birch");
    ck_assert_uint_eq(t->planned, 12);
    ck_assert_uint_eq(t->extra, 0);
    ck_assert(a->minimizes);
    ck_assert_double_eq_tol(a->minimal[0].confidence, 0.95, 1e-9);
    ck_assert_str_eq(a->minimal[0].cell, "winelab/alder+birch/alder-content/1");
    analysis_free(a);
    trial_free(t);
}
END_TEST

/* Fails alone in the matrix, or does not fail: nothing to shrink. */
START_TEST(nothing_is_run_for_nothing) {
    static const char matrix[] = "{'product_sets':[{'products':['alder'],'updates':['alder-content']},"
                                 "{'products':['alder','birch'],'updates':['alder-content']}]}";
    static const char *const together[] = {"alder", "alder+fir"};
    struct trial *t = trial_new(matrix, 6, trial_needs, together[_i], 100);
    ck_assert(trial_run(t));
    struct analysis *a = trial_analyse(t);
    ck_assert_uint_eq(t->extra, 0);
    ck_assert_uint_eq(a->minimal_count, 0);
    analysis_free(a);
    trial_free(t);
}
END_TEST

/* Two causes of one update: each is found. */
static enum trial_outcome two_pairs(const struct trial *t, const struct plan_cell *cell, int attempt) {
    (void)t;
    (void)attempt;
    return cell->update && (trial_has(cell, "alder+birch") || trial_has(cell, "alder+cedar")) ? TRIAL_FAILS
                                                                                              : TRIAL_PASSES;
}

START_TEST(two_causes_are_told_apart) {
    static const char matrix[] = "{'product_sets':["
                                 "{'products':['alder','birch','dogwood'],'updates':['alder-content']},"
                                 "{'products':['alder','cedar','dogwood'],'updates':['alder-content']}]}";
    struct trial *t = trial_new(matrix, 6, two_pairs, NULL, 100);
    ck_assert(trial_run(t));
    struct analysis *a = trial_analyse(t);
    ck_assert_uint_eq(a->minimal_count, 2);
    CLEANUP_FREE char *first = joined(a->minimal[0].products);
    CLEANUP_FREE char *second = joined(a->minimal[1].products);
    ck_assert_str_eq(first, "alder+birch");
    ck_assert_str_eq(second, "alder+cedar");
    ck_assert_uint_eq(t->completed_twice, 0);
    analysis_free(a);
    trial_free(t);
}
END_TEST

/* Fails only where its true set is installed, though not always: whatever is found holds that set, or nothing is
 * said. How often it is exactly that set stands in METHOD.md. */
static const struct {
    unsigned percent;
    int least; /* of FLAKY: exactly the set */
} flaky[] = {{90, 24}, {70, 22}, {50, 17}};

START_TEST(a_flaky_set_is_found_or_not_claimed) {
    int exact = 0, wider = 0, silent = 0, open = 0;
    for (unsigned seed = 1; seed <= FLAKY; seed++) {
        struct trial *t = trial_new(SIX, 6, trial_flaky, "alder+cedar+elm", 200);
        t->seed = seed;
        t->percent = flaky[_i].percent;
        ck_assert(trial_run(t));
        struct analysis *a = trial_analyse(t);
        ck_assert_ptr_null(a->wanted[0]);
        for (size_t i = 0; i < a->minimal_count; i++) {
            const struct analysis_minimal *m = &a->minimal[i];
            struct plan_cell found = {.products = (const struct model_product *[6]){NULL}};
            for (size_t k = 0; m->products[k]; k++) {
                found.products[found.product_count++] = model_find_product(a->model, m->products[k]);
            }
            CLEANUP_FREE char *set = joined(m->products);
            ck_assert_msg(m->state != MINIMAL_FOUND || trial_has(&found, t->together), "%s", m->text);
            exact += m->state == MINIMAL_FOUND && str_eq(set, t->together);
            wider += m->state == MINIMAL_FOUND && !str_eq(set, t->together);
            silent += m->state == MINIMAL_NOT_REPRODUCED;
            open += m->state == MINIMAL_OPEN;
        }
        ck_assert_uint_le(t->extra, 200);
        analysis_free(a);
        trial_free(t);
    }
    printf("fails in %u %%: of %d exact %d, wider %d, not reproduced %d, open %d\n", flaky[_i].percent, FLAKY,
           exact, wider, silent, open);
    fflush(stdout);
    ck_assert(FLAKY < 25 || exact >= flaky[_i].least);
}
END_TEST

/* Once, and never again. */
static enum trial_outcome only_planned(const struct trial *t, const struct plan_cell *cell, int attempt) {
    return cell->minimize ? TRIAL_PASSES : trial_needs(t, cell, attempt);
}

START_TEST(what_does_not_come_again_is_said_so) {
    struct trial *t = trial_new(SIX, 6, only_planned, "alder", 100);
    ck_assert(trial_run(t));
    struct analysis *a = trial_analyse(t);
    ck_assert_uint_eq(a->minimal_count, 1);
    ck_assert_int_eq(a->minimal[0].state, MINIMAL_NOT_REPRODUCED);
    ck_assert_str_eq(a->minimal[0].text,
                     WHOLE ": the failure did not reproduce in 5 further runs; no smaller set was sought.");
    ck_assert_uint_eq(t->extra, 5);
    ck_assert_double_eq(a->minimal[0].confidence, 0);
    const struct analysis_cell *c = runs_find_cell(a, "winelab/" WHOLE "/alder-content/1");
    ck_assert_ptr_nonnull(strstr(c->blame.reason, "flaky: 1 of 6 repetitions failed"));
    ck_assert_double_le(c->blame.confidence, 0.2);
    analysis_free(a);
    trial_free(t);
}
END_TEST

/* The lab fails in the first attempt at every third run: tried again, and nothing changes. */
static enum trial_outcome lab_fails_first(const struct trial *t, const struct plan_cell *cell, int attempt) {
    return attempt == 1 && strlen(cell->id) % 3 == 0 ? TRIAL_LAB_FAILS : trial_needs(t, cell, attempt);
}

/* Or always, wherever a set of two is tried. */
static enum trial_outcome lab_fails_pairs(const struct trial *t, const struct plan_cell *cell, int attempt) {
    bool pair = cell->product_count == 2 && cell->update;
    return pair ? TRIAL_LAB_FAILS : trial_needs(t, cell, attempt);
}

START_TEST(the_lab_interferes) {
    trial_rule *const rules[] = {lab_fails_first, lab_fails_pairs};
    struct trial *t = trial_new(SIX, 6, rules[_i], "alder+cedar+elm", 100);
    ck_assert(trial_run(t));
    struct analysis *a = trial_analyse(t);
    check_found(a, "alder+cedar+elm");
    ck_assert_int_eq(a->decision, DECISION_HOLD);
    if (_i == 0) {
        ck_assert_double_ge(a->minimal[0].confidence, 0.949);
    } else { /* its controls are pairs: none of them was seen to pass */
        ck_assert_double_eq(a->minimal[0].confidence, 0);
        ck_assert_ptr_nonnull(strstr(a->minimal[0].text, "without cedar 0 of 0 (2 more do not tell)"));
        ck_assert_ptr_nonnull(strstr(a->minimal[0].text, "no confidence is stated"));
    }
    analysis_free(a);
    trial_free(t);
}
END_TEST

/* Never more runs than allowed; with too few, what is known so far is told as that. */
START_TEST(a_budget_holds) {
    for (int budget = 0; budget <= 40; budget += budget == 39 ? 1 : BUDGET_STEP) {
        struct trial *t = trial_new(SIX, 6, trial_needs, "alder+cedar+elm", budget);
        ck_assert(trial_run(t));
        struct analysis *a = trial_analyse(t);
        ck_assert_uint_le(t->extra, (size_t)budget);
        ck_assert_uint_eq(a->minimal_count, budget > 0);
        if (budget == 3) {
            ck_assert_int_eq(a->minimal[0].state, MINIMAL_OPEN);
            ck_assert(a->minimal[0].cut);
            ck_assert_ptr_nonnull(strstr(a->minimal[0].text, "smallest set seen to fail so far"));
            ck_assert_ptr_nonnull(strstr(a->minimal[0].text, "used up"));
        }
        if (budget == 40) {
            ck_assert(!a->minimal[0].cut);
            check_found(a, "alder+cedar+elm");
        }
        analysis_free(a);
        trial_free(t);
    }
}
END_TEST

static char *tell(const struct trial *t) {
    struct analysis *a = trial_analyse(t);
    struct str s = STR_INIT;
    for (size_t i = 0; i < a->minimal_count; i++) {
        str_addf(&s, "%s\n", a->minimal[i].text);
    }
    str_addf(&s, "%zu runs", a->minimize_runs);
    analysis_free(a);
    return str_take(&s);
}

/* Killed after every observation in turn, and resumed: the same answer from the same runs, none made twice. */
START_TEST(killed_and_resumed_it_says_the_same) {
    struct trial *whole = trial_new(SIX, 6, trial_needs, "alder+cedar+elm", 100);
    ck_assert(trial_run(whole));
    CLEANUP_FREE char *expected = tell(whole);
    size_t step = whole->recorded / 8 + 1;
    for (size_t at = 1 + (size_t)_i; at < whole->recorded; at += step) {
        struct trial *t = trial_new(SIX, 6, trial_needs, "alder+cedar+elm", 100);
        t->killed_at = at;
        ck_assert(!trial_run(t));
        t->killed_at = 0;
        ck_assert(trial_run(t));
        CLEANUP_FREE char *said = tell(t);
        ck_assert_str_eq(said, expected);
        ck_assert_uint_eq(t->completed_twice, 0);
        trial_free(t);
    }
    trial_free(whole);
}
END_TEST

/* alder before cedar; the matrix installs in every order. */
static enum trial_outcome in_order(const struct trial *t, const struct plan_cell *cell, int attempt) {
    size_t alder = 99, cedar = 99;
    for (size_t i = 0; i < cell->product_count; i++) {
        alder = str_eq(cell->products[i]->id, "alder") ? i : alder;
        cedar = str_eq(cell->products[i]->id, "cedar") ? i : cedar;
    }
    return alder < cedar ? trial_needs(t, cell, attempt) : TRIAL_PASSES;
}

START_TEST(an_order_is_found) {
    static const char matrix[] = "{'product_sets':[{'products':['alder','birch','cedar'],'updates':['alder-content']}],"
                                 "'install_orders':'all'}";
    trial_rule *const rules[] = {in_order, trial_needs};
    struct trial *t = trial_new(matrix, 3, rules[_i], "alder+cedar", 100);
    ck_assert(trial_run(t));
    struct analysis *a = trial_analyse(t);
    CLEANUP_FREE char *found = joined(a->minimal[0].products);
    ck_assert_int_eq(a->minimal[0].state, MINIMAL_FOUND);
    ck_assert_str_eq(found, "alder+cedar");
    ck_assert_ptr_nonnull(strstr(a->minimal[0].text, _i ? "in whatever order they are installed (other orders: 3 of 3)"
                                                        : "in this install order only (other orders: 0 of 3)"));
    const struct analysis_cell *c = runs_find_cell(a, "winelab/alder+birch+cedar/alder-content/1");
    ck_assert_ptr_nonnull(strstr(c->blame.reason, _i ? "in whatever order" : "in this install order only"));
    analysis_free(a);
    trial_free(t);
}
END_TEST

/* Two products that do not live together without any update. */
static enum trial_outcome before_any(const struct trial *t, const struct plan_cell *cell, int attempt) {
    (void)attempt;
    return trial_has(cell, t->together) ? TRIAL_FAILS_BEFORE : TRIAL_PASSES;
}

START_TEST(a_fault_before_any_update_is_shrunk) {
    struct trial *t = trial_new(SIX, 6, before_any, "birch+fir", 100);
    ck_assert(trial_run(t));
    struct analysis *a = trial_analyse(t);
    check_found(a, "birch+fir");
    ck_assert_ptr_null(a->minimal[0].update);
    ck_assert_ptr_nonnull(strstr(a->minimal[0].text, "birch+fir fail only together without any update"));
    const struct analysis_cell *c = runs_find_cell(a, "winelab/" WHOLE "/alder-content/1");
    ck_assert(c->failed_before);
    ck_assert_ptr_nonnull(strstr(c->blame.reason, "smallest failing set: birch+fir"));
    analysis_free(a);
    trial_free(t);
}
END_TEST

/* A subset that fails otherwise (here: before the update) is not the failure that is sought. */
static enum trial_outcome fails_otherwise(const struct trial *t, const struct plan_cell *cell, int attempt) {
    if (cell->product_count < 3) {
        return TRIAL_FAILS_BEFORE;
    }
    return trial_needs(t, cell, attempt);
}

START_TEST(another_failure_is_no_answer) {
    struct trial *t = trial_new(SIX, 6, fails_otherwise, "alder+cedar", 100);
    ck_assert(trial_run(t));
    struct analysis *a = trial_analyse(t);
    ck_assert_int_eq(a->minimal[0].state, MINIMAL_FOUND);
    size_t count = 0;
    while (a->minimal[0].products[count]) {
        count++;
    }
    ck_assert_uint_eq(count, 3); /* no pair shows it */
    ck_assert_double_eq(a->minimal[0].confidence, 0);
    analysis_free(a);
    trial_free(t);
}
END_TEST

int main(void) {
    Suite *s = suite_create("minimize");
    TCase *t = tcase_create("minimize");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, a_triple_of_six_is_found);
    tcase_add_test(t, the_blame_uses_it);
    tcase_add_loop_test(t, every_set_is_found, 0, 32);
    tcase_add_test(t, runs_of_the_matrix_count);
    tcase_add_loop_test(t, nothing_is_run_for_nothing, 0, 2);
    tcase_add_test(t, two_causes_are_told_apart);
    tcase_add_loop_test(t, a_flaky_set_is_found_or_not_claimed, 0, (int)ARRAY_LEN(flaky));
    tcase_add_test(t, what_does_not_come_again_is_said_so);
    tcase_add_loop_test(t, the_lab_interferes, 0, 2);
    tcase_add_test(t, a_budget_holds);
    tcase_add_loop_test(t, killed_and_resumed_it_says_the_same, 0, 3);
    tcase_add_loop_test(t, an_order_is_found, 0, 2);
    tcase_add_test(t, a_fault_before_any_update_is_shrunk);
    tcase_add_test(t, another_failure_is_no_answer);
    suite_add_tcase(s, t);
    return suite_run(s);
}
