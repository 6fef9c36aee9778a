/*
 * The way out: whole frames, one at a time, from any thread. A frame is never begun while another
 * is under way. When the other side does not read, a sink may give up in the middle of a frame;
 * that frame is lost and counted, and the next one's RS lets the reader find its place again.
 */
#ifndef COEXIST_COMMON_WIRE_H
#define COEXIST_COMMON_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Writes all n bytes and returns 0, or a negative number when it wrote fewer. It may block as long
 * as its kind of stream makes sense to: a pipe for ever, a serial line only for a bounded time.
 */
struct wire_sink {
    int (*write)(void *ctx, const char *bytes, size_t n);
    void *ctx; /* borrowed */
};

struct wire;

/* NULL when out of memory. */
struct wire *wire_new(struct wire_sink sink);
void wire_free(struct wire *w);

/*
 * Sends one frame, RS and LF included. gate (may be NULL) is asked with the wire held, so that
 * what it decides and what is sent happen in one order; when it says no nothing is sent.
 * Returns 0 when sent, 1 when the gate was shut, -1 when the sink failed.
 */
int wire_send(struct wire *w, const char *frame, size_t len, bool (*gate)(void *arg), void *arg);

/* Frames lost so far because the sink failed. */
uint64_t wire_dropped(struct wire *w);

#endif
