#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "model/check.h"

/* Ids must be told apart among products and among updates. */
static void check_ids(const struct input *in, const struct input_doc *docs, size_t count,
                      const char *what) {
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (docs[i].id && str_eq(docs[i].id, docs[k].id)) {
                CLEANUP_FREE char *hint =
                    str_printf("it is also the id of %s", json_doc_path(docs[k].doc));
                json_doc_complain(docs[i].doc, "/id", 0, in->diags, "duplicate-id", hint,
                                  "two %ss have the id \"%s\"", what, docs[i].id);
                break;
            }
        }
    }
}

/* Members of a list of objects that must differ in one key. */
static void check_distinct(const struct input *in, const char *list_key, const char *key) {
    const json_t *list = json_object_get(in->matrix.root, list_key);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_object_get(json_array_get(list, i), key));
        for (size_t k = 0; k < i; k++) {
            if (name && str_eq(name, json_string_value(json_object_get(json_array_get(list, k), key)))) {
                CLEANUP_FREE char *at = str_printf("/%s/%zu/%s", list_key, i, key);
                json_doc_complain(in->matrix.doc, at, 0, in->diags, "duplicate",
                                  "remove or rename one of them", "\"%s\" stands twice in \"%s\"",
                                  name, list_key);
                break;
            }
        }
    }
}

void check_matrix(const struct input *in) {
    check_distinct(in, "gates", "id");
    check_distinct(in, "gates", "verdict"); /* two decisions about one verdict: which one holds? */
    check_distinct(in, "workloads", "name");
    check_workloads(in);
    check_steps(in);
    check_sets(in);
}

void check_input(const struct input *in) {
    check_ids(in, in->products, in->product_count, "product");
    check_ids(in, in->updates, in->update_count, "update");
    for (size_t i = 0; i < in->product_count; i++) {
        if (in->products[i].usable) {
            check_product(in, &in->products[i]);
        }
    }
    for (size_t i = 0; i < in->update_count; i++) {
        if (in->updates[i].usable) {
            check_update(in, &in->updates[i]);
        }
    }
    if (in->matrix.usable) {
        check_matrix(in);
    }
}
