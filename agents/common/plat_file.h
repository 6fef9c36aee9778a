/*
 * Files as the file ops need them. Paths are UTF-8. Failures fill *err (not-found, denied, os) and
 * return -1 or NULL. posix/plat_file.c and windows/plat_file.c implement it.
 */
#ifndef COEXIST_COMMON_PLAT_FILE_H
#define COEXIST_COMMON_PLAT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/op_error.h"

struct plat_file_info {
    bool dir;
    uint64_t size; /* bytes; 0 for folders */
    int64_t mtime_unix_ms;
};

struct plat_file;

/* Shared with other readers, writers and deleters where the system knows such a thing. */
struct plat_file *plat_file_open_read(const char *path, struct op_error *err);
/* Creates when missing; truncate empties what is there. */
struct plat_file *plat_file_open_write(const char *path, bool truncate, struct op_error *err);
/* Bytes read, 0 at the end of the file. */
int64_t plat_file_read(struct plat_file *f, uint64_t offset, void *buf, size_t n,
                       struct op_error *err);
int plat_file_write(struct plat_file *f, uint64_t offset, const void *buf, size_t n,
                    struct op_error *err);
int plat_file_size(struct plat_file *f, uint64_t *size, struct op_error *err);
/* Makes what was written durable. */
int plat_file_sync(struct plat_file *f, struct op_error *err);
void plat_file_close(struct plat_file *f); /* NULL is fine */

int plat_file_stat(const char *path, struct plat_file_info *info, struct op_error *err);
/* A file or an empty folder. */
int plat_file_remove(const char *path, struct op_error *err);
/* One folder; it is no error when it exists. */
int plat_file_mkdir(const char *path, struct op_error *err);
/* Is this character one that separates the parts of a path? */
bool plat_file_separator(char c);

/* Rows of a folder, without "." and "..". each returns negative to end the walk with its *err. */
int plat_file_list(const char *path,
                   int (*each)(void *arg, const char *name, const struct plat_file_info *info,
                               struct op_error *err),
                   void *arg, struct op_error *err);

/* SHA-256 by a library of the system. update and finish return -1 with *err. */
struct plat_sha256;
struct plat_sha256 *plat_sha256_new(struct op_error *err);
int plat_sha256_update(struct plat_sha256 *h, const void *p, size_t n, struct op_error *err);
int plat_sha256_finish(struct plat_sha256 *h, unsigned char digest[32], struct op_error *err);
void plat_sha256_free(struct plat_sha256 *h); /* NULL is fine */

/* CRC-32 (ISO/IEC 13239, polynomial 0x04c11db7, as zlib) of what *crc is of and these bytes, by a library of the
 * system. Begin with 0. -1 with *err where it has none. */
int plat_crc32(uint32_t *crc, const void *p, size_t n, struct op_error *err);

#endif
