/* What the program says on its command line to what cannot be, and that it ends with 2 and leaves nothing behind. */
#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "support/program.h"
#include "support/suite.h"

#define GOOD "tests/golden/input/001-good-listed/matrix.json"
#define MAX 24

static char dir[] = "/tmp/coexist-cli-XXXXXX";

static char *in_dir(const char *name) {
    return fs_join(dir, name);
}

static char *put(const char *name, const char *bytes) {
    char *path = in_dir(name);
    ck_assert_int_eq(fs_write_atomic(path, bytes, strlen(bytes), 0644, NULL), 0);
    return path;
}

/* Ends with 2 and says exactly this to people. */
static void refused(const char *const arguments[], const char *words) {
    CLEANUP(proc_result_free) struct proc_result r = program_run(arguments);
    ck_assert_msg(strcmp(str_get(&r.err), words) == 0, "said:\n%sinstead of:\n%s", str_get(&r.err), words);
    ck_assert_int_eq(r.exit_code, 2);
    ck_assert_str_eq(str_get(&r.out), "");
}

START_TEST(a_run_without_its_images_begins_nothing) {
    CLEANUP_FREE char *lab = in_dir("lab"), *runs = in_dir("runs");
    CLEANUP_FREE char *words = str_printf("%s:5:5: error: there is no image \"winelab\" in %s/images [unknown-image]\n"
                                          "    hint: 'coexist image build' makes one\n"
                                          "coexist: 1 error; nothing was started\n",
                                          GOOD, lab);
    const char *const arguments[MAX] = {"--lab", lab, "--runs", runs, "run", GOOD};
    refused(arguments, words);
    ck_assert(!fs_exists(runs));
}
END_TEST

/* What may be meant is told and no reason to fail. */
START_TEST(checking_warns_of_what_a_run_would_lack) {
    CLEANUP_FREE char *lab = in_dir("lab");
    CLEANUP_FREE char *words = str_printf("%s:5:5: warning: there is no image \"winelab\" in %s/images "
                                          "[unknown-image]\n    hint: 'coexist image build' makes one\n",
                                          GOOD, lab);
    const char *const arguments[MAX] = {"--lab", lab, "check", GOOD};
    CLEANUP(proc_result_free) struct proc_result r = program_run(arguments);
    ck_assert_int_eq(r.exit_code, 0);
    ck_assert_str_eq(str_get(&r.err), words);
    ck_assert_ptr_nonnull(strstr(str_get(&r.out), ", 1 warning\n"));

    const char *const as_json[MAX] = {"--lab", lab, "check", "--json", GOOD};
    CLEANUP(proc_result_free) struct proc_result j = program_run(as_json);
    json_auto_t *list = json_loads(str_get(&j.out), 0, NULL);
    ck_assert_int_eq(j.exit_code, 0);
    ck_assert_int_eq((int)json_array_size(list), 1);
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(list, 0), "severity")), "warning");
}
END_TEST

START_TEST(hosts_without_a_name_are_no_hosts) {
    const char *const arguments[MAX] = {"run", "--host", "", GOOD};
    refused(arguments, "--host: error: a host without a URI [missing]\ncoexist: 1 error; nothing was started\n");
}
END_TEST

/* Nobody writes to it: reading would never end. */
START_TEST(a_named_pipe_is_not_waited_for) {
    CLEANUP_FREE char *pipe = in_dir("pipe.json");
    ck_assert_int_eq(mkfifo(pipe, 0600), 0);
    const char *const verbs[] = {"check", "run", "plan", "stamp"};
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        const char *const arguments[MAX] = {verbs[i], pipe};
        CLEANUP(proc_result_free) struct proc_result r = program_run(arguments);
        ck_assert_int_eq(r.exit_code, 2);
        CLEANUP_FREE char *words = str_printf("%s is a named pipe, not a file", pipe);
        ck_assert_msg(strstr(str_get(&r.err), words) != NULL, "%s: %s", verbs[i], str_get(&r.err));
    }
}
END_TEST

START_TEST(names_that_are_not_utf_8_do_not_spoil_the_json) {
    CLEANUP_FREE char *path = put("n\xfe.json", "{\"a\xff\": 1}");
    const char *const arguments[MAX] = {"check", "--json", path};
    CLEANUP(proc_result_free) struct proc_result r = program_run(arguments);
    ck_assert_int_eq(r.exit_code, 2);
    json_auto_t *list = json_loads(str_get(&r.out), 0, NULL);
    ck_assert_msg(json_array_size(list) == 1, "%s", str_get(&r.out));
    const json_t *first = json_array_get(list, 0);
    ck_assert_str_eq(json_string_value(json_object_get(first, "code")), "encoding");
    ck_assert_int_eq(json_integer_value(json_object_get(first, "column")), 4);
}
END_TEST

START_TEST(a_journal_that_is_none_is_told_with_its_path) {
    CLEANUP_FREE char *runs = in_dir("old"), *run = in_dir("old/r1"), *words = NULL;
    ck_assert_int_eq(fs_mkdirs(run, NULL), 0);
    CLEANUP_FREE char *journal = put("old/r1/journal.sqlite", "garbage");
    words = str_printf("coexist: error: %s: no journal, or a damaged one: file is not a database\n", journal);
    const char *const arguments[MAX] = {"--runs", runs, "report", "r1"};
    refused(arguments, words);
    CLEANUP_FREE char *kept = fs_read(journal, 100, NULL, NULL);
    ck_assert_str_eq(kept, "garbage"); /* perhaps somebody can make something of it */
}
END_TEST

START_TEST(an_image_that_is_not_there) {
    CLEANUP_FREE char *lab = in_dir("lab");
    CLEANUP_FREE char *words = str_printf("coexist: error: there is no image 'nosuch' in %s/images; ", lab);
    const char *const lines[][6] = {{"verify", "nosuch"}, {"ready", "nosuch"}, {"export", "nosuch", "/nowhere/x.tar"}};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        const char *const arguments[MAX] = {"--lab", lab, "image", lines[i][0], lines[i][1], lines[i][2]};
        CLEANUP(proc_result_free) struct proc_result r = program_run(arguments);
        ck_assert_int_eq(r.exit_code, 2);
        ck_assert_msg(strncmp(str_get(&r.err), words, strlen(words)) == 0, "%s: %s", lines[i][0], str_get(&r.err));
    }
}
END_TEST

/* The file behind the link is changed, and the link stays one. */
START_TEST(stamping_goes_through_a_link) {
    free(put("setup.exe", "an installer"));
    CLEANUP_FREE char *product = put("product.json", "{\"format\": \"coexist-product/1\", \"id\": \"p\", "
                                                     "\"installer\": {\"file\": \"setup.exe\", \"sha256\": \"\"}}\n");
    CLEANUP_FREE char *link = in_dir("link.json");
    ck_assert_int_eq(symlink("product.json", link), 0);
    const char *const arguments[MAX] = {"stamp", link};
    CLEANUP(proc_result_free) struct proc_result r = program_run(arguments);
    ck_assert_msg(r.exit_code == 0, "%s", str_get(&r.err));
    struct stat st;
    ck_assert_int_eq(lstat(link, &st), 0);
    ck_assert(S_ISLNK(st.st_mode));
    char hex[FS_SHA256_HEX];
    fs_sha256_bytes("an installer", strlen("an installer"), hex);
    CLEANUP_FREE char *text = fs_read(product, 4096, NULL, NULL);
    ck_assert_ptr_nonnull(strstr(text, hex));
}
END_TEST

START_TEST(a_word_too_many_or_too_few) {
    static const char *const lines[][4] = {{"frobnicate"}, {"image"}, {"image", "frobnicate"}, {"check"},
                                           {"run", "----confirm", GOOD}, {"run", "--repetitions", "x"}, {"report"}};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        const char *const arguments[MAX] = {lines[i][0], lines[i][1], lines[i][1] ? lines[i][2] : NULL};
        CLEANUP(proc_result_free) struct proc_result r = program_run(arguments);
        ck_assert_msg(r.exit_code == 2, "%s: %d", lines[i][0], r.exit_code);
        ck_assert_msg(strncmp(str_get(&r.err), "coexist", 7) == 0, "%s", str_get(&r.err));
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("command line");
    TCase *t = tcase_create("refusals");
    tcase_set_timeout(t, 240);
    tcase_add_test(t, a_run_without_its_images_begins_nothing);
    tcase_add_test(t, checking_warns_of_what_a_run_would_lack);
    tcase_add_test(t, hosts_without_a_name_are_no_hosts);
    tcase_add_test(t, a_named_pipe_is_not_waited_for);
    tcase_add_test(t, names_that_are_not_utf_8_do_not_spoil_the_json);
    tcase_add_test(t, a_journal_that_is_none_is_told_with_its_path);
    tcase_add_test(t, an_image_that_is_not_there);
    tcase_add_test(t, stamping_goes_through_a_link);
    tcase_add_test(t, a_word_too_many_or_too_few);
    suite_add_tcase(s, t);
    return suite_run_in(dir, s);
}
