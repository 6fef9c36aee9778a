/* One metric series of one cell: before against after, on a logarithmic scale, so that "twice as slow" is the same
 * distance for every metric. */
#ifndef COEXIST_ANALYSIS_COMPARE_H
#define COEXIST_ANALYSIS_COMPARE_H

#include "analysis/analysis.h"
#include "analysis/samples.h"

/* With fewer samples on a side no finding is ever made. */
#define COMPARE_MIN_SAMPLES 3

struct compare {
    double shift, low; /* natural logarithm of after/before: estimate and lower bound; NAN when not comparable */
    size_t n, m;       /* samples that took part */
    bool testable;     /* both n and m are at least COMPARE_MIN_SAMPLES */
    bool separated;    /* every after sample is worse than every before sample */
    bool material;     /* the medians differ by more than what matters at all in that unit */
};

/* Fills *metric (all but gate and note) and *c. cell_reference: sample_set_reference. */
void compare_series(const struct sample_series *s, double cell_reference, double confidence,
                    struct analysis_metric *metric, struct compare *c);
void compare_metric_clear(struct analysis_metric *metric);

#endif
