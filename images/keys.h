/* The lab's keys for SSH to its guests, in LAB/keys (mode 0700): client_key logs in everywhere, host_key is that of
 * the guests built here (winelab; an installed Windows makes its own). Made once for a lab by ssh-keygen, ed25519,
 * without a passphrase. */
#ifndef COEXIST_IMAGES_KEYS_H
#define COEXIST_IMAGES_KEYS_H

#include <jansson.h>

#include "base/err.h"

#define IMAGE_CLIENT_KEY "client_key"
#define IMAGE_HOST_KEY "host_key"

/* The folder LAB/keys. Caller frees. */
char *image_keys_dir(const char *lab_dir);
/* Makes folder and keys where they are missing. */
int image_keys_make(const char *keys_dir, struct err *err);
/* A manifest's "ssh": {"user", "host_key", "host_key_sha256", "client_key"}. line: a public key as OpenSSH writes it
 * ("ssh-ed25519 AAAA... comment"), perhaps a guest's word: ERR_PROTOCOL when it is none (RFC 8709, section 4). New
 * reference. */
json_t *image_keys_ssh(const char *user, const char *line, struct err *err);
/* Copies the private client key to the image's folder, mode 0600. */
int image_keys_put(const char *keys_dir, const char *image_dir, struct err *err);

#endif
