/*
 * The way in of the agent: decoder, JSON reader and dispatcher, fed in pieces; and the way out: every
 * frame the dispatcher sends must be one whole frame with JSON inside. The first byte of the input
 * says how long the pieces are.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/session.h"
#include "proto/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(x) ((x) ? (void)0 : __builtin_trap())

/* What comes out is read back as a host would. */
static int fuzz_write(void *ctx, const char *bytes, size_t n) {
    struct frame_decoder *host = ctx;
    enum frame_event event;
    size_t len;
    const char *why;
    FUZZ_CHECK(frame_decoder_feed(host, bytes, n, &event) == n && event == FRAME_READY);
    const char *text = frame_decoder_text(host, &len);
    struct json *j = json_parse(text, len, &why);
    FUZZ_CHECK(j != NULL);
    json_free(j);
    return 0;
}

/* Reads arguments of every kind and hands some of them back. */
static int fuzz_op(struct request *rq, struct jsonw *result, struct op_error *err) {
    char *text = NULL;
    uint64_t n = 0;
    bool b = false;
    if (request_opt_string(rq, "command", &text, err) < 0 || request_opt_u64(rq, "n", &n, err) < 0 ||
        request_opt_bool(rq, "b", &b, err) < 0 || request_param_u64(rq, "p", 1, 100, &n, err) < 0) {
        free(text);
        return -1;
    }
    if (text && strlen(text) < PROTO_MAX_CHUNK) {
        request_send_chunk(rq, "out", text, strlen(text));
        jsonw_put_string(request_item_begin(rq), "row", text);
        if (request_item_end(rq, err) < 0) {
            free(text);
            return -1;
        }
    }
    jsonw_put_string(result, "text", text);
    jsonw_put_u64(result, "n", n);
    free(text);
    return 0;
}

static void fuzz_describe(struct jsonw *w) {
    jsonw_put_string(w, "os", "fuzz");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct session_agent agent = {
        .transport = "stdio", .describe = fuzz_describe, .handler = {[PROTO_OP_EXEC] = fuzz_op}};
    if (size == 0) {
        return 0;
    }
    struct frame_decoder *host = frame_decoder_new(PROTO_MAX_FRAME);
    struct wire *wire = wire_new((struct wire_sink){.write = fuzz_write, .ctx = host});
    struct session *s = session_new(&agent, wire);
    FUZZ_CHECK(host && wire && s);
    size_t piece = data[0] ? data[0] : size;
    for (size_t i = 1; i < size; i += piece) {
        session_feed(s, data + i, size - i < piece ? size - i : piece);
    }
    FUZZ_CHECK(session_close(s, 10000) == 0);
    FUZZ_CHECK(frame_decoder_counts(host).noise == 0 && frame_decoder_counts(host).truncated == 0);
    wire_free(wire);
    frame_decoder_free(host);
    return 0;
}
