/*
 * A JSON writer into a buffer of fixed size. Running out of room sets a flag that stays; callers
 * write to the end and ask once. Strings that are not UTF-8 come out with U+FFFD in place of each
 * bad byte; control characters are escaped, so that RS and LF never occur in the output.
 */
#ifndef COEXIST_COMMON_JSONW_H
#define COEXIST_COMMON_JSONW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest string taken from the guest into a list item, bytes; longer ones are cut. */
#define JSONW_MAX_TEXT 4096

struct jsonw {
    char *buf;
    size_t cap;
    size_t len;
    bool overflow;
};

/* Borrows buf. */
void jsonw_init(struct jsonw *w, char *buf, size_t cap);
void jsonw_byte(struct jsonw *w, char c); /* as it is: framing */

void jsonw_open(struct jsonw *w, char bracket);  /* '{' or '[' , as a value */
void jsonw_close(struct jsonw *w, char bracket); /* '}' or ']' */
void jsonw_key(struct jsonw *w, const char *key);

void jsonw_string(struct jsonw *w, const char *s); /* NULL writes null; cut at JSONW_MAX_TEXT */
void jsonw_u64(struct jsonw *w, uint64_t v);
void jsonw_number(struct jsonw *w, double v); /* three decimals; what is no number is null */
void jsonw_bool(struct jsonw *w, bool v);
void jsonw_null(struct jsonw *w);
void jsonw_base64(struct jsonw *w, const void *bytes, size_t n);

/* Members: a key and its value. */
void jsonw_put_string(struct jsonw *w, const char *key, const char *s);
void jsonw_put_u64(struct jsonw *w, const char *key, uint64_t v);
void jsonw_put_i64(struct jsonw *w, const char *key, int64_t v);
void jsonw_put_number(struct jsonw *w, const char *key, double v);
void jsonw_put_bool(struct jsonw *w, const char *key, bool v);

#endif
