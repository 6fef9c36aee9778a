/* JSON texts (RFC 8259) with positions: parsed by Jansson, plus an index that tells for any value
 * where it stands, so that every complaint can name file, line and column. */
#ifndef COEXIST_BASE_JSON_H
#define COEXIST_BASE_JSON_H

#include <jansson.h>

#include "base/diag.h"
#include "base/err.h"

struct json_doc; /* opaque: owns the root, the text's path and the positions */

/* Largest input file read, in bytes. */
#define JSON_FILE_MAX (16u << 20)

/* Parses a file or a text (path is then only a name for messages). Duplicate keys are refused.
 * On failure adds one located diagnostic to diags and returns NULL. */
struct json_doc *json_doc_load(const char *path, struct diags *diags);
struct json_doc *json_doc_parse(const char *path, const char *text, size_t len,
                                struct diags *diags);
void json_doc_free(struct json_doc *doc);

json_t *json_doc_root(const struct json_doc *doc); /* borrowed */
const char *json_doc_path(const struct json_doc *doc); /* borrowed */

/* Position of the value at a JSON pointer (RFC 6901: "" root, "/updates/0/files"), or of its key when
 * at_key. Falls back to the nearest ancestor that exists. */
struct diag_pos json_doc_at(const struct json_doc *doc, const char *pointer, int at_key);

/* The text as it was read; borrowed. */
const char *json_doc_text(const struct json_doc *doc, size_t *len);
/* Byte offset of the value at a pointer that exists. */
size_t json_doc_offset(const struct json_doc *doc, const char *pointer);

/* Adds a diagnostic at that place. */
void json_doc_complain(const struct json_doc *doc, const char *pointer, int at_key,
                       struct diags *diags, const char *code, const char *hint, const char *fmt,
                       ...) __attribute__((format(printf, 7, 8)));

#endif
