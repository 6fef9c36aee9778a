#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sodium.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/cleanup.h"
#include "base/str.h"

enum { FS_CHUNK = 1 << 20 };

char *fs_read(const char *path, size_t max_bytes, size_t *len, struct err *err) {
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        err_sys(err, errno, "open %s", path);
        return NULL;
    }
    CLEANUP_STR struct str s = STR_INIT;
    char buf[65536];
    for (;;) {
        ssize_t n = read(fd, buf, sizeof(buf));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            err_sys(err, errno, "read %s", path);
            return NULL;
        }
        if (n == 0) {
            break;
        }
        if ((size_t)n > max_bytes - s.len) {
            err_set(err, ERR_INPUT, "%s: larger than %zu bytes", path, max_bytes);
            return NULL;
        }
        str_add_bytes(&s, buf, (size_t)n);
    }
    if (len) {
        *len = s.len;
    }
    return str_take(&s);
}

static int fs_write_all(int fd, const void *data, size_t len) {
    const char *p = data;
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

static int fs_sync_dir_of(const char *path, struct err *err) {
    CLEANUP_FREE char *dir = fs_dirname(path);
    CLEANUP_FD int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0) {
        return err_sys(err, errno, "sync folder %s", dir);
    }
    return 0;
}

/* fsync and rename of a finished temporary file; removes it when that fails. */
static int fs_publish(int fd, const char *tmp, const char *path, mode_t mode, struct err *err) {
    if (fchmod(fd, mode) < 0 || fsync(fd) < 0 || rename(tmp, path) < 0) {
        err_sys(err, errno, "write %s", path);
        unlink(tmp);
        return -1;
    }
    return fs_sync_dir_of(path, err);
}

int fs_write_atomic(const char *path, const void *data, size_t len, mode_t mode, struct err *err) {
    CLEANUP_FREE char *tmp = str_printf("%s.XXXXXX", path);
    CLEANUP_FD int fd = mkostemp(tmp, O_CLOEXEC);
    if (fd < 0) {
        return err_sys(err, errno, "create %s", tmp);
    }
    if (fs_write_all(fd, data, len) < 0) {
        err_sys(err, errno, "write %s", tmp);
        unlink(tmp);
        return -1;
    }
    return fs_publish(fd, tmp, path, mode, err);
}

int fs_mkdirs(const char *path, struct err *err) {
    CLEANUP_FREE char *copy = str_dup(path);
    for (char *p = copy + 1; *copy; p++) {
        if (*p != '/' && *p != '\0') {
            continue;
        }
        char keep = *p;
        *p = '\0';
        if (mkdir(copy, 0777) < 0 && errno != EEXIST) {
            return err_sys(err, errno, "create folder %s", copy);
        }
        *p = keep;
        if (keep == '\0') {
            break;
        }
    }
    return 0;
}

static int fs_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

int fs_remove_tree(const char *path, struct err *err) {
    if (nftw(path, fs_remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0 && errno != ENOENT) {
        return err_sys(err, errno, "remove %s", path);
    }
    return 0;
}

static int fs_copy_fds(int in, int out) {
    for (;;) {
        ssize_t n = copy_file_range(in, NULL, out, NULL, FS_CHUNK, 0);
        if (n == 0) {
            return 0;
        }
        if (n < 0) {
            break;
        }
    }
    /* Across file systems that refuse it, plain copying from where we stand. */
    CLEANUP_FREE char *buf = mem_zalloc(1, FS_CHUNK);
    for (;;) {
        ssize_t n = read(in, buf, FS_CHUNK);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? -1 : 0;
        }
        if (fs_write_all(out, buf, (size_t)n) < 0) {
            return -1;
        }
    }
}

int fs_copy(const char *from, const char *to, struct err *err) {
    CLEANUP_FD int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0) {
        return err_sys(err, errno, "open %s", from);
    }
    CLEANUP_FREE char *tmp = str_printf("%s.XXXXXX", to);
    CLEANUP_FD int out = mkostemp(tmp, O_CLOEXEC);
    if (out < 0) {
        return err_sys(err, errno, "create %s", tmp);
    }
    if (fs_copy_fds(in, out) < 0) {
        err_sys(err, errno, "copy %s to %s", from, tmp);
        unlink(tmp);
        return -1;
    }
    return fs_publish(out, tmp, to, 0644, err);
}

bool fs_exists(const char *path) {
    return access(path, F_OK) == 0;
}

int64_t fs_size(const char *path) {
    struct stat st;
    return stat(path, &st) < 0 ? -1 : (int64_t)st.st_size;
}

int64_t fs_free_bytes(const char *path) {
    struct statvfs st;
    return statvfs(path, &st) < 0 ? -1 : (int64_t)st.f_bavail * (int64_t)st.f_frsize;
}

static void fs_hex(const unsigned char *digest, char hex[FS_SHA256_HEX]) {
    sodium_bin2hex(hex, FS_SHA256_HEX, digest, crypto_hash_sha256_BYTES);
}

void fs_sha256_bytes(const void *data, size_t len, char hex[FS_SHA256_HEX]) {
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(digest, data, len);
    fs_hex(digest, hex);
}

int fs_sha256_file(const char *path, char hex[FS_SHA256_HEX], struct err *err) {
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_sys(err, errno, "open %s", path);
    }
    CLEANUP_FREE unsigned char *buf = mem_zalloc(1, FS_CHUNK);
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    for (;;) {
        ssize_t n = read(fd, buf, FS_CHUNK);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_sys(err, errno, "read %s", path);
        }
        if (n == 0) {
            break;
        }
        crypto_hash_sha256_update(&state, buf, (size_t)n);
    }
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_final(&state, digest);
    fs_hex(digest, hex);
    return 0;
}

/* DIR/ab/abcdef...; makes the folder. NULL with err. */
static char *fs_store_name(const char *dir, const char *hex, struct err *err) {
    CLEANUP_FREE char *sub = str_printf("%s/%.2s", dir, hex);
    if (fs_mkdirs(sub, err) < 0) {
        return NULL;
    }
    return fs_join(sub, hex);
}

int fs_store(const char *dir, const char *path, char hex[FS_SHA256_HEX], struct err *err) {
    if (fs_sha256_file(path, hex, err) < 0) {
        return -1;
    }
    CLEANUP_FREE char *name = fs_store_name(dir, hex, err);
    if (!name) {
        return -1;
    }
    return fs_exists(name) ? 0 : fs_copy(path, name, err);
}

int fs_store_bytes(const char *dir, const void *data, size_t len, char hex[FS_SHA256_HEX],
                   struct err *err) {
    fs_sha256_bytes(data, len, hex);
    CLEANUP_FREE char *name = fs_store_name(dir, hex, err);
    if (!name) {
        return -1;
    }
    return fs_exists(name) ? 0 : fs_write_atomic(name, data, len, 0644, err);
}

char *fs_join(const char *dir, const char *name) {
    if (name[0] == '/') {
        return str_dup(name);
    }
    return str_printf("%s%s%s", dir, str_ends_with(dir, "/") ? "" : "/", name);
}

char *fs_dirname(const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash) {
        return str_dup(".");
    }
    return slash == path ? str_dup("/") : str_printf("%.*s", (int)(slash - path), path);
}

const char *fs_basename(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *fs_absolute(const char *path) {
    if (path[0] == '/') {
        return str_dup(path);
    }
    CLEANUP_FREE char *cwd = getcwd(NULL, 0);
    while (path[0] == '.' && path[1] == '/') {
        path += 2;
    }
    return str_eq(path, ".") ? str_dup(cwd ? cwd : ".") : fs_join(cwd ? cwd : ".", path);
}

int fs_lock(const char *path, struct err *err) {
    CLEANUP_FD int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        return err_sys(err, errno, "open %s", path);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno == EWOULDBLOCK) {
            return -2;
        }
        return err_sys(err, errno, "lock %s", path);
    }
    return STEAL_FD(fd);
}

static int fs_skip_dots(const struct dirent *e) {
    return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

int fs_each(const char *dir, int (*fn)(const char *name, void *ctx), void *ctx, struct err *err) {
    struct dirent **list = NULL;
    int n = scandir(dir, &list, fs_skip_dots, alphasort);
    if (n < 0) {
        return err_sys(err, errno, "list %s", dir);
    }
    int rc = 0;
    for (int i = 0; i < n; i++) {
        if (rc == 0) {
            rc = fn(list[i]->d_name, ctx);
        }
        free(list[i]);
    }
    free(list);
    return rc;
}
