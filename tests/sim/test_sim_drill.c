/* Repair drills: what an update did to the boot is undone from outside, and the verdict stays what it was. */
#include <check.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "sim/lab.h"

#define BAD_FILE "file:C:\\ProgramData\\Alder\\channel-291-7.bin"

static const enum step_kind with_drill[] = {
    STEP_PROVISION, STEP_BOOT,   STEP_INSTALL, STEP_VERIFY, STEP_APPLY,    STEP_TOOK,      STEP_REBOOT,
    STEP_VERIFY,    STEP_DETECT, STEP_COLLECT, STEP_DRILL,  STEP_TEARDOWN, STEP_KIND_COUNT};

static void effect_bad_file(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set(w, "registry:HKLM\\Software\\Alder|Content", "2");
    sim_world_set(w, BAD_FILE, "x");
}

static void effect_crash_over_file(struct sim_world *w, void *ctx) {
    (void)ctx;
    if (sim_world_get(w, BAD_FILE)) {
        sim_world_strike(w, SIM_FAULT_CRASH);
    }
}

static void effect_old_content(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set(w, "registry:HKLM\\Software\\Alder|Content", "1");
}

static char first[] = "c:\\programdata\\alder\\CHANNEL-291*.bin", absent[] = "C:\\ProgramData\\Alder\\other-?.bin";

static struct lab *lab_with_bad_file(char **repair) {
    struct lab *l = lab_new();
    lab_steps(l, with_drill);
    l->update.repair = repair;
    sim_world_on_exec(l->world, "alder-apply", 1000, 0, effect_bad_file, NULL);
    sim_world_on_boot(l->world, effect_crash_over_file, NULL);
    sim_world_on_exec(l->world, "alder-back", 100, 0, effect_old_content, NULL);
    return l;
}

/* The nth drill told of, or NULL. */
static const json_t *drill_seen(const struct lab *l, size_t nth) {
    for (size_t i = 0; i < l->seen_count; i++) {
        if (l->seen[i].o.type == OBS_DRILL && nth-- == 0) {
            return l->seen[i].o.data;
        }
    }
    return NULL;
}

static void check_verdict_stands(const struct lab *l) {
    ck_assert_ptr_nonnull(lab_failure(l, FAILURE_BOOT_LOOP));
    ck_assert_int_eq((int)lab_failures(l), 1);
}

START_TEST(removal_brings_it_back_and_rollback_makes_it_well) {
    char *repair[] = {first, NULL};
    struct lab *l = lab_with_bad_file(repair);
    ck_assert_int_eq(lab_run(l), 0);
    check_verdict_stands(l);
    const json_t *back = drill_seen(l, 0), *rolled = drill_seen(l, 1);
    ck_assert_ptr_nonnull(back);
    ck_assert_str_eq(json_string_value(json_object_get(back, "what")), "repair");
    ck_assert(json_is_true(json_object_get(back, "ok")));
    ck_assert_int_gt(json_integer_value(json_object_get(back, "ms")), 0);
    ck_assert_ptr_nonnull(rolled);
    ck_assert_str_eq(json_string_value(json_object_get(rolled, "what")), "rollback");
    ck_assert(json_is_true(json_object_get(rolled, "ok")));
    ck_assert_ptr_null(drill_seen(l, 2));
    ck_assert_ptr_null(sim_world_get(l->world, BAD_FILE));
    lab_free(l);
}
END_TEST

START_TEST(a_rollback_that_fails_is_told) {
    char *repair[] = {first, NULL};
    struct lab *l = lab_with_bad_file(repair);
    sim_world_on_exec(l->world, "alder-back", 100, 7, NULL, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    check_verdict_stands(l);
    ck_assert(json_is_true(json_object_get(drill_seen(l, 0), "ok")));
    ck_assert(json_is_false(json_object_get(drill_seen(l, 1), "ok")));
    lab_free(l);
}
END_TEST

START_TEST(nothing_to_remove_is_told) {
    char *repair[] = {absent, NULL};
    struct lab *l = lab_with_bad_file(repair);
    ck_assert_int_eq(lab_run(l), 0);
    check_verdict_stands(l);
    const json_t *back = drill_seen(l, 0);
    ck_assert_ptr_nonnull(back);
    ck_assert(json_is_false(json_object_get(back, "ok")));
    ck_assert_ptr_nonnull(strstr(json_string_value(json_object_get(back, "text")), "on the disk"));
    ck_assert_ptr_null(drill_seen(l, 1));
    lab_free(l);
}
END_TEST

static void effect_crash_anyway(struct sim_world *w, void *ctx) {
    (void)ctx;
    if (str_eq(sim_world_get(w, "registry:HKLM\\Software\\Alder|Content"), "2")) {
        sim_world_strike(w, SIM_FAULT_CRASH);
    }
}

START_TEST(a_repair_that_does_not_help) {
    char *repair[] = {first, NULL};
    struct lab *l = lab_with_bad_file(repair);
    sim_world_on_boot(l->world, effect_crash_anyway, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    check_verdict_stands(l);
    const json_t *back = drill_seen(l, 0);
    ck_assert_ptr_nonnull(back);
    ck_assert(json_is_false(json_object_get(back, "ok")));
    ck_assert_ptr_nonnull(strstr(json_string_value(json_object_get(back, "text")), "does not boot all the same"));
    ck_assert_ptr_null(drill_seen(l, 1));
    lab_free(l);
}
END_TEST

START_TEST(a_machine_that_boots_is_left_alone) {
    char *repair[] = {first, NULL};
    struct lab *l = lab_new();
    lab_steps(l, with_drill);
    l->update.repair = repair;
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_int_eq((int)lab_failures(l), 0);
    ck_assert(lab_skipped(l, STEP_DRILL, PHASE_AFTER));
    ck_assert_ptr_null(drill_seen(l, 0));
    lab_free(l);
}
END_TEST

/* Every call of the drill may be struck by every fault: the verdict stands, the cell ends. */
START_TEST(faults_at_every_call_of_the_drill) {
    char *repair[] = {first, NULL};
    struct lab *l = lab_with_bad_file(repair);
    ck_assert_int_eq(lab_run(l), 0);
    int total = sim_world_calls(l->world);
    lab_free(l);
    for (int kind = SIM_FAULT_CRASH; kind < SIM_FAULT_KIND_COUNT; kind++) {
        for (int at = total - 14; at <= total; at++) {
            l = lab_with_bad_file(repair);
            sim_world_fault_at(l->world, at, (enum sim_fault_kind)kind);
            lab_run(l);
            ck_assert_ptr_nonnull(lab_failure(l, FAILURE_BOOT_LOOP));
            lab_free(l);
        }
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("repair drills");
    TCase *t = tcase_create("drills");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, removal_brings_it_back_and_rollback_makes_it_well);
    tcase_add_test(t, a_rollback_that_fails_is_told);
    tcase_add_test(t, nothing_to_remove_is_told);
    tcase_add_test(t, a_repair_that_does_not_help);
    tcase_add_test(t, a_machine_that_boots_is_left_alone);
    tcase_add_test(t, faults_at_every_call_of_the_drill);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
