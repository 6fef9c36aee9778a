#include "analysis/kept.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"

static struct kept_file *kept_find(struct kept *k, const char *path) {
    for (size_t i = 0; i < k->count; i++) {
        if (str_eq_nocase(k->items[i].path, path)) {
            return &k->items[i];
        }
    }
    return NULL;
}

static void kept_remember(struct kept *k, const char *path, const char *mark) {
    if (k->count < KEPT_MAX) {
        k->items = mem_grow(k->items, k->count + 1, sizeof(*k->items));
        k->items[k->count++] = (struct kept_file){str_dup(path), str_dup(mark), false};
    }
}

void kept_look(struct kept *k, const char *role, const json_t *files, bool os_update,
               void (*lost)(const struct kept_loss *loss, void *ctx), void *ctx) {
    bool system = str_eq(role, "system");
    const char *path;
    json_t *value;
    if (!system && !str_eq(role, "canary")) {
        return;
    }
    json_object_foreach((json_t *)files, path, value) {
        const char *now = json_string_value(value);
        struct kept_file *f = kept_find(k, path);
        if (!f && now) {
            kept_remember(k, path, now);
        }
        if (!f || f->told || (now && (str_eq(now, f->mark) || (system && os_update))) ||
            (!now && !json_is_null(value))) {
            continue;
        }
        f->told = true;
        CLEANUP_FREE char *text =
            str_printf("%s %s is %s", system ? "the system's file" : "the user's file", path,
                       now ? "changed" : "gone");
        struct kept_loss loss = {system ? FAILURE_SYSTEM_FILE : FAILURE_DATA_LOST, f->path, text};
        lost(&loss, ctx);
    }
}

void kept_free(struct kept *k) {
    for (size_t i = 0; i < k->count; i++) {
        free(k->items[i].path);
        free(k->items[i].mark);
    }
    free(k->items);
    *k = (struct kept){NULL, 0};
}
