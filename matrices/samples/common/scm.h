/* The service control manager from the outside: what the control tool and the installer need. */
#ifndef SAMPLES_SCM_H
#define SAMPLES_SCM_H

#include <wchar.h>

#include "err.h"

/* Makes (or corrects) the product's service and its driver, if it has one; they start at boot. */
int scm_register(struct err *err);

/* Stops and removes both. Services that do not exist are fine. */
int scm_unregister(struct err *err);

/* Return only when the state is reached, or after 30 s with an error. */
int scm_start(const wchar_t *name, struct err *err);
int scm_stop(const wchar_t *name, struct err *err);

/* A SERVICE_... state, 0 when there is no such service. */
unsigned long scm_state(const wchar_t *name);

#endif
