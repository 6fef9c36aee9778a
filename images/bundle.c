#include "images/bundle.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "images/publish.h"

enum { BUNDLE_CHUNK = 1 << 20, BUNDLE_MANIFEST_MAX = 4 << 20, BUNDLE_KEY_MAX = 1 << 14 };
#define BUNDLE_MANIFEST "manifest.json"

static int bundle_fail(struct archive *a, struct err *err, enum err_class cls, const char *what) {
    int number = archive_errno(a);
    return err_set(err, number == ENOSPC ? ERR_NOSPACE : cls, "%s: %s", what,
                   archive_error_string(a) ? archive_error_string(a) : "libarchive gave no reason");
}

/* ---- export ---------------------------------------------------------------------------------- */

static int bundle_copy_in(struct archive *a, int fd, const char *path, struct err *err) {
    CLEANUP_FREE char *buffer = mem_zalloc(1, BUNDLE_CHUNK);
    ssize_t n;
    while ((n = read(fd, buffer, BUNDLE_CHUNK)) > 0) {
        if (archive_write_data(a, buffer, (size_t)n) != n) {
            return bundle_fail(a, err, ERR_SYSTEM, "write the archive");
        }
    }
    return n < 0 ? err_sys(err, errno, "read %s", path) : 0;
}

/* Nothing of this host goes in: neither times nor owners. */
static int bundle_add(struct archive *a, const struct image *image, const char *name, mode_t mode, struct err *err) {
    CLEANUP_FREE char *path = fs_join(image->dir, name);
    CLEANUP_FREE char *inside = str_printf("%s/%s", image->name, name);
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        return err_sys(err, errno, "open %s", path);
    }
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, inside);
    archive_entry_set_size(entry, st.st_size);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, mode);
    int rc = archive_write_header(a, entry);
    archive_entry_free(entry);
    return rc != ARCHIVE_OK ? bundle_fail(a, err, ERR_SYSTEM, "write the archive") : bundle_copy_in(a, fd, path, err);
}

static int bundle_add_all(struct archive *a, const struct image *image, struct err *err) {
    size_t i;
    json_t *file;
    if (bundle_add(a, image, BUNDLE_MANIFEST, 0444, err) < 0) {
        return -1;
    }
    json_array_foreach(json_object_get(image->manifest, "files"), i, file) {
        if (bundle_add(a, image, json_string_value(json_object_get(file, "name")), 0444, err) < 0) {
            return -1;
        }
    }
    return image->ssh_client_key ? bundle_add(a, image, fs_basename(image->ssh_client_key), 0600, err) : 0;
}

static int bundle_write(const struct image *image, int fd, struct err *err) {
    struct archive *a = archive_write_new();
    int rc = archive_write_set_format_pax_restricted(a) != ARCHIVE_OK || archive_write_open_fd(a, fd) != ARCHIVE_OK
                 ? bundle_fail(a, err, ERR_SYSTEM, "begin the archive")
                 : bundle_add_all(a, image, err);
    if (rc == 0 && archive_write_close(a) != ARCHIVE_OK) {
        rc = bundle_fail(a, err, ERR_SYSTEM, "end the archive");
    }
    archive_write_free(a);
    return rc == 0 && fsync(fd) < 0 ? err_sys(err, errno, "write the archive") : rc;
}

int image_export(const struct image *image, const char *path, struct err *err) {
    if (image_verify(image, err) < 0) {
        return -1;
    }
    CLEANUP_FREE char *part = str_printf("%s.part", path);
    CLEANUP_FD int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600); /* a private key is in it */
    int rc = fd < 0 ? err_sys(err, errno, "create %s", part) : bundle_write(image, fd, err);
    if (rc == 0 && rename(part, path) < 0) {
        rc = err_sys(err, errno, "rename to %s", path);
    }
    if (rc < 0 && fd >= 0) {
        unlink(part);
    }
    return rc;
}

/* ---- import ---------------------------------------------------------------------------------- */

struct bundle_import {
    const char *lab_dir;
    struct archive *a;
    char *name, *out, *final;
    json_t *manifest;
};

static void bundle_import_clear(struct bundle_import *b) {
    if (b->a) {
        archive_read_free(b->a);
    }
    json_decref(b->manifest);
    free(b->name);
    free(b->out);
    free(b->final);
}

/* "NAME/FILE", both plain; *file borrowed from path. */
static bool bundle_split(const char *path, char **name, const char **file) {
    const char *slash = path ? strchr(path, '/') : NULL;
    if (!slash || slash == path || *path == '.' || slash[1] == '\0' || slash[1] == '.' || strchr(slash + 1, '/') ||
        strspn(path, "abcdefghijklmnopqrstuvwxyz0123456789-") != (size_t)(slash - path)) {
        return false;
    }
    *name = str_printf("%.*s", (int)(slash - path), path);
    *file = slash + 1;
    return true;
}

/* The largest size that this file may have; -1: the manifest does not name it. */
static int64_t bundle_room(const struct bundle_import *b, const char *file) {
    size_t i;
    json_t *f;
    if (!b->manifest) {
        return str_eq(file, BUNDLE_MANIFEST) ? BUNDLE_MANIFEST_MAX : -1;
    }
    json_array_foreach(json_object_get(b->manifest, "files"), i, f) {
        if (str_eq(json_string_value(json_object_get(f, "name")), file)) {
            return json_integer_value(json_object_get(f, "bytes"));
        }
    }
    const char *key = json_string_value(json_object_get(json_object_get(b->manifest, "ssh"), "client_key"));
    return str_eq(key, file) ? BUNDLE_KEY_MAX : -1;
}

static int bundle_copy_out(struct bundle_import *b, const char *file, int64_t room, mode_t mode, struct err *err) {
    CLEANUP_FREE char *path = fs_join(b->out, file);
    CLEANUP_FREE char *buffer = mem_zalloc(1, BUNDLE_CHUNK);
    CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0) {
        return errno == EEXIST ? err_set(err, ERR_INPUT, "'%s' stands twice in it", file)
                               : err_sys(err, errno, "create %s", path);
    }
    la_ssize_t n;
    while ((n = archive_read_data(b->a, buffer, BUNDLE_CHUNK)) > 0) {
        room -= n;
        if (room < 0) {
            return err_set(err, ERR_INPUT, "'%s' is larger than the manifest says", file);
        }
        if (write(fd, buffer, (size_t)n) != n) {
            return err_sys(err, errno, "write %s", path);
        }
    }
    if (n < 0) {
        return bundle_fail(b->a, err, ERR_INPUT, "read the archive");
    }
    return fsync(fd) < 0 ? err_sys(err, errno, "write %s", path) : 0;
}

/* The first entry names the image and says what else is to come. */
static int bundle_begin(struct bundle_import *b, struct err *err) {
    CLEANUP_FREE char *images = fs_join(b->lab_dir, "images");
    b->out = str_printf("%s/.%s.importing", images, b->name);
    b->final = fs_join(images, b->name);
    return fs_mkdirs(images, err) < 0 || fs_remove_tree(b->out, err) < 0 || fs_mkdirs(b->out, err) < 0 ? -1 : 0;
}

static int bundle_read_manifest(struct bundle_import *b, struct err *err) {
    CLEANUP_FREE char *path = fs_join(b->out, BUNDLE_MANIFEST);
    json_error_t why;
    b->manifest = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
    if (!b->manifest) {
        return err_set(err, ERR_INPUT, "its manifest.json:%d:%d: %s", why.line, why.column, why.text);
    }
    return str_eq(json_string_value(json_object_get(b->manifest, "name")), b->name)
               ? 0
               : err_set(err, ERR_INPUT, "its manifest is of another image than '%s'", b->name);
}

static int bundle_take(struct bundle_import *b, struct archive_entry *entry, struct err *err) {
    CLEANUP_FREE char *name = NULL;
    const char *file = NULL;
    const char *path = archive_entry_pathname(entry);
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) ||
        !bundle_split(path, &name, &file) || (b->name && !str_eq(name, b->name))) {
        return err_set(err, ERR_INPUT, "'%s' does not belong into an exported image", path ? path : "");
    }
    bool first = !b->name;
    if (first) {
        b->name = STEAL(name);
    }
    int64_t room = bundle_room(b, file);
    if (room < 0) {
        return err_set(err, ERR_INPUT, first ? "it begins with '%s', not with a manifest" : "its manifest has no '%s'",
                       file);
    }
    if (first && bundle_begin(b, err) < 0) {
        return -1;
    }
    bool key = !first && str_eq(file, json_string_value(json_object_get(json_object_get(b->manifest, "ssh"),
                                                                        "client_key")));
    if (bundle_copy_out(b, file, room, key ? 0600 : 0644, err) < 0) {
        return -1;
    }
    return first ? bundle_read_manifest(b, err) : 0;
}

static int bundle_take_all(struct bundle_import *b, struct err *err) {
    struct archive_entry *entry;
    int rc;
    while ((rc = archive_read_next_header(b->a, &entry)) == ARCHIVE_OK) {
        if (bundle_take(b, entry, err) < 0) {
            return -1;
        }
    }
    if (rc != ARCHIVE_EOF) {
        return bundle_fail(b->a, err, ERR_INPUT, "read the archive");
    }
    return b->name ? 0 : err_set(err, ERR_INPUT, "it is empty");
}

static int bundle_check(const struct bundle_import *b, struct err *err) {
    struct image *image = image_open_dir(b->out, err);
    int rc = image ? image_verify(image, err) : -1;
    image_free(image);
    return rc;
}

static int bundle_import_locked(struct bundle_import *b, bool replace, struct err *err) {
    if (bundle_take_all(b, err) < 0 || bundle_check(b, err) < 0) {
        return -1;
    }
    if (!replace && fs_exists(b->final)) {
        return err_set(err, ERR_REFUSED, "the lab has an image '%s' already", b->name);
    }
    return image_publish(b->out, b->final, b->manifest, err);
}

int image_import(const char *lab_dir, const char *path, bool replace, char **name, struct err *err) {
    CLEANUP(bundle_import_clear) struct bundle_import b = {.lab_dir = lab_dir, .a = archive_read_new()};
    CLEANUP_FREE char *images = fs_join(lab_dir, "images");
    CLEANUP_FREE char *lock_path = fs_join(images, ".import.lock");
    if (fs_mkdirs(images, err) < 0) {
        return -1;
    }
    CLEANUP_FD int lock = fs_lock(lock_path, err);
    if (lock < 0) {
        return lock == -2 ? err_set(err, ERR_SYSTEM, "another import is running") : -1;
    }
    archive_read_support_format_tar(b.a);
    int rc = archive_read_open_filename(b.a, path, BUNDLE_CHUNK) != ARCHIVE_OK
                 ? bundle_fail(b.a, err, ERR_INPUT, "open the archive")
                 : bundle_import_locked(&b, replace, err);
    if (rc < 0) {
        if (b.out) {
            fs_remove_tree(b.out, NULL);
        }
        err_prefix(err, "%s", path);
        return -1;
    }
    *name = STEAL(b.name);
    return 0;
}
