/*
 * The little the dispatcher needs from a system: a monotonic clock, threads, locks and events.
 * posix/plat.c and windows/plat.c implement it. Makers return NULL when the system refuses.
 */
#ifndef COEXIST_COMMON_PLAT_H
#define COEXIST_COMMON_PLAT_H

#include <stdbool.h>
#include <stdint.h>

struct plat_mutex;
struct plat_event;

#define PLAT_FOREVER UINT64_MAX

/* Milliseconds on a clock that never steps; its zero is the boot of the system. */
uint64_t plat_now_ms(void);

struct plat_mutex *plat_mutex_new(void);
void plat_mutex_free(struct plat_mutex *m);
void plat_mutex_lock(struct plat_mutex *m);
void plat_mutex_unlock(struct plat_mutex *m);

/* An event stays set, for every waiter, until it is reset. */
struct plat_event *plat_event_new(void);
void plat_event_free(struct plat_event *e);
void plat_event_set(struct plat_event *e);
void plat_event_reset(struct plat_event *e);
/* Waits at most timeout_ms (PLAT_FOREVER: without end). True when the event is set. */
bool plat_event_wait(struct plat_event *e, uint64_t timeout_ms);
/* What the system's own wait takes: a HANDLE, or a file descriptor to poll for reading. */
intptr_t plat_event_native(const struct plat_event *e);

/* Runs fn(arg) in a detached thread. Negative when none could be started; fn never runs then. */
int plat_thread_start(void (*fn)(void *arg), void *arg);

#endif
