/*
 * What both builds of the op clock share: reading the wall clock and setting it are the platform's.
 */
#ifndef COEXIST_COMMON_OP_CLOCK_H
#define COEXIST_COMMON_OP_CLOCK_H

#include "common/request.h"

/* Milliseconds since 1970 by the guest's wall clock. */
int64_t plat_wall_ms(void);
/* Moves it by so much, or begins to: op_clock waits until it is seen to have moved. */
int plat_wall_shift(int64_t by_ms, struct op_error *err);

op_handler op_clock;

#endif
