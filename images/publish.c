#include "images/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "images/image.h"

int image_add_file(json_t *files, const char *dir, const char *name, const char *role, struct err *err) {
    CLEANUP_FREE char *path = fs_join(dir, name);
    char hex[FS_SHA256_HEX];
    if (fs_sha256_file(path, hex, err) < 0) {
        return -1;
    }
    json_array_append_new(files, json_pack("{s:s, s:s, s:s, s:I}", "name", name, "role", role, "sha256", hex, "bytes",
                                           (json_int_t)fs_size(path)));
    return 0;
}

int image_write_manifest(const char *dir, const json_t *manifest, struct err *err) {
    CLEANUP_FREE char *path = fs_join(dir, "manifest.json");
    CLEANUP_FREE char *text = json_dumps(manifest, JSON_INDENT(2));
    return fs_write_atomic(path, text, strlen(text), 0644, err);
}

static int publish_protect(const char *dir, const char *name, struct err *err) {
    CLEANUP_FREE char *path = fs_join(dir, name);
    return chmod(path, 0444) < 0 ? err_sys(err, errno, "chmod %s", path) : 0;
}

struct publish_move {
    const char *from, *to;
    struct err *err;
};

static int publish_move_ready(const char *name, void *ctx) {
    const struct publish_move *m = ctx;
    if (!image_is_ready_folder(name)) {
        return 0;
    }
    CLEANUP_FREE char *from = fs_join(m->from, name);
    CLEANUP_FREE char *to = fs_join(m->to, name);
    return rename(from, to) < 0 ? err_sys(m->err, errno, "move %s to %s", from, to) : 0;
}

/* The same image, made again: what was kept of its machine, and what stands on that, goes on. */
static int publish_keep_ready(const char *old, const char *final, struct err *err) {
    CLEANUP_FREE char *was = fs_join(old, "manifest.json");
    CLEANUP_FREE char *is = fs_join(final, "manifest.json");
    char was_hex[FS_SHA256_HEX], is_hex[FS_SHA256_HEX];
    if (fs_sha256_file(was, was_hex, NULL) < 0 || fs_sha256_file(is, is_hex, err) < 0 || strcmp(was_hex, is_hex) != 0) {
        return err_is_set(err) ? -1 : 0;
    }
    struct publish_move m = {old, final, err};
    return fs_each(old, publish_move_ready, &m, err);
}

int image_publish(const char *out, const char *final, const json_t *manifest, struct err *err) {
    size_t i;
    json_t *file;
    json_array_foreach(json_object_get(manifest, "files"), i, file) {
        if (publish_protect(out, json_string_value(json_object_get(file, "name")), err) < 0) {
            return -1;
        }
    }
    if (publish_protect(out, "manifest.json", err) < 0) {
        return -1;
    }
    if (!fs_exists(final)) {
        return rename(out, final) < 0 ? err_sys(err, errno, "rename to %s", final) : 0;
    }
    if (renameat2(AT_FDCWD, out, AT_FDCWD, final, RENAME_EXCHANGE) < 0) {
        return err_sys(err, errno, "exchange %s", final);
    }
    return publish_keep_ready(out, final, err) < 0 ? -1 : fs_remove_tree(out, err);
}
