#include "analysis/minimize.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/controls.h"
#include "analysis/minimize_impl.h"
#include "analysis/stats.h"
#include "base/cleanup.h"
#include "base/str.h"

enum {
    SHRINK_FIRM = 3,    /* runs of the set and of each control: 3 of 3 against 0 of 3 is 95 % (Fisher) */
    SHRINK_MOST = 8,    /* runs of one combination at most */
    SHRINK_UNCLEAR = 2, /* runs that tell nothing after which a combination counts as not failing */
};
#define SHRINK_CHANCE 0.05 /* of taking a set that fails as often as the whole one for a passing one */

enum shrink_says { SHRINK_FAILS, SHRINK_PASSES, SHRINK_WAITS };

/* ---- one combination ------------------------------------------------------------------------ */

/* One failure that did not come again in so many runs is a fluke's, not this set's. */
static bool shrink_is_fluke(const struct analysis_tally *t) {
    return t->failed == 1 && t->trials > MINIMIZE_REPRODUCE;
}

static enum shrink_says shrink_ask(struct shrink *s, uint64_t set) {
    struct analysis_tally t = shrink_tally(s, set, SHRINK_AS_IT_IS);
    if (t.failed > 0) {
        return shrink_is_fluke(&t) ? SHRINK_PASSES : SHRINK_FAILS;
    }
    if (t.trials >= s->need || t.unclear >= SHRINK_UNCLEAR) {
        return SHRINK_PASSES;
    }
    shrink_want(s, set, SHRINK_AS_IT_IS, 1);
    return SHRINK_WAITS;
}

/* Passes needed until a set that failed as often as the whole one would have failed once but for SHRINK_CHANCE. */
static size_t shrink_needed(const struct analysis_tally *whole) {
    if (whole->failed >= whole->trials) {
        return 1;
    }
    double rate = (double)whole->failed / (double)whole->trials;
    double n = ceil(log(SHRINK_CHANCE) / log(1 - rate));
    return n < 2 ? 2 : n > SHRINK_MOST ? SHRINK_MOST : (size_t)n;
}

/* ---- ddmin ---------------------------------------------------------------------------------- */

static size_t shrink_size(uint64_t set) {
    return (size_t)__builtin_popcountll(set);
}

/* The i-th of n parts of a set, as equal as they can be. */
static uint64_t shrink_chunk(uint64_t set, size_t i, size_t n) {
    size_t size = shrink_size(set), from = i * size / n, to = (i + 1) * size / n, at = 0;
    uint64_t chunk = 0;
    for (uint64_t bit = 1; bit; bit <<= 1) {
        if (set & bit) {
            chunk |= at >= from && at < to ? bit : 0;
            at++;
        }
    }
    return chunk;
}

/* The first of the n parts, or of what each of them leaves, that fails; in *set. */
static enum shrink_says shrink_try_parts(struct shrink *s, uint64_t *set, size_t n, bool rest) {
    for (size_t i = 0; i < n; i++) {
        uint64_t part = shrink_chunk(*set, i, n);
        part = rest ? *set & ~part : part;
        enum shrink_says says = shrink_ask(s, s->own | part);
        if (says != SHRINK_PASSES) {
            *set = says == SHRINK_FAILS ? part : *set;
            return says;
        }
    }
    return SHRINK_PASSES;
}

/* False: an answer is missing. *set: the products beside the updated one. */
static bool shrink_ddmin(struct shrink *s, uint64_t *set) {
    size_t n = 2;
    if (s->own) {
        enum shrink_says says = shrink_ask(s, s->own);
        *set = says == SHRINK_FAILS ? 0 : *set;
        if (says == SHRINK_WAITS) {
            return false;
        }
    }
    while (shrink_size(*set) >= 2) {
        enum shrink_says says = shrink_try_parts(s, set, n, false);
        if (says == SHRINK_FAILS) {
            n = 2;
            continue;
        }
        if (says == SHRINK_PASSES && n > 2) {
            says = shrink_try_parts(s, set, n, true);
            if (says == SHRINK_FAILS) {
                n = n - 1;
                continue;
            }
        }
        if (says == SHRINK_WAITS) {
            return false;
        }
        if (n >= shrink_size(*set)) {
            break;
        }
        n = 2 * n < shrink_size(*set) ? 2 * n : shrink_size(*set);
    }
    return true;
}

/* ---- certainty ------------------------------------------------------------------------------ */

static void shrink_want_until(struct shrink *s, uint64_t set, enum shrink_way way, const struct analysis_tally *t,
                              size_t trials) {
    if (t->trials < trials && t->unclear < SHRINK_UNCLEAR) {
        shrink_want(s, set, way, trials - t->trials);
    }
}

static void shrink_control(struct shrink *s, uint64_t set, enum shrink_way way, const char *without,
                           struct analysis_minimal *m) {
    size_t passes = s->need > SHRINK_FIRM ? s->need : SHRINK_FIRM;
    struct analysis_control *c = &m->controls[m->control_count++];
    *c = (struct analysis_control){without ? str_dup(without) : NULL, shrink_tally(s, set, way)};
    shrink_want_until(s, set, way, &c->seen, passes);
}

static void shrink_controls(struct shrink *s, uint64_t set, struct analysis_minimal *m) {
    m->controls = mem_zalloc(shrink_size(set) + 1, sizeof(*m->controls));
    for (size_t i = 0; i < s->plan->product_count; i++) {
        uint64_t bit = UINT64_C(1) << i;
        if ((set & bit) && bit != s->own && set != bit) {
            shrink_control(s, set & ~bit, SHRINK_AS_IT_IS, s->plan->products[i]->id, m);
        }
    }
    if (s->update) {
        shrink_control(s, set, SHRINK_WITHOUT_UPDATE, NULL, m);
    }
    if (s->hunt->orders && shrink_size(set) > 1) {
        struct analysis_tally reversed = shrink_tally(s, set, SHRINK_REVERSED);
        shrink_want_until(s, set, SHRINK_REVERSED, &reversed, SHRINK_FIRM);
    }
}

/* Of the weakest of its controls. */
static double shrink_confidence(const struct analysis_minimal *m) {
    double least = m->control_count ? 1 : 0;
    for (size_t i = 0; i < m->control_count; i++) {
        const struct analysis_tally *c = &m->controls[i].seen;
        double one = 1 - stats_fisher_greater(m->seen.failed, m->seen.trials, c->failed, c->trials);
        least = one < least ? one : least;
    }
    return least;
}

/* The set fails again and again, and its controls do not: as often as both sets' runs together call for. */
static void shrink_make_certain(struct shrink *s, uint64_t set, struct analysis_minimal *m) {
    struct analysis_tally whole = shrink_tally(s, s->all, SHRINK_AS_IT_IS);
    whole.failed += m->seen.failed;
    whole.trials += m->seen.trials;
    s->need = shrink_needed(&whole);
    size_t more = m->seen.failed < SHRINK_FIRM ? SHRINK_FIRM - m->seen.failed : 0;
    if (more && m->seen.trials < SHRINK_MOST && m->seen.unclear < SHRINK_UNCLEAR) {
        shrink_want(s, set, SHRINK_AS_IT_IS,
                    more < SHRINK_MOST - m->seen.trials ? more : SHRINK_MOST - m->seen.trials);
    }
    shrink_controls(s, set, m);
    m->confidence = shrink_confidence(m);
}

/* ---- one subject ---------------------------------------------------------------------------- */

static char **shrink_ids(const struct shrink *s, uint64_t set) {
    struct texts ids = {NULL, 0};
    for (size_t i = 0; i < s->plan->product_count; i++) {
        if (set & (UINT64_C(1) << i)) {
            texts_addf(&ids, "%s", s->plan->products[i]->id);
        }
    }
    return texts_take(&ids);
}

/* Whether the whole set fails again; false: it does not, or that is not known yet. */
static bool shrink_reproduce(struct shrink *s, struct analysis_minimal *m) {
    struct analysis_tally t = shrink_tally(s, s->all, SHRINK_AS_IT_IS);
    s->need = shrink_needed(&t);
    if (t.failed >= 2) {
        return true;
    }
    if (shrink_is_fluke(&t)) {
        m->state = MINIMAL_NOT_REPRODUCED;
    } else if (t.unclear < SHRINK_UNCLEAR) {
        shrink_want(s, s->all, SHRINK_AS_IT_IS, 1);
    }
    return false;
}

static void shrink_subject(struct shrink *s, struct analysis_minimal *m) {
    uint64_t rest = s->all & ~s->own;
    bool sought = shrink_reproduce(s, m) && shrink_ddmin(s, &rest);
    uint64_t set = s->own | rest;
    m->products = shrink_ids(s, set);
    m->seen = shrink_tally(s, set, SHRINK_AS_IT_IS);
    m->other_orders = shrink_tally_other_orders(s, set);
    if (sought) {
        shrink_make_certain(s, set, m);
        /* Once is not enough to say so, and a run that waits may still say otherwise. */
        m->state = m->seen.failed >= 2 && (!s->waits || s->hunt->cut) ? MINIMAL_FOUND : MINIMAL_OPEN;
    }
    m->cut = s->hunt->cut;
    m->text = shrink_sentence(m);
}

/* ---- the run -------------------------------------------------------------------------------- */

static const struct model_update *shrink_update(const struct judged *c) {
    return c->outcome == OUTCOME_AFTER ? c->plan->update : NULL;
}

/* Whether a minimal set is about failures like this cell's. */
static bool shrink_is_about(const struct analysis_minimal *m, const struct judged *c) {
    const struct model_update *u = shrink_update(c);
    return str_eq(m->image, c->plan->image) && str_eq(m->update, u ? u->id : NULL) &&
           judge_is_crash(m->failure) == judge_is_crash(c->cls) && m->measured == judge_is_measured(c);
}

/* The set's products are in the cell, in the same order. */
static bool shrink_is_inside(const struct analysis_minimal *m, const struct plan_cell *c) {
    size_t at = 0;
    for (size_t i = 0; i < c->product_count && m->products[at]; i++) {
        at += str_eq(c->products[i]->id, m->products[at]);
    }
    return !m->products[at];
}

const struct analysis_minimal *minimize_explains(const struct judgement *j, const struct judged *c) {
    for (size_t i = 0; i < j->minimal_count; i++) {
        const struct analysis_minimal *m = &j->minimal[i];
        if (m->state == MINIMAL_FOUND && shrink_is_about(m, c) && shrink_is_inside(m, c->plan)) {
            return m;
        }
    }
    return NULL;
}

/* The matrix itself shows it with one product: there is nothing to shrink. */
static bool shrink_fails_alone(const struct judgement *j, const struct judged *c) {
    const struct model_update *u = shrink_update(c);
    bool own = u && u->product && controls_has(c, u->product);
    for (size_t i = 0; i < j->count; i++) {
        const struct judged *o = &j->cells[i];
        if (o->plan->product_count != 1 || o->plan->minimize || !str_eq(o->plan->image, c->plan->image)) {
            continue;
        }
        const struct model_product *p = o->plan->products[0];
        if ((own ? p == u->product : controls_has(c, p)) && o->outcome == c->outcome && shrink_update(o) == u &&
            shrink_same_kind(o, c)) {
            return true;
        }
    }
    return false;
}

/* This very combination did not fail again. */
static bool shrink_is_settled(const struct analysis_minimal *m, const struct plan_cell *c) {
    size_t count = 0;
    while (m->products[count]) {
        count++;
    }
    return m->state == MINIMAL_NOT_REPRODUCED && count == c->product_count && shrink_is_inside(m, c);
}

/* Another search of the same image and update has to end first, or has settled it. */
static bool shrink_is_taken(const struct judgement *j, const struct judged *c) {
    for (size_t i = 0; i < j->minimal_count; i++) {
        const struct analysis_minimal *m = &j->minimal[i];
        if (shrink_is_about(m, c) && (m->state == MINIMAL_OPEN || shrink_is_settled(m, c->plan))) {
            return true;
        }
    }
    return false;
}

static bool shrink_may_begin(const struct judgement *j, const struct judged *c) {
    bool failed = c->outcome == OUTCOME_AFTER || c->outcome == OUTCOME_BEFORE;
    return failed && !c->plan->minimize && c->plan->product_count >= 2 && c->plan->product_count <= SHRINK_PRODUCTS &&
           !minimize_explains(j, c) && !shrink_is_taken(j, c) && !shrink_fails_alone(j, c);
}

/* The smallest failing cell that nothing explains; NULL: none is left. */
static const struct judged *shrink_next(const struct judgement *j) {
    const struct judged *next = NULL;
    for (size_t i = 0; i < j->count; i++) {
        const struct judged *c = &j->cells[i];
        if (shrink_may_begin(j, c) && (!next || c->plan->product_count < next->plan->product_count)) {
            next = c;
        }
    }
    return next;
}

static void shrink_begin(struct shrink_hunt *hunt, const struct judged *c) {
    struct judgement *j = hunt->j;
    struct shrink s = {.hunt = hunt, .subject = c, .plan = c->plan, .update = shrink_update(c)};
    s.all = c->plan->product_count == SHRINK_PRODUCTS ? UINT64_MAX : (UINT64_C(1) << c->plan->product_count) - 1;
    for (size_t i = 0; s.update && i < c->plan->product_count; i++) {
        s.own |= c->plan->products[i] == s.update->product ? UINT64_C(1) << i : 0;
    }
    hunt->cut = false;
    j->minimal = mem_grow(j->minimal, j->minimal_count + 1, sizeof(*j->minimal));
    struct analysis_minimal *m = &j->minimal[j->minimal_count];
    *m = (struct analysis_minimal){.cell = str_dup(c->plan->id), .image = str_dup(c->plan->image),
                                   .update = s.update ? str_dup(s.update->id) : NULL, .failure = c->cls,
                                   .measured = judge_is_measured(c)};
    shrink_subject(&s, m);
    j->minimal_count++;
}

void minimize_sets(struct judgement *j, bool orders, int budget, struct texts *wanted) {
    struct shrink_hunt hunt = {.j = j, .wanted = wanted, .orders = orders, .left = budget};
    const struct judged *c;
    for (size_t i = 0; i < j->count; i++) {
        hunt.left -= j->cells[i].plan->minimize > 0;
    }
    while ((c = shrink_next(j)) != NULL) {
        shrink_begin(&hunt, c);
    }
}

void minimize_clear(struct analysis_minimal *m, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(m[i].cell);
        free(m[i].image);
        free(m[i].update);
        texts_free_array(m[i].products);
        for (size_t k = 0; k < m[i].control_count; k++) {
            free(m[i].controls[k].without);
        }
        free(m[i].controls);
        free(m[i].text);
    }
    free(m);
}
