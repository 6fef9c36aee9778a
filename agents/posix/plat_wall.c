/* The wall clock of Linux. */
#include <errno.h>
#include <time.h>

#include "common/op_clock.h"

int64_t plat_wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int plat_wall_shift(int64_t by_ms, struct op_error *err)
{
    int64_t ms = plat_wall_ms() + by_ms;
    struct timespec to = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    return clock_settime(CLOCK_REALTIME, &to) == 0
               ? 0
               : op_fail_os(err, (uint32_t)errno, "set the clock");
}
