/* The words health, took and drill checks are written with: {"services": [{"name", "state"}], "drivers": ...}, as the
 * schemas of products and updates have them. Private to model/. */
#ifndef COEXIST_MODEL_HEALTH_WORDS_H
#define COEXIST_MODEL_HEALTH_WORDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "model/model.h"

struct health_words { /* how one list of checks says what it looks at, and what it expects */
    enum check_kind kind;
    const char *list, *key, *second; /* second: NULL, or the key that tells two of one `key` apart */
    const char *expects[2];          /* keys of what is expected; NULL: none */
};
const struct health_words *health_words(size_t i); /* NULL behind the last */

/* Two items of one list look at the same thing. */
bool health_words_same_thing(const struct health_words *w, const json_t *a, const json_t *b);
/* What an item looks at, as a message names it; NULL when it does not say. */
const char *health_words_name(const struct health_words *w, const json_t *item);

#endif
