/* Reading manifests: an image's own words are checked before anything is made of them. */
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "images/image.h"

void image_free(struct image *image) {
    if (!image) {
        return;
    }
    free(image->dir);
    free(image->name);
    free(image->disk);
    free(image->kernel);
    free(image->initrd);
    free(image->nvram);
    free(image->ssh_client_key);
    json_decref(image->manifest);
    free(image);
}

/* A member that must be a text; NULL with err. */
static const char *manifest_text(const json_t *object, const char *key, struct err *err) {
    const char *text = json_string_value(json_object_get(object, key));
    if (!text) {
        err_set(err, ERR_INPUT, "manifest: '%s' is missing or not a text", key);
    }
    return text;
}

/* A file name without a way out of the image's folder. */
static bool manifest_name_is_plain(const char *name) {
    return name && *name && *name != '.' && !strchr(name, '/');
}

/* Absolute path of the file with that role; NULL without err when there is none and it is optional. */
static char *manifest_role(const struct image *image, const char *role) {
    size_t i;
    json_t *file;
    json_array_foreach(json_object_get(image->manifest, "files"), i, file) {
        if (str_eq(json_string_value(json_object_get(file, "role")), role)) {
            return fs_join(image->dir, json_string_value(json_object_get(file, "name")));
        }
    }
    return NULL;
}

static int manifest_check_files(const json_t *manifest, struct err *err) {
    const json_t *files = json_object_get(manifest, "files");
    if (!json_is_array(files) || json_array_size(files) == 0) {
        return err_set(err, ERR_INPUT, "manifest: 'files' is missing or empty");
    }
    size_t i;
    json_t *file;
    json_array_foreach((json_t *)files, i, file) {
        const char *name = manifest_text(file, "name", err);
        const char *sha256 = name ? manifest_text(file, "sha256", err) : NULL;
        if (!sha256 || !manifest_text(file, "role", err)) {
            return -1;
        }
        if (!manifest_name_is_plain(name) || strlen(sha256) != 64 ||
            !json_is_integer(json_object_get(file, "bytes"))) {
            return err_set(err, ERR_INPUT, "manifest: files[%zu] is not right", i);
        }
    }
    return 0;
}

/* Without "ssh" the guest is reached by its serial port alone. */
static int manifest_read_ssh(struct image *image, struct err *err) {
    const json_t *ssh = json_object_get(image->manifest, "ssh");
    if (!ssh) {
        return 0;
    }
    const char *client_key = manifest_text(ssh, "client_key", err);
    if (!client_key || !(image->ssh_user = manifest_text(ssh, "user", err)) ||
        !(image->ssh_host_key = manifest_text(ssh, "host_key", err))) {
        return -1;
    }
    image->ssh_client_key = fs_join(image->dir, client_key);
    return 0;
}

/* Without "safe_mode" there is none. */
static int manifest_read_safe_mode(struct image *image, struct err *err) {
    const json_t *how = json_object_get(image->manifest, "safe_mode");
    image->safe_mode = json_string_value(how);
    bool known = str_eq(image->safe_mode, IMAGE_SAFE_MODE_BCD) || (image->safe_mode && *image->safe_mode == '/');
    return !how || known ? 0
                         : err_set(err, ERR_INPUT, "manifest: 'safe_mode' is neither \"" IMAGE_SAFE_MODE_BCD
                                                   "\" nor an absolute path");
}

static int manifest_read(struct image *image, struct err *err) {
    const json_t *m = image->manifest;
    const char *format = manifest_text(m, "format", err);
    if (!format) {
        return -1;
    }
    if (strcmp(format, IMAGE_MANIFEST_FORMAT) != 0) {
        return err_set(err, ERR_INPUT, "manifest: format '%s', this program reads '%s'", format,
                       IMAGE_MANIFEST_FORMAT);
    }
    const char *name = manifest_text(m, "name", err);
    if (!name || manifest_check_files(m, err) < 0 || manifest_read_ssh(image, err) < 0 ||
        manifest_read_safe_mode(image, err) < 0) {
        return -1;
    }
    image->name = str_dup(name);
    image->profile = json_object_get(m, "profile");
    image->limits = json_object_get(m, "limits");
    image->disk = manifest_role(image, "disk");
    image->kernel = manifest_role(image, "kernel");
    image->initrd = manifest_role(image, "initrd");
    image->nvram = manifest_role(image, "nvram");
    if (!(image->cmdline = manifest_text(m, "cmdline", err)) ||
        !(image->windows_root = manifest_text(m, "windows_root", err)) ||
        !(image->agent_path = manifest_text(json_object_get(m, "agent"), "path", err))) {
        return -1;
    }
    if (!image->disk || !json_is_object(image->profile) || !json_is_array(image->limits)) {
        return err_set(err, ERR_INPUT, "manifest: a disk, 'profile' and 'limits' are needed");
    }
    return 0;
}

struct image *image_open_dir(const char *dir, struct err *err) {
    struct image *image = mem_zalloc(1, sizeof(*image));
    image->dir = fs_absolute(dir);
    CLEANUP_FREE char *path = fs_join(image->dir, "manifest.json");
    json_error_t why;
    image->manifest = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
    if (!image->manifest) {
        err_set(err, ERR_INPUT, "%s:%d:%d: %s", path, why.line, why.column, why.text);
    } else if (manifest_read(image, err) == 0) {
        return image;
    } else {
        err_prefix(err, "%s", path);
    }
    image_free(image);
    return NULL;
}

static int manifest_verify_file(const struct image *image, const json_t *file, struct err *err) {
    CLEANUP_FREE char *path =
        fs_join(image->dir, json_string_value(json_object_get(file, "name")));
    int64_t expected = json_integer_value(json_object_get(file, "bytes"));
    int64_t found = fs_size(path);
    if (found < 0) {
        return err_set(err, ERR_INPUT, "%s: not there", path);
    }
    if (found != expected) {
        return err_set(err, ERR_INPUT, "%s: %lld bytes, the manifest says %lld", path,
                       (long long)found, (long long)expected);
    }
    char hex[FS_SHA256_HEX];
    if (fs_sha256_file(path, hex, err) < 0) {
        return -1;
    }
    const char *sha256 = json_string_value(json_object_get(file, "sha256"));
    if (strcmp(hex, sha256) != 0) {
        return err_set(err, ERR_INPUT, "%s: SHA-256 is %s, the manifest says %s", path, hex, sha256);
    }
    return 0;
}

int image_verify(const struct image *image, struct err *err) {
    size_t i;
    json_t *file;
    json_array_foreach(json_object_get(image->manifest, "files"), i, file) {
        if (manifest_verify_file(image, file, err) < 0) {
            err_prefix(err, "image '%s' is damaged", image->name);
            return -1;
        }
    }
    return 0;
}
