#include "support/sharing.h"

#include <stdlib.h>

struct world world_new(const enum step_kind *steps, int repetitions, size_t images) {
    struct world w = {.grove = grove_new()};
    grove_steps(w.grove, steps);
    grove_set(w.grove, "a", 2, true);
    grove_set(w.grove, "ab", 3, true);
    grove_set(w.grove, "abc", 1, true);
    grove_set(w.grove, "bd", 2, false);
    w.grove->model.repetitions = repetitions;
    w.grove->model.image_count = images;
    w.plan = grove_plan(w.grove, true);
    w.tree = tree_build(w.plan);
    return w;
}

void world_free(struct world *w) {
    tree_free(w->tree);
    plan_free(w->plan);
    free(w->grove);
}

struct fleet_spec world_spec(const struct world *w, size_t hosts, int slots) {
    return (struct fleet_spec){.plan = w->plan, .hosts = hosts, .slots = slots, .sharing = true,
                               .states_max = 1000 * FLEET_STATE_BYTES, .facts = true};
}
