/* Minidumps: real ones with known answers, ones made here, and broken ones. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/minidump.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "support/mdmp.h"
#include "support/skip.h"

static struct minidump *load_case(const char *dir, const char *name, struct err *err) {
    CLEANUP_FREE char *relative = str_printf("dumps/%s", name);
    CLEANUP_FREE char *path = fs_join(dir, relative);
    return minidump_load(path, err);
}

static bool is_test_app(const char *name, void *ctx) {
    return str_eq_nocase(name, ctx);
}

START_TEST(real_x86_dump_has_the_published_answers) {
    const char *dir = test_cases_dir();
    if (!dir) {
        TEST_SKIP("no folder of cases (set COEXIST_CASES)");
    }
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP(minidump_free_ptr) struct minidump *d = load_case(dir, "rustmd_test.dmp", &err);
    ck_assert_msg(d != NULL, "%s", err_text(&err));
    ck_assert(d->is_windows);
    ck_assert_int_eq(d->arch, MINIDUMP_X86);
    ck_assert_uint_eq(d->os_build, 2600);
    ck_assert_uint_eq(d->code, 0xc0000005);
    ck_assert_uint_eq(d->address, 0x40429e);
    ck_assert_uint_eq(d->access, 0x45);
    ck_assert_uint_eq(d->thread, 3060);
    ck_assert_uint_eq(d->sp, 0x12fe84);
    ck_assert_uint_eq(d->module_count, 13);
    ck_assert_str_eq(minidump_module_at(d, d->address)->name, "test_app.exe");
    ck_assert_str_eq(minidump_module_at(d, 0x59a60000)->name, "dbghelp.dll");
    ck_assert_str_eq(minidump_module_at(d, 0x59b00fff)->version, "5.1.2600.2180");
    ck_assert_ptr_null(minidump_module_at(d, 0x59b01000));
    uint64_t at = 0; /* published frames from the stack: test_app.exe first, kernel32.dll later */
    ck_assert_ptr_nonnull(minidump_stack_find(d, is_test_app, (void *)"test_app.exe", &at));
    ck_assert_uint_ge(at, 0x400000);
    ck_assert_ptr_nonnull(minidump_stack_find(d, is_test_app, (void *)"KERNEL32.DLL", &at));
    ck_assert_uint_ge(at, 0x7c800000);
}
END_TEST

START_TEST(real_amd64_dumps_are_read) {
    const char *dir = test_cases_dir();
    if (!dir) {
        TEST_SKIP("no folder of cases (set COEXIST_CASES)");
    }
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP(minidump_free_ptr) struct minidump *calc = load_case(dir, "rizin_calc.dmp", &err);
    ck_assert_msg(calc != NULL, "%s", err_text(&err));
    ck_assert_int_eq(calc->arch, MINIDUMP_AMD64);
    ck_assert_str_eq(minidump_module_at(calc, calc->address)->name, "ntdll.dll");
    CLEANUP(minidump_free_ptr) struct minidump *d = load_case(dir, "rustmd_invalid-parameter.dmp", &err);
    ck_assert_msg(d != NULL, "%s", err_text(&err));
    ck_assert_uint_eq(d->code, 0xc000000d);
    ck_assert_ptr_null(minidump_module_at(d, d->address)); /* it ran at address 0 */
    ck_assert_uint_eq(d->os_build, 17134);
}
END_TEST

START_TEST(dumps_of_other_systems_say_so) {
    const char *dir = test_cases_dir();
    if (!dir) {
        TEST_SKIP("no folder of cases (set COEXIST_CASES)");
    }
    static const char *const names[] = {"rustmd_linux-mini.dmp", "rustmd_simple-crashpad.dmp"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CLEANUP_ERR struct err err = ERR_INIT;
        CLEANUP(minidump_free_ptr) struct minidump *d = load_case(dir, names[i], &err);
        ck_assert_msg(d != NULL, "%s: %s", names[i], err_text(&err));
        ck_assert(!d->is_windows);
    }
}
END_TEST

START_TEST(corrupt_and_kernel_dumps_are_refused_with_a_reason) {
    const char *dir = test_cases_dir();
    if (!dir) {
        TEST_SKIP("no folder of cases (set COEXIST_CASES)");
    }
    static const struct {
        const char *name, *why;
    } cases[] = {
        {"rustmd_invalid-range.dmp", "reaches beyond the file's 276 bytes"},
        {"rustmd_invalid-record-count.dmp", "reaches beyond the file's 235 bytes"},
        {"rizin_triage_x64.dmp", "kernel dump (PAGEDU64)"},
        {"rizin_triage_arm64.dmp", "kernel dump (PAGEDU64)"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP_ERR struct err err = ERR_INIT;
        ck_assert_ptr_null(load_case(dir, cases[i].name, &err));
        ck_assert_int_eq(err.cls, ERR_PROTOCOL);
        ck_assert_msg(strstr(err_text(&err), cases[i].why) != NULL, "%s", err_text(&err));
    }
}
END_TEST

static void made(struct str *bytes) {
    static const struct mdmp_module modules[] = {
        {"\\SystemRoot\\System32\\ntoskrnl.exe", 0x140000000, 0x100000, {10, 0, 19043, 1}},
        {"alderflt.sys", 0x180000000, 0x20000, {1, 2, 3, 4}},
    };
    struct mdmp d = {.modules = modules, .module_count = 2, .code = 0xc0000005,
                     .address = 0x140000010, .stack = {7, 0x180000123, 0x140000020}, .stack_words = 3};
    mdmp_write(&d, bytes);
}

START_TEST(made_dump_is_read_whole) {
    CLEANUP_STR struct str bytes = STR_INIT;
    CLEANUP_ERR struct err err = ERR_INIT;
    made(&bytes);
    CLEANUP(minidump_free_ptr) struct minidump *d = minidump_parse(bytes.data, bytes.len, &err);
    ck_assert_msg(d != NULL, "%s", err_text(&err));
    ck_assert_str_eq(minidump_module_at(d, d->address)->name, "ntoskrnl.exe");
    ck_assert_str_eq(d->modules[1].version, "1.2.3.4");
    uint64_t at = 0;
    ck_assert_str_eq(minidump_stack_find(d, is_test_app, (void *)"alderflt.sys", &at)->name,
                     "alderflt.sys");
    ck_assert_uint_eq(at, 0x180000123);
    ck_assert_ptr_null(minidump_stack_find(d, is_test_app, (void *)"birch.sys", &at));
}
END_TEST

START_TEST(cut_at_any_byte_is_refused) {
    CLEANUP_STR struct str bytes = STR_INIT;
    made(&bytes);
    for (size_t len = 0; len < bytes.len; len++) {
        CLEANUP_ERR struct err err = ERR_INIT;
        char *copy = mem_zalloc(len, 1); /* exactly as long, so that a sanitizer sees one byte too far */
        memcpy(copy, bytes.data, len);
        struct minidump *d = minidump_parse(copy, len, &err);
        ck_assert_msg(!d && err.cls == ERR_PROTOCOL, "cut at %zu", len);
        free(copy);
    }
}
END_TEST

START_TEST(any_byte_turned_is_survived) {
    CLEANUP_STR struct str bytes = STR_INIT;
    made(&bytes);
    size_t read = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        bytes.data[i] = (char)~bytes.data[i];
        CLEANUP_ERR struct err err = ERR_INIT;
        struct minidump *d = minidump_parse(bytes.data, bytes.len, &err);
        ck_assert((d != NULL) == !err_is_set(&err));
        read += d != NULL;
        minidump_free(d);
        bytes.data[i] = (char)~bytes.data[i];
    }
    ck_assert_uint_gt(read, 0);
    ck_assert_uint_lt(read, bytes.len);
}
END_TEST

START_TEST(empty_zero_and_foreign_files_are_told_apart) {
    static const char zeros[4096] = {0};
    static const struct {
        const char *data;
        size_t len;
        const char *why;
    } cases[] = {
        {"", 0, "empty"}, {zeros, sizeof(zeros), "all zeros"}, {"MDMP", 4, "too few"},
        {"PAGEDUMPxxxxxxxxxxxxxxxxxxxxxxxxxx", 34, "kernel dump"},
        {"MZxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 34, "MDMP"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP_ERR struct err err = ERR_INIT;
        ck_assert_ptr_null(minidump_parse(cases[i].data, cases[i].len, &err));
        ck_assert_msg(strstr(err_text(&err), cases[i].why) != NULL, "%s", err_text(&err));
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("minidump");
    TCase *t = tcase_create("minidump");
    tcase_add_test(t, real_x86_dump_has_the_published_answers);
    tcase_add_test(t, real_amd64_dumps_are_read);
    tcase_add_test(t, dumps_of_other_systems_say_so);
    tcase_add_test(t, corrupt_and_kernel_dumps_are_refused_with_a_reason);
    tcase_add_test(t, made_dump_is_read_whole);
    tcase_add_test(t, cut_at_any_byte_is_refused);
    tcase_add_test(t, any_byte_turned_is_survived);
    tcase_add_test(t, empty_zero_and_foreign_files_are_told_apart);
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
