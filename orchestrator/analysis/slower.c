#include "analysis/slower.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/stats.h"
#include "base/cleanup.h"
#include "base/str.h"

/* Allowance, as the standard deviation of a log ratio, for what differs between two boots of one machine and so never
 * shows in the scatter of samples within one boot: never less than this, whatever the other cells say. */
#define SLOWER_SESSION_FLOOR 0.08
/* Times that no reference loop accompanies carry all of the host's mood. */
#define SLOWER_SESSION_UNCORRECTED 0.25
/* CPU percentages jump by their nature. */
#define SLOWER_SESSION_PERCENT 0.25
#define SLOWER_SESSION_MAX 0.30
/* What other updates' cells may say about the machine's own before-after difference at most: +25 %. */
#define SLOWER_BASELINE_MAX 0.2231
#define SLOWER_MIN_OTHERS 4
#define SLOWER_PRIOR_WEIGHT 4.0
/* With fewer samples on a side, one cell alone is not believed. */
#define SLOWER_ENOUGH_ALONE 5
#define SLOWER_ALONE_FACTOR 1.5

struct slower_null { /* what before-after differs by when nothing is wrong */
    double baseline, scatter;
};

char *slower_set_name(const struct plan_cell *cell) {
    CLEANUP_FREE const char **ids = mem_zalloc(cell->product_count, sizeof(*ids));
    for (size_t i = 0; i < cell->product_count; i++) {
        size_t at = i;
        while (at > 0 && strcmp(ids[at - 1], cell->products[i]->id) > 0) {
            ids[at] = ids[at - 1];
            at--;
        }
        ids[at] = cell->products[i]->id;
    }
    struct str name = STR_INIT;
    for (size_t i = 0; i < cell->product_count; i++) {
        str_addf(&name, "%s%s", i ? "+" : "", ids[i]);
    }
    return str_take(&name);
}

const struct model_gate *slower_gate(const struct model *m, const char *id) {
    for (size_t i = 0; id && i < m->gate_count; i++) {
        if (str_eq(m->gates[i].id, id)) {
            return &m->gates[i];
        }
    }
    return NULL;
}

/* Gates look at the system as a whole; numbers of single processes are there to explain what was found. */
static bool slower_gate_covers(const struct model_gate *g, const struct analysis_metric *metric) {
    return g->kind == GATE_SLOWER && !metric->process &&
           (str_eq(g->metric, "*") || str_eq(g->metric, metric->name));
}

static bool slower_gated(const struct model *m, const struct analysis_metric *metric) {
    for (size_t i = 0; i < m->gate_count; i++) {
        if (slower_gate_covers(&m->gates[i], metric)) {
            return true;
        }
    }
    return false;
}

static double slower_confidence(const struct model *m, const struct sample_series *s) {
    struct analysis_metric probe = {.name = s->name, .process = s->process};
    double confidence = 0;
    for (size_t i = 0; i < m->gate_count; i++) {
        if (slower_gate_covers(&m->gates[i], &probe)) {
            confidence = fmax(confidence, m->gates[i].confidence);
        }
    }
    return confidence > 0 ? confidence : SLOWER_DEFAULT_CONFIDENCE;
}

static void slower_compare_cell(const struct model *m, struct slower_cell *cell) {
    size_t count = cell->samples ? cell->samples->count : 0;
    double reference = cell->samples ? sample_set_reference(cell->samples) : NAN;
    cell->metrics = mem_zalloc(count, sizeof(*cell->metrics));
    cell->compares = mem_zalloc(count, sizeof(*cell->compares));
    cell->metric_count = count;
    CLEANUP_FREE double *p = mem_zalloc(count, sizeof(*p));
    for (size_t i = 0; i < count; i++) {
        const struct sample_series *s = &cell->samples->items[i];
        compare_series(s, reference, slower_confidence(m, s), &cell->metrics[i],
                       &cell->compares[i]);
        p[i] = cell->compares[i].testable && slower_gated(m, &cell->metrics[i])
                   ? cell->metrics[i].p_value
                   : NAN;
    }
    stats_holm(p, count);
    for (size_t i = 0; i < count; i++) {
        cell->metrics[i].p_adjusted = p[i];
    }
}

/* What another cell says of the same metric; starved samples say nothing, neither for nor against. */
static const struct compare *slower_find_same(const struct slower_cell *cell,
                                              const struct analysis_metric *metric) {
    for (size_t i = 0; i < cell->metric_count; i++) {
        if (str_eq(cell->metrics[i].name, metric->name) &&
            str_eq(cell->metrics[i].process, metric->process) &&
            str_eq(cell->metrics[i].product, metric->product)) {
            bool speaks = cell->compares[i].testable && cell->metrics[i].starved == 0;
            return speaks ? &cell->compares[i] : NULL;
        }
    }
    return NULL;
}

static double slower_scatter_floor(const struct analysis_metric *metric) {
    if (str_eq(metric->unit, "ms") && !metric->corrected) {
        return SLOWER_SESSION_UNCORRECTED;
    }
    return str_eq(metric->unit, "percent") ? SLOWER_SESSION_PERCENT : SLOWER_SESSION_FLOOR;
}

/* Scatter is read from what lies below the baseline only: a bad update among the others can push shifts up and
 * would hide its like, but it cannot make a boot look faster. Few cells say little, so the usual scatter
 * of this kind of metric counts as SLOWER_PRIOR_WEIGHT observations of its own. */
static double slower_scatter(const double *shift, size_t count, double baseline, double usual) {
    double sum = SLOWER_PRIOR_WEIGHT * usual * usual;
    double weight = SLOWER_PRIOR_WEIGHT;
    for (size_t i = 0; i < count; i++) {
        if (shift[i] < baseline) {
            sum += (baseline - shift[i]) * (baseline - shift[i]);
            weight++;
        }
    }
    return fmin(fmax(sqrt(sum / weight), usual), fmax(SLOWER_SESSION_MAX, usual));
}

static struct slower_null slower_null(const struct slower_cell *cells, size_t count,
                                      const struct slower_cell *cell,
                                      const struct analysis_metric *metric) {
    struct slower_null null = {0, slower_scatter_floor(metric)};
    CLEANUP_FREE double *shift = mem_zalloc(count, sizeof(*shift));
    size_t others = 0;
    for (size_t i = 0; i < count; i++) {
        const struct slower_cell *o = &cells[i];
        if (str_eq(o->image, cell->image) && !str_eq(o->update, cell->update)) {
            const struct compare *c = slower_find_same(o, metric);
            if (c) {
                shift[others++] = c->shift;
            }
        }
    }
    if (others >= SLOWER_MIN_OTHERS) {
        gsl_sort(shift, 1, others);
        null.baseline = fmin(fmax(shift[others / 4], 0), SLOWER_BASELINE_MAX);
        null.scatter = slower_scatter(shift, others, null.baseline, null.scatter);
    }
    return null;
}

static size_t slower_family(const struct slower_cell *cell) {
    size_t family = 0;
    for (size_t i = 0; i < cell->metric_count; i++) {
        family += !isnan(cell->metrics[i].p_adjusted);
    }
    return family;
}

/* The rank test must speak; where so few samples cannot make it speak, complete separation must stand in. */
static bool slower_can_speak(const struct compare *c, size_t family, double alpha) {
    return stats_mann_whitney_floor(c->n, c->m) * (double)family <= alpha;
}

static bool slower_significant(const struct analysis_metric *metric, const struct compare *c,
                               size_t family, double alpha) {
    return slower_can_speak(c, family, alpha) ? metric->p_adjusted <= alpha : c->separated;
}

/* Repetitions of the same combination must not say otherwise: less than half of the gate's size contradicts. */
static size_t slower_contradictions(const struct slower_cell *cells, size_t count,
                                    const struct slower_cell *cell,
                                    const struct analysis_metric *metric, double half,
                                    size_t *siblings) {
    size_t against = 0;
    *siblings = 0;
    for (size_t i = 0; i < count; i++) {
        const struct slower_cell *o = &cells[i];
        if (o == cell || !str_eq(o->image, cell->image) || !str_eq(o->update, cell->update) ||
            !str_eq(o->set, cell->set)) {
            continue;
        }
        const struct compare *c = slower_find_same(o, metric);
        if (c) {
            ++*siblings;
            against += c->shift < half;
        }
    }
    return against;
}

static bool slower_confirmed(const struct slower_cell *cells, size_t count,
                             const struct slower_cell *cell, const struct analysis_metric *metric,
                             double limit) {
    for (size_t i = 0; i < count; i++) {
        const struct slower_cell *o = &cells[i];
        if (o != cell && str_eq(o->image, cell->image) && str_eq(o->update, cell->update)) {
            const struct compare *same = slower_find_same(o, metric);
            if (same && same->low > 0 && same->shift > limit) {
                return true;
            }
        }
    }
    return false;
}

static void slower_note(struct analysis_metric *metric, char *note) {
    free(metric->note);
    metric->note = note;
}

/* A doubt about one gate does not speak over what another gate found. */
static void slower_doubt(struct analysis_metric *metric, char *note) {
    if (metric->regression) {
        free(note);
        return;
    }
    slower_note(metric, note);
}

struct slower_bounds { /* of what the update itself did */
    double low;   /* lower bound */
    double alone; /* the same, further off: what one cell must show when the rank test has no say */
};

/* Scatter within the boots and between them are independent, so their distances from the estimate add as squares do. */
static struct slower_bounds slower_bound(const struct compare *c, const struct slower_null *null,
                                         double allowance) {
    double shift = c->shift - null->baseline;
    double distance = hypot(c->shift - c->low, allowance);
    return (struct slower_bounds){shift - distance, shift - SLOWER_ALONE_FACTOR * distance};
}

/* Few samples can all be hit by the same disturbance, which no test of ranks among them can see: then the cell must
 * be beyond doubt by its size, or another cell of the update must show it too. */
static bool slower_enough(const struct slower_cell *cells, size_t count,
                          const struct slower_cell *cell, const struct analysis_metric *metric,
                          const struct compare *c, double alone, const struct model_gate *gate) {
    double limit = log1p(gate->worse_percent / 100);
    bool few = metric->before_count < SLOWER_ENOUGH_ALONE || metric->after_count < SLOWER_ENOUGH_ALONE;
    bool speaks = slower_can_speak(c, slower_family(cell), 1 - gate->confidence);
    return (!few && (speaks || alone > limit)) || slower_confirmed(cells, count, cell, metric, limit);
}

static void slower_judge(const struct slower_cell *cells, size_t count, struct slower_cell *cell,
                         size_t at, const struct model_gate *gate) {
    struct analysis_metric *metric = &cell->metrics[at];
    const struct compare *c = &cell->compares[at];
    struct slower_null null = slower_null(cells, count, cell, metric);
    double limit = log1p(gate->worse_percent / 100);
    double allowance = gsl_cdf_ugaussian_Pinv(gate->confidence) * null.scatter;
    metric->session_percent = 100 * expm1(null.baseline + allowance);
    struct slower_bounds bound = slower_bound(c, &null, allowance);
    if (c->shift <= limit || !c->material) {
        return;
    }
    if (!slower_significant(metric, c, slower_family(cell), 1 - gate->confidence) ||
        bound.low <= limit) {
        slower_doubt(metric, str_printf("seems slower by more than gate %s allows (%g %%), but not "
                                       "beyond what noise between boots can do",
                                       gate->id, gate->worse_percent));
        return;
    }
    if (!slower_enough(cells, count, cell, metric, c, bound.alone, gate)) {
        slower_doubt(metric, str_printf("seems slower by more than gate %s allows (%g %%), but so few "
                                        "samples are not believed without a second cell that shows it",
                                        gate->id, gate->worse_percent));
        return;
    }
    size_t siblings = 0;
    size_t against = slower_contradictions(cells, count, cell, metric,
                                           limit / 2 + null.baseline, &siblings);
    if (against > 0) {
        slower_doubt(metric, str_printf("slower here, but %zu of %zu other cells of the same "
                                       "combination do not show it", against, siblings));
        return;
    }
    if (metric->starved > 0) {
        metric->doubtful = true;
        slower_doubt(metric, str_printf("seems slower by more than gate %s allows (%g %%), but the host had no "
                                        "processor for the VM while %zu of the samples were taken",
                                        gate->id, gate->worse_percent, metric->starved));
        return;
    }
    metric->regression = true;
    free(metric->gate);
    metric->gate = str_dup(gate->id);
    slower_note(metric, str_printf("gate %s: worse by more than %g %% with confidence %g, also after "
                                   "%.0f %% allowed for differences between boots",
                                   gate->id, gate->worse_percent, gate->confidence,
                                   metric->session_percent));
}

static bool slower_gate_before(const struct model_gate *a, const struct model_gate *b) {
    static const char *const order[] = {"hold", "unknown"};
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        if (str_eq(a->then, order[i]) != str_eq(b->then, order[i])) {
            return str_eq(a->then, order[i]);
        }
    }
    return false;
}

static void slower_judge_metric(const struct model *m, const struct slower_cell *cells,
                                size_t count, struct slower_cell *cell, size_t at) {
    struct analysis_metric *metric = &cell->metrics[at];
    for (size_t i = 0; i < m->gate_count; i++) {
        const struct model_gate *gate = &m->gates[i];
        const struct model_gate *said = slower_gate(m, metric->gate);
        if (slower_gate_covers(gate, metric) && !str_eq(gate->then, "ship") &&
            (!said || slower_gate_before(gate, said))) {
            slower_judge(cells, count, cell, at, gate);
        }
    }
}

/* Not one gated metric could be measured on a host with a processor to give: then nothing was found because
 * nothing was looked at. */
static void slower_doubt_all(const struct model *m, struct slower_cell *cell) {
    struct analysis_metric *first = NULL;
    for (size_t k = 0; k < cell->metric_count; k++) {
        struct analysis_metric *metric = &cell->metrics[k];
        if (!cell->compares[k].testable || !slower_gated(m, metric)) {
            continue;
        }
        if (metric->starved == 0) {
            return;
        }
        first = first ? first : metric;
    }
    if (first && !first->regression && !first->doubtful) {
        first->doubtful = true;
        slower_doubt(first, str_dup("the host had no processor for the VM while this and every other metric that "
                                    "a gate looks at was measured"));
    }
}

void slower_find(const struct model *m, struct slower_cell *cells, size_t count) {
    for (size_t i = 0; i < count; i++) {
        slower_compare_cell(m, &cells[i]);
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < cells[i].metric_count; k++) {
            if (cells[i].update && cells[i].compares[k].testable) {
                slower_judge_metric(m, cells, count, &cells[i], k);
            }
        }
        if (cells[i].update) {
            slower_doubt_all(m, &cells[i]);
        }
    }
}
