/* Repair drills: what an update did to the boot is undone from outside, and the verdict stays what it was. */
#include <check.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "sim/lab.h"
#include "support/suite.h"

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
    if (sim_world_get(w, BAD_FILE) && !lab_world_is_safe(w)) {
        sim_world_strike(w, SIM_FAULT_CRASH);
    }
}

static void effect_old_content(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set(w, "registry:HKLM\\Software\\Alder|Content", "1");
    sim_world_set(w, BAD_FILE, NULL);
}

static char first[] = "c:\\programdata\\alder\\CHANNEL-291*.bin", absent[] = "C:\\ProgramData\\Alder\\other-?.bin";

static struct lab *lab_with_bad_file(char **repair) {
    struct lab *l = lab_new();
    sim_world_set_load(l->world, 9); /* as good as idle while it is awaited */
    lab_steps(l, with_drill);
    l->update.repair = repair;
    sim_world_on_exec(l->world, "alder-apply", 1000, 0, effect_bad_file, NULL);
    sim_world_on_boot(l->world, effect_crash_over_file, NULL);
    sim_world_on_exec(l->world, "alder-back", 100, 0, effect_old_content, NULL);
    return l;
}

/* The only drill of that kind told of, or NULL. */
static const json_t *drill_of(const struct lab *l, const char *what) {
    const json_t *found = NULL;
    for (size_t i = 0; i < l->seen_count; i++) {
        const json_t *data = l->seen[i].o.data;
        if (l->seen[i].o.type == OBS_DRILL && str_eq(json_string_value(json_object_get(data, "what")), what)) {
            ck_assert_ptr_null(found);
            found = data;
        }
    }
    return found;
}

static bool drill_ok(const struct lab *l, const char *what) {
    const json_t *d = drill_of(l, what);
    ck_assert_msg(d != NULL, "no drill '%s' is told of", what);
    return json_is_true(json_object_get(d, "ok"));
}

static void check_says(const struct lab *l, const char *what, const char *part) {
    const char *text = json_string_value(json_object_get(drill_of(l, what), "text"));
    ck_assert_msg(text && strstr(text, part), "drill '%s' says '%s', not '%s'", what, text ? text : "nothing", part);
}

static bool was_noted(const struct lab *l, const char *part) {
    for (size_t i = 0; i < l->seen_count; i++) {
        if (l->seen[i].o.type == OBS_NOTE && strstr(lab_text(&l->seen[i].o), part)) {
            return true;
        }
    }
    return false;
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
    lab_free(l);
}
END_TEST

START_TEST(safe_mode_comes_up_and_the_rollback_there_makes_it_well) {
    char *repair[] = {first, NULL};
    struct lab *l = lab_with_bad_file(repair);
    ck_assert_int_eq(lab_run(l), 0);
    check_verdict_stands(l);
    ck_assert_int_eq(l->put_back, 1); /* the removal before does not help it */
    ck_assert_ptr_nonnull(drill_seen(l, 3));
    ck_assert_ptr_null(drill_seen(l, 4));
    ck_assert(drill_ok(l, "safe-mode"));
    ck_assert(drill_ok(l, "safe-mode-rollback"));
    ck_assert_int_ge(json_integer_value(json_object_get(drill_of(l, "safe-mode"), "ms")), 12000); /* a boot */
    ck_assert_int_ge(json_integer_value(json_object_get(drill_of(l, "safe-mode-rollback"), "ms")), 12000);
    ck_assert_ptr_null(sim_world_get(l->world, LAB_SAFE_ASKED));
    ck_assert(!lab_world_is_safe(l->world));
    ck_assert_ptr_null(sim_world_get(l->world, BAD_FILE));
    ck_assert_str_eq(sim_world_get(l->world, "service:AlderSvc"), "running");
    lab_free(l);
}
END_TEST

START_TEST(an_image_without_safe_mode_is_noted) {
    char *repair[] = {first, NULL};
    struct lab *l = lab_with_bad_file(repair);
    l->safe_fails[true] = ERR_REFUSED;
    ck_assert_int_eq(lab_run(l), 0);
    check_verdict_stands(l);
    ck_assert(drill_ok(l, "rollback"));
    ck_assert_ptr_null(drill_of(l, "safe-mode"));
    ck_assert(was_noted(l, "no safe mode drill: guest disk: simulated refusal"));
    lab_free(l);
}
END_TEST

static void effect_crash_always(struct sim_world *w, void *ctx) {
    (void)ctx;
    if (sim_world_get(w, BAD_FILE)) {
        sim_world_strike(w, SIM_FAULT_CRASH);
    }
}

START_TEST(safe_mode_that_does_not_come_up_either) {
    char *repair[] = {first, NULL};
    struct lab *l = lab_with_bad_file(repair);
    sim_world_on_boot(l->world, effect_crash_always, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    check_verdict_stands(l);
    ck_assert(drill_ok(l, "repair"));
    ck_assert(!drill_ok(l, "safe-mode"));
    check_says(l, "safe-mode", "does not come up in safe mode either");
    ck_assert_ptr_null(drill_of(l, "safe-mode-rollback"));
    lab_free(l);
}
END_TEST

static void effect_hang_in_safe_mode(struct sim_world *w, void *ctx) {
    (void)ctx;
    if (lab_world_is_safe(w)) {
        sim_world_strike(w, SIM_FAULT_HANG);
    }
}

START_TEST(safe_mode_that_hangs_ends_with_its_time) {
    char *repair[] = {first, NULL};
    struct lab *l = lab_with_bad_file(repair);
    sim_world_on_boot(l->world, effect_hang_in_safe_mode, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    check_verdict_stands(l);
    ck_assert(!drill_ok(l, "safe-mode"));
    int64_t ms = json_integer_value(json_object_get(drill_of(l, "safe-mode"), "ms"));
    ck_assert_int_ge(ms, l->limits.boot / CLOCK_MS);
    ck_assert_int_lt(ms, 2 * l->limits.boot / CLOCK_MS);
    lab_free(l);
}
END_TEST

static void effect_crash(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_strike(w, SIM_FAULT_CRASH);
}

static void effect_crash_later_in_safe_mode(struct sim_world *w, void *ctx) {
    (void)ctx;
    if (lab_world_is_safe(w)) {
        sim_world_later(w, 5000, effect_crash, NULL);
    }
}

START_TEST(safe_mode_that_does_not_stand) {
    char *repair[] = {first, NULL};
    struct lab *l = lab_with_bad_file(repair);
    sim_world_on_boot(l->world, effect_crash_later_in_safe_mode, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    check_verdict_stands(l);
    ck_assert(!drill_ok(l, "safe-mode"));
    check_says(l, "safe-mode", "it went down again");
    lab_free(l);
}
END_TEST

/* The machine comes up since what was wrong has gone, but it obeyed nothing. */
static void effect_not_safe(struct sim_world *w, void *ctx) {
    (void)ctx;
    if (sim_world_get(w, LAB_SAFE_ASKED)) {
        sim_world_set(w, "registry:HKLM\\SYSTEM\\CurrentControlSet\\Control\\SafeBoot\\Option|OptionValue", NULL);
    }
}

START_TEST(what_comes_up_must_be_safe_mode) {
    char *repair[] = {first, NULL};
    struct lab *l = lab_with_bad_file(repair);
    sim_world_on_boot(l->world, effect_not_safe, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    check_verdict_stands(l);
    ck_assert(!drill_ok(l, "safe-mode"));
    check_says(l, "safe-mode", "says that it is not in safe mode");
    ck_assert_ptr_null(drill_of(l, "safe-mode-rollback"));
    lab_free(l);
}
END_TEST

START_TEST(a_rollback_that_fails_in_safe_mode) {
    char *repair[] = {first, NULL};
    struct lab *l = lab_with_bad_file(repair);
    sim_world_on_exec(l->world, "alder-back", 100, 5, NULL, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    check_verdict_stands(l);
    ck_assert(drill_ok(l, "safe-mode"));
    ck_assert(!drill_ok(l, "safe-mode-rollback"));
    ck_assert(was_noted(l, "in the drill: rollback-failed: exit code 5"));
    lab_free(l);
}
END_TEST

static void effect_old_version_only(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set(w, "registry:HKLM\\Software\\Alder|Content", "1");
}

START_TEST(a_rollback_in_safe_mode_that_does_not_help) {
    char *repair[] = {first, NULL};
    struct lab *l = lab_with_bad_file(repair);
    sim_world_on_exec(l->world, "alder-back", 100, 0, effect_old_version_only, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    check_verdict_stands(l);
    ck_assert(drill_ok(l, "safe-mode"));
    ck_assert(!drill_ok(l, "safe-mode-rollback"));
    check_says(l, "safe-mode-rollback", "the first normal start");
    lab_free(l);
}
END_TEST

START_TEST(an_update_without_rollback_is_noted) {
    char *repair[] = {first, NULL};
    struct lab *l = lab_with_bad_file(repair);
    char *command = l->update.rollback.command;
    l->update.rollback.command = NULL;
    ck_assert_int_eq(lab_run(l), 0);
    check_verdict_stands(l);
    ck_assert(drill_ok(l, "safe-mode"));
    ck_assert_ptr_null(drill_of(l, "safe-mode-rollback"));
    ck_assert(was_noted(l, "no rollback drill in safe mode: the update has none"));
    l->update.rollback.command = command;
    lab_free(l);
}
END_TEST

/* What the lab itself cannot do is a note and says nothing of the machine. */
START_TEST(a_disk_that_cannot_be_written) {
    static const enum err_class classes[] = {ERR_SYSTEM, ERR_INPUT, ERR_TIMEOUT};
    char *repair[] = {first, NULL};
    for (size_t i = 0; i < ARRAY_LEN(classes) * 2; i++) {
        bool on = i % 2;
        struct lab *l = lab_with_bad_file(repair);
        l->safe_fails[on] = classes[i / 2];
        ck_assert_int_eq(lab_run(l), 0);
        check_verdict_stands(l);
        ck_assert(drill_ok(l, "rollback"));
        ck_assert(was_noted(l, "safe mode drill: "));
        ck_assert_int_eq(drill_of(l, "safe-mode") != NULL, !on);
        ck_assert_ptr_null(drill_of(l, "safe-mode-rollback"));
        lab_free(l);
    }
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
    ck_assert_ptr_null(drill_of(l, "rollback"));
    ck_assert(drill_ok(l, "safe-mode-rollback"));
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
    ck_assert_ptr_null(drill_of(l, "rollback"));
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

/* Every call of the drill may be struck by every fault, one a run of this test: the verdict stands, the cell ends. */
START_TEST(faults_at_every_call_of_the_drill) {
    char *repair[] = {first, NULL};
    struct lab *l = lab_with_bad_file(repair);
    ck_assert_int_eq(lab_run(l), 0);
    int total = sim_world_calls(l->world), drill_began = 0;
    for (size_t i = 0; i < l->seen_count; i++) {
        bool begins = l->seen[i].o.type == OBS_STEP_BEGIN && str_eq(l->seen[i].o.kind, "drill");
        drill_began = begins ? l->seen[i].calls + 1 : drill_began;
    }
    ck_assert_int_gt(drill_began, 0);
    ck_assert_int_gt(total - drill_began, 20);
    lab_free(l);
    for (int at = drill_began; at <= total; at++) {
        l = lab_with_bad_file(repair);
        sim_world_fault_at(l->world, at, (enum sim_fault_kind)_i);
        lab_run(l);
        ck_assert_ptr_nonnull(lab_failure(l, FAILURE_BOOT_LOOP));
        lab_free(l);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("repair drills");
    TCase *t = tcase_create("drills");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, removal_brings_it_back_and_rollback_makes_it_well);
    tcase_add_test(t, safe_mode_comes_up_and_the_rollback_there_makes_it_well);
    tcase_add_test(t, an_image_without_safe_mode_is_noted);
    tcase_add_test(t, safe_mode_that_does_not_come_up_either);
    tcase_add_test(t, safe_mode_that_hangs_ends_with_its_time);
    tcase_add_test(t, safe_mode_that_does_not_stand);
    tcase_add_test(t, what_comes_up_must_be_safe_mode);
    tcase_add_test(t, a_rollback_that_fails_in_safe_mode);
    tcase_add_test(t, a_rollback_in_safe_mode_that_does_not_help);
    tcase_add_test(t, an_update_without_rollback_is_noted);
    tcase_add_test(t, a_disk_that_cannot_be_written);
    tcase_add_test(t, a_rollback_that_fails_is_told);
    tcase_add_test(t, nothing_to_remove_is_told);
    tcase_add_test(t, a_repair_that_does_not_help);
    tcase_add_test(t, a_machine_that_boots_is_left_alone);
    tcase_add_loop_test(t, faults_at_every_call_of_the_drill, SIM_FAULT_CRASH, SIM_FAULT_KIND_COUNT);
    suite_add_tcase(s, t);
    return suite_run(s);
}
