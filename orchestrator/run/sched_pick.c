/* The next cell for a host with a free slot.
 *
 * What may start: below each state the host has, and from nothing, the first of the cells that wait and have no deeper
 * state (or one being made) above them on this host. Among these the longest remaining way goes first, of ways alike
 * that with more products, which more can hold up; but while there is far more work than that way is long, or no room
 * for one more state, the deepest state first, so that states are used up and dropped early; and at the end what lets
 * all slots end together (sched_pack.c). Only a slot that would idle otherwise repeats what somebody else has done or
 * is doing, and only when the cell is expected to end sooner by it than by waiting. */
#include <math.h>

#include "run/sched_state.h"

/* How many times the longest way the work on each slot has to be for the order not to matter. */
#define PICK_FAR 3
/* Ways whose lengths differ by less than that are as long as each other. */
#define PICK_ALIKE 0.02
/* Repeating steps is work that may be in vain: so much of it has to be won back. */
#define PICK_MARGIN 0.25

struct pick_region { /* the cells [from, to) but for those below deeper sites of the host */
    struct sched_site *site; /* above them all; NULL: none */
    struct sched_site *inner; /* first site of the host that may lie inside */
    size_t from, to;
    int own; /* claims that the host itself has on each of them */
};

struct pick_found {
    bool any;
    size_t cell;
    struct sched_site *from;
    int others;  /* claims of other hosts */
    double rest; /* ms from there to the cell's end */
};

static const struct tree_segment *pick_segment(const struct sched *s, const struct sched_site *x) {
    return &s->tree->segments[x->segment];
}

static double pick_at(const struct sched *s, const struct sched_site *x) {
    return x ? s->segments[x->segment].at_ms : 0;
}

static void pick_better(const struct sched *s, struct sched_best *best, bool *any, size_t from,
                        size_t to) {
    struct sched_best found;
    if (from >= to || !sched_rank_best(s->rank, from, to, &found)) {
        return;
    }
    size_t a = s->tree->order[found.at], b = *any ? s->tree->order[best->at] : a;
    if (!*any || found.claims < best->claims ||
        (found.claims == best->claims && sched_eta_cell_ms(s, a) > sched_eta_cell_ms(s, b))) {
        *best = found;
        *any = true;
    }
}

/* The region's first cell, around the sites inside. */
static struct pick_found pick_region_best(const struct sched *s, const struct pick_region *r) {
    struct sched_best best = {0};
    struct pick_found f = {.from = r->site};
    size_t at = r->from;
    for (struct sched_site *x = r->inner; x && pick_segment(s, x)->order < r->to; x = x->host_next) {
        const struct tree_segment *t = pick_segment(s, x);
        if (t->order >= at) {
            pick_better(s, &best, &f.any, at, t->order);
            at = t->order + t->cells;
        }
    }
    pick_better(s, &best, &f.any, at, r->to);
    if (f.any) {
        f.cell = s->tree->order[best.at];
        f.others = best.claims - r->own;
        f.rest = sched_eta_cell_ms(s, f.cell) - pick_at(s, r->site);
    }
    return f;
}

/* The sites above one of the host's sites, itself included. */
static int pick_nesting(const struct sched *s, const struct sched_site *x) {
    const struct tree_segment *t = pick_segment(s, x);
    int n = 0;
    for (const struct sched_site *u = s->places[x->host].sites; u != x; u = u->host_next) {
        n += pick_segment(s, u)->order + pick_segment(s, u)->cells > t->order;
    }
    return n + 1;
}

static struct pick_region pick_region_of(const struct sched *s, struct sched_site *x) {
    const struct tree_segment *t = pick_segment(s, x);
    return (struct pick_region){.site = x, .inner = x->host_next, .from = t->order,
                                .to = t->order + t->cells,
                                .own = pick_nesting(s, x)};
}

static bool pick_deep_first(const struct sched *s, int host) {
    return s->o->sharing && (s->places[host].used + s->o->state_bytes > s->o->states_max ||
                             sched_eta_owed_ms(s) > PICK_FAR * s->eta.longest_ms * s->alive_slots);
}

static bool pick_is_better(const struct sched *s, const struct pick_found *a,
                           const struct pick_found *b, bool deep) {
    if (!b->any || a->others != b->others) {
        return !b->any || a->others < b->others;
    }
    double at_a = pick_at(s, a->from), at_b = pick_at(s, b->from);
    if (deep && at_a != at_b) {
        return at_a > at_b;
    }
    size_t products_a = s->o->plan->cells[a->cell].product_count, products_b = s->o->plan->cells[b->cell].product_count;
    bool alike = fabs(a->rest - b->rest) <= PICK_ALIKE * b->rest;
    return alike && products_a != products_b ? products_a > products_b : a->rest > b->rest;
}

/* The first of what could begin at once, whoever else claims it. */
static struct pick_found pick_startable(const struct sched *s, int host) {
    bool deep = pick_deep_first(s, host);
    struct pick_region nothing = {.inner = s->places[host].sites, .to = s->o->plan->cell_count};
    struct pick_found best = pick_region_best(s, &nothing);
    for (struct sched_site *x = s->places[host].sites; x; x = x->host_next) {
        if (x->state == SITE_READY && s->segments[x->segment].waiting > 0) {
            struct pick_region r = pick_region_of(s, x);
            struct pick_found f = pick_region_best(s, &r);
            if (f.any && pick_is_better(s, &f, &best, deep)) {
                best = f;
            }
        }
    }
    return best;
}

/* Ms until a state being made should be there. One that is overdue is expected to take as long
 * again as it is late. */
static double pick_due_ms(const struct sched *s, const struct sched_site *x) {
    if (x->state != SITE_PRODUCING) {
        return 0;
    }
    int64_t left = x->due - clock_now(s->o->clock);
    return (double)(left < 0 ? -left : left) / CLOCK_MS;
}

/* Of another host, the deepest above the cell. */
static const struct sched_site *pick_other_site(const struct sched *s, size_t cell, int host) {
    for (uint32_t g = s->tree->leaf[cell]; g != TREE_NONE; g = s->tree->segments[g].parent) {
        const struct sched_site *x = s->segments[g].first;
        x = x && x->host == host ? x->segment_next : x;
        if (x) {
            return x;
        }
    }
    return NULL;
}

/* Would the cell end sooner here than where another host's state waits for it? There it has its
 * turn after those that wait beside it. */
static bool pick_steal_pays(const struct sched *s, const struct pick_found *f, int host) {
    const struct sched_site *x = pick_other_site(s, f->cell, host);
    if (!x) {
        return true;
    }
    const struct sched_segment *g = &s->segments[x->segment];
    double slots = (double)s->o->hosts[x->host].slots * g->sites;
    double rest = sched_eta_cell_ms(s, f->cell) - g->at_ms + s->eta.seen.restore_ms;
    double there = pick_due_ms(s, x) + rest * (1 + g->waiting / slots);
    double here = f->rest + (f->from ? s->eta.seen.restore_ms : 0);
    return here + PICK_MARGIN * (f->rest - rest) < there;
}

/* Of the cells that wait for a state being made on this host: one that would end sooner without. */
static struct pick_found pick_impatient(const struct sched *s, int host) {
    double restore = s->eta.seen.restore_ms;
    for (struct sched_site *x = s->places[host].sites; x; x = x->host_next) {
        struct pick_region r = pick_region_of(s, x);
        struct pick_found f = {0};
        if (x->state == SITE_PRODUCING && s->segments[x->segment].waiting > 0) {
            f = pick_region_best(s, &r);
        }
        if (!f.any) {
            continue;
        }
        f.from = sched_sites_deepest(s, host, f.cell, true);
        double again = pick_at(s, x) - pick_at(s, f.from);
        double without = again * (1 + PICK_MARGIN) + (f.from ? restore : 0);
        /* Only when its maker is late: while it keeps its time, a save and a restore are all that
         * could be won. */
        if (without + s->eta.seen.save_ms + restore < pick_due_ms(s, x) + restore) {
            return f;
        }
    }
    return (struct pick_found){0};
}

/* A cell that was interrupted goes on first, where it stood. */
static struct pick_found pick_point(const struct sched *s, int host) {
    struct sched_site *x = sched_point_first(s, host), *ready = NULL;
    if (!x) {
        return (struct pick_found){0};
    }
    ready = sched_sites_deepest(s, host, x->cell, true);
    return (struct pick_found){.any = true, .cell = x->cell,
                               .from = ready && ready->steps > x->steps ? ready : x};
}

/* The last ones: not the longest, but what lets all slots end together. */
static void pick_balance(struct sched *s, int host, struct pick_found *f) {
    struct sched_pick pick = {f->cell, f->from};
    if (f->any && !pick_deep_first(s, host)) {
        sched_pack(s, host, &pick);
        f->cell = pick.cell;
        f->from = pick.from;
    }
}

bool sched_pick(struct sched *s, int host, struct sched_pick *out) {
    struct pick_found f = pick_point(s, host);
    if (!f.any) {
        f = pick_startable(s, host);
        pick_balance(s, host, &f);
    }
    if (f.any && f.others > 0 && !pick_steal_pays(s, &f, host)) {
        f.any = false;
    }
    if (!f.any) {
        f = pick_impatient(s, host);
    }
    /* The last try of a cell that could not begin at a state relies on none, nor on a point it failed after. */
    const struct sched_cell *c = &s->cells[f.cell];
    bool point = f.from && f.from->state == SITE_POINT && c->tries > 0;
    bool alone = f.any && (c->unbegun || point) && c->tries + 1 >= s->o->limits.attempts;
    *out = (struct sched_pick){f.cell, alone ? NULL : f.from};
    return f.any;
}
