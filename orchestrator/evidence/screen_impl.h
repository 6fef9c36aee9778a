/* Inside of screen reading: picture -> lines of text (screen_picture, screen_ocr, screen_glyph) -> facts
 * (screen_text). Not for other rooms. */
#ifndef COEXIST_EVIDENCE_SCREEN_IMPL_H
#define COEXIST_EVIDENCE_SCREEN_IMPL_H

#include "base/str.h"
#include "evidence/screen_read.h"

struct screen_picture {
    int width, height;
    uint8_t *rgb;   /* 3 bytes a pixel */
    uint8_t *grey;  /* 1 byte a pixel, dark text on light ground */
    uint8_t *ink;   /* 1 where a pixel is not of the background's colour */
    unsigned background; /* 0xRRGGBB */
    double ink_part;     /* 0..1 of all pixels */
    int colours;         /* different ones, counted to SCREEN_COLOURS_MANY */
};
enum { SCREEN_COLOURS_MANY = 64 };

int screen_picture_load(const void *data, size_t size, struct screen_picture *out, struct err *err);
void screen_picture_free(struct screen_picture *p);
/* Grey, enlarged `scale` times (linear). Caller frees. */
uint8_t *screen_picture_scale(const struct screen_picture *p, double scale, int *width, int *height);

/* One line as OCR saw it; coordinates are those of the picture. */
struct screen_line {
    char *text; /* owned */
    int top, bottom;
};
struct screen_lines {
    struct screen_line *items;
    size_t count;
    double confidence; /* 0..1, mean of the words */
};
void screen_lines_free(struct screen_lines *l);

struct screen_ocr; /* the library, loaded */
enum screen_page { SCREEN_PAGE_BLOCK = 6, SCREEN_PAGE_SPARSE = 11 }; /* tesseract's PSM_SINGLE_BLOCK, PSM_SPARSE_TEXT */
struct screen_ocr *screen_ocr_open(struct err *err);
void screen_ocr_close(struct screen_ocr *o);
/* Letters it may answer with; "": all. */
void screen_ocr_letters(struct screen_ocr *o, const char *letters);
int screen_ocr_read(struct screen_ocr *o, const struct screen_picture *p, double scale, enum screen_page page,
                    struct screen_lines *out, struct err *err);

/* Text modes draw equal letters as equal bits: every letter's cells of the whole screen vote on what it is, over all
 * readings. NULL when the picture is no such screen. Borrows the picture. */
struct glyph_page;
struct glyph_page *screen_glyphs_new(const struct screen_picture *p);
void screen_glyphs_free(struct glyph_page *g); /* NULL is fine */
void screen_glyphs_vote(struct glyph_page *g, const struct screen_lines *reading);
/* A picture with a row for each digit in a stop screen's numbers, the same one all along: to be read as digits. False
 * when there are none. Free with screen_picture_free. */
bool screen_glyphs_sheet(struct glyph_page *g, struct screen_picture *out);
void screen_glyphs_vote_sheet(struct glyph_page *g, const struct screen_lines *reading);
/* The text with its true spaces, or NULL when too little of it was told. Letters that no vote decides, and digits of
 * which the sheet says something else, are '?'. Caller frees. */
char *screen_glyphs_text(struct glyph_page *g);

/* screen_rom.c: the fonts of the VGA BIOS; false: none is on this host. */
enum { SCREEN_ROM_FONTS = 3 };
struct screen_font {
    const uint8_t *letters; /* 256, a byte a row, the leftmost pixel in bit 7 */
    int height;
};
static inline const uint8_t *screen_font_letter(const struct screen_font *f, int letter) {
    return f->letters + (size_t)letter * (size_t)f->height;
}
struct screen_rom {
    char *bytes;
    struct screen_font fonts[SCREEN_ROM_FONTS];
    size_t count;
};
bool screen_rom_open(struct screen_rom *rom);
void screen_rom_close(struct screen_rom *rom);
/* screen_shape.c: the hex digit that these rows of pixels (bit x: column x) look like most, 0..15; -1: none, or two. */
struct screen_shapes;
struct screen_shapes *screen_shapes_new(void); /* free() it */
int screen_shapes_digit(const struct screen_shapes *s, const uint16_t *rows, int height);

/* The text of a PC text mode, by the fonts of the VGA BIOS; every letter is sure, '?' stands for a cell that
 * is none. NULL: the picture is no such screen, or no VGA BIOS is on this host. Caller frees. */
char *screen_rom_text(const struct screen_picture *p);

/* What a text says. Sets all of a stop screen's and boot error's members, the kind and its likeness. sure: the text is
 * the vote of many letters, so its numbers may be taken from it alone; else `second`, another reading of the same
 * picture (NULL: none), has to agree. Both may be any bytes. */
void screen_text_classify(const char *text, const char *second, bool sure, struct screen_reading *out);

#endif
