/* Screens for tests, drawn when the test runs: text modes with the Linux console's VGA fonts (PSF files of Debian's
 * console-setup-linux) or those of the VGA BIOS ("rom16", "rom14", "rom8"), graphical ones by ImageMagick's convert. */
#ifndef COEXIST_TESTS_SUPPORT_DRAW_SCREEN_H
#define COEXIST_TESTS_SUPPORT_DRAW_SCREEN_H

#include <stddef.h>

struct draw_text {
    int x, y, points; /* pixels from the upper left corner to the text's baseline */
    const char *text;
};

/* A PPM of width x height pixels with lines of text, cells 8 (9 at 720) pixels wide. rgb: 0xRRGGBB. NULL when the font
 * is not there. Caller frees. */
char *draw_text_mode(const char *font, int width, int height, unsigned ground, unsigned ink, const char *const *lines,
                     size_t *len);
/* A PNG in Debian's DejaVu Sans. ground: "#0078d7". texts end with a NULL text. NULL when convert or the font is not
 * there. Caller frees. */
char *draw_graphical(int width, int height, const char *ground, const struct draw_text *texts, size_t *len);

#endif
