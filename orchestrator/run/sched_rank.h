/* Who is first among the cells that wait: a tournament over places 0 .. n-1 (the cells of the plan
 * from left to right in its tree). Everything O(log n). */
#ifndef COEXIST_RUN_SCHED_RANK_H
#define COEXIST_RUN_SCHED_RANK_H

#include <stdbool.h>
#include <stddef.h>

struct sched_rank; /* opaque */

struct sched_best {
    size_t at;
    int claims; /* on that place */
};

struct sched_rank *sched_rank_new(size_t n); /* nobody waits */
void sched_rank_free(struct sched_rank *r);  /* NULL is fine */
/* The cell at that place waits; ms (0 .. 1e11) is how long it takes. Negative: it does not wait. */
void sched_rank_set(struct sched_rank *r, size_t at, double ms);
/* Somebody works below these places: they come after all that fewer work below. */
void sched_rank_claim(struct sched_rank *r, size_t from, size_t to, int claims);
/* The first of the places [from, to): fewest claims, then longest, then leftmost. False: nobody
 * waits there. */
bool sched_rank_best(const struct sched_rank *r, size_t from, size_t to, struct sched_best *out);

#endif
