/* The command line 'coexist plan --pict': what goes where, and how it ends. */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "support/suite.h"

struct ran { int code; char *out; };

/* Runs the program with these arguments; `streams` says what is caught ("2>/dev/null", "2>&1 >/dev/null"). */
static struct ran run(const char *arguments, const char *streams) {
    const char *build = getenv("COEXIST_BUILD");
    char *command = str_printf("%s/coexist plan %s %s", build ? build : "build", arguments, streams);
    struct str out = STR_INIT;
    char buffer[4096];
    FILE *f = popen(command, "r");
    ck_assert_ptr_nonnull(f);
    for (size_t n; (n = fread(buffer, 1, sizeof(buffer), f)) > 0;) {
        str_add_bytes(&out, buffer, n);
    }
    int status = pclose(f);
    free(command);
    return (struct ran){WIFEXITED(status) ? WEXITSTATUS(status) : -1, str_take(&out)};
}

static char model_path[] = "/tmp/coexist-pict-XXXXXX";

static void write_model(const char *text) {
    FILE *f = fopen(model_path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

static struct ran run_model(const char *options, const char *streams) {
    char *arguments = str_printf("--pict %s %s", model_path, options);
    struct ran r = run(arguments, streams);
    free(arguments);
    return r;
}

START_TEST(test_rows_and_listing) {
    write_model("A: 1, 2\nB: x, y\nif [A] = 1 then [B] = \"x\";\n");
    struct ran r = run_model("-o:2", "2>/dev/null");
    ck_assert_int_eq(r.code, 0);
    ck_assert(strncmp(r.out, "A\tB\n", 4) == 0);
    ck_assert_uint_eq(strlen(r.out), 4 + 3 * 4);
    free(r.out);
    r = run_model("/o:2", "2>&1 >/dev/null");
    ck_assert_str_eq(r.out, "coexist: the constraints make 1 of 4 combinations impossible:\n  A: 1, B: y\n");
    free(r.out);
    r = run_model("-o:max -s", "2>/dev/null");
    ck_assert_ptr_nonnull(strstr(r.out, "Generated tests:3\n"));
    free(r.out);
}
END_TEST

START_TEST(test_json) {
    write_model("A: 1, 2\nB: x, ~y|z\nif [A] = 1 then [B] = \"x\";\n");
    struct ran r = run_model("--json", "2>&1");
    json_t *j = json_loads(r.out, 0, NULL);
    ck_assert_ptr_nonnull(j);
    ck_assert_uint_eq(json_array_size(json_object_get(j, "rows")), 3);
    ck_assert_int_eq(json_integer_value(json_object_get(j, "impossible_count")), 1);
    json_t *pair = json_array_get(json_object_get(j, "impossible"), 0);
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(pair, 1), "value")), "~y");
    json_decref(j);
    free(r.out);
}
END_TEST

START_TEST(test_bad_input) {
    write_model("A: 1, 2\nB\n[A] = \"1\";\n[A] = 3 [B];\n");
    struct ran r = run_model("", "2>&1");
    ck_assert_int_eq(r.code, 2);
    char *two = str_printf("%s:2:1: error: parameter 'B' has no values [missing-value]\n", model_path);
    char *three = str_printf("%s:3:7: error: ", model_path), *four = str_printf("%s:4:9: error: ", model_path);
    ck_assert_ptr_nonnull(strstr(r.out, two));
    ck_assert_ptr_nonnull(strstr(r.out, three));
    ck_assert_ptr_nonnull(strstr(r.out, four));
    ck_assert_ptr_nonnull(strstr(r.out, "hint: "));
    ck_assert_ptr_nonnull(strstr(r.out, "3 errors"));
    free(two);
    free(three);
    free(four);
    free(r.out);
    write_model("A: 1, 2\nB: 3\n[A] > 2;\n");
    r = run_model("", "2>&1");
    ck_assert_int_eq(r.code, 2);
    ck_assert_ptr_nonnull(strstr(r.out, "no row at all"));
    free(r.out);
}
END_TEST

START_TEST(test_bad_options) {
    static const char *const bad[] = {"-o:7",  "-o:0", "-o", "-o:2 -o:2", "-d:,,", "-c:1", "-r:x", "other.json",
                                      "--effort never", "-e:/nonexistent/seeds"};
    write_model("A: 1, 2\nB: 3, 4\n");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ran r = run_model(bad[i], "2>&1");
        ck_assert_msg(r.code == 2, "%s: %d", bad[i], r.code);
        free(r.out);
    }
    struct ran r = run("-o:2 matrices/demo.json", "2>&1");
    ck_assert_int_eq(r.code, 2);
    free(r.out);
}
END_TEST

START_TEST(test_seed_is_told) {
    write_model("A: 1, 2, 3\nB: 3, 4, 5\nC: 1, 2, 3\n");
    struct ran r = run_model("-r:12", "2>&1 >/dev/null"), again = run_model("-r:12 --effort 0.05", "2>/dev/null");
    ck_assert_str_eq(r.out, "Used seed: 12\n");
    ck_assert_int_eq(again.code, 0);
    free(r.out);
    free(again.out);
}
END_TEST

int main(void) {
    Suite *s = suite_create("plan --pict");
    TCase *tc = tcase_create("plan --pict");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, test_rows_and_listing);
    tcase_add_test(tc, test_json);
    tcase_add_test(tc, test_bad_input);
    tcase_add_test(tc, test_bad_options);
    tcase_add_test(tc, test_seed_is_told);
    suite_add_tcase(s, tc);
    close(mkstemp(model_path));
    int rc = suite_run(s);
    unlink(model_path);
    return rc;
}
