/* How long all processors together did what, in 100 ns since boot. */
#ifndef COEXIST_WINDOWS_SYSTEM_TIMES_H
#define COEXIST_WINDOWS_SYSTEM_TIMES_H

#include <stdint.h>

struct system_times {
    uint64_t idle, kernel, user; /* kernel without idle, unlike GetSystemTimes' own */
};

/* -1 when the system does not tell. */
int system_times_take(struct system_times *t);

#endif
