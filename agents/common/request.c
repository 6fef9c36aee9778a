#include <stdlib.h>
#include <string.h>

#include "common/session_impl.h"

struct request *request_new(struct session *s, struct json *json)
{
    struct request *rq = malloc(sizeof *rq);
    if (rq == NULL)
        return NULL;
    rq->wake = plat_event_new();
    if (rq->wake == NULL) {
        free(rq);
        return NULL;
    }
    rq->session = s;
    rq->json = json;
    rq->args = json_member(json, json_root(json), "args");
    rq->deadline_at = PLAT_FOREVER;
    rq->answer_by = PLAT_FOREVER;
    rq->answered = false;
    atomic_init(&rq->stop, SESSION_RUNNING);
    return rq;
}

void request_free(struct request *rq)
{
    plat_event_free(rq->wake);
    json_free(rq->json);
    free(rq);
}

static bool request_gate_event(void *arg)
{
    struct request *rq = arg;
    return !rq->answered;
}

static bool request_gate_answer(void *arg)
{
    struct request *rq = arg;
    bool open = !rq->answered;
    rq->answered = true;
    return open;
}

void request_answer(struct request *rq, const char *frame, size_t len)
{
    wire_send(rq->session->wire, frame, len, request_gate_answer, rq);
}

void request_stop(struct request *rq, enum proto_error code, uint64_t now)
{
    int running = SESSION_RUNNING;
    if (!atomic_compare_exchange_strong(&rq->stop, &running, (int)code))
        return;
    rq->answer_by = now + SESSION_GRACE_MS;
    plat_event_set(rq->wake);
}

bool request_stopped(struct request *rq, struct op_error *err)
{
    int stop = atomic_load(&rq->stop);
    if (stop == SESSION_RUNNING)
        return false;
    op_fail(err, (enum proto_error)stop,
            stop == PROTO_ERR_DEADLINE ? "the deadline passed" : "cancelled");
    return true;
}

struct plat_event *request_wake(struct request *rq)
{
    return rq->wake;
}

void request_run(void *request)
{
    struct request *rq = request;
    struct op_error err = {.code = PROTO_ERR_OS};

    session_answer_begin(&rq->answer, rq->answer_buffer, sizeof rq->answer_buffer, rq->id);
    int rc = rq->session->agent->handler[rq->op](rq, &rq->answer, &err);
    if (rc == 0)
        rc = session_answer_end(&rq->answer, &err);
    size_t len = rq->answer.len;
    if (rc < 0)
        len = session_write_error(rq->answer_buffer, sizeof rq->answer_buffer, rq->id, &err);
    request_answer(rq, rq->answer_buffer, len);
}

/* Arguments */

static json_ref request_value(struct request *rq, const char *key)
{
    return json_member(rq->json, rq->args, key);
}

static int request_read_string(struct request *rq, json_ref ref, const char *key, char **out,
                               struct op_error *err)
{
    enum json_type type = json_type(rq->json, ref);

    *out = NULL;
    if (type == JSON_ABSENT || type == JSON_NULL)
        return 0;
    *out = json_read_string(rq->json, ref, NULL);
    if (*out == NULL)
        return op_fail(err, PROTO_ERR_BAD_ARGS, "%s: not a usable string", key);
    return 0;
}

int request_opt_string(struct request *rq, const char *key, char **out, struct op_error *err)
{
    return request_read_string(rq, request_value(rq, key), key, out, err);
}

int request_param_string(struct request *rq, const char *key, char **out, struct op_error *err)
{
    json_ref ref = json_member(rq->json, request_value(rq, "params"), key);
    return request_read_string(rq, ref, key, out, err);
}

int request_arg_string(struct request *rq, const char *key, char **out, struct op_error *err)
{
    if (request_opt_string(rq, key, out, err) < 0)
        return -1;
    if (*out == NULL)
        return op_fail(err, PROTO_ERR_BAD_ARGS, "%s: missing", key);
    return 0;
}

int request_opt_u64(struct request *rq, const char *key, uint64_t *out, struct op_error *err)
{
    json_ref ref = request_value(rq, key);
    if (json_type(rq->json, ref) == JSON_ABSENT)
        return 0;
    if (json_read_u64(rq->json, ref, out) < 0)
        return op_fail(err, PROTO_ERR_BAD_ARGS, "%s: not a whole number", key);
    return 0;
}

int request_arg_u64(struct request *rq, const char *key, uint64_t *out, struct op_error *err)
{
    if (json_type(rq->json, request_value(rq, key)) == JSON_ABSENT)
        return op_fail(err, PROTO_ERR_BAD_ARGS, "%s: missing", key);
    return request_opt_u64(rq, key, out, err);
}

int request_opt_bool(struct request *rq, const char *key, bool *out, struct op_error *err)
{
    json_ref ref = request_value(rq, key);
    if (json_type(rq->json, ref) == JSON_ABSENT)
        return 0;
    if (json_read_bool(rq->json, ref, out) < 0)
        return op_fail(err, PROTO_ERR_BAD_ARGS, "%s: neither true nor false", key);
    return 0;
}

int request_param_u64(struct request *rq, const char *key, uint64_t min, uint64_t max,
                      uint64_t *out, struct op_error *err)
{
    json_ref ref = json_member(rq->json, request_value(rq, "params"), key);
    if (json_type(rq->json, ref) == JSON_ABSENT)
        return 0;
    if (json_read_u64(rq->json, ref, out) < 0 || *out < min || *out > max)
        return op_fail(err, PROTO_ERR_BAD_ARGS, "params.%s: not a whole number from %llu to %llu",
                       key, (unsigned long long)min, (unsigned long long)max);
    return 0;
}

/* Events */

static void request_event_begin(struct request *rq, const char *event)
{
    struct jsonw *w = &rq->event;

    jsonw_init(w, rq->event_buffer, sizeof rq->event_buffer);
    jsonw_byte(w, FRAME_RS);
    jsonw_open(w, '{');
    jsonw_put_u64(w, "id", rq->id);
    jsonw_put_string(w, "event", event);
    jsonw_key(w, "data");
}

static int request_event_end(struct request *rq)
{
    struct jsonw *w = &rq->event;

    jsonw_close(w, '}');
    jsonw_byte(w, FRAME_LF);
    if (w->overflow)
        return -1;
    wire_send(rq->session->wire, w->buf, w->len, request_gate_event, rq);
    return 0;
}

void request_send_chunk(struct request *rq, const char *event, const void *bytes, size_t n)
{
    request_event_begin(rq, event);
    jsonw_base64(&rq->event, bytes, n);
    request_event_end(rq);
}

struct jsonw *request_item_begin(struct request *rq)
{
    request_event_begin(rq, "item");
    jsonw_open(&rq->event, '{');
    return &rq->event;
}

int request_item_end(struct request *rq, struct op_error *err)
{
    jsonw_close(&rq->event, '}');
    if (request_event_end(rq) < 0)
        return op_fail(err, PROTO_ERR_TOO_LONG, "a row does not fit into one frame");
    return 0;
}
