/* A stream that says what a test wrote down, in pieces of a given size, then ends or falls silent; on a
 * virtual clock, so that silence costs no time. */
#ifndef COEXIST_TESTS_SUPPORT_SCRIPT_STREAM_H
#define COEXIST_TESTS_SUPPORT_SCRIPT_STREAM_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/str.h"
#include "guest/stream.h"

struct script {
    struct stream stream;  /* pass &script.stream; closing it frees nothing */
    struct clock_virtual *clock;
    const char *bytes;     /* borrowed */
    size_t len, at, piece; /* piece 0: as much as asked for */
    bool ends;             /* ERR_CLOSED after the last byte; else silence until the deadline */
    bool repeats;          /* starts again instead; each read takes 1 ms */
    struct str written;    /* what came the other way */
};

void script_init(struct script *s, struct clock_virtual *clock, const char *bytes, size_t len);
void script_free(struct script *s);

#endif
