/* When each slot has to be looked at next: a heap with a place for every slot. */
#ifndef COEXIST_RUN_SCHED_TIMERS_H
#define COEXIST_RUN_SCHED_TIMERS_H

#include <stdint.h>

struct sched_timers; /* opaque */

struct sched_timers *sched_timers_new(int slots); /* all at CLOCK_NEVER */
void sched_timers_free(struct sched_timers *t);   /* NULL is fine */
void sched_timers_set(struct sched_timers *t, int slot, int64_t at);
/* The earliest; *slot tells whose. CLOCK_NEVER when there is none. */
int64_t sched_timers_first(const struct sched_timers *t, int *slot);

#endif
