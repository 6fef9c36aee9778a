/* Dealing out the last cells of a lone host so that its slots end together.
 *
 * Longest first leaves a slot idle for up to a third of the time when each slot has only a few cells before it. While
 * they are few the best deal is found by trying: branch and bound, least loaded slot first, so that the first deal
 * tried is longest first itself and no result is worse. Lengths are estimates; the deal is made anew for every cell
 * that starts, so what turns out otherwise is taken into account. */
#include <stdlib.h>
#include <string.h>

#include "run/sched_state.h"

enum { PACK_CELLS = 24, PACK_SLOTS = 24, PACK_TRIES = 20000 };
/* So near to the least possible that looking for a better one is not worth it. */
#define PACK_NEAR 1.01

struct pack_cell {
    size_t cell;
    double way; /* from nothing to its end */
    double ms;  /* what is left of it; what several have to do is the longest one's alone */
    struct sched_site *from; /* the deepest state above it, there or being made; NULL: none */
    bool startable;
};

struct pack {
    struct pack_cell cells[PACK_CELLS]; /* longest first */
    int count, slots;
    double load[PACK_SLOTS]; /* ms until the slot is free */
    bool free[PACK_SLOTS];   /* now */
    int deal[PACK_CELLS], best_deal[PACK_CELLS];
    double best, enough; /* ms until all is done */
    int tries;           /* left */
};

/* ---- what there is to deal out ---------------------------------------------------------------- */

static int pack_compare_way(const void *a, const void *b) {
    const struct pack_cell *x = a, *y = b;
    return x->way != y->way ? (x->way < y->way) - (x->way > y->way) : (x->cell > y->cell) - (x->cell < y->cell);
}

static int pack_compare_ms(const void *a, const void *b) {
    const struct pack_cell *x = a, *y = b;
    return x->ms != y->ms ? (x->ms < y->ms) - (x->ms > y->ms) : pack_compare_way(a, b);
}

/* Is the segment on the way of a cell that comes before? */
static bool pack_is_taken(const struct pack *p, const struct sched *s, int before, uint32_t segment) {
    const struct tree_segment *t = &s->tree->segments[segment];
    for (int i = 0; i < before; i++) {
        size_t at = s->tree->segments[s->tree->leaf[p->cells[i].cell]].order;
        if (at >= t->order && at < t->order + t->cells) {
            return true;
        }
    }
    return false;
}

/* From the deepest state above it, there or being made, or one that a cell before it will make. */
static double pack_left_ms(const struct pack *p, const struct sched *s, int i) {
    const struct pack_cell *c = &p->cells[i];
    uint32_t g = s->tree->leaf[c->cell];
    while (g != TREE_NONE && (!c->from || g != c->from->segment) && !pack_is_taken(p, s, i, g)) {
        g = s->tree->segments[g].parent;
    }
    return g == TREE_NONE ? c->way : c->way - s->segments[g].at_ms + s->eta.seen.restore_ms;
}

static void pack_collect(struct pack *p, const struct sched *s, int host) {
    for (size_t i = 0; i < s->o->plan->cell_count && p->count < PACK_CELLS; i++) {
        if (s->cells[i].state == SCHED_WAITING) {
            struct sched_site *from = sched_sites_deepest(s, host, i, false);
            p->cells[p->count++] = (struct pack_cell){.cell = i, .way = sched_eta_cell_ms(s, i), .from = from,
                                                      .startable = !from || from->state == SITE_READY};
        }
    }
    qsort(p->cells, (size_t)p->count, sizeof(p->cells[0]), pack_compare_way);
    for (int i = 0; i < p->count; i++) {
        p->cells[i].ms = s->o->sharing ? pack_left_ms(p, s, i) : p->cells[i].way;
    }
    qsort(p->cells, (size_t)p->count, sizeof(p->cells[0]), pack_compare_ms);
}

/* The busy ones but for those in their last rest, and of the free ones as many as may be busy at a time, but the one
 * that is asked for. */
static void pack_collect_slots(struct pack *p, const struct sched *s, int host) {
    for (int i = 0; i < s->slot_count; i++) {
        if (s->slots[i].busy && s->slots[i].rest != CELL_LAST_REST) {
            p->load[p->slots++] = sched_eta_slot_ms(s, &s->slots[i]);
        }
    }
    do {
        p->free[p->slots++] = true;
    } while (p->slots < s->o->hosts[host].slots);
}

/* ---- the best deal ----------------------------------------------------------------------------- */

/* Of the slots not tried yet the least loaded; -1: all are. */
static int pack_next_slot(const struct pack *p, const bool *tried) {
    int least = -1;
    for (int k = 0; k < p->slots; k++) {
        if (!tried[k] && (least < 0 || p->load[k] < p->load[least])) {
            least = k;
        }
    }
    return least;
}

/* Deals out the cells from the i-th on; top: the fullest slot so far. */
static void pack_search(struct pack *p, int i, double top) {
    if (i == p->count) {
        p->best = top;
        memcpy(p->best_deal, p->deal, sizeof(p->deal));
        return;
    }
    bool tried[PACK_SLOTS] = {false};
    for (int k; p->best > p->enough && p->tries > 0 && (k = pack_next_slot(p, tried)) >= 0;) {
        double before = p->load[k], after = before + p->cells[i].ms;
        tried[k] = true;
        p->tries--;
        if (after >= p->best) {
            return; /* on all others, too */
        }
        p->deal[i] = k;
        p->load[k] = after;
        pack_search(p, i + 1, after > top ? after : top);
        p->load[k] = before;
    }
}

static void pack_deal(struct pack *p) {
    double sum = 0, top = 0;
    for (int k = 0; k < p->slots; k++) {
        sum += p->load[k];
        top = p->load[k] > top ? p->load[k] : top;
    }
    for (int i = 0; i < p->count; i++) {
        sum += p->cells[i].ms;
    }
    p->best = sum + 1;
    p->enough = (sum / p->slots > top ? sum / p->slots : top) * PACK_NEAR;
    p->tries = PACK_TRIES;
    pack_search(p, 0, top);
}

/* The longest that a free slot got and that may start, but rather the one wished for. */
static const struct pack_cell *pack_choose(const struct pack *p, size_t wish) {
    const struct pack_cell *found = NULL;
    for (int i = 0; i < p->count; i++) {
        const struct pack_cell *c = &p->cells[i];
        if (c->startable && p->free[p->best_deal[i]] && (!found || c->cell == wish)) {
            found = c;
        }
    }
    return found;
}

void sched_pack(struct sched *s, int host, struct sched_pick *pick) {
    if (s->o->host_count > 1 || s->slot_count > PACK_SLOTS || s->waiting > PACK_CELLS || s->waiting < 2) {
        return;
    }
    struct pack p = {.count = 0};
    pack_collect(&p, s, host);
    pack_collect_slots(&p, s, host);
    pack_deal(&p);
    const struct pack_cell *c = pack_choose(&p, pick->cell);
    if (c) {
        *pick = (struct sched_pick){c->cell, c->from};
    }
}
