/* exec for Windows: one thread waits for the process, its two streams, and the request's end. */
#include <stdlib.h>
#include <windows.h>

#include "common/exec_sink.h"
#include "windows/guest.h"
#include "windows/ops.h"
#include "windows/spawn.h"

/* What the tree is ended with; told as its exit code beside timed_out. */
#define EXEC_KILL_CODE ERROR_TIMEOUT
/* How long an ended process may take to be gone. */
#define EXEC_GONE_MS 5000

struct exec_stream {
    HANDLE pipe; /* borrowed; NULL after its end */
    bool is_err;
    OVERLAPPED read;
    char buf[PROTO_MAX_CHUNK];
};

struct exec_run {
    struct exec_sink sink;
    struct spawn spawn;
    uint64_t start;
    struct exec_stream stream[2];
};

static void exec_stream_read(struct exec_stream *s)
{
    /* Finished at once or later: the event is set in both cases. */
    if (!ReadFile(s->pipe, s->buf, sizeof s->buf, NULL, &s->read) &&
        GetLastError() != ERROR_IO_PENDING)
        s->pipe = NULL;
}

static int exec_stream_open(struct exec_stream *s, HANDLE pipe, bool is_err, struct op_error *err)
{
    s->is_err = is_err;
    s->read = (OVERLAPPED){.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
    if (s->read.hEvent == NULL)
        return guest_fail(err, "event");
    s->pipe = pipe;
    exec_stream_read(s);
    return 0;
}

static void exec_stream_close(struct exec_stream *s)
{
    DWORD n;
    /* The system must be done with the buffer before it goes. */
    if (s->pipe != NULL && CancelIo(s->pipe))
        GetOverlappedResult(s->pipe, &s->read, &n, TRUE);
    if (s->read.hEvent != NULL)
        CloseHandle(s->read.hEvent);
}

/* The event of the stream's read was set. */
static void exec_stream_take(struct exec_run *x, struct exec_stream *s)
{
    DWORD n = 0;

    if (!GetOverlappedResult(s->pipe, &s->read, &n, FALSE)) {
        if (GetLastError() != ERROR_IO_INCOMPLETE)
            s->pipe = NULL;
        return;
    }
    exec_sink_take(&x->sink, s->is_err, s->buf, n);
    ResetEvent(s->read.hEvent);
    exec_stream_read(s);
}

/* Adds the waitable events of the open streams; which[] tells whose each is. */
static DWORD exec_add_streams(struct exec_run *x, HANDLE *handles, struct exec_stream **which,
                              DWORD n)
{
    for (int i = 0; i < 2; i++) {
        if (x->stream[i].pipe == NULL)
            continue;
        handles[n] = x->stream[i].read.hEvent;
        which[n++] = &x->stream[i];
    }
    return n;
}

/* 1: ended by itself, 0: timed out, -1: has to stop. */
static int exec_wait(struct exec_run *x, uint64_t timeout_ms, struct op_error *err)
{
    for (;;) {
        HANDLE handles[4] = {(HANDLE)plat_event_native(request_wake(x->sink.rq)),
                             x->spawn.process};
        struct exec_stream *which[4] = {NULL};
        uint64_t gone = plat_now_ms() - x->start;

        if (request_stopped(x->sink.rq, err))
            return -1;
        if (gone >= timeout_ms)
            return 0;
        DWORD n = exec_add_streams(x, handles, which, 2);
        DWORD ms = (DWORD)exec_sink_tick(&x->sink, timeout_ms - gone);
        DWORD hit = WaitForMultipleObjects(n, handles, FALSE, ms);
        if (hit == WAIT_OBJECT_0 + 1)
            return 1;
        if (hit > WAIT_OBJECT_0 + 1 && hit < WAIT_OBJECT_0 + n)
            exec_stream_take(x, which[hit - WAIT_OBJECT_0]);
        else if (hit == WAIT_FAILED)
            return guest_fail(err, "wait");
    }
}

static void exec_drain(struct exec_run *x)
{
    uint64_t end = plat_now_ms() + EXEC_DRAIN_MAX_MS;

    while (plat_now_ms() < end) {
        HANDLE handles[2];
        struct exec_stream *which[2];
        DWORD n = exec_add_streams(x, handles, which, 0);
        if (n == 0)
            return;
        DWORD hit = WaitForMultipleObjects(n, handles, FALSE, EXEC_DRAIN_QUIET_MS);
        if (hit >= WAIT_OBJECT_0 + n)
            return;
        exec_stream_take(x, which[hit - WAIT_OBJECT_0]);
    }
}

static int exec_finish(struct exec_run *x, const struct exec_args *a, struct jsonw *result,
                       struct op_error *err)
{
    DWORD code = 0;
    int rc = exec_wait(x, a->timeout_ms, err);

    if (rc <= 0)
        spawn_kill(&x->spawn, EXEC_KILL_CODE);
    else
        spawn_release_tree(&x->spawn);
    WaitForSingleObject(x->spawn.process, EXEC_GONE_MS);
    GetExitCodeProcess(x->spawn.process, &code);
    struct exec_result r = {.exit_code = code,
                            .timed_out = rc == 0,
                            .duration_ms = plat_now_ms() - x->start};
    exec_drain(x);
    exec_write_result(result, &r, &x->sink);
    return rc < 0 ? -1 : 0;
}

static int exec_run(struct exec_run *x, const struct exec_args *a, struct jsonw *result,
                    struct op_error *err)
{
    x->start = plat_now_ms();
    if (spawn_start(&x->spawn, a->command, a->shell, a->cwd, err) < 0)
        return -1;
    int rc = exec_stream_open(&x->stream[0], x->spawn.out, false, err);
    if (rc == 0)
        rc = exec_stream_open(&x->stream[1], x->spawn.errs, true, err);
    if (rc == 0)
        rc = exec_finish(x, a, result, err);
    else
        spawn_kill(&x->spawn, EXEC_KILL_CODE);
    exec_stream_close(&x->stream[0]);
    exec_stream_close(&x->stream[1]);
    spawn_close(&x->spawn);
    return rc;
}

int op_exec(struct request *rq, struct jsonw *result, struct op_error *err)
{
    struct exec_args a;
    struct exec_run *x;
    int rc;

    if (exec_args_read(rq, &a, err) < 0)
        return -1;
    x = calloc(1, sizeof *x);
    if (x == NULL) {
        rc = op_fail(err, PROTO_ERR_BUSY, "out of memory");
    } else {
        x->sink.rq = rq;
        x->sink.left = a.max_output;
        rc = exec_run(x, &a, result, err);
    }
    free(x);
    exec_args_free(&a);
    return rc;
}
