/* Text modes and boot-time fonts draw every "6" with the same bits. OCR reads one "6" as "E" and the next one right:
 * put together, they tell. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "evidence/screen_impl.h"

enum {
    GLYPH_WIDTH_MAX = 9,   /* VGA text modes of 720 pixels; 8 in all others (IBM VGA technical reference) */
    GLYPH_HEIGHT_MAX = 20, /* taller rows of ink are several lines that touch: 8-line fonts */
    GLYPH_LOW_HEIGHT = 8,
    GLYPH_MAX = 512,       /* different ones on a screen */
    GLYPH_LETTERS = 128,   /* ASCII */
};

struct glyph {
    uint16_t rows[GLYPH_HEIGHT_MAX];
    int height;
    int votes[GLYPH_LETTERS];
    char letter; /* what won; '?' when nothing did */
    bool in_number, decided;
    bool placed; /* `letter` is known by where it stands */
    int sheet_top; /* row of pixels on the sheet */
    int digit_votes[16];
    int shape; /* the digit it looks like, -1: none. Of digits only */
};

struct glyph_line {
    int top, bottom; /* rows of pixels, bottom exclusive */
    int *cells;      /* index into glyphs for each column, -1: blank. Owned */
};

struct glyph_page {
    const struct screen_picture *p;
    int cell_width, columns;
    struct glyph *glyphs;
    int glyph_count;
    struct glyph_line *lines;
    size_t line_count;
    bool stop_found; /* the numbers of a stop screen stand where they were looked for */
};

static bool glyph_row_has_ink(const struct screen_picture *p, int y) {
    return memchr(p->ink + (size_t)y * (size_t)p->width, 1, (size_t)p->width) != NULL;
}

static void glyph_add_line(struct glyph_page *g, int top, int bottom) {
    g->lines = mem_grow(g->lines, g->line_count + 1, sizeof(*g->lines));
    g->lines[g->line_count++] = (struct glyph_line){
        .top = top, .bottom = bottom, .cells = mem_zalloc((size_t)g->columns, sizeof(int))};
}

static void glyph_find_lines(struct glyph_page *g) {
    for (int y = 0; y < g->p->height;) {
        int end = y;
        while (end < g->p->height && glyph_row_has_ink(g->p, end)) {
            end++;
        }
        if (end - y > GLYPH_HEIGHT_MAX) {
            for (int top = y - y % GLYPH_LOW_HEIGHT; top < end; top += GLYPH_LOW_HEIGHT) {
                glyph_add_line(g, top, top + GLYPH_LOW_HEIGHT < g->p->height ? top + GLYPH_LOW_HEIGHT : g->p->height);
            }
        } else if (end > y) {
            glyph_add_line(g, y, end);
        }
        y = end > y ? end : y + 1;
    }
}

/* The bits of one cell without empty rows above and below. */
static void glyph_cut(const struct glyph_page *g, const struct glyph_line *line, int column, struct glyph *out) {
    *out = (struct glyph){0};
    int first = -1, last = -1;
    uint16_t rows[GLYPH_HEIGHT_MAX] = {0};
    for (int y = line->top; y < line->bottom; y++) {
        const uint8_t *ink = g->p->ink + (size_t)y * (size_t)g->p->width + (size_t)column * (size_t)g->cell_width;
        for (int x = 0; x < g->cell_width; x++) {
            rows[y - line->top] |= (uint16_t)(ink[x] << x);
        }
        if (rows[y - line->top]) {
            first = first < 0 ? y - line->top : first;
            last = y - line->top;
        }
    }
    if (first >= 0) {
        out->height = last - first + 1;
        memcpy(out->rows, rows + first, (size_t)out->height * sizeof(rows[0]));
    }
}

/* Index of the glyph, known or new; -1 when it is blank, -2 when there are too many. */
static int glyph_intern(struct glyph_page *g, const struct glyph *one) {
    if (one->height == 0) {
        return -1;
    }
    for (int i = 0; i < g->glyph_count; i++) {
        if (g->glyphs[i].height == one->height && memcmp(g->glyphs[i].rows, one->rows, sizeof(one->rows)) == 0) {
            return i;
        }
    }
    if (g->glyph_count == GLYPH_MAX) {
        return -2;
    }
    g->glyphs[g->glyph_count] = *one;
    return g->glyph_count++;
}

static bool glyph_cut_all(struct glyph_page *g) {
    for (size_t i = 0; i < g->line_count; i++) {
        for (int c = 0; c < g->columns; c++) {
            struct glyph one;
            glyph_cut(g, &g->lines[i], c, &one);
            g->lines[i].cells[c] = glyph_intern(g, &one);
            if (g->lines[i].cells[c] < -1) {
                return false;
            }
        }
    }
    return g->line_count > 0;
}

static size_t glyph_inked(const struct glyph_page *g, const struct glyph_line *line) {
    size_t n = 0;
    for (int c = 0; c < g->columns; c++) {
        n += line->cells[c] >= 0;
    }
    return n;
}

/* A reading of this line with as many letters as the line has counts, letter by letter; others tell nothing. */
static void glyph_vote(struct glyph_page *g, const struct glyph_line *line, const char *text) {
    size_t letters = 0;
    for (const char *p = text; *p; p++) {
        if ((unsigned char)*p >= GLYPH_LETTERS) {
            return;
        }
        letters += !isspace((unsigned char)*p);
    }
    if (letters != glyph_inked(g, line)) {
        return;
    }
    int c = 0;
    for (const char *p = text; *p; p++) {
        if (isspace((unsigned char)*p)) {
            continue;
        }
        while (line->cells[c] < 0) {
            c++;
        }
        g->glyphs[line->cells[c++]].votes[(unsigned char)*p]++;
    }
}

static void glyph_vote_all(struct glyph_page *g, const struct screen_lines *reading) {
    for (size_t i = 0; i < reading->count; i++) {
        const struct screen_line *r = &reading->items[i];
        int middle = (r->top + r->bottom) / 2;
        for (size_t k = 0; k < g->line_count; k++) {
            if (middle >= g->lines[k].top - 1 && middle <= g->lines[k].bottom) {
                glyph_vote(g, &g->lines[k], r->text);
                break;
            }
        }
    }
}

/* Two of three votes, at least: below that, who knows. What only its place tells apart counts together: a ring is a
 * letter or a digit, a dot a full stop or a comma. */
static void glyph_elect(struct glyph *g) {
    if (g->placed) {
        return;
    }
    static const char *const alike[] = {"O0o@Q", ".,"};
    int all = 0, best = 0;
    for (int i = 1; i < GLYPH_LETTERS; i++) {
        all += g->votes[i];
        best = g->votes[i] > g->votes[best] ? i : best;
    }
    int won = g->votes[best];
    for (size_t k = 0; best && k < ARRAY_LEN(alike); k++) {
        for (const char *p = strchr(alike[k], best) ? alike[k] : ""; *p; p++) {
            won += *p != best ? g->votes[(unsigned char)*p] : 0;
        }
    }
    g->letter = (char)(all > 0 && 3 * won >= 2 * all ? best : '?');
    g->letter = g->letter == '@' || g->letter == 'Q' ? (char)(won > g->votes[best] ? 'O' : g->letter) : g->letter;
}

static char *glyph_write(const struct glyph_page *g) {
    struct str s = STR_INIT;
    for (size_t i = 0; i < g->line_count; i++) {
        int last = g->columns;
        while (last > 0 && g->lines[i].cells[last - 1] < 0) {
            last--;
        }
        for (int c = 0; c < last; c++) {
            int at = g->lines[i].cells[c];
            char letter = at < 0 ? ' ' : g->glyphs[at].letter;
            str_add_bytes(&s, &letter, 1);
        }
        str_add(&s, "\n");
    }
    return str_take(&s);
}

/* How many of all inked cells a vote decided: of a picture that only looks like a text mode, hardly any. */
static bool glyph_is_text(const struct glyph_page *g) {
    size_t all = 0, told = 0;
    for (size_t i = 0; i < g->line_count; i++) {
        for (int c = 0; c < g->columns; c++) {
            int at = g->lines[i].cells[c];
            all += at >= 0;
            told += at >= 0 && g->glyphs[at].letter != '?';
        }
    }
    return all > 0 && told * 10 >= all * 8;
}

static void glyph_page_clear(struct glyph_page *g) {
    for (size_t i = 0; i < g->line_count; i++) {
        free(g->lines[i].cells);
    }
    free(g->lines);
    free(g->glyphs);
}

/* ---- what a stop screen has at known places ----------------------------------------------------- */

/* "*** STOP: 0x%08lX (0x%p,0x%p,0x%p,0x%p)" in any font: what stands there tells what "0", "x" and all around them look
 * like. A line of 80 columns ends within the third or fourth number where a pointer has 16 digits. */
static const char stop_line[] = "*** STOP: 0x######## (";

static void glyph_place(struct glyph_page *g, int cell, char letter) {
    if (cell >= 0) {
        g->glyphs[cell].letter = letter;
        g->glyphs[cell].placed = g->glyphs[cell].decided = true;
    }
}

/* Equal places have equal glyphs, blanks are blank, and no glyph means two letters. */
static bool glyph_fits(const struct glyph_page *g, const struct glyph_line *line, int at, const char *form) {
    for (int i = 0; form[i]; i++) {
        int cell = at + i < g->columns ? line->cells[at + i] : -1;
        if ((cell < 0) != (form[i] == ' ')) {
            return false;
        }
        for (int k = 0; k < i && form[i] != '#'; k++) {
            if (form[k] != '#' && (form[k] == form[i]) != (line->cells[at + k] == cell)) {
                return false;
            }
        }
    }
    return true;
}

static void glyph_take_form(struct glyph_page *g, const struct glyph_line *line, int at, const char *form) {
    for (int i = 0; form[i]; i++) {
        if (form[i] == '#') {
            g->glyphs[line->cells[at + i]].in_number = true;
        } else if (form[i] != ' ') {
            glyph_place(g, line->cells[at + i], form[i]);
        }
    }
}

/* The whole line; then those digits of a number that its end cut off, on the next one. */
static bool glyph_find_stop(struct glyph_page *g, size_t at_line, int at) {
    static const char *const numbers[] = {"0x########,0x########,0x########,0x########)",
                                          "0x################,0x################,0x################,"};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        CLEANUP_FREE char *form = str_printf("%s%s", stop_line, numbers[i]);
        if (glyph_fits(g, &g->lines[at_line], at, form)) {
            glyph_take_form(g, &g->lines[at_line], at, form);
            static const char rest[] = "0x################)";
            bool wrapped = i == 1 && at_line + 1 < g->line_count &&
                           glyph_fits(g, &g->lines[at_line + 1], 0, rest);
            if (wrapped) {
                glyph_take_form(g, &g->lines[at_line + 1], 0, rest);
            }
            return true;
        }
    }
    return false;
}

static void glyph_place_known(struct glyph_page *g) {
    for (size_t i = 0; i < g->line_count && !g->stop_found; i++) {
        for (int c = 0; c < 4 && !g->stop_found; c++) {
            g->stop_found = glyph_find_stop(g, i, c);
        }
    }
}

/* ---- the digits of a stop screen's numbers, once more and large ------------------------------- */

enum { SHEET_REPEAT = 8, SHEET_GAP = 12, SHEET_MOST = 40 };

static bool glyph_is_stop_line(const struct glyph_page *g, const struct glyph_line *line) {
    char text[256] = {0};
    for (int c = 0; c < g->columns && c < (int)sizeof(text) - 1; c++) {
        text[c] = line->cells[c] < 0 ? ' ' : g->glyphs[line->cells[c]].letter;
    }
    return strstr(text, "ST") && strstr(text, "P") && (strstr(text, "x") || strstr(text, "X"));
}

/* Marks the cells between "0x" and the next comma, bracket or blank; in_number goes over a wrapped line's end. */
static bool glyph_mark_numbers(struct glyph_page *g, const struct glyph_line *line, bool in_number) {
    for (int c = 0; c < g->columns; c++) {
        struct glyph *one = line->cells[c] < 0 ? NULL : &g->glyphs[line->cells[c]];
        if (!one || strchr(",.()", one->letter)) {
            in_number = in_number && !one && c == 0;
        } else if (one->letter == 'x' || one->letter == 'X') {
            in_number = true;
        } else if (in_number) {
            one->in_number = true;
        }
    }
    return in_number;
}

bool screen_glyphs_sheet(struct glyph_page *g, struct screen_picture *out) {
    int marked[SHEET_MOST], n = 0;
    *out = (struct screen_picture){0};
    for (size_t i = 0; i < g->line_count; i++) {
        if (glyph_is_stop_line(g, &g->lines[i])) {
            bool on = glyph_mark_numbers(g, &g->lines[i], false);
            if (on && i + 1 < g->line_count) {
                glyph_mark_numbers(g, &g->lines[i + 1], true);
            }
        }
    }
    for (int i = 0; i < g->glyph_count && n < SHEET_MOST; i++) {
        if (g->glyphs[i].in_number && !g->glyphs[i].placed) {
            marked[n++] = i;
        }
    }
    if (n == 0) {
        return false;
    }
    CLEANUP_FREE struct screen_shapes *shapes = screen_shapes_new();
    int row = GLYPH_HEIGHT_MAX + SHEET_GAP;
    out->width = (SHEET_REPEAT + 4) * g->cell_width;
    out->height = n * row + SHEET_GAP;
    out->grey = mem_zalloc((size_t)out->width * (size_t)out->height, 1);
    memset(out->grey, 255, (size_t)out->width * (size_t)out->height);
    for (int i = 0; i < n; i++) {
        struct glyph *one = &g->glyphs[marked[i]];
        one->sheet_top = i * row + SHEET_GAP;
        one->shape = screen_shapes_digit(shapes, one->rows, one->height);
        for (int y = 0; y < one->height; y++) {
            for (int x = 0; x < SHEET_REPEAT * g->cell_width; x++) {
                if (one->rows[y] >> (x % g->cell_width) & 1) {
                    out->grey[(size_t)(one->sheet_top + y) * (size_t)out->width + (size_t)(x + 2 * g->cell_width)] = 0;
                }
            }
        }
    }
    return true;
}

void screen_glyphs_vote_sheet(struct glyph_page *g, const struct screen_lines *reading) {
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < reading->count; i++) {
        int middle = (reading->items[i].top + reading->items[i].bottom) / 2;
        for (int k = 0; k < g->glyph_count; k++) {
            struct glyph *one = &g->glyphs[k];
            bool here = one->in_number && middle >= one->sheet_top - 4 && middle <= one->sheet_top + one->height + 4;
            for (const char *p = reading->items[i].text; here && *p; p++) {
                const char *at = strchr(digits, *p);
                if (at) {
                    one->digit_votes[at - digits]++;
                }
            }
        }
    }
}

/* Sheet, shape and text vote together; the sheet, which shows nothing but this digit, counts as much as SHEET_WEIGHT
 * letters of the text, its shape as SHAPE_WEIGHT. Seven of ten votes decide; those for a digit that another glyph was
 * found to be (bit in *taken) do not count. True when it is decided now. */
static bool glyph_elect_digit(struct glyph *g, unsigned *taken) {
    static const char digits[] = "0123456789ABCDEF", like[] = "OoQ@lI|!", as[] = "00001111";
    enum { SHEET_WEIGHT = 6, SHAPE_WEIGHT = 6 };
    double score[16] = {0}, all = 0;
    int sheet = 0, best = 0;
    for (int i = 0; i < 16; i++) {
        sheet += g->digit_votes[i];
    }
    for (int i = 0; i < 16 && sheet > 0; i++) {
        score[i] = (double)SHEET_WEIGHT * g->digit_votes[i] / (sheet > SHEET_REPEAT ? sheet : SHEET_REPEAT);
        all += score[i];
    }
    if (g->shape >= 0) {
        score[g->shape] += SHAPE_WEIGHT;
        all += SHAPE_WEIGHT;
    }
    for (int i = 1; i < GLYPH_LETTERS; i++) {
        const char *at = strchr(like, i), *digit = strchr(digits, at ? as[at - like] : i);
        if (digit) {
            score[digit - digits] += g->votes[i];
        }
        all += g->votes[i];
    }
    for (int i = 0; i < 16; i++) {
        all -= *taken >> i & 1 ? score[i] : 0;
        score[i] = *taken >> i & 1 ? 0 : score[i];
        best = score[i] > score[best] ? i : best;
    }
    bool decided = all >= 3 && score[best] >= 0.7 * all;
    g->letter = decided ? digits[best] : '?';
    *taken |= decided ? 1u << best : 0;
    return decided;
}

/* The clear ones first; what is left is decided among what is left. */
static void glyph_elect_digits(struct glyph_page *g) {
    unsigned taken = g->stop_found ? 1u : 0; /* "0" is known */
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < g->glyph_count; i++) {
            struct glyph *one = &g->glyphs[i];
            if (one->in_number && !one->decided) {
                one->decided = glyph_elect_digit(one, &taken);
                more |= one->decided;
            }
        }
    }
}

struct glyph_page *screen_glyphs_new(const struct screen_picture *p) {
    if (p->colours > 16 || p->ink_part > 0.3 || p->width > 1280 || p->width < GLYPH_WIDTH_MAX) {
        return NULL;
    }
    struct glyph_page *g = mem_zalloc(1, sizeof(*g));
    *g = (struct glyph_page){.p = p, .cell_width = p->width == 720 ? GLYPH_WIDTH_MAX : 8};
    g->columns = p->width / g->cell_width;
    g->glyphs = mem_zalloc(GLYPH_MAX, sizeof(*g->glyphs));
    glyph_find_lines(g);
    if (!glyph_cut_all(g)) {
        screen_glyphs_free(g);
        return NULL;
    }
    glyph_place_known(g);
    return g;
}

void screen_glyphs_free(struct glyph_page *g) {
    if (g) {
        glyph_page_clear(g);
        free(g);
    }
}

void screen_glyphs_vote(struct glyph_page *g, const struct screen_lines *reading) {
    glyph_vote_all(g, reading);
    for (int i = 0; i < g->glyph_count; i++) {
        glyph_elect(&g->glyphs[i]);
    }
}

char *screen_glyphs_text(struct glyph_page *g) {
    if (!g->stop_found && !glyph_is_text(g)) {
        return NULL;
    }
    glyph_elect_digits(g);
    return glyph_write(g);
}
