/* What stands on a stop screen: code, parameters, driver. Part of screen reading; not for other rooms. */
#ifndef COEXIST_EVIDENCE_SCREEN_STOP_H
#define COEXIST_EVIDENCE_SCREEN_STOP_H

#include "evidence/screen_read.h"

/* Hex digits from text on, with what OCR makes of them (O for 0, l for 1, ...); stops at what is none. Returns how
 * many (at most 17 are counted); *sure becomes false when one was '?'. */
size_t stop_hex(const char *text, uint64_t *value, bool *sure);

/* Takes a stop screen's facts from its text (screen_text_classify has the arguments). True when the text shows a stop
 * code, by number or by a known name; out is filled then. Also called, and false, for all other screens. */
bool stop_read(const char *text, const char *second, bool sure, struct screen_reading *out);

#endif
