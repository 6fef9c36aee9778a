/* base: errors, strings, files, processes, clocks. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "support/suite.h"

static char *test_dir(void) {
    char tmpl[] = "/tmp/coexist-test-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(tmpl));
    return str_dup(tmpl);
}

START_TEST(names_match_as_windows_has_it) {
    static const struct {
        const char *name, *pattern;
        bool matches;
    } cases[] = {
        {"Alder.LOG", "alder.log", true},       {"alder.log.old", "alder.log*", true},
        {"alder.log", "alder.log.*", false},    {"a1.dmp", "?1.*", true},
        {"My-System.evtx", "System.evtx", false}, {"", "*", true},
        {"set[1].log", "set[1].log", true},     {"set1.log", "set[1].log", false},
        {"a\\b", "a\\b", true},                 {".hidden", "*", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ck_assert_msg(str_matches_nocase(cases[i].name, cases[i].pattern) == cases[i].matches, "%s against %s",
                      cases[i].name, cases[i].pattern);
    }
}
END_TEST

START_TEST(err_chains_outer_intention_before_inner_fact) {
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_int_eq(err_sys(&err, ENOENT, "open %s", "/path"), -1);
    err_prefix(&err, "plan: product '%s'", "x");
    ck_assert_str_eq(err_text(&err), "plan: product 'x': open /path: No such file or directory");
    ck_assert_int_eq(err.cls, ERR_SYSTEM);
    ck_assert_int_eq(err.sys, ENOENT);
}
END_TEST

START_TEST(err_full_disk_has_its_own_class) {
    CLEANUP_ERR struct err err = ERR_INIT;
    err_sys(&err, ENOSPC, "write");
    ck_assert_int_eq(err.cls, ERR_NOSPACE);
}
END_TEST

START_TEST(err_null_is_allowed_everywhere) {
    ck_assert_int_eq(err_set(NULL, ERR_BUG, "x"), -1);
    err_prefix(NULL, "y");
    err_clear(NULL);
    ck_assert_str_eq(err_text(NULL), "no error");
}
END_TEST

START_TEST(fs_write_is_read_back_and_leaves_no_temporary_file) {
    CLEANUP_FREE char *dir = test_dir();
    CLEANUP_FREE char *path = fs_join(dir, "a/b/c.txt");
    CLEANUP_FREE char *parent = fs_dirname(path);
    ck_assert_int_eq(fs_mkdirs(parent, NULL), 0);
    ck_assert_int_eq(fs_write_atomic(path, "hello", 5, 0600, NULL), 0);
    size_t len = 0;
    CLEANUP_FREE char *back = fs_read(path, 100, &len, NULL);
    ck_assert_str_eq(back, "hello");
    ck_assert_uint_eq(len, 5);
    ck_assert_int_eq(fs_remove_tree(dir, NULL), 0);
    ck_assert(!fs_exists(dir));
}
END_TEST

START_TEST(fs_read_refuses_what_is_too_large) {
    CLEANUP_FREE char *dir = test_dir();
    CLEANUP_FREE char *path = fs_join(dir, "f");
    fs_write_atomic(path, "123456", 6, 0600, NULL);
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_ptr_null(fs_read(path, 5, NULL, &err));
    ck_assert_int_eq(err.cls, ERR_INPUT);
    fs_remove_tree(dir, NULL);
}
END_TEST

START_TEST(fs_sha256_is_the_standards_answer) {
    /* FIPS 180-4 example: "abc". */
    char hex[FS_SHA256_HEX];
    fs_sha256_bytes("abc", 3, hex);
    ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
END_TEST

START_TEST(fs_store_names_by_digest_once) {
    CLEANUP_FREE char *dir = test_dir();
    char a[FS_SHA256_HEX];
    char b[FS_SHA256_HEX];
    ck_assert_int_eq(fs_store_bytes(dir, "abc", 3, a, NULL), 0);
    ck_assert_int_eq(fs_store_bytes(dir, "abc", 3, b, NULL), 0);
    ck_assert_str_eq(a, b);
    CLEANUP_FREE char *path = str_printf("%s/ba/%s", dir, a);
    ck_assert_int_eq(fs_size(path), 3);
    fs_remove_tree(dir, NULL);
}
END_TEST

START_TEST(fs_remove_tree_does_not_follow_links) {
    CLEANUP_FREE char *dir = test_dir();
    CLEANUP_FREE char *outside = test_dir();
    CLEANUP_FREE char *keep = fs_join(outside, "keep");
    fs_write_atomic(keep, "x", 1, 0600, NULL);
    CLEANUP_FREE char *link = fs_join(dir, "link");
    ck_assert_int_eq(symlink(outside, link), 0);
    ck_assert_int_eq(fs_remove_tree(dir, NULL), 0);
    ck_assert(fs_exists(keep));
    fs_remove_tree(outside, NULL);
}
END_TEST

START_TEST(fs_lock_is_exclusive) {
    CLEANUP_FREE char *dir = test_dir();
    CLEANUP_FREE char *path = fs_join(dir, "owner");
    int fd = fs_lock(path, NULL);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fs_lock(path, NULL), -2);
    close(fd);
    int again = fs_lock(path, NULL);
    ck_assert_int_ge(again, 0);
    close(again);
    fs_remove_tree(dir, NULL);
}
END_TEST

START_TEST(proc_gives_exit_code_and_both_streams) {
    const char *argv[] = {"sh", "-c", "echo out; echo err >&2; exit 7", NULL};
    struct proc_opts o = {.timeout_ns = 10 * CLOCK_S};
    CLEANUP(proc_result_free) struct proc_result r = {0};
    ck_assert_int_eq(proc_run(argv, &o, &r, NULL), 0);
    ck_assert_int_eq(r.exit_code, 7);
    ck_assert_str_eq(str_get(&r.out), "out\n");
    ck_assert_str_eq(str_get(&r.err), "err\n");
}
END_TEST

START_TEST(proc_kills_the_whole_group_at_its_deadline) {
    const char *argv[] = {"sh", "-c", "sleep 60 & sleep 60", NULL};
    struct proc_opts o = {.timeout_ns = CLOCK_S / 5};
    struct proc_result r;
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_int_lt(proc_run(argv, &o, &r, &err), 0);
    ck_assert_int_eq(err.cls, ERR_TIMEOUT);
}
END_TEST

START_TEST(proc_bounds_what_it_keeps) {
    const char *argv[] = {"sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x", NULL};
    struct proc_opts o = {.timeout_ns = 20 * CLOCK_S, .max_output = 1000};
    CLEANUP(proc_result_free) struct proc_result r = {0};
    ck_assert_int_eq(proc_run(argv, &o, &r, NULL), 0);
    ck_assert_uint_eq(r.out.len, 1000);
}
END_TEST

START_TEST(proc_says_when_a_program_is_absent) {
    const char *argv[] = {"coexist-no-such-program", NULL};
    struct proc_opts o = {.timeout_ns = CLOCK_S};
    struct proc_result r;
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_int_lt(proc_run(argv, &o, &r, &err), 0);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "no such program"));
}
END_TEST

START_TEST(proc_feeds_input_and_environment) {
    const char *argv[] = {"sh", "-c", "cat; printf %s \"$COEXIST_X\"", NULL};
    const char *env[] = {"COEXIST_X=set", NULL};
    struct proc_opts o = {.timeout_ns = 10 * CLOCK_S, .input = "in:", .env = env};
    CLEANUP(proc_result_free) struct proc_result r = {0};
    ck_assert_int_eq(proc_run(argv, &o, &r, NULL), 0);
    ck_assert_str_eq(str_get(&r.out), "in:set");
}
END_TEST

START_TEST(clock_deadlines_saturate) {
    struct clock_virtual v;
    clock_virtual_init(&v);
    v.now_ns = 5;
    ck_assert_int_eq(clock_after(&v.clock, CLOCK_NEVER), CLOCK_NEVER);
    ck_assert_int_eq(clock_poll_ms(&v.clock, CLOCK_NEVER), -1);
    ck_assert_int_eq(clock_poll_ms(&v.clock, 5), 0);
    ck_assert_int_eq(clock_poll_ms(&v.clock, 6), 1);
    v.clock.wait_until(&v.clock, CLOCK_S);
    ck_assert_int_eq(clock_now(&v.clock), CLOCK_S);
}
END_TEST

int main(void) {
    Suite *s = suite_create("base");
    TCase *t = tcase_create("base");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, err_chains_outer_intention_before_inner_fact);
    tcase_add_test(t, err_full_disk_has_its_own_class);
    tcase_add_test(t, err_null_is_allowed_everywhere);
    tcase_add_test(t, fs_write_is_read_back_and_leaves_no_temporary_file);
    tcase_add_test(t, fs_read_refuses_what_is_too_large);
    tcase_add_test(t, fs_sha256_is_the_standards_answer);
    tcase_add_test(t, fs_store_names_by_digest_once);
    tcase_add_test(t, fs_remove_tree_does_not_follow_links);
    tcase_add_test(t, fs_lock_is_exclusive);
    tcase_add_test(t, names_match_as_windows_has_it);
    tcase_add_test(t, proc_gives_exit_code_and_both_streams);
    tcase_add_test(t, proc_kills_the_whole_group_at_its_deadline);
    tcase_add_test(t, proc_bounds_what_it_keeps);
    tcase_add_test(t, proc_says_when_a_program_is_absent);
    tcase_add_test(t, proc_feeds_input_and_environment);
    tcase_add_test(t, clock_deadlines_saturate);
    suite_add_tcase(s, t);
    return suite_run(s);
}
