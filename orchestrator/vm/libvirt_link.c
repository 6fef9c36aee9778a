#include "vm/libvirt_link.h"

#include <dirent.h>
#include <libvirt/virterror.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "vm/libvirt_qemu.h"

enum { LINK_FDS = 1024 };

struct libvirt_link {
    struct libvirt_events *events;
    virConnectPtr conn;
    bool watched;
    atomic_bool lost;
    int sockets[4]; /* those of the connection: shut down, they make its calls end */
    int socket_count;
};

static void link_say_nothing(void *ctx, virErrorPtr error) {
    (void)ctx;
    (void)error; /* every error comes back by return value; none goes to standard error */
}

/* ---- the connection's own sockets ------------------------------------------------------------ */

/* libvirt does not tell them: they are the ones that were not there before it connected. */
static void link_note_sockets(bool there[LINK_FDS]) {
    DIR *d = opendir("/proc/self/fd");
    struct dirent *e;
    while (d && (e = readdir(d))) {
        long fd = strtol(e->d_name, NULL, 10);
        struct stat st;
        if (fd > 2 && fd < LINK_FDS && fstat((int)fd, &st) == 0 && S_ISSOCK(st.st_mode)) {
            there[fd] = true;
        }
    }
    if (d) {
        closedir(d);
    }
}

static void link_find_sockets(struct libvirt_link *l, const bool before[LINK_FDS]) {
    bool now[LINK_FDS] = {false};
    link_note_sockets(now);
    for (int fd = 0; fd < LINK_FDS && l->socket_count < (int)ARRAY_LEN(l->sockets); fd++) {
        if (now[fd] && !before[fd]) {
            l->sockets[l->socket_count++] = fd;
        }
    }
}

static void link_cut(void *ctx) {
    struct libvirt_link *l = ctx;
    if (!atomic_exchange(&l->lost, true)) { /* once lost, the numbers may be somebody else's */
        for (int i = 0; i < l->socket_count; i++) {
            shutdown(l->sockets[i], SHUT_RDWR);
        }
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

static void link_closed(virConnectPtr conn, int reason, void *opaque) {
    static const char *const reasons[] = {"an error", "the other end closed it",
                                          "no answer to keepalives", "this end closed it"};
    struct libvirt_link *l = opaque;
    char text[160];
    (void)conn;
    atomic_store(&l->lost, true);
    snprintf(text, sizeof(text), "the connection to the host was lost: %s",
             (size_t)reason < ARRAY_LEN(reasons) ? reasons[reason] : "for a reason unknown");
    if (reason != VIR_CONNECT_CLOSE_REASON_CLIENT) {
        libvirt_events_tell_host_lost(l->events, text);
    }
}

static int link_connect(struct libvirt_link *l, const char *uri, struct err *err) {
    bool before[LINK_FDS] = {false};
    link_note_sockets(before);
    l->conn = virConnectOpen(uri);
    if (!l->conn) {
        libvirt_fail(err, "connect");
        if (err) {
            err->cls = ERR_CLOSED; /* the host is not there, whatever the reason */
        }
        return -1;
    }
    link_find_sockets(l, before);
    if (virConnectSetKeepAlive(l->conn, LIBVIRT_KEEPALIVE_S, LIBVIRT_KEEPALIVE_COUNT) < 0) {
        return libvirt_fail(err, "keepalive");
    }
    return virConnectRegisterCloseCallback(l->conn, link_closed, l, NULL) < 0
               ? libvirt_fail(err, "watch the connection")
               : 0;
}

struct libvirt_link *libvirt_link_open(const char *uri, struct err *err) {
    virSetErrorFunc(NULL, link_say_nothing);
    if (virInitialize() < 0) {
        libvirt_fail(err, "initialise libvirt");
        return NULL;
    }
    struct libvirt_link *l = mem_zalloc(1, sizeof(*l));
    l->events = libvirt_events_new(err);
    if (!l->events || link_connect(l, uri, err) < 0) {
        libvirt_link_close(l);
        return NULL;
    }
    return l;
}

void libvirt_link_close(struct libvirt_link *l) {
    if (!l) {
        return;
    }
    if (l->conn) {
        if (l->watched) {
            libvirt_events_detach(l->events, l->conn);
        }
        virConnectUnregisterCloseCallback(l->conn, link_closed);
        virConnectClose(l->conn);
    }
    libvirt_events_free(l->events);
    free(l);
}

int libvirt_link_watch(struct libvirt_link *l, struct err *err) {
    l->watched = libvirt_events_attach(l->events, l->conn, err) == 0;
    return l->watched ? 0 : -1;
}

virConnectPtr libvirt_link_conn(const struct libvirt_link *l) {
    return l->conn;
}

struct libvirt_events *libvirt_link_events(const struct libvirt_link *l) {
    return l->events;
}

bool libvirt_link_lost(struct libvirt_link *l) {
    return atomic_load(&l->lost) || virConnectIsAlive(l->conn) != 1;
}

int libvirt_link_begin(struct libvirt_link *l, int64_t deadline, struct err *err) {
    if (libvirt_link_lost(l)) {
        return err_set(err, ERR_SYSTEM, "the connection to the host is lost");
    }
    return libvirt_events_guard(l->events, deadline, link_cut, l, err);
}

int libvirt_link_end(struct libvirt_link *l, int rc, struct err *err) {
    if (libvirt_events_unguard(l->events)) {
        return err_set(err, ERR_TIMEOUT, "the host did not answer before the deadline");
    }
    return rc;
}
