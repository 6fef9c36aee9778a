#include "vm/screen.h"

#include <ctype.h>
#include <png.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"

int screen_write_png(const char *path, const uint8_t *rgb, int width, int height,
                     struct err *err) {
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)width,
                       .height = (png_uint_32)height,
                       .format = PNG_FORMAT_RGB,
                       .flags = PNG_IMAGE_FLAG_FAST};
    png_alloc_size_t size = 0;
    if (!png_image_write_get_memory_size(image, size, 0, rgb, 0, NULL)) {
        return err_set(err, ERR_BUG, "png: %s", image.message);
    }
    CLEANUP_FREE void *data = mem_zalloc(size, 1);
    if (!png_image_write_to_memory(&image, data, &size, 0, rgb, 0, NULL)) {
        return err_set(err, ERR_BUG, "png: %s", image.message);
    }
    return fs_write_atomic(path, data, size, 0644, err);
}

/* Next number of a PPM header, skipping white space and comments; -1 when there is none. */
static int screen_ppm_number(const uint8_t **p, const uint8_t *end) {
    while (*p < end && (isspace(**p) || **p == '#')) {
        bool comment = **p == '#';
        while (comment && *p < end && **p != '\n') {
            (*p)++;
        }
        *p += *p < end;
    }
    int n = -1;
    while (*p < end && isdigit(**p) && n <= SCREEN_SIDE_MAX) {
        n = (n < 0 ? 0 : n) * 10 + (**p - '0');
        (*p)++;
    }
    return n;
}

static int screen_store_ppm(const char *path, const uint8_t *data, size_t len, struct err *err) {
    const uint8_t *p = data + 2;
    const uint8_t *end = data + len;
    int width = screen_ppm_number(&p, end);
    int height = screen_ppm_number(&p, end);
    int max = screen_ppm_number(&p, end);
    if (width < 1 || height < 1 || max != 255 || width > SCREEN_SIDE_MAX ||
        height > SCREEN_SIDE_MAX || p >= end) {
        return err_set(err, ERR_PROTOCOL, "screenshot: odd PPM header");
    }
    p++; /* the one white-space byte after the header */
    if ((size_t)(end - p) < (size_t)width * (size_t)height * 3) {
        return err_set(err, ERR_PROTOCOL, "screenshot: PPM cut short");
    }
    return screen_write_png(path, p, width, height, err);
}

int screen_store(const char *path, const void *data, size_t len, struct err *err) {
    static const uint8_t png[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    if (len >= sizeof(png) && memcmp(data, png, sizeof(png)) == 0) {
        return fs_write_atomic(path, data, len, 0644, err);
    }
    if (len > 2 && memcmp(data, "P6", 2) == 0) {
        return screen_store_ppm(path, data, len, err);
    }
    return err_set(err, ERR_PROTOCOL, "screenshot: neither PPM nor PNG (%zu bytes)", len);
}
