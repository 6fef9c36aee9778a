/* base: JSON with positions, diagnostics, nearest names. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/nearest.h"
#include "base/str.h"
#include "support/suite.h"

static struct json_doc *test_parse(const char *text, struct diags *diags) {
    return json_doc_parse("t.json", text, strlen(text), diags);
}

static void test_at(const struct json_doc *doc, const char *pointer, int at_key, int line,
                    int column) {
    struct diag_pos pos = json_doc_at(doc, pointer, at_key);
    ck_assert_msg(pos.line == line && pos.column == column, "%s: %d:%d, expected %d:%d", pointer,
                  pos.line, pos.column, line, column);
}

START_TEST(json_positions_of_keys_and_values) {
    struct diags diags = DIAGS_INIT;
    struct json_doc *doc =
        test_parse("{\n\t\"a\": [1, {\"b/c\": true}],\r\n  \"d~e\" :\n \"x\",\n\"\": 0}", &diags);
    ck_assert_ptr_nonnull(doc);
    test_at(doc, "", 0, 1, 1);
    test_at(doc, "/a", 1, 2, 2);
    test_at(doc, "/a", 0, 2, 7);
    test_at(doc, "/a/0", 0, 2, 8);
    test_at(doc, "/a/0", 1, 2, 8); /* an element has no key */
    test_at(doc, "/a/1/b~1c", 1, 2, 12);
    test_at(doc, "/a/1/b~1c", 0, 2, 19);
    test_at(doc, "/d~0e", 1, 3, 3);
    test_at(doc, "/d~0e", 0, 4, 2);
    test_at(doc, "/", 1, 5, 1);
    json_doc_free(doc);
}
END_TEST

START_TEST(json_positions_fall_back_to_the_nearest_ancestor) {
    struct diags diags = DIAGS_INIT;
    struct json_doc *doc = test_parse("{\"a\": {\"b\": [7]}}", &diags);
    test_at(doc, "/a/x/y", 1, 1, 7);
    test_at(doc, "/a/b/9", 0, 1, 13);
    test_at(doc, "/nothing", 1, 1, 1);
    test_at(doc, "/a/b/0/deeper", 0, 1, 14);
    json_doc_free(doc);
}
END_TEST

START_TEST(json_columns_count_characters) {
    struct diags diags = DIAGS_INIT;
    struct json_doc *doc = test_parse("{\"\xc3\xa4\xe6\x97\xa5\xf0\x9f\x98\x80\": 1, \"b\": 2}", &diags);
    ck_assert_ptr_nonnull(doc);
    test_at(doc, "/\xc3\xa4\xe6\x97\xa5\xf0\x9f\x98\x80", 0, 1, 9);
    test_at(doc, "/b", 1, 1, 12);
    json_doc_free(doc);
}
END_TEST

START_TEST(json_escaped_keys_are_found) {
    struct diags diags = DIAGS_INIT;
    struct json_doc *doc = test_parse("{\"a\\u0062\\\"\": {\"x\": 3}}", &diags);
    test_at(doc, "/ab\"/x", 0, 1, 21);
    json_doc_free(doc);
}
END_TEST

static const struct {
    const char *text;
    int line, column;
    const char *code;
} bad[] = {
    {"", 1, 1, "empty-file"},
    {"\xef\xbb\xbf{}", 1, 1, "byte-order-mark"},
    {"\xff\xfe{", 1, 1, "encoding"},
    {"{\"a\": \"\xc0\xaf\"}", 1, 8, "encoding"},         /* overlong */
    {"{\"a\": \"\xed\xa0\x80\"}", 1, 8, "encoding"},     /* surrogate */
    {"{\"a\": \"\xf4\x90\x80\x80\"}", 1, 8, "encoding"}, /* beyond U+10FFFF */
    {"{\"a\": 1,\n \"b\": {\"c\": 1, \"c\": 2}}", 2, 16, "duplicate-key"},
    {"{\"a\": 1, \"\\u0061\": 2}", 1, 10, "duplicate-key"},
    {"{\"a\": {\"a\": 1}, \"b\": 2,\n\"a\": 3}", 2, 1, "duplicate-key"},
    {"[1 2]", 1, 4, "syntax"},
    {"[1,]", 1, 3, "syntax"},
    {"{\"a\" 1}", 1, 6, "syntax"},
    {"{a: 1}", 1, 2, "syntax"},
    {"{\"a\": }", 1, 7, "syntax"},
    {"{\"a\": tru}", 1, 7, "syntax"},
    {"[1, 2", 1, 6, "syntax"},
    {"\"abc", 1, 1, "syntax"},
    {"\"a\\x\"", 1, 3, "syntax"},
    {"\"\\u12g4\"", 1, 2, "syntax"},
    {"[-]", 1, 2, "syntax"},
    {"[1.]", 1, 2, "syntax"},
    {"[0x10]", 1, 2, "syntax"},
    {"[1e]", 1, 2, "syntax"},
    {"[1, 1e999]", 1, 5, "out-of-range"},
    {"[\n 99999999999999999999]", 2, 2, "out-of-range"},
    {"{} x", 1, 4, "syntax"},
    {"\"\\u0000\"", 1, 2, "nul-byte"},
    {"\"\\", 1, 2, "syntax"},
};

START_TEST(json_each_fault_has_its_place_and_code) {
    struct diags diags = DIAGS_INIT;
    ck_assert_ptr_null(test_parse(bad[_i].text, &diags));
    ck_assert_uint_eq(diags.count, 1);
    ck_assert_msg(diags.items[0].pos.line == bad[_i].line &&
                      diags.items[0].pos.column == bad[_i].column,
                  "%s: at %d:%d: %s", bad[_i].text, diags.items[0].pos.line,
                  diags.items[0].pos.column, diags.items[0].message);
    ck_assert_str_eq(diags.items[0].code, bad[_i].code);
    diags_free(&diags);
}
END_TEST

START_TEST(json_nul_byte_is_located) {
    struct diags diags = DIAGS_INIT;
    ck_assert_ptr_null(json_doc_parse("t", "[1,\n \0]", 7, &diags));
    ck_assert_str_eq(diags.items[0].code, "nul-byte");
    ck_assert_int_eq(diags.items[0].pos.line, 2);
    ck_assert_int_eq(diags.items[0].pos.column, 2);
    diags_free(&diags);
}
END_TEST

START_TEST(json_truncated_anywhere_gives_one_complaint) {
    static const char text[] = "{\"a\": [1, -2.5e3, true, null, \"x\\u00e4\\n\"], \"b\": {\"c\": {}}}";
    for (size_t n = 0; n < sizeof(text) - 1; n++) {
        struct diags diags = DIAGS_INIT;
        ck_assert_ptr_null(json_doc_parse("t", text, n, &diags));
        ck_assert_uint_eq(diags.count, 1);
        ck_assert_int_eq(diags.items[0].pos.line, 1);
        diags_free(&diags);
    }
}
END_TEST

START_TEST(json_depth_is_limited) {
    for (int depth = 64; depth <= 65; depth++) {
        struct diags diags = DIAGS_INIT;
        char text[132] = "";
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        struct json_doc *doc = json_doc_parse("t", text, (size_t)depth * 2, &diags);
        ck_assert_int_eq(doc != NULL, depth == 64);
        ck_assert_uint_eq(diags.count, depth == 65);
        json_doc_free(doc);
        diags_free(&diags);
    }
}
END_TEST

static char *test_file(const char *dir, const char *name) {
    return str_printf("%s/%s", dir, name);
}

static void test_load_fails(const char *path, const char *code) {
    struct diags diags = DIAGS_INIT;
    ck_assert_ptr_null(json_doc_load(path, &diags));
    ck_assert_uint_eq(diags.count, 1);
    ck_assert_str_eq(diags.items[0].code, code);
    ck_assert_str_eq(diags.items[0].file, path);
    diags_free(&diags);
}

START_TEST(json_load_refuses_what_is_no_text_file) {
    char dir[] = "/tmp/coexist-test-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(dir));
    CLEANUP_FREE char *fifo = test_file(dir, "fifo");
    CLEANUP_FREE char *large = test_file(dir, "large");
    CLEANUP_FREE char *absent = test_file(dir, "absent");
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    FILE *f = fopen(large, "w");
    ck_assert_int_eq(ftruncate(fileno(f), (off_t)JSON_FILE_MAX + 1), 0);
    fclose(f);
    test_load_fails(dir, "not-a-file");
    test_load_fails(fifo, "not-a-file"); /* and does not wait for a writer */
    test_load_fails(large, "too-large");
    test_load_fails(absent, "missing-file");
    unlink(fifo);
    unlink(large);
    rmdir(dir);
}
END_TEST

START_TEST(diags_sort_by_file_and_place_and_print) {
    struct diags d = DIAGS_INIT;
    diags_add(&d, "b.json", (struct diag_pos){1, 1}, "x", NULL, "third");
    diags_add(&d, "a.json", (struct diag_pos){2, 9}, "x", "do %s", "second \x1b[31m %d", 5);
    diags_add(&d, "a.json", (struct diag_pos){0, 0}, "missing-file", NULL, "first");
    diags_sort(&d);
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    diags_print(&d, out);
    fclose(out);
    ck_assert_str_eq(text, "a.json: error: first [missing-file]\n"
                           "a.json:2:9: error: second \\x1b[31m 5 [x]\n"
                           "    hint: do %s\n"
                           "b.json:1:1: error: third [x]\n");
    free(text);
    diags_free(&d);
    ck_assert_uint_eq(d.count, 0);
}
END_TEST

START_TEST(nearest_names) {
    static const char *const names[] = {"install", "uninstall", "verify", "update-regression"};
    ck_assert_str_eq(nearest_name("instal", names, 4), "install");
    ck_assert_str_eq(nearest_name("INSTALL", names, 4), "install");
    ck_assert_str_eq(nearest_name("evrify", names, 4), "verify");
    ck_assert_str_eq(nearest_name("regression", names, 4), "update-regression");
    ck_assert_ptr_null(nearest_name("flavour", names, 4));
    ck_assert_ptr_null(nearest_name("", names, 4));
    ck_assert_ptr_null(nearest_name("install", names, 0));
    CLEANUP_FREE char *hint = nearest_hint("xyzzy", names, 2);
    ck_assert_str_eq(hint, "known are \"install\", \"uninstall\"");
}
END_TEST

int main(void) {
    Suite *s = suite_create("json");
    TCase *t = tcase_create("json");
    tcase_add_test(t, json_positions_of_keys_and_values);
    tcase_add_test(t, json_positions_fall_back_to_the_nearest_ancestor);
    tcase_add_test(t, json_columns_count_characters);
    tcase_add_test(t, json_escaped_keys_are_found);
    tcase_add_loop_test(t, json_each_fault_has_its_place_and_code, 0, (int)ARRAY_LEN(bad));
    tcase_add_test(t, json_nul_byte_is_located);
    tcase_add_test(t, json_truncated_anywhere_gives_one_complaint);
    tcase_add_test(t, json_depth_is_limited);
    tcase_add_test(t, json_load_refuses_what_is_no_text_file);
    tcase_add_test(t, diags_sort_by_file_and_place_and_print);
    tcase_add_test(t, nearest_names);
    suite_add_tcase(s, t);
    return suite_run(s);
}
