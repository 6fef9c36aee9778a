/* The installation's state machine on a simulated machine: it comes to its end, or says where and why it did not. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "support/suite.h"
#include "setup_guest.h"

enum { SEEDS = 12 };

static char dir[] = "/tmp/coexist-test-XXXXXX";

static struct install_result install(struct setup_guest *g, int *rc, struct err *err) {
    struct install_limits limits = install_limits_usual(1);
    struct install_result result;
    *rc = setup_guest_install(g, dir, &limits, &result, err);
    return result;
}

static void expect_ready(enum setup_fault fault, uint64_t seed) {
    struct setup_guest g = {.fault = fault, .seed = seed};
    CLEANUP_ERR struct err err = ERR_INIT;
    int rc = 0;
    struct install_result r = install(&g, &rc, &err);
    ck_assert_msg(rc == 0, "seed %d: %s", (int)seed, err_text(&err));
    ck_assert_int_eq(r.state.phase, INSTALL_READY);
    ck_assert_int_eq(g.stray_keys, 0);
    ck_assert_int_eq(g.stray_talk, 0);
    ck_assert_int_eq(g.boots, 3);
    ck_assert_int_eq(r.state.resets, 2);
    ck_assert_int_eq(r.state.presses, g.keys);
    ck_assert_str_eq(json_string_value(json_object_get(r.hello, "agent")), "simulated");
    install_result_clear(&r);
}

START_TEST(an_installation_comes_to_its_end_however_long_its_stages_take) {
    for (uint64_t seed = 1; seed <= 20 * SEEDS; seed++) {
        expect_ready(SETUP_FAULT_NONE, seed);
    }
}
END_TEST

START_TEST(a_medium_without_a_prompt_gets_no_key) {
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        expect_ready(SETUP_FAULT_NO_PROMPT, seed);
    }
}
END_TEST

static const struct {
    enum setup_fault fault;
    enum setup_stage at;
    enum install_phase phase;
    enum install_cause cause;
} faults[] = {
    {SETUP_FAULT_DEAF, SETUP_OFF, INSTALL_PROMPT, INSTALL_CAUSE_PROMPT_MISSED},
    {SETUP_FAULT_NOT_BOOTABLE, SETUP_OFF, INSTALL_FIRMWARE, INSTALL_CAUSE_NO_BOOT},
    {SETUP_FAULT_UNSIGNED, SETUP_OFF, INSTALL_FIRMWARE, INSTALL_CAUSE_SECURE_BOOT},
    {SETUP_FAULT_ANSWER_WRONG, SETUP_OFF, INSTALL_LOADING, INSTALL_CAUSE_ANSWER_WRONG},
    {SETUP_FAULT_ANSWER_MISSING, SETUP_OFF, INSTALL_LOADING, INSTALL_CAUSE_ANSWER_MISSING},
    {SETUP_FAULT_FOREIGN_PAGE, SETUP_OFF, INSTALL_LOADING, INSTALL_CAUSE_ANSWER_MISSING},
    {SETUP_FAULT_NO_DISK, SETUP_OFF, INSTALL_LOADING, INSTALL_CAUSE_NO_DISK},
    {SETUP_FAULT_DISK_CONFIG, SETUP_OFF, INSTALL_LOADING, INSTALL_CAUSE_DISK_CONFIG},
    {SETUP_FAULT_DISK_SMALL, SETUP_OFF, INSTALL_LOADING, INSTALL_CAUSE_DISK_SMALL},
    {SETUP_FAULT_OLD_MACHINE, SETUP_OFF, INSTALL_LOADING, INSTALL_CAUSE_REQUIREMENTS},
    {SETUP_FAULT_REBOOT_LOOP, SETUP_OFF, INSTALL_FIRST_LOGON, INSTALL_CAUSE_REBOOT_LOOP},
    {SETUP_FAULT_SETUP_LOOP, SETUP_OFF, INSTALL_PROMPT, INSTALL_CAUSE_REBOOT_LOOP},
    {SETUP_FAULT_HANG, SETUP_POST, INSTALL_FIRMWARE, INSTALL_CAUSE_NO_BOOT},
    {SETUP_FAULT_HANG, SETUP_COPYING, INSTALL_COPYING, INSTALL_CAUSE_SILENT_HANG},
    {SETUP_FAULT_HANG, SETUP_DEVICES, INSTALL_DEVICES, INSTALL_CAUSE_SILENT_HANG},
    {SETUP_FAULT_HANG, SETUP_LOGON, INSTALL_FIRST_LOGON, INSTALL_CAUSE_SILENT_HANG},
    {SETUP_FAULT_SPIN, SETUP_COPYING, INSTALL_COPYING, INSTALL_CAUSE_SILENT_HANG},
    {SETUP_FAULT_SPIN, SETUP_LOGON, INSTALL_FIRST_LOGON, INSTALL_CAUSE_SILENT_HANG},
    {SETUP_FAULT_CRAWL, SETUP_COPYING, INSTALL_COPYING, INSTALL_CAUSE_TOO_SLOW},
    {SETUP_FAULT_CRAWL, SETUP_DEVICES, INSTALL_DEVICES, INSTALL_CAUSE_TOO_SLOW},
    {SETUP_FAULT_STOP_SCREEN, SETUP_LOADING, INSTALL_LOADING, INSTALL_CAUSE_STOPPED},
    {SETUP_FAULT_STOP_SCREEN, SETUP_DEVICES, INSTALL_DEVICES, INSTALL_CAUSE_STOPPED},
    {SETUP_FAULT_PANIC, SETUP_DEVICES, INSTALL_DEVICES, INSTALL_CAUSE_STOPPED},
    {SETUP_FAULT_POWER_OFF, SETUP_COPYING, INSTALL_COPYING, INSTALL_CAUSE_POWERED_OFF},
    {SETUP_FAULT_QEMU_DIED, SETUP_COPYING, INSTALL_COPYING, INSTALL_CAUSE_HOST},
    {SETUP_FAULT_HOST_FULL, SETUP_LOGON, INSTALL_FIRST_LOGON, INSTALL_CAUSE_HOST},
    {SETUP_FAULT_AGENT_SILENT, SETUP_OFF, INSTALL_FIRST_LOGON, INSTALL_CAUSE_AGENT_SILENT},
    {SETUP_FAULT_UNFINISHED, SETUP_OFF, INSTALL_FIRST_LOGON, INSTALL_CAUSE_UNFINISHED},
};

START_TEST(each_fault_is_named_with_its_phase) {
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct setup_guest g = {.fault = faults[_i].fault, .fault_at = faults[_i].at, .seed = seed};
        CLEANUP_ERR struct err err = ERR_INIT;
        int rc = 0;
        struct install_result r = install(&g, &rc, &err);
        CLEANUP_FREE char *said = install_sentence(&r.state);
        ck_assert_int_lt(rc, 0);
        ck_assert_int_eq(err.cls, faults[_i].cause == INSTALL_CAUSE_HOST ? ERR_SYSTEM : ERR_REFUSED);
        ck_assert_msg(r.state.cause == faults[_i].cause, "fault %d at %d: %s", faults[_i].fault, faults[_i].at, said);
        ck_assert_msg(r.state.failed_in == faults[_i].phase, "fault %d at %d: %s", faults[_i].fault, faults[_i].at,
                      said);
        ck_assert_int_eq(g.stray_keys, 0);
        ck_assert_int_eq(g.stray_talk, 0);
        ck_assert_ptr_nonnull(strstr(err_text(&err), install_phase_title(faults[_i].phase)));
        install_result_clear(&r);
    }
}
END_TEST

/* The evidence of a failure: its picture, and what was seen in which phase. */
START_TEST(what_failed_is_kept) {
    CLEANUP_FREE char *own = fs_join(dir, "kept");
    ck_assert_int_eq(fs_mkdirs(own, NULL), 0);
    struct setup_guest g = {.fault = SETUP_FAULT_DISK_SMALL, .seed = 7};
    struct install_limits limits = install_limits_usual(1);
    struct install_result r;
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_int_lt(setup_guest_install(&g, own, &limits, &r, &err), 0);
    CLEANUP_FREE char *path = fs_join(own, "install.json");
    json_t *j = json_load_file(path, 0, NULL);
    ck_assert_str_eq(json_string_value(json_object_get(j, "cause")), "disk-small");
    ck_assert_str_eq(json_string_value(json_object_get(j, "failed_in")), "setup-loading");
    ck_assert_ptr_nonnull(strstr(json_string_value(json_object_get(j, "said")), "too small"));
    ck_assert_int_eq(json_array_size(json_object_get(j, "phases")), INSTALL_READY);
    CLEANUP_FREE char *picture = fs_join(own, "03-failed.png");
    CLEANUP_FREE char *shown = fs_read(picture, 4096, NULL, NULL);
    ck_assert_msg(shown && strstr(shown, "too small"), "no picture of it");
    CLEANUP_FREE char *current = fs_join(own, "screen.png");
    ck_assert(!fs_exists(current));
    json_decref(j);
    install_result_clear(&r);
}
END_TEST

/* Slow hosts get more time, and hangs are still told. */
START_TEST(limits_grow_with_slowness) {
    struct install_limits one = install_limits_usual(1);
    struct install_limits eight = install_limits_usual(8);
    for (int i = 0; i < INSTALL_READY; i++) {
        ck_assert_int_eq(eight.phase[i], 8 * one.phase[i]);
        ck_assert_int_gt(one.silence[i], 0);
        ck_assert_int_le(one.silence[i], one.phase[i]);
    }
}
END_TEST

START_TEST(signs_are_read_through_the_errors_of_ocr) {
    char line[INSTALL_SAID];
    ck_assert_int_eq(install_read_signs("We couldn't find any\ndrives.  To get", line), INSTALL_CAUSE_NO_DISK);
    ck_assert_str_eq(line, "We couldn't find any drives. To get");
    ck_assert_int_eq(install_read_signs("Where do you want to install Windows?\nDisk 0 is too small", line),
                     INSTALL_CAUSE_DISK_SMALL);
    ck_assert_int_eq(install_read_signs("Boot Manager\nBoot Maintenance Manager", line), INSTALL_CAUSE_NO_BOOT);
    ck_assert_int_eq(install_read_signs("Installing Windows", line), INSTALL_CAUSE_NONE);
    ck_assert_int_eq(install_read_signs("", line), INSTALL_CAUSE_NONE);
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim install");
    TCase *t = tcase_create("sim install");
    tcase_set_timeout(t, 240);
    tcase_add_test(t, an_installation_comes_to_its_end_however_long_its_stages_take);
    tcase_add_test(t, a_medium_without_a_prompt_gets_no_key);
    tcase_add_loop_test(t, each_fault_is_named_with_its_phase, 0, (int)ARRAY_LEN(faults));
    tcase_add_test(t, what_failed_is_kept);
    tcase_add_test(t, limits_grow_with_slowness);
    tcase_add_test(t, signs_are_read_through_the_errors_of_ocr);
    suite_add_tcase(s, t);
    return suite_run_in(dir, s);
}
