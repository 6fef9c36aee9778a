#include "media/volume.h"

#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/str.h"

struct volume_search {
    const char *name;
    size_t len;
    char *found;
};

static int volume_match(const char *name, bool folder, void *ctx) {
    struct volume_search *s = ctx;
    (void)folder;
    if (strlen(name) == s->len && strncasecmp(name, s->name, s->len) == 0) {
        s->found = str_dup(name);
        return 1;
    }
    return 0;
}

int volume_each(struct volume *v, const char *folder, volume_entry_fn *fn, void *ctx) {
    CLEANUP_FREE char *real = *folder ? volume_find(v, folder) : str_dup("");
    return real ? v->ops->each(v, real, fn, ctx) : -1;
}

char *volume_find(struct volume *v, const char *path) {
    CLEANUP_STR struct str real = STR_INIT;
    while (*path) {
        struct volume_search s = {path, strcspn(path, "/"), NULL};
        if (v->ops->each(v, str_get(&real), volume_match, &s) != 1) {
            return NULL;
        }
        str_addf(&real, "%s%s", real.len ? "/" : "", s.found);
        free(s.found);
        path += s.len;
        path += *path == '/';
    }
    return str_take(&real);
}

bool volume_has(struct volume *v, const char *path) {
    CLEANUP_FREE char *real = volume_find(v, path);
    return real != NULL;
}

struct volume_file *volume_open(struct volume *v, const char *path) {
    CLEANUP_FREE char *real = volume_find(v, path);
    return real ? v->ops->open(v, real) : NULL;
}

void volume_file_close(struct volume_file *f) {
    if (f) {
        f->ops->close(f);
    }
}

void volume_close(struct volume *v) {
    if (v) {
        free(v->label);
        v->ops->close(v);
    }
}
