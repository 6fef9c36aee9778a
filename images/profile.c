#include "images/profile.h"

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "model/schemas.h"

/* Recipes name a profile and mean a file: the two must not part. */
static void profile_check_name(const struct image_profile *p, const struct json_doc *doc, struct diags *diags) {
    CLEANUP_FREE char *file = str_printf("%s.json", p->name);
    if (!str_eq(fs_basename(p->path), file)) {
        json_doc_complain(doc, "/name", 0, diags, "wrong-name", "a profile's file is named after it",
                          "profile '%s' stands in %s", p->name, fs_basename(p->path));
    }
}

static struct image_profile *profile_build(const struct json_doc *doc, const char *path, struct diags *diags) {
    const json_t *root = json_doc_root(doc);
    struct image_profile *p = mem_zalloc(1, sizeof(*p));
    p->path = fs_absolute(path);
    p->name = str_dup(json_string_value(json_object_get(root, "name")));
    p->title = str_dup(json_string_value(json_object_get(root, "title")));
    p->hardware = json_incref(json_object_get(root, "hardware"));
    profile_check_name(p, doc, diags);
    return p;
}

struct image_profile *image_profile_load(const char *path, struct diags *diags) {
    size_t before = diags->count;
    struct json_doc *doc = schemas_load(SCHEMA_PROFILE, path, diags);
    if (!doc) {
        return NULL;
    }
    struct image_profile *p = profile_build(doc, path, diags);
    json_doc_free(doc);
    if (diags->count > before) {
        image_profile_free(p);
        return NULL;
    }
    return p;
}

void image_profile_free(struct image_profile *p) {
    if (!p) {
        return;
    }
    free(p->path);
    free(p->name);
    free(p->title);
    json_decref(p->hardware);
    free(p);
}

char *image_profile_path(const char *recipe, const char *asked) {
    if (str_ends_with(asked, ".json")) {
        return str_dup(asked);
    }
    CLEANUP_FREE char *dir = fs_dirname(recipe), *above = fs_dirname(dir);
    CLEANUP_FREE char *own = str_printf("%s/profiles/%s.json", dir, asked);
    return fs_exists(own) ? STEAL(own) : str_printf("%s/profiles/%s.json", above, asked);
}
