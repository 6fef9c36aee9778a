/* Where images lie in a lab. */
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "images/image.h"

struct image *image_open(const char *lab_dir, const char *name, struct err *err) {
    CLEANUP_FREE char *dir = str_printf("%s/images/%s", lab_dir, name);
    if (!fs_exists(dir)) {
        err_set(err, ERR_INPUT,
                "there is no image '%s' in %s/images; make it with 'coexist image build'", name,
                lab_dir);
        return NULL;
    }
    return image_open_dir(dir, err);
}

bool image_is_ready_folder(const char *name) {
    return strncmp(name, IMAGE_READY_PREFIX, strlen(IMAGE_READY_PREFIX)) == 0;
}

char *image_lock_path(const char *lab_dir, const char *name) {
    return str_printf("%s/images/.%s.lock", lab_dir, name);
}

struct store_walk {
    const char *images;
    int (*fn)(const char *name, const struct image *image, const char *why, void *ctx);
    void *ctx;
};

static int store_visit(const char *name, void *ctx) {
    const struct store_walk *w = ctx;
    if (*name == '.') { /* a build in progress, a lock */
        return 0;
    }
    CLEANUP_FREE char *dir = fs_join(w->images, name);
    CLEANUP_ERR struct err err = ERR_INIT;
    struct image *image = image_open_dir(dir, &err);
    int rc = w->fn(name, image, image ? NULL : err_text(&err), w->ctx);
    image_free(image);
    return rc;
}

int image_each(const char *lab_dir,
               int (*fn)(const char *name, const struct image *image, const char *why, void *ctx),
               void *ctx, struct err *err) {
    CLEANUP_FREE char *images = fs_join(lab_dir, "images");
    struct store_walk w = {images, fn, ctx};
    return fs_exists(images) ? fs_each(images, store_visit, &w, err) : 0;
}
