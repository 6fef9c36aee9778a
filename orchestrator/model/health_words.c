/* What each list of checks is written with. */
#include "base/cleanup.h"
#include "base/str.h"
#include "model/health_words.h"

const struct health_words *health_words(size_t i) {
    static const struct health_words table[] = {
        {CHECK_SERVICE, "services", "name", NULL, {"state"}},
        {CHECK_DRIVER, "drivers", "name", NULL, {NULL}},
        {CHECK_PROCESS, "processes", "name", NULL, {NULL}},
        {CHECK_FILE, "files", "path", NULL, {"version", "sha256"}},
        {CHECK_REGISTRY, "registry", "key", "value", {"data"}},
    };
    return i < ARRAY_LEN(table) ? &table[i] : NULL;
}

static bool health_words_same(const json_t *a, const json_t *b, const char *key) {
    return str_eq_nocase(json_string_value(json_object_get(a, key)), json_string_value(json_object_get(b, key)));
}

bool health_words_same_thing(const struct health_words *w, const json_t *a, const json_t *b) {
    return json_object_get(a, w->key) && health_words_same(a, b, w->key) &&
           (!w->second || health_words_same(a, b, w->second));
}

const char *health_words_name(const struct health_words *w, const json_t *item) {
    return json_string_value(json_object_get(item, w->second ? w->second : w->key));
}
