#include "media/labcd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#define LIBISOFS_WITHOUT_LIBBURN
#include <libisofs/libisofs.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "media/labcd_paths.h"

enum { LABCD_PIECE = 64 * 1024 };

static int labcd_iso_failed(struct err *err, int code, const char *what) {
    return err_set(err, code == (int)ISO_OUT_OF_MEM ? ERR_SYSTEM : ERR_INPUT, "%s: %s", what, iso_error_to_msg(code));
}

/* The folder a path lies in, made where it is not there yet. NULL with err. */
static IsoDir *labcd_folder(IsoImage *image, const char *path, struct err *err) {
    IsoDir *dir = iso_image_get_root(image);
    for (const char *slash; (slash = strchr(path, '/')); path = slash + 1) {
        CLEANUP_FREE char *name = str_printf("%.*s", (int)(slash - path), path);
        IsoDir *next = NULL;
        IsoDirIter *iter = NULL;
        IsoNode *node = NULL;
        int rc = iso_dir_get_children(dir, &iter);
        while (rc >= 0 && !next && iso_dir_iter_next(iter, &node) == 1) {
            if (iso_node_get_type(node) == LIBISO_DIR && str_eq_nocase(iso_node_get_name(node), name)) {
                next = (IsoDir *)node;
            }
        }
        iso_dir_iter_free(iter);
        rc = next || rc < 0 ? rc : iso_image_add_new_dir(image, dir, name, &next);
        if (rc < 0) {
            labcd_iso_failed(err, rc, path);
            return NULL;
        }
        dir = next;
    }
    return dir;
}

/* A copy of the bytes becomes the stream's. */
static int labcd_add_bytes(IsoImage *image, IsoDir *dir, const char *name, const struct labcd_file *f,
                           struct err *err) {
    unsigned char *copy = mem_zalloc(f->len + 1, 1);
    if (f->len) {
        memcpy(copy, f->bytes, f->len);
    }
    IsoStream *stream = NULL;
    int rc = iso_memory_stream_new(copy, f->len, &stream);
    if (rc < 0) {
        free(copy);
        return labcd_iso_failed(err, rc, f->path);
    }
    IsoFile *file = NULL;
    rc = iso_image_add_new_file(image, dir, name, stream, &file);
    if (rc < 0) {
        iso_stream_unref(stream);
        return labcd_iso_failed(err, rc, f->path);
    }
    iso_node_set_permissions((IsoNode *)file, 0444);
    return 0;
}

static int labcd_add_host_file(IsoImage *image, IsoDir *dir, const char *name, const struct labcd_file *f,
                               struct err *err) {
    CLEANUP_FREE char *real = realpath(f->host_file, NULL);
    struct stat st;
    if (!real || stat(real, &st) < 0 || access(real, R_OK) < 0) {
        return err_set(err, ERR_INPUT, "%s: %s", f->host_file, strerror(errno));
    }
    if (!S_ISREG(st.st_mode)) {
        return err_set(err, ERR_INPUT, "%s: not a file", f->host_file);
    }
    IsoNode *node = NULL;
    int rc = iso_tree_add_new_node(image, dir, name, real, &node);
    if (rc < 0) {
        return labcd_iso_failed(err, rc, f->path);
    }
    iso_node_set_permissions(node, 0444);
    return 0;
}

static int labcd_add(IsoImage *image, const struct labcd_file *f, struct err *err) {
    IsoDir *dir = labcd_folder(image, f->path, err);
    const char *slash = strrchr(f->path, '/');
    const char *name = slash ? slash + 1 : f->path;
    if (!dir) {
        return -1;
    }
    return f->host_file ? labcd_add_host_file(image, dir, name, f, err) : labcd_add_bytes(image, dir, name, f, err);
}

/* Reads all that the library's thread makes, into fd. */
static int labcd_pump(struct burn_source *from, int fd, struct err *err) {
    CLEANUP_FREE unsigned char *buf = mem_zalloc(LABCD_PIECE, 1);
    int64_t size = from->get_size(from), done = 0;
    while (done < size) {
        int want = size - done < LABCD_PIECE ? (int)(size - done) : LABCD_PIECE;
        int n = from->read_xt(from, buf, want);
        if (n != want) { /* never asked for more than there is: it would give nothing */
            return err_set(err, ERR_SYSTEM, "the CD broke off after %lld of %lld bytes", (long long)done,
                           (long long)size);
        }
        for (int at = 0; at < n;) {
            ssize_t w = write(fd, buf + at, (size_t)(n - at));
            if (w < 0 && errno != EINTR) {
                return err_sys(err, errno, "write");
            }
            at += w > 0 ? (int)w : 0;
        }
        done += n;
    }
    return fsync(fd) < 0 ? err_sys(err, errno, "write") : 0;
}

static int labcd_options(IsoWriteOpts **opts) {
    int rc = iso_write_opts_new(opts, 0);
    if (rc < 0) {
        return rc;
    }
    IsoWriteOpts *o = *opts;
    iso_write_opts_set_iso_level(o, 3);
    iso_write_opts_set_joliet(o, 1);
    iso_write_opts_set_rockridge(o, 0); /* one set of names for every guest */
    iso_write_opts_set_allow_deep_paths(o, 1);
    iso_write_opts_set_replace_timestamps(o, 2);
    iso_write_opts_set_default_timestamp(o, LABCD_TIME);
    iso_write_opts_set_always_gmt(o, 1);
    char uuid[] = "1980010100000000";
    return iso_write_opts_set_pvd_times(o, LABCD_TIME, LABCD_TIME, 0, LABCD_TIME, uuid);
}

static int labcd_produce(IsoImage *image, const char *iso, struct err *err) {
    CLEANUP_FREE char *part = str_printf("%s.part", iso);
    CLEANUP_FD int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return err_sys(err, errno, "%s", part);
    }
    IsoWriteOpts *opts = NULL;
    struct burn_source *source = NULL;
    int rc = labcd_options(&opts);
    rc = rc < 0 ? rc : iso_image_create_burn_source(image, opts, &source);
    iso_write_opts_free(opts);
    if (rc < 0) {
        labcd_iso_failed(err, rc, iso);
    } else {
        rc = labcd_pump(source, fd, err);
        if (rc < 0) {
            source->cancel(source);
        }
        source->free_data(source);
        free(source);
    }
    if (rc >= 0 && rename(part, iso) < 0) {
        rc = err_sys(err, errno, "%s", iso);
    }
    if (rc < 0) {
        unlink(part);
        return -1;
    }
    return 0;
}

static bool labcd_is_label(const char *label) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    size_t len = strlen(label);
    return len > 0 && len <= LABCD_LABEL_MAX && strspn(label, allowed) == len;
}

static int labcd_fill(IsoImage *image, const char *label, const struct labcd_file *files, size_t count,
                      struct err *err) {
    iso_image_set_volume_id(image, label);
    iso_image_set_volset_id(image, label);
    iso_tree_set_follow_symlinks(image, 1);
    for (size_t i = 0; i < count; i++) {
        if (labcd_add(image, &files[i], err) < 0) {
            return -1;
        }
    }
    return 0;
}

int labcd_write(const char *iso, const char *label, const struct labcd_file *files, size_t count, struct err *err) {
    if (!labcd_is_label(label)) {
        return err_set(err, ERR_INPUT, "'%s' cannot be a CD's label", label);
    }
    IsoImage *image = NULL;
    int rc = labcd_check_paths(files, count, err);
    if (rc < 0) {
        return rc;
    }
    int code = iso_init();
    if (code < 0 || (code = iso_image_new(label, &image)) < 0) {
        return labcd_iso_failed(err, code, "libisofs");
    }
    char never[] = "NEVER", none[] = "";
    iso_set_msgs_severities(never, never, none);
    rc = labcd_fill(image, label, files, count, err);
    rc = rc < 0 ? rc : labcd_produce(image, iso, err);
    iso_image_unref(image);
    iso_finish();
    if (rc < 0) {
        err_prefix(err, "CD %s", iso);
    }
    return rc;
}
