#include "support/shipped.h"

#include <check.h>

#include "base/cleanup.h"
#include "base/str.h"

struct image_profile *shipped_profile(const char *name) {
    CLEANUP_FREE char *path = str_printf("images/profiles/%s.json", name);
    struct diags diags = DIAGS_INIT;
    struct image_profile *p = image_profile_load(path, &diags);
    ck_assert_msg(p != NULL, "%s: %s", path, diags.count ? diags.items[0].message : "?");
    diags_free(&diags);
    return p;
}
