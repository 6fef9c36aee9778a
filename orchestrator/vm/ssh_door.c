#include "vm/ssh_door.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

enum { SSH_DOOR_MAX = 32, SSH_DOOR_LOOK_MS = 500 };

struct ssh_door {
    const struct host_uri *uri; /* borrowed */
    int port, far_port;
    int listener;
    int stop; /* eventfd, readable once it is to end */
    pthread_t thread;
    pid_t children[SSH_DOOR_MAX]; /* of the thread alone; 0: free */
};

/* Takes those that ended; all of them when wait is set. */
static void door_reap(struct ssh_door *d, bool wait) {
    for (int i = 0; i < SSH_DOOR_MAX; i++) {
        if (d->children[i] > 0 && waitpid(d->children[i], NULL, wait ? 0 : WNOHANG) != 0) {
            d->children[i] = 0;
        }
    }
}

/* A client that cannot be served finds itself hung up on. */
static void door_serve(struct ssh_door *d, int client) {
    char to[32], port[16];
    const char *argv[HOST_URI_ARGS];
    posix_spawn_file_actions_t actions;
    int at = 0;
    while (at < SSH_DOOR_MAX && d->children[at]) {
        at++;
    }
    if (at == SSH_DOOR_MAX) {
        return;
    }
    snprintf(to, sizeof(to), "127.0.0.1:%d", d->far_port);
    snprintf(port, sizeof(port), "%d", d->uri->port);
    host_uri_ssh_command(d->uri, to, port, argv);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, client, 0);
    posix_spawn_file_actions_adddup2(&actions, client, 1);
    pid_t pid;
    /* The cast only drops const: the program is given a copy. */
    if (posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ) == 0) {
        d->children[at] = pid;
    }
    posix_spawn_file_actions_destroy(&actions);
}

static void *door_run(void *arg) {
    struct ssh_door *d = arg;
    struct pollfd p[] = {{.fd = d->stop, .events = POLLIN}, {.fd = d->listener, .events = POLLIN}};
    for (;;) {
        if (poll(p, ARRAY_LEN(p), SSH_DOOR_LOOK_MS) < 0 && errno != EINTR) {
            break;
        }
        if (p[0].revents) {
            break;
        }
        door_reap(d, false);
        CLEANUP_FD int client = p[1].revents ? accept4(d->listener, NULL, NULL, SOCK_CLOEXEC) : -1;
        if (client >= 0) {
            door_serve(d, client);
        }
    }
    for (int i = 0; i < SSH_DOOR_MAX; i++) {
        if (d->children[i] > 0) {
            kill(d->children[i], SIGKILL);
        }
    }
    door_reap(d, true);
    return NULL;
}

static int door_listen(struct ssh_door *d, struct err *err) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    d->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (d->listener < 0 || bind(d->listener, (struct sockaddr *)&at, len) < 0 ||
        listen(d->listener, 8) < 0 || getsockname(d->listener, (struct sockaddr *)&at, &len) < 0) {
        return err_sys(err, errno, "listen for SSH to the guest");
    }
    d->port = ntohs(at.sin_port);
    return 0;
}

struct ssh_door *ssh_door_new(const struct host_uri *uri, int far_port, struct err *err) {
    struct ssh_door *d = mem_zalloc(1, sizeof(*d));
    d->uri = uri;
    d->far_port = far_port;
    d->listener = -1;
    d->stop = eventfd(0, EFD_CLOEXEC);
    int rc = d->stop < 0 ? err_sys(err, errno, "eventfd") : door_listen(d, err);
    int failed = rc < 0 ? 0 : pthread_create(&d->thread, NULL, door_run, d);
    if (rc == 0 && failed == 0) {
        return d;
    }
    if (failed) {
        err_sys(err, failed, "start a thread for SSH to the guest");
    }
    if (d->listener >= 0) {
        close(d->listener);
    }
    if (d->stop >= 0) {
        close(d->stop);
    }
    free(d);
    return NULL;
}

int ssh_door_port(const struct ssh_door *d) {
    return d->port;
}

void ssh_door_free(struct ssh_door *d) {
    if (!d) {
        return;
    }
    eventfd_write(d->stop, 1);
    pthread_join(d->thread, NULL);
    close(d->listener);
    close(d->stop);
    free(d);
}
