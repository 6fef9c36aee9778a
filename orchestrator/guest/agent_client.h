/* The host's side of the agent protocol (agents/proto/PROTOCOL.md), version 1, over any byte stream.
 * One request at a time. Nothing the guest sends makes it fail to return at the deadline, use memory
 * without bound, or take a member for what it is not:
 *   - bytes that are no frame, broken JSON, frames of no known kind are skipped and counted;
 *   - answers and events of another request (one that timed out) are skipped and counted;
 *   - what answers the request but has a wrong type or is too much is ERR_PROTOCOL; the request is then
 *     cancelled, and the stream goes on: framing finds its place again at the next frame.
 */
#ifndef COEXIST_GUEST_AGENT_CLIENT_H
#define COEXIST_GUEST_AGENT_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "guest/stream.h"

/* Bounds of one answer. A list with more is an error, never a silently shortened one. */
#define AGENT_MAX_ITEMS 16384
#define AGENT_MAX_ITEM_BYTES (4u << 20) /* of JSON text */
#define AGENT_MAX_DEPTH 32

struct agent_client; /* opaque */

struct agent_seen { /* totals since the client was made */
    uint64_t bytes;
    uint64_t frames;  /* whole JSON objects */
    uint64_t noise;   /* bytes outside frames */
    uint64_t broken;  /* frames cut short, too long, not JSON, or of no known kind */
    uint64_t late;    /* answers and events of requests given up */
    uint64_t beats;
    uint64_t refused; /* errors without an id: the agent could not read something of ours */
};

struct agent_uptime { /* the guest's latest word on how long it has been up */
    bool known;
    int64_t up_ms; /* since its boot, by its own clock */
    int64_t at;    /* when it came, on the client's clock */
};

/* Takes stream; clock is borrowed. first_id: the first request's id, 0 to draw one at random: a guest may
 * still answer requests of an earlier client of the same serial port, whose ids must not come again. */
struct agent_client *agent_client_new(struct stream *stream, struct clock *clock,
                                      uint64_t first_id);
void agent_client_free(struct agent_client *c); /* NULL is fine */

/* The stream ended or failed: only good for agent_client_free. */
bool agent_client_is_dead(const struct agent_client *c);

struct agent_seen agent_client_seen(const struct agent_client *c);
struct agent_uptime agent_client_uptime(const struct agent_client *c);
/* "312 bytes, 2 beats, ..., last: \"...\"": for messages; escaped. Caller frees. */
char *agent_client_describe(const struct agent_client *c);

/* The agent's hello: as it starts, or in answer to our asking for it. *hello is checked
 * (agent_schema_hello); new reference. */
int agent_client_hello(struct agent_client *c, int64_t deadline, json_t **hello, struct err *err);

struct agent_call {
    const char *op;
    const json_t *args;  /* borrowed; NULL for none */
    int64_t deadline;    /* on the client's clock; the agent is told how much is left */
    struct str *out, *err; /* an exec's output is added here; NULL: dropped */
    size_t max_output;   /* bytes of both together; more is ERR_PROTOCOL */
};

/* *result (may be NULL): the checked result object, with "items" for list operations; new reference.
 * ERR_REFUSED "CODE: MESSAGE" when the agent says no, except that its code `deadline` is ERR_TIMEOUT.
 * ERR_CLOSED also when the agent started anew meanwhile, since then nobody will answer. */
int agent_client_call(struct agent_client *c, const struct agent_call *call, json_t **result,
                      struct err *err);

#endif
