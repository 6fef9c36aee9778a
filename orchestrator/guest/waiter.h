/* Waiting for a descriptor, with the two things that end every wait of a guest call: the deadline, and
 * the interrupt fd (something more urgent happened: the VM crashed, SIGINT). */
#ifndef COEXIST_GUEST_WAITER_H
#define COEXIST_GUEST_WAITER_H

#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

struct waiter { /* a value; both members borrowed */
    struct clock *clock; /* real time only: poll(2) is what waits */
    int interrupt_fd;    /* -1 for none */
};

/* 0 to go on, else ERR_INTERRUPT or ERR_TIMEOUT. For loops that may never come to wait, because the
 * other side always has more to say. */
int waiter_check(const struct waiter *w, int64_t deadline, struct err *err);

/* Until fd has any of events (poll(2) flags; hang-up and error count), ERR_INTERRUPT or ERR_TIMEOUT. */
int waiter_fd(const struct waiter *w, int fd, short events, int64_t deadline, struct err *err);

/* Paces a retry: 0 once `until` has come, ERR_INTERRUPT when cut short. */
int waiter_pause(const struct waiter *w, int64_t until, struct err *err);

#endif
