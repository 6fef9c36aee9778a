#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "guest/printable.h"
#include "guest/ssh_impl.h"
#include "guest/ssh_key.h"

enum {
    SSH_WINDOW = 512 << 10, /* bytes a server may send on a channel unread */
    SSH_KEY_FILE_MAX = 64 << 10,
};
/* A guest that was reset meanwhile answers the next packet with RST: this is how soon it is noticed. */
#define SSH_KEEPALIVE_NS (10 * CLOCK_S)
/* Orderly closing of a channel may take this long. */
#define SSH_CLOSE_NS (300 * CLOCK_MS)

/* ---- what libssh2 calls ---- */

static LIBSSH2_REALLOC_FUNC(ssh_realloc) {
    struct ssh *s = *abstract;
    size_t old = ptr ? malloc_usable_size(ptr) : 0;
    if (count > SSH_MEMORY_MAX || s->memory - old > SSH_MEMORY_MAX - count) {
        s->starved = true;
        return NULL;
    }
    void *p = realloc(ptr, count ? count : 1);
    if (p) {
        s->memory += malloc_usable_size(p) - old;
    }
    return p;
}

static LIBSSH2_ALLOC_FUNC(ssh_alloc) {
    return ssh_realloc(NULL, count, abstract);
}

static LIBSSH2_FREE_FUNC(ssh_free) {
    struct ssh *s = *abstract;
    s->memory -= ptr ? malloc_usable_size(ptr) : 0;
    free(ptr);
}

/* "Try again" once the time is up makes libssh2 return from loops that a flood would keep it in. */
static LIBSSH2_RECV_FUNC(ssh_recv) {
    struct ssh *s = *abstract;
    if (s->dead) {
        return -ECONNRESET;
    }
    if (waiter_check(&s->waiter, s->deadline, NULL) < 0) {
        return -EAGAIN;
    }
    ssize_t n = recv(socket, buffer, length, flags);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return -EAGAIN;
    }
    s->ended = s->ended || n <= 0;
    return n < 0 ? -errno : n;
}

static LIBSSH2_SEND_FUNC(ssh_send) {
    struct ssh *s = *abstract;
    if (s->dead) {
        return -ECONNRESET;
    }
    ssize_t n = send(socket, buffer, length, flags | MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return -EAGAIN;
    }
    s->ended = s->ended || n < 0;
    return n < 0 ? -errno : n;
}

/* ---- errors ---- */

static enum err_class ssh_class(const struct ssh *s, int rc) {
    if (s->starved) {
        return ERR_PROTOCOL;
    }
    if (s->ended) {
        return ERR_CLOSED;
    }
    switch (rc) {
    case LIBSSH2_ERROR_SOCKET_DISCONNECT:
    case LIBSSH2_ERROR_SOCKET_SEND:
    case LIBSSH2_ERROR_SOCKET_RECV:
    case LIBSSH2_ERROR_CHANNEL_CLOSED:
    case LIBSSH2_ERROR_CHANNEL_EOF_SENT: return ERR_CLOSED;
    case LIBSSH2_ERROR_TIMEOUT: return ERR_TIMEOUT;
    case LIBSSH2_ERROR_AUTHENTICATION_FAILED:
    case LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED:
    case LIBSSH2_ERROR_CHANNEL_FAILURE:
    case LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED:
    case LIBSSH2_ERROR_REQUEST_DENIED: return ERR_REFUSED;
    case LIBSSH2_ERROR_FILE: return ERR_INPUT;
    default: return ERR_PROTOCOL;
    }
}

int ssh_fail(struct ssh *s, int rc, const char *what, struct err *err) {
    if (rc == LIBSSH2_ERROR_EAGAIN) {
        s->dead = true;
        err_prefix(err, "ssh: %s", what);
        return -1;
    }
    char *text = NULL;
    int len = 0;
    libssh2_session_last_error(s->session, &text, &len, 0);
    CLEANUP_FREE char *shown = printable_text(text ? text : "", text ? strlen(text) : 0, 200);
    enum err_class cls = ssh_class(s, rc);
    s->dead = s->dead || cls != ERR_REFUSED;
    if (s->starved) {
        return err_set(err, cls, "ssh: %s: the server made this end hold more than %u bytes", what,
                       SSH_MEMORY_MAX);
    }
    return err_set(err, cls, "ssh: %s: %s (%d)", what,
                   cls == ERR_CLOSED ? "connection closed by the other end" : shown, rc);
}

bool ssh_retry(struct ssh *s, struct err *err) {
    int dir = libssh2_session_block_directions(s->session);
    short events = (short)((dir & LIBSSH2_SESSION_BLOCK_OUTBOUND ? POLLOUT : 0) |
                           (dir & LIBSSH2_SESSION_BLOCK_INBOUND ? POLLIN : 0));
    return waiter_check(&s->waiter, s->deadline, err) == 0 &&
           waiter_fd(&s->waiter, s->fd, events ? events : POLLIN, s->deadline, err) == 0;
}

int ssh_begin(struct ssh *s, int64_t deadline, struct err *err) {
    if (s->dead) {
        return err_set(err, ERR_CLOSED, "ssh: connection is gone");
    }
    s->deadline = deadline;
    return 0;
}

/* ---- connecting ---- */

static int ssh_open_socket(struct ssh *s, int port, struct err *err) {
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    int failed = 0;
    socklen_t len = sizeof(failed);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0) {
        return err_sys(err, errno, "socket");
    }
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(s->fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS) {
        failed = errno;
    } else if (waiter_fd(&s->waiter, s->fd, POLLOUT, s->deadline, err) < 0) {
        return -1;
    } else {
        getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &failed, &len);
    }
    if (failed == 0) {
        return 0;
    }
    char text[128];
    return err_set(err, ERR_CLOSED, "%s", strerror_r(failed, text, sizeof(text)));
}

static int ssh_open_session(struct ssh *s, const struct ssh_key *pinned, struct err *err) {
    s->session = libssh2_session_init_ex(ssh_alloc, ssh_free, ssh_realloc, s);
    if (!s->session) {
        return err_set(err, ERR_SYSTEM, "libssh2 cannot start a session");
    }
    /* libssh2 has these as void *, which ISO C has no cast for. */
    LIBSSH2_RECV_FUNC((*on_recv)) = ssh_recv;
    LIBSSH2_SEND_FUNC((*on_send)) = ssh_send;
    void *hooks[2];
    memcpy(&hooks[0], &on_recv, sizeof(hooks[0]));
    memcpy(&hooks[1], &on_send, sizeof(hooks[1]));
    libssh2_session_callback_set(s->session, LIBSSH2_CALLBACK_RECV, hooks[0]);
    libssh2_session_callback_set(s->session, LIBSSH2_CALLBACK_SEND, hooks[1]);
    libssh2_session_set_blocking(s->session, 0);
    libssh2_keepalive_config(s->session, 0, 1);
    /* The expected type first; the others so that a wrong server can be named by its fingerprint. */
    CLEANUP_FREE char *types = str_printf("%s,ssh-ed25519,ecdsa-sha2-nistp256,ssh-rsa", pinned->type);
    libssh2_session_method_pref(s->session, LIBSSH2_METHOD_HOSTKEY, types);
    return 0;
}

static int ssh_check_host(struct ssh *s, const struct ssh_key *pinned, struct err *err) {
    size_t len = 0;
    int type = 0;
    char got[SSH_KEY_FINGERPRINT];
    char want[SSH_KEY_FINGERPRINT];
    const char *blob = libssh2_session_hostkey(s->session, &len, &type);
    if (blob && ssh_key_equals(pinned, blob, len)) {
        return 0;
    }
    ssh_key_fingerprint(blob ? blob : "", blob ? len : 0, got);
    ssh_key_fingerprint(pinned->blob, pinned->len, want);
    s->dead = true;
    return err_set(err, ERR_REFUSED, "ssh: host key %s is not the expected %s", got, want);
}

static int ssh_login(struct ssh *s, const struct ssh_spec *spec, struct err *err) {
    size_t len = 0;
    int rc = 0;
    CLEANUP_FREE char *key = fs_read(spec->key_file, SSH_KEY_FILE_MAX, &len, err);
    if (!key) {
        return -1;
    }
    SSH_FINISH(s, rc,
               libssh2_userauth_publickey_frommemory(s->session, spec->user, strlen(spec->user),
                                                     NULL, 0, key, len, NULL),
               err);
    explicit_bzero(key, len);
    return rc ? ssh_fail(s, rc, "login", err) : 0;
}

static int ssh_establish(struct ssh *s, const struct ssh_spec *spec, const struct ssh_key *pinned,
                         struct err *err) {
    int rc = 0;
    if (ssh_open_socket(s, spec->port, err) < 0) {
        err_prefix(err, "ssh: connect to 127.0.0.1:%d", spec->port);
        return -1;
    }
    if (ssh_open_session(s, pinned, err) < 0) {
        return -1;
    }
    SSH_FINISH(s, rc, libssh2_session_handshake(s->session, s->fd), err);
    if (rc) {
        const char *banner = libssh2_session_banner_get(s->session);
        return ssh_fail(s, rc, banner ? "key exchange" : "waiting for the server's banner", err);
    }
    if (ssh_check_host(s, pinned, err) < 0) {
        return -1;
    }
    return ssh_login(s, spec, err);
}

struct ssh *ssh_connect(const struct ssh_spec *spec, const struct waiter *waiter,
                        int64_t deadline, struct err *err) {
    struct ssh_key pinned;
    if (ssh_key_parse(spec->host_key, &pinned, err) < 0) {
        return NULL;
    }
    struct ssh *s = mem_zalloc(1, sizeof(*s));
    s->waiter = *waiter;
    s->deadline = deadline;
    s->fd = -1;
    s->sftp_root = str_dup(spec->sftp_root ? spec->sftp_root : "");
    if (ssh_establish(s, spec, &pinned, err) < 0) {
        ssh_close(s);
        return NULL;
    }
    return s;
}

bool ssh_is_dead(const struct ssh *s) {
    return s->dead;
}

void ssh_abandon(struct ssh *s) {
    s->dead = true;
}

/* Nothing is said any more: dead makes each call of libssh2 come to its end without the network. */
void ssh_close(struct ssh *s) {
    if (!s) {
        return;
    }
    s->dead = true;
    if (s->sftp) {
        libssh2_sftp_shutdown(s->sftp);
    }
    if (s->session) {
        libssh2_session_free(s->session);
    }
    if (s->fd >= 0) {
        close(s->fd);
    }
    free(s->sftp_root);
    free(s);
}

/* ---- a command as a stream ---- */

struct ssh_channel {
    struct stream stream; /* first: casts go both ways */
    struct ssh *ssh;      /* borrowed */
    LIBSSH2_CHANNEL *channel;
};

/* Waits for bytes, telling the server now and then that this end is there. */
static int ssh_channel_wait(struct ssh *s, struct err *err) {
    CLEANUP_ERR struct err why = ERR_INIT;
    int64_t tick = clock_after(s->waiter.clock, SSH_KEEPALIVE_NS);
    if (waiter_fd(&s->waiter, s->fd, POLLIN, tick < s->deadline ? tick : s->deadline, &why) == 0) {
        return 0;
    }
    if (why.cls == ERR_TIMEOUT && tick < s->deadline) {
        int unused = 0;
        int rc = libssh2_keepalive_send(s->session, &unused);
        return rc ? ssh_fail(s, rc, "keep-alive", err) : 0;
    }
    err_move(err, &why);
    return -1;
}

static ssize_t ssh_channel_read(struct stream *stream, void *buf, size_t cap, int64_t deadline,
                                struct err *err) {
    struct ssh_channel *c = (struct ssh_channel *)stream;
    struct ssh *s = c->ssh;
    if (ssh_begin(s, deadline, err) < 0) {
        return -1;
    }
    for (;;) {
        if (waiter_check(&s->waiter, deadline, err) < 0) {
            return -1;
        }
        ssize_t n = libssh2_channel_read(c->channel, buf, cap);
        if (n > 0) {
            return n;
        }
        if (n == 0 && libssh2_channel_eof(c->channel)) {
            return err_set(err, ERR_CLOSED, "ssh: the command ended");
        }
        if (n < 0 && n != LIBSSH2_ERROR_EAGAIN) {
            return ssh_fail(s, (int)n, "read", err);
        }
        if (ssh_channel_wait(s, err) < 0) {
            return -1;
        }
    }
}

static int ssh_channel_write(struct stream *stream, const void *buf, size_t len, int64_t deadline,
                             struct err *err) {
    struct ssh_channel *c = (struct ssh_channel *)stream;
    const char *p = buf;
    if (ssh_begin(c->ssh, deadline, err) < 0) {
        return -1;
    }
    while (len > 0) {
        ssize_t n = 0;
        SSH_FINISH(c->ssh, n, libssh2_channel_write(c->channel, p, len), err);
        if (n < 0) {
            return ssh_fail(c->ssh, (int)n, "write", err);
        }
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

/* libssh2 waits here for the server's own close, which may never come. */
static void ssh_channel_free(struct ssh *s, LIBSSH2_CHANNEL *channel) {
    CLEANUP_ERR struct err unused = ERR_INIT;
    int rc = 0;
    s->deadline = clock_after(s->waiter.clock, SSH_CLOSE_NS);
    SSH_FINISH(s, rc, libssh2_channel_free(channel), &unused);
    if (rc == LIBSSH2_ERROR_EAGAIN) {
        s->dead = true;
        libssh2_channel_free(channel);
    }
}

static void ssh_channel_close(struct stream *stream) {
    struct ssh_channel *c = (struct ssh_channel *)stream;
    ssh_channel_free(c->ssh, c->channel);
    free(c);
}

static struct stream *ssh_channel_new(struct ssh *s, LIBSSH2_CHANNEL *channel) {
    struct ssh_channel *c = mem_zalloc(1, sizeof(*c));
    c->stream.read = ssh_channel_read;
    c->stream.write = ssh_channel_write;
    c->stream.close = ssh_channel_close;
    c->ssh = s;
    c->channel = channel;
    return &c->stream;
}

struct stream *ssh_exec(struct ssh *s, const char *command, int64_t deadline, struct err *err) {
    LIBSSH2_CHANNEL *channel = NULL;
    int rc = 0;
    if (ssh_begin(s, deadline, err) < 0) {
        return NULL;
    }
    SSH_FINISH_PTR(s, channel,
                   libssh2_channel_open_ex(s->session, "session", strlen("session"), SSH_WINDOW,
                                           LIBSSH2_CHANNEL_PACKET_DEFAULT, NULL, 0),
                   err);
    if (!channel) {
        ssh_fail(s, libssh2_session_last_errno(s->session), "open a channel", err);
        return NULL;
    }
    SSH_FINISH(s, rc, libssh2_channel_exec(channel, command), err);
    if (rc == 0) {
        SSH_FINISH(s, rc, libssh2_channel_handle_extended_data2(
                              channel, LIBSSH2_CHANNEL_EXTENDED_DATA_IGNORE),
                   err);
    }
    if (rc) {
        ssh_fail(s, rc, "start the command", err);
        ssh_channel_free(s, channel);
        return NULL;
    }
    return ssh_channel_new(s, channel);
}
