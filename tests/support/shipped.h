/* What the project ships, loaded; tests run at the top of its tree. */
#ifndef COEXIST_TESTS_SUPPORT_SHIPPED_H
#define COEXIST_TESTS_SUPPORT_SHIPPED_H

#include "images/profile.h"

/* images/profiles/NAME.json, or the test fails. image_profile_free. */
struct image_profile *shipped_profile(const char *name);
static inline void shipped_profile_drop(struct image_profile **p) {
    image_profile_free(*p);
}

#endif
