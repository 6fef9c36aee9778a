/* Runs that confirm a failure: which failures ask for them, how they are named, how a resumed run takes them up. */
#include <check.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "model/model.h"
#include "plan/confirm.h"
#include "run/past.h"
#include "run/repeat.h"
#include "support/runs.h"
#include "support/suite.h"

#define MATRIX "{'product_sets':[{'products':['alder'],'updates':['none','alder-content']}],'repetitions':2}"
#define CELL "winelab/alder/alder-content/2"

struct planned {
    struct runs *runs;
    struct journal_run run;
    struct model *model;
    struct plan *plan;
};

static struct planned planned_new(void) {
    struct diags diags = DIAGS_INIT;
    struct planned p = {.runs = runs_make(MATRIX)};
    ck_assert_int_eq(journal_read_run(p.runs->journal, &p.run, NULL), 0);
    p.model = model_from_source(p.run.matrix, &diags);
    ck_assert_ptr_nonnull(p.model);
    p.plan = plan_build(p.model, &diags);
    return p;
}

static void planned_free(struct planned *p) {
    plan_free(p->plan);
    model_free(p->model);
    journal_run_clear(&p->run);
    runs_free(p->runs);
}

/* ---- which failures --------------------------------------------------------------------------- */

static const struct {
    enum failure_class classes[2];
    bool dump;
    int times;
} evidence[] = {
    {{FAILURE_NONE, FAILURE_NONE}, true, 0},
    {{FAILURE_BOOT_LOOP, FAILURE_NONE}, false, 0},
    {{FAILURE_FILE_DAMAGED, FAILURE_SERVICE_DOWN}, false, 0}, /* the file took its service down with it */
    {{FAILURE_UPDATE_NOT_APPLIED, FAILURE_NONE}, false, 0},
    {{FAILURE_KERNEL_CRASH, FAILURE_NONE}, true, 0},
    {{FAILURE_KERNEL_CRASH, FAILURE_NONE}, false, 1},
    {{FAILURE_HANG, FAILURE_NONE}, true, 1}, /* a dump of something else proves no hang */
    {{FAILURE_SERVICE_DOWN, FAILURE_NONE}, false, 1},
    {{FAILURE_PROCESS_CRASH, FAILURE_NONE}, false, 1},
    {{FAILURE_NOT_KNOWN, FAILURE_NONE}, false, 1},
    {{FAILURE_INSTALL_FAILED, FAILURE_NONE}, false, 1},
    {{FAILURE_VM_DIED, FAILURE_NONE}, false, 0}, /* the lab's: tried again anyway */
    {{FAILURE_IMAGE, FAILURE_NONE}, false, 0},
};

static void see(struct repeat *r, enum obs_type type, json_t *data) {
    struct observation o = {.type = type, .data = data};
    repeat_see(r, &o);
    json_decref(data);
}

START_TEST(weak_evidence_is_confirmed_once) {
    struct repeat r = {0};
    for (int i = 0; i < 2; i++) {
        if (evidence[_i].classes[i] != FAILURE_NONE) {
            see(&r, OBS_FAILURE, json_pack("{s:s}", "class", failure_class_name(evidence[_i].classes[i])));
        }
    }
    see(&r, OBS_ARTIFACT, json_pack("{s:s}", "role", evidence[_i].dump ? "minidump" : "screenshot"));
    ck_assert_int_eq(repeat_times(&r, MODEL_CONFIRM_BY_EVIDENCE), evidence[_i].times);
    bool product = r.failed != 0;
    ck_assert_int_eq(repeat_times(&r, 0), 0);
    ck_assert_int_eq(repeat_times(&r, 3), product ? 3 : 0);
}
END_TEST

START_TEST(a_class_nobody_knows_is_weak_evidence) {
    struct repeat r = {0};
    see(&r, OBS_FAILURE, json_pack("{s:s}", "class", "eaten-by-moths"));
    ck_assert_int_eq(repeat_times(&r, MODEL_CONFIRM_BY_EVIDENCE), 1);
}
END_TEST

/* ---- names ------------------------------------------------------------------------------------ */

static const struct {
    const char *id, *planned;
    int k;
} names[] = {
    {"a/b/c/1", "a/b/c/1", 0},     {"a/b/c/1.1", "a/b/c/1", 1}, {"a/b/c/12.5", "a/b/c/12", 5},
    {"a/b/c/1.6", "a/b/c/1.6", 0}, {"a/b/c/1.0", "a/b/c/1.0", 0}, {"a/b/c.1", "a/b/c.1", 0},
    {".1", ".1", 0},               {"", "", 0},
};

START_TEST(an_id_says_which_run_it_is) {
    int k = -1;
    ck_assert_uint_eq(confirm_split(names[_i].id, &k), strlen(names[_i].planned));
    ck_assert_int_eq(k, names[_i].k);
}
END_TEST

START_TEST(a_confirmation_differs_by_its_id_alone) {
    struct planned p = planned_new();
    const struct plan_cell *c = plan_find(p.plan, CELL);
    struct plan_cell *again = confirm_make(c, 2);
    ck_assert_str_eq(again->id, CELL ".2");
    ck_assert_int_eq(again->confirm, 2);
    ck_assert_ptr_eq(again->steps, c->steps);
    int k;
    ck_assert_ptr_eq(confirm_find(p.plan, again->id, &k), c);
    ck_assert_int_eq(k, 2);
    ck_assert_ptr_null(confirm_find(p.plan, "winelab/alder/alder-content/9.1", &k));
    confirm_free(again);
    planned_free(&p);
}
END_TEST

START_TEST(runs_are_added_in_order) {
    struct planned p = planned_new();
    size_t count = p.plan->cell_count;
    ck_assert(confirm_add(p.plan, CELL ".2"));
    ck_assert(confirm_add(p.plan, CELL ".1"));
    ck_assert(!confirm_add(p.plan, CELL ".1"));
    ck_assert(!confirm_add(p.plan, CELL));
    ck_assert(!confirm_add(p.plan, "winelab/alder/none/7.1"));
    ck_assert_uint_eq(p.plan->cell_count, count + 2);
    const struct plan_cell *c = plan_find(p.plan, CELL);
    ck_assert_str_eq(c[1].id, CELL ".1");
    ck_assert_str_eq(c[2].id, CELL ".2");
    planned_free(&p);
}
END_TEST

/* The default protocol: ..., reboot, verify, measure | apply, took, reboot, verify, detect, measure. */
START_TEST(no_machine_is_changed_between_measurements) {
    struct planned p = planned_new();
    const struct plan_cell *c = plan_find(p.plan, CELL);
    size_t first = 0, last = 0;
    for (size_t i = 0; i < c->step_count; i++) {
        first = c->steps[i].kind == STEP_MEASURE && !first ? i : first;
        last = c->steps[i].kind == STEP_MEASURE ? i : last;
    }
    ck_assert_uint_lt(first, last);
    for (size_t done = 0; done <= c->step_count; done++) {
        bool between = done > first && done <= last;
        ck_assert_int_eq(plan_resumes(c, done), done > 0 && !between && done + 1 < c->step_count);
    }
    planned_free(&p);
}
END_TEST

/* ---- taken up again ---------------------------------------------------------------------------- */

static struct sched_past past_of(struct planned *p, int confirm, size_t *done) {
    struct past past;
    struct past_spec spec = {.journal = p->runs->journal, .plan = p->plan, .states = "/nonexistent",
                             .images = p->run.images, .attempts_max = 3, .confirm = confirm};
    ck_assert_int_eq(past_read(&spec, &past, NULL), 0);
    struct sched_past of = past.cells[plan_find(p->plan, CELL) - p->plan->cells];
    *done = past.done;
    past_clear(&past);
    return of;
}

static void hangs(struct runs *r, const char *cell, int attempt) {
    runs_cell(r, cell, attempt);
    runs_fail(r, FAILURE_HANG, NULL, "silent");
    runs_end(r, true);
}

START_TEST(a_confirmation_that_never_began_is_still_due) {
    struct planned p = planned_new();
    size_t done;
    hangs(p.runs, CELL, 2); /* attempts of the planned run are its own */
    struct sched_past of = past_of(&p, MODEL_CONFIRM_BY_EVIDENCE, &done);
    ck_assert(!of.done);
    ck_assert_int_eq(of.confirm, 1);
    ck_assert_int_eq(of.confirms, 1);
    ck_assert_int_eq(of.attempts, 0);
    ck_assert_uint_eq(done, 0);
    of = past_of(&p, 0, &done);
    ck_assert(of.done);
    ck_assert_int_eq(of.confirm, 0);
    ck_assert_uint_eq(done, 1);
    planned_free(&p);
}
END_TEST

START_TEST(a_confirmation_that_was_cut_off_goes_on) {
    struct planned p = planned_new();
    size_t done;
    hangs(p.runs, CELL, 1);
    runs_cell(p.runs, CELL ".1", 1);
    runs_fail(p.runs, FAILURE_VM_DIED, NULL, "gone");
    runs_end(p.runs, true);
    runs_cell(p.runs, CELL ".1", 2);
    struct sched_past of = past_of(&p, MODEL_CONFIRM_BY_EVIDENCE, &done);
    ck_assert(!of.done);
    ck_assert_int_eq(of.confirm, 1);
    ck_assert_int_eq(of.attempts, 2);
    ck_assert_int_eq(of.tries, 1);
    runs_end(p.runs, true);
    of = past_of(&p, MODEL_CONFIRM_BY_EVIDENCE, &done);
    ck_assert(of.done);
    of = past_of(&p, 2, &done); /* asked for one more */
    ck_assert(!of.done);
    ck_assert_int_eq(of.confirm, 2);
    ck_assert_int_eq(of.attempts, 0);
    planned_free(&p);
}
END_TEST

START_TEST(the_users_number_goes_into_the_journal) {
    struct planned p = planned_new();
    struct diags diags = DIAGS_INIT;
    ck_assert_int_eq(p.model->confirm, MODEL_CONFIRM_BY_EVIDENCE);
    model_set_confirm(p.model, 4);
    struct model *again = model_from_source(p.model->source, &diags);
    ck_assert_ptr_nonnull(again);
    ck_assert_int_eq(again->confirm, 4);
    model_free(again);
    planned_free(&p);
}
END_TEST

int main(void) {
    Suite *s = suite_create("confirm");
    TCase *t = tcase_create("confirm");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, weak_evidence_is_confirmed_once, 0, (int)ARRAY_LEN(evidence));
    tcase_add_test(t, a_class_nobody_knows_is_weak_evidence);
    tcase_add_loop_test(t, an_id_says_which_run_it_is, 0, (int)ARRAY_LEN(names));
    tcase_add_test(t, a_confirmation_differs_by_its_id_alone);
    tcase_add_test(t, runs_are_added_in_order);
    tcase_add_test(t, no_machine_is_changed_between_measurements);
    tcase_add_test(t, a_confirmation_that_never_began_is_still_due);
    tcase_add_test(t, a_confirmation_that_was_cut_off_goes_on);
    tcase_add_test(t, the_users_number_goes_into_the_journal);
    suite_add_tcase(s, t);
    return suite_run(s);
}
