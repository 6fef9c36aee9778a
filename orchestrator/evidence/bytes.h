/* A part of a file that is not trusted: every reading is checked against its bounds. Little-endian throughout, as every
 * Windows on every processor that is read here writes. */
#ifndef COEXIST_EVIDENCE_BYTES_H
#define COEXIST_EVIDENCE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct bytes { /* borrowed */
    const uint8_t *data;
    size_t size; /* bytes */
};

static inline uint16_t bytes_u16(const uint8_t *p) {
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t bytes_u32(const uint8_t *p) {
    return (uint32_t)bytes_u16(p) | (uint32_t)bytes_u16(p + 2) << 16;
}

static inline uint64_t bytes_u64(const uint8_t *p) {
    return (uint64_t)bytes_u32(p) | (uint64_t)bytes_u32(p + 4) << 32;
}

static inline bool bytes_has(struct bytes b, uint64_t at, uint64_t size) {
    return at <= b.size && size <= b.size - at;
}

/* A number of 4 or 8 bytes as guests' pointers are wide; p holds that many. */
static inline uint64_t bytes_word(const uint8_t *p, size_t width) {
    return width == 4 ? bytes_u32(p) : bytes_u64(p);
}

/* ERR_PROTOCOL with "WHAT at AT with SIZE bytes reaches beyond the file's N bytes" when it does. */
int bytes_slice(struct bytes file, uint64_t at, uint64_t size, const char *what, struct bytes *out,
                struct err *err);

/* UTF-16 up to a NUL as UTF-8; broken pairs and control characters become U+FFFD. Caller frees. */
char *bytes_utf16(const uint8_t *p, size_t size);
/* ASCII up to a NUL, what is not printable as U+FFFD. Caller frees. */
char *bytes_ascii(const uint8_t *p, size_t size);
/* The part of a guest's path behind the last folder; borrowed from path. */
const char *bytes_basename(const char *path);

#endif
