#include "proto/frame.h"

#include <stdlib.h>
#include <string.h>

enum frame_state {
    FRAME_OUTSIDE, /* between frames: everything but RS is noise */
    FRAME_INSIDE,  /* after RS, collecting */
};

struct frame_decoder {
    enum frame_state state;
    size_t max;
    size_t len;
    struct frame_counts counts;
    char text[]; /* max + 1 bytes */
};

struct frame_decoder *frame_decoder_new(size_t max_text)
{
    struct frame_decoder *d = calloc(1, sizeof *d + max_text + 1);
    if (d != NULL)
        d->max = max_text;
    return d;
}

void frame_decoder_free(struct frame_decoder *d)
{
    free(d);
}

void frame_decoder_reset(struct frame_decoder *d)
{
    d->state = FRAME_OUTSIDE;
    d->len = 0;
}

static size_t frame_span_noise(const char *p, size_t n)
{
    const char *rs = memchr(p, FRAME_RS, n);
    return rs != NULL ? (size_t)(rs - p) : n;
}

/* Length of the run before the next RS or LF. */
static size_t frame_span_text(const char *p, size_t n)
{
    size_t i = 0;
    while (i < n && p[i] != FRAME_RS && p[i] != FRAME_LF)
        i++;
    return i;
}

static enum frame_event frame_begin(struct frame_decoder *d)
{
    /* RFC 7464, section 2.3: several RS in a row are not empty elements. */
    int lost = d->state == FRAME_INSIDE && d->len > 0;
    d->state = FRAME_INSIDE;
    d->len = 0;
    if (!lost)
        return FRAME_NONE;
    d->counts.truncated++;
    return FRAME_TRUNCATED;
}

static enum frame_event frame_end(struct frame_decoder *d)
{
    d->state = FRAME_OUTSIDE;
    if (d->len == 0) {
        d->counts.noise += FRAME_OVERHEAD;
        return FRAME_NONE;
    }
    d->text[d->len] = '\0';
    d->counts.ready++;
    return FRAME_READY;
}

static enum frame_event frame_collect(struct frame_decoder *d, const char *p, size_t n)
{
    if (n <= d->max - d->len) {
        memcpy(d->text + d->len, p, n);
        d->len += n;
        return FRAME_NONE;
    }
    d->counts.too_long++;
    d->counts.noise += d->len + n;
    frame_decoder_reset(d);
    return FRAME_TOO_LONG;
}

size_t frame_decoder_feed(struct frame_decoder *d, const void *bytes, size_t n,
                          enum frame_event *event)
{
    const char *p = bytes;
    size_t used = 0;

    *event = FRAME_NONE;
    while (used < n && *event == FRAME_NONE) {
        if (p[used] == FRAME_RS) {
            *event = frame_begin(d);
            used++;
        } else if (d->state == FRAME_OUTSIDE) {
            size_t run = frame_span_noise(p + used, n - used);
            d->counts.noise += run;
            used += run;
        } else if (p[used] == FRAME_LF) {
            *event = frame_end(d);
            used++;
        } else {
            size_t run = frame_span_text(p + used, n - used);
            *event = frame_collect(d, p + used, run);
            used += run;
        }
    }
    return used;
}

const char *frame_decoder_text(const struct frame_decoder *d, size_t *len)
{
    *len = d->len;
    return d->text;
}

struct frame_counts frame_decoder_counts(const struct frame_decoder *d)
{
    return d->counts;
}

size_t frame_encode(const char *text, size_t len, char *out, size_t cap)
{
    if (cap < FRAME_OVERHEAD || len > cap - FRAME_OVERHEAD || frame_span_text(text, len) != len)
        return 0;
    out[0] = FRAME_RS;
    memcpy(out + 1, text, len);
    out[len + 1] = FRAME_LF;
    return len + FRAME_OVERHEAD;
}
