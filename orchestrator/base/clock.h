/* Time, as a thing that is passed in. Real code gets the monotonic clock; tests and the simulation
 * get a virtual one that only moves when told. All times are nanoseconds since an arbitrary start;
 * a deadline is an absolute time on the same clock. */
#ifndef COEXIST_BASE_CLOCK_H
#define COEXIST_BASE_CLOCK_H

#include <stdint.h>

#define CLOCK_MS INT64_C(1000000)
#define CLOCK_S INT64_C(1000000000)
#define CLOCK_NEVER INT64_MAX

struct clock {
    int64_t (*now)(struct clock *c);
    /* Blocks (or moves the virtual time) until `until`. Only for pacing a poll towards a deadline,
     * never as a signal that something happened. */
    void (*wait_until)(struct clock *c, int64_t until);
};

/* The process-wide CLOCK_MONOTONIC clock; stateless, static storage. */
struct clock *clock_monotonic(void);

/* A virtual clock starting at 0. Embed it and hand out &v->clock. */
struct clock_virtual {
    struct clock clock;
    int64_t now_ns;
};
void clock_virtual_init(struct clock_virtual *v);
void clock_virtual_advance(struct clock_virtual *v, int64_t ns);

static inline int64_t clock_now(struct clock *c) {
    return c->now(c);
}
/* Deadline `ns` from now; saturates instead of overflowing. */
int64_t clock_after(struct clock *c, int64_t ns);
/* Milliseconds left until deadline as poll(2) wants it: 0 when passed, -1 for CLOCK_NEVER. */
int clock_poll_ms(struct clock *c, int64_t deadline);

/* Wall-clock time in ms since 1970, for setting other clocks by it; never for measuring. */
int64_t clock_wall_ms(void);

/* Wall-clock time, only for people to read: "2026-11-21T05:00:00Z" (ISO 8601, UTC). */
void clock_wall_iso(char out[32]);

#endif
