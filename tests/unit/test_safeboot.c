/* The stand-in's safe mode: what is done to its registry, and that it is undone. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "images/winelab/safeboot.c" /* a program's own file, in no library */
#include "support/suite.h"

#define HEAD "WINE REGISTRY Version 2\n;; All keys relative to REGISTRY\\\\Machine\n\n#arch=win64\n\n"
#define LIST                                                                                       \
    "[System\\\\CurrentControlSet\\\\Control\\\\SafeBoot\\\\Minimal\\\\coexist-agent] 5\n"         \
    "@=\"Service\"\n\n"
#define SERVICE "[System\\\\CurrentControlSet\\\\Services\\\\"
#define AGENT SERVICE "Coexist-Agent] 5\n\"ImagePath\"=\"x\"\n\"Start\"=dword:00000002\n\n"
#define FILTER(start)                                                                              \
    SERVICE "AlderFlt] 5\n\"ErrorControl\"=dword:00000001\n" start "\"Type\"=dword:00000001\n\n"   \
    SERVICE "AlderFlt\\\\Parameters] 5\n\"Start\"=dword:00000002\n\n"
#define OPTION "[System\\\\CurrentControlSet\\\\Control\\\\SafeBoot\\\\Option]\n\"OptionValue\"=dword:00000001\n"
#define AT(n) "\"Start\"=dword:0000000" #n "\n"
#define KEPT(n) "\"SafeBootStart\"=dword:0000000" #n "\n"

/* New; ends with a zero. */
static char *rewritten(const char *registry, bool safe) {
    size_t len = 0;
    CLEANUP_FREE char *out = safeboot_rewrite(registry, strlen(registry), safe, &len);
    ck_assert_ptr_nonnull(out);
    return str_printf("%.*s", (int)len, out);
}

static void check_becomes(const char *registry, bool safe, const char *expected) {
    CLEANUP_FREE char *out = rewritten(registry, safe);
    ck_assert_str_eq(out, expected);
}

START_TEST(only_what_is_listed_starts) {
    check_becomes(HEAD LIST AGENT FILTER(AT(0)), true, HEAD LIST AGENT FILTER(KEPT(0) AT(4)) OPTION);
    check_becomes(HEAD LIST AGENT FILTER(AT(3)), true, HEAD LIST AGENT FILTER(KEPT(3) AT(4)) OPTION);
    check_becomes(HEAD LIST AGENT FILTER(AT(4)), true, HEAD LIST AGENT FILTER(AT(4)) OPTION);
    check_becomes(HEAD FILTER(""), true, HEAD FILTER("") OPTION);
}
END_TEST

START_TEST(both_forms_are_idempotent_and_undo_each_other) {
    static const char normal[] = HEAD LIST AGENT FILTER(AT(1)) SERVICE "Off] 5\n" AT(4);
    CLEANUP_FREE char *safe = rewritten(normal, true);
    check_becomes(safe, true, safe);
    check_becomes(safe, false, normal);
    check_becomes(normal, false, normal);
}
END_TEST

START_TEST(what_was_set_meanwhile_stays) {
    check_becomes(HEAD LIST FILTER(KEPT(0) AT(3)) OPTION, false, HEAD LIST FILTER(AT(3)));
    check_becomes(HEAD LIST FILTER(KEPT(0) AT(3)) OPTION, true, HEAD LIST FILTER(KEPT(3) AT(4)) OPTION);
    check_becomes(HEAD LIST AGENT FILTER(AT(2)) OPTION, false, HEAD LIST AGENT FILTER(AT(2))); /* new meanwhile */
}
END_TEST

START_TEST(a_file_that_ends_in_the_middle_of_a_line) {
    CLEANUP_FREE char *safe = rewritten(HEAD SERVICE "X] 5\n\"Start\"=dword:00000002", true);
    ck_assert_str_eq(safe, HEAD SERVICE "X] 5\n" KEPT(2) AT(4) OPTION);
}
END_TEST

START_TEST(other_files_are_refused) {
    size_t len;
    ck_assert_ptr_null(safeboot_rewrite("", 0, true, &len));
    ck_assert_ptr_null(safeboot_rewrite("WINE REGISTRY Version 3\n", 24, true, &len));
    ck_assert_ptr_null(safeboot_rewrite("WINE REGISTRY Version 2", 23, true, &len));
}
END_TEST

/* Whatever stands in it, nothing is written beyond what was asked for: run under AddressSanitizer, too. */
START_TEST(nonsense_is_survived) {
    static const char *const parts[] = {SERVICE, "X]", "\n", AT(0), AT(4), KEPT(2), "[", "]", "\\\\", OPTION, LIST,
                                        "\"Start\"=dword:", "\"Start\"=dword:0000000z\n", "\"SafeBootStart\"=dword:9"};
    srand((unsigned)_i + 1);
    CLEANUP_STR struct str s = STR_INIT;
    str_add(&s, HEAD);
    for (int i = 0; i < 300; i++) {
        str_add(&s, parts[(size_t)rand() % ARRAY_LEN(parts)]);
    }
    size_t safe_len, again_len;
    CLEANUP_FREE char *safe = safeboot_rewrite(str_get(&s), s.len, true, &safe_len);
    CLEANUP_FREE char *again = safeboot_rewrite(safe, safe_len, true, &again_len);
    ck_assert_uint_eq(again_len, safe_len);
    ck_assert_mem_eq(again, safe, safe_len);
}
END_TEST

int main(void) {
    Suite *s = suite_create("safeboot");
    TCase *t = tcase_create("safeboot");
    tcase_add_test(t, only_what_is_listed_starts);
    tcase_add_test(t, both_forms_are_idempotent_and_undo_each_other);
    tcase_add_test(t, what_was_set_meanwhile_stays);
    tcase_add_test(t, a_file_that_ends_in_the_middle_of_a_line);
    tcase_add_test(t, other_files_are_refused);
    tcase_add_loop_test(t, nonsense_is_survived, 0, 50);
    suite_add_tcase(s, t);
    return suite_run(s);
}
