#include "support/grove.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

struct grove *grove_new(void) {
    static const char *const images[] = {"one", "two", "three", "four"};
    struct grove *g = mem_zalloc(1, sizeof(*g));
    for (size_t i = 0; i < GROVE_PRODUCTS; i++) {
        g->ids[i][0] = (char)('a' + i);
        g->products[i].id = g->ids[i];
    }
    for (size_t i = 0; i < GROVE_UPDATES; i++) {
        char *id = g->ids[GROVE_PRODUCTS + i];
        snprintf(id, sizeof(g->ids[0]), "u%zu", i + 1);
        g->updates[i].id = id;
    }
    memcpy(g->name, "grove", 6);
    for (size_t i = 0; i < ARRAY_LEN(images); i++) {
        snprintf(g->names[i], sizeof(g->names[i]), "%s", images[i]);
        g->images[i] = g->names[i];
    }
    g->model = (struct model){.path = g->name, .name = g->name, .sha256 = g->name,
                              .images = g->images, .image_count = 1, .sets = g->sets,
                              .repetitions = 1, .steps = g->steps};
    return g;
}

void grove_steps(struct grove *g, const enum step_kind *kinds) {
    g->model.step_count = 0;
    for (; *kinds != STEP_KIND_COUNT; kinds++) {
        g->steps[g->model.step_count++] = (struct model_step){*kinds, step_kind_is_fresh(*kinds)};
    }
}

void grove_set(struct grove *g, const char *products, size_t updates, bool control) {
    size_t at = g->model.set_count++;
    struct model_set *s = &g->sets[at];
    *s = (struct model_set){g->in_set[at], 0, g->tried[at], updates, control};
    for (; *products; products++) {
        g->in_set[at][s->count++] = &g->products[*products - 'a'];
    }
    for (size_t i = 0; i < updates; i++) {
        g->tried[at][i] = &g->updates[i];
    }
}

struct plan *grove_plan(const struct grove *g, bool numbered) {
    struct diags diags = DIAGS_INIT;
    struct plan *p = plan_build(&g->model, &diags);
    if (!p) {
        fprintf(stderr, "grove: %s\n", diags.items[0].message);
        abort();
    }
    for (size_t i = 0; numbered && i < p->cell_count; i++) {
        char *id = str_printf("%s#%zu", p->cells[i].id, i);
        free(p->cells[i].id);
        p->cells[i].id = id;
    }
    return p;
}
