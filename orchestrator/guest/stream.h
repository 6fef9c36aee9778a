/* A two-way stream of bytes with deadlines: what the agent protocol runs over. Implementations: a
 * connected socket (here; the VM's serial port), a channel of an SSH connection (ssh.c). */
#ifndef COEXIST_GUEST_STREAM_H
#define COEXIST_GUEST_STREAM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "guest/waiter.h"

struct stream {
    /* At least one byte, at most cap: returns how many. -1 with ERR_TIMEOUT or ERR_INTERRUPT (the
     * stream is as good as before), or any other class (the stream is dead; ERR_CLOSED when it
     * ended). Looks at deadline and interrupt even when bytes are there at once. */
    ssize_t (*read)(struct stream *s, void *buf, size_t cap, int64_t deadline, struct err *err);
    /* All of len or -1 with a class as above; after ERR_TIMEOUT or ERR_INTERRUPT a part may have gone
     * out, which the framing above has to survive. */
    int (*write)(struct stream *s, const void *buf, size_t len, int64_t deadline, struct err *err);
    void (*close)(struct stream *s); /* frees s */
};

/* Takes fd, a connected stream socket, and makes it non-blocking. *waiter is copied. */
struct stream *stream_socket_new(int fd, const struct waiter *waiter);

static inline void stream_close(struct stream *s) {
    if (s) {
        s->close(s);
    }
}

#endif
