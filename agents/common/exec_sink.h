/*
 * What both systems' exec share: the arguments, the way of output into events within max_output,
 * and the result.
 */
#ifndef COEXIST_COMMON_EXEC_SINK_H
#define COEXIST_COMMON_EXEC_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/request.h"

#define EXEC_DEFAULT_TIMEOUT_MS 60000
#define EXEC_MAX_TIMEOUT_MS (UINT64_C(24) * 3600 * 1000)
#define EXEC_DEFAULT_MAX_OUTPUT (UINT64_C(1) << 20)
/* After the command ended, output of orphans that still hold its pipes is taken until none came
 * for QUIET milliseconds, but no longer than MAX. */
#define EXEC_DRAIN_QUIET_MS 100
#define EXEC_DRAIN_MAX_MS 2000
#define EXEC_GATHER_MS 50

struct exec_args {
    char *command; /* UTF-8, as are cwd; owned */
    char *cwd;     /* NULL: the agent's own */
    bool shell;
    uint64_t timeout_ms;
    uint64_t max_output; /* bytes of both streams together that become events */
};

/*
 * Output is gathered for EXEC_GATHER_MS before it becomes an event: programs that write a few
 * bytes at a time would otherwise cost a frame for each write. The order of the two streams, as far
 * as it was seen, is kept.
 */
struct exec_sink {
    struct request *rq;
    uint64_t left; /* of max_output */
    uint64_t out_bytes, err_bytes;
    bool truncated;
    bool is_err;    /* whose bytes are gathered */
    size_t n;       /* how many */
    uint64_t since; /* monotonic ms of the first */
    char gathered[PROTO_MAX_CHUNK];
};

struct exec_result {
    uint32_t exit_code;
    bool timed_out;
    uint64_t duration_ms;
};

int exec_args_read(struct request *rq, struct exec_args *a, struct op_error *err);
void exec_args_free(struct exec_args *a);

/* Bytes beyond max_output are counted, not sent: the program must be able to go on. */
void exec_sink_take(struct exec_sink *s, bool is_err, const void *bytes, size_t n);
void exec_sink_flush(struct exec_sink *s);
/* Flushes when it is time. Returns how long to wait at most before it is time again, within limit;
 * both in milliseconds. */
uint64_t exec_sink_tick(struct exec_sink *s, uint64_t limit);

/* Flushes, too: the answer comes after the last event. */
void exec_write_result(struct jsonw *w, const struct exec_result *r, struct exec_sink *s);

#endif
