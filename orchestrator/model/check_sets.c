/* Product sets: names that exist, updates that fit, and a plan that somebody can run. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/nearest.h"
#include "base/str.h"
#include "model/check.h"
#include "model/coverage.h"
#include "model/subsets.h"

static const char *check_string_at(const json_t *list, size_t i) {
    return json_string_value(json_array_get(list, i));
}

/* A number of the input that the schema may have complained about already: then `otherwise`. */
static uint64_t check_whole(const json_t *n, uint64_t otherwise) {
    double d = json_number_value(n);
    return json_is_number(n) && d >= 1 && d <= 1e6 ? (uint64_t)d : otherwise;
}

static bool check_list_has(const json_t *list, const char *name) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (str_eq(check_string_at(list, i), name)) {
            return true;
        }
    }
    return false;
}

static void check_unknown_name(const struct input *in, const char *pointer,
                               const struct input_doc *docs, size_t count, const char *what,
                               const char *name) {
    bool updates = docs == in->updates;
    const json_t *list = json_object_get(in->matrix.root, updates ? "updates" : "products");
    if (!input_knows_all(docs, count) || (count == 0 && (list || !updates))) {
        return; /* it may be the id of a file that could not be read */
    }
    const char **ids = mem_zalloc(count, sizeof(*ids));
    for (size_t i = 0; i < count; i++) {
        ids[i] = docs[i].id;
    }
    CLEANUP_FREE char *near = nearest_hint(name, ids, count);
    json_doc_complain(in->matrix.doc, pointer, 0, in->diags, "unknown-name",
                      near ? near : "the matrix lists none", "no %s of the matrix has the id \"%s\"",
                      what, name);
    free(ids);
}

static void check_set_products(const struct input *in, const char *pointer, const json_t *ids) {
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const char *id = check_string_at(ids, i);
        CLEANUP_FREE char *at = str_printf("%s/products/%zu", pointer, i);
        if (!id) {
            continue;
        }
        if (!input_find(in->products, in->product_count, id)) {
            check_unknown_name(in, at, in->products, in->product_count, "product", id);
        }
        for (size_t k = 0; k < i; k++) {
            if (str_eq(id, check_string_at(ids, k))) { /* id is not NULL here */
                json_doc_complain(in->matrix.doc, at, 0, in->diags, "duplicate",
                                  "a product is installed once in a cell",
                                  "product \"%s\" stands twice in one set", id);
                break;
            }
        }
    }
}

/* Whether an update can be tried on these products; ids NULL: any product of the matrix may be there. */
static bool check_update_fits(const struct input_doc *u, const json_t *ids) {
    const char *product = json_string_value(json_object_get(u->root, "product"));
    return !product || !ids || check_list_has(ids, product);
}

static bool check_knows_its_product(const struct input *in, const struct input_doc *u) {
    const char *id = json_string_value(json_object_get(u->root, "product"));
    return u->usable && (!id || input_find(in->products, in->product_count, id));
}

static void check_set_update(const struct input *in, const char *pointer, const char *id,
                             const json_t *products) {
    const struct input_doc *u = input_find(in->updates, in->update_count, id);
    if (!id || str_eq(id, "none")) {
        return;
    }
    if (!u) {
        check_unknown_name(in, pointer, in->updates, in->update_count, "update", id);
    } else if (check_knows_its_product(in, u) && !check_update_fits(u, products)) {
        const char *product = json_string_value(json_object_get(u->root, "product"));
        CLEANUP_FREE char *hint =
            str_printf("add \"%s\" to the set, or remove the update from it", product);
        json_doc_complain(in->matrix.doc, pointer, 0, in->diags, "update-without-product", hint,
                          "update \"%s\" is for product \"%s\", which is not in the set", id,
                          product);
    }
}

static bool check_knows_products(const struct input *in, const json_t *ids) {
    for (size_t i = 0; i < json_array_size(ids); i++) {
        if (!input_find(in->products, in->product_count, check_string_at(ids, i))) {
            return false;
        }
    }
    return !ids || json_array_size(ids) > 0;
}

/* "updates" of one set (or of all subsets: products NULL). Returns the number of cells they make. */
static uint64_t check_set_updates(const struct input *in, const char *pointer, const json_t *o,
                                  const json_t *products) {
    const json_t *names = json_object_get(o, "updates");
    for (size_t i = 0; i < json_array_size(names); i++) {
        CLEANUP_FREE char *at = str_printf("%s/updates/%zu", pointer, i);
        check_set_update(in, at, check_string_at(names, i), products);
    }
    if (names) {
        return json_array_size(names);
    }
    uint64_t fitting = in->update_count == 0;
    bool sure = check_knows_products(in, products); /* no name was complained about already */
    for (size_t i = 0; i < in->update_count; i++) {
        sure &= check_knows_its_product(in, &in->updates[i]);
        fitting += in->updates[i].usable && check_update_fits(&in->updates[i], products);
    }
    if (fitting == 0 && sure && json_is_object(o)) {
        json_doc_complain(in->matrix.doc, pointer, 0, in->diags, "no-update-fits",
                          "add \"updates\": [\"none\"] to test the set without an update, or remove "
                          "the set",
                          "no update of the matrix is for a product of this set");
    }
    return fitting;
}

/* The same products in another order are another set, unless all orders are tried anyway. */
static bool check_sets_same(const json_t *a, const json_t *b, bool all_orders) {
    if (json_array_size(a) == 0 || json_array_size(a) != json_array_size(b)) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(a); i++) {
        const char *id = check_string_at(a, i);
        if (!id || (all_orders ? !check_list_has(b, id) : !str_eq(id, check_string_at(b, i)))) {
            return false;
        }
    }
    return true;
}

static void check_set_twice(const struct input *in, const json_t *sets, size_t i, bool all_orders) {
    const json_t *mine = json_object_get(json_array_get(sets, i), "products");
    for (size_t k = 0; k < i; k++) {
        const json_t *other = json_object_get(json_array_get(sets, k), "products");
        if (check_sets_same(mine, other, all_orders)) {
            CLEANUP_FREE char *at = str_printf("/product_sets/%zu", i);
            CLEANUP_FREE char *first = str_printf("/product_sets/%zu", k);
            CLEANUP_FREE char *hint =
                str_printf("it stands first at line %d%s; join their updates",
                           json_doc_at(in->matrix.doc, first, 0).line,
                           all_orders ? ", and all orders of it are tried" : "");
            json_doc_complain(in->matrix.doc, at, 0, in->diags, "duplicate", hint,
                              "this product set stands twice");
            return;
        }
    }
}

/* Orders of a set with n products; complains when nobody could want that many. */
static uint64_t check_orders(const struct input *in, const char *pointer, size_t n, bool all) {
    uint64_t orders = all ? subsets_orders(n) : 1;
    if (orders > PLAN_ORDERS_MAX) {
        json_doc_complain(in->matrix.doc, pointer, 0, in->diags, "too-many-cells",
                          "use \"install_orders\": \"listed\", or smaller sets",
                          "%zu products have %s%" PRIu64 " install orders, at most %u are run", n,
                          orders == UINT64_MAX ? "more than " : "", orders, PLAN_ORDERS_MAX);
    }
    return orders;
}

static uint64_t check_listed_sets(const struct input *in, const json_t *sets, bool all_orders) {
    uint64_t cells = 0;
    for (size_t i = 0; i < json_array_size(sets); i++) {
        const json_t *o = json_array_get(sets, i);
        const json_t *ids = json_object_get(o, "products");
        CLEANUP_FREE char *at = str_printf("/product_sets/%zu", i);
        check_set_products(in, at, ids);
        check_set_twice(in, sets, i, all_orders);
        uint64_t orders = check_orders(in, at, json_array_size(ids), all_orders);
        cells = subsets_add(cells, subsets_multiply(orders, check_set_updates(in, at, o, ids)));
    }
    return cells;
}

/* Cells of all subsets of one size: each update of a product is tried on the subsets with it. */
static uint64_t check_subset_cells(const struct input *in, const json_t *o, size_t size) {
    const json_t *names = json_object_get(o, "updates");
    uint64_t all = subsets_count(in->product_count, size);
    uint64_t with_one = in->product_count ? subsets_count(in->product_count - 1, size - 1) : 0;
    uint64_t cells = (names ? check_list_has(names, "none") : in->update_count == 0) ? all : 0;
    for (size_t i = 0; i < in->update_count; i++) {
        const struct input_doc *u = &in->updates[i];
        if (u->usable && (!names || check_list_has(names, u->id))) {
            cells = subsets_add(cells, json_object_get(u->root, "product") ? with_one : all);
        }
    }
    return cells;
}

static uint64_t check_subset_sizes(const struct input *in, const json_t *o, bool all_orders) {
    const json_t *sizes = json_object_get(o, "all_subsets_of_size");
    uint64_t cells = 0;
    uint64_t sets = 0;
    check_set_updates(in, "/product_sets", o, NULL);
    for (size_t i = 0; i < json_array_size(sizes); i++) {
        size_t size = (size_t)check_whole(json_array_get(sizes, i), 0);
        if (size == 0) {
            continue;
        }
        CLEANUP_FREE char *at = str_printf("/product_sets/all_subsets_of_size/%zu", i);
        if (size > in->product_count) {
            json_doc_complain(in->matrix.doc, at, 0, in->diags, "impossible",
                              "list more products, or remove this size",
                              "there is no subset of %zu products: the matrix has only %zu", size,
                              in->product_count);
            continue;
        }
        sets = subsets_add(sets, subsets_count(in->product_count, size));
        uint64_t orders = check_orders(in, at, size, all_orders);
        cells = subsets_add(cells, subsets_multiply(orders, check_subset_cells(in, o, size)));
    }
    if (sets > PLAN_SETS_MAX) {
        json_doc_complain(in->matrix.doc, "/product_sets", 0, in->diags, "too-many-cells",
                          "use smaller sizes, or list the sets that matter",
                          "these are %s%" PRIu64 " product sets, at most %u are planned",
                          sets == UINT64_MAX ? "more than " : "", sets, PLAN_SETS_MAX);
    }
    return cells;
}

static bool check_set_tries(const json_t *set, const json_t *products, const struct input_doc *u) {
    const json_t *names = json_object_get(set, "updates");
    return names ? check_list_has(names, u->id) : check_update_fits(u, products);
}

/* No name of the set was complained about already. */
static bool check_knows_set(const struct input *in, const json_t *set) {
    const json_t *names = json_object_get(set, "updates");
    bool known = check_knows_products(in, json_object_get(set, "products"));
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = check_string_at(names, i);
        known &= str_eq(name, "none") || input_find(in->updates, in->update_count, name);
    }
    return known;
}

static bool check_knows_sets(const struct input *in, const json_t *sets) {
    bool known = !json_is_object(sets) || check_knows_set(in, sets);
    for (size_t i = 0; i < json_array_size(sets); i++) {
        known &= check_knows_set(in, json_array_get(sets, i));
    }
    return known;
}

/* An update that no cell tries could never be known to be good: the run would end undecided. */
static void check_updates_tried(const struct input *in, const json_t *sets) {
    bool subsets = json_is_object(sets);
    bool sure = !in->offline && check_knows_sets(in, sets);
    for (size_t u = 0; sure && u < in->update_count; u++) {
        const struct input_doc *d = &in->updates[u];
        bool tried = subsets && check_set_tries(sets, NULL, d);
        for (size_t i = 0; i < json_array_size(sets); i++) {
            const json_t *set = json_array_get(sets, i);
            tried |= check_set_tries(set, json_object_get(set, "products"), d);
        }
        if (!tried && d->id && check_knows_its_product(in, d)) {
            CLEANUP_FREE char *at = str_printf("/updates/%zu", u);
            json_doc_complain(in->matrix.doc, at, 0, in->diags, "update-untried",
                              "add it to the \"updates\" of a set with its product, or remove it from the matrix",
                              "no product set tries update \"%s\", so nothing could be said of it", d->id);
        }
    }
}

/* Either product sets or "coverage", and install orders that go with it. */
static void check_way(const struct input *in, const json_t *sets, const json_t *coverage) {
    struct json_doc *doc = in->matrix.doc;
    const char *orders = json_string_value(json_object_get(in->matrix.root, "install_orders"));
    if (!sets && !coverage) {
        json_doc_complain(doc, "", 0, in->diags, "missing-key",
                          "\"product_sets\": which products are installed together: a list of sets, or all subsets "
                          "of given sizes",
                          "matrix lacks the key \"product_sets\"");
    } else if (sets && coverage) {
        json_doc_complain(doc, "/coverage", 1, in->diags, "conflict",
                          "keep one; \"seeds\" of the coverage say which cells there must be",
                          "\"coverage\" chooses the products of each cell, so there can be no \"product_sets\"");
    } else if (coverage && str_eq(orders, "all")) {
        json_doc_complain(doc, "/install_orders", 0, in->diags, "conflict",
                          "use \"both\": as the matrix lists the products, and the reverse",
                          "every order is not for \"coverage\"");
    } else if (sets && str_eq(orders, "both")) {
        json_doc_complain(doc, "/install_orders", 0, in->diags, "conflict", "use \"listed\" or \"all\"",
                          "\"both\" is for \"coverage\" only");
    }
}

void check_sets(const struct input *in) {
    const json_t *root = in->matrix.root;
    const json_t *sets = json_object_get(root, "product_sets");
    const json_t *coverage = json_object_get(root, "coverage");
    check_way(in, sets, coverage);
    if (coverage && !sets) {
        struct model_coverage *made = coverage_make(in, in->diags);
        coverage_free(made);
        return;
    }
    size_t before = in->diags->count;
    bool all_orders =
        str_eq(json_string_value(json_object_get(root, "install_orders")), "all");
    const json_t *repetitions = json_object_get(root, "repetitions");
    uint64_t cells = json_object_get(sets, "all_subsets_of_size") ? check_subset_sizes(in, sets, all_orders)
                                          : check_listed_sets(in, sets, all_orders);
    if (in->diags->count == before) { /* else it may follow from what was complained about */
        check_updates_tried(in, sets);
    }
    cells = subsets_multiply(cells, json_array_size(json_object_get(root, "images")));
    cells = subsets_multiply(cells, check_whole(repetitions, 1));
    if (cells > PLAN_CELLS_MAX) {
        json_doc_complain(in->matrix.doc, "/product_sets", 1, in->diags, "too-many-cells",
                          "cells are images x product sets x install orders x updates x repetitions; "
                          "reduce one of them",
                          "this matrix makes %s%" PRIu64 " cells, at most %u are planned",
                          cells == UINT64_MAX ? "more than " : "", cells, PLAN_CELLS_MAX);
    }
}
