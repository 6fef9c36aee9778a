/* Recipes of ReactOS images ("coexist-reactos/1", matrices/schema/reactos.schema.json): the user's boot CD is rewritten
 * with an answer file and the 32-bit agent (media/reactos.h).
 */
#ifndef COEXIST_IMAGES_REACTOS_H
#define COEXIST_IMAGES_REACTOS_H

#include <jansson.h>

#include "base/diag.h"

#define REACTOS_FORMAT "coexist-reactos/1"

struct reactos_recipe { /* reactos_recipe_free; texts are borrowed from json */
    char *path;
    json_t *json;
    const char *name, *title, *profile, *computer;
    const json_t *limits;
    int locale, disk_gib;
};

/* Every error is added to diags; NULL when there was any. */
struct reactos_recipe *reactos_recipe_load(const char *path, struct diags *diags);
void reactos_recipe_free(struct reactos_recipe *r); /* NULL is fine */

#endif
