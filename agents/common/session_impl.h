/* What session.c, request.c and timer.c share; no one else includes this. */
#ifndef COEXIST_COMMON_SESSION_IMPL_H
#define COEXIST_COMMON_SESSION_IMPL_H

#include <stdatomic.h>

#include "common/json.h"
#include "common/session.h"
#include "proto/frame.h"

#define SESSION_BUFFER (PROTO_MAX_FRAME + FRAME_OVERHEAD)
#define SESSION_RUNNING (-1)

struct request {
    struct session *session;
    uint64_t id;
    enum proto_op op;
    struct json *json; /* owned */
    json_ref args;
    uint64_t deadline_at; /* monotonic ms; PLAT_FOREVER: none */
    uint64_t answer_by;   /* the timer answers then; PLAT_FOREVER until stopped */
    atomic_int stop;      /* SESSION_RUNNING, or the enum proto_error to end with */
    struct plat_event *wake;
    bool answered; /* guarded by the wire */
    struct jsonw event;
    struct jsonw answer;
    char event_buffer[SESSION_BUFFER];
    char answer_buffer[SESSION_BUFFER];
};

struct session {
    const struct session_agent *agent;
    struct wire *wire;
    struct frame_decoder *decoder;
    uint64_t bad_frames; /* the feeding thread's own */
    struct plat_mutex *mutex; /* guards the table, and stop/answer_by of its requests */
    struct request *table[PROTO_MAX_REQUESTS];
    size_t active;
    struct plat_event *idle; /* set while active == 0 */
    struct plat_event *kick; /* the timer has to look again */
    struct plat_event *timer_gone;
    bool closing; /* guarded by mutex */
    char inline_buffer[SESSION_BUFFER]; /* the feeding thread's own */
    char timer_buffer[1024];            /* the timer thread's own */
};

/* request.c */
struct request *request_new(struct session *s, struct json *json);
void request_free(struct request *rq);
/* Sends the only answer; later calls for the same request do nothing. */
void request_answer(struct request *rq, const char *frame, size_t len);
/* Stops with code, under the session's mutex. */
void request_stop(struct request *rq, enum proto_error code, uint64_t now);
/* The body of the request's thread. */
void request_run(void *request);

/* frames.c: whole frames into a buffer; return their length. */
size_t session_write_error(char *buf, size_t cap, uint64_t id, const struct op_error *err);
void session_answer_begin(struct jsonw *w, char *buf, size_t cap, uint64_t id);
/* Ends result, answer and frame. -1 with too-long when it did not fit. */
int session_answer_end(struct jsonw *w, struct op_error *err);
void session_write_hello(struct session *s, struct jsonw *w);

/* timer.c */
void session_timer_run(void *session);

#endif
