/* Kept states on the disk, whose they are, and what a resumed run makes of them and of its journal. */
#include <check.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "run/job.h"
#include "run/past.h"
#include "run/states.h"
#include "run/sweep.h"
#include "support/runs.h"
#include "support/suite.h"

#define MATRIX                                                                                      \
    "{'product_sets':[{'products':['alder'],'updates':['none','alder-content','alder-engine']}]}"
#define CONTROL "winelab/alder/none/1"
#define CONTENT "winelab/alder/alder-content/1"
#define ENGINE "winelab/alder/alder-engine/1"

struct site { /* a lab and an interrupted run in it */
    struct runs *runs;
    char *lab, *folder;
    struct journal_run run;
    struct model *model;
    struct plan *plan;
};

static struct site *site_new(void) {
    struct site *s = mem_zalloc(1, sizeof(*s));
    CLEANUP_ERR struct err err = ERR_INIT;
    struct diags diags = DIAGS_INIT;
    s->runs = runs_make(MATRIX);
    s->lab = fs_join(s->runs->dir, "lab");
    ck_assert_int_eq(journal_read_run(s->runs->journal, &s->run, &err), 0);
    s->folder = states_folder(s->lab, s->run.id);
    s->model = model_from_source(s->run.matrix, &diags);
    ck_assert_msg(s->model != NULL, "%s", diags.count ? diags.items[0].message : "");
    s->plan = plan_build(s->model, &diags);
    ck_assert_ptr_nonnull(s->plan);
    return s;
}

static void site_free(struct site *s) {
    plan_free(s->plan);
    model_free(s->model);
    journal_run_clear(&s->run);
    runs_free(s->runs);
    free(s->lab);
    free(s->folder);
    free(s);
}

static void site_write(const char *dir, const char *name, const char *text) {
    CLEANUP_FREE char *path = fs_join(dir, name);
    ck_assert_int_eq(fs_write_atomic(path, text, strlen(text), 0644, NULL), 0);
}

/* What vm_save leaves, as far as this side sees it. */
static void site_save(struct site *s, const char *name, const char *cell, int attempt, int steps,
                      const char *base) {
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *dir = states_begin(s->folder, name, &err);
    ck_assert_msg(dir != NULL, "%s", err_text(&err));
    CLEANUP_FREE char *tpm = fs_join(dir, "tpm");
    ck_assert_int_eq(fs_mkdirs(tpm, NULL), 0);
    site_write(dir, "memory", "memory of a guest");
    site_write(dir, "disk.qcow2", "overlay");
    site_write(tpm, "state", "seal");
    char digest[65];
    state_image_digest(json_object_get(s->run.images, "winelab"), digest);
    struct state_note n = {.cell = str_dup(cell), .attempt = attempt, .steps = (size_t)steps,
                           .at_ms = 4711, .stood_ms = 815, .base = str_dup(base), .image = str_dup(digest)};
    int64_t bytes = 0;
    ck_assert_msg(states_finish(s->folder, name, &n, &bytes, &err) == 0, "%s", err_text(&err));
    ck_assert_int_gt(bytes, 0);
    state_note_clear(&n);
}

/* The same with the observation that tells of it. */
static void site_keep(struct site *s, const char *name, int steps, const char *base) {
    site_save(s, name, s->runs->cell, s->runs->attempt, steps, base);
    CLEANUP_FREE char *data = str_printf("{'steps':%d,'name':'%s','bytes':9}", steps, name);
    runs_add(s->runs, OBS_STATE, data);
}

static struct past site_past(struct site *s) {
    struct past_spec spec = {.journal = s->runs->journal, .plan = s->plan, .states = s->folder,
                             .images = s->run.images, .attempts_max = 3};
    CLEANUP_ERR struct err err = ERR_INIT;
    struct past p;
    ck_assert_msg(past_read(&spec, &p, &err) == 0, "%s", err_text(&err));
    return p;
}

static size_t site_index(const struct site *s, const char *cell) {
    return (size_t)(plan_find(s->plan, cell) - s->plan->cells);
}

static bool site_has(const struct site *s, const char *name, const char *file) {
    CLEANUP_FREE char *dir = fs_join(s->folder, name);
    CLEANUP_FREE char *path = fs_join(dir, file);
    return fs_exists(path);
}

/* ---- one state ------------------------------------------------------------------------------ */

START_TEST(a_state_is_read_as_it_was_kept) {
    struct site *s = site_new();
    site_save(s, "3-1", CONTROL, 1, 4, "2-1");
    struct state_note n;
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_msg(states_read(s->folder, "3-1", &n, &err) == 0, "%s", err_text(&err));
    ck_assert_str_eq(n.cell, CONTROL);
    ck_assert_int_eq(n.attempt, 1);
    ck_assert_uint_eq(n.steps, 4);
    ck_assert_int_eq(n.at_ms, 4711);
    ck_assert_int_eq(n.stood_ms, 815);
    ck_assert_str_eq(n.base, "2-1");
    ck_assert(n.memory);
    ck_assert_int_gt(n.bytes, 0);
    state_note_clear(&n);
    ck_assert_ptr_null(states_begin(s->folder, "3-1", &err)); /* a name is given once */
    site_free(s);
}
END_TEST

/* What a kill or a restart of the host may leave of one. */
static const char *const damages[] = {"state.json", "disk.qcow2", "tpm/state", NULL};

START_TEST(a_state_that_is_not_whole_is_none) {
    struct site *s = site_new();
    site_save(s, "3-1", CONTROL, 1, 4, NULL);
    CLEANUP_FREE char *dir = fs_join(s->folder, "3-1");
    CLEANUP_FREE char *path = fs_join(dir, damages[_i / 2] ? damages[_i / 2] : "memory");
    if (_i % 2 == 0) {
        ck_assert_int_eq(truncate(path, 3), 0);
    } else {
        ck_assert_int_eq(unlink(path), 0);
    }
    struct state_note n;
    CLEANUP_ERR struct err err = ERR_INIT;
    int rc = states_read(s->folder, "3-1", &n, &err);
    if (damages[_i / 2] || _i % 2 == 0) {
        ck_assert_int_lt(rc, 0);
        ck_assert_int_eq(err.cls, ERR_INPUT);
    } else { /* without its memory it still carries the disks of others */
        ck_assert_int_eq(rc, 0);
        ck_assert(!n.memory);
        state_note_clear(&n);
    }
    site_free(s);
}
END_TEST

START_TEST(memory_goes_first_then_the_rest) {
    struct site *s = site_new();
    site_save(s, "3-1", CONTROL, 1, 4, NULL);
    ck_assert_int_gt(states_drop(s->folder, "3-1", false, NULL), 0);
    ck_assert(!site_has(s, "3-1", "memory") && site_has(s, "3-1", "disk.qcow2"));
    ck_assert_int_gt(states_drop(s->folder, "3-1", false, NULL), 0); /* once more is harmless */
    ck_assert_int_eq(states_drop(s->folder, "3-1", true, NULL), 0);
    ck_assert(!site_has(s, "3-1", "disk.qcow2"));
    ck_assert_int_eq(states_drop(s->folder, "3-1", true, NULL), 0);
    site_free(s);
}
END_TEST

/* ---- the sweep ------------------------------------------------------------------------------ */

static struct states_counts site_sweep(struct site *s, bool all) {
    struct states_counts n;
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_msg(states_sweep(s->lab, all, NULL, &n, &err) == 0, "%s", err_text(&err));
    return n;
}

START_TEST(interrupted_runs_keep_theirs) {
    struct site *s = site_new();
    int lock = -1;
    ck_assert_int_eq(states_claim(s->lab, s->run.id, s->runs->dir, &lock, NULL), 0);
    ck_assert_int_lt(states_claim(s->lab, s->run.id, s->runs->dir, &(int){-1}, NULL), 0);
    site_save(s, "3-1", CONTROL, 1, 4, NULL);
    site_save(s, "4-1", CONTROL, 1, 5, NULL);
    ck_assert_int_eq(site_sweep(s, true).removed, 0); /* it lives */
    ck_assert(site_has(s, "3-1", "state.json"));
    close(lock);
    CLEANUP_FREE char *half = str_printf("%s/4-1/state.json", s->folder);
    ck_assert_int_eq(unlink(half), 0);
    struct states_counts n = site_sweep(s, false);
    ck_assert_int_eq(n.kept, 1);
    ck_assert_int_eq(n.removed, 0);
    ck_assert_int_gt(n.kept_bytes, 0);
    ck_assert(site_has(s, "3-1", "state.json") && !site_has(s, "4-1", "disk.qcow2"));
    ck_assert_int_eq(site_sweep(s, true).removed, 1);
    ck_assert(!fs_exists(s->folder));
    site_free(s);
}
END_TEST

START_TEST(finished_and_unknown_runs_lose_theirs) {
    struct site *s = site_new();
    int lock = -1;
    ck_assert_int_eq(states_claim(s->lab, s->run.id, s->runs->dir, &lock, NULL), 0);
    close(lock);
    site_save(s, "3-1", CONTROL, 1, 4, NULL);
    ck_assert_int_eq(journal_finish(s->runs->journal, "finished", NULL), 0);
    ck_assert_int_eq(site_sweep(s, false).removed, 1);
    ck_assert(!fs_exists(s->folder));
    site_save(s, "3-1", CONTROL, 1, 4, NULL); /* by nobody: there is no owner file */
    ck_assert_int_eq(site_sweep(s, false).removed, 1);
    ck_assert(!fs_exists(s->folder));
    site_free(s);
}
END_TEST

/* A worker that is still dying may be saving: nothing of its run is touched. */
START_TEST(states_of_dying_workers_wait) {
    struct site *s = site_new();
    int lock = -1, worker = -1;
    ck_assert_int_eq(states_claim(s->lab, s->run.id, s->runs->dir, &lock, NULL), 0);
    close(lock);
    site_save(s, "3-1", CONTROL, 1, 4, NULL);
    CLEANUP_FREE char *dir = sweep_claim(s->lab, s->run.id, "0-1", &worker, NULL);
    ck_assert_ptr_nonnull(dir);
    ck_assert_int_eq(site_sweep(s, true).removed, 0);
    ck_assert(site_has(s, "3-1", "memory"));
    close(worker);
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_msg(sweep_wait_for_run(s->lab, s->run.id, NULL, &err) == 0, "%s", err_text(&err));
    ck_assert_int_eq(site_sweep(s, true).removed, 1);
    site_free(s);
}
END_TEST

/* ---- the past ------------------------------------------------------------------------------- */

START_TEST(the_past_knows_what_is_done) {
    struct site *s = site_new();
    runs_cell(s->runs, CONTROL, 1); /* interrupted, then the lab failed, then done */
    runs_step(s->runs, "boot", false);
    runs_cell(s->runs, CONTROL, 2);
    runs_fail(s->runs, FAILURE_VM_DIED, NULL, "gone");
    runs_end(s->runs, true);
    runs_cell(s->runs, CONTROL, 3);
    runs_fail(s->runs, FAILURE_SERVICE_DOWN, "alder", "a product's failure is a result");
    runs_end(s->runs, true);
    runs_cell(s->runs, CONTENT, 1);
    runs_fail(s->runs, FAILURE_VM_DIED, NULL, "gone");
    runs_end(s->runs, true);
    runs_cell(s->runs, CONTENT, 2); /* stopped by the user */
    runs_end(s->runs, false);
    for (int i = 1; i <= 3; i++) { /* no retry left */
        runs_cell(s->runs, ENGINE, i);
        runs_fail(s->runs, FAILURE_HOST_RESOURCES, NULL, "disk full");
        runs_end(s->runs, true);
    }
    runs_cell(s->runs, "winelab/stranger/none/1", 1);
    runs_end(s->runs, true);
    struct past p = site_past(s);
    ck_assert(p.cells[site_index(s, CONTROL)].done);
    ck_assert_int_eq(p.cells[site_index(s, CONTROL)].attempts, 3);
    ck_assert(!p.cells[site_index(s, CONTENT)].done);
    ck_assert_int_eq(p.cells[site_index(s, CONTENT)].attempts, 2);
    ck_assert_int_eq(p.cells[site_index(s, CONTENT)].tries, 1);
    ck_assert(p.cells[site_index(s, ENGINE)].done);
    ck_assert_uint_eq(p.done, 2);
    ck_assert_uint_eq(p.kept_count, 0);
    past_clear(&p);
    site_free(s);
}
END_TEST

START_TEST(the_past_keeps_states_that_both_sides_know) {
    struct site *s = site_new();
    runs_cell(s->runs, CONTROL, 1);
    runs_step(s->runs, "provision", false);
    runs_step(s->runs, "boot", false);
    site_keep(s, "b", 2, "a"); /* its base is told of later */
    site_keep(s, "a", 1, NULL);
    site_keep(s, "gone", 2, "a");
    site_keep(s, "orphan", 2, "gone"); /* nothing to stand on */
    site_keep(s, "no-memory", 2, "a");
    site_save(s, "untold", CONTROL, 1, 2, NULL); /* killed before it could be told */
    site_save(s, "other", CONTENT, 1, 2, NULL);  /* told of with another owner */
    runs_add(s->runs, OBS_STATE, "{'steps':2,'name':'other','bytes':9}");
    runs_add(s->runs, OBS_STATE, "{'steps':2,'name':'../../etc','bytes':9}");
    runs_add(s->runs, OBS_STATE, "{'steps':99,'name':'a','bytes':9}");
    runs_add(s->runs, OBS_STATE, "{}");
    states_drop(s->folder, "gone", true, NULL);
    states_drop(s->folder, "no-memory", false, NULL);
    struct past p = site_past(s);
    ck_assert_uint_eq(p.kept_count, 3);
    ck_assert_str_eq(p.kept[0].name, "a");
    ck_assert_ptr_null(p.kept[0].base);
    for (size_t i = 1; i < 3; i++) {
        ck_assert_str_eq(p.kept[i].base, "a");
        ck_assert_int_eq(p.kept[i].memory, str_eq(p.kept[i].name, "b"));
        ck_assert_uint_eq(p.kept[i].steps, 2);
    }
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_int_eq(states_tidy(s->folder, past_keeps, &p, &err), 0);
    ck_assert(site_has(s, "b", "memory") && !site_has(s, "untold", "disk.qcow2"));
    ck_assert(!site_has(s, "orphan", "disk.qcow2") && !site_has(s, "other", "disk.qcow2"));
    past_clear(&p);
    site_free(s);
}
END_TEST

START_TEST(a_state_of_another_image_or_accelerator_is_of_no_use) {
    struct site *s = site_new();
    runs_cell(s->runs, CONTROL, 1);
    site_keep(s, "a", 1, NULL);
    struct past_spec spec = {.journal = s->runs->journal, .plan = s->plan, .states = s->folder,
                             .images = s->run.images, .attempts_max = 3, .kvm = true};
    struct past p;
    ck_assert_int_eq(past_read(&spec, &p, NULL), 0);
    ck_assert_uint_eq(p.kept_count, 0);
    past_clear(&p);
    json_t *other = json_pack("{s:{s:s}}", "winelab", "name", "another");
    spec.kvm = false;
    spec.images = other;
    ck_assert_int_eq(past_read(&spec, &p, NULL), 0);
    ck_assert_uint_eq(p.kept_count, 0);
    past_clear(&p);
    json_decref(other);
    site_free(s);
}
END_TEST

/* ---- jobs ----------------------------------------------------------------------------------- */

START_TEST(a_job_survives_the_way_to_its_worker) {
    const size_t after[] = {5, 7};
    const char *const names[] = {"4-2", "6-2"};
    struct sched_job j = {.attempt = 2, .from = "3-1", .from_steps = 4, .from_cell = CONTROL,
                          .from_attempt = 3, .from_ms = 1234567890123, .save_after = after,
                          .save_names = names, .save_count = 2, .points = "p3.0-2", .points_max = 4,
                          .point_every = 600 * CLOCK_S, .cold = true};
    CLEANUP_FREE char *text = job_to_text(&j, NULL);
    struct job got;
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_msg(job_parse(text, 9, &got, &err) == 0, "%s", err_text(&err));
    ck_assert_str_eq(got.from.state, "3-1");
    ck_assert_str_eq(got.from.cell, CONTROL);
    ck_assert_uint_eq(got.from.steps, 4);
    ck_assert_int_eq(got.from.attempt, 3);
    ck_assert_int_eq(got.from.at_ms, 1234567890123);
    ck_assert_uint_eq(got.save.count, 2);
    ck_assert_uint_eq(got.save.after[1], 7);
    ck_assert_str_eq(got.save.names[1], "6-2");
    ck_assert_str_eq(got.save.points, "p3.0-2");
    ck_assert_int_eq(got.save.points_max, 4);
    ck_assert_int_eq(got.save.every, 600 * CLOCK_S);
    ck_assert(got.cold);
    job_clear(&got);
    struct sched_job nothing = {.attempt = 1};
    CLEANUP_FREE char *empty = job_to_text(&nothing, NULL);
    ck_assert_int_eq(job_parse(empty, 9, &got, &err), 0);
    ck_assert_ptr_null(got.from.state);
    ck_assert_uint_eq(got.save.count, 0);
    ck_assert_ptr_null(got.save.points);
    ck_assert(!got.cold);
    job_clear(&got);
}
END_TEST

static const char *const bad_jobs[] = {
    "", "[]", "{\"from\":{}}", "{\"save\":[{\"after\":0,\"name\":\"a\"}]}",
    "{\"save\":[{\"after\":10,\"name\":\"a\"}]}", "{\"save\":[{\"after\":1,\"name\":\"../a\"}]}",
    "{\"from\":{\"state\":\"a\",\"steps\":9,\"cell\":\"c\",\"attempt\":1,\"at_ms\":0}}",
    "{\"points\":\"a/b\",\"points_max\":1}", "{\"points\":\"a\"}",
    "{\"points\":\"a\",\"points_max\":1,\"every_ms\":-1}",
    "{\"from\":{\"state\":\"..\",\"steps\":1,\"cell\":\"c\",\"attempt\":1,\"at_ms\":0}}",
};

START_TEST(a_job_of_no_sense_is_refused) {
    struct job got;
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_int_lt(job_parse(bad_jobs[_i], 9, &got, &err), 0);
    ck_assert_int_eq(err.cls, ERR_BUG);
}
END_TEST

int main(void) {
    Suite *s = suite_create("states");
    TCase *t = tcase_create("states");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_state_is_read_as_it_was_kept);
    tcase_add_loop_test(t, a_state_that_is_not_whole_is_none, 0, 2 * (int)ARRAY_LEN(damages));
    tcase_add_test(t, memory_goes_first_then_the_rest);
    tcase_add_test(t, interrupted_runs_keep_theirs);
    tcase_add_test(t, finished_and_unknown_runs_lose_theirs);
    tcase_add_test(t, states_of_dying_workers_wait);
    tcase_add_test(t, the_past_knows_what_is_done);
    tcase_add_test(t, the_past_keeps_states_that_both_sides_know);
    tcase_add_test(t, a_state_of_another_image_or_accelerator_is_of_no_use);
    tcase_add_test(t, a_job_survives_the_way_to_its_worker);
    tcase_add_loop_test(t, a_job_of_no_sense_is_refused, 0, (int)ARRAY_LEN(bad_jobs));
    suite_add_tcase(s, t);
    return suite_run(s);
}
