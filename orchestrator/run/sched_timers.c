#include "run/sched_timers.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/str.h"

struct sched_timers {
    int count;
    int64_t *at; /* by slot */
    int *heap;   /* slots, the earliest first */
    int *place;  /* by slot: where in the heap */
};

struct sched_timers *sched_timers_new(int slots) {
    struct sched_timers *t = mem_zalloc(1, sizeof(*t));
    t->count = slots;
    t->at = mem_zalloc((size_t)slots, sizeof(*t->at));
    t->heap = mem_zalloc((size_t)slots, sizeof(*t->heap));
    t->place = mem_zalloc((size_t)slots, sizeof(*t->place));
    for (int i = 0; i < slots; i++) {
        t->at[i] = CLOCK_NEVER;
        t->heap[i] = t->place[i] = i;
    }
    return t;
}

void sched_timers_free(struct sched_timers *t) {
    if (t) {
        free(t->at);
        free(t->heap);
        free(t->place);
        free(t);
    }
}

static int64_t timers_at(const struct sched_timers *t, int place) {
    return t->at[t->heap[place]];
}

static void timers_swap(struct sched_timers *t, int a, int b) {
    int slot = t->heap[a];
    t->heap[a] = t->heap[b];
    t->heap[b] = slot;
    t->place[t->heap[a]] = a;
    t->place[t->heap[b]] = b;
}

static void timers_sink(struct sched_timers *t, int place) {
    for (;;) {
        int least = place, left = 2 * place + 1;
        for (int child = left; child < left + 2 && child < t->count; child++) {
            least = timers_at(t, child) < timers_at(t, least) ? child : least;
        }
        if (least == place) {
            return;
        }
        timers_swap(t, place, least);
        place = least;
    }
}

void sched_timers_set(struct sched_timers *t, int slot, int64_t at) {
    t->at[slot] = at;
    int place = t->place[slot];
    while (place > 0 && timers_at(t, (place - 1) / 2) > at) {
        timers_swap(t, place, (place - 1) / 2);
        place = (place - 1) / 2;
    }
    timers_sink(t, place);
}

int64_t sched_timers_first(const struct sched_timers *t, int *slot) {
    *slot = t->heap[0];
    return t->at[t->heap[0]];
}
