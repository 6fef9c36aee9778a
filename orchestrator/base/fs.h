/* Files and folders. Whatever must survive a power cut goes through fs_write_atomic: temporary file,
 * fsync, rename, fsync of the folder. */
#ifndef COEXIST_BASE_FS_H
#define COEXIST_BASE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define FS_SHA256_HEX 65 /* 64 hex digits and a NUL */

/* Reads a whole file, NUL-terminated. Refuses more than max_bytes. *len may be NULL. Caller frees. */
char *fs_read(const char *path, size_t max_bytes, size_t *len, struct err *err);
int fs_write_atomic(const char *path, const void *data, size_t len, mode_t mode, struct err *err);
int fs_mkdirs(const char *path, struct err *err);
/* Removes a tree; never follows symbolic links or leaves the file system. Absent is success. */
int fs_remove_tree(const char *path, struct err *err);
/* Copies contents, sparse and reflinked where the file system can. Replaces `to`. */
int fs_copy(const char *from, const char *to, struct err *err);
bool fs_exists(const char *path);
int64_t fs_size(const char *path); /* bytes, or -1 */
int64_t fs_free_bytes(const char *path); /* bytes an ordinary user may still write, or -1 */

/* FIPS 180-4 SHA-256 in lower-case hex, computed by libsodium. */
int fs_sha256_file(const char *path, char hex[FS_SHA256_HEX], struct err *err);
void fs_sha256_bytes(const void *data, size_t len, char hex[FS_SHA256_HEX]);
/* Stores a file under DIR/<first two hex>/<sha256>, once. Returns its digest. Copy is fsynced before
 * it gets its name, so a name that exists is whole. */
int fs_store(const char *dir, const char *path, char hex[FS_SHA256_HEX], struct err *err);
int fs_store_bytes(const char *dir, const void *data, size_t len, char hex[FS_SHA256_HEX],
                   struct err *err);

/* "a/b" from "a" and "b"; an absolute b is returned as it is. Caller frees. */
char *fs_join(const char *dir, const char *name);
char *fs_dirname(const char *path); /* caller frees */
const char *fs_basename(const char *path); /* borrowed from path */
char *fs_absolute(const char *path); /* lexical, not resolving links; caller frees */

/* An exclusive lock held by this process until closed (flock(2), so it dies with the process).
 * Returns a file descriptor, -1 with err, or -2 when somebody else holds it. */
int fs_lock(const char *path, struct err *err);

/* Calls fn for each entry (not "." or ".."), sorted by name; stops at the first non-zero. */
int fs_each(const char *dir, int (*fn)(const char *name, void *ctx), void *ctx, struct err *err);

#endif
