/* Who did it: one failed cell against the other cells of the run that serve as its controls. METHOD.md, "Attribution",
 * has the rules and the confidences in a table. */
#include <stdlib.h>
#include <string.h>

#include "analysis/judge.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"

/* How sure we are, by what backs it. */
#define CONFIDENCE_CONTROLLED 0.95 /* a control cell ran and says so */
#define CONFIDENCE_SINGLE 0.90     /* one product, healthy before, harmed after */
#define CONFIDENCE_UNCONTROLLED 0.60 /* the control is missing */
#define CONFIDENCE_SUSPECT 0.50    /* somebody of several, who is not proven */
#define CONFIDENCE_NO_DUMP 0.95    /* factor: the module is guessed from the update's files */
#define CONFIDENCE_FOREIGN_DUMP 0.75 /* factor: the dump names another vendor's module */

enum control { CONTROL_NONE, CONTROL_PASS, CONTROL_FAIL };

static bool attribution_is_alone(const struct judged *c, const struct model_product *p) {
    return c->plan->product_count == 1 && c->plan->products[0] == p;
}

static bool attribution_has(const struct judged *c, const struct model_product *p) {
    for (size_t i = 0; i < c->plan->product_count; i++) {
        if (c->plan->products[i] == p) {
            return true;
        }
    }
    return false;
}

/* The same update on this product alone, same image. One failing repetition is a failure. A failure of a kind that
 * cannot be the cause of this cell's (slow alone, broken in the pair) counts as fine in this respect. */
static enum control attribution_alone(const struct judgement *j, const struct judged *c,
                                      const struct model_product *p) {
    enum control seen = CONTROL_NONE;
    for (size_t i = 0; i < j->count; i++) {
        const struct judged *o = &j->cells[i];
        if (o->plan->update != c->plan->update || !str_eq(o->plan->image, c->plan->image) ||
            !attribution_is_alone(o, p)) {
            continue;
        }
        if (o->outcome == OUTCOME_AFTER && judge_same_family(o->cls, c->cls)) {
            return CONTROL_FAIL;
        }
        if (o->outcome == OUTCOME_AFTER && judge_is_performance(c->cls)) {
            continue; /* broken alone: nothing can be said about its speed */
        }
        if (o->outcome == OUTCOME_PASS || o->outcome == OUTCOME_AFTER) {
            seen = CONTROL_PASS;
        }
    }
    return seen;
}

/* For an OS update "alone" means with each product by itself. */
static enum control attribution_update_alone(const struct judgement *j, const struct judged *c) {
    if (c->plan->update->product) {
        return attribution_alone(j, c, c->plan->update->product);
    }
    enum control all = CONTROL_PASS;
    for (size_t i = 0; i < c->plan->product_count; i++) {
        enum control one = attribution_alone(j, c, c->plan->products[i]);
        if (one == CONTROL_FAIL) {
            return CONTROL_FAIL;
        }
        all = one == CONTROL_NONE ? CONTROL_NONE : all;
    }
    return all;
}

/* The same products without any update. */
static enum control attribution_without_update(const struct judgement *j, const struct judged *c) {
    enum control seen = CONTROL_NONE;
    for (size_t i = 0; i < j->count; i++) {
        const struct judged *o = &j->cells[i];
        if (o->plan->update || !str_eq(o->plan->image, c->plan->image) || !str_eq(o->set, c->set)) {
            continue;
        }
        if (o->outcome == OUTCOME_BEFORE && judge_same_family(o->cls, c->cls)) {
            return CONTROL_FAIL;
        }
        seen = o->outcome == OUTCOME_PASS ? CONTROL_PASS : seen;
    }
    return seen;
}

/* A product by itself, any update or none: healthy before it? */
static enum control attribution_product_alone(const struct judgement *j, const struct judged *c,
                                              const struct model_product *p) {
    enum control seen = CONTROL_NONE;
    for (size_t i = 0; i < j->count; i++) {
        const struct judged *o = &j->cells[i];
        if (!str_eq(o->plan->image, c->plan->image) || !attribution_is_alone(o, p)) {
            continue;
        }
        if (o->outcome == OUTCOME_BEFORE) {
            return CONTROL_FAIL;
        }
        if (o->outcome == OUTCOME_PASS || o->outcome == OUTCOME_AFTER) {
            seen = CONTROL_PASS;
        }
    }
    return seen;
}

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
 * known; else all the others of the smallest combination that fails like this. */
static char *attribution_with(const struct judgement *j, const struct judged *c) {
    const struct model_product *own = c->plan->update ? c->plan->update->product : NULL;
    const struct model_product *victim = attribution_victim(j, c);
    const struct model_product *seen = c->crash.owner && c->crash.owner != own ? c->crash.owner : victim;
    if (own && seen && seen != own && attribution_has(c, seen)) {
        return str_dup(seen->id);
    }
    const struct judged *least = c;
    for (size_t i = 0; i < j->count; i++) {
        const struct judged *o = &j->cells[i];
        bool inside = o->outcome == OUTCOME_AFTER && o->plan->update == c->plan->update &&
                      str_eq(o->plan->image, c->plan->image) && o->plan->product_count >= 2 &&
                      judge_same_family(o->cls, c->cls);
        for (size_t k = 0; inside && k < o->plan->product_count; k++) {
            inside = attribution_has(c, o->plan->products[k]);
        }
        if (inside && o->plan->product_count < least->plan->product_count) {
            least = o;
        }
    }
    return attribution_others(least, own);
}

static bool attribution_is_program(const char *name) {
    static const char *const tails[] = {".sys", ".dll", ".exe", ".SYS", ".DLL", ".EXE"};
    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        if (str_ends_with(name, tails[i])) {
            return true;
        }
    }
    return false;
}

static const char *attribution_guest_name(const struct model_file *f) {
    const char *name = f->target ? f->target : fs_basename(f->host_path);
    for (const char *p = name; *p; p++) {
        if ((*p == '\\' || *p == '/') && p[1]) {
            name = p + 1;
        }
    }
    return name;
}

/* Without a dump: the program the update brought, or for a crash the only driver its product has. NULL: no idea. */
static const char *attribution_guess_module(const struct judged *c, const char **why) {
    const struct model_update *u = c->plan->update;
    for (size_t i = 0; u && i < u->file_count; i++) {
        const char *name = attribution_guest_name(&u->files[i]);
        if (attribution_is_program(name)) {
            *why = "the program this update replaces";
            return name;
        }
    }
    const char *driver = NULL;
    for (size_t i = 0; u && u->product && judge_is_crash(c->cls) && u->product->modules[i]; i++) {
        if (str_ends_with(u->product->modules[i], ".sys")) {
            if (driver) {
                return NULL;
            }
            driver = u->product->modules[i];
        }
    }
    *why = "the product's only kernel driver";
    return driver;
}

/* A dump counts for failures in which something crashed; one left by a process on the way does not explain a
 * slow copy. */
static bool attribution_dump_speaks(const struct judged *c) {
    return c->crash.module && !judge_is_performance(c->cls) && c->cls != FAILURE_NO_BOOT &&
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
    const char *guessed = NULL;
    const char *name = c->outcome == OUTCOME_AFTER ? attribution_guess_module(c, &guessed) : NULL;
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
    }
}

static void attribution_finish(const struct judged *c, struct analysis_cell *out, struct str *why) {
    attribution_module(c, &out->blame, why);
    attribution_flaky(c, &out->blame, why);
    out->blame.reason = str_take(why);
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
    switch (attribution_update_alone(j, c)) {
    case CONTROL_PASS:
        out->verdict = VERDICT_INTERACTION_FAULT;
        out->blame.confidence = CONFIDENCE_CONTROLLED;
        out->blame.with = attribution_with(j, c);
        str_addf(why, "%s passes with %s alone on this image and fails in this company", u->id, alone);
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

static void attribution_after(const struct judgement *j, const struct judged *c,
                              struct analysis_cell *out) {
    const struct model_update *u = c->plan->update;
    CLEANUP_STR struct str why = STR_INIT;
    enum control without = attribution_without_update(j, c);
    attribution_blame_product(&out->blame, u->product);
    if (without == CONTROL_FAIL) {
        out->verdict = VERDICT_PRODUCT_FAULT;
        out->blame.confidence = CONFIDENCE_UNCONTROLLED;
        str_addf(&why, "the same products fail without %s as well", u->id);
        attribution_finish(c, out, &why);
        return;
    }
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
    }
    const struct model_product *victim = attribution_victim(j, c);
    if (victim && attribution_neighbour_harmed(j, c) && victim != u->product) {
        str_addf(&why, "; %s is the one harmed, not the one to blame", victim->id);
    }
    attribution_finish(c, out, &why);
}

/* Products that were never well alone, or -1 of the list when all were, or unknown. */
static enum control attribution_each_alone(const struct judgement *j, const struct judged *c,
                                           const struct model_product **broken) {
    enum control all = CONTROL_PASS;
    for (size_t i = 0; i < c->plan->product_count; i++) {
        enum control one = attribution_product_alone(j, c, c->plan->products[i]);
        if (one == CONTROL_FAIL) {
            *broken = c->plan->products[i];
            return CONTROL_FAIL;
        }
        all = one == CONTROL_NONE ? CONTROL_NONE : all;
    }
    return all;
}

static void attribution_before_company(const struct judgement *j, const struct judged *c,
                                       struct analysis_cell *out, struct str *why) {
    const struct model_product *broken = NULL;
    const struct model_product *suspect =
        attribution_dump_speaks(c) && c->crash.owner ? c->crash.owner : attribution_victim(j, c);
    enum control alone = attribution_each_alone(j, c, &broken);
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
    str_add(why, "harmed before any update; the control is missing: not every product of this "
                 "combination was seen by itself");
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
        attribution_before_company(j, c, out, &why);
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
