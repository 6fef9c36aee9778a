#include "vm/libvirt_door.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "vm/libvirt_qemu.h"

enum { DOOR_BUFFER = 8192 };

struct door_bytes { /* on their way, in one direction */
    char data[DOOR_BUFFER];
    size_t from, to;
};

struct libvirt_door {
    pthread_mutex_t lock; /* everything below */
    int refs;             /* the owner, each watch and the stream's callback */
    int file;             /* -1: a socket */
    int listener, client; /* -1: none */
    int listener_watch, client_watch;
    virStreamPtr stream;  /* NULL: nothing attached, or the line is dead */
    struct door_bytes out; /* from the guest */
    struct door_bytes in;  /* to it */
};

/* ---- life ------------------------------------------------------------------------------------ */

static void door_unref(void *opaque) {
    struct libvirt_door *d = opaque;
    pthread_mutex_lock(&d->lock);
    bool last = --d->refs == 0;
    pthread_mutex_unlock(&d->lock);
    if (last) {
        pthread_mutex_destroy(&d->lock);
        free(d);
    }
}

static struct libvirt_door *door_new(void) {
    struct libvirt_door *d = mem_zalloc(1, sizeof(*d));
    pthread_mutex_init(&d->lock, NULL);
    d->refs = 1;
    d->file = d->listener = d->client = d->listener_watch = d->client_watch = -1;
    return d;
}

/* Under the lock, as all that follow. */
static void door_drop_client(struct libvirt_door *d) {
    if (d->client >= 0) {
        virEventRemoveHandle(d->client_watch);
        close(d->client);
        d->client = -1;
    }
    d->out.from = d->out.to = d->in.from = d->in.to = 0;
}

/* The stream is given back for the caller to end: that may wait for the host. */
static virStreamPtr door_take_stream(struct libvirt_door *d) {
    virStreamPtr st = STEAL(d->stream);
    if (st) {
        virStreamEventRemoveCallback(st);
    }
    door_drop_client(d);
    return st;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

/* Whoever has something to send waits for room, whoever has room waits for something. */
static void door_update(struct libvirt_door *d) {
    bool sending = d->out.to > d->out.from, receiving = d->in.to > d->in.from;
    if (d->stream) {
        virStreamEventUpdateCallback(d->stream, (sending ? 0 : VIR_STREAM_EVENT_READABLE) |
                                                    (receiving ? VIR_STREAM_EVENT_WRITABLE : 0) |
                                                    VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP);
    }
    if (d->client >= 0) {
        virEventUpdateHandle(d->client_watch, (receiving ? 0 : VIR_EVENT_HANDLE_READABLE) |
                                                  (sending ? VIR_EVENT_HANDLE_WRITABLE : 0));
    }
}

static void door_flush_client(struct libvirt_door *d) {
    ssize_t n = send(d->client, d->out.data + d->out.from, d->out.to - d->out.from, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        door_drop_client(d);
    } else if (n > 0) {
        d->out.from += (size_t)n;
    }
}

/* False when the line is dead. */
static bool door_receive(struct libvirt_door *d) {
    int n = virStreamRecv(d->stream, d->out.data, sizeof(d->out.data));
    d->out.from = d->out.to = 0;
    if (n == -2) {
        return true; /* nothing there now */
    }
    if (n <= 0) {
        return false;
    }
    if (d->file >= 0) {
        ssize_t written = write(d->file, d->out.data, (size_t)n);
        (void)written; /* a log that cannot be written is a log that is short */
    } else if (d->client >= 0) {
        d->out.to = (size_t)n;
        door_flush_client(d);
    }
    return true;
}

static bool door_send(struct libvirt_door *d) {
    if (d->in.to == d->in.from) {
        return true;
    }
    int n = virStreamSend(d->stream, d->in.data + d->in.from, d->in.to - d->in.from);
    d->in.from += n > 0 ? (size_t)n : 0;
    return n >= 0 || n == -2;
}

static void door_on_stream(virStreamPtr st, int events, void *opaque) {
    struct libvirt_door *d = opaque;
    virStreamPtr dead = NULL;
    pthread_mutex_lock(&d->lock);
    if (d->stream == st) {
        bool fine = true;
        if (events & VIR_STREAM_EVENT_READABLE) {
            fine = door_receive(d);
        }
        if (fine && (events & VIR_STREAM_EVENT_WRITABLE)) {
            fine = door_send(d);
        }
        if (!fine || (events & (VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP))) {
            dead = door_take_stream(d);
        }
        door_update(d);
    }
    pthread_mutex_unlock(&d->lock);
    if (dead) {
        virStreamAbort(dead);
        virStreamFree(dead);
    }
}

static void door_on_client(int watch, int fd, int events, void *opaque) {
    struct libvirt_door *d = opaque;
    pthread_mutex_lock(&d->lock);
    if (d->client == fd && d->client_watch == watch) {
        if (events & VIR_EVENT_HANDLE_WRITABLE) {
            door_flush_client(d);
        }
        if (d->client >= 0 && (events & ~VIR_EVENT_HANDLE_WRITABLE) && d->in.to == d->in.from) {
            ssize_t n = recv(fd, d->in.data, sizeof(d->in.data), 0);
            d->in.from = 0;
            d->in.to = n > 0 ? (size_t)n : 0;
            if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
                door_drop_client(d);
            }
        }
        door_update(d);
    }
    pthread_mutex_unlock(&d->lock);
}

static void door_on_listener(int watch, int fd, int events, void *opaque) {
    struct libvirt_door *d = opaque;
    (void)watch;
    (void)events;
    pthread_mutex_lock(&d->lock);
    int client = d->listener == fd ? accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) : -1;
    if (client >= 0 && d->stream) {
        door_drop_client(d); /* its successor: there is one client at a time, and it has lost its line */
        d->client = client;
        d->client_watch = virEventAddHandle(client, VIR_EVENT_HANDLE_READABLE, door_on_client, d,
                                            door_unref);
        d->refs++;
        door_update(d);
    } else if (client >= 0) {
        close(client);
    }
    pthread_mutex_unlock(&d->lock);
}

/* ---- the owner's side ------------------------------------------------------------------------ */

struct libvirt_door *libvirt_door_file(const char *path, struct err *err) {
    struct libvirt_door *d = door_new();
    d->file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (d->file < 0) {
        err_sys(err, errno, "%s", path);
        libvirt_door_free(d);
        return NULL;
    }
    return d;
}

struct libvirt_door *libvirt_door_socket(const char *path, struct err *err) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(at.sun_path)) {
        err_set(err, ERR_SYSTEM, "%s: too long for a unix socket", path);
        return NULL;
    }
    memcpy(at.sun_path, path, strlen(path) + 1);
    struct libvirt_door *d = door_new();
    d->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (d->listener < 0 || bind(d->listener, (struct sockaddr *)&at, sizeof(at)) < 0 ||
        listen(d->listener, 4) < 0) {
        err_sys(err, errno, "listen on %s", path);
        libvirt_door_free(d);
        return NULL;
    }
    d->refs++;
    d->listener_watch = virEventAddHandle(d->listener, VIR_EVENT_HANDLE_READABLE, door_on_listener,
                                          d, door_unref);
    if (d->listener_watch < 0) {
        d->refs--;
        err_set(err, ERR_SYSTEM, "libvirt: a socket cannot be watched");
        libvirt_door_free(d);
        return NULL;
    }
    return d;
}

int libvirt_door_attach(struct libvirt_door *d, virConnectPtr conn, virDomainPtr dom,
                        const char *device, struct err *err) {
    virStreamPtr st = virStreamNew(conn, VIR_STREAM_NONBLOCK);
    if (!st || virDomainOpenConsole(dom, device, st, VIR_DOMAIN_CONSOLE_FORCE) < 0) {
        libvirt_fail(err, "open the guest's serial port");
        if (st) {
            virStreamFree(st);
        }
        return -1;
    }
    pthread_mutex_lock(&d->lock);
    d->stream = st;
    d->refs++;
    int rc = virStreamEventAddCallback(st, VIR_STREAM_EVENT_READABLE | VIR_STREAM_EVENT_ERROR |
                                               VIR_STREAM_EVENT_HANGUP,
                                       door_on_stream, d, door_unref);
    if (rc < 0) {
        d->refs--;
        d->stream = NULL;
    }
    pthread_mutex_unlock(&d->lock);
    if (rc < 0) {
        libvirt_fail(err, "watch the guest's serial port");
        virStreamAbort(st);
        virStreamFree(st);
    }
    return rc < 0 ? -1 : 0;
}

void libvirt_door_detach(struct libvirt_door *d) {
    pthread_mutex_lock(&d->lock);
    virStreamPtr st = door_take_stream(d);
    pthread_mutex_unlock(&d->lock);
    if (st) {
        virStreamAbort(st);
        virStreamFree(st);
    }
}

void libvirt_door_free(struct libvirt_door *d) {
    if (!d) {
        return;
    }
    libvirt_door_detach(d);
    pthread_mutex_lock(&d->lock);
    if (d->listener_watch >= 0) {
        virEventRemoveHandle(d->listener_watch);
    }
    if (d->listener >= 0) {
        close(d->listener);
    }
    if (d->file >= 0) {
        close(d->file);
    }
    d->listener = d->file = -1;
    pthread_mutex_unlock(&d->lock);
    door_unref(d);
}
