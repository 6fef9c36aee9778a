/* Recipes: the user's description of an image, checked like every other input. */
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "images/image.h"
#include "model/schemas.h"

static void recipe_check_builder(struct image_recipe *r, const struct json_doc *doc,
                                 struct diags *diags) {
    CLEANUP_FREE char *script = fs_join(r->builder_dir, "build.sh");
    if (!fs_exists(script)) {
        json_doc_complain(doc, "/builder", 0, diags, "missing-file",
                          "a builder is a folder beside the recipe with a build.sh",
                          "there is no builder '%s': %s",
                          json_string_value(json_object_get(r->json, "builder")), script);
    }
}

struct image_recipe *image_recipe_load(const char *path, struct diags *diags) {
    size_t before = diags->count;
    struct json_doc *doc = schemas_load(SCHEMA_IMAGE, path, diags);
    if (!doc) {
        return NULL;
    }
    struct image_recipe *r = mem_zalloc(1, sizeof(*r));
    r->path = fs_absolute(path);
    r->json = json_incref(json_doc_root(doc));
    r->name = str_dup(json_string_value(json_object_get(r->json, "name")));
    CLEANUP_FREE char *dir = fs_dirname(r->path);
    r->builder_dir = fs_join(dir, json_string_value(json_object_get(r->json, "builder")));
    recipe_check_builder(r, doc, diags);
    json_doc_free(doc);
    if (diags->count > before) {
        image_recipe_free(r);
        return NULL;
    }
    return r;
}

void image_recipe_free(struct image_recipe *r) {
    if (!r) {
        return;
    }
    free(r->path);
    free(r->name);
    free(r->builder_dir);
    json_decref(r->json);
    free(r);
}

bool image_recipe_is(const char *path, const char *format) {
    json_t *j = json_load_file(path, 0, NULL);
    bool is = str_eq(json_string_value(json_object_get(j, "format")), format);
    json_decref(j);
    return is;
}
