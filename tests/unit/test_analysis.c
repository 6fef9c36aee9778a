/* A run from its journal to the decision: the cases that the demo has to get right, and the ones in between. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "support/runs.h"
#include "support/suite.h"

#define PAIR_SETS                                                                                  \
    "{'product_sets':[{'products':['alder'],'updates':['alder-content']},"                         \
    "{'products':['birch'],'updates':['birch-engine','birch-content']},"                           \
    "{'products':['birch','cedar'],'updates':['birch-engine']}]}"

static void assert_reason(const struct analysis_cell *c, const char *part) {
    ck_assert_msg(c->blame.reason && strstr(c->blame.reason, part), "'%s' not in: %s", part,
                  c->blame.reason ? c->blame.reason : "(none)");
}

START_TEST(boot_loop_names_driver_vendor_and_update) {
    struct runs *r = runs_make(PAIR_SETS);
    runs_cell_until_applied(r, "winelab/alder/alder-content/1");
    runs_step(r, "reboot", true);
    runs_boot_loop(r, 3);
    runs_dump(r, "minidump", "alderflt.sys", NULL);
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, "winelab/alder/alder-content/1");
    ck_assert_int_eq(c->verdict, VERDICT_UPDATE_REGRESSION);
    ck_assert_int_eq(c->failure, FAILURE_BOOT_LOOP);
    ck_assert_int_eq(c->boots, 3);
    ck_assert_str_eq(c->blame.product, "alder");
    ck_assert_str_eq(c->blame.vendor, "Alder");
    ck_assert_str_eq(c->blame.update, "alder-content");
    ck_assert_str_eq(c->blame.module, "alderflt.sys");
    ck_assert(c->blame.confidence >= 0.9);
    assert_reason(c, "access violation 0xc0000005 in alderflt.sys+0x1234");
    ck_assert_ptr_nonnull(strstr(c->summary, "Boot loop (3 crashes in a row) after alder-content, module "
                                             "alderflt.sys of Alder."));
    ck_assert_int_eq(runs_find_update(a, "alder-content")->decision, DECISION_HOLD);
    ck_assert_int_eq(runs_find_update(a, "birch-engine")->decision, DECISION_UNKNOWN);
    ck_assert_int_eq(a->decision, DECISION_HOLD);
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(pair_only_failure_is_an_interaction_of_those_two) {
    struct runs *r = runs_make(PAIR_SETS);
    runs_cell_passes(r, "winelab/birch/birch-engine/1");
    runs_cell_passes(r, "winelab/birch/birch-content/1");
    runs_cell_passes(r, "winelab/alder/alder-content/1");
    runs_cell_until_applied(r, "winelab/birch+cedar/birch-engine/1");
    runs_step(r, "verify", true);
    runs_check(r, "service", "cedarsvc", "cedar", false);
    runs_fail(r, FAILURE_SERVICE_DOWN, "cedar", "cedarsvc is stopped");
    runs_check(r, "file", "C:\\Cedar\\cedareng.dll", "cedar", false);
    runs_fail(r, FAILURE_FILE_DAMAGED, "cedar", "cedareng.dll is gone");
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, "winelab/birch+cedar/birch-engine/1");
    ck_assert_int_eq(c->verdict, VERDICT_INTERACTION_FAULT);
    ck_assert_int_eq(c->failure, FAILURE_FILE_DAMAGED);
    ck_assert_str_eq(c->blame.product, "birch");
    ck_assert_str_eq(c->blame.with, "cedar");
    ck_assert_str_eq(c->blame.module, "bircheng.dll");
    assert_reason(c, "cedar is the one harmed, not the one to blame");
    ck_assert_int_eq(runs_find_cell(a, "winelab/birch/birch-engine/1")->verdict, VERDICT_PASS);
    const struct analysis_update *u = runs_find_update(a, "birch-engine");
    ck_assert_int_eq(u->decision, DECISION_HOLD);
    ck_assert_ptr_nonnull(strstr(u->reasons[0], "interaction"));
    ck_assert_int_eq(runs_find_update(a, "birch-content")->decision, DECISION_SHIP);
    ck_assert_int_eq(runs_find_update(a, "alder-content")->decision, DECISION_SHIP);
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(without_its_control_a_pair_failure_is_not_called_an_interaction) {
    struct runs *r = runs_make(PAIR_SETS);
    runs_cell_until_applied(r, "winelab/birch+cedar/birch-engine/1");
    runs_step(r, "verify", true);
    runs_fail(r, FAILURE_SERVICE_DOWN, "cedar", "cedarsvc is stopped");
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, "winelab/birch+cedar/birch-engine/1");
    ck_assert_int_eq(c->verdict, VERDICT_UPDATE_REGRESSION);
    ck_assert(c->blame.confidence < 0.65);
    assert_reason(c, "the control is missing");
    ck_assert_str_eq(c->blame.product, "birch");
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(alone_failing_too_is_a_regression) {
    struct runs *r = runs_make(PAIR_SETS);
    for (int pair = 0; pair < 2; pair++) {
        runs_cell_until_applied(r, pair ? "winelab/birch+cedar/birch-engine/1"
                                        : "winelab/birch/birch-engine/1");
        runs_step(r, "verify", true);
        runs_fail(r, FAILURE_SERVICE_DOWN, "birch", "birchsvc is stopped");
        runs_end(r, true);
    }
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, "winelab/birch+cedar/birch-engine/1");
    ck_assert_int_eq(c->verdict, VERDICT_UPDATE_REGRESSION);
    ck_assert_ptr_null(c->blame.with);
    assert_reason(c, "fails with birch alone as well");
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(neighbours_driver_crashing_after_the_update_is_an_interaction) {
    struct runs *r = runs_make(
        "{'product_sets':[{'products':['cedar'],'updates':['cedar-engine']},"
        "{'products':['cedar','birch'],'updates':['cedar-engine']}]}");
    runs_cell_passes(r, "winelab/cedar/cedar-engine/1");
    runs_cell_until_applied(r, "winelab/cedar+birch/cedar-engine/1");
    runs_fail(r, FAILURE_KERNEL_CRASH, NULL, "panicked");
    runs_dump(r, "minidump", "birchflt.sys", NULL);
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, "winelab/cedar+birch/cedar-engine/1");
    ck_assert_int_eq(c->verdict, VERDICT_INTERACTION_FAULT);
    ck_assert_str_eq(c->blame.product, "cedar");
    ck_assert_str_eq(c->blame.with, "birch");
    ck_assert_str_eq(c->blame.module, "birchflt.sys");
    assert_reason(c, "a module of Birch, not of Cedar which was updated");
    ck_assert(c->blame.confidence < 0.9);
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(system_module_at_the_fault_is_looked_through_to_the_product) {
    struct runs *r = runs_make(PAIR_SETS);
    runs_cell_until_applied(r, "winelab/alder/alder-content/1");
    runs_fail(r, FAILURE_KERNEL_CRASH, NULL, "panicked");
    runs_dump(r, "minidump", "ntoskrnl.exe", "alderflt.sys");
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, "winelab/alder/alder-content/1");
    ck_assert_str_eq(c->blame.module, "alderflt.sys");
    assert_reason(c, "on the faulting stack; the fault itself is in ntoskrnl.exe");
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(crashed_system_program_is_not_what_looped_the_boot) {
    struct runs *r = runs_make(PAIR_SETS);
    runs_cell_until_applied(r, "winelab/alder/alder-content/1");
    runs_boot_loop(r, 3);
    runs_dump(r, "process-dump", "ntoskrnl.exe", NULL);
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, "winelab/alder/alder-content/1");
    ck_assert_int_eq(c->failure, FAILURE_BOOT_LOOP);
    ck_assert_str_eq(c->blame.module, "alderflt.sys"); /* supposed: the product's only driver */
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(unreadable_dump_is_said_and_the_driver_only_supposed) {
    struct runs *r = runs_make(PAIR_SETS);
    runs_cell_until_applied(r, "winelab/alder/alder-content/1");
    runs_boot_loop(r, 3);
    runs_artifact(r, "minidump", "mini.dmp", "PAGEDU64 and the rest", 21);
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, "winelab/alder/alder-content/1");
    ck_assert_str_eq(c->blame.module, "alderflt.sys");
    assert_reason(c, "no crash dump tells the module");
    assert_reason(c, "kernel dump");
    ck_assert(c->blame.confidence < 0.9);
    analysis_free(a);
    runs_free(r);
}
END_TEST

static void cell_is_slow(struct runs *r, const char *cell, double factor, int samples) {
    runs_cell(r, cell, 1);
    runs_step(r, "measure", false);
    runs_metric(r, "copy-small", 200, samples);
    runs_metric(r, "launch", 100, samples);
    runs_step(r, "apply", true);
    runs_step(r, "measure", true);
    runs_metric(r, "copy-small", 200 * factor, samples);
    runs_metric(r, "launch", 101, samples);
    runs_end(r, true);
}

START_TEST(slow_update_is_held_with_its_size) {
    struct runs *r = runs_make(PAIR_SETS);
    cell_is_slow(r, "winelab/birch/birch-engine/1", 2.2, 5);
    runs_cell_passes(r, "winelab/birch/birch-content/1");
    runs_cell_passes(r, "winelab/alder/alder-content/1");
    runs_cell_passes(r, "winelab/birch+cedar/birch-engine/1");
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, "winelab/birch/birch-engine/1");
    ck_assert_int_eq(c->verdict, VERDICT_UPDATE_REGRESSION);
    ck_assert_int_eq(c->failure, FAILURE_SLOWER);
    ck_assert_str_eq(c->blame.product, "birch");
    ck_assert_str_eq(c->blame.module, "bircheng.dll");
    ck_assert(c->metrics[0].regression);
    ck_assert(c->metrics[0].change_percent > 115 && c->metrics[0].change_percent < 125);
    ck_assert(!c->metrics[1].regression);
    ck_assert_ptr_nonnull(strstr(c->summary, "copy-small +120 %"));
    ck_assert_int_eq(runs_find_update(a, "birch-engine")->decision, DECISION_HOLD);
    ck_assert_int_eq(runs_find_update(a, "birch-content")->decision, DECISION_SHIP);
    analysis_free(a);
    runs_free(r);
}
END_TEST

/* Twice as slow while the host had no processor to give. */
static void cell_is_starved(struct runs *r, const char *cell, bool measured_again) {
    runs_cell(r, cell, 1);
    runs_step(r, "measure", false);
    runs_metric(r, "copy-small", 200, 5);
    runs_step(r, "apply", true);
    runs_step(r, "measure", true);
    runs_metric_starved(r, "copy-small", 440, 5, 30);
    if (measured_again) {
        runs_metric_starved(r, "copy-small", 203, 5, 4);
    }
    runs_end(r, true);
}

START_TEST(busy_host_holds_nothing_and_ships_nothing) {
    struct runs *r = runs_make(PAIR_SETS);
    cell_is_starved(r, "winelab/birch/birch-engine/1", false);
    cell_is_starved(r, "winelab/birch/birch-content/1", true);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, "winelab/birch/birch-engine/1");
    ck_assert_int_eq(c->verdict, VERDICT_INCONCLUSIVE);
    ck_assert(c->metrics[0].doubtful && !c->metrics[0].regression);
    ck_assert_int_eq((int)c->metrics[0].starved, 5);
    ck_assert_ptr_nonnull(strstr(c->summary, "copy-small +120 %, but the host was too busy to tell"));
    ck_assert_int_eq(runs_find_update(a, "birch-engine")->decision, DECISION_UNKNOWN);
    c = runs_find_cell(a, "winelab/birch/birch-content/1");
    ck_assert_int_eq(c->verdict, VERDICT_PASS);
    ck_assert_int_eq((int)c->metrics[0].after_count, 5);
    ck_assert_int_eq((int)c->metrics[0].starved, 0);
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(nothing_but_starved_samples_is_no_pass) {
    struct runs *r = runs_make(PAIR_SETS);
    runs_cell(r, "winelab/birch/birch-engine/1", 1);
    runs_step(r, "measure", false);
    runs_metric(r, "copy-small", 200, 5);
    runs_step(r, "apply", true);
    runs_step(r, "measure", true);
    runs_metric_starved(r, "copy-small", 200, 5, 30);
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, "winelab/birch/birch-engine/1");
    ck_assert_int_eq(c->verdict, VERDICT_INCONCLUSIVE);
    ck_assert(c->metrics[0].doubtful);
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(slow_in_the_pair_only_is_an_interaction) {
    struct runs *r = runs_make(PAIR_SETS);
    runs_cell_passes(r, "winelab/birch/birch-engine/1");
    cell_is_slow(r, "winelab/birch+cedar/birch-engine/1", 3, 5);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, "winelab/birch+cedar/birch-engine/1");
    ck_assert_int_eq(c->verdict, VERDICT_INTERACTION_FAULT);
    ck_assert_int_eq(c->failure, FAILURE_SLOWER);
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(one_boot_sample_and_two_copies_hold_nothing) {
    struct runs *r = runs_make(PAIR_SETS);
    runs_cell(r, "winelab/birch/birch-engine/1", 1);
    runs_step(r, "boot", false);
    runs_metric(r, "boot", 10000, 1);
    runs_metric(r, "copy-small", 100, 2);
    runs_step(r, "apply", true);
    runs_metric(r, "boot", 60000, 1);
    runs_metric(r, "copy-small", 900, 2);
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, "winelab/birch/birch-engine/1");
    ck_assert_int_eq(c->verdict, VERDICT_PASS);
    ck_assert(c->metrics[0].change_percent > 490);
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(infrastructure_blames_nobody_and_is_not_shipped) {
    struct runs *r = runs_make(PAIR_SETS);
    runs_cell_until_applied(r, "winelab/alder/alder-content/1");
    runs_fail(r, FAILURE_VM_DIED, NULL, "QEMU is gone");
    runs_fail(r, FAILURE_SERVICE_DOWN, "alder", "no answer");
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, "winelab/alder/alder-content/1");
    ck_assert_int_eq(c->verdict, VERDICT_INFRASTRUCTURE_ERROR);
    ck_assert_int_eq(c->failure, FAILURE_VM_DIED);
    ck_assert_ptr_null(c->blame.product);
    ck_assert_ptr_null(c->blame.vendor);
    ck_assert(c->blame.confidence == 0);
    ck_assert_int_eq(runs_find_update(a, "alder-content")->decision, DECISION_UNKNOWN);
    ck_assert_int_eq(a->decision, DECISION_UNKNOWN);
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(lab_trouble_after_a_boot_loop_does_not_undo_it) {
    struct runs *r = runs_make(PAIR_SETS);
    runs_cell_until_applied(r, "winelab/alder/alder-content/1");
    runs_boot_loop(r, 3);
    runs_step(r, "collect", true);
    runs_fail(r, FAILURE_LAB_BUG, NULL, "screenshot failed");
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    ck_assert_int_eq(a->cells[0].verdict, VERDICT_UPDATE_REGRESSION);
    ck_assert_int_eq(a->cells[0].failure, FAILURE_BOOT_LOOP);
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(image_fault_is_its_own_class) {
    struct runs *r = runs_make(PAIR_SETS);
    runs_cell(r, "winelab/alder/alder-content/1", 1);
    runs_step(r, "boot", false);
    runs_fail(r, FAILURE_IMAGE, NULL, "the bare image did not come up");
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    ck_assert_int_eq(a->cells[0].verdict, VERDICT_INFRASTRUCTURE_ERROR);
    ck_assert_int_eq(a->cells[0].failure, FAILURE_IMAGE);
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(incomplete_and_unrun_cells_are_inconclusive) {
    struct runs *r = runs_make(PAIR_SETS);
    runs_cell_until_applied(r, "winelab/alder/alder-content/1");
    runs_end(r, false);
    runs_cell_until_applied(r, "winelab/birch/birch-engine/1");
    struct analysis *a = runs_analyse(r);
    for (size_t i = 0; i < a->cell_count; i++) {
        ck_assert_int_eq(a->cells[i].verdict, VERDICT_INCONCLUSIVE);
        ck_assert(!a->cells[i].complete);
    }
    ck_assert_str_eq(runs_find_cell(a, "winelab/birch+cedar/birch-engine/1")->summary, "Not run.");
    ck_assert_int_eq(a->decision, DECISION_UNKNOWN);
    ck_assert_ptr_nonnull(a->reasons[0]);
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(broken_neighbour_before_the_update_leaves_it_unknown) {
    struct runs *r = runs_make(PAIR_SETS);
    runs_cell_passes(r, "winelab/birch/birch-engine/1");
    runs_cell(r, "winelab/birch+cedar/birch-engine/1", 1);
    runs_step(r, "install", false);
    runs_fail(r, FAILURE_INSTALL_FAILED, "cedar", "exit code 1603");
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, "winelab/birch+cedar/birch-engine/1");
    ck_assert_int_eq(c->verdict, VERDICT_PRODUCT_FAULT);
    ck_assert_str_eq(c->blame.product, "cedar");
    ck_assert_ptr_null(c->blame.update);
    ck_assert(c->failed_before);
    ck_assert_int_eq(runs_find_update(a, "birch-engine")->decision, DECISION_UNKNOWN);
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(products_fine_alone_and_broken_together_need_no_update) {
    struct runs *r = runs_make(
        "{'product_sets':[{'products':['birch'],'updates':['none']},"
        "{'products':['cedar'],'updates':['none']},"
        "{'products':['birch','cedar'],'updates':['birch-engine']}]}");
    runs_cell_passes(r, "winelab/birch/none/1");
    runs_cell_passes(r, "winelab/cedar/none/1");
    runs_cell(r, "winelab/birch+cedar/birch-engine/1", 1);
    runs_step(r, "verify", false);
    runs_fail(r, FAILURE_SERVICE_DOWN, "cedar", "stopped");
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, "winelab/birch+cedar/birch-engine/1");
    ck_assert_int_eq(c->verdict, VERDICT_INTERACTION_FAULT);
    ck_assert_str_eq(c->blame.with, "birch");
    ck_assert_ptr_null(c->blame.update);
    ck_assert_int_eq(runs_find_update(a, "birch-engine")->decision, DECISION_UNKNOWN);
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(control_cell_failing_alike_clears_the_update) {
    struct runs *r = runs_make(
        "{'product_sets':[{'products':['birch'],'updates':['none','birch-engine']}]}");
    runs_cell(r, "winelab/birch/none/1", 1);
    runs_step(r, "reboot", false);
    runs_fail(r, FAILURE_SERVICE_DOWN, "birch", "stopped after the reboot");
    runs_end(r, true);
    runs_cell_until_applied(r, "winelab/birch/birch-engine/1");
    runs_fail(r, FAILURE_SERVICE_DOWN, "birch", "stopped after the reboot");
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, "winelab/birch/birch-engine/1");
    ck_assert_int_eq(c->verdict, VERDICT_PRODUCT_FAULT);
    ck_assert_ptr_null(c->blame.update);
    ck_assert_int_eq(runs_find_update(a, "birch-engine")->decision, DECISION_UNKNOWN);
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(one_failing_repetition_is_a_flaky_failure) {
    struct runs *r = runs_make(
        "{'product_sets':[{'products':['birch'],'updates':['birch-engine']}],'repetitions':3}");
    runs_cell_passes(r, "winelab/birch/birch-engine/1");
    runs_cell_passes(r, "winelab/birch/birch-engine/3");
    runs_cell_until_applied(r, "winelab/birch/birch-engine/2");
    runs_fail(r, FAILURE_SERVICE_DOWN, "birch", "stopped");
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, "winelab/birch/birch-engine/2");
    ck_assert_int_eq(c->verdict, VERDICT_UPDATE_REGRESSION);
    ck_assert(c->blame.confidence < 0.34);
    assert_reason(c, "flaky: 1 of 3 repetitions failed");
    ck_assert_ptr_nonnull(strstr(a->cells[0].summary, "Flaky: 1 of 3"));
    ck_assert_int_eq(a->decision, DECISION_HOLD);
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(os_update_failing_only_with_two_products_is_an_interaction) {
    struct runs *r = runs_make(
        "{'product_sets':[{'products':['birch'],'updates':['os-kb1']},"
        "{'products':['cedar'],'updates':['os-kb1']},"
        "{'products':['birch','cedar'],'updates':['os-kb1']}]}");
    runs_cell_passes(r, "winelab/birch/os-kb1/1");
    runs_cell_passes(r, "winelab/cedar/os-kb1/1");
    runs_cell_until_applied(r, "winelab/birch+cedar/os-kb1/1");
    runs_fail(r, FAILURE_HANG, NULL, "no channel answers");
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, "winelab/birch+cedar/os-kb1/1");
    ck_assert_int_eq(c->verdict, VERDICT_INTERACTION_FAULT);
    ck_assert_str_eq(c->blame.update, "os-kb1");
    ck_assert_ptr_null(c->blame.product);
    ck_assert_str_eq(c->blame.with, "birch+cedar");
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(three_products_name_the_smallest_failing_company) {
    struct runs *r = runs_make(
        "{'product_sets':[{'products':['birch'],'updates':['birch-engine']},"
        "{'products':['birch','alder'],'updates':['birch-engine']},"
        "{'products':['birch','cedar'],'updates':['birch-engine']},"
        "{'products':['alder','birch','cedar'],'updates':['birch-engine']}]}");
    runs_cell_passes(r, "winelab/birch/birch-engine/1");
    runs_cell_passes(r, "winelab/birch+alder/birch-engine/1");
    runs_cell_until_applied(r, "winelab/birch+cedar/birch-engine/1");
    runs_fail(r, FAILURE_HANG, NULL, "no channel answers");
    runs_end(r, true);
    runs_cell_until_applied(r, "winelab/alder+birch+cedar/birch-engine/1");
    runs_fail(r, FAILURE_HANG, NULL, "no channel answers");
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, "winelab/alder+birch+cedar/birch-engine/1");
    ck_assert_int_eq(c->verdict, VERDICT_INTERACTION_FAULT);
    ck_assert_str_eq(c->blame.with, "cedar");
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(failed_check_without_a_failure_still_counts_unless_it_recovers) {
    struct runs *r = runs_make(PAIR_SETS);
    runs_cell_until_applied(r, "winelab/alder/alder-content/1");
    runs_step(r, "verify", true);
    runs_check(r, "service", "aldersvc", "alder", false);
    runs_check(r, "service", "aldersvc", "alder", true);
    runs_end(r, true);
    runs_cell_until_applied(r, "winelab/birch/birch-engine/1");
    runs_step(r, "verify", true);
    runs_check(r, "driver", "birchflt", "birch", false);
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    ck_assert_int_eq(runs_find_cell(a, "winelab/alder/alder-content/1")->verdict, VERDICT_PASS);
    const struct analysis_cell *c = runs_find_cell(a, "winelab/birch/birch-engine/1");
    ck_assert_int_eq(c->verdict, VERDICT_UPDATE_REGRESSION);
    ck_assert_int_eq(c->failure, FAILURE_DRIVER_DOWN);
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(what_broke_before_the_update_is_not_the_updates) {
    struct runs *r = runs_make(PAIR_SETS);
    runs_cell(r, "winelab/alder/alder-content/1", 1);
    runs_step(r, "detect", false);
    runs_fail(r, FAILURE_PROTECTION_LOST, "alder", "not removed");
    runs_step(r, "apply", true);
    runs_boot_loop(r, 3);
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    ck_assert_int_eq(a->cells[0].verdict, VERDICT_PRODUCT_FAULT);
    ck_assert_int_eq(a->cells[0].failure, FAILURE_PROTECTION_LOST);
    ck_assert(a->cells[0].failed_before);
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(unknown_class_is_not_known_and_never_a_pass) {
    struct runs *r = runs_make(PAIR_SETS);
    runs_cell_until_applied(r, "winelab/alder/alder-content/1");
    runs_add(r, OBS_FAILURE, "{'class':'from-the-future','text':'?','product':null}");
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    ck_assert_int_eq(a->cells[0].verdict, VERDICT_INCONCLUSIVE);
    ck_assert_int_eq(a->cells[0].failure, FAILURE_NOT_KNOWN);
    analysis_free(a);
    runs_free(r);
}
END_TEST

int main(void) {
    Suite *s = suite_create("analysis");
    TCase *t = tcase_create("verdicts");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, boot_loop_names_driver_vendor_and_update);
    tcase_add_test(t, pair_only_failure_is_an_interaction_of_those_two);
    tcase_add_test(t, without_its_control_a_pair_failure_is_not_called_an_interaction);
    tcase_add_test(t, alone_failing_too_is_a_regression);
    tcase_add_test(t, neighbours_driver_crashing_after_the_update_is_an_interaction);
    tcase_add_test(t, system_module_at_the_fault_is_looked_through_to_the_product);
    tcase_add_test(t, crashed_system_program_is_not_what_looped_the_boot);
    tcase_add_test(t, unreadable_dump_is_said_and_the_driver_only_supposed);
    tcase_add_test(t, slow_update_is_held_with_its_size);
    tcase_add_test(t, busy_host_holds_nothing_and_ships_nothing);
    tcase_add_test(t, nothing_but_starved_samples_is_no_pass);
    tcase_add_test(t, slow_in_the_pair_only_is_an_interaction);
    tcase_add_test(t, one_boot_sample_and_two_copies_hold_nothing);
    tcase_add_test(t, infrastructure_blames_nobody_and_is_not_shipped);
    tcase_add_test(t, lab_trouble_after_a_boot_loop_does_not_undo_it);
    tcase_add_test(t, image_fault_is_its_own_class);
    tcase_add_test(t, incomplete_and_unrun_cells_are_inconclusive);
    tcase_add_test(t, broken_neighbour_before_the_update_leaves_it_unknown);
    tcase_add_test(t, products_fine_alone_and_broken_together_need_no_update);
    tcase_add_test(t, control_cell_failing_alike_clears_the_update);
    tcase_add_test(t, one_failing_repetition_is_a_flaky_failure);
    tcase_add_test(t, os_update_failing_only_with_two_products_is_an_interaction);
    tcase_add_test(t, three_products_name_the_smallest_failing_company);
    tcase_add_test(t, failed_check_without_a_failure_still_counts_unless_it_recovers);
    tcase_add_test(t, what_broke_before_the_update_is_not_the_updates);
    tcase_add_test(t, unknown_class_is_not_known_and_never_a_pass);
    suite_add_tcase(s, t);
    return suite_run(s);
}
