#include <stdlib.h>
#include <windows.h>

#include "common/session.h"
#include "windows/ops.h"
#include "windows/serial.h"
#include "windows/serve.h"

#define SERIAL_READ_BYTES 4096
/* Pause before a lost or missing port is tried again. */
#define SERIAL_RETRY_MS 2000
/* How long requests may take to stop with the port or the service. */
#define SERIAL_CLOSE_MS 10000

static int serial_sink_write(void *ctx, const char *bytes, size_t n)
{
    return serial_write(ctx, bytes, n);
}

/* One life of the port. -1: a request is stuck and the process has to end. */
static int serial_serve_port(const struct session_agent *agent, struct serial *port)
{
    char buf[SERIAL_READ_BYTES];
    struct wire *wire = wire_new((struct wire_sink){.write = serial_sink_write, .ctx = port});
    struct session *s = wire == NULL ? NULL : session_new(agent, wire);
    int n;

    if (s == NULL) {
        wire_free(wire);
        return 0; /* out of memory: tried again like a lost port */
    }
    session_greet(s);
    while ((n = serial_read(port, buf, sizeof buf)) > 0)
        session_feed(s, buf, (size_t)n);
    if (session_close(s, SERIAL_CLOSE_MS) < 0)
        return -1;
    wire_free(wire);
    return 0;
}

int serve_serial(const wchar_t *port, struct plat_event *stop)
{
    struct session_agent agent;
    struct op_error err = {.os = 0};

    ops_describe_agent(&agent, "serial", PROTO_BEAT_MS);
    do {
        struct serial *s = serial_open(port, stop, &err);
        if (s != NULL && serial_serve_port(&agent, s) < 0)
            TerminateProcess(GetCurrentProcess(), 1);
        if (s != NULL)
            serial_close(s);
    } while (!plat_event_wait(stop, SERIAL_RETRY_MS));
    return 0;
}
