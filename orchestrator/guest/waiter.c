#include "guest/waiter.h"

#include <errno.h>
#include <poll.h>

/* 1: fd has something, 0: the time is up, -1: interrupted or failed. fd may be -1. */
static int waiter_poll(const struct waiter *w, int fd, short events, int64_t deadline,
                       struct err *err) {
    struct pollfd p[2] = {{w->interrupt_fd, POLLIN, 0}, {fd, events, 0}};
    for (;;) {
        int ms = clock_poll_ms(w->clock, deadline);
        int n = poll(p, 2, ms);
        if (n < 0 && errno != EINTR) {
            return err_sys(err, errno, "poll");
        }
        if (n > 0 && p[0].revents) {
            return err_set(err, ERR_INTERRUPT, "interrupted");
        }
        if (n > 0) {
            return 1;
        }
        if (ms == 0 && n == 0) {
            return 0;
        }
    }
}

int waiter_check(const struct waiter *w, int64_t deadline, struct err *err) {
    if (waiter_poll(w, -1, 0, 0, err) < 0) {
        return -1;
    }
    if (clock_now(w->clock) >= deadline) {
        return err_set(err, ERR_TIMEOUT, "time limit passed");
    }
    return 0;
}

int waiter_fd(const struct waiter *w, int fd, short events, int64_t deadline, struct err *err) {
    int rc = waiter_poll(w, fd, events, deadline, err);
    if (rc == 0) {
        return err_set(err, ERR_TIMEOUT, "time limit passed");
    }
    return rc < 0 ? -1 : 0;
}

int waiter_pause(const struct waiter *w, int64_t until, struct err *err) {
    return waiter_poll(w, -1, 0, until, err);
}
