#include "match.h"

#include <stdlib.h>
#include <string.h>

#include "content.h"

struct match_pattern {
    char name[CONTENT_NAME_MAX + 1];
    uint16_t size;
    uint8_t bytes[CONTENT_PATTERN_MAX];
};

struct match {
    size_t longest;
    uint8_t starts[65536 / 8]; /* a bit for every two bytes that some pattern begins with */
    uint16_t count;
    struct match_pattern patterns[];
};

static unsigned match_pair(const uint8_t *at)
{
    return at[0] | (unsigned)at[1] << 8;
}

static void match_add(struct match *match, const struct content_signature *signature,
                      const uint8_t *mask)
{
    struct match_pattern *pattern = &match->patterns[match->count++];
    unsigned starts;

    memcpy(pattern->name, signature->name, sizeof pattern->name);
    pattern->size = signature->size;
    for (size_t i = 0; i < pattern->size; i++)
        pattern->bytes[i] = signature->masked[i] ^ mask[i % CONTENT_MASK_SIZE];
    starts = match_pair(pattern->bytes);
    match->starts[starts / 8] |= (uint8_t)(1u << starts % 8);
    if (pattern->size > match->longest)
        match->longest = pattern->size;
}

static const char *match_load(struct match *match, const uint8_t *file,
                              const struct content_header *header, const uint8_t *mask)
{
    struct content_cursor cursor = content_open_body(file, header);
    struct content_signature signature;
    uint16_t size;

    for (int i = 0; i < header->fields; i++)
        if (!content_next_field(&cursor, &size))
            return "content file ends inside its fields";
    for (int i = 0; i < header->signatures; i++) {
        if (content_next_signature(&cursor, &signature) < 0)
            return "content file has a bad signature";
        match_add(match, &signature, mask);
    }
    return cursor.at == cursor.end ? NULL : "content file has bytes nobody asked for";
}

struct match *match_open(const uint8_t *file, size_t size, const uint8_t *mask,
                         const char **fault)
{
    struct content_header header;
    struct match *match;

    *fault = content_read_header(file, size, &header);
    if (*fault)
        return NULL;
    match = calloc(1, sizeof *match + header.signatures * sizeof match->patterns[0]);
    if (!match) {
        *fault = "out of memory";
        return NULL;
    }
    *fault = match_load(match, file, &header, mask);
    if (*fault) {
        match_close(match);
        return NULL;
    }
    return match;
}

void match_close(struct match *match)
{
    free(match);
}

static const char *match_at(const struct match *match, const uint8_t *at, size_t size)
{
    for (size_t i = 0; i < match->count; i++) {
        const struct match_pattern *pattern = &match->patterns[i];

        if (pattern->size <= size && !memcmp(at, pattern->bytes, pattern->size))
            return pattern->name;
    }
    return NULL;
}

/*
 * Nearly every place is ruled out by its first two bytes, so that time hardly depends on how
 * many signatures there are. Patterns have at least CONTENT_PATTERN_MIN bytes.
 */
const char *match_find(const struct match *match, const uint8_t *data, size_t size)
{
    for (size_t at = 0; at + CONTENT_PATTERN_MIN <= size; at++) {
        unsigned pair = match_pair(data + at);
        const char *name;

        if (!(match->starts[pair / 8] >> pair % 8 & 1))
            continue;
        name = match_at(match, data + at, size - at);
        if (name)
            return name;
    }
    return NULL;
}

size_t match_longest(const struct match *match)
{
    return match->longest;
}
