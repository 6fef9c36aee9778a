/*
 * RFC 7464 framing ("JavaScript Object Notation (JSON) Text Sequences"), both directions.
 *
 * A frame on the wire is RS (0x1E), one JSON text, LF (0x0A) (RFC 7464, section 2.2). This
 * protocol forbids RS and LF inside the text, so that LF always ends it and RS always begins one:
 * whoever lost his place finds it again at the next RS.
 *
 * The decoder allocates once, when made, and never grows. It knows nothing of JSON. No function
 * here fails because of what the other side sent. A decoder belongs to one thread at a time.
 */
#ifndef COEXIST_PROTO_FRAME_H
#define COEXIST_PROTO_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define FRAME_RS 0x1e
#define FRAME_LF 0x0a
/* Bytes that framing adds to a text. */
#define FRAME_OVERHEAD 2

/* What a feed came to. */
enum frame_event {
    FRAME_NONE,      /* all bytes consumed, nothing complete yet */
    FRAME_READY,     /* a text is complete: frame_decoder_text() */
    FRAME_TOO_LONG,  /* a text passed the limit; the rest of it is skipped up to the next RS */
    FRAME_TRUNCATED, /* a new RS came before the LF of the text begun; that text is lost */
};

/* Totals since the decoder was made; bytes for noise, frames for the others. */
struct frame_counts {
    uint64_t ready;
    uint64_t too_long;
    uint64_t truncated;
    uint64_t noise; /* bytes outside RS..LF, the rest of over-long texts and empty frames included */
};

struct frame_decoder;

/* max_text: largest accepted text in bytes, RS and LF not counted. NULL when out of memory. */
struct frame_decoder *frame_decoder_new(size_t max_text);
void frame_decoder_free(struct frame_decoder *d);

/* Forget a half-read text and wait for the next RS; the counts stay. For a new connection. */
void frame_decoder_reset(struct frame_decoder *d);

/*
 * Takes bytes until something happened or all are used up. Returns how many were consumed; call
 * again with the rest until everything is consumed. Always consumes at least one of n > 0 bytes.
 */
size_t frame_decoder_feed(struct frame_decoder *d, const void *bytes, size_t n,
                          enum frame_event *event);

/*
 * The text of the last FRAME_READY, NUL-terminated for convenience (it may hold NUL bytes too:
 * trust *len). Borrowed, valid until the next feed, reset or free.
 */
const char *frame_decoder_text(const struct frame_decoder *d, size_t *len);

struct frame_counts frame_decoder_counts(const struct frame_decoder *d);

/*
 * Writes RS text LF to out. Returns the bytes written, or 0 when cap is too small or the text
 * holds an RS or LF, which would break the framing (JSON writers escape both).
 */
size_t frame_encode(const char *text, size_t len, char *out, size_t cap);

#endif
