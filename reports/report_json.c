/* report.json: everything the analysis knows, in a form with a schema (reports/schema/report.schema.json). The other
 * renderers read this and nothing else, so what they show is in it. */
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "reports/report.h"
#include "reports/text.h"

static json_t *report_number(double v) {
    if (!isfinite(v)) {
        return json_null();
    }
    char buf[32]; /* six digits that matter: more would only be noise that changes with the compiler */
    snprintf(buf, sizeof(buf), "%.6g", v);
    return json_real(strtod(buf, NULL));
}

static json_t *report_texts(char *const *texts) {
    json_t *list = json_array();
    for (size_t i = 0; texts && texts[i]; i++) {
        json_array_append_new(list, text_json(texts[i]));
    }
    return list;
}

static json_t *report_run(const struct journal_run *r) {
    json_t *resumed = json_array();
    size_t i;
    json_t *at;
    json_array_foreach(r->resumed, i, at) {
        json_array_append_new(resumed, text_json(json_string_value(at)));
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", text_json(r->id), "started",
                     text_json(r->started), "ended", text_json(r->ended), "resumed", resumed,
                     "version", text_json(r->version), "host", text_json(r->host), "outcome",
                     text_json(r->outcome));
}

static json_t *report_matrix(const struct model *m) {
    json_t *products = json_array();
    for (size_t i = 0; i < m->product_count; i++) {
        const struct model_product *p = &m->products[i];
        json_array_append_new(products, json_pack("{s:o, s:o, s:o, s:o}", "id", text_json(p->id),
                                                  "vendor", text_json(p->vendor), "name",
                                                  text_json(p->name), "version",
                                                  text_json(p->version)));
    }
    return json_pack("{s:o, s:o, s:o, s:o}", "name", text_json(m->name), "title",
                     text_json(m->title), "sha256", text_json(m->sha256), "products", products);
}

static json_t *report_image_limits(const json_t *manifest) {
    json_t *limits = json_array();
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(manifest, "limits"), i, one) {
        if (json_is_string(one)) {
            json_array_append_new(limits, text_json(json_string_value(one)));
        }
    }
    return limits;
}

static json_t *report_image(const struct analysis *a, const char *name) {
    json_t *manifest = json_object_get(a->run.images, name);
    json_t *image = json_pack("{s:o, s:o}", "name", text_json(name), "limits",
                              report_image_limits(manifest));
    json_object_set(image, "manifest", manifest ? manifest : json_null());
    return image;
}

static json_t *report_images(const struct analysis *a) {
    json_t *images = json_array();
    for (size_t i = 0; i < a->model->image_count; i++) {
        json_array_append_new(images, report_image(a, a->model->images[i]));
    }
    return images;
}

static json_t *report_exposure(const struct analysis_update *u) {
    return json_pack("{s:I, s:I, s:I, s:I, s:o, s:f}", "cells_planned",
                     (json_int_t)u->cells_planned, "cells_run", (json_int_t)u->cells_run,
                     "cells_with_verdict", (json_int_t)u->cells_verdict, "cells_failed",
                     (json_int_t)u->cells_failed, "failure_rate_upper",
                     report_number(u->failure_upper), "confidence", 0.95);
}

static json_t *report_tally(const struct analysis_tally *t) {
    return json_pack("{s:I, s:I, s:I}", "failed", (json_int_t)t->failed, "runs", (json_int_t)t->trials, "unclear",
                     (json_int_t)t->unclear);
}

static json_t *report_controls(const struct analysis_minimal *m) {
    json_t *list = json_array();
    for (size_t i = 0; i < m->control_count; i++) {
        json_t *one = report_tally(&m->controls[i].seen);
        json_object_set_new(one, "without", text_json(m->controls[i].without));
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *report_minimal(const struct analysis_minimal *m) {
    json_t *j = json_pack("{s:s, s:o, s:o, s:o, s:s, s:o}", "state", minimal_state_name(m->state), "cell",
                          text_json(m->cell), "image", text_json(m->image), "update", text_json(m->update),
                          "failure_class", failure_class_name(m->failure), "products", report_texts(m->products));
    json_object_set_new(j, "seen", report_tally(&m->seen));
    json_object_set_new(j, "controls", report_controls(m));
    json_object_set_new(j, "other_orders", m->other_orders.trials ? report_tally(&m->other_orders) : json_null());
    json_object_set_new(j, "confidence", m->confidence > 0 ? report_number(m->confidence) : json_null());
    json_object_set_new(j, "budget_used_up", json_boolean(m->cut));
    json_object_set_new(j, "text", text_json(m->text));
    return j;
}

static json_t *report_minimization(const struct analysis *a) {
    json_t *sets = json_array();
    for (size_t i = 0; i < a->minimal_count; i++) {
        json_array_append_new(sets, report_minimal(&a->minimal[i]));
    }
    return json_pack("{s:i, s:I, s:o}", "budget", a->minimize_budget, "runs", (json_int_t)a->minimize_runs, "sets",
                     sets);
}

/* The sets found to fail with this update. */
static json_t *report_minimal_sets(const struct analysis *a, const char *update) {
    json_t *list = json_array();
    for (size_t i = 0; i < a->minimal_count; i++) {
        const struct analysis_minimal *m = &a->minimal[i];
        if (m->state == MINIMAL_FOUND && str_eq(m->update, update)) {
            json_array_append_new(list, report_texts(m->products));
        }
    }
    return list;
}

static json_t *report_update(const struct analysis *a, const struct analysis_update *u) {
    const struct model_update *m = model_find_update(a->model, u->id);
    const struct model_product *p = m ? m->product : NULL;
    json_t *j = json_pack(
        "{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:s, s:o, s:o}", "id", text_json(u->id), "title",
        text_json(m ? m->title : u->id), "kind", m ? update_kind_name(m->kind) : "", "product",
        text_json(p ? p->id : NULL), "vendor", text_json(p ? p->vendor : NULL), "from",
        text_json(m ? m->from : NULL), "to", text_json(m ? m->to : NULL), "decision",
        decision_name(u->decision), "reasons", report_texts(u->reasons), "exposure",
        report_exposure(u));
    if (a->minimizes) {
        json_object_set_new(j, "minimal_sets", report_minimal_sets(a, u->id));
    }
    return j;
}

static json_t *report_factors(const struct plan_cell *c) {
    json_t *products = json_array();
    CLEANUP_STR struct str order = STR_INIT;
    for (size_t i = 0; i < c->product_count; i++) {
        json_array_append_new(products, text_json(c->products[i]->id));
        str_addf(&order, "%s%s", i ? " > " : "", c->products[i]->id);
    }
    json_t *j = json_pack("{s:o, s:o, s:o, s:o, s:i}", "image", text_json(c->image), "products",
                          products, "order", text_json(str_get(&order)), "update",
                          text_json(c->update ? c->update->id : NULL), "repetition", c->repetition);
    if (c->confirm) {
        json_object_set_new(j, "confirmation", json_integer(c->confirm));
    }
    if (c->minimize) {
        json_object_set_new(j, "minimization", json_integer(c->minimize));
    }
    return j;
}

static json_t *report_blame(const struct analysis_blame *b) {
    if (!b->product && !b->update && !b->module && !b->with) {
        return json_null();
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "product", text_json(b->product),
                     "vendor", text_json(b->vendor), "update", text_json(b->update), "module",
                     text_json(b->module), "with", text_json(b->with), "reason",
                     text_json(b->reason), "confidence", report_number(b->confidence));
}

static json_t *report_side(const double *samples, size_t count, double median) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, report_number(samples[i]));
    }
    return json_pack("{s:I, s:o, s:o}", "n", (json_int_t)count, "median", report_number(median),
                     "samples", list);
}

static json_t *report_metric(const struct analysis_metric *m) {
    json_t *j = json_pack("{s:o, s:o, s:o, s:b}", "name", text_json(m->name), "unit",
                          text_json(m->unit), "source", text_json(m->source), "regression",
                          m->regression);
    json_object_set_new(j, "process", text_json(m->process));
    json_object_set_new(j, "product", text_json(m->product));
    json_object_set_new(j, "before", report_side(m->before, m->before_count, m->before_median));
    json_object_set_new(j, "after", report_side(m->after, m->after_count, m->after_median));
    json_object_set_new(j, "change_percent", report_number(m->change_percent));
    json_object_set_new(j, "change_low", report_number(m->change_low));
    json_object_set_new(j, "change_high", report_number(m->change_high));
    json_object_set_new(j, "confidence", report_number(m->confidence));
    json_object_set_new(j, "p_value", report_number(m->p_value));
    json_object_set_new(j, "p_adjusted", report_number(m->p_adjusted));
    json_object_set_new(j, "session_percent", report_number(m->session_percent));
    json_object_set_new(j, "corrected", json_boolean(m->corrected));
    json_object_set_new(j, "set_aside", json_integer((json_int_t)m->set_aside));
    json_object_set_new(j, "starved", json_integer((json_int_t)m->starved));
    json_object_set_new(j, "gate", text_json(m->gate));
    json_object_set_new(j, "note", text_json(m->note));
    return j;
}

static json_t *report_metrics(const struct analysis_cell *c) {
    json_t *list = json_array();
    for (size_t i = 0; i < c->metric_count; i++) {
        json_array_append_new(list, report_metric(&c->metrics[i]));
    }
    return list;
}

static json_t *report_artifacts(const struct analysis_cell *c) {
    json_t *list = json_array();
    for (size_t i = 0; i < c->artifact_count; i++) {
        const struct analysis_artifact *a = &c->artifacts[i];
        json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:I, s:o}", "role",
                                              text_json(a->role), "name", text_json(a->name),
                                              "sha256", text_json(a->sha256), "bytes",
                                              (json_int_t)a->bytes, "phase", text_json(a->phase)));
    }
    return list;
}

static json_t *report_timeline(const struct analysis_cell *c) {
    json_t *list = json_array();
    for (size_t i = 0; i < c->step_count; i++) {
        const struct analysis_step *s = &c->steps[i];
        json_t *step = json_pack("{s:o, s:o, s:I, s:b, s:o}", "step", text_json(s->kind), "phase",
                                 text_json(s->phase), "begin_ms", (json_int_t)s->begin_ms, "ok",
                                 s->ok, "skipped", text_json(s->skipped));
        json_object_set_new(step, "ms", s->ms < 0 ? json_null() : json_integer(s->ms));
        json_array_append_new(list, step);
    }
    return list;
}

static json_t *report_moments(const struct analysis_cell *c) {
    json_t *list = json_array();
    for (size_t i = 0; i < c->moment_count; i++) {
        const struct analysis_moment *m = &c->moments[i];
        json_array_append_new(list, json_pack("{s:I, s:s, s:o}", "at_ms", (json_int_t)m->at_ms, "type", m->type,
                                              "text", text_json(m->text)));
    }
    return list;
}

static json_t *report_drills(const struct analysis_cell *c) {
    json_t *list = json_array();
    for (size_t i = 0; i < c->drill_count; i++) {
        const struct analysis_drill *d = &c->drills[i];
        json_array_append_new(list, json_pack("{s:o, s:b, s:I, s:o}", "what", text_json(d->what), "ok", d->ok,
                                              "ms", (json_int_t)d->ms, "text", text_json(d->text)));
    }
    return list;
}

static json_t *report_cell(const struct analysis_cell *c) {
    json_t *j = json_pack("{s:o, s:o, s:s}", "id", text_json(c->id), "factors",
                          report_factors(c->plan), "verdict", verdict_name(c->verdict));
    json_object_set_new(j, "failure_class", c->failure == FAILURE_NONE
                                                ? json_null()
                                                : json_string(failure_class_name(c->failure)));
    json_object_set_new(j, "failed_before_update", json_boolean(c->failed_before));
    json_object_set_new(j, "summary", text_json(c->summary));
    json_object_set_new(j, "detail", text_json(c->detail));
    json_object_set_new(j, "blame", report_blame(&c->blame));
    json_object_set_new(j, "run", json_boolean(c->run));
    json_object_set_new(j, "complete", json_boolean(c->complete));
    json_object_set_new(j, "attempts", json_integer(c->attempts));
    json_object_set_new(j, "host", c->host ? text_json(c->host) : json_null());
    json_object_set_new(j, "earlier_attempts", report_texts(c->earlier));
    json_object_set_new(j, "boots", json_integer(c->boots));
    json_object_set_new(j, "repetitions",
                        json_pack("{s:I, s:I}", "with_verdict", (json_int_t)c->repetitions, "failed",
                                  (json_int_t)c->repetitions_failed));
    json_object_set_new(j, "metrics", report_metrics(c));
    json_object_set_new(j, "evidence", report_texts(c->evidence));
    json_object_set_new(j, "artifacts", report_artifacts(c));
    json_object_set_new(j, "timeline", report_timeline(c));
    json_object_set_new(j, "moments", report_moments(c));
    json_object_set_new(j, "drills", report_drills(c));
    return j;
}

/* What the matrix' "coverage" asked for, and what came of it. */
static json_t *report_combinations(const struct analysis *a) {
    const struct plan_coverage *c = a->plan->coverage;
    return json_pack("{s:o, s:I, s:I, s:I, s:o, s:I, s:o}", "strength", text_json(coverage_strength_name(c)),
                     "asked", (json_int_t)a->covered.asked, "covered", (json_int_t)a->covered.covered,
                     "uncovered", (json_int_t)(a->covered.asked - a->covered.covered),
                     "uncovered_first", report_texts(a->covered.uncovered), "impossible",
                     (json_int_t)c->impossible_count, "impossible_first", report_texts(c->impossible));
}

static json_t *report_coverage(const struct analysis *a) {
    size_t planned = 0;
    size_t run = 0;
    size_t verdict = 0;
    for (size_t i = 0; i < a->cell_count; i++) {
        bool counts = !a->cells[i].plan->minimize; /* these are told apart, under "minimization" */
        planned += counts;
        run += counts && a->cells[i].run;
        verdict += counts && analysis_came_to_verdict(&a->cells[i]);
    }
    json_t *j = json_pack("{s:I, s:I, s:I}", "cells_planned", (json_int_t)planned, "cells_run",
                          (json_int_t)run, "cells_with_verdict", (json_int_t)verdict);
    if (a->plan->coverage) {
        json_object_set_new(j, "combinations", report_combinations(a));
    }
    return j;
}

/* Limits of every image used, each once. */
static json_t *report_limits(const json_t *images) {
    json_t *all = json_array();
    size_t i, k;
    json_t *image, *limit;
    json_array_foreach(images, i, image) {
        json_array_foreach(json_object_get(image, "limits"), k, limit) {
            size_t at;
            json_t *have;
            bool known = false;
            json_array_foreach(all, at, have) {
                known |= json_equal(have, limit);
            }
            if (!known) {
                json_array_append(all, limit);
            }
        }
    }
    return all;
}

json_t *report_to_json(const struct analysis *a, struct journal *j, struct err *err) {
    (void)j; /* the analysis holds all that is shown; later renderers may read more */
    json_t *updates = json_array();
    for (size_t i = 0; i < a->update_count; i++) {
        json_array_append_new(updates, report_update(a, &a->updates[i]));
    }
    json_t *cells = json_array();
    for (size_t i = 0; i < a->cell_count; i++) {
        json_array_append_new(cells, report_cell(&a->cells[i]));
    }
    json_t *images = report_images(a);
    json_t *first = json_array_get(images, 0);
    json_t *report = json_pack(
        "{s:s, s:o, s:o, s:O, s:o, s:{s:s, s:o}, s:o, s:o, s:o, s:o}", "format", "coexist-report/1",
        "run", report_run(&a->run), "matrix", report_matrix(a->model), "image", first, "limits",
        report_limits(images), "gate", "decision", decision_name(a->decision), "reasons",
        report_texts(a->reasons), "coverage", report_coverage(a), "updates", updates, "cells", cells,
        "images", images);
    if (report && a->minimizes) {
        json_object_set_new(report, "minimization", report_minimization(a));
    }
    if (!report) {
        err_set(err, ERR_BUG, "report: a part of it could not be put together");
    }
    return report;
}
