/* What cannot be resumed is refused with a reason, and left as it was. */
#include <check.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "run/run.h"
#include "support/runs.h"
#include "support/suite.h"

#define MATRIX "{'product_sets':[{'products':['alder'],'updates':['alder-content']}]}"

static void poke(const struct runs *r, const char *sql) {
    CLEANUP_FREE char *path = fs_join(r->dir, "journal.sqlite");
    sqlite3 *db = NULL;
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

/* The plan that the journal would have, had a run written it. */
static void keep_plan(struct runs *r) {
    struct journal_run run;
    struct diags diags = DIAGS_INIT;
    ck_assert_int_eq(journal_read_run(r->journal, &run, NULL), 0);
    struct model *m = model_from_source(run.matrix, &diags);
    struct plan *p = plan_build(m, &diags);
    json_t *plan = plan_to_json(p);
    CLEANUP_FREE char *text = json_dumps(plan, JSON_COMPACT);
    CLEANUP_FREE char *sql = str_printf("UPDATE run SET plan = '%s'", text);
    poke(r, sql);
    json_decref(plan);
    plan_free(p);
    model_free(m);
    journal_run_clear(&run);
}

static struct run_result resume(struct runs *r, const char *run, int *rc, struct err *err) {
    CLEANUP_FREE char *lab = fs_join(r->dir, "lab");
    struct run_opts o = {.lab_dir = lab, .runs_dir = r->dir, .version = "0.1.0"};
    struct run_result res;
    *rc = run_resume(&o, run, &res, err);
    return res;
}

/* Refused as bad input, with that said; the run stays as it is. */
static void refuse(struct runs *r, const char *run, const char *said) {
    CLEANUP_ERR struct err err = ERR_INIT;
    int rc;
    struct run_result res = resume(r, run, &rc, &err);
    ck_assert_int_lt(rc, 0);
    ck_assert_msg(err.cls == ERR_INPUT, "%s: %s", err_class_name(err.cls), err_text(&err));
    ck_assert_msg(strstr(err_text(&err), said) != NULL, "'%s' not in: %s", said, err_text(&err));
    ck_assert_ptr_null(res.id);
    run_result_clear(&res);
}

static size_t times_resumed(struct runs *r) {
    struct journal_run run;
    ck_assert_int_eq(journal_read_run(r->journal, &run, NULL), 0);
    size_t n = json_array_size(run.resumed);
    journal_run_clear(&run);
    return n;
}

START_TEST(an_unknown_run) {
    struct runs *r = runs_make(MATRIX);
    refuse(r, "20200101-000000-nothing-0000", "there is no run");
    refuse(r, "", "there is no run");
    runs_free(r);
}
END_TEST

START_TEST(a_run_that_is_running) {
    struct runs *r = runs_make(MATRIX);
    CLEANUP_FREE char *path = fs_join(r->dir, "lock");
    CLEANUP_FD int lock = fs_lock(path, NULL);
    ck_assert_int_ge(lock, 0);
    refuse(r, r->dir, "still running");
    runs_free(r);
}
END_TEST

START_TEST(a_run_planned_otherwise) {
    struct runs *r = runs_make(MATRIX);
    refuse(r, r->dir, "planned it otherwise");
    ck_assert_uint_eq(times_resumed(r), 0);
    runs_free(r);
}
END_TEST

START_TEST(a_run_whose_files_changed) {
    struct runs *r = runs_make(MATRIX);
    keep_plan(r);
    refuse(r, r->dir, "files it tests changed"); /* /x/alder.exe is not there */
    ck_assert_uint_eq(times_resumed(r), 0);
    runs_free(r);
}
END_TEST

START_TEST(a_run_of_an_older_version) {
    struct runs *r = runs_make(MATRIX);
    poke(r, "DROP TABLE resumed; PRAGMA user_version = 1");
    refuse(r, r->dir, "format 1, written by coexist 0.1.0");
    runs_free(r);
}
END_TEST

START_TEST(a_run_whose_journal_is_damaged) {
    struct runs *r = runs_make(MATRIX);
    journal_close(r->journal);
    CLEANUP_FREE char *path = fs_join(r->dir, "journal.sqlite");
    CLEANUP_FREE char *wal = fs_join(r->dir, "journal.sqlite-wal");
    char junk[8192];
    memset(junk, 'x', sizeof(junk));
    unlink(wal);
    ck_assert_int_eq(fs_write_atomic(path, junk, sizeof(junk), 0644, NULL), 0);
    refuse(r, r->dir, "not a database");
    ck_assert_int_eq(fs_write_atomic(path, junk, 0, 0644, NULL), 0);
    refuse(r, r->dir, "not a journal");
    r->journal = NULL;
    runs_free(r);
}
END_TEST

START_TEST(a_finished_run_has_nothing_left_to_do) {
    struct runs *r = runs_make(MATRIX);
    ck_assert_int_eq(journal_finish(r->journal, "finished", NULL), 0);
    CLEANUP_ERR struct err err = ERR_INIT;
    int rc;
    struct run_result res = resume(r, r->dir, &rc, &err);
    ck_assert_msg(rc == 0, "%s", err_text(&err));
    ck_assert(res.was_finished);
    ck_assert_str_eq(res.dir, r->dir);
    ck_assert_uint_eq(times_resumed(r), 0);
    run_result_clear(&res);
    runs_free(r);
}
END_TEST

int main(void) {
    Suite *s = suite_create("resume");
    TCase *t = tcase_create("refused");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, an_unknown_run);
    tcase_add_test(t, a_run_that_is_running);
    tcase_add_test(t, a_run_planned_otherwise);
    tcase_add_test(t, a_run_whose_files_changed);
    tcase_add_test(t, a_run_of_an_older_version);
    tcase_add_test(t, a_run_whose_journal_is_damaged);
    tcase_add_test(t, a_finished_run_has_nothing_left_to_do);
    suite_add_tcase(s, t);
    return suite_run(s);
}
