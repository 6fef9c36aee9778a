/* Who did it: one failed cell against the other cells of the run that serve as its controls. METHOD.md, "Attribution",
 * has the rules and the confidences in a table. */
#include <string.h>

#include "analysis/controls.h"
#include "analysis/minimize.h"
#include "analysis/suspect.h"
#include "base/cleanup.h"
#include "base/str.h"

/* How sure we are, by what backs it. */
#define CONFIDENCE_CONTROLLED 0.95 /* a control cell ran and says so */
#define CONFIDENCE_SINGLE 0.90     /* one product, healthy before, harmed after */
#define CONFIDENCE_UNCONTROLLED 0.60 /* the control is missing */
#define CONFIDENCE_SUSPECT 0.50    /* somebody of several, who is not proven */
#define CONFIDENCE_NO_DUMP 0.95    /* factor: the module is guessed from the update's files */
#define CONFIDENCE_SCREEN 0.97 /* factor: no dump names the module, a stop screen does */
#define CONFIDENCE_FOREIGN_DUMP 0.75 /* factor: the dump names another vendor's module */

static const struct model_product *attribution_victim(const struct judgement *j,
                                                      const struct judged *c) {
    return c->primary && c->primary->product ? model_find_product(j->model, c->primary->product)
                                             : NULL;
}

static char *attribution_others(const struct judged *c, const struct model_product *but) {
    struct str s = STR_INIT;
    for (size_t i = 0; i < c->plan->product_count; i++) {
        if (c->plan->products[i] != but) {
            str_addf(&s, "%s%s", s.len ? "+" : "", c->plan->products[i]->id);
        }
    }
    return str_take(&s);
}

/* Whom the update does not get along with: the harmed neighbour or the one whose module crashed, when one is
 * known and no cell shows that it takes more than that one; else all the others of the smallest combination that
 * fails like this. */
static char *attribution_with(const struct judgement *j, const struct judged *c) {
    const struct model_product *own = c->plan->update ? c->plan->update->product : NULL;
    const struct model_product *victim = attribution_victim(j, c);
    const struct model_product *seen = c->crash.owner && c->crash.owner != own ? c->crash.owner : victim;
    bool two = c->plan->product_count == 2;
    if (own && seen && seen != own && controls_has(c, seen) && (two || controls_pair(j, c, seen) != CONTROL_PASS)) {
        return str_dup(seen->id);
    }
    const struct judged *least = c;
    for (size_t i = 0; i < j->count; i++) {
        const struct judged *o = &j->cells[i];
        bool inside = o->outcome == OUTCOME_AFTER && o->plan->update == c->plan->update &&
                      str_eq(o->plan->image, c->plan->image) && o->plan->product_count >= 2 &&
                      judge_same_family(o, c);
        for (size_t k = 0; inside && k < o->plan->product_count; k++) {
            inside = controls_has(c, o->plan->products[k]);
        }
        if (inside && o->plan->product_count < least->plan->product_count) {
            least = o;
        }
    }
    return attribution_others(least, own);
}

/* A dump counts for failures in which something crashed; one left by a process on the way does not explain a
 * slow copy. */
static bool attribution_dump_speaks(const struct judged *c) {
    return c->crash.module && !judge_is_measured(c) && c->cls != FAILURE_NO_BOOT &&
           (c->crash.owner || judge_is_crash(c->cls) || c->cls == FAILURE_PROCESS_CRASH);
}

static void attribution_module(const struct judged *c, struct analysis_blame *b, struct str *why) {
    const struct model_product *own = c->plan->update ? c->plan->update->product : NULL;
    if (attribution_dump_speaks(c)) {
        b->module = str_dup(c->crash.module);
        str_addf(why, "; crash dump: %s", c->crash.how);
        if (c->crash.owner && own && c->crash.owner != own) {
            str_addf(why, ", a module of %s, not of %s which was updated", c->crash.owner->vendor,
                     own->vendor);
            b->confidence *= CONFIDENCE_FOREIGN_DUMP;
        }
        return;
    }
    if (c->witness.module && judge_is_crash(c->cls)) {
        b->module = str_dup(c->witness.module);
        b->confidence *= CONFIDENCE_SCREEN;
        str_addf(why, "; no crash dump tells the module, the %s", c->witness.how);
        if (c->witness.owner && own && c->witness.owner != own) {
            str_addf(why, ", a module of %s, not of %s which was updated", c->witness.owner->vendor, own->vendor);
            b->confidence *= CONFIDENCE_FOREIGN_DUMP;
        }
        return;
    }
    const char *guessed = NULL;
    const char *name = b->update ? suspect_module(c, &guessed) : NULL;
    if (name) {
        b->module = str_dup(name);
        b->confidence *= CONFIDENCE_NO_DUMP;
        str_addf(why, "; no crash dump tells the module, %s is %s", name, guessed);
    }
    if (c->crash.problem) {
        str_addf(why, "; %s", c->crash.problem);
    }
}

static void attribution_blame_product(struct analysis_blame *b, const struct model_product *p) {
    if (p) {
        b->product = str_dup(p->id);
        b->vendor = str_dup(p->vendor);
    }
}

static void attribution_flaky(const struct judged *c, struct analysis_blame *b, struct str *why) {
    if (c->failed > 0 && c->failed < c->repetitions) {
        b->confidence *= (double)c->failed / (double)c->repetitions;
        str_addf(why, "; flaky: %zu of %zu repetitions failed", c->failed, c->repetitions);
    } else if (c->failed > 0 && c->confirms > 0) {
        str_addf(why, "; run again and failed again: %zu of %zu", c->failed, c->repetitions);
        if (c->alike < c->failed) {
            str_addf(why, ", in this way %zu", c->alike);
        }
    }
}

static void attribution_finish(const struct judged *c, struct analysis_cell *out, struct str *why) {
    attribution_module(c, &out->blame, why);
    attribution_flaky(c, &out->blame, why);
    out->blame.reason = str_take(why);
}

/* What the search for the smallest failing set found about this cell: who is really needed, and in which order. */
static void attribution_minimal(const struct judgement *j, const struct judged *c, struct analysis_cell *out,
                                struct str *why) {
    const struct analysis_minimal *m = minimize_explains(j, c);
    if (!m) {
        return;
    }
    CLEANUP_STR struct str with = STR_INIT;
    for (size_t i = 0; m->products[i]; i++) {
        if (!str_eq(m->products[i], out->blame.product)) {
            str_addf(&with, "%s%s", with.len ? "+" : "", m->products[i]);
        }
    }
    if (with.len && out->verdict == VERDICT_INTERACTION_FAULT) {
        free(out->blame.with);
        out->blame.with = str_take(&with);
    }
    str_addf(why, "; smallest failing set: %.*s", (int)strlen(m->text) - 1, m->text);
}

static bool attribution_neighbour_harmed(const struct judgement *j, const struct judged *c) {
    const struct model_product *own = c->plan->update->product;
    const struct model_product *victim = attribution_victim(j, c);
    return own && ((victim && victim != own) ||
                   (attribution_dump_speaks(c) && c->crash.owner && c->crash.owner != own));
}

/* Several products, harmed after the update: by the update itself, or only in this company? */
static void attribution_company(const struct judgement *j, const struct judged *c,
                                struct analysis_cell *out, struct str *why) {
    const struct model_update *u = c->plan->update;
    const char *alone = u->product ? u->product->id : "each product";
    switch (controls_update_alone(j, c)) {
    case CONTROL_PASS:
        out->verdict = VERDICT_INTERACTION_FAULT;
        out->blame.confidence = CONFIDENCE_CONTROLLED;
        out->blame.with = attribution_with(j, c);
        str_addf(why, "%s passes with %s alone on this image and fails in this company", u->id, alone);
        out->by_order = controls_other_order(j, c) == CONTROL_PASS;
        str_add(why, out->by_order ? "; installed in another order, the same products pass with it" : "");
        return;
    case CONTROL_FAIL:
        out->verdict = VERDICT_UPDATE_REGRESSION;
        out->blame.confidence = CONFIDENCE_CONTROLLED;
        str_addf(why, "%s fails with %s alone as well", u->id, alone);
        return;
    case CONTROL_NONE:
        break;
    }
    out->blame.confidence = CONFIDENCE_UNCONTROLLED;
    if (attribution_dump_speaks(c) && c->crash.owner && u->product && c->crash.owner != u->product) {
        out->verdict = VERDICT_INTERACTION_FAULT; /* it takes the neighbour to crash in its module */
        out->blame.with = attribution_with(j, c);
        str_addf(why, "healthy before %s, a neighbour's module crashes after it", u->id);
    } else {
        out->verdict = VERDICT_UPDATE_REGRESSION;
        str_addf(why, "healthy before %s, harmed after it", u->id);
    }
    str_addf(why, "; the control is missing: no cell with a verdict has %s with %s alone", u->id, alone);
}

/* Parts of a product taken away or put out of action, whoever did it. */
static bool attribution_is_damage(enum failure_class cls) {
    return cls == FAILURE_FILE_DAMAGED || cls == FAILURE_REGISTRY_DAMAGED ||
           cls == FAILURE_SERVICE_DOWN || cls == FAILURE_DRIVER_DOWN ||
           cls == FAILURE_PROCESS_DOWN || cls == FAILURE_RESTART_LOOP;
}

/* Several products, and no update is needed for it: which of them? */
static void attribution_of_products(const struct judgement *j, const struct judged *c, struct analysis_cell *out,
                                    struct str *why) {
    const struct model_product *broken = NULL;
    const struct model_product *suspect =
        attribution_dump_speaks(c) && c->crash.owner ? c->crash.owner : attribution_victim(j, c);
    enum control alone = controls_each_alone(j, c, &broken);
    if (alone == CONTROL_FAIL) {
        attribution_blame_product(&out->blame, broken);
        out->blame.confidence = CONFIDENCE_CONTROLLED;
        str_addf(why, "%s fails by itself as well", broken->id);
        return;
    }
    attribution_blame_product(&out->blame, suspect);
    out->blame.confidence = CONFIDENCE_SUSPECT;
    if (alone == CONTROL_PASS) {
        out->verdict = VERDICT_INTERACTION_FAULT;
        out->blame.with = attribution_others(c, suspect);
        str_add(why, "each of these products is fine by itself on this image; no update is involved, "
                     "and which of them gives way is not proven");
        return;
    }
    str_add(why, "the control is missing: not every product of this combination was seen by itself");
}

/* It fails without the update, too: of the products, the one that is unwell by itself need not be the one updated. */
static void attribution_after_anyway(const struct judgement *j, const struct judged *c, struct analysis_cell *out,
                                     struct str *why) {
    out->verdict = VERDICT_PRODUCT_FAULT;
    str_addf(why, "the same products fail without %s as well", c->plan->update->id);
    if (c->plan->product_count == 1) {
        attribution_blame_product(&out->blame, c->plan->products[0]);
        out->blame.confidence = CONFIDENCE_UNCONTROLLED;
    } else {
        str_add(why, "; ");
        attribution_of_products(j, c, out, why);
    }
    attribution_finish(c, out, why);
}

static void attribution_after(const struct judgement *j, const struct judged *c,
                              struct analysis_cell *out) {
    const struct model_update *u = c->plan->update;
    CLEANUP_STR struct str why = STR_INIT;
    enum control without = controls_without_update(j, c);
    if (without == CONTROL_FAIL) {
        attribution_after_anyway(j, c, out, &why);
        return;
    }
    attribution_blame_product(&out->blame, u->product);
    out->blame.update = str_dup(u->id);
    if (c->plan->product_count == 1) {
        out->verdict = VERDICT_UPDATE_REGRESSION;
        out->blame.confidence = without == CONTROL_PASS ? CONFIDENCE_CONTROLLED : CONFIDENCE_SINGLE;
        str_addf(&why, "healthy before %s, harmed after it%s", u->id,
                 without == CONTROL_PASS ? "; without it the same steps pass" : "");
        if (!u->product) {
            out->blame.with = str_dup(c->plan->products[0]->id);
        }
    } else {
        attribution_company(j, c, out, &why);
        attribution_minimal(j, c, out, &why);
    }
    const struct model_product *victim = attribution_victim(j, c);
    if (victim && victim == u->product && attribution_is_damage(c->cls)) {
        str_addf(&why, "; what it harms is %s itself (self-damage)", victim->id);
    }
    if (victim && attribution_neighbour_harmed(j, c) && victim != u->product) {
        str_addf(&why, "; %s is the one harmed, not the one to blame", victim->id);
    }
    attribution_finish(c, out, &why);
}

static void attribution_before(const struct judgement *j, const struct judged *c,
                               struct analysis_cell *out) {
    CLEANUP_STR struct str why = STR_INIT;
    out->verdict = VERDICT_PRODUCT_FAULT;
    out->failed_before = true;
    if (c->plan->product_count == 1) {
        attribution_blame_product(&out->blame, c->plan->products[0]);
        out->blame.confidence = CONFIDENCE_SINGLE;
        str_add(&why, c->plan->update ? "harmed before any update, and the only product there"
                                      : "harmed without any update, and the only product there");
    } else {
        str_addf(&why, "harmed %s any update; ", c->plan->update ? "before" : "without");
        attribution_of_products(j, c, out, &why);
        attribution_minimal(j, c, out, &why);
    }
    attribution_finish(c, out, &why);
}

void attribution_decide(const struct judgement *j, size_t at, struct analysis_cell *out) {
    const struct judged *c = &j->cells[at];
    out->failure = c->cls;
    switch (c->outcome) {
    case OUTCOME_NOT_RUN:
    case OUTCOME_OPEN:
        out->verdict = VERDICT_INCONCLUSIVE;
        break;
    case OUTCOME_LAB:
        out->verdict = VERDICT_INFRASTRUCTURE_ERROR;
        break;
    case OUTCOME_PASS:
        out->verdict = VERDICT_PASS;
        break;
    case OUTCOME_BEFORE:
        attribution_before(j, c, out);
        break;
    case OUTCOME_AFTER:
        attribution_after(j, c, out);
        break;
    }
}
