#include "guest/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"

struct stream_socket {
    struct stream stream; /* first: casts go both ways */
    struct waiter waiter;
    int fd;
};

static ssize_t stream_socket_read(struct stream *s, void *buf, size_t cap, int64_t deadline,
                                  struct err *err) {
    struct stream_socket *self = (struct stream_socket *)s;
    if (waiter_check(&self->waiter, deadline, err) < 0) {
        return -1;
    }
    for (;;) {
        ssize_t n = recv(self->fd, buf, cap, 0);
        if (n > 0) {
            return n;
        }
        if (n == 0 || errno == ECONNRESET) {
            return err_set(err, ERR_CLOSED, "connection closed by the other end");
        }
        if (errno == EINTR) {
            continue;
        }
        if (errno != EAGAIN) {
            return err_sys(err, errno, "receive");
        }
        if (waiter_fd(&self->waiter, self->fd, POLLIN, deadline, err) < 0) {
            return -1;
        }
    }
}

static int stream_socket_write(struct stream *s, const void *buf, size_t len, int64_t deadline,
                               struct err *err) {
    struct stream_socket *self = (struct stream_socket *)s;
    const char *p = buf;
    if (waiter_check(&self->waiter, deadline, err) < 0) {
        return -1;
    }
    while (len > 0) {
        ssize_t n = send(self->fd, p, len, MSG_NOSIGNAL);
        if (n >= 0) {
            p += n;
            len -= (size_t)n;
        } else if (errno == EPIPE || errno == ECONNRESET) {
            return err_set(err, ERR_CLOSED, "connection closed by the other end");
        } else if (errno != EAGAIN && errno != EINTR) {
            return err_sys(err, errno, "send");
        } else if (waiter_fd(&self->waiter, self->fd, POLLOUT, deadline, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static void stream_socket_close(struct stream *s) {
    struct stream_socket *self = (struct stream_socket *)s;
    close(self->fd);
    free(self);
}

struct stream *stream_socket_new(int fd, const struct waiter *waiter) {
    struct stream_socket *self = mem_zalloc(1, sizeof(*self));
    self->stream.read = stream_socket_read;
    self->stream.write = stream_socket_write;
    self->stream.close = stream_socket_close;
    self->waiter = *waiter;
    self->fd = fd;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return &self->stream;
}
