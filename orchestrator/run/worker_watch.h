/* The worker's second thread: heartbeats, signals, and the last resort when an order to stop is not
 * followed. Inside the worker only. */
#ifndef COEXIST_RUN_WORKER_WATCH_H
#define COEXIST_RUN_WORKER_WATCH_H

#include <stdbool.h>

#include "base/err.h"
#include "journal/observation.h"
#include "run/cell.h"

struct worker_watch; /* opaque */

/* Takes SIGTERM, SIGHUP and SIGINT of the process over. work_dir (borrowed) is what is swept when
 * the main thread does not follow CELL_STOP_NOW in time. */
struct worker_watch *worker_watch_start(int report_fd, const char *work_dir, struct err *err);
void worker_watch_end(struct worker_watch *w); /* NULL is fine */

/* For cell_env.stop. */
const volatile int *worker_watch_stop(struct worker_watch *w);
/* For cell_env.stop_signal: the first signal that ordered to stop, 0: none did. */
const volatile int *worker_watch_signal(struct worker_watch *w);
/* Readable once everything is to be cut short. Borrowed. */
int worker_watch_fd(const struct worker_watch *w);
/* Writes one observation as a line. When nobody reads any more, orders to stop at once. */
void worker_watch_emit(void *watch, const struct observation *o);
void worker_watch_rests(void *watch, enum cell_rest rest); /* cell_env.rests; likewise */

#endif
