/* What a guest may say to the agent client, as fuzz input: the first byte picks the operation and the size of
 * the pieces, the rest is the guest's. Ids begin at 1, so that answers can be found. */
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "guest/agent_client.h"

struct fuzz_stream {
    struct stream stream;
    struct clock_virtual *clock;
    const uint8_t *bytes;
    size_t left, piece;
};

static ssize_t fuzz_read(struct stream *stream, void *buf, size_t cap, int64_t deadline,
                         struct err *err) {
    struct fuzz_stream *s = (struct fuzz_stream *)stream;
    size_t n = s->left < cap ? s->left : cap;
    n = n < s->piece ? n : s->piece;
    if (n == 0) {
        s->clock->now_ns = deadline;
        return err_set(err, ERR_TIMEOUT, "time limit passed");
    }
    memcpy(buf, s->bytes, n);
    s->bytes += n;
    s->left -= n;
    return (ssize_t)n;
}

static int fuzz_write(struct stream *stream, const void *buf, size_t len, int64_t deadline,
                      struct err *err) {
    (void)stream;
    (void)buf;
    (void)len;
    (void)deadline;
    (void)err;
    return 0;
}

static void fuzz_close(struct stream *stream) {
    (void)stream;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const ops[] = {"ping", "exec", "services", "workload", "get", "hello",
                                      "registry", "list"};
    if (size < 1) {
        return 0;
    }
    struct clock_virtual clock;
    clock_virtual_init(&clock);
    struct fuzz_stream s = {{fuzz_read, fuzz_write, fuzz_close}, &clock, data + 1, size - 1,
                            data[0] & 0x80 ? 7 : 65536};
    struct agent_client *c = agent_client_new(&s.stream, &clock.clock, 1);
    for (int i = 0; i < 3; i++) {
        CLEANUP_STR struct str out = STR_INIT;
        CLEANUP_STR struct str errors = STR_INIT;
        CLEANUP_ERR struct err err = ERR_INIT;
        json_t *result = NULL;
        struct agent_call call = {ops[(data[0] + i) % ARRAY_LEN(ops)], NULL,
                                  clock_after(&clock.clock, CLOCK_S), &out, &errors, 4096};
        int rc = agent_client_call(c, &call, &result, &err);
        if ((rc == 0) != (result != NULL) || (rc < 0) != (err_is_set(&err) != 0) ||
            out.len + errors.len > 4096) {
            __builtin_trap();
        }
        json_decref(result);
    }
    agent_client_free(c);
    return 0;
}
