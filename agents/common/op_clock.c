/* clock: sets the guest's wall clock right. */
#include "common/op_clock.h"

#include <stdlib.h>

/* What is not worth a jump; how long a change may take to show, and how often it is looked for. */
enum { CLOCK_NEAR_MS = 250, CLOCK_WAIT_MS = 5000, CLOCK_LOOK_MS = 5 };
/* The year 3000: beyond it no system's calendar can be relied on. */
#define CLOCK_MAX_MS UINT64_C(32503680000000)

/* By how much the clock is behind what it has to be, since_ms after that was `target`. */
static int64_t clock_behind(int64_t target, uint64_t since_ms)
{
    return target + (int64_t)(plat_now_ms() - since_ms) - plat_wall_ms();
}

static int clock_wait_moved(struct request *rq, int64_t target, uint64_t began,
                            struct op_error *err)
{
    while (llabs(clock_behind(target, began)) >= CLOCK_NEAR_MS) {
        if (request_stopped(rq, err))
            return -1;
        if (plat_now_ms() - began > CLOCK_WAIT_MS)
            return op_fail(err, PROTO_ERR_OS, "the clock does not move");
        plat_event_wait(request_wake(rq), CLOCK_LOOK_MS);
    }
    return 0;
}

int op_clock(struct request *rq, struct jsonw *result, struct op_error *err)
{
    uint64_t unix_ms = 0, began = plat_now_ms();

    if (request_arg_u64(rq, "unix_ms", &unix_ms, err) < 0)
        return -1;
    if (unix_ms > CLOCK_MAX_MS)
        return op_fail(err, PROTO_ERR_BAD_ARGS, "unix_ms: beyond the year 3000");
    int64_t by = (int64_t)unix_ms - plat_wall_ms();
    if (llabs(by) < CLOCK_NEAR_MS)
        by = 0;
    else if (plat_wall_shift(by, err) < 0 || clock_wait_moved(rq, (int64_t)unix_ms, began, err) < 0)
        return -1;
    jsonw_put_i64(result, "moved_ms", by);
    return 0;
}
