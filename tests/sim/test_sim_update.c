/* Updates that change what a healthy install of their product looks like: that is no harm, and what they undo is asked
 * for again. */
#include <check.h>
#include <stdint.h>
#include <string.h>

#include "sim/lab.h"
#include "support/suite.h"

#define TEXT(literal) ((char *)(uintptr_t)(literal))
#define VERSION "registry:HKLM\\Software\\Alder|Version"

/* The same service and process by other names, another version. */
static struct model_check renewed[] = {
    {CHECK_SERVICE, TEXT("AlderHost"), NULL, TEXT("running"), NULL},
    {CHECK_DRIVER, TEXT("alderflt"), NULL, NULL, NULL},
    {CHECK_PROCESS, TEXT("alderhost.exe"), NULL, NULL, NULL},
    {CHECK_FILE, TEXT("C:\\Program Files\\Alder\\engine.dll"), NULL, NULL, NULL},
    {CHECK_REGISTRY, TEXT("HKLM\\Software\\Alder"), TEXT("Version"), TEXT("2.0"), NULL},
};

static void set_alder(struct sim_world *w, bool renew) {
    const char *was = renew ? NULL : "running", *is = renew ? "running" : NULL;
    sim_world_set_boot(w, "service:AlderSvc", was);
    sim_world_set_boot(w, "process:aldersvc.exe", was);
    sim_world_set_boot(w, "service:AlderHost", is);
    sim_world_set_boot(w, "process:alderhost.exe", is);
    sim_world_set(w, VERSION, renew ? "2.0" : "1.0");
    sim_world_set(w, "registry:HKLM\\Software\\Alder|Content", renew ? "2" : NULL);
}

static void effect_renew(struct sim_world *w, void *ctx) {
    (void)ctx;
    set_alder(w, true);
}

static void effect_back(struct sim_world *w, void *ctx) {
    (void)ctx;
    set_alder(w, false);
}

static struct lab *renewing_lab(void) {
    struct lab *l = lab_new();
    l->update.health = (struct model_checks){renewed, sizeof(renewed) / sizeof(*renewed)};
    sim_world_on_exec(l->world, "alder-apply", 900, 0, effect_renew, NULL);
    return l;
}

START_TEST(what_the_update_says_is_healthy_is_asked_for_after_it) {
    struct lab *l = renewing_lab();
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_int_eq((int)lab_failures(l), 0);
    lab_free(l);

    l = lab_new(); /* an update that says nothing of it must leave the product as it was */
    sim_world_on_exec(l->world, "alder-apply", 900, 0, effect_renew, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert(lab_failed(l, FAILURE_SERVICE_DOWN));
    lab_free(l);
}
END_TEST

static void effect_content_only(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set(w, "registry:HKLM\\Software\\Alder|Content", "2");
}

START_TEST(what_the_update_promised_and_is_not_there_is_harm) {
    struct lab *l = renewing_lab();
    sim_world_on_exec(l->world, "alder-apply", 900, 0, effect_content_only, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    const struct observation *f = lab_failure(l, FAILURE_SERVICE_DOWN);
    ck_assert_ptr_nonnull(f);
    ck_assert_str_eq(f->phase, "after");
    ck_assert_ptr_nonnull(strstr(json_string_value(json_object_get(f->data, "text")), "AlderHost"));
    lab_free(l);
}
END_TEST

/* The very thing that took looks at is as it was: nothing is damaged, the update is not there. */
START_TEST(what_is_as_before_was_not_updated) {
    struct lab *l = renewing_lab();
    static struct model_check took[] = {
        {CHECK_REGISTRY, TEXT("HKLM\\Software\\Alder"), TEXT("Version"), TEXT("2.0"), NULL}};
    struct model_check kept[sizeof(renewed) / sizeof(*renewed)];
    memcpy(kept, l->products[0].health.items, sizeof(kept));
    kept[4] = took[0];
    l->update.took = (struct model_checks){took, 1};
    l->update.health = (struct model_checks){kept, sizeof(kept) / sizeof(*kept)};
    sim_world_on_exec(l->world, "alder-apply", 900, 0, NULL, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert(lab_failed(l, FAILURE_UPDATE_NOT_APPLIED));
    ck_assert(!lab_failed(l, FAILURE_REGISTRY_DAMAGED));
    lab_free(l);
}
END_TEST

static const enum step_kind with_rollback[] = {STEP_PROVISION, STEP_BOOT,     STEP_INSTALL, STEP_VERIFY,
                                               STEP_APPLY,     STEP_VERIFY,   STEP_REBOOT,  STEP_VERIFY,
                                               STEP_ROLLBACK,  STEP_REBOOT,   STEP_VERIFY,  STEP_COLLECT,
                                               STEP_TEARDOWN,  STEP_KIND_COUNT};

START_TEST(after_the_rollback_it_is_the_product_s_own_again) {
    struct lab *l = renewing_lab();
    lab_steps(l, with_rollback);
    sim_world_on_exec(l->world, "alder-back", 100, 0, effect_back, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_int_eq((int)lab_failures(l), 0);
    lab_free(l);

    l = renewing_lab(); /* a rollback that leaves the new service in place of the old one */
    lab_steps(l, with_rollback);
    sim_world_on_exec(l->world, "alder-back", 100, 0, NULL, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert(lab_failed(l, FAILURE_ROLLBACK_FAILED));
    lab_free(l);
}
END_TEST

/* Half there, only what both have is asked for: the failure of the command is told, and no service besides. */
START_TEST(an_update_that_fails_halfway_is_not_blamed_for_either_half) {
    struct lab *l = renewing_lab();
    sim_world_on_exec(l->world, "alder-apply", 900, 5, effect_renew, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert(lab_failed(l, FAILURE_UPDATE_FAILED));
    ck_assert(!lab_failed(l, FAILURE_SERVICE_DOWN));
    lab_free(l);
}
END_TEST

static void effect_residue(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set_boot(w, "driver:alderflt", NULL);
    sim_world_set(w, "file:C:\\Program Files\\Alder\\engine.dll", NULL);
}

static void effect_remove_birch(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set_boot(w, "service:BirchSvc", NULL);
    sim_world_set(w, "file:C:\\Program Files\\Birch\\birch.dll", NULL);
}

/* What only the update brought is the product's as well when it is uninstalled. */
START_TEST(residue_of_the_update_is_residue) {
    static const enum step_kind steps[] = {STEP_PROVISION, STEP_BOOT,    STEP_INSTALL,  STEP_VERIFY, STEP_APPLY,
                                           STEP_VERIFY,    STEP_UNINSTALL, STEP_COLLECT, STEP_TEARDOWN,
                                           STEP_KIND_COUNT};
    struct lab *l = renewing_lab();
    lab_steps(l, steps);
    sim_world_on_exec(l->world, "alder-remove", 100, 0, effect_residue, NULL);
    sim_world_on_exec(l->world, "msiexec /x", 100, 0, effect_remove_birch, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    const struct observation *f = lab_failure(l, FAILURE_RESIDUE);
    ck_assert_ptr_nonnull(f);
    ck_assert_ptr_nonnull(strstr(json_string_value(json_object_get(f->data, "text")), "AlderHost"));
    lab_free(l);
}
END_TEST

static void effect_running(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set(w, "service:AlderSvc", "running");
}

/* With the new content, the service compiles for 100 s at each of its starts. */
static void effect_compiles(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set(w, "service:AlderSvc", "start-pending");
    sim_world_later(w, 100000, effect_running, NULL);
}

static void effect_compiles_at_boot(struct sim_world *w, void *ctx) {
    if (sim_world_get(w, "registry:HKLM\\Software\\Alder|Content")) {
        effect_compiles(w, ctx);
    }
}

static void effect_apply_and_compile(struct sim_world *w, void *ctx) {
    sim_world_set(w, "registry:HKLM\\Software\\Alder|Content", "2");
    effect_compiles(w, ctx);
}

static const struct {
    int64_t healthy_ms;
    bool down;
} compiling[] = {{0, true}, {60000, true}, {150000, false}};

START_TEST(an_update_may_say_how_long_it_needs) {
    struct lab *l = lab_new();
    sim_world_on_exec(l->world, "alder-apply", 900, 0, effect_apply_and_compile, NULL);
    sim_world_on_boot(l->world, effect_compiles_at_boot, NULL);
    l->update.healthy_ms = compiling[_i].healthy_ms;
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert(compiling[_i].down == lab_failed(l, FAILURE_SERVICE_DOWN));
    ck_assert_int_eq((int)lab_failures(l), compiling[_i].down);
    lab_free(l);
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim update");
    TCase *t = tcase_create("health");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, what_the_update_says_is_healthy_is_asked_for_after_it);
    tcase_add_test(t, what_the_update_promised_and_is_not_there_is_harm);
    tcase_add_test(t, what_is_as_before_was_not_updated);
    tcase_add_test(t, after_the_rollback_it_is_the_product_s_own_again);
    tcase_add_test(t, an_update_that_fails_halfway_is_not_blamed_for_either_half);
    tcase_add_test(t, residue_of_the_update_is_residue);
    tcase_add_loop_test(t, an_update_may_say_how_long_it_needs, 0, (int)(sizeof(compiling) / sizeof(*compiling)));
    suite_add_tcase(s, t);
    return suite_run(s);
}
