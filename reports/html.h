/* Parts of the HTML page. Everything goes through html_text, which cleans and escapes: there is no other way for a
 * text of the report to reach the page. */
#ifndef COEXIST_REPORTS_HTML_H
#define COEXIST_REPORTS_HTML_H

#include <jansson.h>
#include <stdbool.h>

#include "base/str.h"

/* Text or attribute value: cleaned (reports/text.h), at most max bytes, escaped for both places. NULL adds nothing. */
void html_text_max(struct str *out, const char *text, size_t max);
void html_text(struct str *out, const char *text);

/* Members of the report; "" or NULL, 0, false when absent or of another type. */
const char *html_get(const json_t *object, const char *key);      /* never NULL */
const char *html_get_null(const json_t *object, const char *key); /* NULL when null */
double html_get_number(const json_t *object, const char *key);    /* NAN when null */

/* A coloured label that also says in words and a sign what its colour means. */
void html_decision(struct str *out, const char *decision);
void html_verdict(struct str *out, const char *verdict);

/* html_metrics.c: before and after as a table with a drawing of every sample. */
void html_metrics(struct str *out, const json_t *metrics);
/* html_cell.c: one section for each cell. embedded: bytes of screenshots put into the page so far. */
void html_cell(struct str *out, const json_t *cell, size_t index, const char *artifact_dir,
               size_t *embedded);
/* html_grid.c: cells by products. */
void html_grid(struct str *out, const json_t *report);
/* html_image.c: the picture itself as a data URI when it is a PNG, whole and not too large; else says what it is. */
void html_screenshot(struct str *out, const json_t *artifact, const char *artifact_dir,
                     size_t *embedded);

#endif
