/* Recipes of ReactOS images ("coexist-reactos/1", matrices/schema/reactos.schema.json): the user's boot CD is rewritten
 * with an answer file and the 32-bit agent (media/reactos.h).
 */
#ifndef COEXIST_IMAGES_REACTOS_H
#define COEXIST_IMAGES_REACTOS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/diag.h"

struct reactos_recipe { /* reactos_recipe_free; texts are borrowed from json */
    char *path;
    json_t *json;
    const char *name, *title, *profile, *computer;
    const json_t *limits;
    int locale, disk_gib;
};

/* Whether a JSON file says "format": "coexist-reactos/1"; false also when it cannot be read. */
bool reactos_is_recipe(const char *path);
/* Every error is added to diags; NULL when there was any. */
struct reactos_recipe *reactos_recipe_load(const char *path, struct diags *diags);
void reactos_recipe_free(struct reactos_recipe *r); /* NULL is fine */
/* The profile's file: name as it is when it ends in .json, else images/profiles/ beside the recipe; NULL: the recipe's
 * own. Caller frees. */
char *reactos_profile_path(const struct reactos_recipe *r, const char *name);

#endif
