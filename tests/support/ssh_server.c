#include "support/ssh_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"

enum { SERVER_KEEP = 16384 };

struct ssh_server {
    int listener, stop[2];
    int port;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t played;
    struct ssh_server_plan plan;
    bool playing; /* somebody's canned bytes are being sent */
    size_t sent;
    char kept[SERVER_KEEP];
    char *sshd, *config, *host_key, *key_file, *other_file, *other_key, *user, *root;
};

static char *server_keygen(const char *dir, const char *name, char **public) {
    char *file = fs_join(dir, name);
    const char *argv[] = {"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", file,
                          NULL};
    struct proc_opts opts = {.timeout_ns = 20 * INT64_C(1000000000)};
    struct err err = ERR_INIT;
    if (proc_check(argv, &opts, &err) < 0) {
        fprintf(stderr, "%s\n", err_text(&err));
        abort();
    }
    char *pub = str_printf("%s.pub", file);
    *public = fs_read(pub, 4096, NULL, NULL);
    free(pub);
    return file;
}

static void server_configure(struct ssh_server *s, const char *dir) {
    char *host_public = NULL;
    char *user_public = NULL;
    char *host = server_keygen(dir, "host", &host_public);
    s->key_file = server_keygen(dir, "user", &user_public);
    s->other_file = server_keygen(dir, "other", &s->other_key);
    s->host_key = host_public;
    s->root = fs_join(dir, "root");
    s->user = str_dup(getpwuid(geteuid())->pw_name);
    s->config = fs_join(dir, "sshd_config");
    char *text = str_printf("HostKey %s\nAuthorizedKeysFile %s.pub\nStrictModes no\nUsePAM no\n"
                            "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
                            "PermitRootLogin prohibit-password\nLogLevel QUIET\nPrintMotd no\n"
                            "Subsystem sftp internal-sftp\n",
                            host, s->key_file);
    if (fs_mkdirs(s->root, NULL) < 0 ||
        fs_write_atomic(s->config, text, strlen(text), 0600, NULL) < 0) {
        abort();
    }
    free(text);
    free(host);
    free(user_public);
}

/* sshd with one end of a socket pair; returns the other end. */
static int server_spawn(struct ssh_server *s, pid_t *pid) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        abort();
    }
    *pid = fork();
    if (*pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(pair[1], 0);
        dup2(pair[1], 1);
        execl(s->sshd, s->sshd, "-i", "-f", s->config, (char *)NULL);
        _exit(127);
    }
    close(pair[1]);
    return pair[0];
}

/* Forwards what from has; how much came, 0 at its end. */
static size_t server_forward(int from, int to, char *buf, size_t cap) {
    ssize_t n = recv(from, buf, cap, 0);
    for (ssize_t done = 0; n > 0 && done < n;) {
        ssize_t m = send(to, buf + done, (size_t)(n - done), MSG_NOSIGNAL);
        if (m <= 0) {
            return 0;
        }
        done += m;
    }
    return n > 0 ? (size_t)n : 0;
}

static void server_count(struct ssh_server *s, const char *buf, size_t n) {
    pthread_mutex_lock(&s->mutex);
    for (size_t i = 0; i < n && s->sent + i < SERVER_KEEP; i++) {
        s->kept[s->sent + i] = buf[i];
    }
    s->sent += n;
    pthread_mutex_unlock(&s->mutex);
}

/* Holds the connection, saying nothing, until the client leaves or the test ends. */
static void server_hold(struct ssh_server *s, int client) {
    char buf[4096];
    for (;;) {
        struct pollfd p[2] = {{s->stop[0], POLLIN, 0}, {client, POLLIN, 0}};
        poll(p, 2, -1);
        if (p[0].revents || (p[1].revents && recv(client, buf, sizeof(buf), 0) <= 0)) {
            return;
        }
    }
}

static void server_relay(struct ssh_server *s, int client, const struct ssh_server_plan *plan) {
    pid_t pid = 0;
    char buf[8192];
    size_t total = 0;
    int sshd = server_spawn(s, &pid);
    for (;;) {
        struct pollfd p[3] = {{s->stop[0], POLLIN, 0}, {client, POLLIN, 0}, {sshd, POLLIN, 0}};
        poll(p, 3, -1);
        if (p[0].revents) {
            break;
        }
        size_t room = plan->end == SSH_SERVER_PASS ? sizeof(buf) : plan->after - total;
        if (room == 0) {
            break;
        }
        if (p[1].revents && server_forward(client, sshd, buf, sizeof(buf)) == 0) {
            break;
        }
        if (p[2].revents) {
            size_t n = server_forward(sshd, client, buf, room < sizeof(buf) ? room : sizeof(buf));
            if (n == 0) {
                break;
            }
            total += n;
            server_count(s, buf, n);
        }
    }
    if (plan->end == SSH_SERVER_STALL && total == plan->after) {
        server_hold(s, client);
    }
    close(sshd);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void server_play(struct ssh_server *s, int client, const struct ssh_server_plan *plan) {
    do {
        for (size_t done = 0; done < plan->canned_len;) {
            ssize_t n = send(client, plan->canned + done, plan->canned_len - done, MSG_NOSIGNAL);
            if (n <= 0) {
                return;
            }
            done += (size_t)n;
        }
    } while (plan->repeat);
    if (plan->end == SSH_SERVER_STALL) {
        server_hold(s, client);
        return;
    }
    /* Unread bytes of the client would turn our end into a reset that takes the canned bytes along. */
    shutdown(client, SHUT_WR);
    server_hold(s, client);
}

static void *server_serve(void *arg) {
    struct ssh_server *s = arg;
    for (;;) {
        struct pollfd p[2] = {{s->stop[0], POLLIN, 0}, {s->listener, POLLIN, 0}};
        poll(p, 2, -1);
        if (p[0].revents) {
            return NULL;
        }
        int client = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
        if (client < 0) {
            continue;
        }
        pthread_mutex_lock(&s->mutex);
        struct ssh_server_plan plan = s->plan;
        s->sent = 0;
        s->playing = plan.canned != NULL;
        pthread_mutex_unlock(&s->mutex);
        if (plan.canned) {
            server_play(s, client, &plan);
            pthread_mutex_lock(&s->mutex);
            s->playing = false;
            pthread_cond_signal(&s->played);
            pthread_mutex_unlock(&s->mutex);
        } else {
            server_relay(s, client, &plan);
        }
        close(client);
    }
}

static void server_listen(struct ssh_server *s) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&at, sizeof(at)) < 0 ||
        listen(s->listener, 16) < 0 ||
        getsockname(s->listener, (struct sockaddr *)&at, &len) < 0 || pipe2(s->stop, 0) < 0) {
        abort();
    }
    s->port = ntohs(at.sin_port);
}

struct ssh_server *ssh_server_start(const char *dir, const char **why) {
    char *sshd = proc_find("/usr/sbin/sshd");
    char *keygen = proc_find("ssh-keygen");
    free(keygen);
    if (!sshd || !keygen) {
        free(sshd);
        *why = "OpenSSH's server or ssh-keygen is not installed";
        return NULL;
    }
    /* sshd of root wants its empty folder, which the package makes only when its service starts. */
    if (geteuid() == 0) {
        mkdir("/run/sshd", 0755);
    }
    struct ssh_server *s = mem_zalloc(1, sizeof(*s));
    s->sshd = sshd;
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->played, NULL);
    server_configure(s, dir);
    server_listen(s);
    if (pthread_create(&s->thread, NULL, server_serve, s) != 0) {
        abort();
    }
    return s;
}

void ssh_server_stop(struct ssh_server *s) {
    if (!s) {
        return;
    }
    if (write(s->stop[1], "x", 1) != 1) {
        abort();
    }
    pthread_join(s->thread, NULL);
    close(s->listener);
    close(s->stop[0]);
    close(s->stop[1]);
    pthread_cond_destroy(&s->played);
    pthread_mutex_destroy(&s->mutex);
    char *owned[] = {s->sshd,       s->config,    s->host_key, s->key_file,
                     s->other_file, s->other_key, s->user,     s->root};
    for (size_t i = 0; i < sizeof(owned) / sizeof(owned[0]); i++) {
        free(owned[i]);
    }
    free(s);
}

void ssh_server_plan(struct ssh_server *s, const struct ssh_server_plan *plan) {
    pthread_mutex_lock(&s->mutex);
    s->plan = *plan;
    while (s->playing) {
        pthread_cond_wait(&s->played, &s->mutex);
    }
    pthread_mutex_unlock(&s->mutex);
}

int ssh_server_port(const struct ssh_server *s) {
    return s->port;
}

const char *ssh_server_host_key(const struct ssh_server *s) {
    return s->host_key;
}

const char *ssh_server_key_file(const struct ssh_server *s) {
    return s->key_file;
}

const char *ssh_server_other_key_file(const struct ssh_server *s) {
    return s->other_file;
}

const char *ssh_server_other_key(const struct ssh_server *s) {
    return s->other_key;
}

const char *ssh_server_user(const struct ssh_server *s) {
    return s->user;
}

const char *ssh_server_root(const struct ssh_server *s) {
    return s->root;
}

size_t ssh_server_sent(struct ssh_server *s, const char **bytes) {
    pthread_mutex_lock(&s->mutex);
    size_t n = s->sent;
    *bytes = s->kept;
    pthread_mutex_unlock(&s->mutex);
    return n < SERVER_KEEP ? n : SERVER_KEEP;
}
