#include "run/host_files.h"

#include <stdlib.h>

#include "base/fs.h"
#include "base/str.h"

static const char *files_digest(const struct image *image, const char *path) {
    size_t i;
    json_t *file;
    json_array_foreach(json_object_get(image->manifest, "files"), i, file) {
        if (str_eq(json_string_value(json_object_get(file, "name")), fs_basename(path))) {
            return json_string_value(json_object_get(file, "sha256"));
        }
    }
    return NULL;
}

int host_files_of(const struct image *image, struct host_file out[HOST_FILES], struct err *err) {
    const char *const paths[HOST_FILES] = {image->disk, image->kernel, image->initrd};
    for (int i = 0; i < HOST_FILES; i++) {
        out[i] = (struct host_file){.path = paths[i]};
    }
    for (int i = 0; i < HOST_FILES; i++) {
        if (!paths[i]) {
            continue;
        }
        out[i].sha256 = files_digest(image, paths[i]);
        if (!out[i].sha256) {
            host_files_clear(out);
            return err_set(err, ERR_INPUT, "image %s: its manifest has no digest of %s", image->name,
                           paths[i]);
        }
        out[i].name = str_printf("image-%s", out[i].sha256);
    }
    return 0;
}

void host_files_clear(struct host_file files[HOST_FILES]) {
    for (int i = 0; i < HOST_FILES; i++) {
        free(files[i].name);
        files[i] = (struct host_file){.name = NULL};
    }
}
