#include "common/exec_sink.h"

#include <stdlib.h>
#include <string.h>

#include "proto/proto.h"

int exec_args_read(struct request *rq, struct exec_args *a, struct op_error *err)
{
    *a = (struct exec_args){.timeout_ms = EXEC_DEFAULT_TIMEOUT_MS,
                            .max_output = EXEC_DEFAULT_MAX_OUTPUT};
    if (request_arg_string(rq, "command", &a->command, err) < 0 ||
        request_opt_string(rq, "cwd", &a->cwd, err) < 0 ||
        request_opt_bool(rq, "shell", &a->shell, err) < 0 ||
        request_opt_u64(rq, "timeout_ms", &a->timeout_ms, err) < 0 ||
        request_opt_u64(rq, "max_output", &a->max_output, err) < 0)
        goto bad;
    if (a->timeout_ms == 0 || a->timeout_ms > EXEC_MAX_TIMEOUT_MS) {
        op_fail(err, PROTO_ERR_BAD_ARGS, "timeout_ms: not from 1 to 86400000");
        goto bad;
    }
    return 0;
bad:
    exec_args_free(a);
    return -1;
}

void exec_args_free(struct exec_args *a)
{
    free(a->command);
    free(a->cwd);
    a->command = a->cwd = NULL;
}

void exec_sink_take(struct exec_sink *s, bool is_err, const void *bytes, size_t n)
{
    const char *p = bytes;

    *(is_err ? &s->err_bytes : &s->out_bytes) += n;
    if (n > s->left) {
        s->truncated = true;
        n = (size_t)s->left;
    }
    s->left -= n;
    if (s->is_err != is_err)
        exec_sink_flush(s);
    s->is_err = is_err;
    while (n > 0) {
        size_t room = sizeof s->gathered - s->n, k = n < room ? n : room;
        if (s->n == 0)
            s->since = plat_now_ms();
        memcpy(s->gathered + s->n, p, k);
        s->n += k;
        p += k;
        n -= k;
        if (s->n == sizeof s->gathered)
            exec_sink_flush(s);
    }
}

void exec_sink_flush(struct exec_sink *s)
{
    if (s->n > 0)
        request_send_chunk(s->rq, s->is_err ? "err" : "out", s->gathered, s->n);
    s->n = 0;
}

uint64_t exec_sink_tick(struct exec_sink *s, uint64_t limit)
{
    uint64_t now = plat_now_ms();

    if (s->n > 0 && now - s->since >= EXEC_GATHER_MS)
        exec_sink_flush(s);
    if (s->n == 0)
        return limit;
    uint64_t left = EXEC_GATHER_MS - (now - s->since);
    return left < limit ? left : limit;
}

void exec_write_result(struct jsonw *w, const struct exec_result *r, struct exec_sink *s)
{
    exec_sink_flush(s);
    jsonw_put_u64(w, "exit_code", r->exit_code);
    jsonw_put_bool(w, "timed_out", r->timed_out);
    jsonw_put_u64(w, "duration_ms", r->duration_ms);
    jsonw_put_u64(w, "out_bytes", s->out_bytes);
    jsonw_put_u64(w, "err_bytes", s->err_bytes);
    jsonw_put_bool(w, "truncated", s->truncated);
}
