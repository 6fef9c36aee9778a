#include "images/keys.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"

enum { KEYS_FILE_MAX = 16384, KEYS_BLOB = 51 }; /* 4 + 11 for the name, 4 + 32 for the key */

char *image_keys_dir(const char *lab_dir) {
    CLEANUP_FREE char *lab = fs_absolute(lab_dir);
    return fs_join(lab, "keys");
}

static int keys_make_one(const char *dir, const char *name, struct err *err) {
    CLEANUP_FREE char *path = fs_join(dir, name);
    if (fs_exists(path)) {
        return 0;
    }
    const char *argv[] = {"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "coexist", "-f", path, NULL};
    struct proc_opts o = {.timeout_ns = 60 * CLOCK_S};
    return proc_check(argv, &o, err);
}

int image_keys_make(const char *dir, struct err *err) {
    if (fs_mkdirs(dir, err) < 0) {
        return -1;
    }
    if (chmod(dir, 0700) < 0) {
        return err_sys(err, errno, "chmod %s", dir);
    }
    if (keys_make_one(dir, IMAGE_HOST_KEY, err) < 0 || keys_make_one(dir, IMAGE_CLIENT_KEY, err) < 0) {
        err_prefix(err, "make the lab's keys");
        return -1;
    }
    return 0;
}

json_t *image_keys_ssh(const char *user, const char *line, struct err *err) {
    static const unsigned char begin[] = "\0\0\0\x0bssh-ed25519\0\0\0\x20";
    char type[32] = "", base64[128] = "", fingerprint[64] = "SHA256:";
    unsigned char blob[KEYS_BLOB], digest[crypto_hash_sha256_BYTES];
    size_t len = 0;
    if (sscanf(line, "%31s %127s", type, base64) != 2 || !str_eq(type, "ssh-ed25519") ||
        sodium_base642bin(blob, sizeof(blob), base64, strlen(base64), NULL, &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        len != KEYS_BLOB || memcmp(blob, begin, sizeof(begin) - 1) != 0) {
        err_set(err, ERR_PROTOCOL, "not an ed25519 public key");
        return NULL;
    }
    crypto_hash_sha256(digest, blob, len); /* as ssh-keygen -l shows it: base64 without padding */
    sodium_bin2base64(fingerprint + 7, sizeof(fingerprint) - 7, digest, sizeof(digest),
                      sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    CLEANUP_FREE char *key = str_printf("%s %s", type, base64);
    return json_pack("{s:s, s:s, s:s, s:s}", "user", user, "host_key", key, "host_key_sha256", fingerprint,
                     "client_key", IMAGE_CLIENT_KEY);
}

int image_keys_put(const char *keys_dir, const char *image_dir, struct err *err) {
    CLEANUP_FREE char *from = fs_join(keys_dir, IMAGE_CLIENT_KEY);
    CLEANUP_FREE char *to = fs_join(image_dir, IMAGE_CLIENT_KEY);
    size_t len = 0;
    char *key = fs_read(from, KEYS_FILE_MAX, &len, err);
    int rc = key ? fs_write_atomic(to, key, len, 0600, err) : -1;
    if (key) {
        sodium_memzero(key, len);
    }
    free(key);
    return rc;
}
