#include "model/products.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "model/build.h"

bool products_add(struct products *p, const char *path, struct diags *diags) {
    struct json_doc *doc = schemas_load(SCHEMA_PRODUCT, path, diags);
    bool good = doc != NULL;
    if (good) {
        CLEANUP_FREE char *dir = fs_dirname(path);
        struct input_doc d = {.doc = doc, .root = json_doc_root(doc), .dir = dir, .usable = true, .good = true};
        p->items = mem_grow(p->items, p->count + 1, sizeof(*p->items));
        p->items[p->count] = (struct model_product){0};
        build_product(&d, &p->items[p->count++]);
    }
    json_doc_free(doc);
    return good;
}

const struct model_product *products_owner(const struct products *p, const char *module) {
    const struct model_product *owner = NULL;
    for (size_t i = 0; i < p->count; i++) {
        if (!model_owner_take(&owner, &p->items[i], module, 0)) {
            return NULL;
        }
    }
    return owner;
}

void products_free(struct products *p) {
    for (size_t i = 0; i < p->count; i++) {
        build_product_free(&p->items[i]);
    }
    free(p->items);
    *p = (struct products){0};
}
