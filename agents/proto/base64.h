/* Base64 with padding, no line breaks: RFC 4648, section 4. Strict when decoding. */
#ifndef COEXIST_PROTO_BASE64_H
#define COEXIST_PROTO_BASE64_H

#include <stddef.h>

/* Characters for n bytes, without a terminating NUL. */
#define BASE64_ENCODED_SIZE(n) (((n) + 2) / 3 * 4)

/* Writes BASE64_ENCODED_SIZE(n) characters to out (no NUL) and returns that number. */
size_t base64_encode(const void *bytes, size_t n, char *out);

/*
 * Decodes len characters to out. *n is set to the bytes written. Returns -1, and writes at most
 * cap bytes, when the text is not canonical base64 or holds more than cap bytes.
 */
int base64_decode(const char *text, size_t len, void *out, size_t cap, size_t *n);

#endif
