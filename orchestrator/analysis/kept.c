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

bool kept_is_lost(struct kept *k, const char *path, const char *mark, bool may_change) {
    struct kept_file *f = kept_find(k, path);
    if (!f && mark) {
        kept_remember(k, path, mark);
    }
    if (!f || f->told || (mark && (may_change || str_eq(mark, f->mark)))) {
        return false;
    }
    f->told = true;
    return true;
}

bool kept_is_told(struct kept *k, const char *path) {
    const struct kept_file *f = kept_find(k, path);
    return f && f->told;
}

void kept_free(struct kept *k) {
    for (size_t i = 0; i < k->count; i++) {
        free(k->items[i].path);
        free(k->items[i].mark);
    }
    free(k->items);
    *k = (struct kept){NULL, 0};
}
