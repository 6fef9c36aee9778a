#include "analysis/witness.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "evidence/evtx.h"
#include "evidence/screen_read.h"

enum {
    WITNESS_SCREENS_A_CELL = 4, /* the last ones: a boot loop shows the same again and again */
    WITNESS_SCREENS = 64,       /* different ones in one analysis */
    WITNESS_EVENTS = 30,        /* of one log, the last ones */
};

struct witness_seen {
    char *sha256, *text, *module;
    bool stop;
};

void witness_cache_clear(struct witness_cache *c) {
    for (size_t i = 0; i < c->count; i++) {
        free(c->items[i].sha256);
        free(c->items[i].text);
        free(c->items[i].module);
    }
    free(c->items);
    *c = (struct witness_cache){0};
}

void witness_clear(struct witness *w) {
    for (size_t i = 0; i < w->count; i++) {
        free(w->lines[i].text);
    }
    free(w->lines);
    free(w->module);
    free(w->how);
    *w = (struct witness){0};
}

static void witness_say(struct witness *w, size_t moment, char *text) {
    w->lines = mem_grow(w->lines, w->count + 1, sizeof(*w->lines));
    w->lines[w->count++] = (struct witness_line){moment, text};
}

static char *witness_path(const char *artifact_dir, const struct analysis_artifact *a) {
    CLEANUP_FREE char *relative = str_printf("%.2s/%s", a->sha256, a->sha256);
    return fs_join(artifact_dir, relative);
}

static const struct witness_seen *witness_look(struct witness_cache *c, const char *artifact_dir,
                                               const struct analysis_artifact *a) {
    for (size_t i = 0; i < c->count; i++) {
        if (str_eq(c->items[i].sha256, a->sha256)) {
            return &c->items[i];
        }
    }
    if (c->count >= WITNESS_SCREENS) {
        return NULL;
    }
    c->items = mem_grow(c->items, c->count + 1, sizeof(*c->items));
    struct witness_seen *seen = &c->items[c->count++];
    *seen = (struct witness_seen){.sha256 = str_dup(a->sha256)};
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP(screen_reading_clear) struct screen_reading r;
    CLEANUP_FREE char *path = witness_path(artifact_dir, a);
    if (screen_read_file(path, &r, &err) < 0) {
        seen->text = str_printf("screen not read: %s", err_text(&err));
        return seen;
    }
    CLEANUP_FREE char *sentence = screen_sentence(&r);
    seen->text = str_printf("screen: %s", sentence);
    seen->module = STEAL(r.module);
    seen->stop = r.kind == SCREEN_STOP;
    return seen;
}

static const struct model_product *witness_owner(const struct model *m, const char *module, const char **name) {
    for (size_t i = 0; i < m->product_count; i++) {
        for (char **p = m->products[i].modules; p && *p; p++) {
            if (screen_module_is(module, *p)) {
                *name = *p;
                return &m->products[i];
            }
        }
    }
    *name = module;
    return NULL;
}

/* The first stop screen that names a driver; one that names a product's goes before one that does not. */
static void witness_take_screen(const struct model *m, const struct witness_seen *seen, struct witness *out) {
    const char *name = NULL;
    if (!seen->stop || !seen->module) {
        return;
    }
    const struct model_product *owner = witness_owner(m, seen->module, &name);
    if (!out->module || (owner && !out->owner)) {
        free(out->module);
        free(out->how);
        out->module = str_dup(name);
        out->owner = owner;
        out->how = str_dup(seen->text);
    }
}

static void witness_screens(const struct model *m, const char *artifact_dir, const struct cell_facts *facts,
                            struct witness_cache *cache, struct witness *out) {
    size_t first = facts->artifact_count;
    for (int n = 0; first > 0 && n < WITNESS_SCREENS_A_CELL; first--) {
        n += str_eq(facts->artifacts[first - 1].role, "screenshot");
    }
    for (size_t i = first; i < facts->artifact_count; i++) {
        const struct analysis_artifact *a = &facts->artifacts[i];
        const struct witness_seen *seen =
            str_eq(a->role, "screenshot") ? witness_look(cache, artifact_dir, a) : NULL;
        if (seen) {
            witness_say(out, a->moment, str_printf("%s (%s)", seen->text, a->name));
            witness_take_screen(m, seen, out);
        }
    }
}

/* Facts that speak of harm; boots and installed services are the ordinary course. */
static bool witness_event_counts(const struct event_record *r) {
    return r->kind != EVENT_OTHER && r->kind != EVENT_BOOT && r->kind != EVENT_SERVICE_NEW &&
           r->kind != EVENT_BOOT_TIME && !r->recovered;
}

static void witness_log(const char *artifact_dir, const struct analysis_artifact *a, struct witness *out) {
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *path = witness_path(artifact_dir, a);
    CLEANUP(event_log_clear) struct event_log l;
    if (evtx_read_file(path, false, &l, &err) < 0) {
        witness_say(out, a->moment, str_printf("event log %s not read: %s", a->name, err_text(&err)));
        return;
    }
    size_t n = 0, first = l.count;
    while (first > 0 && n < WITNESS_EVENTS) {
        n += witness_event_counts(&l.records[--first]);
    }
    for (size_t i = first; i < l.count; i++) {
        const struct event_record *r = &l.records[i];
        if (witness_event_counts(r)) {
            witness_say(out, a->moment, str_printf("log %s: %s %s: %s", a->name, r->time, event_kind_name(r->kind),
                                                  r->text));
        }
    }
    if (l.missing) {
        witness_say(out, a->moment, str_printf("log %s: %s", a->name, l.missing));
    }
}

void witness_read(const struct model *m, const char *artifact_dir, const struct cell_facts *facts, bool screens,
                  struct witness_cache *cache, struct witness *out) {
    *out = (struct witness){0};
    if (screens) {
        witness_screens(m, artifact_dir, facts, cache, out);
    }
    for (size_t i = 0; i < facts->artifact_count; i++) {
        if (str_eq(facts->artifacts[i].role, "event-log")) {
            witness_log(artifact_dir, &facts->artifacts[i], out);
        }
    }
}
