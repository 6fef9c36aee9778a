#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "evidence/screen_impl.h"

static int picture_check_size(int64_t width, int64_t height, struct err *err) {
    if (width < 1 || height < 1 || width > SCREEN_MAX_SIDE || height > SCREEN_MAX_SIDE ||
        width * height > SCREEN_MAX_PIXELS) {
        return err_set(err, ERR_INPUT, "a picture of %lld x %lld pixels is not read (at most %d, %d on a side)",
                       (long long)width, (long long)height, SCREEN_MAX_PIXELS, SCREEN_MAX_SIDE);
    }
    return 0;
}

static int picture_load_png(const void *data, size_t size, struct screen_picture *p, struct err *err) {
    png_image image = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_memory(&image, data, size)) {
        return err_set(err, ERR_INPUT, "not a whole PNG: %s", image.message);
    }
    if (picture_check_size(image.width, image.height, err) < 0) {
        png_image_free(&image);
        return -1;
    }
    static const png_color black = {0, 0, 0};
    image.format = PNG_FORMAT_RGB;
    p->width = (int)image.width;
    p->height = (int)image.height;
    p->rgb = mem_zalloc((size_t)image.width * image.height, 3);
    if (!png_image_finish_read(&image, &black, p->rgb, 0, NULL)) {
        return err_set(err, ERR_INPUT, "not a whole PNG: %s", image.message);
    }
    return 0;
}

/* One number of a PPM header: white space and "#" comments before it, one white space after it. -1: none there. */
static int64_t picture_ppm_number(const unsigned char *d, size_t size, size_t *at) {
    while (*at < size && (d[*at] == '#' || strchr(" \t\r\n\v\f", d[*at]))) {
        if (d[*at] == '#') {
            while (*at < size && d[*at] != '\n') {
                ++*at;
            }
        } else if (d[*at] == '\0') {
            return -1;
        } else {
            ++*at;
        }
    }
    int64_t n = -1;
    for (; *at < size && d[*at] >= '0' && d[*at] <= '9' && n < 1000000; ++*at) {
        n = (n < 0 ? 0 : n) * 10 + (d[*at] - '0');
    }
    return n;
}

static int picture_load_ppm(const unsigned char *d, size_t size, struct screen_picture *p, struct err *err) {
    size_t at = 2;
    int64_t width = picture_ppm_number(d, size, &at);
    int64_t height = picture_ppm_number(d, size, &at);
    int64_t most = picture_ppm_number(d, size, &at);
    if (width < 0 || height < 0 || most != 255 || at >= size) {
        return err_set(err, ERR_INPUT, "a PPM with a header that is not understood");
    }
    at++;
    if (picture_check_size(width, height, err) < 0) {
        return -1;
    }
    size_t need = (size_t)width * (size_t)height * 3;
    if (size - at < need) {
        return err_set(err, ERR_INPUT, "a PPM cut short: %zu of %zu bytes of pixels", size - at, need);
    }
    p->width = (int)width;
    p->height = (int)height;
    p->rgb = mem_zalloc(need, 1);
    memcpy(p->rgb, d + at, need);
    return 0;
}

static unsigned picture_colour(const struct screen_picture *p, size_t i) {
    const uint8_t *c = p->rgb + 3 * i;
    return (unsigned)c[0] << 16 | (unsigned)c[1] << 8 | c[2];
}

/* The commonest colour by buckets of 5 bits a channel, then the commonest exact one of the fullest bucket's. */
static void picture_find_background(struct screen_picture *p, size_t n) {
    uint32_t *count = mem_zalloc((size_t)1 << 15, sizeof(*count));
    for (size_t i = 0; i < n; i++) {
        unsigned c = picture_colour(p, i);
        count[(c >> 19 & 31) << 10 | (c >> 11 & 31) << 5 | (c >> 3 & 31)]++;
    }
    size_t best = 0;
    for (size_t i = 0; i < (size_t)1 << 15; i++) {
        best = count[i] > count[best] ? i : best;
    }
    uint32_t exact[512] = {0};
    for (size_t i = 0; i < n; i++) {
        unsigned c = picture_colour(p, i);
        if (((c >> 19 & 31) << 10 | (c >> 11 & 31) << 5 | (c >> 3 & 31)) == best) {
            exact[(c >> 16 & 7) << 6 | (c >> 8 & 7) << 3 | (c & 7)]++;
        }
    }
    size_t low = 0;
    for (size_t i = 0; i < ARRAY_LEN(exact); i++) {
        low = exact[i] > exact[low] ? i : low;
    }
    p->background = (unsigned)((best >> 10 << 19 | (best >> 5 & 31) << 11 | (best & 31) << 3) |
                               ((low >> 6) << 16 | (low >> 3 & 7) << 8 | (low & 7)));
    free(count);
}

static void picture_count_colours(struct screen_picture *p, size_t n) {
    unsigned seen[SCREEN_COLOURS_MANY];
    p->colours = 0;
    for (size_t i = 0; i < n && p->colours < SCREEN_COLOURS_MANY; i++) {
        unsigned c = picture_colour(p, i);
        int k = 0;
        while (k < p->colours && seen[k] != c) {
            k++;
        }
        if (k == p->colours) {
            seen[p->colours++] = c;
        }
    }
}

/* Luma by ITU-R BT.601, turned over when the screen is dark: OCR is taught on dark text. */
static void picture_make_grey(struct screen_picture *p, size_t n) {
    uint64_t sum = 0;
    size_t ink = 0;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *c = p->rgb + 3 * i;
        p->grey[i] = (uint8_t)((299u * c[0] + 587u * c[1] + 114u * c[2]) / 1000);
        p->ink[i] = picture_colour(p, i) != p->background;
        sum += p->grey[i];
        ink += p->ink[i];
    }
    if (sum < 128 * (uint64_t)n) {
        for (size_t i = 0; i < n; i++) {
            p->grey[i] = (uint8_t)(255 - p->grey[i]);
        }
    }
    p->ink_part = (double)ink / (double)n;
}

int screen_picture_load(const void *data, size_t size, struct screen_picture *out, struct err *err) {
    static const unsigned char png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    *out = (struct screen_picture){0};
    int rc = -1;
    if (size > SCREEN_MAX_BYTES) {
        return err_set(err, ERR_INPUT, "a picture of %zu bytes is not read (at most %zu)", size, SCREEN_MAX_BYTES);
    }
    if (size >= sizeof(png) && memcmp(data, png, sizeof(png)) == 0) {
        rc = picture_load_png(data, size, out, err);
    } else if (size > 2 && memcmp(data, "P6", 2) == 0) {
        rc = picture_load_ppm(data, size, out, err);
    } else {
        return err_set(err, ERR_INPUT, size == 0 ? "an empty file" : "neither PNG nor PPM (P6)");
    }
    if (rc < 0) {
        screen_picture_free(out);
        return rc;
    }
    size_t n = (size_t)out->width * (size_t)out->height;
    out->grey = mem_zalloc(n, 1);
    out->ink = mem_zalloc(n, 1);
    picture_find_background(out, n);
    picture_count_colours(out, n);
    picture_make_grey(out, n);
    return 0;
}

void screen_picture_free(struct screen_picture *p) {
    free(p->rgb);
    free(p->grey);
    free(p->ink);
    *p = (struct screen_picture){0};
}

uint8_t *screen_picture_scale(const struct screen_picture *p, double scale, int *width, int *height) {
    int w = (int)(p->width * scale), h = (int)(p->height * scale);
    w = w < 1 ? 1 : w;
    h = h < 1 ? 1 : h;
    uint8_t *out = mem_zalloc((size_t)w * (size_t)h, 1);
    for (int y = 0; y < h; y++) {
        int fy = (int)(256.0 * y / scale), y0 = fy >> 8;
        y0 = y0 < p->height ? y0 : p->height - 1;
        const uint8_t *upper = p->grey + (size_t)y0 * (size_t)p->width;
        const uint8_t *lower = y0 + 1 < p->height ? upper + p->width : upper;
        for (int x = 0; x < w; x++) {
            int fx = (int)(256.0 * x / scale), x0 = fx >> 8;
            x0 = x0 < p->width ? x0 : p->width - 1;
            int x1 = x0 + 1 < p->width ? x0 + 1 : x0;
            int a = upper[x0] * (256 - (fx & 255)) + upper[x1] * (fx & 255);
            int b = lower[x0] * (256 - (fx & 255)) + lower[x1] * (fx & 255);
            out[(size_t)y * (size_t)w + (size_t)x] = (uint8_t)((a * (256 - (fy & 255)) + b * (fy & 255)) >> 16);
        }
    }
    *width = w;
    *height = h;
    return out;
}
