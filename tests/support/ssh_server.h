/* An SSH server for tests: OpenSSH's sshd in inetd mode (-i), one process per connection, behind a listener
 * of our own on a port the kernel chose. Between client and sshd stands a relay that can hang up or
 * fall silent after a number of the server's bytes. Or no sshd at all: canned bytes. */
#ifndef COEXIST_TESTS_SUPPORT_SSH_SERVER_H
#define COEXIST_TESTS_SUPPORT_SSH_SERVER_H

#include <stdbool.h>
#include <stddef.h>

enum ssh_server_end { SSH_SERVER_PASS, SSH_SERVER_HANG_UP, SSH_SERVER_STALL };

struct ssh_server_plan {
    enum ssh_server_end end; /* what happens after `after` bytes of the server */
    size_t after;
    const char *canned;      /* instead of sshd: these bytes; borrowed */
    size_t canned_len;
    bool repeat;             /* canned bytes for ever */
};

struct ssh_server; /* opaque */

/* dir: an existing folder of the test's own; keys, configuration and "root/" (for SFTP) are made there. NULL,
 * with a reason in *why (static), when OpenSSH is not installed. */
struct ssh_server *ssh_server_start(const char *dir, const char **why);
void ssh_server_stop(struct ssh_server *s);
/* For connections from now on. The canned bytes of the plan before are not needed any more when it returns; its
 * client must have closed. */
void ssh_server_plan(struct ssh_server *s, const struct ssh_server_plan *plan);

int ssh_server_port(const struct ssh_server *s);
const char *ssh_server_host_key(const struct ssh_server *s); /* "ssh-ed25519 AAAA..." */
const char *ssh_server_key_file(const struct ssh_server *s); /* a key that may log in */
const char *ssh_server_other_key_file(const struct ssh_server *s); /* one that may not */
const char *ssh_server_other_key(const struct ssh_server *s); /* its public line */
const char *ssh_server_user(const struct ssh_server *s);
const char *ssh_server_root(const struct ssh_server *s);
/* Bytes the server of the latest finished connection has sent, and the first of them. */
size_t ssh_server_sent(struct ssh_server *s, const char **bytes);

#endif
