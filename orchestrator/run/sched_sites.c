/* States: where they are to be kept, where they are, and when they go. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "run/sched_state.h"

/* After so many states that were to be kept at a place and were not, cells do not wait there. */
enum { SITES_MISSED_MAX = 3 };
/* So many workers that could not begin at a state, and it is no good. */
enum { SITES_SPOILT_MAX = 2 };

static const struct tree_segment *site_segment(const struct sched *s, const struct sched_site *x) {
    return &s->tree->segments[x->segment];
}

/* Estimated from nothing to there, or to the last branch before. */
static double site_at_ms(const struct sched *s, const struct sched_site *x) {
    return x && x->segment != TREE_NONE ? s->segments[x->segment].at_ms : 0;
}

/* ---- lists ----------------------------------------------------------------------------------- */

static void site_link_host(struct sched *s, struct sched_site *x) {
    struct sched_site **head = &s->places[x->host].sites, *before = NULL, *after = *head;
    while (after && after->segment < x->segment) {
        before = after;
        after = after->host_next;
    }
    x->host_prev = before;
    x->host_next = after;
    *(before ? &before->host_next : head) = x;
    if (after) {
        after->host_prev = x;
    }
}

/* From here on the site decides where cells below it begin. */
static void site_open(struct sched *s, struct sched_site *x) {
    struct sched_segment *g = &s->segments[x->segment];
    const struct tree_segment *t = site_segment(s, x);
    site_link_host(s, x);
    x->segment_prev = NULL;
    x->segment_next = g->first;
    if (g->first) {
        g->first->segment_prev = x;
    }
    g->first = x;
    g->sites++;
    sched_rank_claim(s->rank, t->order, t->order + t->cells, 1);
    sched_eta_owe(s, x->segment);
}

static void site_close(struct sched *s, struct sched_site *x) {
    struct sched_segment *g = &s->segments[x->segment];
    const struct tree_segment *t = site_segment(s, x);
    *(x->host_prev ? &x->host_prev->host_next : &s->places[x->host].sites) = x->host_next;
    if (x->host_next) {
        x->host_next->host_prev = x->host_prev;
    }
    *(x->segment_prev ? &x->segment_prev->segment_next : &g->first) = x->segment_next;
    if (x->segment_next) {
        x->segment_next->segment_prev = x->segment_prev;
    }
    g->sites--;
    sched_rank_claim(s->rank, t->order, t->order + t->cells, -1);
    sched_eta_owe(s, x->segment);
}

struct sched_site *sched_site_new(struct sched *s, int host, uint32_t segment, int64_t bytes) {
    struct sched_site *x = mem_zalloc(1, sizeof(*x));
    x->host = host;
    x->segment = segment;
    x->bytes = bytes;
    x->all_next = s->sites;
    if (s->sites) {
        s->sites->all_prev = x;
    }
    s->sites = x;
    s->places[host].used += bytes;
    return x;
}

static void site_delete(struct sched *s, struct sched_site *x) {
    s->points -= x->state == SITE_POINT;
    *(x->all_prev ? &x->all_prev->all_next : &s->sites) = x->all_next;
    if (x->all_next) {
        x->all_next->all_prev = x->all_prev;
    }
    s->places[x->host].used -= x->bytes;
    free(x->name);
    free(x->maker);
    free(x);
}

static void site_drop(struct sched *s, struct sched_site *x, enum sched_drop what) {
    int64_t stays = s->places[x->host].gone
                        ? 0
                        : s->o->ops->drop_state(s->o->ops_ctx, x->host, x->name, what);
    stays = what == SCHED_DROP_ALL || stays < 0 || stays > x->bytes ? 0 : stays;
    s->places[x->host].used -= x->bytes - stays;
    x->bytes = stays;
}

static void site_review(struct sched *s, struct sched_site *x);

/* One fewer stands on it: the last one takes it along, and so on down the chain. */
static void site_release(struct sched *s, struct sched_site *x) {
    while (x && --x->standing == 0 && x->state == SITE_BASE) {
        struct sched_site *base = x->base;
        site_drop(s, x, SCHED_DROP_ALL);
        site_delete(s, x);
        x = base;
    }
    if (x && x->standing == 0 && x->state == SITE_READY) {
        site_review(s, x);
    }
}

/* The memory image goes when the last worker that was sent there has begun. */
static void site_drop_memory(struct sched *s, struct sched_site *x) {
    if (x->state == SITE_BASE && x->memory && x->restoring == 0) {
        x->memory = false;
        site_drop(s, x, SCHED_DROP_MEMORY);
    }
}

void sched_site_retire(struct sched *s, struct sched_site *x) {
    if (x->state == SITE_POINT) {
        struct sched_cell *c = &s->cells[x->cell];
        c->point = c->point == x ? NULL : c->point;
        s->points--;
    } else {
        site_close(s, x);
    }
    x->state = SITE_BASE;
    if (x->standing > 0) {
        site_drop_memory(s, x);
        return;
    }
    x->standing = 1; /* as if the last one left now */
    site_release(s, x);
}

/* What an interrupted run leaves is where the next part of it begins. And a cell that stands on a state may fail,
 * and be run again from there. */
static void site_review(struct sched *s, struct sched_site *x) {
    bool again = s->o->confirm != 0 && x->standing > 0;
    bool needed = s->segments[x->segment].waiting > 0 || again || sched_ending(s);
    if (x->state == SITE_READY && x->restoring == 0 && !needed) {
        sched_site_retire(s, x);
    }
}

void sched_sites_review(struct sched *s, uint32_t segment) {
    for (struct sched_site *x = s->segments[segment].first, *next; x; x = next) {
        next = x->segment_next;
        site_review(s, x);
    }
}

struct sched_site *sched_sites_at(const struct sched *s, int host, uint32_t segment) {
    for (struct sched_site *x = s->places[host].sites; x; x = x->host_next) {
        if (x->segment == segment) {
            return x;
        }
    }
    return NULL;
}

struct sched_site *sched_sites_deepest(const struct sched *s, int host, size_t cell, bool ready) {
    size_t at = s->tree->segments[s->tree->leaf[cell]].order;
    struct sched_site *deepest = NULL; /* the list has the outermost first */
    for (struct sched_site *x = s->places[host].sites; x; x = x->host_next) {
        const struct tree_segment *t = site_segment(s, x);
        if ((!ready || x->state == SITE_READY) && at >= t->order && at < t->order + t->cells) {
            deepest = x;
        }
    }
    return deepest;
}

/* ---- a worker sets out ------------------------------------------------------------------------ */

/* Worth a state: others wait below, nobody on this host is at it, and it did not fail too often. */
static bool site_is_wanted(const struct sched *s, int host, uint32_t segment) {
    return s->segments[segment].waiting > 0 && s->segments[segment].missed < SITES_MISSED_MAX &&
           !sched_sites_at(s, host, segment);
}

/* Time saved by a state there: everybody who waits need not come this far again. */
static double site_gain(const struct sched *s, uint32_t segment, double from_ms) {
    return s->segments[segment].waiting * (s->segments[segment].at_ms - from_ms);
}

/* States that nobody waits for are kept for cells that may have to be run again: they give way to wanted ones. */
static void site_make_room(struct sched *s, int host, int64_t bytes) {
    for (struct sched_site *x = s->places[host].sites, *next; x; x = next) {
        if (s->places[host].used + bytes <= s->o->states_max) {
            return;
        }
        next = x->host_next;
        if (x->state == SITE_READY && x->restoring == 0 && s->segments[x->segment].waiting == 0) {
            sched_site_retire(s, x);
            next = s->places[host].sites; /* others may have gone along */
        }
    }
}

/* The wanted places on the way of the cell, the leaf's parent first; of more than the budget has
 * room for, those that save most. Returns how many. */
static size_t site_choose(struct sched *s, const struct sched_slot *slot,
                          const struct sched_site *from, uint32_t *wanted) {
    size_t n = 0;
    uint32_t end = from ? from->segment : TREE_NONE;
    uint32_t at = s->tree->segments[s->tree->leaf[slot->cell]].parent;
    for (; at != end && at != TREE_NONE && n < SCHED_SAVES_MAX; at = s->tree->segments[at].parent) {
        if (site_is_wanted(s, slot->host, at)) {
            wanted[n++] = at;
        }
    }
    site_make_room(s, slot->host, (int64_t)n * s->o->state_bytes);
    int64_t room = s->o->states_max - s->places[slot->host].used;
    double from_ms = site_at_ms(s, from);
    while (n > 0 && (int64_t)n * s->o->state_bytes > room) {
        size_t least = 0;
        for (size_t i = 1; i < n; i++) {
            least = site_gain(s, wanted[i], from_ms) < site_gain(s, wanted[least], from_ms)
                        ? i
                        : least;
        }
        memmove(&wanted[least], &wanted[least + 1], (--n - least) * sizeof(*wanted));
    }
    return n;
}

static void site_ask(struct sched *s, struct sched_slot *slot, uint32_t segment) {
    struct sched_site *x = sched_site_new(s, slot->host, segment, s->o->state_bytes);
    const struct estimate *e = &s->eta.seen;
    double ms = s->segments[segment].at_ms + e->save_ms * (double)(slot->save_count + 1);
    ms -= slot->base ? site_at_ms(s, slot->base) - e->restore_ms : 0;
    x->state = SITE_PRODUCING;
    x->steps = s->tree->segments[segment].end;
    x->cell = slot->cell;
    x->attempt = slot->attempt;
    x->due = slot->began + (int64_t)(ms * CLOCK_MS);
    int confirm = s->cells[slot->cell].confirm;
    x->maker = str_dup(sched_cell_plan(s, slot->cell)->id);
    x->name = confirm ? str_printf("%u-%zu.%d-%d", segment, slot->cell, confirm, slot->attempt)
                      : str_printf("%u-%zu-%d", segment, slot->cell, slot->attempt);
    slot->saves[slot->save_count++] = x;
    site_open(s, x);
}

void sched_sites_enter(struct sched *s, int index, struct sched_site *from) {
    struct sched_slot *slot = &s->slots[index];
    slot->base = from;
    if (from) {
        from->standing++;
        from->restoring++;
        slot->restoring = true;
        slot->from_steps = from->steps;
    }
    uint32_t wanted[SCHED_SAVES_MAX];
    bool keeps = s->o->sharing && !s->o->hosts[slot->host].stateless;
    size_t n = keeps ? site_choose(s, slot, from, wanted) : 0;
    slot->saves = n ? mem_zalloc(n, sizeof(struct sched_site *)) : NULL;
    while (n > 0) {
        site_ask(s, slot, wanted[--n]);
    }
    sched_point_reserve(s, slot);
}

/* ---- and tells --------------------------------------------------------------------------------- */

/* The next state asked for will not come: its place is open to others. */
static void site_miss(struct sched *s, struct sched_slot *slot) {
    struct sched_site *x = slot->saves[slot->save_next++];
    /* What lies behind the first one was never come to. */
    if (!sched_ending(s) && !slot->lost_host && !slot->missed) {
        s->segments[x->segment].missed++;
        slot->missed = true;
    }
    int host = x->host;
    site_close(s, x);
    site_delete(s, x);
    sched_wake(s, host);
}

/* Everything asked for up to so many steps, or all of it. */
static void site_miss_until(struct sched *s, struct sched_slot *slot, size_t steps) {
    while (slot->save_next < slot->save_count &&
           site_segment(s, slot->saves[slot->save_next])->end <= steps) {
        site_miss(s, slot);
    }
}

static int site_keep(struct sched *s, struct sched_slot *slot, const struct observation *o,
                     struct err *err) {
    const char *name = json_string_value(json_object_get(o->data, "name"));
    json_int_t steps = json_integer_value(json_object_get(o->data, "steps"));
    json_int_t bytes = json_integer_value(json_object_get(o->data, "bytes"));
    if (!name || steps <= 0 || bytes < 0 || slot->restoring) {
        return err_set(err, ERR_PROTOCOL, "a state that cannot be: no name, steps, bytes or guest");
    }
    site_miss_until(s, slot, (size_t)steps - 1);
    if (sched_point_is(slot, name)) {
        return sched_point_keep(s, slot, o, err);
    }
    struct sched_site *x = slot->save_next < slot->save_count ? slot->saves[slot->save_next] : NULL;
    if (!x || strcmp(x->name, name) != 0 || site_segment(s, x)->end != (size_t)steps) {
        return err_set(err, ERR_PROTOCOL, "a state that was not asked for: '%.60s'", name);
    }
    slot->save_next++;
    x->state = SITE_READY;
    x->memory = true;
    x->at_ms = o->at_ms;
    s->places[x->host].used += bytes - x->bytes;
    x->bytes = bytes;
    /* The machine goes on above it: what it stood on carries this state now. */
    x->base = slot->base;
    x->standing = 1;
    slot->base = x;
    s->segments[x->segment].missed = 0;
    if (s->places[x->host].used > s->o->states_max) {
        log_warn(s->o->log, "state %s has %lld bytes, more than set aside: not used", name,
                 (long long)bytes);
        sched_site_retire(s, x);
    } else {
        site_review(s, x);
    }
    sched_wake(s, slot->host);
    return 0;
}

static void site_begun(struct sched *s, struct sched_slot *slot, struct sched_site *from) {
    slot->restoring = false;
    from->restoring--;
    site_drop_memory(s, from);
    site_review(s, from);
}

int sched_sites_hear(struct sched *s, int index, const struct observation *o, struct err *err) {
    struct sched_slot *slot = &s->slots[index];
    if (o->type == OBS_STATE) {
        return site_keep(s, slot, o, err);
    }
    if (slot->restoring && o->type == OBS_STEP_BEGIN && (size_t)o->step == slot->from_steps) {
        site_begun(s, slot, slot->base);
    }
    if (o->step > 0) {
        site_miss_until(s, slot, (size_t)o->step);
    }
    return 0;
}

/* A state at which nobody can begin is worse than none: cells would use up their tries on it. */
static void site_spoil(struct sched *s, struct sched_site *x) {
    if (x->state == SITE_POINT && ++x->spoilt >= SITES_SPOILT_MAX && !s->places[x->host].gone) {
        sched_site_retire(s, x); /* the worker that failed still stands on it */
    } else if (x->state == SITE_READY && ++x->spoilt >= SITES_SPOILT_MAX && !s->places[x->host].gone) {
        log_warn(s->o->log, "state %s: workers cannot begin there, it is given up", x->name);
        s->segments[x->segment].missed++;
        site_close(s, x);
        x->state = SITE_BASE; /* the worker that failed still stands on it */
        sched_wake(s, x->host);
    }
}

static void site_leave_base(struct sched *s, struct sched_slot *slot);

void sched_sites_leave(struct sched *s, int index) {
    struct sched_slot *slot = &s->slots[index];
    size_t cell = slot->cell;
    sched_point_unreserve(s, slot);
    site_miss_until(s, slot, SIZE_MAX);
    free(slot->saves);
    slot->saves = NULL;
    slot->save_count = slot->save_next = 0;
    site_leave_base(s, slot);
    sched_point_review(s, cell);
}

static void site_leave_base(struct sched *s, struct sched_slot *slot) {
    struct sched_site *base = slot->base;
    slot->base = NULL;
    if (!base) {
        return;
    }
    if (slot->restoring) {
        slot->restoring = false;
        base->restoring--;
        if (slot->infra != FAILURE_NONE && !slot->lost_host) {
            s->cells[slot->cell].unbegun = true;
            site_spoil(s, base);
        }
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): nothing above ends it while this worker stands on it */
        site_drop_memory(s, base);
    }
    bool stays = base->state == SITE_READY && base->standing > 1;
    site_release(s, base); /* which looks at it when it was the last one */
    if (stays) {
        site_review(s, base);
    }
}

/* ---- from one part of a run to the next, and the end -------------------------------------------- */

static struct sched_site *site_named(const struct sched *s, const char *name) {
    for (struct sched_site *x = s->sites; x && name; x = x->all_next) {
        if (strcmp(x->name, name) == 0) {
            return x;
        }
    }
    return NULL;
}

static bool site_kept_is_good(const struct sched *s, const struct sched_kept *k) {
    return k->host >= 0 && (size_t)k->host < s->o->host_count &&
           k->cell < s->o->plan->cell_count && k->name;
}

static bool site_kept_is_usable(const struct sched *s, const struct sched_kept *k) {
    uint32_t segment = tree_find(s->tree, k->cell, k->steps);
    return k->memory && segment != TREE_NONE && s->tree->segments[segment].child != TREE_NONE &&
           s->segments[segment].waiting > 0 && !sched_sites_at(s, k->host, segment);
}

static struct sched_site *site_from_kept(struct sched *s, const struct sched_kept *k,
                                         enum sched_site_state state) {
    uint32_t segment = tree_find(s->tree, k->cell, k->steps);
    struct sched_site *x = sched_site_new(s, k->host, segment == TREE_NONE ? 0 : segment, k->bytes);
    const char *cell = s->o->plan->cells[k->cell].id;
    x->name = str_dup(k->name);
    x->maker = k->confirm ? str_printf("%s.%d", cell, k->confirm) : str_dup(cell);
    x->cell = k->cell;
    x->attempt = k->attempt;
    x->at_ms = k->at_ms;
    x->steps = k->steps;
    x->memory = state != SITE_BASE;
    x->state = state;
    if (state == SITE_READY) {
        site_open(s, x);
    }
    return x;
}

/* Any state that the run of a waiting cell made itself may be where it goes on. */
static bool site_kept_is_point(const struct sched *s, const struct sched_kept *k) {
    const struct sched_cell *c = &s->cells[k->cell];
    return s->o->points && k->memory && c->state == SCHED_WAITING && c->confirm == k->confirm &&
           plan_resumes(&s->o->plan->cells[k->cell], k->steps) && !site_named(s, k->name);
}

/* The deepest one of each cell; what others stand on must not go before these are known. */
static void site_take_points(struct sched *s, size_t count) {
    const struct sched_kept **deepest = mem_zalloc(s->o->plan->cell_count + 1, sizeof(struct sched_kept *));
    for (size_t i = 0; i < count; i++) {
        const struct sched_kept *k = &s->o->kept[i];
        if (site_kept_is_good(s, k) && site_kept_is_point(s, k) &&
            (!deepest[k->cell] || deepest[k->cell]->steps < k->steps)) {
            deepest[k->cell] = k;
        }
    }
    for (size_t i = 0; i < s->o->plan->cell_count; i++) {
        if (deepest[i]) {
            struct sched_site *x = site_from_kept(s, deepest[i], SITE_BASE);
            x->segment = sched_point_segment(s, i, x->steps);
            x->memory = true;
            sched_point_set(s, x);
        }
    }
    free(deepest);
}

/* The site of the kept state of that name, made when there is none yet. */
static struct sched_site *site_base_of(struct sched *s, const char *name, int host) {
    struct sched_site *x = site_named(s, name);
    for (size_t i = 0; !x && i < s->o->kept_count; i++) {
        const struct sched_kept *k = &s->o->kept[i];
        if (site_kept_is_good(s, k) && k->host == host && strcmp(k->name, name) == 0) {
            x = site_from_kept(s, k, SITE_BASE);
        }
    }
    return x;
}

/* Stands a site on what it was kept upon, and so on down. */
static bool site_stand(struct sched *s, const struct sched_kept *k) {
    struct sched_site *x = site_named(s, k->name);
    struct sched_site *base = x && !x->base && k->base ? site_base_of(s, k->base, k->host) : NULL;
    if (base && base != x) {
        x->base = base;
        base->standing++;
        return true;
    }
    return false;
}

/* Drops kept states that are of no use, what stands on others first. */
static void site_drop_useless(struct sched *s, size_t count) {
    bool *gone = mem_zalloc(count + 1, sizeof(*gone));
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < count; i++) {
            const struct sched_kept *k = &s->o->kept[i];
            bool carries = gone[i] || !site_kept_is_good(s, k) || site_named(s, k->name);
            for (size_t j = 0; j < count && !carries; j++) {
                carries = !gone[j] && j != i && str_eq(s->o->kept[j].base, k->name);
            }
            if (!carries) {
                s->o->ops->drop_state(s->o->ops_ctx, k->host, k->name, SCHED_DROP_ALL);
                gone[i] = moved = true;
            }
        }
    }
    free(gone);
}

/* Those at which cells can begin, those that carry them; the rest goes. */
void sched_sites_take_kept(struct sched *s) {
    size_t count = s->o->sharing ? s->o->kept_count : 0;
    for (size_t i = 0; i < count; i++) {
        const struct sched_kept *k = &s->o->kept[i];
        if (site_kept_is_good(s, k) && site_kept_is_usable(s, k)) {
            site_from_kept(s, k, SITE_READY);
        }
    }
    site_take_points(s, count);
    for (bool moved = true; moved;) { /* a base may be listed before what stands on it */
        moved = false;
        for (size_t i = 0; i < count; i++) {
            moved |= site_stand(s, &s->o->kept[i]);
        }
    }
    site_drop_useless(s, count);
}

/* Its workers have ended: nobody stands on these but each other. */
void sched_sites_lose_host(struct sched *s, int host) {
    for (struct sched_site *x = s->sites, *next; x; x = next) {
        next = x->all_next;
        if (x->host == host) {
            if (x->state == SITE_POINT) {
                s->cells[x->cell].point = NULL;
            } else if (x->state != SITE_BASE) {
                site_close(s, x);
            }
            site_delete(s, x);
        }
    }
}

void sched_sites_free(struct sched *s) {
    for (struct sched_site *x = s->sites, *next; x; x = next) {
        next = x->all_next;
        free(x->name);
        free(x->maker);
        free(x);
    }
    s->sites = NULL;
}
