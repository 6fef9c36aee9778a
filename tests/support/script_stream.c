#include "support/script_stream.h"

#include <string.h>

static ssize_t script_read(struct stream *stream, void *buf, size_t cap, int64_t deadline,
                           struct err *err) {
    struct script *s = (struct script *)stream;
    if (s->clock->now_ns >= deadline) {
        return err_set(err, ERR_TIMEOUT, "time limit passed");
    }
    if (s->repeats) {
        clock_virtual_advance(s->clock, CLOCK_MS);
        s->at = s->at == s->len ? 0 : s->at;
    }
    size_t n = s->len - s->at;
    n = s->piece && n > s->piece ? s->piece : n;
    n = n > cap ? cap : n;
    if (n > 0) {
        memcpy(buf, s->bytes + s->at, n);
        s->at += n;
        return (ssize_t)n;
    }
    if (s->ends) {
        return err_set(err, ERR_CLOSED, "connection closed by the other end");
    }
    s->clock->clock.wait_until(&s->clock->clock, deadline);
    return err_set(err, ERR_TIMEOUT, "time limit passed");
}

static int script_write(struct stream *stream, const void *buf, size_t len, int64_t deadline,
                        struct err *err) {
    struct script *s = (struct script *)stream;
    (void)deadline;
    (void)err;
    str_add_bytes(&s->written, buf, len);
    return 0;
}

static void script_close(struct stream *stream) {
    (void)stream;
}

void script_init(struct script *s, struct clock_virtual *clock, const char *bytes, size_t len) {
    *s = (struct script){{script_read, script_write, script_close}, clock, bytes, len, 0, 0,
                         false, false, STR_INIT};
}

void script_free(struct script *s) {
    str_free(&s->written);
}
