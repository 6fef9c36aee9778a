#include "base/clock.h"

#include <limits.h>
#include <stdio.h>
#include <time.h>

static int64_t clock_read(clockid_t id) {
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * CLOCK_S + ts.tv_nsec;
}

static int64_t monotonic_now(struct clock *c) {
    (void)c;
    return clock_read(CLOCK_MONOTONIC);
}

static void monotonic_wait_until(struct clock *c, int64_t until) {
    (void)c;
    struct timespec ts = {.tv_sec = until / CLOCK_S, .tv_nsec = until % CLOCK_S};
    /* An early return (signal) is fine: callers check their condition and the time again. */
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

struct clock *clock_monotonic(void) {
    static struct clock monotonic = {monotonic_now, monotonic_wait_until};
    return &monotonic;
}

static int64_t virtual_now(struct clock *c) {
    return ((struct clock_virtual *)c)->now_ns;
}

static void virtual_wait_until(struct clock *c, int64_t until) {
    struct clock_virtual *v = (struct clock_virtual *)c;
    if (until > v->now_ns) {
        v->now_ns = until;
    }
}

void clock_virtual_init(struct clock_virtual *v) {
    v->clock.now = virtual_now;
    v->clock.wait_until = virtual_wait_until;
    v->now_ns = 0;
}

void clock_virtual_advance(struct clock_virtual *v, int64_t ns) {
    v->now_ns += ns;
}

int64_t clock_after(struct clock *c, int64_t ns) {
    int64_t now = clock_now(c);
    return ns > CLOCK_NEVER - now ? CLOCK_NEVER : now + ns;
}

int clock_poll_ms(struct clock *c, int64_t deadline) {
    if (deadline == CLOCK_NEVER) {
        return -1;
    }
    int64_t left = deadline - clock_now(c);
    if (left <= 0) {
        return 0;
    }
    int64_t ms = (left + CLOCK_MS - 1) / CLOCK_MS;
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

int64_t clock_wall_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / CLOCK_MS;
}

void clock_wall_iso(char out[32]) {
    time_t now = time(NULL);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

