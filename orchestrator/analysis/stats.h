/* Statistics of few, noisy, skewed samples. Pure; nothing here knows what a metric is. METHOD.md in this folder says
 * how the parts are put together and why. */
#ifndef COEXIST_ANALYSIS_STATS_H
#define COEXIST_ANALYSIS_STATS_H

#include <stddef.h>

/* Median by order statistics; NAN for n 0. Leaves the samples as they are. */
double stats_median(const double *x, size_t n);
/* Median absolute deviation times 1.4826 (the standard deviation, were they normal); NAN for n 0. */
double stats_mad_scale(const double *x, size_t n);

/* One-sided Mann-Whitney test, alternative "after is larger than before": the probability, were there no difference,
 * of ranks at least as extreme. Exact, ties by midranks, up to STATS_EXACT_MAX samples together (Mann and
 * Whitney, Ann. Math. Stat. 18, 1947); normal approximation with tie correction beyond. NAN when a side is empty. */
#define STATS_EXACT_MAX 60
double stats_mann_whitney_greater(const double *before, size_t n, const double *after, size_t m);
/* The smallest p-value that test can give with n and m samples without ties: 1 / (n+m over n). */
double stats_mann_whitney_floor(size_t n, size_t m);

/* Hodges-Lehmann estimate of the shift from before to after (median of all pairwise differences) with one-sided
 * bounds by inverting the Mann-Whitney test: true shift >= low with `confidence`, and <= high with `confidence`.
 * When so few samples cannot reach it, the bounds are the extreme differences and `reached` tells what they do
 * reach (Hodges and Lehmann, Ann. Math. Stat. 34, 1963). All NAN when a side is empty. */
struct stats_shift {
    double estimate, low, high;
    double reached; /* confidence of each bound */
};
struct stats_shift stats_shift(const double *before, size_t n, const double *after, size_t m,
                               double confidence);

/* Holm's step-down adjustment in place: comparing each result with alpha keeps the chance of any false alarm among
 * all of them below alpha (Holm, Scand. J. Stat. 6, 1979). NANs stay and do not count. */
void stats_holm(double *p, size_t n);

/* Upper bound, at `confidence`, of a failure rate after `failures` in `trials` (Clopper and Pearson, Biometrika 26,
 * 1934); 1 for no trials. With no failure in 299 trials it is below 1 % at 0.95. */
double stats_rate_upper(size_t failures, size_t trials, double confidence);

/* Fisher's exact test, one-sided: the probability, did both fail equally often, of at least so many of the failures in
 * the first group (Fisher, J. R. Stat. Soc. 98, 1935). 1 when a group is empty. */
double stats_fisher_greater(size_t failures, size_t trials, size_t other_failures, size_t other_trials);

#endif
