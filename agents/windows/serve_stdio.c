#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#include "common/session.h"
#include "windows/ops.h"
#include "windows/serve.h"

/* How long requests may take to stop after the end of the input. */
#define STDIO_CLOSE_MS 10000
#define STDIO_READ_BYTES 65536

static int stdio_write(void *ctx, const char *bytes, size_t n)
{
    HANDLE out = ctx;
    while (n > 0) {
        DWORD put = 0;
        if (!WriteFile(out, bytes, (DWORD)n, &put, NULL) || put == 0)
            return -1;
        bytes += put;
        n -= put;
    }
    return 0;
}

static void stdio_read(struct session *s, HANDLE in)
{
    char *buf = malloc(STDIO_READ_BYTES);
    DWORD n = 0;

    while (buf != NULL && ReadFile(in, buf, STDIO_READ_BYTES, &n, NULL) && n > 0)
        session_feed(s, buf, n);
    free(buf);
}

/* Should the output be blocked for good, closing the session would never end. */
static void stdio_last_resort(void *never_set)
{
    plat_event_wait(never_set, 2 * STDIO_CLOSE_MS);
    TerminateProcess(GetCurrentProcess(), 1);
}

int serve_stdio(void)
{
    HANDLE in = GetStdHandle(STD_INPUT_HANDLE), out = GetStdHandle(STD_OUTPUT_HANDLE);
    struct session_agent agent;
    struct wire *wire = wire_new((struct wire_sink){.write = stdio_write, .ctx = out});
    struct plat_event *never = plat_event_new();

    /* What an exec starts must not keep the connection open. */
    SetHandleInformation(in, HANDLE_FLAG_INHERIT, 0);
    SetHandleInformation(out, HANDLE_FLAG_INHERIT, 0);
    ops_describe_agent(&agent, "stdio", 0);
    struct session *s = wire == NULL || never == NULL ? NULL : session_new(&agent, wire);
    if (s == NULL) {
        fputs("agent: out of memory\n", stderr);
        return 1;
    }
    session_greet(s);
    stdio_read(s, in);
    plat_thread_start(stdio_last_resort, never);
    if (session_close(s, STDIO_CLOSE_MS) < 0)
        TerminateProcess(GetCurrentProcess(), 1);
    wire_free(wire);
    return 0;
}
