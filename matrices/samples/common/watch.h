/*
 * Reports what changes on the system drive, by ReadDirectoryChangesW. One thread, asleep while
 * nothing changes. What lies outside the scope may be reported as well: the caller filters.
 */
#ifndef SAMPLES_WATCH_H
#define SAMPLES_WATCH_H

#include <wchar.h>

#include "err.h"
#include "paths.h"

enum watch_event {
    WATCH_APPEARED, /* a file or a folder was made or renamed to this path */
    WATCH_CHANGED,
    WATCH_LOST      /* more happened below this folder than could be reported */
};

/* Called on the watching thread; must not block. path is borrowed for the call. */
typedef void watch_fn(void *context, enum watch_event event, const wchar_t *path);

struct watch;

/* scope is borrowed until watch_close. */
struct watch *watch_open(const struct paths_scope *scope, watch_fn *on_event, void *context,
                         struct err *err);
void watch_close(struct watch *watch);

#endif
