/* The service control manager's side of a sample product. */
#ifndef SAMPLES_SERVICE_H
#define SAMPLES_SERVICE_H

#include <windows.h>

#include "err.h"

/* What runs inside the service. */
struct service_body {
    /* Returns the running thing, or NULL with err set. Called before RUNNING is reported. */
    void *(*start)(struct err *err);
    void (*stop)(void *running);
    /* May be NULL. A handle that becomes signalled when the running thing gave up. */
    HANDLE (*failed)(void *running);
};

/* A service program's main: returns the process's exit code. body is borrowed until then. */
int service_main_run(const struct service_body *body);

#endif
