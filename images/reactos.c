#include "images/reactos.h"

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "model/schemas.h"

enum { REACTOS_LOCALE = 0x409 };

static struct reactos_recipe *reactos_build(json_t *json, const char *path) {
    struct reactos_recipe *r = mem_zalloc(1, sizeof(*r));
    const json_t *locale = json_object_get(json, "locale");
    r->path = fs_absolute(path);
    r->json = json_incref(json);
    r->name = json_string_value(json_object_get(json, "name"));
    r->title = json_string_value(json_object_get(json, "title"));
    r->profile = json_string_value(json_object_get(json, "profile"));
    r->computer = json_string_value(json_object_get(json, "computer"));
    r->limits = json_object_get(json, "limits");
    r->locale = locale ? (int)json_integer_value(locale) : REACTOS_LOCALE;
    r->disk_gib = (int)json_integer_value(json_object_get(json, "disk_gib"));
    return r;
}

struct reactos_recipe *reactos_recipe_load(const char *path, struct diags *diags) {
    struct json_doc *doc = schemas_load(SCHEMA_REACTOS, path, diags);
    struct reactos_recipe *r = doc ? reactos_build(json_doc_root(doc), path) : NULL;
    json_doc_free(doc);
    return r;
}

void reactos_recipe_free(struct reactos_recipe *r) {
    if (r) {
        free(r->path);
        json_decref(r->json);
        free(r);
    }
}
