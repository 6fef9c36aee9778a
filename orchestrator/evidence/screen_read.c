#include "evidence/screen_read.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fence.h"
#include "base/fs.h"
#include "evidence/screen_impl.h"
#include "evidence/stop_code.h"

/* A text cursor is 9 x 2 pixels of 720 x 400: less ink than a letter or two is a blank screen. */
#define SCREEN_BLANK_INK 0.0002

enum { SCREEN_READINGS = 3 };

static const struct {
    const char *name, *sentence;
} screen_kinds[] = {
    [SCREEN_UNKNOWN] = {"unknown", "a screen that is not known"},
    [SCREEN_BLANK] = {"blank", "a blank screen"},
    [SCREEN_STOP] = {"stop-screen", "a stop screen"},
    [SCREEN_KERNEL_PANIC] = {"kernel-panic", "a Linux kernel panic"},
    [SCREEN_BOOT_PROMPT] = {"boot-prompt", "a prompt to boot from a medium"},
    [SCREEN_BOOT_ERROR] = {"boot-error", "a boot error"},
    [SCREEN_RECOVERY] = {"recovery", "repair or recovery"},
    [SCREEN_SETUP_TEXT] = {"text-setup", "setup in text mode"},
    [SCREEN_SETUP] = {"setup", "setup"},
    [SCREEN_UPDATING] = {"updating", "getting ready or working on updates"},
    [SCREEN_LOGIN] = {"login", "the login or lock screen"},
    [SCREEN_DESKTOP] = {"desktop", "the desktop"},
};
static_assert(ARRAY_LEN(screen_kinds) == SCREEN_KIND_COUNT, "a name for every kind of screen");

static const char *const screen_layouts[] = {"", "text", "face"};
static_assert(ARRAY_LEN(screen_layouts) == SCREEN_LAYOUT_COUNT, "a name for every layout");

const char *screen_kind_name(enum screen_kind k) {
    return (unsigned)k < SCREEN_KIND_COUNT ? screen_kinds[k].name : "unknown";
}

const char *screen_kind_sentence(enum screen_kind k) {
    return screen_kinds[(unsigned)k < SCREEN_KIND_COUNT ? k : SCREEN_UNKNOWN].sentence;
}

const char *screen_layout_name(enum screen_layout l) {
    return (unsigned)l < SCREEN_LAYOUT_COUNT ? screen_layouts[l] : "";
}

void screen_reading_clear(struct screen_reading *r) {
    free(r->module);
    free(r->status);
    free(r->left_out);
    free(r->text);
    *r = (struct screen_reading){0};
}

/* ---- reading: inside the fence --------------------------------------------------------------- */

static char *screen_join(const struct screen_lines *l) {
    struct str s = STR_INIT;
    for (size_t i = 0; i < l->count && s.len < SCREEN_MAX_TEXT; i++) {
        if (*l->items[i].text) {
            str_addf(&s, "%s\n", l->items[i].text);
        }
    }
    return str_take(&s);
}

/* Enlargements that bring the smallest text of such a screen to about twenty pixels, the height OCR likes best. */
static void screen_scales(const struct screen_picture *p, double out[SCREEN_READINGS]) {
    static const double small[] = {2, 3, 4}, middle[] = {2, 1.5, 2.5}, large[] = {1, 1.5, 2};
    const double *from = p->width <= 800 ? small : p->width <= 1440 ? middle : large;
    memcpy(out, from, SCREEN_READINGS * sizeof(*out));
}

struct screen_work {
    const struct screen_picture *picture;
    struct screen_ocr *ocr;
    struct screen_lines lines[SCREEN_READINGS];
    size_t readings;
    bool cells; /* letters of equal bits: plain readings err on all of them alike */
    char *text; /* what classification is made from. Owned */
};

static int screen_read_more(struct screen_work *w, struct err *err) {
    double scales[SCREEN_READINGS];
    screen_scales(w->picture, scales);
    int rc = screen_ocr_read(w->ocr, w->picture, scales[w->readings], SCREEN_PAGE_BLOCK, &w->lines[w->readings], err);
    w->readings += rc == 0;
    return rc;
}

static void screen_reclassify(struct screen_work *w, const char *text, const char *second, bool sure,
                              struct screen_reading *r) {
    struct screen_reading fresh = {.width = r->width, .height = r->height, .background = r->background};
    screen_reading_clear(r);
    *r = fresh;
    screen_text_classify(text, second, sure, r);
    if (text != w->text) {
        free(w->text);
        w->text = str_dup(text);
    }
}

static int screen_read_sheet(struct screen_work *w, struct glyph_page *g, struct err *err) {
    static const double scales[] = {2, 3, 4};
    CLEANUP(screen_picture_free) struct screen_picture sheet;
    int rc = 0;
    if (!screen_glyphs_sheet(g, &sheet)) {
        return 0;
    }
    screen_ocr_letters(w->ocr, "0123456789ABCDEF");
    for (size_t i = 0; i < ARRAY_LEN(scales) && rc == 0; i++) {
        struct screen_lines lines;
        rc = screen_ocr_read(w->ocr, &sheet, scales[i], SCREEN_PAGE_BLOCK, &lines, err);
        if (rc == 0) {
            screen_glyphs_vote_sheet(g, &lines);
            screen_lines_free(&lines);
        }
    }
    screen_ocr_letters(w->ocr, "");
    return rc;
}

static void screen_glyphs_free_ptr(struct glyph_page **g) {
    screen_glyphs_free(*g);
}

/* The vote did not decide the code: two plain readings that agree do. */
static void screen_code_by_agreement(const char *first, const char *second, struct screen_reading *r) {
    CLEANUP(screen_reading_clear) struct screen_reading plain = {0};
    screen_text_classify(first, second, false, &plain);
    if (plain.kind == SCREEN_STOP && plain.has_code && plain.name) {
        r->has_code = true;
        r->code = plain.code;
        r->name = plain.name;
        const char *rest = r->left_out ? strstr(r->left_out, "; ") : NULL; /* "the stop code" stands first */
        char *left = rest ? str_dup(rest + 2) : NULL;
        free(r->left_out);
        r->left_out = left;
    }
}

/* A stop screen or boot error has numbers: one reading is not enough for those. Text modes are put to the vote. */
static int screen_read_again(struct screen_work *w, struct screen_reading *r, struct err *err) {
    CLEANUP(screen_glyphs_free_ptr) struct glyph_page *g = screen_glyphs_new(w->picture);
    size_t wanted = g ? SCREEN_READINGS : 2;
    w->cells = g != NULL;
    while (w->readings < wanted) {
        if (screen_read_more(w, err) < 0) {
            return -1;
        }
    }
    for (size_t i = 0; g && i < w->readings; i++) {
        screen_glyphs_vote(g, &w->lines[i]);
    }
    if (g && r->kind == SCREEN_STOP && screen_read_sheet(w, g, err) < 0) {
        return -1;
    }
    CLEANUP_FREE char *voted = g ? screen_glyphs_text(g) : NULL;
    CLEANUP_FREE char *second = screen_join(&w->lines[1]);
    CLEANUP_FREE char *first = screen_join(&w->lines[0]);
    screen_reclassify(w, voted ? voted : first, voted ? NULL : second, voted != NULL, r);
    if (voted && r->kind == SCREEN_STOP && !r->has_code) {
        screen_code_by_agreement(first, second, r);
    }
    return 0;
}

/* Text here and there, between pictures: another way of looking for lines. */
static int screen_read_sparse(struct screen_work *w, struct screen_reading *r, struct err *err) {
    double scales[SCREEN_READINGS];
    struct screen_lines lines;
    screen_scales(w->picture, scales);
    if (screen_ocr_read(w->ocr, w->picture, scales[0], SCREEN_PAGE_SPARSE, &lines, err) < 0) {
        return -1;
    }
    CLEANUP_FREE char *sparse = screen_join(&lines);
    CLEANUP_FREE char *both = str_printf("%s%s", sparse, w->text);
    CLEANUP_FREE char *block = str_dup(w->text);
    screen_lines_free(&lines);
    screen_reclassify(w, both, block, false, r);
    return 0;
}

static bool screen_has_params(const struct screen_reading *r) {
    bool any = false;
    for (int i = 0; i < SCREEN_PARAMS; i++) {
        any |= r->has_param[i];
    }
    return any;
}

/* Two readings of the same bits agree in their errors, too: no number is taken from that. */
static void screen_drop_params(struct screen_reading *r) {
    if (screen_has_params(r)) {
        memset(r->has_param, 0, sizeof(r->has_param));
        memset(r->param, 0, sizeof(r->param));
        CLEANUP_FREE char *before = r->left_out;
        r->left_out = str_printf("%s%sparameters that two readings agree in", before ? before : "", before ? "; " : "");
    }
}

static int screen_read_text(struct screen_work *w, struct screen_reading *r, struct err *err) {
    if (screen_read_more(w, err) < 0) {
        return -1;
    }
    w->text = screen_join(&w->lines[0]);
    screen_reclassify(w, w->text, NULL, false, r);
    bool numbers = r->kind == SCREEN_STOP || r->kind == SCREEN_BOOT_ERROR;
    if (numbers && screen_read_again(w, r, err) < 0) {
        return -1;
    }
    bool missing = r->kind == SCREEN_UNKNOWN || (r->kind == SCREEN_STOP && !r->has_code && !screen_has_params(r));
    if (missing && screen_read_sparse(w, r, err) < 0) {
        return -1;
    }
    if (missing && w->cells) {
        screen_drop_params(r);
    }
    double ocr = w->lines[0].confidence;
    r->confidence *= r->kind == SCREEN_UNKNOWN ? 0 : 0.5 + ocr / 2;
    r->text = STEAL(w->text);
    return 0;
}

/* Text modes need no OCR. False: the picture is none, or what it says is not known. */
static bool screen_read_rom(const struct screen_picture *p, struct screen_reading *r) {
    CLEANUP_FREE char *text = screen_rom_text(p);
    if (!text) {
        return false;
    }
    screen_text_classify(text, NULL, true, r);
    if (r->kind == SCREEN_UNKNOWN) {
        return false;
    }
    r->text = str_printf("%.*s", SCREEN_MAX_TEXT, text);
    return true;
}

static int screen_read_inside(const void *data, size_t size, struct screen_reading *r, struct err *err) {
    CLEANUP(screen_picture_free) struct screen_picture p;
    *r = (struct screen_reading){0};
    if (screen_picture_load(data, size, &p, err) < 0) {
        return -1;
    }
    r->width = p.width;
    r->height = p.height;
    r->background = p.background;
    if (p.ink_part < SCREEN_BLANK_INK) {
        r->kind = SCREEN_BLANK;
        r->confidence = 1;
        r->text = str_dup("");
        return 0;
    }
    if (screen_read_rom(&p, r)) {
        return 0;
    }
    struct screen_work w = {.picture = &p, .ocr = screen_ocr_open(err)};
    if (!w.ocr) {
        return -1;
    }
    int rc = screen_read_text(&w, r, err);
    for (size_t i = 0; i < w.readings; i++) {
        screen_lines_free(&w.lines[i]);
    }
    free(w.text);
    screen_ocr_close(w.ocr);
    return rc;
}

/* ---- through the fence ----------------------------------------------------------------------- */

struct screen_bytes {
    const void *data;
    size_t size;
};

static json_t *screen_hex(uint64_t v) {
    char text[32];
    snprintf(text, sizeof(text), "0x%" PRIX64, v);
    return json_string(text);
}

/* OCR's text is UTF-8, but who knows. */
static json_t *screen_text(const char *text) {
    json_t *j = json_string(text);
    if (j) {
        return j;
    }
    CLEANUP_FREE char *ascii = str_dup(text);
    for (char *p = ascii; *p; p++) {
        *p = (unsigned char)*p < 0x80 ? *p : '?';
    }
    return json_string(ascii);
}

static void screen_set_text(json_t *j, const char *key, const char *text) {
    if (text) {
        json_object_set_new(j, key, screen_text(text));
    }
}

json_t *screen_to_json(const struct screen_reading *r) {
    char background[8];
    snprintf(background, sizeof(background), "#%06x", r->background & 0xffffff);
    json_t *j = json_pack("{s:s, s:f, s:i, s:i, s:s}", "kind", screen_kind_name(r->kind), "confidence",
                          (double)(int)(r->confidence * 100 + 0.5) / 100, "width", r->width, "height", r->height,
                          "background", background);
    if (r->kind == SCREEN_STOP) {
        screen_set_text(j, "layout", screen_layout_name(r->layout));
    }
    if (r->has_code) {
        json_object_set_new(j, "code", screen_hex(r->code));
    }
    screen_set_text(j, "name", r->name);
    bool any = false;
    json_t *params = json_array();
    for (int i = 0; i < SCREEN_PARAMS; i++) {
        any |= r->has_param[i];
        json_array_append_new(params, r->has_param[i] ? screen_hex(r->param[i]) : json_null());
    }
    if (any) {
        json_object_set(j, "parameters", params);
    }
    json_decref(params);
    screen_set_text(j, "module", r->module);
    screen_set_text(j, "status", r->status);
    screen_set_text(j, "left_out", r->left_out);
    screen_set_text(j, "text", r->text ? r->text : "");
    return j;
}

static int screen_inside(void *ctx, struct str *out, struct err *err) {
    const struct screen_bytes *b = ctx;
    struct screen_reading r;
    if (screen_read_inside(b->data, b->size, &r, err) < 0) {
        return -1;
    }
    json_t *j = screen_to_json(&r);
    CLEANUP_FREE char *text = json_dumps(j, JSON_COMPACT);
    str_add(out, text ? text : "");
    json_decref(j);
    screen_reading_clear(&r);
    return 0;
}

static bool screen_number(const json_t *v, uint64_t *out) {
    const char *text = json_string_value(v);
    *out = text ? strtoull(text, NULL, 16) : 0;
    return text != NULL;
}

static char *screen_owned(const json_t *j, const char *key) {
    return str_dup(json_string_value(json_object_get(j, key)));
}

static void screen_from_json(const json_t *j, struct screen_reading *r) {
    *r = (struct screen_reading){
        .confidence = json_number_value(json_object_get(j, "confidence")),
        .width = (int)json_integer_value(json_object_get(j, "width")),
        .height = (int)json_integer_value(json_object_get(j, "height")),
        .module = screen_owned(j, "module"), .status = screen_owned(j, "status"),
        .left_out = screen_owned(j, "left_out"), .text = screen_owned(j, "text"),
    };
    const char *kind = json_string_value(json_object_get(j, "kind"));
    const char *layout = json_string_value(json_object_get(j, "layout"));
    const char *background = json_string_value(json_object_get(j, "background"));
    for (int i = 0; i < SCREEN_KIND_COUNT; i++) {
        r->kind = str_eq(kind, screen_kinds[i].name) ? (enum screen_kind)i : r->kind;
    }
    for (int i = 0; i < SCREEN_LAYOUT_COUNT; i++) {
        r->layout = str_eq(layout, screen_layouts[i]) ? (enum screen_layout)i : r->layout;
    }
    r->background = background && *background ? (unsigned)strtoul(background + 1, NULL, 16) : 0;
    uint64_t code = 0;
    r->has_code = screen_number(json_object_get(j, "code"), &code);
    r->code = (uint32_t)code;
    r->name = r->has_code && json_object_get(j, "name") ? stop_code_name(r->code) : NULL;
    for (size_t i = 0; i < SCREEN_PARAMS; i++) {
        r->has_param[i] = screen_number(json_array_get(json_object_get(j, "parameters"), i), &r->param[i]);
    }
    r->text = r->text ? r->text : str_dup("");
}

int screen_read(const void *data, size_t size, struct screen_reading *out, struct err *err) {
    static const struct fence_limits limits = {
        .timeout_ns = SCREEN_SECONDS * CLOCK_S, .memory_bytes = (size_t)2 << 30, .max_output = 1 << 20};
    struct screen_bytes bytes = {data, size};
    CLEANUP_STR struct str text = STR_INIT;
    *out = (struct screen_reading){0};
    if (fence_run(screen_inside, &bytes, &limits, &text, err) < 0) {
        return -1;
    }
    json_error_t at;
    json_t *j = json_loadb(str_get(&text), text.len, 0, &at);
    if (!j) {
        return err_set(err, ERR_BUG, "the reader's answer: %s", at.text);
    }
    screen_from_json(j, out);
    json_decref(j);
    return 0;
}

int screen_read_file(const char *path, struct screen_reading *out, struct err *err) {
    size_t size = 0;
    *out = (struct screen_reading){0};
    CLEANUP_ERR struct err unread = ERR_INIT;
    CLEANUP_FREE char *data = fs_read(path, SCREEN_MAX_BYTES, &size, &unread);
    if (!data) {
        return err_set(err, ERR_INPUT, "%s", err_text(&unread));
    }
    return screen_read(data, size, out, err);
}

/* ---- said ------------------------------------------------------------------------------------ */

char *screen_sentence(const struct screen_reading *r) {
    struct str s = STR_INIT;
    if (r->kind == SCREEN_STOP && r->has_code) {
        str_addf(&s, "STOP 0x%" PRIX32 "%s%s", r->code, r->name ? " " : "", r->name ? r->name : "");
    } else {
        str_add(&s, screen_kind_sentence(r->kind));
    }
    if (r->module) {
        str_addf(&s, ", %s", r->module);
    }
    if (r->status) {
        str_addf(&s, ", %s", r->status);
    }
    if (r->left_out) {
        str_addf(&s, " (not read for sure: %s)", r->left_out);
    }
    return str_take(&s);
}

bool screen_module_is(const char *read, const char *module) {
    static const char from[] = "0l1|", to[] = "oiii";
    for (;; read++, module++) {
        char a = (char)tolower((unsigned char)*read), b = (char)tolower((unsigned char)*module);
        const char *x = a ? strchr(from, a) : NULL, *y = b ? strchr(from, b) : NULL;
        a = x ? to[x - from] : a;
        b = y ? to[y - from] : b;
        if (a != b) {
            return false;
        }
        if (!a) {
            return true;
        }
    }
}
