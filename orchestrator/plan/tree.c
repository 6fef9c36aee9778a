#include "plan/tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

/* ---- what two cells have in common ---------------------------------------------------------- */

static bool tree_uses_update(enum step_kind k) {
    return k == STEP_APPLY || k == STEP_TOOK || k == STEP_ROLLBACK;
}

static int tree_compare_pointers(const void *a, const void *b) {
    return (a > b) - (a < b);
}

static const struct model_product *tree_product(const struct plan_cell *c,
                                                const struct plan_step *s) {
    return s->product >= 0 ? c->products[s->product] : NULL;
}

static int tree_compare_steps(const struct plan_cell *a, const struct plan_step *sa,
                              const struct plan_cell *b, const struct plan_step *sb) {
    if (sa->kind != sb->kind) {
        return sa->kind < sb->kind ? -1 : 1;
    }
    if (sa->phase != sb->phase) {
        return sa->phase < sb->phase ? -1 : 1;
    }
    int by_product = tree_compare_pointers(tree_product(a, sa), tree_product(b, sb));
    if (by_product != 0) {
        return by_product;
    }
    int by_update = tree_uses_update(sa->kind) ? tree_compare_pointers(a->update, b->update) : 0;
    return by_update != 0 ? by_update : sa->part - sb->part;
}

/* Steps of a cell that another one could have, too. */
static size_t tree_sharable(const struct plan_cell *c) {
    size_t n = 0;
    while (n + 1 < c->step_count && !c->steps[n].fresh) {
        n++;
    }
    return n;
}

/* Common steps, and in *way which of the two comes first in the order of the trie. */
static size_t tree_meet(const struct plan_cell *a, const struct plan_cell *b, int *way) {
    *way = a->image == b->image ? 0 : strcmp(a->image, b->image);
    if (*way != 0) {
        return 0;
    }
    size_t na = tree_sharable(a), nb = tree_sharable(b), least = na < nb ? na : nb;
    for (size_t i = 0; i < least; i++) {
        *way = tree_compare_steps(a, &a->steps[i], b, &b->steps[i]);
        if (*way != 0) {
            return i;
        }
    }
    *way = (na > nb) - (na < nb);
    return least;
}

size_t tree_common(const struct plan_cell *a, const struct plan_cell *b) {
    int way;
    return tree_meet(a, b, &way);
}

static int tree_compare_cells(const void *x, const void *y, void *ctx) {
    const struct plan *p = ctx;
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    int way;
    tree_meet(&p->cells[a], &p->cells[b], &way);
    return way != 0 ? way : (a > b) - (a < b);
}

/* ---- from sorted cells to segments ----------------------------------------------------------- */

struct tree_build {
    const struct plan *plan;
    struct tree_segment *made; /* in the order of making: children before their parents */
    size_t count;
    uint32_t *open; /* the way to the cell at hand: segments not ended yet, outermost first */
    size_t depth;
};

static uint32_t tree_make(struct tree_build *b, uint32_t cell, size_t end) {
    b->made[b->count] = (struct tree_segment){.parent = TREE_NONE, .child = TREE_NONE,
                                              .next = TREE_NONE, .cell = cell,
                                              .end = (uint32_t)end};
    return (uint32_t)b->count++;
}

static void tree_hang(struct tree_build *b, uint32_t child, uint32_t parent) {
    struct tree_segment *c = &b->made[child], *p = &b->made[parent];
    c->parent = parent;
    c->first = p->end;
    p->cell = c->cell < p->cell ? c->cell : p->cell;
}

/* Ends what lies deeper than `common` steps; what remains of it hangs on a segment that ends
 * there. */
static void tree_close(struct tree_build *b, size_t common) {
    while (b->depth > 0 && b->made[b->open[b->depth - 1]].end > common) {
        uint32_t ended = b->open[--b->depth];
        bool under = b->depth > 0 && b->made[b->open[b->depth - 1]].end >= common;
        if (!under && common > 0) {
            b->open[b->depth++] = tree_make(b, b->made[ended].cell, common);
            under = true;
        }
        if (under) {
            tree_hang(b, ended, b->open[b->depth - 1]);
        }
    }
}

static void tree_make_segments(struct tree_build *b, const uint32_t *sorted) {
    for (size_t i = 0; i < b->plan->cell_count; i++) {
        const struct plan_cell *c = &b->plan->cells[sorted[i]];
        tree_close(b, i ? tree_common(&b->plan->cells[sorted[i - 1]], c) : 0);
        b->open[b->depth++] = tree_make(b, sorted[i], c->step_count);
    }
    tree_close(b, 0);
}

/* ---- in plan order, depth first ---------------------------------------------------------------- */

static int tree_compare_made(const void *x, const void *y, void *ctx) {
    const struct tree_segment *made = ctx;
    const struct tree_segment *a = &made[*(const uint32_t *)x], *b = &made[*(const uint32_t *)y];
    return (a->cell > b->cell) - (a->cell < b->cell);
}

/* Links each segment in front of its siblings, the last in plan order first. Returns the first
 * root. */
static uint32_t tree_link(struct tree_build *b) {
    uint32_t *by_cell = mem_zalloc(b->count + 1, sizeof(*by_cell));
    for (size_t i = 0; i < b->count; i++) {
        by_cell[i] = (uint32_t)i;
    }
    qsort_r(by_cell, b->count, sizeof(*by_cell), tree_compare_made, b->made);
    uint32_t root = TREE_NONE;
    for (size_t i = b->count; i-- > 0;) {
        struct tree_segment *s = &b->made[by_cell[i]];
        uint32_t *head = s->parent == TREE_NONE ? &root : &b->made[s->parent].child;
        s->next = *head;
        *head = by_cell[i];
    }
    free(by_cell);
    return root;
}

/* Copies in depth-first order; `made` is told where each one went (in its cells member). */
static void tree_copy(struct tree *t, struct tree_build *b, uint32_t root) {
    uint32_t from = root;
    uint32_t cells = 0;
    while (from != TREE_NONE) {
        struct tree_segment *old = &b->made[from];
        struct tree_segment *s = &t->segments[t->count];
        *s = *old;
        s->parent = old->parent == TREE_NONE ? TREE_NONE : b->made[old->parent].cells;
        s->order = cells;
        old->cells = (uint32_t)t->count++;
        if (old->child != TREE_NONE) {
            from = old->child;
            continue;
        }
        t->order[cells++] = s->cell;
        t->leaf[s->cell] = old->cells;
        while (from != TREE_NONE && b->made[from].next == TREE_NONE) {
            from = b->made[from].parent;
        }
        from = from == TREE_NONE ? from : b->made[from].next;
    }
    for (size_t i = 0; i < t->count; i++) {
        struct tree_segment *s = &t->segments[i];
        s->child = s->child == TREE_NONE ? TREE_NONE : b->made[s->child].cells;
        s->next = s->next == TREE_NONE ? TREE_NONE : b->made[s->next].cells;
        s->cells = s->child == TREE_NONE;
    }
}

static void tree_count(struct tree *t) {
    for (size_t i = t->count; i-- > 0;) {
        struct tree_segment *s = &t->segments[i];
        if (s->parent != TREE_NONE) {
            t->segments[s->parent].cells += s->cells;
        }
        t->unique += s->end - s->first;
    }
    for (size_t i = 0; i < t->plan->cell_count; i++) {
        t->steps += t->plan->cells[i].step_count;
    }
}

struct tree *tree_build(const struct plan *plan) {
    size_t n = plan->cell_count, longest = 0;
    struct tree *t = mem_zalloc(1, sizeof(*t));
    t->plan = plan;
    t->order = mem_zalloc(n + 1, sizeof(*t->order));
    t->leaf = mem_zalloc(n + 1, sizeof(*t->leaf));
    for (size_t i = 0; i < n; i++) {
        t->order[i] = (uint32_t)i;
        longest = plan->cells[i].step_count > longest ? plan->cells[i].step_count : longest;
    }
    qsort_r(t->order, n, sizeof(*t->order), tree_compare_cells, (void *)(uintptr_t)plan);
    struct tree_build b = {.plan = plan};
    b.made = mem_zalloc(2 * n + 1, sizeof(*b.made));
    b.open = mem_zalloc(longest + 2, sizeof(*b.open));
    tree_make_segments(&b, t->order);
    t->segments = mem_zalloc(b.count + 1, sizeof(*t->segments));
    tree_copy(t, &b, tree_link(&b));
    tree_count(t);
    free(b.made);
    free(b.open);
    return t;
}

void tree_free(struct tree *t) {
    if (t) {
        free(t->segments);
        free(t->order);
        free(t->leaf);
        free(t);
    }
}

uint32_t tree_find(const struct tree *t, size_t cell, size_t steps) {
    uint32_t s = t->leaf[cell];
    while (s != TREE_NONE && t->segments[s].end > steps) {
        s = t->segments[s].parent;
    }
    return s != TREE_NONE && t->segments[s].end == steps ? s : TREE_NONE;
}

size_t tree_depth(const struct tree *t, uint32_t segment) {
    size_t depth = 0;
    for (; t->segments[segment].parent != TREE_NONE; segment = t->segments[segment].parent) {
        depth++;
    }
    return depth;
}
