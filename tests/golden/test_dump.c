/* The command line 'coexist dump': what goes where, and how it ends. */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/schema.h"
#include "base/str.h"
#include "support/kdmp.h"
#include "support/suite.h"

struct ran {
    int code;
    char *out;
};

static char folder[] = "/tmp/coexist-dump-XXXXXX";

/* Runs the program on files of the folder; `streams` says what is caught ("2>/dev/null", "2>&1 >/dev/null"). */
static struct ran run(const char *arguments, const char *streams) {
    const char *build = getenv("COEXIST_BUILD");
    CLEANUP_FREE char *here = fs_absolute(build ? build : "build");
    CLEANUP_FREE char *command = str_printf("cd %s && %s/coexist dump %s %s", folder, here, arguments, streams);
    struct str out = STR_INIT;
    char buffer[4096];
    FILE *f = popen(command, "r");
    ck_assert_ptr_nonnull(f);
    for (size_t n; (n = fread(buffer, 1, sizeof(buffer), f)) > 0;) {
        str_add_bytes(&out, buffer, n);
    }
    int status = pclose(f);
    return (struct ran){WIFEXITED(status) ? WEXITSTATUS(status) : -1, str_take(&out)};
}

static void write_file(const char *name, const void *data, size_t len) {
    CLEANUP_FREE char *path = fs_join(folder, name);
    ck_assert_int_eq(fs_write_atomic(path, data, len, 0644, NULL), 0);
}

/* Each says that alderflt.sys is its own. */
static void write_product(const char *name, const char *vendor) {
    CLEANUP_FREE char *product = str_printf(
        "{\"format\":\"coexist-product/1\",\"id\":\"alder\",\"vendor\":\"%s\",\"name\":\"Alder\","
        "\"version\":\"1.0\",\"installer\":{\"file\":\"a.exe\",\"sha256\":"
        "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"},\"install\":{\"command\":\"a\"},"
        "\"health\":{\"drivers\":[{\"name\":\"AlderFlt\"}]},\"modules\":[\"alderflt.sys\"]}", vendor);
    write_file(name, product, strlen(product));
}

static void write_files(void) {
    CLEANUP_STR struct str triage = STR_INIT, memory = STR_INIT;
    struct kdmp k = kdmp_sample();
    kdmp_triage(&k, &triage);
    write_file("mini.dmp", triage.data, triage.len);
    k.type = 1;
    kdmp_memory(&k, KDMP_RUNS, &memory);
    write_file("MEMORY.DMP", memory.data, memory.len);
    write_file("cut.dmp", triage.data, triage.len / 2);
    write_file("half.dmp", memory.data, memory.len - 4096);
    write_file("empty.dmp", "", 0);
    write_product("product.json", "Alder Security");
    write_product("newer.json", "Alder Security");
    write_product("other.json", "Birch Labs");
    write_file("wrong.json", "{}", 2);
}

START_TEST(dump_is_told_to_a_person) {
    struct ran r = run("mini.dmp", "2>&1");
    static const char *const parts[] = {
        "mini.dmp\n", "triage dump, Windows 10.0.19045, amd64, 2 processors",
        "0xD1 DRIVER_IRQL_NOT_LESS_OR_EQUAL\n", "2: 0x0000000000000002  IRQL at that time: DISPATCH_LEVEL",
        "3: 0x0000000000000001  kind of access: write", "blame      alderflt.sys, confidence 0.95",
        "the fault lies in it (bugcheck parameter 4)", "aldersvc.exe", "birchflt.sys+0x555", "cedargone.sy"};
    ck_assert_int_eq(r.code, 0);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        ck_assert_msg(strstr(r.out, parts[i]) != NULL, "'%s' not in:\n%s", parts[i], r.out);
    }
    free(r.out);
}
END_TEST

START_TEST(products_name_the_vendor) {
    static const char *const lines[] = {"--products product.json mini.dmp", "mini.dmp --products product.json",
                                        "--products product.json product.json mini.dmp",
                                        "product.json newer.json mini.dmp"};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct ran r = run(lines[i], "2>&1");
        ck_assert_msg(r.code == 0 && strstr(r.out, "alderflt.sys of Alder Security, confidence 0.95"), "%s", r.out);
        free(r.out);
    }
    struct ran r = run("--products wrong.json mini.dmp", "2>&1");
    ck_assert_int_eq(r.code, 2);
    ck_assert_ptr_nonnull(strstr(r.out, "wrong.json:1:1: error:"));
    free(r.out);
}
END_TEST

START_TEST(a_name_of_two_vendors_points_at_neither) {
    struct ran r = run("product.json other.json mini.dmp", "2>&1");
    ck_assert_int_eq(r.code, 0);
    ck_assert_ptr_nonnull(strstr(r.out, "blame      alderflt.sys, confidence 0.95"));
    ck_assert_ptr_null(strstr(r.out, "Alder Security"));
    ck_assert_ptr_null(strstr(r.out, "Birch Labs"));
    free(r.out);
}
END_TEST

START_TEST(bad_ones_are_told_and_the_others_too) {
    struct ran r = run("empty.dmp mini.dmp cut.dmp gone.dmp MEMORY.DMP half.dmp", "2>/dev/null");
    ck_assert_int_eq(r.code, 2);
    ck_assert_ptr_nonnull(strstr(r.out, "mini.dmp\n"));
    ck_assert_ptr_nonnull(strstr(r.out, "MEMORY.DMP\n"));
    ck_assert_ptr_nonnull(strstr(r.out, "half.dmp\n"));
    free(r.out);
    r = run("empty.dmp mini.dmp cut.dmp gone.dmp MEMORY.DMP half.dmp", "2>&1 >/dev/null");
    static const char *const parts[] = {"empty.dmp: error: dump: the file is empty",
                                        "cut.dmp: error: kernel dump", "gone.dmp: error: open gone.dmp: No such file",
                                        "half.dmp: error: cut short: of "};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        ck_assert_msg(strstr(r.out, parts[i]) != NULL, "'%s' not in:\n%s", parts[i], r.out);
    }
    ck_assert_ptr_null(strstr(r.out, "mini.dmp"));
    free(r.out);
}
END_TEST

START_TEST(json_has_every_file_and_follows_the_schema) {
    struct ran r = run("--json empty.dmp mini.dmp MEMORY.DMP half.dmp --products product.json", "2>/dev/null");
    json_t *o = json_loads(r.out, 0, NULL);
    ck_assert_int_eq(r.code, 2);
    ck_assert_ptr_nonnull(o);
    size_t len = 0;
    CLEANUP_FREE char *text = fs_read("reports/schema/dump.schema.json", 1 << 20, &len, NULL);
    struct schema *s = schema_compile("dump", text, len, NULL);
    ck_assert(schema_accepts(s, o));
    const json_t *dumps = json_object_get(o, "dumps");
    ck_assert_uint_eq(json_array_size(dumps), 4);
    ck_assert(json_is_string(json_object_get(json_array_get(dumps, 0), "error")));
    const json_t *blame = json_object_get(json_array_get(dumps, 1), "blame");
    ck_assert_str_eq(json_string_value(json_object_get(blame, "vendor")), "Alder Security");
    ck_assert(json_is_null(json_object_get(json_array_get(dumps, 2), "error")));
    ck_assert(json_is_string(json_object_get(json_array_get(dumps, 3), "error")));
    schema_free(s);
    json_decref(o);
    free(r.out);
}
END_TEST

/* A full dump of 16 GiB, most of it holes: told at once, from a mapping. */
START_TEST(size_does_not_matter) {
    CLEANUP_FREE char *path = fs_join(folder, "huge.dmp");
    CLEANUP_STR struct str memory = STR_INIT;
    struct kdmp k = kdmp_sample();
    k.type = 1;
    kdmp_memory(&k, KDMP_RUNS, &memory);
    write_file("huge.dmp", memory.data, memory.len);
    ck_assert_int_eq(truncate(path, (off_t)16 << 30), 0);
    struct ran r = run("huge.dmp", "2>&1");
    ck_assert_int_eq(r.code, 0);
    ck_assert_ptr_nonnull(strstr(r.out, "alderflt.sys, confidence 0.95"));
    free(r.out);
    unlink(path);
}
END_TEST

int main(void) {
    Suite *s = suite_create("coexist dump");
    TCase *t = tcase_create("coexist dump");
    if (!mkdtemp(folder)) {
        perror(folder);
        return EXIT_FAILURE;
    }
    tcase_add_unchecked_fixture(t, write_files, NULL);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, dump_is_told_to_a_person);
    tcase_add_test(t, products_name_the_vendor);
    tcase_add_test(t, a_name_of_two_vendors_points_at_neither);
    tcase_add_test(t, bad_ones_are_told_and_the_others_too);
    tcase_add_test(t, json_has_every_file_and_follows_the_schema);
    tcase_add_test(t, size_does_not_matter);
    suite_add_tcase(s, t);
    int rc = suite_run(s);
    fs_remove_tree(folder, NULL);
    return rc;
}
