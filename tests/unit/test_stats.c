/* Statistics against values from the literature and brute force. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/compare.h"
#include "analysis/samples.h"
#include "analysis/stats.h"
#include "base/cleanup.h"
#include "support/suite.h"

#define NEAR(a, b) ck_assert_msg(fabs((a) - (b)) < 1e-6, "%.9f is not %.9f", (double)(a), (double)(b))

START_TEST(median_of_even_odd_and_none) {
    static const double x[] = {5, 1, 4, 2};
    NEAR(stats_median(x, 4), 3);
    NEAR(stats_median(x, 3), 4);
    ck_assert(isnan(stats_median(x, 0)));
    NEAR(stats_mad_scale(x, 4), 1.482602218505602 * 1.5);
}
END_TEST

START_TEST(mann_whitney_exact_without_ties) {
    static const double low[] = {1, 2, 3, 4, 5}, high[] = {6, 7, 8, 9, 10};
    NEAR(stats_mann_whitney_greater(low, 5, high, 5), 1.0 / 252);
    NEAR(stats_mann_whitney_greater(high, 5, low, 5), 1);
    NEAR(stats_mann_whitney_floor(5, 5), 1.0 / 252);
    static const double x[] = {1, 3, 5}, y[] = {2, 4, 6}; /* U of y is 6 of 9: P(U >= 6) = 7/20 */
    NEAR(stats_mann_whitney_greater(x, 3, y, 3), 7.0 / 20);
    ck_assert(isnan(stats_mann_whitney_greater(x, 0, y, 3)));
}
END_TEST

/* Every way of choosing which samples are "after", counted one by one. */
static double brute_force(const double *all, int total, int m, double seen) {
    int hits = 0, ways = 0;
    for (int mask = 0; mask < 1 << total; mask++) {
        if (__builtin_popcount((unsigned)mask) != m) {
            continue;
        }
        double sum = 0;
        for (int i = 0; i < total; i++) {
            for (int k = 0; (mask >> i & 1) && k < total; k++) {
                sum += all[k] < all[i] ? 1 : all[k] == all[i] ? 0.5 : 0;
            }
        }
        ways++;
        hits += sum >= seen - 1e-9;
    }
    return (double)hits / ways;
}

START_TEST(mann_whitney_with_ties_equals_brute_force) {
    static const double all[] = {1, 2, 2, 3, 2, 3, 3, 5, 1};
    double seen = 0;
    for (int i = 5; i < 9; i++) {
        for (int k = 0; k < 9; k++) {
            seen += all[k] < all[i] ? 1 : all[k] == all[i] ? 0.5 : 0;
        }
    }
    NEAR(stats_mann_whitney_greater(all, 5, all + 5, 4), brute_force(all, 9, 4, seen));
    static const double same[] = {7, 7, 7, 7, 7, 7};
    NEAR(stats_mann_whitney_greater(same, 3, same + 3, 3), 1);
}
END_TEST

/* One sample more and the normal approximation takes over: it must not say something else. */
START_TEST(mann_whitney_large_is_close_to_exact) {
    double x[31], y[30];
    for (int i = 0; i < 30; i++) {
        x[i] = i;
        y[i] = i + 5.5;
    }
    x[30] = 14.7;
    double exact = stats_mann_whitney_greater(x, 30, y, 30);
    double normal = stats_mann_whitney_greater(x, 31, y, 30);
    ck_assert_msg(exact > 0.001 && exact < 0.05, "%g", exact);
    ck_assert_msg(fabs(normal / exact - 1) < 0.15, "%g against %g", normal, exact);
}
END_TEST

START_TEST(shift_has_the_tabled_bounds) {
    static const double x[] = {0, 1, 2, 3, 4}, y[] = {10, 11, 12, 13, 14};
    struct stats_shift s = stats_shift(x, 5, y, 5, 0.99); /* P(U <= 1) = 2/252: one difference beyond */
    NEAR(s.estimate, 10);
    NEAR(s.low, 7);
    NEAR(s.high, 13);
    NEAR(s.reached, 1 - 2.0 / 252);
    s = stats_shift(x, 3, y, 3, 0.99); /* cannot be reached: the extremes, and it says so */
    NEAR(s.low, 8);
    NEAR(s.reached, 0.95);
}
END_TEST

START_TEST(holm_steps_down) {
    double p[] = {0.01, 0.04, 0.03, NAN, 0.005};
    stats_holm(p, 5);
    NEAR(p[4], 0.02);
    NEAR(p[0], 0.03);
    NEAR(p[2], 0.06);
    NEAR(p[1], 0.06);
    ck_assert(isnan(p[3]));
}
END_TEST

START_TEST(three_hundred_clean_exposures_bound_one_percent) {
    ck_assert(stats_rate_upper(0, 299, 0.95) < 0.01);
    ck_assert(stats_rate_upper(0, 298, 0.95) > 0.01);
    NEAR(stats_rate_upper(0, 1, 0.95), 0.95);
    NEAR(stats_rate_upper(0, 0, 0.95), 1);
    NEAR(stats_rate_upper(2, 2, 0.95), 1);
}
END_TEST

static void add(struct sample_set *set, enum sample_side side, double value, double reference) {
    json_t *d = json_pack("{s:s,s:s,s:s,s:f,s:f}", "name", "copy", "unit", "ms", "source", "agent",
                          "value", value, "reference_ms", reference);
    sample_set_add(set, d, side);
    json_decref(d);
}

START_TEST(reference_takes_the_host_out) {
    struct sample_set set = {NULL, 0};
    for (int i = 0; i < 5; i++) { /* the host is twice as slow after, the update changes nothing */
        add(&set, SAMPLE_BEFORE, 100 + i, 50);
        add(&set, SAMPLE_AFTER, 2 * (100 + i), 100);
    }
    struct analysis_metric m;
    struct compare c;
    compare_series(&set.items[0], sample_set_reference(&set), 0.95, &m, &c);
    ck_assert(m.corrected);
    ck_assert_double_eq_tol(m.change_percent, 0, 0.01);
    ck_assert_uint_eq(m.before_count, 5);
    compare_metric_clear(&m);
    add(&set, SAMPLE_AFTER, 200, 0); /* one without its reference: then none is corrected */
    compare_series(&set.items[0], sample_set_reference(&set), 0.95, &m, &c);
    ck_assert(!m.corrected);
    ck_assert_double_eq_tol(m.change_percent, 100, 5);
    compare_metric_clear(&m);
    sample_set_free(&set);
}
END_TEST

START_TEST(spike_is_set_aside_but_shown) {
    struct sample_set set = {NULL, 0};
    for (int i = 0; i < 5; i++) {
        add(&set, SAMPLE_BEFORE, i == 2 ? 900 : 100 + i, 50);
        add(&set, SAMPLE_AFTER, 100 + i, 50);
    }
    struct analysis_metric m;
    struct compare c;
    compare_series(&set.items[0], sample_set_reference(&set), 0.95, &m, &c);
    ck_assert_uint_eq(m.set_aside, 1);
    ck_assert_uint_eq(m.before_count, 5);
    ck_assert_uint_eq(c.n, 4);
    compare_metric_clear(&m);
    sample_set_free(&set);
}
END_TEST

START_TEST(nonsense_samples_are_not_taken) {
    struct sample_set set = {NULL, 0};
    add(&set, SAMPLE_BEFORE, -1, 50);
    json_t *d = json_pack("{s:s,s:s}", "name", "x", "value", "12");
    sample_set_add(&set, d, SAMPLE_AFTER);
    json_decref(d);
    ck_assert_uint_eq(set.count, 0);
    sample_set_free(&set);
}
END_TEST

int main(void) {
    Suite *s = suite_create("stats");
    TCase *t = tcase_create("stats");
    tcase_add_test(t, median_of_even_odd_and_none);
    tcase_add_test(t, mann_whitney_exact_without_ties);
    tcase_add_test(t, mann_whitney_with_ties_equals_brute_force);
    tcase_add_test(t, mann_whitney_large_is_close_to_exact);
    tcase_add_test(t, shift_has_the_tabled_bounds);
    tcase_add_test(t, holm_steps_down);
    tcase_add_test(t, three_hundred_clean_exposures_bound_one_percent);
    tcase_add_test(t, reference_takes_the_host_out);
    tcase_add_test(t, spike_is_set_aside_but_shown);
    tcase_add_test(t, nonsense_samples_are_not_taken);
    suite_add_tcase(s, t);
    return suite_run(s);
}
