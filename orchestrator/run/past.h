/* How far an earlier part of a run came, from its journal and from the states that still exist. */
#ifndef COEXIST_RUN_PAST_H
#define COEXIST_RUN_PAST_H

#include "journal/journal.h"
#include "run/scheduler.h"

struct past {
    struct sched_past *cells; /* one for each of the plan's */
    size_t done;              /* of them */
    struct sched_kept *kept;  /* whole states whose bases are whole, bases first; their strings are owned here */
    size_t kept_count;
    const char **names;       /* theirs, sorted */
};

struct past_spec { /* borrowed during past_read */
    struct journal *journal;
    const struct plan *plan;
    const char *states; /* the run's folder of states; may be absent. NULL: none is of use */
    const json_t *images; /* image name -> manifest, as they are now */
    bool kvm;           /* a state made with the other accelerator is of no use */
    int attempts_max;   /* lab failures that end the tries of a cell */
    int confirm;        /* as sched_opts.confirm */
};

/* Only what the journal told of counts as a state. */
int past_read(const struct past_spec *spec, struct past *out, struct err *err);
/* For states_tidy with the past as its ctx. */
bool past_keeps(const char *name, void *past);
void past_clear(struct past *p);

#endif
