/* Hardware profiles by name: images/profiles/NAME.json, of matrices/schema/profile.schema.json. What their members mean
 * stands in vm/domain_xml.h; whether the members go together, only vm/domain_profile.h knows.
 */
#ifndef COEXIST_IMAGES_PROFILE_H
#define COEXIST_IMAGES_PROFILE_H

#include <jansson.h>

#include "base/diag.h"

struct image_profile { /* all owned */
    char *path, *name, *title;
    json_t *hardware; /* as a manifest's "profile" */
};

/* Every error is added to diags; NULL when there was any. */
struct image_profile *image_profile_load(const char *path, struct diags *diags);
void image_profile_free(struct image_profile *p); /* NULL is fine */
/* Where the profile lies that is asked for with the recipe in that file: a name that ends in .json is the file itself;
 * else it is NAME.json in the folder profiles/ beside the recipe, or in that beside the recipe's folder. Caller frees.
 */
char *image_profile_path(const char *recipe, const char *asked);

#endif
