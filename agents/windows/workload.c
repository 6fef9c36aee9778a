#include "windows/workload.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include "windows/guest.h"
#include "windows/ops.h"

#define WORKLOAD_MAX_REPETITIONS 1000
#define WORKLOAD_SETTLE_MS 400 /* at most, for each reference */
#define WORKLOAD_PAUSE_MS 20
#define WORKLOAD_FIRST_TRIES 3 /* while there is nothing to compare with */
#define WORKLOAD_NEAR 1.15
/* References that got less of the processor than that while they ran, over so long, had to share it. */
#define WORKLOAD_SHARE 0.7
#define WORKLOAD_SHARE_MS 200

static const struct workload *workload_find(const char *name)
{
    static const struct workload *const all[] = {
        &workload_copy_small, &workload_copy_large, &workload_archive, &workload_unarchive,
        &workload_launch,     &workload_registry,   &workload_idle,    &workload_load,
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    return NULL;
}

/* The best reference of this process so far in microseconds, 0: none yet. Workloads may run side by side. */
static volatile LONG workload_floor_us;

static bool workload_is_near_best(double best, int tries)
{
    double floor = InterlockedCompareExchange(&workload_floor_us, 0, 0) / 1000.0;
    return floor > 0 ? best <= floor * WORKLOAD_NEAR : tries >= WORKLOAD_FIRST_TRIES;
}

static void workload_lower_floor(double best)
{
    LONG us = (LONG)(best * 1000.0), seen = workload_floor_us;
    while (us > 0 && (seen == 0 || us < seen)) {
        LONG was = InterlockedCompareExchange(&workload_floor_us, us, seen);
        if (was == seen)
            break;
        seen = was;
    }
}

/* Processor time of this thread, in steps of 10 ms; 0 where it is not told. Real Windows lets the reference go first,
 * by its priority, and charges whole ticks to whoever runs at their end: too coarse to ask there. */
static double workload_thread_ms(void)
{
    FILETIME born, ended, kernel, user;

    if (guest_wine_version() == NULL || !GetThreadTimes(GetCurrentThread(), &born, &ended, &kernel, &user))
        return 0;
    return (double)(guest_ticks(kernel) + guest_ticks(user)) / 10000.0;
}

/* How fast the machine is when nothing in the guest is in the way. What a product still does about the files
 * just touched must not pass for a slow machine, or its cost would be divided away: hence the pauses, the
 * priority (real Windows honours it, Wine does not) and the best of several, until one is near the best seen
 * so far or the time is up: then it is the machine that is slow, unless this thread got only a part of the
 * processor: then the others are, and what counts is the time that it had itself. */
static double workload_reference(const struct bench *b)
{
    int priority = GetThreadPriority(GetCurrentThread());
    double best = 0, end = bench_now_ms() + WORKLOAD_SETTLE_MS;
    double had = workload_thread_ms(), wall = 0;
    int tries = 1;

    SetThreadPriority(GetCurrentThread(), THREAD_PRIORITY_TIME_CRITICAL);
    for (;; tries++) {
        Sleep(WORKLOAD_PAUSE_MS);
        double ms = bench_reference(b);
        wall += ms;
        if (best <= 0 || ms < best)
            best = ms;
        if (workload_is_near_best(best, tries) || bench_now_ms() >= end)
            break;
    }
    SetThreadPriority(GetCurrentThread(), priority);
    workload_lower_floor(best);
    had = workload_thread_ms() - had;
    if (wall >= WORKLOAD_SHARE_MS && had > 0 && had < wall * WORKLOAD_SHARE && had / tries < best)
        best = had / tries;
    return best;
}

static int workload_timed(struct bench *b, const struct workload *w, uint64_t i,
                          struct op_error *err)
{
    double start = bench_now_ms();
    int rc = w->run(b, i, err);
    double ms = bench_now_ms() - start - b->meant_ms;

    if (rc < 0)
        return -1;
    double after = workload_reference(b);
    b->reference_ms = (b->reference_before + after) / 2;
    b->reference_before = after;
    return w->report != NULL ? w->report(b, i, err) : bench_row(b, i, NULL, ms > 0 ? ms : 0, "ms", err);
}

static int workload_repeat(struct bench *b, const struct workload *w, uint64_t i,
                           struct op_error *err)
{
    if (request_stopped(b->rq, err))
        return -1;
    int rc = w->prepare == NULL ? 0 : w->prepare(b, i, err);
    if (rc == 0)
        rc = workload_timed(b, w, i, err);
    if (w->clean != NULL)
        w->clean(b, i);
    return rc;
}

static int workload_run(struct request *rq, const struct workload *w, uint64_t repetitions,
                        struct jsonw *result, struct op_error *err)
{
    struct bench b;

    if (bench_open(&b, rq, w->name, err) < 0)
        return -1;
    int rc = w->open == NULL ? 0 : w->open(&b, err);
    b.reference_before = workload_reference(&b);
    for (uint64_t i = 0; i < repetitions && rc == 0; i++)
        rc = workload_repeat(&b, w, i, err);
    if (w->close != NULL)
        w->close(&b);
    bench_close(&b);
    jsonw_put_u64(result, "count", b.count);
    return rc;
}

int op_workload(struct request *rq, struct jsonw *result, struct op_error *err)
{
    uint64_t repetitions = 1;
    char *name;

    if (request_arg_string(rq, "name", &name, err) < 0)
        return -1;
    const struct workload *w = workload_find(name);
    free(name);
    if (w == NULL)
        return op_fail(err, PROTO_ERR_NOT_FOUND, "name: no workload of this agent");
    if (request_opt_u64(rq, "repetitions", &repetitions, err) < 0)
        return -1;
    if (repetitions < 1 || repetitions > WORKLOAD_MAX_REPETITIONS)
        return op_fail(err, PROTO_ERR_BAD_ARGS, "repetitions: not from 1 to %d",
                       WORKLOAD_MAX_REPETITIONS);
    return workload_run(rq, w, repetitions, result, err);
}
