#include "common/plat_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

struct plat_file {
    int fd;
};

struct plat_sha256 {
    crypto_hash_sha256_state state;
};

static int file_fail(struct op_error *err, const char *what)
{
    int os = errno;
    return op_fail_os(err, (uint32_t)os, "%s: %s", what, strerror(os));
}

static struct plat_file *file_open(const char *path, int flags, struct op_error *err)
{
    struct plat_file *f = malloc(sizeof *f);
    if (f == NULL) {
        op_fail(err, PROTO_ERR_BUSY, "out of memory");
        return NULL;
    }
    /* O_NONBLOCK: a FIFO without a peer must not hold the request. */
    f->fd = open(path, flags | O_CLOEXEC | O_NONBLOCK, 0666);
    if (f->fd < 0) {
        file_fail(err, "open");
        free(f);
        return NULL;
    }
    return f;
}

struct plat_file *plat_file_open_read(const char *path, struct op_error *err)
{
    return file_open(path, O_RDONLY, err);
}

struct plat_file *plat_file_open_write(const char *path, bool truncate, struct op_error *err)
{
    return file_open(path, O_RDWR | O_CREAT | (truncate ? O_TRUNC : 0), err);
}

int64_t plat_file_read(struct plat_file *f, uint64_t offset, void *buf, size_t n,
                       struct op_error *err)
{
    ssize_t got;
    do
        got = pread(f->fd, buf, n, (off_t)offset);
    while (got < 0 && errno == EINTR);
    return got < 0 ? file_fail(err, "read") : got;
}

int plat_file_write(struct plat_file *f, uint64_t offset, const void *buf, size_t n,
                    struct op_error *err)
{
    const char *p = buf;
    while (n > 0) {
        ssize_t put = pwrite(f->fd, p, n, (off_t)offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return file_fail(err, "write");
        p += put;
        n -= (size_t)put;
        offset += (uint64_t)put;
    }
    return 0;
}

int plat_file_size(struct plat_file *f, uint64_t *size, struct op_error *err)
{
    struct stat st;
    if (fstat(f->fd, &st) < 0)
        return file_fail(err, "size");
    if (!S_ISREG(st.st_mode))
        return op_fail(err, PROTO_ERR_BAD_ARGS, "path: not a regular file");
    *size = (uint64_t)st.st_size;
    return 0;
}

int plat_file_sync(struct plat_file *f, struct op_error *err)
{
    return fsync(f->fd) < 0 ? file_fail(err, "flush") : 0;
}

void plat_file_close(struct plat_file *f)
{
    if (f == NULL)
        return;
    close(f->fd);
    free(f);
}

static void file_info(const struct stat *st, struct plat_file_info *info)
{
    info->dir = S_ISDIR(st->st_mode);
    info->size = info->dir ? 0 : (uint64_t)st->st_size;
    info->mtime_unix_ms = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
}

int plat_file_stat(const char *path, struct plat_file_info *info, struct op_error *err)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return file_fail(err, "stat");
    file_info(&st, info);
    return 0;
}

int plat_file_remove(const char *path, struct op_error *err)
{
    if (unlink(path) == 0 || ((errno == EISDIR || errno == EPERM) && rmdir(path) == 0))
        return 0;
    return file_fail(err, "remove");
}

int plat_file_mkdir(const char *path, struct op_error *err)
{
    struct stat st;
    if (mkdir(path, 0777) == 0)
        return 0;
    int os = errno;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return 0;
    errno = os;
    return file_fail(err, "mkdir");
}

bool plat_file_separator(char c)
{
    return c == '/';
}

int plat_file_list(const char *path,
                   int (*each)(void *arg, const char *name, const struct plat_file_info *info,
                               struct op_error *err),
                   void *arg, struct op_error *err)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    int rc = 0;

    if (dir == NULL)
        return file_fail(err, "list");
    while (rc == 0 && (entry = readdir(dir)) != NULL) {
        struct stat st;
        struct plat_file_info info;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue; /* gone since */
        file_info(&st, &info);
        rc = each(arg, entry->d_name, &info, err);
    }
    closedir(dir);
    return rc;
}

int plat_crc32(uint32_t *crc, const void *p, size_t n, struct op_error *err)
{
    (void)err;
    *crc = (uint32_t)crc32_z(*crc, p, n);
    return 0;
}

struct plat_sha256 *plat_sha256_new(struct op_error *err)
{
    struct plat_sha256 *h = malloc(sizeof *h);
    if (h == NULL)
        op_fail(err, PROTO_ERR_BUSY, "out of memory");
    else
        crypto_hash_sha256_init(&h->state);
    return h;
}

int plat_sha256_update(struct plat_sha256 *h, const void *p, size_t n, struct op_error *err)
{
    (void)err;
    crypto_hash_sha256_update(&h->state, p, n);
    return 0;
}

int plat_sha256_finish(struct plat_sha256 *h, unsigned char digest[32], struct op_error *err)
{
    (void)err;
    crypto_hash_sha256_final(&h->state, digest);
    return 0;
}

void plat_sha256_free(struct plat_sha256 *h)
{
    free(h);
}
