#include "vm/port_holder.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

enum { HOLDER_PAUSE_MS = 1 };

struct port_holder {
    pthread_t thread;
    struct sockaddr_un to;
    int stop; /* eventfd, readable once it is to end */
};

static void *holder_run(void *arg) {
    const struct port_holder *h = arg;
    struct pollfd stop = {h->stop, POLLIN, 0};
    CLEANUP_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    while (fd >= 0 && connect(fd, (const struct sockaddr *)&h->to, sizeof(h->to)) < 0) {
        if (poll(&stop, 1, HOLDER_PAUSE_MS) > 0) {
            return NULL;
        }
    }
    while (poll(&stop, 1, -1) < 0 && errno == EINTR) {
    }
    return NULL;
}

struct port_holder *port_holder_new(const char *socket_path, struct err *err) {
    struct port_holder *h = mem_zalloc(1, sizeof(*h));
    h->to.sun_family = AF_UNIX;
    snprintf(h->to.sun_path, sizeof(h->to.sun_path), "%s", socket_path);
    h->stop = eventfd(0, EFD_CLOEXEC);
    int rc = h->stop < 0 ? errno : pthread_create(&h->thread, NULL, holder_run, h);
    if (rc != 0) {
        if (h->stop >= 0) {
            close(h->stop);
        }
        free(h);
        err_sys(err, rc, "hold the agent's port");
        return NULL;
    }
    return h;
}

void port_holder_free(struct port_holder *h) {
    if (!h) {
        return;
    }
    eventfd_write(h->stop, 1);
    pthread_join(h->thread, NULL);
    close(h->stop);
    free(h);
}
