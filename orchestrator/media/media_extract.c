/* Files taken off a CD, behind the fence. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fence.h"
#include "base/fs.h"
#include "base/str.h"
#include "media/media.h"
#include "media/media_impl.h"
#include "media/volume.h"

enum { EXTRACT_FILES_MAX = 1000, EXTRACT_PIECE = 1 << 20 };

struct extract {
    const char *path, *folder, *to;
    int64_t left; /* bytes */
    struct volume *volume;
    int files;
    struct err *err;
};

static int extract_copy(struct extract *x, struct volume_file *f, int fd) {
    CLEANUP_FREE char *buf = mem_zalloc(EXTRACT_PIECE, 1);
    for (int64_t at = 0; at < f->size;) {
        size_t want = (size_t)(f->size - at < EXTRACT_PIECE ? f->size - at : EXTRACT_PIECE);
        if (f->ops->read(f, at, buf, want) != (int64_t)want) {
            return err_set(x->err, ERR_INPUT, "it ends before the file does");
        }
        if (write(fd, buf, want) != (ssize_t)want) {
            return err_sys(x->err, errno, "write");
        }
        at += (int64_t)want;
    }
    return 0;
}

static int extract_one(const char *name, bool folder, void *ctx) {
    struct extract *x = ctx;
    if (folder) {
        return 0;
    }
    if (strchr(name, '/') || *name == '.' || !*name) {
        return err_set(x->err, ERR_INPUT, "'%s' is no name of a file", name);
    }
    CLEANUP_FREE char *from = str_printf("%s%s%s", x->folder, *x->folder ? "/" : "", name), *to = fs_join(x->to, name);
    struct volume_file *f = volume_open(x->volume, from);
    if (!f) {
        return err_set(x->err, ERR_INPUT, "%s cannot be opened", from);
    }
    int rc = f->size > x->left || ++x->files > EXTRACT_FILES_MAX
                 ? err_set(x->err, ERR_INPUT, "%s: more files or bytes than drivers have", from)
                 : 0;
    CLEANUP_FD int fd = rc < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (rc == 0 && fd < 0) {
        rc = err_sys(x->err, errno, "%s", to);
    }
    x->left -= f->size;
    rc = rc < 0 ? rc : extract_copy(x, f, fd);
    volume_file_close(f);
    return rc;
}

static struct volume *extract_open(const char *path, struct err *err) {
    struct volume_iso_facts facts;
    struct volume *v = volume_open_udf(path);
    v = v ? v : volume_open_iso(path, &facts, err);
    if (!v && !err_is_set(err)) {
        err_set(err, ERR_INPUT, "it is no CD");
    }
    return v;
}

static int extract_run(void *ctx, struct str *out, struct err *err) {
    struct extract *x = ctx;
    x->err = err;
    x->volume = extract_open(x->path, err);
    if (!x->volume) {
        return -1;
    }
    int rc = volume_each(x->volume, x->folder, extract_one, x);
    if (rc < 0 && err_is_set(err)) {
        return -1;
    }
    str_addf(out, "%d", x->files);
    return 0;
}

int media_extract(const char *path, const char *folder, const char *to, int64_t max_bytes, struct err *err) {
    static const struct fence_limits limits = {
        .timeout_ns = MEDIA_TIME, .memory_bytes = MEDIA_MEMORY, .max_output = 64};
    struct extract x = {.path = path, .folder = folder, .to = to, .left = max_bytes};
    CLEANUP_STR struct str out = STR_INIT;
    if (fs_mkdirs(to, err) < 0) {
        return -1;
    }
    if (fence_run(extract_run, &x, &limits, &out, err) < 0) {
        err_prefix(err, "%s: %s", path, folder);
        return -1;
    }
    return (int)strtol(str_get(&out), NULL, 10);
}

/* ---- what is there ------------------------------------------------------------------------------------------- */

struct extract_ask {
    const char *path;
    const char *const *files;
    size_t count;
};

/* '+' or '-' for each. */
static int extract_has_run(void *ctx, struct str *out, struct err *err) {
    struct extract_ask *ask = ctx;
    struct volume *v = extract_open(ask->path, err);
    for (size_t i = 0; v && i < ask->count; i++) {
        str_add(out, volume_has(v, ask->files[i]) ? "+" : "-");
    }
    volume_close(v);
    return v ? 0 : -1;
}

int media_has(const char *path, const char *const *files, size_t count, bool *there, struct err *err) {
    struct fence_limits limits = {.timeout_ns = MEDIA_TIME, .memory_bytes = MEDIA_MEMORY, .max_output = count};
    struct extract_ask ask = {path, files, count};
    CLEANUP_STR struct str out = STR_INIT;
    if (fence_run(extract_has_run, &ask, &limits, &out, err) < 0) {
        err_prefix(err, "%s", path);
        return -1;
    }
    if (out.len != count) {
        return err_set(err, ERR_PROTOCOL, "%s: the reader broke down over it", path);
    }
    for (size_t i = 0; i < count; i++) {
        there[i] = out.data[i] == '+';
    }
    return 0;
}

/* ---- one file, into memory ----------------------------------------------------------------------------------- */

/* The first byte says whether it was there. */
static int extract_read_run(void *ctx, struct str *out, struct err *err) {
    struct extract *x = ctx;
    struct volume *v = extract_open(x->path, err);
    if (!v) {
        return -1;
    }
    struct volume_file *f = volume_open(v, x->folder);
    if (!f && volume_has(v, x->folder)) {
        return err_set(err, ERR_INPUT, "it is a folder, or cannot be opened");
    }
    if (!f) {
        str_add(out, "-");
        return 0;
    }
    if (f->size > x->left) {
        return err_set(err, ERR_INPUT, "%lld bytes are more than %lld", (long long)f->size, (long long)x->left);
    }
    CLEANUP_FREE char *buf = mem_zalloc((size_t)f->size + 1, 1);
    if (f->ops->read(f, 0, buf, (size_t)f->size) != f->size) {
        return err_set(err, ERR_INPUT, "the CD ends before the file does");
    }
    str_add(out, "+");
    str_add_bytes(out, buf, (size_t)f->size);
    return 0;
}

char *media_read(const char *path, const char *file, size_t max, size_t *len, struct err *err) {
    struct fence_limits limits = {
        .timeout_ns = MEDIA_TIME, .memory_bytes = MEDIA_MEMORY, .max_output = max + 1};
    struct extract x = {.path = path, .folder = file, .left = (int64_t)max};
    CLEANUP_STR struct str out = STR_INIT;
    if (fence_run(extract_read_run, &x, &limits, &out, err) < 0) {
        err_prefix(err, "%s: %s", path, file);
        return NULL;
    }
    if (str_get(&out)[0] != '+') {
        return NULL;
    }
    char *text = mem_zalloc(out.len, 1);
    memcpy(text, out.data + 1, out.len - 1);
    if (len) {
        *len = out.len - 1;
    }
    return text;
}
