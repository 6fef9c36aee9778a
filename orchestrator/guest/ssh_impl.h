/* What ssh.c and ssh_sftp.c share; for nobody else. */
#ifndef COEXIST_GUEST_SSH_IMPL_H
#define COEXIST_GUEST_SSH_IMPL_H

#include <libssh2.h>
#include <libssh2_sftp.h>

#include "guest/ssh.h"

struct ssh {
    struct waiter waiter;
    int64_t deadline; /* of the operation under way */
    int fd;
    bool ended;   /* the socket was closed or failed */
    bool dead;
    bool starved; /* an allocation was refused */
    size_t memory; /* bytes libssh2 holds */
    char *sftp_root;
    LIBSSH2_SESSION *session;
    LIBSSH2_SFTP *sftp; /* NULL until a file is asked for */
};

/* Starts an operation on a connection that is not dead. */
int ssh_begin(struct ssh *s, int64_t deadline, struct err *err);

/* Turns libssh2's result into err; -1. EAGAIN means that err tells already why there was no other try;
 * libssh2 then stands in the middle of something, and the connection cannot be used for anything else. */
int ssh_fail(struct ssh *s, int rc, const char *what, struct err *err);

/* Waits for what libssh2 waits for. False with err when the time is up. */
bool ssh_retry(struct ssh *s, struct err *err);

/* Runs a libssh2 call to its end; rc is its result, EAGAIN when the time was up. */
#define SSH_FINISH(s, rc, call, err) \
    do {                             \
        (rc) = (call);               \
    } while ((rc) == LIBSSH2_ERROR_EAGAIN && ssh_retry((s), (err)))

/* The same for calls that return a pointer or NULL. */
#define SSH_FINISH_PTR(s, ptr, call, err)                                             \
    do {                                                                              \
        (ptr) = (call);                                                               \
    } while (!(ptr) && libssh2_session_last_errno((s)->session) == LIBSSH2_ERROR_EAGAIN && \
             ssh_retry((s), (err)))

#endif
