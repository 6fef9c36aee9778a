/* Performance findings over all cells of a run: which metric of which cell a gate calls a regression. METHOD.md, part
 * "Slower", gives the rule and its reasons; tests/sim/test_false_alarms.c shows how often it is wrong. */
#ifndef COEXIST_ANALYSIS_SLOWER_H
#define COEXIST_ANALYSIS_SLOWER_H

#include "analysis/analysis.h"
#include "analysis/compare.h"

/* Confidence of the bounds of a metric that no gate looks at. */
#define SLOWER_DEFAULT_CONFIDENCE 0.95

struct slower_cell {
    /* in */
    const char *image;
    const char *update;             /* id; NULL for a control cell */
    const char *set;                /* names the product set whatever the install order, see slower_set_name */
    const struct sample_set *samples;
    /* out, owned by the caller */
    struct analysis_metric *metrics;
    size_t metric_count;
    struct compare *compares;       /* same order as metrics */
};

/* Product ids sorted and joined by '+'. Caller frees. */
char *slower_set_name(const struct plan_cell *cell);

/* Fills metrics and compares of every cell, then flags the regressions. */
void slower_find(const struct model *m, struct slower_cell *cells, size_t count);

/* The gate that matches by id, or NULL. */
const struct model_gate *slower_gate(const struct model *m, const char *id);

#endif
