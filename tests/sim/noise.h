/* Simulated cells: metrics of a machine that is noisy in the ways two VMs on two shared, emulated cores are. */
#ifndef COEXIST_TESTS_SIM_NOISE_H
#define COEXIST_TESTS_SIM_NOISE_H

#include <gsl/gsl_rng.h>

#include "analysis/samples.h"

enum noise_kind {
    NOISE_LOGNORMAL,  /* every sample by itself */
    NOISE_DRIFT,      /* the host gets steadily slower through the cell, up to 1.6 times */
    NOISE_SPIKES,     /* one sample in twelve takes 1.5 to 5 times as long */
    NOISE_SLOW_PHASE, /* the host is 1.3 to 2.2 times slower during the whole of one phase */
    NOISE_SLOW_WINDOW, /* the host is twice as slow for a stretch somewhere in the cell */
    NOISE_KIND_COUNT
};
const char *noise_name(enum noise_kind kind);

struct noise_cell {
    enum noise_kind kind;
    int repetitions;     /* samples of each workload and phase */
    double slow_factor;  /* true effect of the update on the first workload; 1: none */
    double session_sd;   /* of the log, between the two boots, each metric its own */
    double sample_sd;    /* of the log, within a boot */
    double reference_sd; /* of the log, of the reference loop itself */
};

/* Six timed workloads with their reference, CPU, memory and handles, boot (one sample a phase). */
void noise_make(gsl_rng *rng, const struct noise_cell *cell, struct sample_set *set);

#endif
