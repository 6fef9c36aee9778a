/* Counting the runs of a combination, and asking for more of them. */
#include <string.h>

#include "analysis/minimize_impl.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "plan/minimize.h"

struct shrink_set { /* the products of a set, in the order they are installed in */
    const struct model_product *products[SHRINK_PRODUCTS];
    size_t count;
};

static struct shrink_set shrink_list(const struct shrink *s, uint64_t set, enum shrink_way way) {
    struct shrink_set list = {.count = 0};
    for (size_t i = 0; i < s->plan->product_count; i++) {
        size_t at = way == SHRINK_REVERSED ? s->plan->product_count - 1 - i : i;
        if (set & (UINT64_C(1) << at)) {
            list.products[list.count++] = s->plan->products[at];
        }
    }
    return list;
}

static bool shrink_is_list(const struct shrink_set *list, const struct plan_cell *c) {
    return c->product_count == list->count &&
           memcmp(c->products, list->products, list->count * sizeof(list->products[0])) == 0;
}

static bool shrink_holds(const struct shrink_set *list, const struct model_product *p) {
    for (size_t i = 0; i < list->count; i++) {
        if (list->products[i] == p) {
            return true;
        }
    }
    return false;
}

bool shrink_same_kind(const struct judged *a, const struct judged *b) {
    return judge_is_crash(a->cls) == judge_is_crash(b->cls) && judge_is_measured(a) == judge_is_measured(b);
}

/* The lab failed in it, or something did that nobody knows: no number of such runs tells more. */
static bool shrink_is_unclear(const struct judged *o) {
    return o->outcome == OUTCOME_LAB || (o->outcome == OUTCOME_OPEN && o->facts->ended && o->facts->complete);
}

/* Does this run show the subject's failure? 1, 0, or -1: it does not tell. A failure of another kind is not the
 * one that is sought; one before the update leaves the update untried. */
static int shrink_answer(const struct shrink *s, const struct judged *o, bool update) {
    bool alike = shrink_same_kind(o, s->subject);
    switch (o->outcome) {
    case OUTCOME_PASS:
        return 0;
    case OUTCOME_AFTER:
        return update ? alike : 0;
    case OUTCOME_BEFORE:
        return update ? -1 : alike;
    default:
        return -1;
    }
}

static bool shrink_is_of(const struct shrink *s, const struct judged *o, enum shrink_way way) {
    if (!str_eq(o->plan->image, s->plan->image)) {
        return false;
    }
    if (way == SHRINK_WITHOUT_UPDATE) {
        return !o->plan->update;
    }
    /* What fails before any update fails in cells of every update. */
    return !s->update || o->plan->update == s->update;
}

static void shrink_count(const struct shrink *s, const struct judged *o, enum shrink_way way,
                         struct analysis_tally *t) {
    int answer = shrink_answer(s, o, s->update && way != SHRINK_WITHOUT_UPDATE);
    t->trials += answer >= 0;
    t->failed += answer > 0;
    t->unclear += answer < 0 && o->plan->minimize && (shrink_is_unclear(o) || o->outcome == OUTCOME_BEFORE);
}

struct analysis_tally shrink_tally(const struct shrink *s, uint64_t set, enum shrink_way way) {
    struct analysis_tally t = {0};
    struct shrink_set list = shrink_list(s, set, way);
    for (size_t i = 0; i < s->hunt->j->count; i++) {
        const struct judged *o = &s->hunt->j->cells[i];
        if (shrink_is_of(s, o, way) && shrink_is_list(&list, o->plan)) {
            shrink_count(s, o, way, &t);
        }
    }
    return t;
}

struct analysis_tally shrink_tally_other_orders(const struct shrink *s, uint64_t set) {
    struct analysis_tally t = {0};
    struct shrink_set list = shrink_list(s, set, SHRINK_AS_IT_IS);
    for (size_t i = 0; i < s->hunt->j->count; i++) {
        const struct judged *o = &s->hunt->j->cells[i];
        bool same = o->plan->product_count == list.count && !shrink_is_list(&list, o->plan);
        for (size_t k = 0; same && k < list.count; k++) {
            same = shrink_holds(&list, o->plan->products[k]);
        }
        if (same && shrink_is_of(s, o, SHRINK_AS_IT_IS)) {
            shrink_count(s, o, SHRINK_AS_IT_IS, &t);
        }
    }
    return t;
}

/* Begun, and neither ended nor given up: it is run again under its own name. */
static bool shrink_is_pending(const struct judged *o) {
    return o->outcome == OUTCOME_NOT_RUN || (o->outcome == OUTCOME_OPEN && !shrink_is_unclear(o));
}

void shrink_want(struct shrink *s, uint64_t set, enum shrink_way way, size_t runs) {
    struct shrink_set list = shrink_list(s, set, way);
    struct minimize_combination c = {s->plan->image, list.products, list.count,
                                     way == SHRINK_WITHOUT_UPDATE ? NULL : s->update};
    int last = 0;
    s->waits = true;
    for (size_t i = 0; i < s->hunt->j->count; i++) {
        const struct judged *o = &s->hunt->j->cells[i];
        if (o->plan->minimize && o->plan->update == c.update && str_eq(o->plan->image, c.image) &&
            shrink_is_list(&list, o->plan)) {
            last = o->plan->minimize > last ? o->plan->minimize : last;
            if (shrink_is_pending(o) && runs > 0) {
                texts_add_once(s->hunt->wanted, "%s", o->plan->id);
                runs--;
            }
        }
    }
    for (; runs > 0 && s->hunt->left > 0; runs--) {
        CLEANUP_FREE char *id = minimize_name(&c, ++last);
        size_t before = s->hunt->wanted->count;
        texts_add_once(s->hunt->wanted, "%s", id);
        s->hunt->left -= s->hunt->wanted->count > before;
    }
    s->hunt->cut |= runs > 0;
}
