/* The scanning process of Cedar, kept alive by its service. */
#ifndef CEDAR_WORKER_H
#define CEDAR_WORKER_H

#include <windows.h>

#include "err.h"

struct worker;

/*
 * Starts cedarscan.exe and waits until it says that protection is on. Should it end later, it is
 * started again, at most three times within a minute.
 */
struct worker *worker_open(struct err *err);
void worker_close(struct worker *worker);

/* Signalled when the worker could not be kept alive. Borrowed. */
HANDLE worker_failed(struct worker *worker);

#endif
