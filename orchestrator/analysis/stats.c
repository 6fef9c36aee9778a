#include "analysis/stats.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sf_gamma.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

static double *stats_copy_sorted(const double *x, size_t n) {
    double *copy = mem_zalloc(n, sizeof(*copy));
    if (n) {
        memcpy(copy, x, n * sizeof(*copy));
    }
    gsl_sort(copy, 1, n);
    return copy;
}

double stats_median(const double *x, size_t n) {
    if (n == 0) {
        return NAN;
    }
    CLEANUP_FREE double *sorted = stats_copy_sorted(x, n);
    return gsl_stats_median_from_sorted_data(sorted, 1, n);
}

double stats_mad_scale(const double *x, size_t n) {
    if (n == 0) {
        return NAN;
    }
    CLEANUP_FREE double *work = mem_zalloc(n, sizeof(*work));
    return gsl_stats_mad(x, 1, n, work);
}

/* Twice the midrank of every sample (before first, then after): whole numbers, so sums can be counted. */
static void stats_double_ranks(const double *all, size_t total, size_t *ranks) {
    for (size_t i = 0; i < total; i++) {
        size_t below = 0;
        size_t equal = 0;
        for (size_t k = 0; k < total; k++) {
            below += all[k] < all[i];
            equal += all[k] == all[i];
        }
        ranks[i] = 2 * below + equal + 1;
    }
}

/* Exact: among all ways to choose which m of the total are "after", the share whose rank sum is at least the one seen.
 * ways[c * width + s] counts choices of c samples with doubled rank sum s. */
static double stats_rank_sum_tail(const size_t *ranks, size_t total, size_t m, size_t seen) {
    size_t width = total * (total + 1) + 1;
    CLEANUP_FREE double *ways = mem_zalloc((m + 1) * width, sizeof(*ways));
    ways[0] = 1;
    for (size_t i = 0; i < total; i++) {
        for (size_t c = m < i + 1 ? m : i + 1; c > 0; c--) {
            double *to = ways + c * width;
            const double *from = ways + (c - 1) * width;
            for (size_t s = width - 1; s >= ranks[i]; s--) {
                to[s] += from[s - ranks[i]];
            }
        }
    }
    double tail = 0;
    double all = 0;
    for (size_t s = 0; s < width; s++) {
        all += ways[m * width + s];
        tail += s >= seen ? ways[m * width + s] : 0;
    }
    return tail / all;
}

static double stats_rank_sum_normal(const double *all, const size_t *ranks, size_t n, size_t m,
                                    size_t seen) {
    double total = (double)(n + m);
    double ties = 0;
    for (size_t i = 0; i < n + m; i++) {
        double equal = 0;
        for (size_t k = 0; k < n + m; k++) {
            equal += all[k] == all[i];
        }
        ties += equal * equal - 1; /* summed over a group of t: t^3 - t */
    }
    (void)ranks;
    double mean = (double)m * (total + 1) / 2;
    double variance = (double)n * (double)m / 12 * (total + 1 - ties / (total * (total - 1)));
    if (variance <= 0) {
        return 1;
    }
    return gsl_cdf_ugaussian_Q(((double)seen / 2 - mean - 0.5) / sqrt(variance));
}

double stats_mann_whitney_greater(const double *before, size_t n, const double *after, size_t m) {
    if (n == 0 || m == 0) {
        return NAN;
    }
    CLEANUP_FREE double *all = mem_zalloc(n + m, sizeof(*all));
    CLEANUP_FREE size_t *ranks = mem_zalloc(n + m, sizeof(*ranks));
    memcpy(all, before, n * sizeof(*all));
    memcpy(all + n, after, m * sizeof(*all));
    stats_double_ranks(all, n + m, ranks);
    size_t seen = 0;
    for (size_t i = n; i < n + m; i++) {
        seen += ranks[i];
    }
    return n + m <= STATS_EXACT_MAX ? stats_rank_sum_tail(ranks, n + m, m, seen)
                                    : stats_rank_sum_normal(all, ranks, n, m, seen);
}

double stats_mann_whitney_floor(size_t n, size_t m) {
    if (n == 0 || m == 0) {
        return NAN;
    }
    return exp(-gsl_sf_lnchoose((unsigned)(n + m), (unsigned)n));
}

/* P(U <= u) for u = 0, 1, ... without ties, by counting as above on the ranks 1..n+m. */
static double *stats_u_distribution(size_t n, size_t m) {
    size_t size = n * m + 1;
    size_t total = n + m;
    size_t width = total * (total + 1) / 2 + 1;
    CLEANUP_FREE double *ways = mem_zalloc((m + 1) * width, sizeof(*ways));
    ways[0] = 1;
    for (size_t rank = 1; rank <= total; rank++) {
        for (size_t c = m < rank ? m : rank; c > 0; c--) {
            for (size_t s = width - 1; s >= rank; s--) {
                ways[c * width + s] += ways[(c - 1) * width + s - rank];
            }
        }
    }
    double *cdf = mem_zalloc(size, sizeof(*cdf));
    double sum = 0;
    size_t lowest = m * (m + 1) / 2;
    double all = exp(gsl_sf_lnchoose((unsigned)total, (unsigned)m));
    for (size_t u = 0; u < size; u++) {
        sum += ways[m * width + lowest + u];
        cdf[u] = sum / all;
    }
    return cdf;
}

/* How many differences may lie beyond a bound: the largest k with P(U <= k) <= alpha, or -1. */
static long stats_bound_rank(size_t n, size_t m, double alpha, double *reached) {
    if (n + m > STATS_EXACT_MAX) {
        double sd = sqrt((double)n * (double)m * (double)(n + m + 1) / 12);
        double k = floor((double)n * (double)m / 2 + gsl_cdf_ugaussian_Pinv(alpha) * sd - 0.5);
        *reached = 1 - alpha;
        return k < 0 ? -1 : (long)k;
    }
    CLEANUP_FREE double *cdf = stats_u_distribution(n, m);
    long k = -1;
    while ((size_t)(k + 1) < n * m && cdf[k + 1] <= alpha) {
        k++;
    }
    *reached = 1 - cdf[k < 0 ? 0 : k];
    return k;
}

struct stats_shift stats_shift(const double *before, size_t n, const double *after, size_t m,
                               double confidence) {
    if (n == 0 || m == 0) {
        return (struct stats_shift){NAN, NAN, NAN, NAN};
    }
    CLEANUP_FREE double *diff = mem_zalloc(n * m, sizeof(*diff));
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < m; k++) {
            diff[i * m + k] = after[k] - before[i];
        }
    }
    gsl_sort(diff, 1, n * m);
    struct stats_shift shift = {.estimate = gsl_stats_median_from_sorted_data(diff, 1, n * m)};
    long k = stats_bound_rank(n, m, 1 - confidence, &shift.reached);
    size_t at = k < 0 ? 0 : (size_t)k;
    shift.low = diff[at];
    shift.high = diff[n * m - 1 - at];
    return shift;
}

void stats_holm(double *p, size_t n) {
    CLEANUP_FREE size_t *order = mem_zalloc(n, sizeof(*order));
    size_t count = 0;
    for (size_t i = 0; i < n; i++) { /* insertion by p: n is a cell's metrics, a few dozen */
        if (isnan(p[i])) {
            continue;
        }
        size_t at = count++;
        while (at > 0 && p[order[at - 1]] > p[i]) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = i;
    }
    double worst = 0;
    for (size_t i = 0; i < count; i++) {
        double adjusted = p[order[i]] * (double)(count - i);
        worst = adjusted > worst ? adjusted : worst;
        p[order[i]] = worst < 1 ? worst : 1;
    }
}

double stats_rate_upper(size_t failures, size_t trials, double confidence) {
    if (failures >= trials) {
        return 1;
    }
    return gsl_cdf_beta_Pinv(confidence, (double)failures + 1, (double)(trials - failures));
}

double stats_fisher_greater(size_t failures, size_t trials, size_t other_failures, size_t other_trials) {
    if (trials == 0 || other_trials == 0 || failures == 0) {
        return 1;
    }
    size_t failed = failures + other_failures, passed = trials + other_trials - failed;
    return gsl_cdf_hypergeometric_Q((unsigned)failures - 1, (unsigned)failed, (unsigned)passed, (unsigned)trials);
}
