/* tesseract by its C API, loaded when first used: the many processes that never read a screen do not carry it. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <tesseract/capi.h>

#include "base/cleanup.h"
#include "evidence/screen_impl.h"

#define OCR_LIBRARY "libtesseract.so.5"

/* The functions used, as capi.h declares them. */
#define OCR_FUNCTIONS(F) \
    F(TessBaseAPICreate) F(TessBaseAPIDelete) F(TessBaseAPIInit3) F(TessBaseAPISetVariable) \
    F(TessBaseAPISetPageSegMode) F(TessBaseAPISetImage) F(TessBaseAPISetSourceResolution) F(TessBaseAPIRecognize) \
    F(TessBaseAPIGetIterator) F(TessBaseAPIMeanTextConf) F(TessDeleteText) F(TessResultIteratorDelete) \
    F(TessResultIteratorNext) F(TessResultIteratorGetUTF8Text) F(TessResultIteratorGetPageIteratorConst) \
    F(TessPageIteratorBoundingBox)

struct screen_ocr {
    void *library;
    TessBaseAPI *api;
#define OCR_MEMBER(name) __typeof__(&(name))(name);
    OCR_FUNCTIONS(OCR_MEMBER)
#undef OCR_MEMBER
};

static int ocr_link(struct screen_ocr *o, struct err *err) {
    o->library = dlopen(OCR_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!o->library) {
        return err_set(err, ERR_SYSTEM, "the OCR library cannot be loaded: %s", dlerror());
    }
    /* POSIX has dlsym's void * stand for a function, which C does not: it is copied as bytes. */
#define OCR_FIND(name)                                                                      \
    {                                                                                       \
        void *at = dlsym(o->library, #name);                                                \
        if (!at) {                                                                          \
            return err_set(err, ERR_SYSTEM, "%s has no function %s", OCR_LIBRARY, #name);   \
        }                                                                                   \
        memcpy(&o->name, &at, sizeof(at));                                                  \
    }
    OCR_FUNCTIONS(OCR_FIND)
#undef OCR_FIND
    return 0;
}

struct screen_ocr *screen_ocr_open(struct err *err) {
    /* One thread: more only wait for each other on pictures this small. Read when the library starts. */
    setenv("OMP_THREAD_LIMIT", "1", 1);
    struct screen_ocr *o = mem_zalloc(1, sizeof(*o));
    if (ocr_link(o, err) < 0) {
        screen_ocr_close(o);
        return NULL;
    }
    o->api = o->TessBaseAPICreate();
    if (o->TessBaseAPIInit3(o->api, NULL, "eng") != 0) {
        err_set(err, ERR_SYSTEM, "the OCR's English data is missing (Debian: tesseract-ocr-eng)");
        screen_ocr_close(o);
        return NULL;
    }
    o->TessBaseAPISetVariable(o->api, "debug_file", "/dev/null");
    return o;
}

void screen_ocr_close(struct screen_ocr *o) {
    if (o->api) {
        o->TessBaseAPIDelete(o->api);
    }
    if (o->library) {
        dlclose(o->library);
    }
    free(o);
}

static void ocr_take_line(struct screen_lines *out, const char *text, int top, int bottom) {
    size_t len = strlen(text);
    while (len > 0 && strchr("\r\n ", text[len - 1])) {
        len--;
    }
    out->items = mem_grow(out->items, out->count + 1, sizeof(*out->items));
    out->items[out->count++] =
        (struct screen_line){.text = str_printf("%.*s", (int)len, text), .top = top, .bottom = bottom};
}

static void ocr_take_lines(struct screen_ocr *o, double scale, struct screen_lines *out) {
    TessResultIterator *it = o->TessBaseAPIGetIterator(o->api);
    for (bool more = it != NULL; more; more = o->TessResultIteratorNext(it, RIL_TEXTLINE)) {
        char *text = o->TessResultIteratorGetUTF8Text(it, RIL_TEXTLINE);
        int left = 0, top = 0, right = 0, bottom = 0;
        o->TessPageIteratorBoundingBox(o->TessResultIteratorGetPageIteratorConst(it), RIL_TEXTLINE, &left, &top,
                                       &right, &bottom);
        if (text) {
            ocr_take_line(out, text, (int)(top / scale), (int)(bottom / scale));
            o->TessDeleteText(text);
        }
    }
    if (it) {
        o->TessResultIteratorDelete(it);
    }
}

void screen_ocr_letters(struct screen_ocr *o, const char *letters) {
    o->TessBaseAPISetVariable(o->api, "tessedit_char_whitelist", letters);
}

int screen_ocr_read(struct screen_ocr *o, const struct screen_picture *p, double scale, enum screen_page page,
                    struct screen_lines *out, struct err *err) {
    int width = 0, height = 0;
    CLEANUP_FREE uint8_t *grey = screen_picture_scale(p, scale, &width, &height);
    *out = (struct screen_lines){0};
    o->TessBaseAPISetPageSegMode(o->api, (TessPageSegMode)page);
    o->TessBaseAPISetImage(o->api, grey, width, height, 1, width);
    o->TessBaseAPISetSourceResolution(o->api, (int)(96 * scale));
    if (o->TessBaseAPIRecognize(o->api, NULL) != 0) {
        return err_set(err, ERR_SYSTEM, "the OCR library gave up");
    }
    ocr_take_lines(o, scale, out);
    out->confidence = o->TessBaseAPIMeanTextConf(o->api) / 100.0;
    return 0;
}

void screen_lines_free(struct screen_lines *l) {
    for (size_t i = 0; i < l->count; i++) {
        free(l->items[i].text);
    }
    free(l->items);
    *l = (struct screen_lines){0};
}
