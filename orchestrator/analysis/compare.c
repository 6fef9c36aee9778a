#include "analysis/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/stats.h"
#include "base/cleanup.h"
#include "base/str.h"

/* What a unit can tell apart at all (keeps the logarithm away from zero), and the difference of medians below
 * which nobody would notice, however certain it is. */
struct compare_unit {
    const char *name;
    double resolution, matters;
};
static const struct compare_unit compare_units[] = {
    {"ms", 0.1, 5},
    {"percent", 1, 15},
    {"bytes", 65536, 8.0 * 1024 * 1024},
    {"count", 1, 50},
};

static const struct compare_unit *compare_unit_find(const char *name) {
    static const struct compare_unit other = {"", 1e-9, 0};
    for (size_t i = 0; i < ARRAY_LEN(compare_units); i++) {
        if (str_eq(compare_units[i].name, name)) {
            return &compare_units[i];
        }
    }
    return &other;
}

/* A busy host makes single samples slower, never faster. Those far above the rest of their phase are set aside, at
 * most one in five, in both phases by the same rule. Returns how many are kept, smallest first. */
static size_t compare_keep(const double *x, size_t n, double *kept) {
    double median = stats_median(x, n);
    double scale = stats_mad_scale(x, n);
    double fence = median + fmax(5 * scale, 0.25 * median);
    size_t spare = n / 5;
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        size_t at = count++;
        while (at > 0 && kept[at - 1] > x[i]) {
            kept[at] = kept[at - 1];
            at--;
        }
        kept[at] = x[i];
    }
    while (spare > 0 && count > COMPARE_MIN_SAMPLES && kept[count - 1] > fence) {
        count--;
        spare--;
    }
    return count;
}

static void compare_to_logs(double *x, size_t n, double resolution) {
    for (size_t i = 0; i < n; i++) {
        x[i] = log(fmax(x[i], resolution));
    }
}

static double compare_percent(double log_ratio) {
    return 100 * expm1(log_ratio);
}

static void compare_test(struct analysis_metric *metric, double confidence, struct compare *c) {
    const struct compare_unit *unit = compare_unit_find(metric->unit);
    CLEANUP_FREE double *before = mem_zalloc(metric->before_count, sizeof(*before));
    CLEANUP_FREE double *after = mem_zalloc(metric->after_count, sizeof(*after));
    c->n = compare_keep(metric->before, metric->before_count, before);
    c->m = compare_keep(metric->after, metric->after_count, after);
    metric->set_aside = metric->before_count - c->n + metric->after_count - c->m;
    c->material = stats_median(after, c->m) - stats_median(before, c->n) > unit->matters;
    compare_to_logs(before, c->n, unit->resolution);
    compare_to_logs(after, c->m, unit->resolution);
    c->testable = c->n >= COMPARE_MIN_SAMPLES && c->m >= COMPARE_MIN_SAMPLES;
    c->separated = after[0] > before[c->n - 1];
    struct stats_shift shift = stats_shift(before, c->n, after, c->m, confidence);
    c->shift = shift.estimate;
    c->low = shift.low;
    metric->change_percent = compare_percent(shift.estimate);
    if (c->testable) {
        metric->change_low = compare_percent(shift.low);
        metric->change_high = compare_percent(shift.high);
        metric->confidence = shift.reached;
        metric->p_value = stats_mann_whitney_greater(before, c->n, after, c->m);
    }
}

void compare_series(const struct sample_series *s, double cell_reference, double confidence,
                    struct analysis_metric *metric, struct compare *c) {
    *metric = (struct analysis_metric){
        .name = str_dup(s->name),
        .unit = str_dup(s->unit),
        .source = str_dup(s->source),
        .process = str_dup(s->process),
        .product = str_dup(s->product),
        .before_count = s->side[SAMPLE_BEFORE].count,
        .after_count = s->side[SAMPLE_AFTER].count,
        .starved = s->side[SAMPLE_BEFORE].starved + s->side[SAMPLE_AFTER].starved,
        .change_percent = NAN, .change_low = NAN, .change_high = NAN,
        .p_value = NAN, .p_adjusted = NAN, .confidence = NAN,
    };
    *c = (struct compare){.shift = NAN, .low = NAN};
    metric->before = sample_series_corrected(s, SAMPLE_BEFORE, cell_reference, &metric->corrected);
    metric->after = sample_series_corrected(s, SAMPLE_AFTER, cell_reference, &metric->corrected);
    metric->before_median = stats_median(metric->before, metric->before_count);
    metric->after_median = stats_median(metric->after, metric->after_count);
    if (metric->before_count && metric->after_count) {
        compare_test(metric, confidence, c);
    }
}

void compare_metric_clear(struct analysis_metric *metric) {
    free(metric->name);
    free(metric->unit);
    free(metric->source);
    free(metric->process);
    free(metric->product);
    free(metric->before);
    free(metric->after);
    free(metric->gate);
    free(metric->note);
    memset(metric, 0, sizeof(*metric));
}
