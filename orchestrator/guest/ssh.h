/* SSH to the guest: one connection with its channels, by libssh2 (the only place that knows it).
 *
 * The server is not trusted: it proves itself by the one key that is expected, every step has a deadline,
 * a flood keeps nobody from the deadline or the interrupt, and all libssh2 allocates for one connection is
 * bounded (SSH_MEMORY_MAX). Only a public key ever logs in.
 *
 * Errors: ERR_TIMEOUT, ERR_INTERRUPT; ERR_CLOSED when the connection ended; ERR_PROTOCOL when the server
 * spoke nonsense or too much; ERR_REFUSED when it said no, or is not the one expected. After any failure
 * but ERR_REFUSED of a single operation the connection is dead (ssh_is_dead) and only good for
 * ssh_close.
 */
#ifndef COEXIST_GUEST_SSH_H
#define COEXIST_GUEST_SSH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "guest/stream.h"

/* Bytes libssh2 may hold at once for one connection: windows of a few channels, SFTP read-ahead and slack. */
#define SSH_MEMORY_MAX (24u << 20)

struct ssh_spec { /* strings are borrowed for the duration of ssh_connect */
    int port;              /* on 127.0.0.1 */
    const char *user;
    const char *host_key;  /* "ssh-ed25519 AAAA...": the only key the server may have */
    const char *key_file;  /* private key, without a passphrase */
    const char *sftp_root; /* where the server keeps the drives: NULL on Windows ("/C:/x"), a folder when a
                              plain POSIX sshd stands in */
};

struct ssh; /* opaque */

/* Connects, checks the host key, logs in. *waiter is copied. NULL with err. A host key other than the
 * expected one is ERR_REFUSED with both fingerprints; nothing about the user was told by then. */
struct ssh *ssh_connect(const struct ssh_spec *spec, const struct waiter *waiter,
                        int64_t deadline, struct err *err);
void ssh_close(struct ssh *ssh); /* NULL is fine; streams of it must be closed before */
bool ssh_is_dead(const struct ssh *ssh);
/* Makes it dead, so that closing its streams and itself does not wait for the server. */
void ssh_abandon(struct ssh *ssh);

/* A command's standard input and output as a stream; its standard error is dropped. The stream borrows ssh.
 * Reading after the command's end is ERR_CLOSED. NULL with err. */
struct stream *ssh_exec(struct ssh *ssh, const char *command, int64_t deadline, struct err *err);

/* Whole files by SFTP; paths of the guest in Windows form (guest/guest_path.h). ERR_REFUSED begins with
 * one of the agent's codes: "not-found: ", "denied: ", "os: ". */
int ssh_put(struct ssh *ssh, const char *host_path, const char *guest_path, int64_t deadline,
            struct err *err);
int ssh_get(struct ssh *ssh, const char *guest_path, const char *host_path, int64_t max_bytes,
            int64_t deadline, struct err *err);

#endif
