/*
 * The sample vendors' content file ("SCF1"), little endian:
 *
 *   offset size
 *        0    4  magic "SCF1"
 *        4    8  vendor id, ASCII, padded with NUL
 *       12    8  version, four 16-bit numbers, most significant first
 *       20    2  number of template fields (inputs of the kernel part's interpreter)
 *       22    2  number of signatures
 *       24    4  size of the body
 *       28    4  CRC-32 of the body
 *       32       body: fields, each u16 length + bytes; then
 *                signatures, each u8 length + name, u16 length + pattern, masked
 *
 * Patterns are masked with the vendor's 32-byte table, so that the file itself is never taken
 * for what it describes by the product next door. Portable code: the driver, the service and
 * the host tool that writes the files share it.
 */
#ifndef SAMPLES_CONTENT_H
#define SAMPLES_CONTENT_H

#include <stddef.h>
#include <stdint.h>

enum {
    CONTENT_HEADER_SIZE = 32,
    CONTENT_VENDOR_SIZE = 8,
    CONTENT_MASK_SIZE = 32,
    CONTENT_NAME_MAX = 63,        /* bytes of a signature's name */
    CONTENT_PATTERN_MAX = 255,    /* bytes of a pattern */
    CONTENT_PATTERN_MIN = 4,
    CONTENT_SIGNATURES_MAX = 1024,
    CONTENT_FILE_MAX = 1024 * 1024
};

struct content_header {
    char vendor[CONTENT_VENDOR_SIZE + 1];
    uint16_t version[4];
    uint16_t fields;
    uint16_t signatures;
    uint32_t body_size;
};

/* A walk over the body. Borrowed: the file's bytes must outlive it. */
struct content_cursor {
    const uint8_t *at;
    const uint8_t *end;
};

struct content_signature {
    char name[CONTENT_NAME_MAX + 1];
    const uint8_t *masked;
    uint16_t size;
};

/*
 * Checks magic, sizes and CRC and fills header. Returns NULL, or a constant English sentence
 * saying what is wrong. The number of fields is NOT judged here: what is right depends on the
 * interpreter that reads them.
 */
const char *content_read_header(const uint8_t *file, size_t size, struct content_header *header);

/* The body of a file whose header was accepted. */
struct content_cursor content_open_body(const uint8_t *file, const struct content_header *header);

/* Next field; *size excludes the length prefix. NULL when the body ends too early. */
const uint8_t *content_next_field(struct content_cursor *cursor, uint16_t *size);

/* Next signature, 0, or -1 when the body ends too early or a length is out of bounds. */
int content_next_signature(struct content_cursor *cursor, struct content_signature *signature);

#endif
