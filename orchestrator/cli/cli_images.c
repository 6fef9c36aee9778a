#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "cli/cli.h"
#include "images/image.h"

static int images_name(const char *name, const struct image *image, const char *why, void *ctx) {
    struct str *there = ctx;
    (void)image;
    (void)why;
    str_addf(there, "%s%s", there->len ? ", " : "", name);
    return 0;
}

void cli_check_images(const char *lab_dir, const char *matrix_path, const struct model *m, struct diags *diags) {
    CLEANUP_STR struct str there = STR_INIT;
    struct json_doc *doc = NULL;
    for (size_t i = 0; i < m->image_count; i++) {
        CLEANUP_FREE char *dir = str_printf("%s/images/%s", lab_dir, m->images[i]);
        if (fs_exists(dir) || (!doc && !(doc = json_doc_load(matrix_path, diags)))) {
            continue;
        }
        if (!there.len) {
            image_each(lab_dir, images_name, &there, NULL);
        }
        CLEANUP_FREE char *at = str_printf("/images/%zu", i);
        CLEANUP_FREE char *hint = there.len ? str_printf("it has: %s", str_get(&there)) : NULL;
        json_doc_complain(doc, at, 0, diags, "unknown-image", hint ? hint : "'coexist image build' makes one",
                          "there is no image \"%s\" in %s/images", m->images[i], lab_dir);
    }
    json_doc_free(doc);
}
