#include "run/learn.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "journal/journal.h"

enum { LEARN_RUNS = 3, LEARN_LOOK = 20 };

struct learn_list {
    char **names; /* run ids sort by time */
    size_t count;
};

static int learn_add_name(const char *name, void *ctx) {
    struct learn_list *l = ctx;
    l->names = mem_grow(l->names, l->count + 1, sizeof(*l->names));
    l->names[l->count++] = str_dup(name);
    return 0;
}

static int learn_take(const struct observation *o, void *ctx) {
    if (o->type == OBS_STEP_END && !json_object_get(o->data, "skipped")) {
        estimate_learn(ctx, o->kind, json_integer_value(json_object_get(o->data, "ms")));
    }
    return 0;
}

/* True when the run taught something. */
static bool learn_run(const char *dir, struct estimate *e) {
    CLEANUP_FREE char *file = fs_join(dir, "journal.sqlite");
    struct estimate before = *e;
    struct journal *j = access(file, R_OK) == 0 ? journal_open(dir, 1, NULL) : NULL;
    if (!j || journal_each(j, learn_take, e, NULL) != 0) {
        *e = before;
    }
    journal_close(j);
    return memcmp(before.seen, e->seen, sizeof(e->seen)) != 0;
}

char *learn_estimate(const char *runs_dir, struct estimate *e) {
    struct learn_list l = {NULL, 0};
    const char *newest = NULL;
    size_t runs = 0, looked = 0;
    fs_each(runs_dir, learn_add_name, &l, NULL);
    for (size_t i = l.count; i-- > 0 && runs < LEARN_RUNS && looked++ < LEARN_LOOK;) {
        CLEANUP_FREE char *dir = fs_join(runs_dir, l.names[i]);
        if (learn_run(dir, e)) {
            newest = newest ? newest : l.names[i];
            runs++;
        }
    }
    char *from = NULL;
    if (runs > 0) {
        from = runs == 1 ? str_printf("run %s", newest)
                         : str_printf("run %s and %zu before it", newest, runs - 1);
    }
    for (size_t i = 0; i < l.count; i++) {
        free(l.names[i]);
    }
    free(l.names);
    return from;
}
