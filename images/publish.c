#include "images/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"

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
    return fs_remove_tree(out, err);
}
