/* UDF (ECMA-167, OSTA UDF 1.02 to 2.60) by libudfread. */
#include <stdlib.h>
#include <string.h>
#include <udfread/udfread.h>

#include "base/str.h"
#include "media/volume.h"

struct udf_volume {
    struct volume volume;
    udfread *udf;
};

struct udf_file {
    struct volume_file file;
    UDFFILE *udf;
};

static int udf_each(struct volume *v, const char *folder, volume_entry_fn *fn, void *ctx) {
    struct udf_volume *u = (struct udf_volume *)v;
    UDFDIR *dir = udfread_opendir(u->udf, *folder ? folder : "/");
    if (!dir) {
        return -1;
    }
    int rc = 0;
    struct udfread_dirent entry;
    for (int i = 0; i < VOLUME_ENTRIES_MAX && rc == 0 && udfread_readdir(dir, &entry); i++) {
        bool link = strcmp(entry.d_name, ".") == 0 || strcmp(entry.d_name, "..") == 0;
        rc = link ? 0 : fn(entry.d_name, entry.d_type == UDF_DT_DIR, ctx);
    }
    udfread_closedir(dir);
    return rc;
}

static int64_t udf_read(struct volume_file *file, int64_t at, void *buf, size_t len) {
    struct udf_file *f = (struct udf_file *)file;
    if (udfread_file_seek(f->udf, at, UDF_SEEK_SET) != at) {
        return -1;
    }
    size_t done = 0;
    while (done < len) {
        ssize_t n = udfread_file_read(f->udf, (char *)buf + done, len - done);
        if (n < 0) {
            return -1;
        }
        if (n == 0) {
            break;
        }
        done += (size_t)n;
    }
    return (int64_t)done;
}

static uint32_t udf_lba(struct volume_file *file) {
    return udfread_file_lba(((struct udf_file *)file)->udf, 0);
}

static void udf_file_close(struct volume_file *file) {
    udfread_file_close(((struct udf_file *)file)->udf);
    free(file);
}

static struct volume_file *udf_open(struct volume *v, const char *path) {
    static const struct volume_file_ops ops = {udf_read, udf_lba, udf_file_close};
    UDFFILE *udf = udfread_file_open(((struct udf_volume *)v)->udf, path);
    if (!udf) {
        return NULL;
    }
    if (udfread_file_size(udf) < 0) { /* 2^63 bytes and more: what the CD says of itself */
        udfread_file_close(udf);
        return NULL;
    }
    struct udf_file *f = mem_zalloc(1, sizeof(*f));
    *f = (struct udf_file){{&ops, udfread_file_size(udf)}, udf};
    return &f->file;
}

static void udf_close(struct volume *v) {
    udfread_close(((struct udf_volume *)v)->udf);
    free(v);
}

struct volume *volume_open_udf(const char *path) {
    static const struct volume_ops ops = {udf_each, udf_open, udf_close};
    udfread *udf = udfread_init();
    if (!udf || udfread_open(udf, path) < 0) {
        if (udf) {
            udfread_close(udf);
        }
        return NULL;
    }
    struct udf_volume *u = mem_zalloc(1, sizeof(*u));
    const char *label = udfread_get_volume_id(udf);
    *u = (struct udf_volume){{&ops, str_dup(label ? label : "")}, udf};
    return &u->volume;
}
