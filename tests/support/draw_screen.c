#include "support/draw_screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"

#define DRAW_FONTS "/usr/share/consolefonts/"
#define DRAW_ROM "/usr/share/seabios/vgabios-stdvga.bin"
#define DRAW_DEJAVU "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"

/* PSF 1 (two magic bytes, mode, height) and 2 (32 bytes of header): 256 or 512 glyphs of one byte a row, the first 128
 * in the order of ASCII in the VGA fonts. */
static char *draw_font(const char *name, const unsigned char **glyphs, int *height) {
    CLEANUP_FREE char *path = str_printf(DRAW_FONTS "%s", name);
    const char *argv[] = {"gzip", "-dc", path, NULL};
    struct proc_opts opts = {.timeout_ns = 20 * CLOCK_S};
    struct proc_result r = {0};
    if (!fs_exists(path) || proc_run(argv, &opts, &r, NULL) < 0 || r.exit_code != 0 || r.out.len < 2052) {
        proc_result_free(&r);
        return NULL;
    }
    char *data = str_take(&r.out);
    bool first = (unsigned char)data[0] == 0x36;
    *height = first ? (unsigned char)data[3] : (unsigned char)data[24];
    *glyphs = (const unsigned char *)data + (first ? 4 : (unsigned char)data[8]);
    proc_result_free(&r);
    return data;
}

/* "rom16", "rom14", "rom8": the VGA BIOS' own, found by its letter A. */
static char *draw_rom_font(const char *name, const unsigned char **glyphs, int *height) {
    static const struct {
        const char *name;
        int height;
        const char *a;
    } fonts[] = {
        {"rom16", 16, "\x00\x00\x10\x38\x6c\xc6\xc6\xfe\xc6\xc6\xc6\xc6\x00\x00\x00\x00"},
        {"rom14", 14, "\x00\x00\x10\x38\x6c\xc6\xc6\xfe\xc6\xc6\xc6\x00\x00\x00"},
        {"rom8", 8, "\x30\x78\xcc\xcc\xfc\xcc\xcc\x00"},
    };
    for (size_t i = 0; i < ARRAY_LEN(fonts); i++) {
        size_t size = 0;
        char *rom = str_eq(name, fonts[i].name) && fs_exists(DRAW_ROM) ? fs_read(DRAW_ROM, 1 << 20, &size, NULL) : NULL;
        const char *at = rom ? memmem(rom, size, fonts[i].a, (size_t)fonts[i].height) : NULL;
        if (at && at - rom >= 'A' * fonts[i].height) {
            *height = fonts[i].height;
            *glyphs = (const unsigned char *)at - 'A' * fonts[i].height;
            return rom;
        }
        free(rom);
    }
    return NULL;
}

static void draw_pixel(char *at, unsigned rgb) {
    at[0] = (char)(rgb >> 16);
    at[1] = (char)(rgb >> 8);
    at[2] = (char)rgb;
}

char *draw_text_mode(const char *font, int width, int height, unsigned ground, unsigned ink, const char *const *lines,
                     size_t *len) {
    const unsigned char *glyphs = NULL;
    int tall = 0, cell = width == 720 ? 9 : 8;
    bool rom = strncmp(font, "rom", 3) == 0;
    CLEANUP_FREE char *data = rom ? draw_rom_font(font, &glyphs, &tall) : draw_font(font, &glyphs, &tall);
    if (!data) {
        return NULL;
    }
    char head[64];
    size_t head_len = (size_t)snprintf(head, sizeof(head), "P6\n%d %d\n255\n", width, height);
    *len = head_len + (size_t)width * (size_t)height * 3;
    char *out = mem_zalloc(*len, 1), *pixels = out + head_len;
    memcpy(out, head, head_len);
    for (size_t i = 0; i < (size_t)width * (size_t)height; i++) {
        draw_pixel(pixels + 3 * i, ground);
    }
    for (int row = 0; lines[row] && (row + 1) * tall <= height; row++) {
        for (int c = 0; lines[row][c] && (c + 1) * cell <= width; c++) {
            for (int i = 0; i < tall * 8; i++) {
                if (glyphs[(unsigned char)lines[row][c] * tall + i / 8] >> (7 - i % 8) & 1) {
                    draw_pixel(pixels + 3 * ((size_t)(row * tall + i / 8) * (size_t)width +
                                             (size_t)(c * cell + i % 8)), ink);
                }
            }
        }
    }
    return out;
}

char *draw_graphical(int width, int height, const char *ground, const struct draw_text *texts, size_t *len) {
    const char *argv[128] = {"convert", "-size"};
    char *owned[96];
    size_t n = 2, kept = 0;
    CLEANUP_FREE char *convert = proc_find("convert");
    if (!convert || !fs_exists(DRAW_DEJAVU)) {
        return NULL;
    }
    argv[n++] = owned[kept++] = str_printf("%dx%d", width, height);
    argv[n++] = owned[kept++] = str_printf("xc:%s", ground);
    const char *const face[] = {"-font", DRAW_DEJAVU, "-fill", "white"};
    memcpy(argv + n, face, sizeof(face));
    n += ARRAY_LEN(face);
    for (; texts->text && n + 8 < ARRAY_LEN(argv); texts++) {
        argv[n++] = "-pointsize";
        argv[n++] = owned[kept++] = str_printf("%d", texts->points);
        argv[n++] = "-annotate";
        argv[n++] = owned[kept++] = str_printf("+%d+%d", texts->x, texts->y);
        argv[n++] = texts->text;
    }
    argv[n++] = "png:-";
    struct proc_opts opts = {.timeout_ns = 60 * CLOCK_S, .max_output = 16 << 20};
    struct proc_result r = {0};
    int rc = proc_run(argv, &opts, &r, NULL);
    while (kept > 0) {
        free(owned[--kept]);
    }
    *len = r.out.len;
    char *png = rc == 0 && r.exit_code == 0 ? str_take(&r.out) : NULL;
    proc_result_free(&r);
    return png;
}
