#include "noise.h"

#include <gsl/gsl_randist.h>
#include <math.h>

static const char *const noise_workloads[] = {"copy-small", "copy-large", "archive",
                                              "unarchive", "launch", "registry"};
#define NOISE_WORKLOADS (sizeof(noise_workloads) / sizeof(noise_workloads[0]))

const char *noise_name(enum noise_kind kind) {
    static const char *const names[] = {"lognormal", "drift", "spikes", "slow phase",
                                        "slow window"};
    _Static_assert(sizeof(names) / sizeof(names[0]) == NOISE_KIND_COUNT, "a name for each kind");
    return names[kind];
}

/* How much slower than its best the host is at instant t (0..1) of the cell. */
struct noise_host {
    enum noise_kind kind;
    double strength, from, to;
};

static struct noise_host noise_host_make(gsl_rng *rng, enum noise_kind kind) {
    struct noise_host h = {kind, gsl_ran_flat(rng, 1.3, 2.2), 0, 1};
    double where = gsl_rng_uniform(rng);
    if (kind == NOISE_SLOW_PHASE) { /* the after phase twice as often: that is the dangerous one */
        h.from = where < 0.33 ? 0 : 0.5;
        h.to = h.from + 0.5;
    } else if (kind == NOISE_SLOW_WINDOW) {
        h.from = where * 0.8;
        h.to = h.from + gsl_ran_flat(rng, 0.1, 0.4);
        h.strength = 2;
    }
    return h;
}

static double noise_host_at(const struct noise_host *h, double t) {
    switch (h->kind) {
    case NOISE_DRIFT:
        return 1 + 0.6 * t;
    case NOISE_SLOW_PHASE:
    case NOISE_SLOW_WINDOW:
        return t >= h->from && t <= h->to ? h->strength : 1;
    default:
        return 1;
    }
}

static void noise_add(struct sample_set *set, enum sample_side side, const char *name,
                      const char *unit, double value, double reference) {
    json_t *data = json_pack("{s:s,s:s,s:s,s:f}", "name", name, "unit", unit, "source", "agent",
                             "value", value);
    if (reference > 0) {
        json_object_set_new(data, "reference_ms", json_real(reference));
    }
    sample_set_add(set, data, side);
    json_decref(data);
}

static void noise_workload(gsl_rng *rng, const struct noise_cell *cell,
                           const struct noise_host *host, size_t w, enum sample_side side,
                           double follows, struct sample_set *set) {
    double base = 120 * (double)(w + 1) * exp(gsl_ran_gaussian(rng, cell->session_sd));
    if (side == SAMPLE_AFTER && w == 0) {
        base *= cell->slow_factor;
    }
    for (int i = 0; i < cell->repetitions; i++) {
        double t = 0.5 * side + 0.5 * ((double)w + (double)i / cell->repetitions) / NOISE_WORKLOADS;
        double busy = noise_host_at(host, t);
        double value = base * pow(busy, follows) * exp(gsl_ran_gaussian(rng, cell->sample_sd));
        if (cell->kind == NOISE_SPIKES && gsl_rng_uniform(rng) < 1.0 / 12) {
            value *= gsl_ran_flat(rng, 1.5, 5);
        }
        noise_add(set, side, noise_workloads[w], "ms", value,
                  80 * busy * exp(gsl_ran_gaussian(rng, cell->reference_sd)));
    }
}

static void noise_system(gsl_rng *rng, const struct noise_cell *cell, enum sample_side side,
                         struct sample_set *set) {
    double idle = 3 * exp(gsl_ran_gaussian(rng, 0.3));
    double memory = 140e6 * exp(gsl_ran_gaussian(rng, 0.02));
    double handles = 2400 * exp(gsl_ran_gaussian(rng, 0.01));
    for (int i = 0; i < cell->repetitions; i++) {
        noise_add(set, side, "idle.cpu", "percent", idle * exp(gsl_ran_gaussian(rng, 0.4)), 0);
        noise_add(set, side, "idle.memory", "bytes", memory * exp(gsl_ran_gaussian(rng, 0.005)), 0);
        noise_add(set, side, "idle.handles", "count", handles + 20 * gsl_rng_uniform(rng), 0);
    }
    noise_add(set, side, "boot", "ms", 14000 * exp(gsl_ran_gaussian(rng, 0.3)), 0);
}

void noise_make(gsl_rng *rng, const struct noise_cell *cell, struct sample_set *set) {
    struct noise_host host = noise_host_make(rng, cell->kind);
    double follows[NOISE_WORKLOADS]; /* not everything slows down as a CPU loop does */
    for (size_t w = 0; w < NOISE_WORKLOADS; w++) {
        follows[w] = gsl_ran_flat(rng, 0.8, 1.2);
    }
    for (int side = SAMPLE_BEFORE; side <= SAMPLE_AFTER; side++) {
        for (size_t w = 0; w < NOISE_WORKLOADS; w++) {
            noise_workload(rng, cell, &host, w, (enum sample_side)side, follows[w], set);
        }
        noise_system(rng, cell, (enum sample_side)side, set);
    }
}
