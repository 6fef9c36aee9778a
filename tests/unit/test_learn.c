/* learn: the times of steps, from the journals of earlier runs. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "run/learn.h"
#include "support/runs.h"
#include "support/suite.h"

#define MATRIX "{'product_sets':[{'products':['alder']}]}"

START_TEST(learns_from_what_was_executed) {
    struct runs *r = runs_make(MATRIX);
    runs_cell(r, "winelab/alder/none/1", 1);
    snprintf(r->kind, sizeof(r->kind), "boot");
    runs_add(r, OBS_STEP_END, "{'ok':true,'ms':7000}");
    runs_add(r, OBS_STEP_END, "{'ok':true,'ms':9000}");
    runs_add(r, OBS_STEP_END, "{'ok':false,'ms':0,'skipped':'the run was stopped'}");
    runs_add(r, OBS_NOTE, "{'text':'no step','ms':1}");
    runs_end(r, true);
    char parent[] = "/tmp/coexist-test-learn-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(parent));
    CLEANUP_FREE char *run = fs_join(parent, "20261121-050000-test-1a2b");
    ck_assert_int_eq(symlink(r->dir, run), 0);
    CLEANUP_FREE char *broken = fs_join(parent, "zzz-newest/journal.sqlite");
    CLEANUP_FREE char *folder = fs_join(parent, "zzz-newest");
    ck_assert_int_eq(fs_mkdirs(folder, NULL), 0);
    ck_assert_int_eq(fs_write_atomic(broken, "no journal", 10, 0644, NULL), 0);
    struct estimate e, table;
    estimate_init(&e);
    estimate_init(&table);
    CLEANUP_FREE char *from = learn_estimate(parent, &e);
    ck_assert_ptr_nonnull(from);
    ck_assert_str_eq(from, "run 20261121-050000-test-1a2b");
    ck_assert_double_eq_tol(estimate_step(&e, STEP_BOOT), 8000, 1e-6);
    ck_assert_double_eq_tol(estimate_step(&e, STEP_APPLY), estimate_step(&table, STEP_APPLY), 1e-6);
    unlink(run);
    fs_remove_tree(parent, NULL);
    runs_free(r);
}
END_TEST

START_TEST(learns_nothing_where_nothing_is) {
    struct estimate e;
    estimate_init(&e);
    ck_assert_ptr_null(learn_estimate("/nonexistent/runs", &e));
    ck_assert(!estimate_is_learned(&e));
}
END_TEST

int main(void) {
    Suite *s = suite_create("learn");
    TCase *t = tcase_create("learn");
    tcase_add_test(t, learns_from_what_was_executed);
    tcase_add_test(t, learns_nothing_where_nothing_is);
    suite_add_tcase(s, t);
    return suite_run(s);
}
