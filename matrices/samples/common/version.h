/* PE version resources. */
#ifndef SAMPLES_VERSION_H
#define SAMPLES_VERSION_H

#include <wchar.h>

#include "err.h"

enum { VERSION_MAX = 32, VERSION_NAME_MAX = 64 };

struct version {
    wchar_t number[VERSION_MAX];        /* file version, "1.2.3.4" */
    wchar_t file[VERSION_NAME_MAX];     /* OriginalFilename of the first translation, or "" */
};

int version_read(const wchar_t *path, struct version *version, struct err *err);

#endif
