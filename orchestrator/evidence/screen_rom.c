/* Text modes show the letters that the VGA BIOS brings along. QEMU's lies on this host: what a guest's text screen
 * shows is compared with its fonts bit by bit, which leaves nothing to guess. They are found in the ROM by what code
 * page 437 has at known places, whatever the ROM's layout: 0x00 and 0x20 blank, 0xB3 a line down two pixels wide, 0xDB
 * a full block (IBM VGA technical reference: fonts of 8 x 16, 8 x 14 and 8 x 8 pixels, 256 letters of a byte a row;
 * SeaBIOS keeps them as they are). A screen of another font, drawn by a kernel's own graphics, is none of these. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "evidence/screen_impl.h"

enum {
    ROM_BYTES = 1 << 20,
    ROM_LETTERS = 256,
    ROM_TALLEST = 16,
    ROM_LEAST = 8,   /* letters that make a text */
    ROM_STRANGE = 33 /* at most one of so many inked cells may be no letter: a cursor stands on one */
};
enum { ROM_BLANK = 0x20, ROM_BAR = 0xb3, ROM_BLOCK = 0xdb };

static const char *const rom_paths[] = {"/usr/share/seabios/vgabios-stdvga.bin", "/usr/share/qemu/vgabios-stdvga.bin",
                                        "/usr/share/seabios/vgabios.bin"};

static bool rom_is_all(const uint8_t *p, int height, uint8_t byte) {
    for (int i = 0; i < height; i++) {
        if (p[i] != byte) {
            return false;
        }
    }
    return true;
}

/* Where the font of that height begins; NULL: it is not in there. */
static const uint8_t *rom_font(const uint8_t *rom, size_t size, int height) {
    size_t whole = (size_t)ROM_LETTERS * (size_t)height;
    for (size_t at = 0; at + whole <= size; at++) {
        const struct screen_font f = {rom + at, height};
        if (rom_is_all(f.letters, height, 0) && rom_is_all(screen_font_letter(&f, ROM_BLANK), height, 0) &&
            rom_is_all(screen_font_letter(&f, ROM_BAR), height, 0x18) &&
            rom_is_all(screen_font_letter(&f, ROM_BLOCK), height, 0xff)) {
            return f.letters;
        }
    }
    return NULL;
}

static char *rom_load(size_t *size) {
    for (size_t i = 0; i < ARRAY_LEN(rom_paths); i++) {
        char *rom = fs_exists(rom_paths[i]) ? fs_read(rom_paths[i], ROM_BYTES, size, NULL) : NULL;
        if (rom) {
            return rom;
        }
    }
    return NULL;
}

struct rom_screen {
    const struct screen_picture *p;
    const uint8_t *font;
    int height, width; /* of a cell */
};

static const uint8_t *rom_pixel(const struct rom_screen *s, int x, int y) {
    return s->p->rgb + 3 * ((size_t)y * (size_t)s->p->width + (size_t)x);
}

/* The cell's bits against the colour of its last column, which letters leave free; false: it has three colours. */
static bool rom_cut(const struct rom_screen *s, int column, int row, uint8_t bits[ROM_TALLEST]) {
    int left = column * s->width, top = row * s->height;
    const uint8_t *ground = rom_pixel(s, left + s->width - 1, top), *ink = NULL;
    for (int y = 0; y < s->height; y++) {
        bits[y] = 0;
        for (int x = 0; x < s->width; x++) {
            const uint8_t *at = rom_pixel(s, left + x, top + y);
            if (memcmp(at, ground, 3) == 0) {
                continue;
            }
            ink = ink ? ink : at;
            if (memcmp(at, ink, 3) != 0) {
                return false;
            }
            bits[y] |= x < 8 ? (uint8_t)(0x80 >> x) : 0; /* the ninth column repeats the eighth of line drawing */
        }
    }
    return true;
}

/* The letter with these bits; 0: none. Blank is blank, whichever it is. */
static int rom_letter(const struct rom_screen *s, const uint8_t bits[ROM_TALLEST]) {
    uint8_t other[ROM_TALLEST];
    for (int y = 0; y < s->height; y++) {
        other[y] = (uint8_t)~bits[y];
    }
    if (rom_is_all(bits, s->height, 0)) {
        return ' ';
    }
    for (int c = ROM_BLANK + 1; c < ROM_LETTERS + ROM_BLANK; c++) { /* ASCII first */
        const uint8_t *f = screen_font_letter(&(struct screen_font){s->font, s->height}, c % ROM_LETTERS);
        if (memcmp(f, bits, (size_t)s->height) == 0 || memcmp(f, other, (size_t)s->height) == 0) {
            return c % ROM_LETTERS;
        }
    }
    return 0;
}

/* NULL: too many cells are no letters of this font. */
static char *rom_text(const struct rom_screen *s) {
    size_t known = 0, strange = 0;
    struct str text = STR_INIT;
    for (int row = 0; (row + 1) * s->height <= s->p->height; row++) {
        size_t line = text.len, end = line;
        for (int c = 0; (c + 1) * s->width <= s->p->width; c++) {
            uint8_t bits[ROM_TALLEST];
            int letter = rom_cut(s, c, row, bits) ? rom_letter(s, bits) : 0;
            known += letter != 0 && letter != ' ';
            strange += letter == 0;
            str_addf(&text, "%c", letter == 0 ? '?' : letter > ' ' && letter < 0x7f ? letter : ' ');
            end = letter != ' ' ? text.len : end;
        }
        text.len = end;
        str_add(&text, "\n");
    }
    if (known < ROM_LEAST || strange * ROM_STRANGE > known + strange) {
        str_free(&text);
        return NULL;
    }
    return str_take(&text);
}

bool screen_rom_open(struct screen_rom *rom) {
    static const int heights[SCREEN_ROM_FONTS] = {16, 14, 8};
    size_t size = 0;
    *rom = (struct screen_rom){.bytes = rom_load(&size)};
    for (size_t i = 0; rom->bytes && i < SCREEN_ROM_FONTS; i++) {
        const uint8_t *letters = rom_font((const uint8_t *)rom->bytes, size, heights[i]);
        if (letters) {
            rom->fonts[rom->count++] = (struct screen_font){letters, heights[i]};
        }
    }
    if (!rom->count) {
        screen_rom_close(rom);
    }
    return rom->count > 0;
}

void screen_rom_close(struct screen_rom *rom) {
    free(rom->bytes);
    *rom = (struct screen_rom){0};
}

char *screen_rom_text(const struct screen_picture *p) {
    CLEANUP(screen_rom_close) struct screen_rom rom = {0};
    if (p->colours > 17 || p->width > 1280 || !screen_rom_open(&rom)) { /* 16 of a text mode, and a mouse pointer's */
        return NULL;
    }
    for (size_t i = 0; i < rom.count; i++) {
        struct rom_screen s = {.p = p, .height = rom.fonts[i].height, .width = p->width == 720 ? 9 : 8,
                               .font = rom.fonts[i].letters};
        char *text = rom_text(&s);
        if (text) {
            return text;
        }
    }
    return NULL;
}
