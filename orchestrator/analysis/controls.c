#include "analysis/controls.h"

#include "base/str.h"

static bool controls_is_alone(const struct judged *c, const struct model_product *p) {
    return c->plan->product_count == 1 && c->plan->products[0] == p;
}

bool controls_has(const struct judged *c, const struct model_product *p) {
    for (size_t i = 0; i < c->plan->product_count; i++) {
        if (c->plan->products[i] == p) {
            return true;
        }
    }
    return false;
}

/* The same update on this product alone, same image. One failing repetition is a failure. A failure of a kind that
 * cannot be the cause of this cell's (slow alone, broken in the pair) counts as fine in this respect. */
static enum control controls_alone(const struct judgement *j, const struct judged *c,
                                      const struct model_product *p) {
    enum control seen = CONTROL_NONE;
    for (size_t i = 0; i < j->count; i++) {
        const struct judged *o = &j->cells[i];
        if (o->plan->update != c->plan->update || !str_eq(o->plan->image, c->plan->image) ||
            !controls_is_alone(o, p)) {
            continue;
        }
        if (o->outcome == OUTCOME_AFTER && judge_same_family(o, c)) {
            return CONTROL_FAIL;
        }
        if (o->outcome == OUTCOME_AFTER && judge_is_measured(c)) {
            continue; /* broken alone: nothing can be said about its speed */
        }
        if (o->outcome == OUTCOME_PASS || o->outcome == OUTCOME_AFTER) {
            seen = CONTROL_PASS;
        }
    }
    return seen;
}

/* A pair of the cell's own products, one behind the other as there. */
static bool controls_is_pair(const struct judged *o, const struct judged *c, const struct model_product *a,
                             const struct model_product *b) {
    const struct model_product *first = NULL;
    for (size_t i = 0; i < c->plan->product_count && !first; i++) {
        first = c->plan->products[i] == a || c->plan->products[i] == b ? c->plan->products[i] : NULL;
    }
    return o->plan->product_count == 2 && controls_has(o, a) && controls_has(o, b) && o->plan->products[0] == first;
}

enum control controls_pair(const struct judgement *j, const struct judged *c, const struct model_product *neighbour) {
    const struct model_product *own = c->plan->update ? c->plan->update->product : NULL;
    enum control seen = CONTROL_NONE;
    for (size_t i = 0; own && i < j->count; i++) {
        const struct judged *o = &j->cells[i];
        if (o->plan->update != c->plan->update || !str_eq(o->plan->image, c->plan->image) ||
            !controls_is_pair(o, c, own, neighbour)) {
            continue;
        }
        if (o->outcome == OUTCOME_AFTER && judge_same_family(o, c)) {
            return CONTROL_FAIL;
        }
        seen = o->outcome == OUTCOME_PASS ? CONTROL_PASS : seen;
    }
    return seen;
}

/* A repetition of one order that fails outweighs those of it that pass. */
static enum control controls_of_order(const struct judgement *j, const struct judged *like) {
    enum control seen = CONTROL_NONE;
    for (size_t i = 0; i < j->count; i++) {
        const struct judged *o = &j->cells[i];
        if (judge_same_combination(o->plan, like->plan)) {
            if (o->outcome == OUTCOME_AFTER || o->outcome == OUTCOME_BEFORE) {
                return CONTROL_FAIL;
            }
            seen = o->outcome == OUTCOME_PASS ? CONTROL_PASS : seen;
        }
    }
    return seen;
}

enum control controls_other_order(const struct judgement *j, const struct judged *c) {
    enum control seen = CONTROL_NONE;
    for (size_t i = 0; i < j->count && seen != CONTROL_PASS; i++) {
        const struct judged *o = &j->cells[i];
        if (o->plan->update == c->plan->update && str_eq(o->plan->image, c->plan->image) && str_eq(o->set, c->set) &&
            !judge_same_combination(o->plan, c->plan)) {
            enum control one = controls_of_order(j, o);
            seen = one == CONTROL_NONE ? seen : one;
        }
    }
    return seen;
}

enum control controls_update_alone(const struct judgement *j, const struct judged *c) {
    if (c->plan->update->product) {
        return controls_alone(j, c, c->plan->update->product);
    }
    enum control all = CONTROL_PASS;
    for (size_t i = 0; i < c->plan->product_count; i++) {
        enum control one = controls_alone(j, c, c->plan->products[i]);
        if (one == CONTROL_FAIL) {
            return CONTROL_FAIL;
        }
        all = one == CONTROL_NONE ? CONTROL_NONE : all;
    }
    return all;
}

enum control controls_without_update(const struct judgement *j, const struct judged *c) {
    enum control seen = CONTROL_NONE;
    for (size_t i = 0; i < j->count; i++) {
        const struct judged *o = &j->cells[i];
        if (o->plan->update || !str_eq(o->plan->image, c->plan->image) || !str_eq(o->set, c->set)) {
            continue;
        }
        if (o->outcome == OUTCOME_BEFORE && judge_same_family(o, c)) {
            return CONTROL_FAIL;
        }
        seen = o->outcome == OUTCOME_PASS ? CONTROL_PASS : seen;
    }
    return seen;
}

/* A product by itself, any update or none: healthy before it? *alike: it fails there as in this cell. */
static enum control controls_product_alone(const struct judgement *j, const struct judged *c,
                                           const struct model_product *p, bool *alike) {
    enum control seen = CONTROL_NONE;
    for (size_t i = 0; i < j->count; i++) {
        const struct judged *o = &j->cells[i];
        if (!str_eq(o->plan->image, c->plan->image) || !controls_is_alone(o, p)) {
            continue;
        }
        if (o->outcome == OUTCOME_BEFORE) {
            *alike |= o->cls == c->cls;
            seen = CONTROL_FAIL;
        }
        if (seen != CONTROL_FAIL && (o->outcome == OUTCOME_PASS || o->outcome == OUTCOME_AFTER)) {
            seen = CONTROL_PASS;
        }
    }
    return seen;
}

enum control controls_each_alone(const struct judgement *j, const struct judged *c,
                                           const struct model_product **broken) {
    enum control all = CONTROL_PASS;
    for (size_t i = 0; i < c->plan->product_count; i++) {
        bool alike = false;
        enum control one = controls_product_alone(j, c, c->plan->products[i], &alike);
        if (one == CONTROL_FAIL && (!*broken || alike)) {
            *broken = c->plan->products[i];
        }
        if (alike) {
            break;
        }
        all = one == CONTROL_NONE ? CONTROL_NONE : all;
    }
    return *broken ? CONTROL_FAIL : all;
}
