/* SSH public keys as text: "ssh-ed25519 AAAA... comment" (sshd(8), AUTHORIZED_KEYS FILE FORMAT; the blob
 * is RFC 4253, section 6.6). */
#ifndef COEXIST_GUEST_SSH_KEY_H
#define COEXIST_GUEST_SSH_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define SSH_KEY_MAX 2048        /* bytes of a blob; RSA with 8192 bits has about 1050 */
#define SSH_KEY_FINGERPRINT 51  /* "SHA256:", 43 characters, NUL */

struct ssh_key {
    char type[40]; /* "ssh-ed25519" */
    size_t len;
    unsigned char blob[SSH_KEY_MAX];
};

/* ERR_INPUT when the line is not a key, or its blob is of another type than it says. */
int ssh_key_parse(const char *line, struct ssh_key *key, struct err *err);

bool ssh_key_equals(const struct ssh_key *key, const void *blob, size_t len);

/* "SHA256:..." as ssh-keygen -l prints it. */
void ssh_key_fingerprint(const void *blob, size_t len, char out[SSH_KEY_FINGERPRINT]);

#endif
