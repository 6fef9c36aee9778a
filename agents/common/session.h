/*
 * The dispatcher: takes bytes of one connection, runs its requests, sends its answers.
 *
 * hello, ping and cancel are answered by the thread that feeds; every other op runs in a thread of
 * its own, PROTO_MAX_REQUESTS of them at most. A request that has to stop (deadline, cancel,
 * close) is told so; when its handler does not end within SESSION_GRACE_MS, because the system
 * holds it in a call, it is answered all the same and its later words are dropped.
 */
#ifndef COEXIST_COMMON_SESSION_H
#define COEXIST_COMMON_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "common/request.h"
#include "common/wire.h"
#include "proto/proto.h"

#define SESSION_GRACE_MS 3000

/* What an agent is; constant while any session lives. */
struct session_agent {
    const char *transport;              /* "serial" or "stdio" */
    uint32_t beat_ms;                   /* 0: no beats */
    op_handler *handler[PROTO_OP_COUNT]; /* NULL: known, but not on this system */
    /* Writes the members "os" and "can" of hello. */
    void (*describe)(struct jsonw *w);
};

struct session;

/* Borrows agent and wire. NULL when out of memory or threads. */
struct session *session_new(const struct session_agent *agent, struct wire *wire);

/* Sends hello unasked: the agent is there. */
void session_greet(struct session *s);

/* Any bytes at all, in pieces of any size. */
void session_feed(struct session *s, const void *bytes, size_t n);

/*
 * Stops every request and waits for them, wait_ms at most. Returns 0 and frees s; or -1 when a
 * handler is stuck: then s, the wire and the agent must stay, and the process had better end.
 */
int session_close(struct session *s, uint64_t wait_ms);

#endif
