/* A strict scan of a JSON text (RFC 8259) that remembers where every key and value stands, and says
 * what is wrong in words when it is not JSON. The values themselves are built by Jansson. */
#ifndef COEXIST_BASE_JSON_SCAN_H
#define COEXIST_BASE_JSON_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

/* Deepest nesting of arrays and objects accepted; our formats need 8. */
#define JSON_DEPTH_MAX 64
#define JSON_NO_KEY UINT32_MAX

struct json_node { /* in the order of the text: a parent, its children, its next sibling */
    uint32_t value; /* byte offset of the value's first byte */
    uint32_t key;   /* byte offset of the key's opening quote, or JSON_NO_KEY */
    uint32_t next;  /* index of the next sibling, or 0 */
    uint32_t child; /* index of the first child, or 0 */
};

struct json_index {
    struct json_node *nodes; /* [0] is the root */
    size_t count;
    size_t cap;
};

/* Fills index (free its nodes). On failure adds one diagnostic and returns -1. text must be at most
 * UINT32_MAX - 1 bytes. */
int json_scan(const char *path, const char *text, size_t len, struct json_index *index,
              struct diags *diags);

/* Refuses bytes that are not UTF-8 text (RFC 3629), NUL bytes and byte order marks. */
int json_scan_encoding(const char *path, const char *text, size_t len, struct diags *diags);

/* Line and column of a byte offset. */
struct diag_pos json_scan_position(const char *text, size_t len, size_t offset);

#endif
