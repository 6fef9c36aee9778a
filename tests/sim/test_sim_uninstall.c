/* Uninstallations: what they leave, what they take with them, and who is to blame. */
#include <check.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "sim/lab.h"
#include "support/suite.h"

#define ALDER_DLL "file:C:\\Program Files\\Alder\\engine.dll"
#define BIRCH_DLL "file:C:\\Program Files\\Birch\\birch.dll"

/* Birch, installed last, goes first. */
static struct lab *lab_that_uninstalls(sim_effect *birch_goes, uint32_t birch_says, sim_effect *alder_goes) {
    static const enum step_kind steps[] = {STEP_PROVISION, STEP_BOOT, STEP_INSTALL, STEP_UNINSTALL,
                                           STEP_COLLECT, STEP_TEARDOWN, STEP_KIND_COUNT};
    struct lab *l = lab_new();
    lab_steps(l, steps);
    sim_world_on_exec(l->world, "msiexec /x", 100, birch_says, birch_goes, NULL);
    sim_world_on_exec(l->world, "alder-remove", 100, 0, alder_goes, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    return l;
}

static const char *lab_blamed(const struct lab *l, enum failure_class class) {
    const struct observation *f = lab_failure(l, class);
    return f ? json_string_value(json_object_get(f->data, "product")) : NULL;
}

static void effect_birch_gone(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set_boot(w, "service:BirchSvc", NULL);
    sim_world_set(w, BIRCH_DLL, NULL);
}

static void effect_half_of_birch_gone(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set_boot(w, "service:BirchSvc", NULL);
}

static void effect_alder_gone(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set_boot(w, "service:AlderSvc", NULL);
    sim_world_set_boot(w, "driver:alderflt", NULL);
    sim_world_set_boot(w, "process:aldersvc.exe", NULL);
    sim_world_set(w, ALDER_DLL, NULL);
    sim_world_set(w, "registry:HKLM\\Software\\Alder|Version", NULL);
}

static void effect_both_gone(struct sim_world *w, void *ctx) {
    effect_birch_gone(w, ctx);
    sim_world_set(w, ALDER_DLL, NULL);
}

START_TEST(what_goes_wholly_and_alone_is_fine) {
    struct lab *l = lab_that_uninstalls(effect_birch_gone, 0, effect_alder_gone);
    ck_assert_int_eq((int)lab_failures(l), 0);
    lab_free(l);
}
END_TEST

START_TEST(what_an_uninstallation_leaves_is_told_of) {
    struct lab *l = lab_that_uninstalls(NULL, 0, NULL);
    ck_assert_str_eq(lab_blamed(l, FAILURE_RESIDUE), "birch");
    lab_free(l);
}
END_TEST

START_TEST(what_stays_must_not_suffer_from_what_goes) {
    struct lab *l = lab_that_uninstalls(effect_both_gone, 0, effect_alder_gone);
    ck_assert_str_eq(lab_blamed(l, FAILURE_UNINSTALL_FAILED), "birch");
    ck_assert_str_eq(lab_blamed(l, FAILURE_FILE_DAMAGED), "alder");
    ck_assert_int_eq((int)lab_failures(l), 2);
    lab_free(l);
}
END_TEST

/* Birch says that it could not go, half of it is gone: Alder, which goes after it, has nothing to do with that. */
START_TEST(what_could_not_go_is_no_fault_of_what_goes_next) {
    struct lab *l = lab_that_uninstalls(effect_half_of_birch_gone, 1603, effect_alder_gone);
    ck_assert_str_eq(lab_blamed(l, FAILURE_UNINSTALL_FAILED), "birch");
    ck_assert_int_eq((int)lab_failures(l), 1);
    lab_free(l);
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim uninstall");
    TCase *t = tcase_create("uninstall");
    tcase_add_test(t, what_goes_wholly_and_alone_is_fine);
    tcase_add_test(t, what_an_uninstallation_leaves_is_told_of);
    tcase_add_test(t, what_stays_must_not_suffer_from_what_goes);
    tcase_add_test(t, what_could_not_go_is_no_fault_of_what_goes_next);
    suite_add_tcase(s, t);
    return suite_run(s);
}
