/* What a screenshot shows, as typed facts: a stop screen with its code and driver, a prompt, a desktop. Pictures come
 * from a guest and are not trusted: they are read by another process with limits (base/fence.h), which alone loads
 * the OCR library. OCR errs: what cannot be read for sure is left out, and said to be. The layouts are those of
 * Windows' own screens: white text of 80 columns with "*** STOP: 0x0000007E (four parameters)" and the driver's line
 * (NT 4 to 7, ReactOS); a sad face with "Stop code" and "What failed" (8 to 11, blue, black since 11 24H2). */
#ifndef COEXIST_EVIDENCE_SCREEN_READ_H
#define COEXIST_EVIDENCE_SCREEN_READ_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum screen_kind {
    SCREEN_UNKNOWN,      /* something is shown, but nothing that is known */
    SCREEN_BLANK,        /* one colour, at most a text cursor */
    SCREEN_STOP,         /* Windows has stopped */
    SCREEN_KERNEL_PANIC, /* Linux has */
    SCREEN_BOOT_PROMPT,  /* "Press any key to boot from CD or DVD" */
    SCREEN_BOOT_ERROR,   /* firmware or boot manager find nothing to start, or will not start it */
    SCREEN_RECOVERY,     /* automatic repair, "Choose an option" */
    SCREEN_SETUP_TEXT,   /* installer in text mode */
    SCREEN_SETUP,        /* installer with windows */
    SCREEN_UPDATING,     /* "Getting Windows ready", "Working on updates" */
    SCREEN_LOGIN,        /* sign-in or lock screen */
    SCREEN_DESKTOP,
    SCREEN_KIND_COUNT
};
const char *screen_kind_name(enum screen_kind k);     /* "stop-screen": for JSON. Static storage */
const char *screen_kind_sentence(enum screen_kind k); /* "a stop screen": for people. Static storage */

enum screen_layout { SCREEN_LAYOUT_NONE, SCREEN_LAYOUT_TEXT, SCREEN_LAYOUT_FACE, SCREEN_LAYOUT_COUNT };
const char *screen_layout_name(enum screen_layout l); /* "", "text", "face" */

enum { SCREEN_PARAMS = 4 };

struct screen_reading {
    enum screen_kind kind;
    double confidence; /* 0..1: how sure of the kind, by the likeness of what was read and the OCR's own word */
    int width, height; /* pixels */
    unsigned background; /* 0xRRGGBB: the commonest colour */
    /* Of stop screens only. */
    enum screen_layout layout;
    bool has_code;
    uint32_t code;
    const char *name;  /* of the code; NULL: not known. Static storage */
    bool has_param[SCREEN_PARAMS];
    uint64_t param[SCREEN_PARAMS];
    char *module;      /* file name of the driver the screen names; NULL: none, or none that could be read. Owned */
    /* Of all. */
    char *status;      /* a boot error's own code, "0xc000000f"; NULL: none. Owned */
    char *left_out;    /* what is there but could not be read for sure, for people; NULL: nothing. Owned */
    char *text;        /* all that was read, lines separated by \n; never NULL. Owned */
};

/* Bounds: larger files and pictures are refused (ERR_INPUT). */
#define SCREEN_MAX_BYTES ((size_t)64 << 20)
enum { SCREEN_MAX_SIDE = 8192, SCREEN_MAX_PIXELS = 16 << 20, SCREEN_SECONDS = 60, SCREEN_MAX_TEXT = 16 << 10 };

/* Reads PNG (ISO/IEC 15948) or PPM (netpbm's P6, 8 bits). ERR_INPUT: neither, damaged, too large; ERR_SYSTEM: the
 * OCR library or its English data is not there; ERR_TIMEOUT, ERR_PROTOCOL as base/fence.h. */
int screen_read(const void *data, size_t size, struct screen_reading *out, struct err *err);
int screen_read_file(const char *path, struct screen_reading *out, struct err *err);
void screen_reading_clear(struct screen_reading *r);

/* {"kind","confidence","width","height","background","layout"?,"code"?,"name"?,"parameters"?: [text|null],"module"?,
 * "status"?,"left_out"?,"text"}; numbers of stop screens as "0x..." texts. New reference. */
json_t *screen_to_json(const struct screen_reading *r);
/* One line: "STOP 0x7E SYSTEM_THREAD_EXCEPTION_NOT_HANDLED, labdrv.sys". Caller frees. */
char *screen_sentence(const struct screen_reading *r);

/* Whether the name on a screen is this module's: the same letters, or only letters that OCR mixes up (0/O, 1/l/I). */
bool screen_module_is(const char *read, const char *module);

#endif
