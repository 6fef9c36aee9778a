/* How the dispatcher's own frames look. */
#include "common/session_impl.h"
#include "common/version.h"

static void frames_write_error_object(struct jsonw *w, const struct op_error *err)
{
    jsonw_key(w, "error");
    jsonw_open(w, '{');
    jsonw_put_string(w, "code", proto_error_name(err->code));
    jsonw_put_string(w, "message", err->message);
    if (err->os != 0)
        jsonw_put_u64(w, "os", err->os);
    jsonw_close(w, '}');
}

/* id 0: an error that belongs to no request. */
size_t session_write_error(char *buf, size_t cap, uint64_t id, const struct op_error *err)
{
    struct jsonw w;

    jsonw_init(&w, buf, cap);
    jsonw_byte(&w, FRAME_RS);
    jsonw_open(&w, '{');
    if (id != 0) {
        jsonw_put_u64(&w, "id", id);
        jsonw_put_bool(&w, "ok", false);
    }
    frames_write_error_object(&w, err);
    jsonw_close(&w, '}');
    jsonw_byte(&w, FRAME_LF);
    /* A message is at most 240 bytes, escaped 1440; the buffers are larger, but stay honest. */
    return w.overflow ? 0 : w.len;
}

void session_answer_begin(struct jsonw *w, char *buf, size_t cap, uint64_t id)
{
    jsonw_init(w, buf, cap);
    jsonw_byte(w, FRAME_RS);
    jsonw_open(w, '{');
    jsonw_put_u64(w, "id", id);
    jsonw_put_bool(w, "ok", true);
    jsonw_key(w, "result");
    jsonw_open(w, '{');
}

int session_answer_end(struct jsonw *w, struct op_error *err)
{
    jsonw_close(w, '}');
    jsonw_close(w, '}');
    jsonw_byte(w, FRAME_LF);
    if (w->overflow)
        return op_fail(err, PROTO_ERR_TOO_LONG, "the result does not fit into one frame");
    return 0;
}

static void frames_write_ops(const struct session_agent *agent, struct jsonw *w)
{
    jsonw_key(w, "ops");
    jsonw_open(w, '[');
    for (int op = 0; op < PROTO_OP_COUNT; op++)
        if (op <= PROTO_OP_CANCEL || agent->handler[op] != NULL)
            jsonw_string(w, proto_op_name((enum proto_op)op));
    jsonw_close(w, ']');
}

/* The members of hello, the same in the greeting and in the answer to op hello. */
void session_write_hello(struct session *s, struct jsonw *w)
{
    jsonw_put_u64(w, "protocol", PROTO_VERSION);
    jsonw_put_string(w, "agent", AGENT_VERSION);
    jsonw_put_string(w, "transport", s->agent->transport);
    jsonw_put_u64(w, "boot_ms", plat_now_ms());
    jsonw_put_u64(w, "max_frame", PROTO_MAX_FRAME);
    frames_write_ops(s->agent, w);
    s->agent->describe(w);
}
