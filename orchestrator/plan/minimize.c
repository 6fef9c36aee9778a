#include "plan/minimize.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "plan/plan_impl.h"

enum { MINIMIZE_PRODUCTS = 64 }; /* of one cell: as many as a set may have has room */

char *minimize_name(const struct minimize_combination *c, int n) {
    struct str s = STR_INIT;
    str_addf(&s, "%s/", c->image);
    for (size_t i = 0; i < c->count; i++) {
        str_addf(&s, "%s%s", i ? "+" : "", c->products[i]->id);
    }
    str_addf(&s, "/%s/m%d", c->update ? c->update->id : "none", n);
    return str_take(&s);
}

int minimize_number(const char *id) {
    const char *last = strrchr(id, '/');
    if (!last || last[1] != 'm' || last[2] < '1' || last[2] > '9' || strlen(last) > 6 ||
        strspn(last + 2, "0123456789") != strlen(last + 2)) {
        return 0;
    }
    int n = (int)strtol(last + 2, NULL, 10);
    return n <= MINIMIZE_MAX ? n : 0;
}

/* The part of an id up to the next of `end`; NULL: there is none. Caller frees. */
static char *minimize_part(const char **at, char end) {
    const char *stop = strchr(*at, end);
    if (!stop) {
        return NULL;
    }
    char *part = str_printf("%.*s", (int)(stop - *at), *at);
    *at = stop + 1;
    return part;
}

static bool minimize_read_products(const struct model *m, char *list, const struct model_product **products,
                                   size_t *count) {
    char *rest = list, *name;
    *count = 0;
    while ((name = strsep(&rest, "+")) != NULL) {
        const struct model_product *p = model_find_product(m, name);
        if (!p || *count == MINIMIZE_PRODUCTS) {
            return false;
        }
        products[(*count)++] = p;
    }
    return true;
}

/* Fills in *c from the id; products has room for MINIMIZE_PRODUCTS. */
static bool minimize_read(const struct model *m, const char *id, const struct model_product **products,
                          struct minimize_combination *c) {
    const char *at = id;
    CLEANUP_FREE char *image = minimize_part(&at, '/');
    CLEANUP_FREE char *names = image ? minimize_part(&at, '/') : NULL;
    CLEANUP_FREE char *update = names ? minimize_part(&at, '/') : NULL;
    *c = (struct minimize_combination){.products = products};
    for (size_t i = 0; update && i < m->image_count; i++) {
        c->image = str_eq(m->images[i], image) ? m->images[i] : c->image;
    }
    bool whole = update && !strchr(at, '/') && minimize_number(id) > 0;
    if (!c->image || !whole || !minimize_read_products(m, names, products, &c->count)) {
        return false;
    }
    c->update = model_find_update(m, update);
    return c->update || str_eq(update, "none");
}

bool minimize_add(struct plan *p, const char *id) {
    const struct model_product *products[MINIMIZE_PRODUCTS];
    size_t order[MINIMIZE_PRODUCTS];
    struct minimize_combination c;
    if (plan_find(p, id) || !minimize_read(p->model, id, products, &c)) {
        return false;
    }
    for (size_t i = 0; i < c.count; i++) {
        order[i] = i;
    }
    struct model_set set = {.products = products, .count = c.count};
    p->cells = mem_grow(p->cells, p->cell_count + 1, sizeof(*p->cells));
    p->cells[p->cell_count] = (struct plan_cell){0};
    plan_add_cell(&(struct plan_walk){p, c.image, &set, order}, c.update, minimize_number(id));
    struct plan_cell *made = &p->cells[p->cell_count - 1];
    free(made->id);
    made->id = str_dup(id);
    made->minimize = minimize_number(id);
    return true;
}

struct plan *minimize_plan(const struct model *m, char *const *ids) {
    struct plan *p = mem_zalloc(1, sizeof(*p));
    p->model = m;
    for (size_t i = 0; ids[i]; i++) {
        minimize_add(p, ids[i]);
    }
    return p;
}
