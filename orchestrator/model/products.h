/* Product files on their own, without a matrix: whose module is it? */
#ifndef COEXIST_MODEL_PRODUCTS_H
#define COEXIST_MODEL_PRODUCTS_H

#include <stdbool.h>

#include "model/model.h"

struct products {
    struct model_product *items; /* owned */
    size_t count;
};

/* Adds the product file at path, checked against its schema; the files it names are not looked at. False with every
 * complaint in diags. */
bool products_add(struct products *p, const char *path, struct diags *diags);
/* The product a module's file name (case-insensitive) belongs to; NULL: none's, or two vendors'. Borrowed. */
const struct model_product *products_owner(const struct products *p, const char *module);
void products_free(struct products *p);

#endif
