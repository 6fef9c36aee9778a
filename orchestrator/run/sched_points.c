/* Points: states that a running cell keeps for itself alone, to go on from when the run was interrupted or the lab
 * failed on it. They stand among the sites, but in no segment's list. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "run/sched_state.h"

enum { POINTS_MAX = 4 }; /* of one worker */

/* Never more than half of what is left: states that cells share come first. */
void sched_point_reserve(struct sched *s, struct sched_slot *slot) {
    int64_t *used = &s->places[slot->host].used;
    int64_t room = s->o->states_max - *used;
    bool keeps = s->o->sharing && s->o->points && s->o->state_bytes > 0 && !s->o->hosts[slot->host].stateless;
    if (!keeps || room < s->o->state_bytes) {
        return;
    }
    int64_t most = room / 2 / s->o->state_bytes;
    slot->points_max = most < 1 ? 1 : most < POINTS_MAX ? (int)most : POINTS_MAX;
    slot->reserved = slot->points_max * s->o->state_bytes;
    *used += slot->reserved;
    snprintf(slot->points, sizeof(slot->points), "p%zu.%d-%d", slot->cell, s->cells[slot->cell].confirm,
             slot->attempt);
}

void sched_point_unreserve(struct sched *s, struct sched_slot *slot) {
    s->places[slot->host].used -= slot->reserved;
    slot->reserved = 0;
}

/* The last segment on the cell's way that ends within so many steps. */
uint32_t sched_point_segment(const struct sched *s, size_t cell, size_t steps) {
    uint32_t g = s->tree->leaf[cell];
    while (g != TREE_NONE && s->tree->segments[g].end > steps) {
        g = s->tree->segments[g].parent;
    }
    return g;
}

/* The cell goes on from there, should it have to. What it had before only carries it now. */
void sched_point_set(struct sched *s, struct sched_site *x) {
    struct sched_site *old = s->cells[x->cell].point;
    x->state = SITE_POINT;
    s->points++;
    s->cells[x->cell].point = x;
    if (old) {
        sched_site_retire(s, old);
    }
}

bool sched_point_is(const struct sched_slot *slot, const char *name) {
    size_t len = strlen(slot->points);
    return len > 0 && strncmp(name, slot->points, len) == 0 && name[len] == '-';
}

int sched_point_keep(struct sched *s, struct sched_slot *slot, const struct observation *o,
                     struct err *err) {
    const char *name = json_string_value(json_object_get(o->data, "name"));
    size_t steps = (size_t)json_integer_value(json_object_get(o->data, "steps"));
    int64_t bytes = json_integer_value(json_object_get(o->data, "bytes"));
    const struct sched_site *point = s->cells[slot->cell].point;
    if (slot->reserved <= 0 || steps <= slot->from_steps || (point && point->steps >= steps && point == slot->base) ||
        !plan_resumes(sched_cell_plan(s, slot->cell), steps)) {
        return err_set(err, ERR_PROTOCOL, "a point that cannot be: '%.60s'", name);
    }
    slot->reserved -= s->o->state_bytes;
    s->places[slot->host].used -= s->o->state_bytes;
    struct sched_site *x = sched_site_new(s, slot->host, sched_point_segment(s, slot->cell, steps), bytes);
    x->name = str_dup(name);
    x->maker = str_dup(sched_cell_plan(s, slot->cell)->id);
    x->cell = slot->cell;
    x->attempt = slot->attempt;
    x->steps = steps;
    x->at_ms = o->at_ms;
    x->memory = true;
    x->base = slot->base; /* the machine goes on above it, as after any state */
    x->standing = 1;
    slot->base = x;
    sched_point_set(s, x);
    if (s->places[x->host].used > s->o->states_max) {
        log_warn(s->o->log, "point %s has no room: not used", name);
        sched_site_retire(s, x);
    }
    return 0;
}

/* A point is for the run that made it, and only until that has come to its end. */
void sched_point_review(struct sched *s, size_t cell) {
    const struct sched_cell *c = &s->cells[cell];
    bool waits = c->state == SCHED_WAITING && c->point &&
                 strcmp(c->point->maker, sched_cell_plan(s, cell)->id) == 0;
    if (c->point && !waits && !sched_ending(s)) {
        sched_site_retire(s, c->point);
    }
}

struct sched_site *sched_point_first(const struct sched *s, int host) {
    for (struct sched_site *x = s->points > 0 ? s->sites : NULL; x; x = x->all_next) {
        if (x->state == SITE_POINT && x->host == host && s->cells[x->cell].state == SCHED_WAITING) {
            return x;
        }
    }
    return NULL;
}
