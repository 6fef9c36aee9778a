#include "guest/ssh_key.h"

#include <assert.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The blob begins with its type as an SSH string: 4 bytes of length, high byte first. */
static bool ssh_key_blob_has_type(const struct ssh_key *key) {
    size_t n = strlen(key->type);
    const unsigned char head[4] = {0, 0, 0, (unsigned char)n};
    return key->len > 4 + n && memcmp(key->blob, head, 4) == 0 &&
           memcmp(key->blob + 4, key->type, n) == 0;
}

int ssh_key_parse(const char *line, struct ssh_key *key, struct err *err) {
    char text[SSH_KEY_MAX / 3 * 4 + 4];
    const char *end = NULL;
    *key = (struct ssh_key){.len = 0};
    if (sscanf(line, "%39s %2731s", key->type, text) != 2 ||
        sodium_base642bin(key->blob, sizeof(key->blob), text, strlen(text), NULL, &key->len, &end,
                          sodium_base64_VARIANT_ORIGINAL) < 0 ||
        *end != '\0' || !ssh_key_blob_has_type(key)) {
        return err_set(err, ERR_INPUT, "host key is not a line like \"ssh-ed25519 AAAA...\"");
    }
    return 0;
}

bool ssh_key_equals(const struct ssh_key *key, const void *blob, size_t len) {
    return key->len == len && memcmp(key->blob, blob, len) == 0;
}

void ssh_key_fingerprint(const void *blob, size_t len, char out[SSH_KEY_FINGERPRINT]) {
    unsigned char digest[crypto_hash_sha256_BYTES];
    char text[sodium_base64_ENCODED_LEN(sizeof(digest), sodium_base64_VARIANT_ORIGINAL_NO_PADDING)];
    crypto_hash_sha256(digest, blob, len);
    sodium_bin2base64(text, sizeof(text), digest, sizeof(digest),
                      sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    memcpy(out, "SHA256:", 7);
    memcpy(out + 7, text, sizeof(text));
    static_assert(7 + sizeof(text) == SSH_KEY_FINGERPRINT, "room for every fingerprint");
}
