#include "guest/serial.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"

#define SERIAL_ASK_NS (2 * CLOCK_S)          /* pause between two requests for a hello */
#define SERIAL_RETRY_NS (200 * CLOCK_MS)     /* pause between two attempts to connect */
#define SERIAL_SLACK_NS (1500 * CLOCK_MS)    /* between the guest's clock and ours */

struct serial {
    char *path;
    struct waiter waiter;
    struct log *log;
    struct agent_client *client;  /* NULL while not connected */
    struct agent_uptime latest;   /* heard from clients that are gone */
    struct agent_uptime boundary; /* .known: a hello must be of a later boot than this */
};

struct serial *serial_new(const char *socket_path, const struct waiter *waiter, struct log *log,
                          struct err *err) {
    if (strlen(socket_path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
        err_set(err, ERR_INPUT, "%s: too long for the path of a socket", socket_path);
        return NULL;
    }
    struct serial *s = mem_zalloc(1, sizeof(*s));
    s->path = str_dup(socket_path);
    s->waiter = *waiter;
    s->log = log;
    return s;
}

static void serial_heard(struct serial *s, const struct agent_uptime *u) {
    if (u->known && (!s->latest.known || u->at >= s->latest.at)) {
        s->latest = *u;
    }
}

static void serial_drop(struct serial *s) {
    if (s->client) {
        struct agent_uptime u = agent_client_uptime(s->client);
        serial_heard(s, &u);
        agent_client_free(s->client);
        s->client = NULL;
    }
}

void serial_free(struct serial *s) {
    if (s) {
        serial_drop(s);
        free(s->path);
        free(s);
    }
}

static int serial_connect(const char *path, struct err *err) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    CLEANUP_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return err_sys(err, errno, "socket");
    }
    memcpy(to.sun_path, path, strlen(path) + 1);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
        char text[128];
        /* Not there, or nobody behind it: to us the line is down, whatever the reason. */
        return err_set(err, ERR_CLOSED, "%s: %s", path, strerror_r(errno, text, sizeof(text)));
    }
    return STEAL_FD(fd);
}

struct agent_client *serial_client(struct serial *s, struct err *err) {
    if (s->client && agent_client_is_dead(s->client)) {
        serial_drop(s);
    }
    if (!s->client) {
        int fd = serial_connect(s->path, err);
        if (fd < 0) {
            err_prefix(err, "serial port");
            return NULL;
        }
        s->client = agent_client_new(stream_socket_new(fd, &s->waiter), s->waiter.clock, 0);
    }
    return s->client;
}

static bool serial_is_stale(const struct serial *s, int64_t up_ms) {
    const struct agent_uptime *b = &s->boundary;
    if (!b->known || up_ms < b->up_ms) {
        return false;
    }
    int64_t now = clock_now(s->waiter.clock);
    int64_t up_ns = up_ms > INT64_MAX / CLOCK_MS ? INT64_MAX : up_ms * CLOCK_MS;
    /* now - up_ns is when the guest booted; now is not negative, so this cannot overflow. */
    return now - up_ns < b->at - SERIAL_SLACK_NS;
}

/* One round of asking. 1: ready, 0: not yet (why says what was seen), negative: no use going on. */
static int serial_ask(struct serial *s, int64_t until, json_t **hello, struct err *why) {
    struct agent_client *c = serial_client(s, why);
    json_t *got = NULL;
    if (!c || agent_client_hello(c, until, &got, why) < 0) {
        return why->cls == ERR_INTERRUPT || why->cls == ERR_PROTOCOL || why->cls == ERR_BUG ? -1 : 0;
    }
    int64_t up_ms = json_integer_value(json_object_get(got, "boot_ms"));
    if (!serial_is_stale(s, up_ms)) {
        *hello = got;
        s->boundary.known = false;
        return 1;
    }
    json_decref(got);
    err_set(why, ERR_TIMEOUT, "the agent answers, but has been up for %" PRId64
            " ms: it has not been restarted", up_ms);
    return 0;
}

int serial_wait_ready(struct serial *s, int64_t deadline, json_t **hello, struct err *err) {
    CLEANUP_ERR struct err why = ERR_INIT;
    for (;;) {
        int64_t now = clock_now(s->waiter.clock);
        int64_t until = clock_after(s->waiter.clock, SERIAL_ASK_NS);
        until = until < deadline ? until : deadline;
        if (now >= deadline) {
            return err_set(err, ERR_TIMEOUT, "guest not ready in time: %s", err_text(&why));
        }
        err_clear(&why);
        int rc = serial_ask(s, until, hello, &why);
        if (rc > 0) {
            return 0;
        }
        if (rc == 0 && why.cls != ERR_TIMEOUT) {
            until = clock_after(s->waiter.clock, SERIAL_RETRY_NS);
        }
        if (rc < 0 || waiter_pause(&s->waiter, until < deadline ? until : deadline, &why) < 0) {
            err_prefix(&why, "waiting for the guest");
            err_move(err, &why);
            return -1;
        }
    }
}

void serial_disconnect(struct serial *s, const struct agent_uptime *other) {
    serial_drop(s);
    if (other) {
        serial_heard(s, other);
    }
    if (s->latest.known) {
        s->boundary = s->latest;
        s->latest.known = false;
    }
}
