/* Which hex digit a letter of an unknown font looks like most: its bits, stretched over a grid, against the digits of
 * the VGA BIOS' fonts (screen_rom.c), which most text fonts of PCs resemble. Another voice beside OCR's, no proof: of
 * 24 fonts of Debian's console two have a digit that looks like another one's by these bounds. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "evidence/screen_impl.h"

enum { SHAPE_WIDTH = 8, SHAPE_HEIGHT = 12, SHAPE_CELLS = SHAPE_WIDTH * SHAPE_HEIGHT, SHAPE_DIGITS = 16,
       SHAPE_ALL = 22 /* small letters, too: a "b" is not to be taken for a "6" */ };
/* Mean difference of the grids' cells, 0..1: at most so much, and the next digit so much further away. */
#define SHAPE_NEAR 0.20
#define SHAPE_APART 0.08

struct shape {
    double cells[SHAPE_CELLS];
};

struct screen_shapes {
    struct shape digits[SCREEN_ROM_FONTS][SHAPE_ALL];
    size_t fonts;
};

struct shape_box { /* what has ink; exclusive ends */
    int left, right, top, bottom;
};

static struct shape_box shape_find_box(const uint16_t *rows, int height) {
    struct shape_box b = {16, 0, height, 0};
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < 16; x++) {
            if (rows[y] >> x & 1) {
                b.left = x < b.left ? x : b.left;
                b.right = x >= b.right ? x + 1 : b.right;
                b.top = y < b.top ? y : b.top;
                b.bottom = y + 1;
            }
        }
    }
    return b;
}

static double shape_overlap(double from, double to, int pixel) {
    double low = from > pixel ? from : pixel, high = to < pixel + 1 ? to : pixel + 1;
    return high > low ? high - low : 0;
}

/* Each grid cell: how much of it is ink. False: there is none. rows: bit x is the pixel of column x. */
static bool shape_make(const uint16_t *rows, int height, struct shape *out) {
    struct shape_box b = shape_find_box(rows, height);
    if (b.right <= b.left) {
        return false;
    }
    double w = (double)(b.right - b.left) / SHAPE_WIDTH, h = (double)(b.bottom - b.top) / SHAPE_HEIGHT;
    for (int i = 0; i < SHAPE_CELLS; i++) {
        int row = i / SHAPE_WIDTH;
        double x0 = b.left + i % SHAPE_WIDTH * w, y0 = b.top + row * h, ink = 0;
        for (int y = (int)y0; y < b.bottom && y < y0 + h; y++) {
            for (int x = (int)x0; x < b.right && x < x0 + w; x++) {
                ink += rows[y] >> x & 1 ? shape_overlap(x0, x0 + w, x) * shape_overlap(y0, y0 + h, y) : 0;
            }
        }
        out->cells[i] = ink / (w * h);
    }
    return true;
}

static double shape_distance(const struct shape *a, const struct shape *b) {
    double all = 0;
    for (int i = 0; i < SHAPE_CELLS; i++) {
        all += fabs(a->cells[i] - b->cells[i]);
    }
    return all / SHAPE_CELLS;
}

struct screen_shapes *screen_shapes_new(void) {
    static const char digits[] = "0123456789ABCDEFabcdef";
    struct screen_shapes *s = mem_zalloc(1, sizeof(*s));
    struct screen_rom rom;
    if (!screen_rom_open(&rom)) {
        return s;
    }
    for (size_t f = 0; f < rom.count; f++) {
        for (int d = 0; d < SHAPE_ALL; d++) {
            uint16_t rows[16] = {0};
            for (int y = 0; y < rom.fonts[f].height * 8; y++) {
                const uint8_t *letter = screen_font_letter(&rom.fonts[f], digits[d]);
                rows[y / 8] |= (uint16_t)((letter[y / 8] >> (7 - y % 8) & 1) << y % 8);
            }
            shape_make(rows, rom.fonts[f].height, &s->digits[f][d]);
        }
    }
    s->fonts = rom.count;
    screen_rom_close(&rom);
    return s;
}

int screen_shapes_digit(const struct screen_shapes *s, const uint16_t *rows, int height) {
    struct shape one;
    double best = 1, next = 1;
    int digit = -1;
    if (!shape_make(rows, height, &one)) {
        return -1;
    }
    for (int d = 0; d < SHAPE_ALL; d++) {
        double least = 1;
        for (size_t f = 0; f < s->fonts; f++) {
            double far = shape_distance(&one, &s->digits[f][d]);
            least = far < least ? far : least;
        }
        next = least < best ? best : least < next ? least : next;
        digit = least < best ? d : digit;
        best = least < best ? least : best;
    }
    bool sure = best <= SHAPE_NEAR && next - best >= SHAPE_APART;
    return sure && digit < SHAPE_DIGITS ? digit : -1;
}
