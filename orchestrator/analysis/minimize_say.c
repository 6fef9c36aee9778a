/* What came of shrinking, in a sentence. */
#include "analysis/minimize_impl.h"
#include "base/cleanup.h"
#include "base/str.h"

static const char *const minimal_names[MINIMAL_STATE_COUNT] = {
    [MINIMAL_OPEN] = "open", [MINIMAL_FOUND] = "found", [MINIMAL_NOT_REPRODUCED] = "not-reproduced"};

const char *minimal_state_name(enum minimal_state s) {
    return (unsigned)s < MINIMAL_STATE_COUNT ? minimal_names[s] : minimal_names[MINIMAL_OPEN];
}

static void shrink_say_products(const struct analysis_minimal *m, struct str *s) {
    for (size_t i = 0; m->products[i]; i++) {
        str_addf(s, "%s%s", i ? "+" : "", m->products[i]);
    }
}

static void shrink_say_controls(const struct analysis_minimal *m, struct str *s) {
    for (size_t i = 0; i < m->control_count; i++) {
        const struct analysis_control *c = &m->controls[i];
        str_addf(s, "%s without %s %zu of %zu", i ? "," : ";", c->without ? c->without : "the update",
                 c->seen.failed, c->seen.trials);
        if (c->seen.unclear) {
            str_addf(s, " (%zu more do not tell)", c->seen.unclear);
        }
    }
}

static void shrink_say_orders(const struct analysis_minimal *m, struct str *s) {
    const struct analysis_tally *o = &m->other_orders;
    if (o->trials == 0) {
        return;
    }
    const char *what = o->failed == 0           ? "in this install order only"
                       : o->failed == o->trials ? "in whatever order they are installed"
                                                : "in other orders, too, not always";
    str_addf(s, "; %s (other orders: %zu of %zu)", what, o->failed, o->trials);
}

static void shrink_say_found(const struct analysis_minimal *m, struct str *s) {
    bool alone = !m->products[1];
    shrink_say_products(m, s);
    str_addf(s, " %s%s%s%s: failed in %zu of %zu runs", alone ? "alone fails" : "fail only together",
             m->update ? " with " : "", m->update ? m->update : "", m->update ? "" : " without any update",
             m->seen.failed, m->seen.trials);
    shrink_say_controls(m, s);
    if (m->confidence > 0) {
        str_addf(s, "; confidence %.0f %%", 100 * m->confidence);
    } else {
        str_add(s, "; no confidence is stated, a control is missing");
    }
    shrink_say_orders(m, s);
}

char *shrink_sentence(const struct analysis_minimal *m) {
    struct str s = STR_INIT;
    switch (m->state) {
    case MINIMAL_FOUND:
        shrink_say_found(m, &s);
        break;
    case MINIMAL_NOT_REPRODUCED:
        shrink_say_products(m, &s);
        str_addf(&s, ": the failure did not reproduce in %zu further run%s; no smaller set was sought",
                 m->seen.trials - m->seen.failed, m->seen.trials - m->seen.failed == 1 ? "" : "s");
        break;
    case MINIMAL_OPEN:
    case MINIMAL_STATE_COUNT:
        str_add(&s, "the smallest set seen to fail so far is ");
        shrink_say_products(m, &s);
        str_addf(&s, " (%zu of %zu runs)", m->seen.failed, m->seen.trials);
        str_add(&s, m->cut               ? ""
                    : m->seen.unclear >= 2 ? "; further runs of it told nothing"
                                           : "; the search is not over");
        break;
    }
    if (m->cut) {
        str_add(&s, "; the runs allowed for it are used up");
    }
    str_add(&s, ".");
    return str_take(&s);
}
