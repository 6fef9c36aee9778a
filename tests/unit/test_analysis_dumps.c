/* What a collected kernel dump says about a cell: bugcheck, module, and whose it is. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "support/kdmp.h"
#include "support/runs.h"
#include "support/suite.h"

#define ONE_SET "{'product_sets':[{'products':['alder'],'updates':['alder-content']}]}"
#define CELL "winelab/alder/alder-content/1"

/* A cell that panics after the update and leaves this dump. */
static struct runs *crashed(const char *role, const struct str *dump) {
    struct runs *r = runs_make(ONE_SET);
    runs_cell_until_applied(r, CELL);
    runs_fail(r, FAILURE_KERNEL_CRASH, NULL, "panicked");
    runs_artifact(r, role, "MEMORY.DMP", dump->data, dump->len);
    runs_end(r, true);
    return r;
}

static bool says(char *const *texts, const char *part) {
    for (size_t i = 0; texts[i]; i++) {
        if (strstr(texts[i], part)) {
            return true;
        }
    }
    return false;
}

static void check_cell(const char *role, const struct str *dump, const char *module, const char *evidence) {
    struct runs *r = crashed(role, dump);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, CELL);
    ck_assert_str_eq(c->blame.module, module);
    ck_assert_str_eq(c->blame.product, "alder");
    ck_assert_msg(says(c->evidence, evidence), "'%s' is not said", evidence);
    ck_assert_ptr_nonnull(strstr(c->blame.reason, evidence));
    analysis_free(a);
    runs_free(r);
}

START_TEST(triage_dump_names_bugcheck_driver_and_product) {
    CLEANUP_STR struct str dump = STR_INIT;
    struct kdmp k = kdmp_sample();
    kdmp_triage(&k, &dump);
    check_cell("minidump", &dump, "alderflt.sys", "bugcheck 0xD1 DRIVER_IRQL_NOT_LESS_OR_EQUAL in alderflt.sys+0x1234");
}
END_TEST

START_TEST(memory_dump_of_the_host_names_them_too) {
    CLEANUP_STR struct str dump = STR_INIT;
    struct kdmp k = kdmp_sample();
    k.type = 1;
    kdmp_memory(&k, KDMP_RUNS, &dump);
    check_cell("memory-dump", &dump, "alderflt.sys",
               "bugcheck 0xD1 DRIVER_IRQL_NOT_LESS_OR_EQUAL in alderflt.sys+0x1234");
}
END_TEST

START_TEST(fault_in_windows_leads_to_the_product_on_the_stack) {
    CLEANUP_STR struct str dump = STR_INIT;
    struct kdmp k = kdmp_sample();
    k.parameters[3] = 0xfffff80002000100; /* fltmgr.sys */
    k.stack[5] = 0xfffff80003000555;
    kdmp_triage(&k, &dump);
    check_cell("minidump", &dump, "alderflt.sys",
               "alderflt.sys+0x555 on the faulting stack; the fault itself is in fltmgr.sys");
}
END_TEST

START_TEST(dump_somebody_asked_for_blames_no_driver_on_its_stack) {
    CLEANUP_STR struct str dump = STR_INIT;
    struct kdmp k = kdmp_sample();
    k.code = 0xe2;
    kdmp_triage(&k, &dump);
    struct runs *r = crashed("minidump", &dump);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, CELL);
    ck_assert(says(c->evidence, "bugcheck 0xE2 MANUALLY_INITIATED_CRASH"));
    ck_assert(says(c->evidence, "somebody asked for this crash"));
    ck_assert_ptr_nonnull(strstr(c->blame.reason, "no crash dump tells the module"));
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(dump_cut_short_is_used_as_far_as_it_goes_and_said) {
    CLEANUP_STR struct str dump = STR_INIT;
    struct kdmp k = kdmp_sample();
    k.type = 1;
    kdmp_memory(&k, KDMP_RUNS, &dump);
    dump.len -= 4096;
    struct runs *r = crashed("memory-dump", &dump);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, CELL);
    ck_assert(says(c->evidence, "bugcheck 0xD1"));
    ck_assert(says(c->evidence, "MEMORY.DMP: cut short"));
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(hosts_dump_in_another_format_is_passed_over) {
    CLEANUP_STR struct str dump = STR_INIT;
    str_add(&dump, "\177ELF and the memory of a guest that is no Windows");
    struct runs *r = crashed("memory-dump", &dump);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, CELL);
    ck_assert(!says(c->evidence, "MEMORY.DMP:"));
    ck_assert(!says(c->evidence, "not read"));
    ck_assert_str_eq(c->blame.module, "alderflt.sys"); /* supposed: the product's only driver */
    analysis_free(a);
    runs_free(r);
}
END_TEST

int main(void) {
    Suite *s = suite_create("analysis of dumps");
    TCase *t = tcase_create("analysis of dumps");
    tcase_add_test(t, triage_dump_names_bugcheck_driver_and_product);
    tcase_add_test(t, memory_dump_of_the_host_names_them_too);
    tcase_add_test(t, fault_in_windows_leads_to_the_product_on_the_stack);
    tcase_add_test(t, dump_somebody_asked_for_blames_no_driver_on_its_stack);
    tcase_add_test(t, dump_cut_short_is_used_as_far_as_it_goes_and_said);
    tcase_add_test(t, hosts_dump_in_another_format_is_passed_over);
    suite_add_tcase(s, t);
    return suite_run(s);
}
