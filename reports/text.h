/* Texts on their way into a report. Whatever a guest or an input file said comes through here: valid UTF-8, no control
 * characters, bounded. */
#ifndef COEXIST_REPORTS_TEXT_H
#define COEXIST_REPORTS_TEXT_H

#include <jansson.h>
#include <stddef.h>

#include "base/str.h"

/* Longest text of a report in bytes; what is longer ends in "... [cut, N bytes in all]". */
#define TEXT_MAX 2000

/* Adds text to out: broken UTF-8 and invisible characters that could change how the rest is shown (controls, direction
 * overrides) become U+FFFD, line breaks and tabs become spaces. */
void text_add_clean(struct str *out, const char *text, size_t max);
/* The same as a JSON string; null for NULL. New reference. */
json_t *text_json(const char *text);

/* "12.3 ms", "1.5 s", "140 MB", "3.2 %", "2400": a value in its unit, three digits that matter. */
void text_add_value(struct str *out, double value, const char *unit);
/* "+12 %", "-3.1 %". */
void text_add_percent(struct str *out, double percent);
/* "3 min 20 s" */
void text_add_duration(struct str *out, double ms);
/* A repair drill ("safe-mode") in words; one that is not known as it is. Borrowed. */
const char *text_drill_name(const char *what);

#endif
