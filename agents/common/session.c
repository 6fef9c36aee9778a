#include "common/session.h"

#include <stdlib.h>
#include <string.h>

#include "common/session_impl.h"

static void session_free(struct session *s)
{
    frame_decoder_free(s->decoder);
    plat_mutex_free(s->mutex);
    plat_event_free(s->idle);
    plat_event_free(s->kick);
    plat_event_free(s->timer_gone);
    free(s);
}

struct session *session_new(const struct session_agent *agent, struct wire *wire)
{
    struct session *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->agent = agent;
    s->wire = wire;
    s->decoder = frame_decoder_new(PROTO_MAX_FRAME);
    s->mutex = plat_mutex_new();
    s->idle = plat_event_new();
    s->kick = plat_event_new();
    s->timer_gone = plat_event_new();
    if (s->decoder == NULL || s->mutex == NULL || s->idle == NULL || s->kick == NULL ||
        s->timer_gone == NULL || plat_thread_start(session_timer_run, s) < 0) {
        session_free(s);
        return NULL;
    }
    plat_event_set(s->idle);
    return s;
}

/* Answers from the feeding thread */

static void session_send(struct session *s, size_t len)
{
    wire_send(s->wire, s->inline_buffer, len, NULL, NULL);
}

static void session_send_error(struct session *s, uint64_t id, const struct op_error *err)
{
    session_send(s, session_write_error(s->inline_buffer, sizeof s->inline_buffer, id, err));
}

static void session_refuse_frame(struct session *s, enum proto_error code, const char *why)
{
    struct op_error err = {.os = 0};
    s->bad_frames++;
    op_fail(&err, code, "%s", why);
    session_send_error(s, 0, &err);
}

void session_greet(struct session *s)
{
    struct jsonw w;

    jsonw_init(&w, s->inline_buffer, sizeof s->inline_buffer);
    jsonw_byte(&w, FRAME_RS);
    jsonw_open(&w, '{');
    jsonw_key(&w, "hello");
    jsonw_open(&w, '{');
    session_write_hello(s, &w);
    jsonw_close(&w, '}');
    jsonw_close(&w, '}');
    jsonw_byte(&w, FRAME_LF);
    if (!w.overflow)
        session_send(s, w.len);
}

static void session_write_ping(struct session *s, struct jsonw *w)
{
    struct frame_counts counts = frame_decoder_counts(s->decoder);

    jsonw_put_u64(w, "up_ms", plat_now_ms());
    jsonw_put_u64(w, "noise_bytes", counts.noise);
    jsonw_put_u64(w, "bad_frames", s->bad_frames);
    jsonw_put_u64(w, "dropped_frames", wire_dropped(s->wire));
}

static void session_stop_all(struct session *s)
{
    uint64_t now = plat_now_ms();

    plat_mutex_lock(s->mutex);
    for (size_t i = 0; i < PROTO_MAX_REQUESTS; i++)
        if (s->table[i] != NULL)
            request_stop(s->table[i], PROTO_ERR_CANCELLED, now);
    plat_event_set(s->kick);
    plat_mutex_unlock(s->mutex);
}

static int session_cancel(struct session *s, struct request *rq, struct op_error *err)
{
    uint64_t id = 0;
    bool found = false;

    if (request_arg_u64(rq, "id", &id, err) < 0)
        return -1;
    plat_mutex_lock(s->mutex);
    for (size_t i = 0; i < PROTO_MAX_REQUESTS; i++) {
        if (s->table[i] == NULL || s->table[i]->id != id)
            continue;
        request_stop(s->table[i], PROTO_ERR_CANCELLED, plat_now_ms());
        found = true;
    }
    plat_event_set(s->kick);
    plat_mutex_unlock(s->mutex);
    if (!found)
        return op_fail(err, PROTO_ERR_NOT_FOUND, "no request with this id is running");
    return 0;
}

static int session_do_inline(struct session *s, struct request *rq, struct jsonw *w,
                             struct op_error *err)
{
    bool reset = false;

    switch (rq->op) {
    case PROTO_OP_HELLO:
        if (request_opt_bool(rq, "reset", &reset, err) < 0)
            return -1;
        if (reset)
            session_stop_all(s);
        session_write_hello(s, w);
        return 0;
    case PROTO_OP_PING:
        session_write_ping(s, w);
        return 0;
    default:
        return session_cancel(s, rq, err);
    }
}

static void session_run_inline(struct session *s, struct request *rq)
{
    struct jsonw w;
    struct op_error err = {.os = 0};

    session_answer_begin(&w, s->inline_buffer, sizeof s->inline_buffer, rq->id);
    if (session_do_inline(s, rq, &w, &err) < 0 || session_answer_end(&w, &err) < 0)
        session_send_error(s, rq->id, &err);
    else
        session_send(s, w.len);
}

/* Requests with a thread */

static void session_remove(struct session *s, struct request *rq)
{
    plat_mutex_lock(s->mutex);
    for (size_t i = 0; i < PROTO_MAX_REQUESTS; i++)
        if (s->table[i] == rq)
            s->table[i] = NULL;
    request_free(rq);
    s->active--;
    plat_event_set(s->kick);
    /* Last: whoever waits for idle may free the session once the mutex is free. */
    if (s->active == 0)
        plat_event_set(s->idle);
    plat_mutex_unlock(s->mutex);
}

static void session_thread(void *request)
{
    struct request *rq = request;
    request_run(rq);
    session_remove(rq->session, rq);
}

static int session_insert(struct session *s, struct request *rq, struct op_error *err)
{
    size_t free_slot = PROTO_MAX_REQUESTS;

    for (size_t i = 0; i < PROTO_MAX_REQUESTS; i++) {
        if (s->table[i] == NULL)
            free_slot = i;
        else if (s->table[i]->id == rq->id)
            return op_fail(err, PROTO_ERR_BAD_ARGS, "a request with this id is still running");
    }
    if (free_slot == PROTO_MAX_REQUESTS)
        return op_fail(err, PROTO_ERR_BUSY, "%d requests are running", PROTO_MAX_REQUESTS);
    s->table[free_slot] = rq;
    s->active++;
    plat_event_reset(s->idle);
    plat_event_set(s->kick);
    return 0;
}

/* Takes rq. */
static void session_run_threaded(struct session *s, struct request *rq)
{
    struct op_error err = {.os = 0};

    plat_mutex_lock(s->mutex);
    int rc = session_insert(s, rq, &err);
    plat_mutex_unlock(s->mutex);
    if (rc < 0) {
        session_send_error(s, rq->id, &err);
        request_free(rq);
    } else if (plat_thread_start(session_thread, rq) < 0) {
        /* Somebody took all threads: then more than ever the host has to hear what goes on here. Until the
         * request is done nothing else is read, a cancel neither; its deadline holds. */
        session_thread(rq);
    }
}

/* From a text to a request */

static int session_read_op(struct session *s, struct request *rq, struct op_error *err)
{
    size_t len = 0;
    char *word = json_read_string(rq->json, json_member(rq->json, json_root(rq->json), "op"), &len);
    if (word == NULL)
        return op_fail(err, PROTO_ERR_UNKNOWN_OP, "op: missing, or not a string");
    int op = proto_op_find(word, len);
    free(word);
    if (op < 0)
        return op_fail(err, PROTO_ERR_UNKNOWN_OP, "op: not a word of protocol %d", PROTO_VERSION);
    rq->op = (enum proto_op)op;
    if (op > PROTO_OP_CANCEL && s->agent->handler[op] == NULL)
        return op_fail(err, PROTO_ERR_UNSUPPORTED, "%s: this agent cannot", proto_op_name(rq->op));
    return 0;
}

static int session_read_deadline(struct request *rq, struct op_error *err)
{
    uint64_t ms = 0;
    json_ref ref = json_member(rq->json, json_root(rq->json), "deadline_ms");
    if (json_type(rq->json, ref) == JSON_ABSENT)
        return 0;
    if (json_read_u64(rq->json, ref, &ms) < 0 || ms > PROTO_MAX_ID)
        return op_fail(err, PROTO_ERR_BAD_ARGS, "deadline_ms: not a whole number");
    rq->deadline_at = plat_now_ms() + ms;
    return 0;
}

static int session_read_request(struct session *s, struct request *rq, struct op_error *err)
{
    enum json_type args = json_type(rq->json, rq->args);

    if (session_read_op(s, rq, err) < 0 || session_read_deadline(rq, err) < 0)
        return -1;
    if (args != JSON_ABSENT && args != JSON_OBJECT)
        return op_fail(err, PROTO_ERR_BAD_ARGS, "args: not an object");
    return 0;
}

/* Takes json, whose id is good. */
static void session_take_request(struct session *s, struct json *json, uint64_t id)
{
    struct op_error err = {.os = 0};
    struct request *rq = request_new(s, json);

    if (rq == NULL) {
        json_free(json);
        op_fail(&err, PROTO_ERR_BUSY, "out of memory");
        session_send_error(s, id, &err);
        return;
    }
    rq->id = id;
    if (session_read_request(s, rq, &err) < 0) {
        session_send_error(s, id, &err);
        request_free(rq);
    } else if (rq->op <= PROTO_OP_CANCEL) {
        session_run_inline(s, rq);
        request_free(rq);
    } else {
        session_run_threaded(s, rq);
    }
}

static void session_take_text(struct session *s, const char *text, size_t len)
{
    const char *why = NULL;
    uint64_t id = 0;
    struct json *json = json_parse(text, len, &why);

    if (json == NULL) {
        session_refuse_frame(s, PROTO_ERR_BAD_FRAME, why);
        return;
    }
    json_ref ref = json_member(json, json_root(json), "id");
    if (json_read_u64(json, ref, &id) < 0 || id == 0 || id > PROTO_MAX_ID) {
        json_free(json);
        session_refuse_frame(s, PROTO_ERR_BAD_FRAME, "id: not a whole number from 1 to 2^53");
        return;
    }
    session_take_request(s, json, id);
}

void session_feed(struct session *s, const void *bytes, size_t n)
{
    const char *p = bytes;
    enum frame_event event;
    size_t len;

    while (n > 0) {
        size_t used = frame_decoder_feed(s->decoder, p, n, &event);
        p += used;
        n -= used;
        if (event == FRAME_READY) {
            const char *text = frame_decoder_text(s->decoder, &len);
            session_take_text(s, text, len);
        } else if (event == FRAME_TOO_LONG) {
            session_refuse_frame(s, PROTO_ERR_TOO_LONG, "a frame of more than 65536 bytes");
        } else if (event == FRAME_TRUNCATED) {
            session_refuse_frame(s, PROTO_ERR_BAD_FRAME, "a frame without its end");
        }
    }
}

int session_close(struct session *s, uint64_t wait_ms)
{
    uint64_t end = plat_now_ms() + wait_ms;

    plat_mutex_lock(s->mutex);
    s->closing = true;
    plat_mutex_unlock(s->mutex);
    session_stop_all(s);
    bool idle = plat_event_wait(s->idle, wait_ms);
    uint64_t now = plat_now_ms();
    if (!idle || !plat_event_wait(s->timer_gone, end > now ? end - now : 0))
        return -1;
    /* Both events were set under the mutex; whoever did may still hold it. */
    plat_mutex_lock(s->mutex);
    plat_mutex_unlock(s->mutex);
    session_free(s);
    return 0;
}
