/* Pictures of a guest's screen. */
#ifndef COEXIST_VM_SCREEN_H
#define COEXIST_VM_SCREEN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Largest side accepted from QEMU, in pixels: the guest chooses its video mode, not our memory. */
#define SCREEN_SIDE_MAX 8192

/* Writes 8-bit RGB rows (3 * width * height bytes) as a PNG (ISO/IEC 15948) by libpng. */
int screen_write_png(const char *path, const uint8_t *rgb, int width, int height,
                     struct err *err);

/* Writes a screenshot as PNG to `path`: a binary PPM ("P6", maxval 255, as QEMU's screendump makes;
 * form of netpbm's ppm(5)) is converted, a PNG is stored as it is, anything else is
 * ERR_PROTOCOL. */
int screen_store(const char *path, const void *data, size_t len, struct err *err);

#endif
