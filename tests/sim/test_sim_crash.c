/* Guests that go down by themselves: panics and restarts, once and again and again. */
#include <check.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "sim/lab.h"
#include "sim/machine.h"
#include "support/suite.h"

static void effect_every_boot_crashes(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set(w, "registry:HKLM\\Software\\Alder|Content", "2");
    sim_world_set(w, "file:C:\\Windows\\Minidump\\112126-1.dmp", "MDMP");
    sim_world_set(w, "file:C:\\Windows\\System32\\winevt\\Logs\\System.evtx", "ElfFile");
    sim_world_set(w, "file:C:\\Windows\\System32\\winevt\\Logs\\OAlerts-System.evtx", "another one");
    sim_world_set(w, "file:C:\\coexist\\out\\alder.log", "loading content 2");
    sim_world_strike(w, SIM_FAULT_CRASH_ON_BOOT);
}

static void give_logs(struct lab *l) {
    static char alder[] = "C:\\ProgramData\\Alder\\Alder*.log", nowhere[] = "C:\\Nowhere\\x.log";
    static char agent[] = "C:\\ProgramData\\Alder\\Agent\\agent.log";
    static char *patterns[] = {alder, nowhere, agent, NULL};
    l->products[0].logs = patterns;
    sim_world_set(l->world, "file:C:\\ProgramData\\Alder\\alder-svc.LOG", "content 2 cannot be read");
    sim_world_set(l->world, "file:C:\\ProgramData\\Alder\\birch.log", "not wanted");
    sim_world_set(l->world, "file:C:\\ProgramData\\Alder\\Agent\\agent.log", "not the lab's agent");
}

START_TEST(boot_loop_after_apply) {
    struct lab *l = lab_new();
    give_logs(l);
    sim_world_on_exec(l->world, "alder-apply", 1000, 0, effect_every_boot_crashes, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    const struct observation *f = lab_failure(l, FAILURE_BOOT_LOOP);
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(json_integer_value(json_object_get(f->data, "boots")), 3);
    ck_assert_str_eq(f->phase, "after");
    ck_assert_str_eq(f->kind, "reboot");
    ck_assert_int_eq((int)lab_failures(l), 1);
    ck_assert(lab_skipped(l, STEP_VERIFY, PHASE_AFTER));
    ck_assert(lab_has_artifact(l, "screenshot"));
    ck_assert(lab_has_artifact(l, "minidump")); /* from the disk: nobody could be asked */
    ck_assert(lab_has_artifact(l, "event-log"));
    ck_assert(lab_has_artifact(l, "log"));
    ck_assert(lab_has_artifact_named(l, "product-log", "alder alder-svc.LOG"));
    ck_assert(lab_has_artifact_named(l, "product-log", "alder agent.log"));
    ck_assert(!lab_has_artifact_named(l, "product-log", "alder birch.log"));
    ck_assert_int_ge(l->copied, 3);
    for (size_t i = 0; i < l->seen_count; i++) {
        const char *name = json_string_value(json_object_get(l->seen[i].o.data, "name"));
        ck_assert(l->seen[i].o.type != OBS_ARTIFACT || !str_eq(name, "OAlerts-System.evtx"));
    }
    lab_free(l);
}
END_TEST

/* As seen on a real guest: the agent says hello, and ten seconds later the driver is loaded. */
static void effect_content_bad(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set(w, "registry:HKLM\\Software\\Alder|Content", "2");
    sim_world_set(w, "file:C:\\Windows\\Minidump\\112126-1.dmp", "MDMP");
}

static void effect_panic(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_strike(w, SIM_FAULT_CRASH);
}

static void effect_late_crash(struct sim_world *w, void *ctx) {
    int *boots = ctx;
    static const int after_ms[] = {9900, 7300, 14000, 9000};
    if (sim_world_get(w, "registry:HKLM\\Software\\Alder|Content")) {
        sim_world_later(w, after_ms[(*boots)++ % 4], effect_panic, NULL);
    }
}

START_TEST(boot_loop_with_crashes_long_after_ready) {
    struct lab *l = lab_new();
    int boots = 0;
    sim_world_on_exec(l->world, "alder-apply", 1000, 0, effect_content_bad, NULL);
    sim_world_on_boot(l->world, effect_late_crash, &boots);
    ck_assert_int_eq(lab_run(l), 0);
    const struct observation *f = lab_failure(l, FAILURE_BOOT_LOOP);
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(json_integer_value(json_object_get(f->data, "boots")), 3);
    ck_assert_int_eq((int)lab_failures(l), 1);
    lab_free(l);
}
END_TEST

static void effect_crash_now(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set(w, "file:C:\\Windows\\Minidump\\112126-1.dmp", "MDMP");
    sim_world_strike(w, SIM_FAULT_CRASH);
}

START_TEST(kernel_crash_that_comes_back) {
    struct lab *l = lab_new();
    give_logs(l);
    sim_world_on_exec(l->world, "alder-apply", 1000, 0, effect_crash_now, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    const struct observation *f = lab_failure(l, FAILURE_KERNEL_CRASH);
    ck_assert_ptr_nonnull(f);
    ck_assert_str_eq(f->kind, "apply");
    ck_assert_int_eq((int)lab_failures(l), 1);
    ck_assert(lab_skipped(l, STEP_TOOK, PHASE_AFTER));
    ck_assert(lab_has_artifact(l, "minidump")); /* asked for live */
    ck_assert(lab_has_artifact_named(l, "product-log", "alder alder-svc.LOG"));
    ck_assert(lab_has_artifact_named(l, "product-log", "alder agent.log"));
    ck_assert(!lab_has_artifact_named(l, "product-log", "alder birch.log"));
    ck_assert_int_eq(l->copied, 0);
    lab_free(l);
}
END_TEST

struct half_boot {
    int boots;
    int64_t at_ms, after_ms; /* when the second boot was; the crash comes so long after it, 0: never */
};

static void effect_half_boot(struct sim_world *w, void *ctx) {
    struct half_boot *h = ctx;
    if (++h->boots != 2) {
        return;
    }
    h->at_ms = clock_now(sim_world_clock(w)) / CLOCK_MS;
    sim_world_strike(w, SIM_FAULT_SERIAL_LOST);
    if (h->after_ms > 0) {
        sim_world_later(w, h->after_ms, effect_panic, NULL);
    }
}

static const struct observation *first_failure(const struct lab *l) {
    for (size_t i = 0; i < l->seen_count; i++) {
        if (l->seen[i].o.type == OBS_FAILURE) {
            return &l->seen[i].o;
        }
    }
    return NULL;
}

/* One that answers by half is looked at from outside for 3 s: a crash in their midst is what it died of. */
START_TEST(a_crash_during_the_look_from_outside_is_seen) {
    struct half_boot h = {.after_ms = 0};
    struct lab *l = lab_new();
    sim_world_on_exec(l->world, "alder-apply", 1000, 0, effect_content_bad, NULL);
    sim_world_on_boot(l->world, effect_half_boot, &h);
    ck_assert_int_eq(lab_run(l), 0);
    const struct observation *f = first_failure(l);
    ck_assert(f && f == lab_failure(l, FAILURE_NOT_KNOWN));
    ck_assert_ptr_nonnull(strstr(lab_text(f), "and so does a program started there"));
    ck_assert_ptr_nonnull(strstr(lab_text(f), "seen from outside it is"));
    h = (struct half_boot){.after_ms = f->at_ms - h.at_ms - 1500};
    ck_assert_int_gt(h.after_ms, 0);
    lab_free(l);

    l = lab_new();
    sim_world_on_exec(l->world, "alder-apply", 1000, 0, effect_content_bad, NULL);
    sim_world_on_boot(l->world, effect_half_boot, &h);
    ck_assert_int_eq(lab_run(l), 0);
    f = first_failure(l);
    ck_assert(f && f == lab_failure(l, FAILURE_KERNEL_CRASH));
    ck_assert_str_eq(f->kind, "reboot");
    lab_free(l);
}
END_TEST

static void effect_restart(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_machine_go_down(w, true);
}

/* A service that restarts the machine so many times, each time a while after it became ready. */
static void effect_restarts_late(struct sim_world *w, void *ctx) {
    int *left = ctx;
    if (str_eq(sim_world_get(w, "registry:HKLM\\Software\\Alder|Content"), "2") && *left > 0) {
        --*left;
        sim_world_later(w, 9000, effect_restart, NULL);
    }
}

static struct lab *lab_that_restarts(int times) {
    static int left;
    left = times;
    struct lab *l = lab_new();
    sim_world_on_exec(l->world, "alder-apply", 1000, 0, effect_content_bad, NULL);
    sim_world_on_boot(l->world, effect_restarts_late, &left);
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_int_eq((int)lab_failures(l), 1);
    return l;
}

START_TEST(restarts_without_a_panic_are_counted) {
    struct lab *l = lab_that_restarts(100);
    const struct observation *f = lab_failure(l, FAILURE_BOOT_LOOP);
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(json_integer_value(json_object_get(f->data, "boots")), 3);
    ck_assert_ptr_nonnull(strstr(lab_text(f), "restarted by itself 3 times"));
    lab_free(l);
    l = lab_that_restarts(1); /* once is no loop */
    f = lab_failure(l, FAILURE_UNASKED_RESTART);
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(json_integer_value(json_object_get(f->data, "boots")), 1);
    lab_free(l);
}
END_TEST

static void effect_power_off(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_machine_go_down(w, false);
}

static void effect_powers_off_later(struct sim_world *w, void *ctx) {
    effect_content_bad(w, ctx);
    sim_world_later(w, 500, effect_power_off, NULL);
}

START_TEST(a_machine_that_powers_off_by_itself_is_told_of) {
    struct lab *l = lab_new();
    sim_world_on_exec(l->world, "alder-apply", 1000, 0, effect_powers_off_later, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_int_eq((int)lab_failures(l), 1);
    const struct observation *f = lab_failure(l, FAILURE_UNASKED_RESTART);
    ck_assert_ptr_nonnull(f);
    ck_assert_ptr_nonnull(strstr(lab_text(f), "powered off by itself during step"));
    lab_free(l);
}
END_TEST

static void effect_hang(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_strike(w, SIM_FAULT_HANG);
}

static void effect_hang_later(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set(w, "registry:HKLM\\Software\\Alder|Content", "2");
    sim_world_later(w, 150000, effect_hang, NULL);
}

/* How long it answers on after it agreed to restart, whether it falls silent meanwhile, and what is told if that is too
 * long. */
static const struct {
    const char *ms;
    bool falls_silent;
    const char *told;
} unwilling[] = {
    {"30000", false, NULL},
    {"200000", false, NULL},
    {"3600000", false, "did not go down in 300 s, though it answers"},
    {"3600000", true, "did not go down in 300 s; serial port: "},
};

START_TEST(a_guest_that_agrees_and_does_not_go_down_is_given_time) {
    struct lab *l = lab_new();
    sim_world_set(l->world, "system:stays_up_ms", unwilling[_i].ms);
    if (unwilling[_i].falls_silent) {
        sim_world_on_exec(l->world, "alder-apply", 1000, 0, effect_hang_later, NULL);
    }
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_int_eq((int)lab_failures(l), unwilling[_i].told != NULL);
    const struct observation *f = lab_failure(l, FAILURE_HANG);
    ck_assert((unwilling[_i].told != NULL) == (f != NULL));
    if (f) {
        ck_assert_msg(strstr(lab_text(f), unwilling[_i].told) != NULL, "%s", lab_text(f));
        ck_assert(lab_has_artifact(l, "screenshot"));
    }
    lab_free(l);
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim_crash");
    TCase *t = tcase_create("crash");
    tcase_add_test(t, boot_loop_after_apply);
    tcase_add_test(t, boot_loop_with_crashes_long_after_ready);
    tcase_add_test(t, kernel_crash_that_comes_back);
    tcase_add_test(t, a_crash_during_the_look_from_outside_is_seen);
    tcase_add_test(t, restarts_without_a_panic_are_counted);
    tcase_add_loop_test(t, a_guest_that_agrees_and_does_not_go_down_is_given_time, 0, (int)ARRAY_LEN(unwilling));
    tcase_add_test(t, a_machine_that_powers_off_by_itself_is_told_of);
    suite_add_tcase(s, t);
    return suite_run(s);
}
