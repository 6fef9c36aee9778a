#include "plan/confirm.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

struct plan_cell *confirm_make(const struct plan_cell *planned, int k) {
    struct plan_cell *c = mem_zalloc(1, sizeof(*c));
    *c = *planned;
    c->id = str_printf("%s.%d", planned->id, k);
    c->confirm = k;
    return c;
}

void confirm_free(struct plan_cell *c) {
    if (c) {
        free(c->id);
        free(c);
    }
}

size_t confirm_split(const char *id, int *k) {
    size_t len = strlen(id);
    *k = 0;
    if (len > 3 && id[len - 2] == '.' && id[len - 1] >= '1' && id[len - 1] <= '0' + CONFIRM_MAX &&
        id[len - 3] >= '0' && id[len - 3] <= '9') {
        *k = id[len - 1] - '0';
        return len - 2;
    }
    return len;
}

const struct plan_cell *confirm_find(const struct plan *p, const char *id, int *k) {
    size_t len = confirm_split(id, k);
    CLEANUP_FREE char *planned = str_printf("%.*s", (int)len, id);
    return plan_find(p, planned);
}

/* A cell that owns what it has, as those of a plan do. */
static struct plan_cell confirm_copy(const struct plan_cell *planned, int k) {
    struct plan_cell c = *planned;
    c.id = str_printf("%s.%d", planned->id, k);
    c.confirm = k;
    c.products = mem_zalloc(c.product_count + 1, sizeof(struct model_product *));
    c.steps = mem_zalloc(c.step_count + 1, sizeof(*c.steps));
    memcpy(c.products, planned->products, c.product_count * sizeof(struct model_product *));
    memcpy(c.steps, planned->steps, c.step_count * sizeof(*c.steps));
    return c;
}

bool confirm_add(struct plan *p, const char *id) {
    int k;
    const struct plan_cell *planned = confirm_find(p, id, &k);
    if (!planned || k == 0 || plan_find(p, id)) {
        return false;
    }
    size_t at = (size_t)(planned - p->cells) + 1;
    struct plan_cell made = confirm_copy(planned, k);
    while (at < p->cell_count && p->cells[at].confirm > 0 && p->cells[at].confirm < k) {
        at++;
    }
    p->cells = mem_grow(p->cells, p->cell_count + 1, sizeof(*p->cells));
    memmove(&p->cells[at + 1], &p->cells[at], (p->cell_count - at) * sizeof(*p->cells));
    p->cells[at] = made;
    p->cell_count++;
    return true;
}
