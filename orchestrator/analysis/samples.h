/* Metric samples of one cell, grouped into series and freed of what the reference loop shows to be the host's noise. */
#ifndef COEXIST_ANALYSIS_SAMPLES_H
#define COEXIST_ANALYSIS_SAMPLES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum sample_side { SAMPLE_BEFORE, SAMPLE_AFTER };

/* More samples of one series and phase than this are not kept: a guest cannot make the lab run out of memory. */
#define SAMPLES_MAX 2000
#define SAMPLES_MAX_SERIES 1000

struct sample_side_data {
    double *value;
    double *reference; /* ms; 0 where there was none */
    size_t count;
    size_t starved;    /* samples taken while the host had no processor for the VM: see sample_set_settle */
    bool *is_starved;
};

struct sample_series {
    char *name, *unit, *source;
    char *process; /* NULL: the system's */
    char *product; /* id of the product it belongs to; NULL: none in particular */
    struct sample_side_data side[2];
};

struct sample_set {
    struct sample_series *items;
    size_t count;
};

/* Takes in the data of an observation of type metric; what is not a finite number >= 0 is left out. */
void sample_set_add(struct sample_set *set, const json_t *data, enum sample_side side);
/* After the last one: takes the starved samples (OBS_STARVED_PERCENT) out of every series that has others on
 * both sides; the worker measured until it had a whole round of those. Elsewhere they stay and are counted. */
void sample_set_settle(struct sample_set *set);
void sample_set_free(struct sample_set *set);

/* Median of every reference time of the cell, both phases; NAN when there is none. */
double sample_set_reference(const struct sample_set *set);
/* value / reference * cell_reference for a timed series in which every sample has its reference (the median of it and
 * its neighbours); else a plain copy.
 * *corrected tells which. Caller frees. */
double *sample_series_corrected(const struct sample_series *s, enum sample_side side,
                                double cell_reference, bool *corrected);

#endif
