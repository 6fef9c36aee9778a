#include "guest/agent_link.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "guest/agent_schema.h"
#include "guest/printable.h"
#include "proto/frame.h"
#include "proto/proto.h"

enum {
    LINK_BUFFER = 16384,
    LINK_TAIL = 120, /* bytes of what came last, kept for messages */
};

struct agent_link {
    struct stream *stream; /* owned */
    struct frame_decoder *decoder;
    struct agent_seen seen;
    bool dead;
    size_t at, have; /* unread part of buffer */
    size_t tail_len;
    char tail[LINK_TAIL];
    char buffer[LINK_BUFFER];
};

struct agent_link *agent_link_new(struct stream *stream) {
    struct agent_link *l = mem_zalloc(1, sizeof(*l));
    l->stream = stream;
    l->decoder = frame_decoder_new(PROTO_MAX_FRAME);
    if (!l->decoder) {
        abort(); /* as everywhere when memory runs out (base/str.h) */
    }
    return l;
}

void agent_link_free(struct agent_link *l) {
    if (l) {
        stream_close(l->stream);
        frame_decoder_free(l->decoder);
        free(l);
    }
}

bool agent_link_is_dead(const struct agent_link *l) {
    return l->dead;
}

struct agent_seen *agent_link_seen(struct agent_link *l) {
    l->seen.noise = frame_decoder_counts(l->decoder).noise;
    return &l->seen;
}

char *agent_link_describe(struct agent_link *l) {
    const struct agent_seen *n = agent_link_seen(l);
    if (n->bytes == 0) {
        return str_dup("nothing came");
    }
    CLEANUP_FREE char *tail = printable_text(l->tail, l->tail_len, LINK_TAIL);
    return str_printf("%" PRIu64 " bytes came: %" PRIu64 " frames, %" PRIu64 " beats, %" PRIu64
                      " late answers, %" PRIu64 " broken frames, %" PRIu64 " bytes of noise, %" PRIu64
                      " complaints of the agent; last: \"%s\"",
                      n->bytes, n->frames, n->beats, n->late, n->broken, n->noise, n->refused, tail);
}

static void agent_link_keep_tail(struct agent_link *l, const char *bytes, size_t n) {
    if (n >= LINK_TAIL) {
        memcpy(l->tail, bytes + n - LINK_TAIL, LINK_TAIL);
        l->tail_len = LINK_TAIL;
        return;
    }
    size_t keep = l->tail_len < LINK_TAIL - n ? l->tail_len : LINK_TAIL - n;
    memmove(l->tail, l->tail + l->tail_len - keep, keep);
    memcpy(l->tail + keep, bytes, n);
    l->tail_len = keep + n;
}

/* A failure that is neither the deadline nor an interrupt is the end of the stream. */
static int agent_link_failed(struct agent_link *l, struct err *err, struct err *why) {
    l->dead = why->cls != ERR_TIMEOUT && why->cls != ERR_INTERRUPT;
    err_move(err, why);
    return -1;
}

static int agent_link_fill(struct agent_link *l, int64_t deadline, struct err *err) {
    CLEANUP_ERR struct err why = ERR_INIT;
    if (l->dead) {
        return err_set(err, ERR_CLOSED, "connection is gone");
    }
    ssize_t n = l->stream->read(l->stream, l->buffer, LINK_BUFFER, deadline, &why);
    if (n < 0) {
        return agent_link_failed(l, err, &why);
    }
    l->at = 0;
    l->have = (size_t)n;
    l->seen.bytes += (uint64_t)n;
    agent_link_keep_tail(l, l->buffer, l->have);
    return 0;
}

/* NULL (counted) unless the frame is a JSON object within the limits. */
static json_t *agent_link_parse(struct agent_link *l, size_t *len) {
    const char *text = frame_decoder_text(l->decoder, len);
    json_t *object = NULL;
    if (agent_schema_depth_ok(text, *len, AGENT_MAX_DEPTH)) {
        object = json_loadb(text, *len, JSON_REJECT_DUPLICATES, NULL);
    }
    if (!json_is_object(object)) {
        json_decref(object);
        l->seen.broken++;
        return NULL;
    }
    l->seen.frames++;
    return object;
}

int agent_link_read(struct agent_link *l, int64_t deadline, json_t **object, size_t *len,
                    struct err *err) {
    for (;;) {
        if (l->at == l->have && agent_link_fill(l, deadline, err) < 0) {
            return -1;
        }
        enum frame_event event = FRAME_NONE;
        l->at += frame_decoder_feed(l->decoder, l->buffer + l->at, l->have - l->at, &event);
        if (event == FRAME_READY && (*object = agent_link_parse(l, len)) != NULL) {
            return 0;
        }
        l->seen.broken += event == FRAME_TOO_LONG || event == FRAME_TRUNCATED;
    }
}

int agent_link_write(struct agent_link *l, const json_t *object, int64_t deadline,
                     struct err *err) {
    CLEANUP_ERR struct err why = ERR_INIT;
    CLEANUP_FREE char *text = json_dumps(object, JSON_COMPACT);
    if (!text) {
        return err_set(err, ERR_BUG, "a request that is not JSON");
    }
    size_t len = strlen(text);
    if (len > PROTO_MAX_FRAME) {
        return err_set(err, ERR_INPUT, "request of %zu bytes: the agent takes at most %d", len,
                       PROTO_MAX_FRAME);
    }
    CLEANUP_FREE char *frame = mem_zalloc(1, len + FRAME_OVERHEAD);
    if (frame_encode(text, len, frame, len + FRAME_OVERHEAD) == 0) {
        return err_set(err, ERR_BUG, "a request that cannot be framed");
    }
    if (l->dead) {
        return err_set(err, ERR_CLOSED, "connection is gone");
    }
    if (l->stream->write(l->stream, frame, len + FRAME_OVERHEAD, deadline, &why) < 0) {
        return agent_link_failed(l, err, &why);
    }
    return 0;
}
