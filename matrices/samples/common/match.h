/* Looks for many byte patterns in one pass. Portable, no allocation after match_open. */
#ifndef SAMPLES_MATCH_H
#define SAMPLES_MATCH_H

#include <stddef.h>
#include <stdint.h>

struct match;

/*
 * Takes the signatures of a whole content file (bytes are copied), unmasking them with
 * mask[CONTENT_MASK_SIZE]. NULL with *fault set to a constant sentence when the file is bad.
 */
struct match *match_open(const uint8_t *file, size_t size, const uint8_t *mask,
                         const char **fault);
void match_close(struct match *match);

/* Name of the first signature found (owned by match), NULL when there is none. */
const char *match_find(const struct match *match, const uint8_t *data, size_t size);

/* Length in bytes of the longest pattern: how much two chunks of a file must overlap. */
size_t match_longest(const struct match *match);

#endif
