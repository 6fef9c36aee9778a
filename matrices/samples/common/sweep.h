/* Looks through a folder and what lies below it. */
#ifndef SAMPLES_SWEEP_H
#define SAMPLES_SWEEP_H

#include <wchar.h>

enum { SWEEP_DEPTH = 8 };

/* Return other than 0 to end the sweep. path is borrowed for the call. */
typedef int sweep_fn(void *context, int is_folder, const wchar_t *path);

/* Calls visit for everything below folder; links are not followed. */
void sweep_folder(const wchar_t *folder, int depth, sweep_fn *visit, void *context);

#endif
