#include "content.h"

#include <string.h>

#include "crc32.h"

static uint16_t content_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t content_u32(const uint8_t *at)
{
    return (uint32_t)content_u16(at) | (uint32_t)content_u16(at + 2) << 16;
}

const char *content_read_header(const uint8_t *file, size_t size, struct content_header *header)
{
    if (size < CONTENT_HEADER_SIZE || size > CONTENT_FILE_MAX)
        return "content file has an impossible size";
    if (memcmp(file, "SCF1", 4) != 0)
        return "not a content file";
    memcpy(header->vendor, file + 4, CONTENT_VENDOR_SIZE);
    header->vendor[CONTENT_VENDOR_SIZE] = 0;
    for (int i = 0; i < 4; i++)
        header->version[i] = content_u16(file + 12 + 2 * i);
    header->fields = content_u16(file + 20);
    header->signatures = content_u16(file + 22);
    header->body_size = content_u32(file + 24);
    if (header->body_size != size - CONTENT_HEADER_SIZE)
        return "content file is truncated or has a tail";
    if (content_u32(file + 28) != crc32_of(file + CONTENT_HEADER_SIZE, header->body_size))
        return "content file's checksum does not fit";
    if (header->signatures > CONTENT_SIGNATURES_MAX)
        return "content file has too many signatures";
    return NULL;
}

struct content_cursor content_open_body(const uint8_t *file, const struct content_header *header)
{
    const uint8_t *body = file + CONTENT_HEADER_SIZE;

    return (struct content_cursor){ .at = body, .end = body + header->body_size };
}

const uint8_t *content_next_field(struct content_cursor *cursor, uint16_t *size)
{
    size_t left = (size_t)(cursor->end - cursor->at);
    const uint8_t *field;

    if (left < 2)
        return NULL;
    *size = content_u16(cursor->at);
    if (left - 2 < *size)
        return NULL;
    field = cursor->at + 2;
    cursor->at = field + *size;
    return field;
}

int content_next_signature(struct content_cursor *cursor, struct content_signature *signature)
{
    size_t name_size;

    if (cursor->at == cursor->end)
        return -1;
    name_size = *cursor->at++;
    if (name_size > CONTENT_NAME_MAX || name_size > (size_t)(cursor->end - cursor->at))
        return -1;
    memcpy(signature->name, cursor->at, name_size);
    signature->name[name_size] = 0;
    cursor->at += name_size;
    signature->masked = content_next_field(cursor, &signature->size);
    if (!signature->masked)
        return -1;
    if (signature->size < CONTENT_PATTERN_MIN || signature->size > CONTENT_PATTERN_MAX)
        return -1;
    return 0;
}
