/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef COEXIST_COMMON_UTF8_H
#define COEXIST_COMMON_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length (1..4) of the well-formed sequence at p, or 0 when there is none in n bytes. */
size_t utf8_sequence(const char *p, size_t n);
bool utf8_valid(const char *p, size_t n);
/* Writes code point c (a scalar value) to out; returns its length 1..4. */
size_t utf8_encode(uint32_t c, char out[4]);

#endif
