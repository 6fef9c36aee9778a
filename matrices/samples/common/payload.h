/* Whole small files: content files and update payloads. */
#ifndef SAMPLES_PAYLOAD_H
#define SAMPLES_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

#include "err.h"

/* Reads a file of at most max bytes. The caller frees *data with free(). */
int payload_read(const wchar_t *path, size_t max, uint8_t **data, size_t *size, struct err *err);

/* Reads and checks a content file of this vendor; version is its "1.2.3.4" (VERSION_MAX). */
int payload_read_content(const wchar_t *path, uint8_t **data, size_t *size, wchar_t *version,
                         struct err *err);

/* Copies from to to so that to is at every moment the whole old or the whole new file. */
int payload_replace(const wchar_t *from, const wchar_t *to, struct err *err);

#endif
