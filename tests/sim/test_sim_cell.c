/* The cell in the simulated world: when all is well, when one thing goes wrong, and when any fault
 * strikes at any call. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "sim/lab.h"
#include "sim/machine.h"
#include "support/suite.h"

#define HOUR_MS INT64_C(3600000)

/* ---- all is well ----------------------------------------------------------------------------- */

START_TEST(clean_run_passes) {
    struct lab *l = lab_new();
    ck_assert_int_eq(lab_run(l), 0);
    if (lab_failures(l) > 0 || getenv("SHOW")) {
        lab_print(l);
    }
    ck_assert_int_eq((int)lab_failures(l), 0);
    ck_assert_int_eq((int)lab_count(l, OBS_CHECK), 2 * (7 + 2) + 1 + 7 + 4 + 3);
    ck_assert_int_eq((int)lab_metrics(l, "first-boot", PHASE_BEFORE), 1);
    ck_assert_int_eq((int)lab_metrics(l, "boot", PHASE_BEFORE), 0);
    ck_assert_int_eq((int)lab_metrics(l, "boot", PHASE_AFTER), 1);
    ck_assert_int_eq((int)lab_metrics(l, "copy-small", PHASE_BEFORE), 5);
    ck_assert_int_eq((int)lab_metrics(l, "copy-small", PHASE_AFTER), 5);
    ck_assert_int_eq((int)lab_metrics(l, "install", PHASE_BEFORE), 2);
    ck_assert_int_eq((int)lab_metrics(l, "apply", PHASE_AFTER), 1);
    ck_assert_int_eq((int)lab_metrics(l, "detect", PHASE_AFTER), 2);
    ck_assert_int_eq((int)lab_metrics(l, "disk.used", PHASE_AFTER), 1);
    ck_assert_int_ge((int)lab_metrics(l, "idle.cpu", PHASE_AFTER), 1);
    ck_assert(lab_has_artifact(l, "screenshot"));
    ck_assert(lab_has_artifact(l, "console"));
    const json_t *end = l->seen[l->seen_count - 1].o.data;
    ck_assert(json_is_true(json_object_get(end, "complete")));
    lab_free(l);
}
END_TEST

START_TEST(runs_are_repeatable) {
    struct lab *a = lab_new(), *b = lab_new();
    lab_run(a);
    lab_run(b);
    ck_assert_int_eq((int)a->seen_count, (int)b->seen_count);
    for (size_t i = 0; i < a->seen_count; i++) {
        ck_assert_int_eq(a->seen[i].o.at_ms, b->seen[i].o.at_ms);
        ck_assert_int_eq((int)a->seen[i].o.type, (int)b->seen[i].o.type);
    }
    lab_free(a);
    lab_free(b);
}
END_TEST

/* When the first sample of a workload came, in virtual time since the cell began. */
static int64_t first_sample_ms(const struct lab *l, const char *name) {
    for (size_t i = 0; i < l->seen_count; i++) {
        const struct observation *o = &l->seen[i].o;
        if (o->type == OBS_METRIC &&
            strcmp(json_string_value(json_object_get(o->data, "name")), name) == 0) {
            return o->at_ms;
        }
    }
    ck_abort_msg("no sample of %s", name);
    return 0;
}

START_TEST(starved_workload_is_measured_again) {
    struct lab *quiet = lab_new(), *busy = lab_new(), *crowded = lab_new();
    lab_run(quiet);
    int64_t until = clock_now(sim_world_clock(busy->world)) +
                    first_sample_ms(quiet, "copy-small") * CLOCK_MS;
    sim_world_starve(busy->world, 40, until);
    ck_assert_int_eq(lab_run(busy), 0);
    ck_assert_int_eq((int)lab_failures(busy), 0);
    ck_assert_int_eq((int)lab_metrics(busy, "copy-small", PHASE_BEFORE), 10);
    ck_assert_int_eq((int)lab_metrics(busy, "copy-small", PHASE_AFTER), 5);
    sim_world_starve(crowded->world, 40, CLOCK_NEVER);
    ck_assert_int_eq(lab_run(crowded), 0);
    ck_assert_int_eq((int)lab_metrics(crowded, "copy-small", PHASE_BEFORE), 15);
    ck_assert_int_eq((int)lab_metrics(crowded, "copy-small", PHASE_AFTER), 15);
    lab_free(quiet);
    lab_free(busy);
    lab_free(crowded);
}
END_TEST

static void effect_slow_next(struct sim_world *w, void *ctx) {
    sim_world_boot_ms(w, *(const int64_t *)ctx);
}

/* Boots of so many minutes after the first one, the host without a processor for the VM in so many percent of the time.
 * Returns whether it was told as no boot. */
static bool slow_boot_fails(int64_t minutes, double starved, int64_t *took) {
    struct lab *l = lab_new();
    int64_t ms = minutes * 60000, began = clock_now(sim_world_clock(l->world));
    sim_world_on_boot(l->world, effect_slow_next, &ms);
    sim_world_starve(l->world, starved, CLOCK_NEVER);
    lab_run(l);
    *took = clock_now(sim_world_clock(l->world)) - began;
    bool failed = lab_failures(l) > 0;
    if (failed) {
        ck_assert_ptr_nonnull(lab_failure(l, FAILURE_NO_BOOT));
    }
    lab_free(l);
    return failed;
}

START_TEST(a_boot_without_a_processor_of_the_host_has_longer) {
    int64_t took = 0;
    ck_assert(!slow_boot_fails(3, 0, &took));
    ck_assert(slow_boot_fails(30, 0, &took));
    ck_assert(slow_boot_fails(30, 20, &took)); /* a fifth of the time explains no such boot */
    ck_assert(!slow_boot_fails(8, 70, &took));
    ck_assert(slow_boot_fails(600, 100, &took)); /* and nothing is waited for for ever */
    ck_assert_int_lt(took, 60 * 60 * CLOCK_S);
}
END_TEST

/* ---- products and updates at fault ----------------------------------------------------------- */

static void effect_neighbour(struct sim_world *w, void *ctx) {
    (void)ctx;
    if (sim_world_get(w, "registry:HKLM\\Software\\Alder|Content")) {
        sim_world_set_boot(w, "service:BirchSvc", "stopped");
        sim_world_set(w, "file:C:\\Program Files\\Birch\\birch.dll", NULL);
    }
}

START_TEST(neighbour_is_bitten_at_boot) {
    struct lab *l = lab_new();
    sim_world_on_boot(l->world, effect_neighbour, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    /* Both harms are recorded, and told of the victim. */
    const struct observation *s = lab_failure(l, FAILURE_SERVICE_DOWN);
    const struct observation *d = lab_failure(l, FAILURE_FILE_DAMAGED);
    ck_assert_ptr_nonnull(s);
    ck_assert_ptr_nonnull(d);
    ck_assert_str_eq(json_string_value(json_object_get(s->data, "product")), "birch");
    ck_assert_str_eq(json_string_value(json_object_get(d->data, "product")), "birch");
    ck_assert_str_eq(s->phase, "after");
    ck_assert_int_eq((int)lab_failures(l), 2);
    ck_assert(lab_skipped(l, STEP_MEASURE, PHASE_AFTER));
    lab_free(l);
}
END_TEST

static void effect_late(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set(w, "service:AlderSvc", "start-pending");
}

static void effect_late_done(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set(w, "service:AlderSvc", "running");
}

static const struct {
    int ms, healthy_ms, load;
    bool down;
} late_cases[] = {{20000, 0, 9, false}, {20000, 0, 40, false}, {100000, 0, 9, true}, {100000, 0, 80, true},
                  {100000, 120000, 9, false}};

START_TEST(service_that_starts_late_is_waited_for) {
    struct lab *l = lab_new();
    l->products[0].healthy_ms = late_cases[_i].healthy_ms;
    sim_world_on_boot(l->world, effect_late, NULL);
    /* The second product's installer finishes what the first began: only a retry sees it running.
     * */
    sim_world_on_file(l->world, "birch.msi", late_cases[_i].ms, effect_late_done, NULL);
    sim_world_on_exec(l->world, "alder-setup.exe", 100, 0, NULL, NULL);
    effect_late(l->world, NULL);
    static const enum step_kind steps[] = {STEP_PROVISION, STEP_BOOT, STEP_INSTALL, STEP_VERIFY,
                                           STEP_TEARDOWN, STEP_KIND_COUNT};
    lab_steps(l, steps);
    l->products[0].health.count = 1;
    sim_world_set_load(l->world, late_cases[_i].load);
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_int_eq((int)lab_failures(l), late_cases[_i].down ? 1 : 0);
    /* A guest that does nothing meanwhile rests; once it is healthy it does no more, after a failure it may. */
    ck_assert_int_eq(l->rested, late_cases[_i].load < 25 ? 1 : 0);
    ck_assert_int_eq(l->rest != CELL_WORKS, late_cases[_i].load < 25 && late_cases[_i].down);
    ck_assert(late_cases[_i].down == (lab_failure(l, FAILURE_SERVICE_DOWN) != NULL));
    lab_free(l);
}
END_TEST

static void effect_put_back(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set(w, "file:C:\\Users\\Public\\sample-alder.com", "still here");
}

START_TEST(detection_lost) {
    struct lab *l = lab_new();
    sim_world_on_file(l->world, "sample-alder", 701, effect_put_back, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    const struct observation *f = lab_failure(l, FAILURE_PROTECTION_LOST);
    ck_assert_ptr_nonnull(f);
    ck_assert_str_eq(json_string_value(json_object_get(f->data, "product")), "alder");
    ck_assert_str_eq(f->phase, "before");
    ck_assert(lab_skipped(l, STEP_APPLY, PHASE_AFTER)); /* no update on a product that was ill before */
    /* The other product's check still took place. */
    ck_assert_int_eq((int)lab_metrics(l, "detect", PHASE_BEFORE), 1);
    lab_free(l);
}
END_TEST

START_TEST(install_that_asks_for_a_reboot) {
    struct lab *l = lab_new();
    struct lab *plain = lab_new();
    lab_run(plain);
    sim_world_on_exec(l->world, "birch.msi", 3000, 3010, effect_neighbour, NULL);
    sim_world_set_boot(l->world, "service:BirchSvc", "running");
    sim_world_set(l->world, "file:C:\\Program Files\\Birch\\birch.dll", "MZ");
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_int_eq((int)lab_failures(l), 0);
    ck_assert_int_eq((int)lab_metrics(l, "boot", PHASE_BEFORE),
                     (int)lab_metrics(plain, "boot", PHASE_BEFORE) + 1);
    lab_free(plain);
    lab_free(l);
}
END_TEST

START_TEST(install_fails) {
    struct lab *l = lab_new();
    sim_world_on_exec(l->world, "birch.msi", 3000, 1603, NULL, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    const struct observation *f = lab_failure(l, FAILURE_INSTALL_FAILED);
    ck_assert_ptr_nonnull(f);
    ck_assert_ptr_nonnull(strstr(lab_text(f), "1603"));
    ck_assert_str_eq(json_string_value(json_object_get(f->data, "product")), "birch");
    ck_assert_int_eq((int)lab_failures(l), 1);
    ck_assert(lab_skipped(l, STEP_VERIFY, PHASE_BEFORE));
    ck_assert(!lab_skipped(l, STEP_COLLECT, PHASE_AFTER));
    lab_free(l);
}
END_TEST

START_TEST(install_exceeds_its_time) {
    struct lab *l = lab_new();
    sim_world_on_exec(l->world, "alder-setup.exe", 500000, 0, NULL, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    const struct observation *f = lab_failure(l, FAILURE_INSTALL_FAILED);
    ck_assert_ptr_nonnull(f);
    ck_assert_ptr_nonnull(strstr(lab_text(f), "120 s"));
    lab_free(l);
}
END_TEST

START_TEST(apply_fails) {
    struct lab *l = lab_new();
    sim_world_on_exec(l->world, "alder-apply", 3000, 5, NULL, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert(lab_failed(l, FAILURE_UPDATE_FAILED));
    ck_assert_int_eq((int)lab_failures(l), 1);
    lab_free(l);
}
END_TEST

START_TEST(update_says_yes_and_does_not_take) {
    struct lab *l = lab_new();
    sim_world_on_exec(l->world, "alder-apply", 3000, 0, NULL, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    const struct observation *f = lab_failure(l, FAILURE_UPDATE_NOT_APPLIED);
    ck_assert_ptr_nonnull(f);
    ck_assert_str_eq(f->kind, "took");
    ck_assert_int_eq((int)lab_failures(l), 1);
    lab_free(l);
}
END_TEST

static void effect_dump(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set(w, "file:C:\\coexist\\out\\dumps\\aldersvc.exe.1234.dmp", "MDMP");
}

START_TEST(process_crash_is_told_in_its_phase) {
    struct lab *l = lab_new();
    sim_world_on_exec(l->world, "birch.msi", 3000, 0, effect_dump, NULL);
    sim_world_set_boot(l->world, "service:BirchSvc", "running");
    sim_world_set(l->world, "file:C:\\Program Files\\Birch\\birch.dll", "MZ");
    ck_assert_int_eq(lab_run(l), 0);
    const struct observation *f = lab_failure(l, FAILURE_PROCESS_CRASH);
    ck_assert_ptr_nonnull(f);
    ck_assert_str_eq(f->phase, "before");
    ck_assert_str_eq(json_string_value(json_object_get(f->data, "product")), "alder");
    ck_assert_int_eq((int)lab_failures(l), 1); /* told once */
    ck_assert(lab_has_artifact(l, "process-dump"));
    lab_free(l);
}
END_TEST

static void effect_hang(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_strike(w, SIM_FAULT_HANG);
}

static void effect_hang_second(struct sim_world *w, void *ctx) {
    if (++*(int *)ctx == 2) {
        effect_hang(w, NULL);
    }
}

START_TEST(hang_at_boot_is_no_boot) {
    struct lab *l = lab_new();
    static int boots;
    boots = 0;
    sim_world_on_boot(l->world, effect_hang_second, &boots);
    ck_assert_int_eq(lab_run(l), 0);
    const struct observation *f = lab_failure(l, FAILURE_NO_BOOT);
    ck_assert_ptr_nonnull(f);
    ck_assert_str_eq(f->kind, "reboot");
    ck_assert_int_eq((int)lab_failures(l), 1);
    ck_assert(lab_has_artifact(l, "screenshot"));
    lab_free(l);
}
END_TEST

static void effect_cut_network(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set(w, "registry:HKLM\\Software\\Alder|Content", "2");
    sim_world_strike(w, SIM_FAULT_NETWORK_LOST);
}

START_TEST(network_lost_by_an_update) {
    struct lab *l = lab_new();
    sim_world_on_exec(l->world, "alder-back", 10, 0, NULL, NULL);
    sim_world_on_exec(l->world, "alder-apply", 1000, 0, NULL, NULL);
    sim_world_on_file(l->world, "content-2.dat", 5000, effect_cut_network, NULL);
    sim_world_on_exec(l->world, "alder-apply", 10, 0, NULL, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    const struct observation *f = lab_failure(l, FAILURE_NETWORK_LOST);
    ck_assert_ptr_nonnull(f);
    ck_assert_str_eq(f->phase, "after");
    lab_free(l);
}
END_TEST

static void effect_take_back(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set(w, "registry:HKLM\\Software\\Alder|Content", "1");
}

static void effect_remove_alder(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set_boot(w, "service:AlderSvc", NULL);
    sim_world_set_boot(w, "driver:alderflt", NULL);
    sim_world_set_boot(w, "process:aldersvc.exe", NULL);
    sim_world_set(w, "file:C:\\Program Files\\Alder\\engine.dll", NULL);
}

static void effect_remove_birch(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set_boot(w, "service:BirchSvc", NULL);
    sim_world_set(w, "file:C:\\Program Files\\Birch\\birch.dll", NULL);
}

START_TEST(rollback_must_heal) {
    static const enum step_kind steps[] = {STEP_PROVISION, STEP_BOOT,     STEP_INSTALL,
                                           STEP_VERIFY,    STEP_APPLY,    STEP_ROLLBACK,
                                           STEP_UNINSTALL, STEP_COLLECT, STEP_TEARDOWN,
                                           STEP_KIND_COUNT};
    struct lab *l = lab_new();
    lab_steps(l, steps);
    sim_world_on_exec(l->world, "alder-back", 100, 0, effect_take_back, NULL);
    sim_world_on_exec(l->world, "alder-remove", 100, 0, effect_remove_alder, NULL);
    sim_world_on_exec(l->world, "msiexec /x", 100, 0, effect_remove_birch, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_int_eq((int)lab_failures(l), 0);
    lab_free(l);

    l = lab_new();
    lab_steps(l, steps);
    sim_world_on_exec(l->world, "alder-apply", 100, 0, NULL, NULL);
    sim_world_set(l->world, "registry:HKLM\\Software\\Alder|Content", "2");
    sim_world_on_exec(l->world, "alder-back", 100, 0, effect_neighbour, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert(lab_failed(l, FAILURE_ROLLBACK_FAILED));
    ck_assert(lab_failed(l, FAILURE_SERVICE_DOWN));
    lab_free(l);

    l = lab_new();
    lab_steps(l, steps);
    sim_world_on_exec(l->world, "alder-back", 100, 0, effect_take_back, NULL);
    sim_world_on_exec(l->world, "msiexec /x", 100, 1603, NULL, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert(lab_failed(l, FAILURE_UNINSTALL_FAILED));
    lab_free(l);
}
END_TEST

/* ---- stopping -------------------------------------------------------------------------------- */

START_TEST(stop_at_any_observation) {
    struct lab *clean = lab_new();
    lab_run(clean);
    for (int to = CELL_STOP_AFTER_STEP; to <= CELL_STOP_NOW; to++) {
        for (size_t i = 1; i + 3 < clean->seen_count; i++) {
            struct lab *l = lab_new();
            l->stop_after = (int)i;
            l->stop_to = to;
            ck_assert_int_eq(lab_run(l), 0);
            const json_t *end = l->seen[l->seen_count - 1].o.data;
            /* Asked to finish the step in the last one before the teardown, it finishes the cell. */
            bool last = to == CELL_STOP_AFTER_STEP && str_eq(clean->seen[i - 1].o.kind, "collect");
            ck_assert_int_eq(json_is_true(json_object_get(end, "complete")), last);
            if (lab_failures(l) > 0) {
                lab_print(l);
            }
            ck_assert_int_eq((int)lab_failures(l), 0); /* being stopped is nobody's fault */
            lab_free(l);
        }
    }
    lab_free(clean);
}
END_TEST

/* ---- any fault at any call ------------------------------------------------------------------- */

enum zone { ZONE_BARE, ZONE_PRODUCTS, ZONE_COLLECT, ZONE_COUNT };

#define BIT(class) (1u << (class))
#define NONE BIT(FAILURE_NONE) /* nothing needs to be noticed */

/* What a fault must be called, by where it struck. More than one bit: which of them depends on the
 * call; anything else is wrong. */
static const unsigned fault_classes[SIM_FAULT_KIND_COUNT][ZONE_COUNT] = {
    [SIM_FAULT_CRASH] = {BIT(FAILURE_IMAGE), BIT(FAILURE_KERNEL_CRASH),
                         BIT(FAILURE_KERNEL_CRASH) | NONE},
    [SIM_FAULT_CRASH_ON_BOOT] = {BIT(FAILURE_IMAGE) | BIT(FAILURE_BOOT_LOOP),
                                 BIT(FAILURE_BOOT_LOOP) | NONE, NONE},
    [SIM_FAULT_HANG] = {BIT(FAILURE_IMAGE), BIT(FAILURE_HANG) | BIT(FAILURE_NO_BOOT),
                        BIT(FAILURE_HANG) | NONE},
    [SIM_FAULT_FREEZE] = {BIT(FAILURE_IMAGE), BIT(FAILURE_HANG) | BIT(FAILURE_NO_BOOT),
                          BIT(FAILURE_HANG) | NONE},
    [SIM_FAULT_NETWORK_LOST] = {BIT(FAILURE_IMAGE) | BIT(FAILURE_NETWORK_LOST),
                                BIT(FAILURE_NETWORK_LOST), BIT(FAILURE_NETWORK_LOST) | NONE},
    [SIM_FAULT_SERIAL_LOST] = {BIT(FAILURE_IMAGE) | BIT(FAILURE_NOT_KNOWN),
                               BIT(FAILURE_NOT_KNOWN), BIT(FAILURE_NOT_KNOWN) | NONE},
    [SIM_FAULT_DISK_FULL] = {BIT(FAILURE_HOST_RESOURCES), BIT(FAILURE_HOST_RESOURCES),
                             BIT(FAILURE_HOST_RESOURCES) | NONE},
    [SIM_FAULT_QEMU_DIED] = {BIT(FAILURE_VM_DIED), BIT(FAILURE_VM_DIED),
                             BIT(FAILURE_VM_DIED) | NONE},
    [SIM_FAULT_SLOW] = {NONE | BIT(FAILURE_IMAGE) | BIT(FAILURE_VM_DIED),
                        NONE | BIT(FAILURE_NOT_KNOWN) | BIT(FAILURE_INSTALL_FAILED) |
                            BIT(FAILURE_UPDATE_FAILED),
                        NONE | BIT(FAILURE_NOT_KNOWN)},
    [SIM_FAULT_LAB_BUG] = {BIT(FAILURE_LAB_BUG), BIT(FAILURE_LAB_BUG), BIT(FAILURE_LAB_BUG)},
};

/* Where each call of a clean run lies. */
static enum zone *zones_of_calls(int *count) {
    struct lab *l = lab_new();
    lab_run(l);
    *count = l->seen[l->seen_count - 1].calls;
    enum zone *zones = calloc((size_t)*count + 1, sizeof(*zones));
    enum zone zone = ZONE_BARE;
    int call = 1;
    for (size_t i = 0; i < l->seen_count; i++) {
        for (; call <= l->seen[i].calls; call++) {
            zones[call] = zone;
        }
        const struct observation *o = &l->seen[i].o;
        if (o->type == OBS_STEP_BEGIN && strcmp(o->kind, "collect") == 0) {
            zone = ZONE_COLLECT;
        } else if (o->type == OBS_STEP_BEGIN && strcmp(o->kind, "install") == 0 && zone == ZONE_BARE) {
            zones[call] = ZONE_BARE; /* putting the first installer: nothing has run yet */
            call++;
            zone = ZONE_PRODUCTS;
        }
    }
    lab_free(l);
    return zones;
}

static unsigned classes_seen(const struct lab *l) {
    unsigned seen = 0;
    for (int k = 1; k < FAILURE_CLASS_COUNT; k++) {
        seen |= lab_failed(l, (enum failure_class)k) ? BIT(k) : 0;
    }
    return seen ? seen : NONE;
}

static void check_fault_run(struct lab *l, enum sim_fault_kind kind, int call, enum zone zone) {
    unsigned seen = classes_seen(l), allowed = fault_classes[kind][zone];
    if ((seen & ~allowed) || lab_virtual_ms(l) > 2 * HOUR_MS) {
        lab_print(l);
        ck_abort_msg("%s at call %d (zone %d): seen 0x%x, allowed 0x%x, %lld ms",
                     sim_fault_name(kind), call, (int)zone, seen, allowed,
                     (long long)lab_virtual_ms(l));
    }
}

/* A sanitized program is several times slower and looks for bad memory, which does not hang on the very call: there
 * each kind of fault strikes at every third call, beginning at another one. */
#ifdef COEXIST_SANITIZED
enum { FAULT_STRIDE = 3 };
#else
enum { FAULT_STRIDE = 1 };
#endif

START_TEST(any_fault_at_any_call) {
    enum sim_fault_kind kind = (enum sim_fault_kind)_i;
    int calls;
    CLEANUP_FREE enum zone *zones = zones_of_calls(&calls);
    ck_assert_int_gt(calls, 60);
    for (int call = 1 + _i % FAULT_STRIDE; call <= calls; call += FAULT_STRIDE) {
        struct lab *l = lab_new();
        sim_world_fault_at(l->world, call, kind);
        int rc = lab_run(l);
        check_fault_run(l, kind, call, zones[call]);
        unsigned infra = BIT(FAILURE_IMAGE) | BIT(FAILURE_HOST_RESOURCES) |
                         BIT(FAILURE_VM_DIED) | BIT(FAILURE_LAB_BUG);
        ck_assert_int_eq(rc < 0, (classes_seen(l) & infra) != 0);
        lab_free(l);
    }
}
END_TEST

/* A second fault while the first is dealt with must not confuse the cell. */
START_TEST(two_faults_end_as_well) {
    enum sim_fault_kind first = (enum sim_fault_kind)_i;
    int calls;
    free(zones_of_calls(&calls));
    for (int call = 1 + _i % FAULT_STRIDE; call <= calls; call += 19 * FAULT_STRIDE) {
        for (int kind = 1; kind < SIM_FAULT_KIND_COUNT; kind++) {
            for (int gap = 1; gap < 12; gap += 3) {
                struct lab *l = lab_new();
                sim_world_fault_at(l->world, call, first);
                sim_world_fault_at(l->world, call + gap, (enum sim_fault_kind)kind);
                lab_run(l);
                ck_assert_int_le(lab_virtual_ms(l), 3 * HOUR_MS);
                lab_free(l);
            }
        }
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim_cell");
    TCase *t = tcase_create("cell"), *faults = tcase_create("faults");
    tcase_set_timeout(t, 300);
    tcase_set_timeout(faults, 600);
    tcase_add_test(t, clean_run_passes);
    tcase_add_test(t, runs_are_repeatable);
    tcase_add_test(t, starved_workload_is_measured_again);
    tcase_add_test(t, a_boot_without_a_processor_of_the_host_has_longer);
    tcase_add_test(t, neighbour_is_bitten_at_boot);
    tcase_add_loop_test(t, service_that_starts_late_is_waited_for, 0, ARRAY_LEN(late_cases));
    tcase_add_test(t, detection_lost);
    tcase_add_test(t, install_that_asks_for_a_reboot);
    tcase_add_test(t, install_fails);
    tcase_add_test(t, install_exceeds_its_time);
    tcase_add_test(t, apply_fails);
    tcase_add_test(t, update_says_yes_and_does_not_take);
    tcase_add_test(t, process_crash_is_told_in_its_phase);
    tcase_add_test(t, hang_at_boot_is_no_boot);
    tcase_add_test(t, network_lost_by_an_update);
    tcase_add_test(t, rollback_must_heal);
    tcase_add_test(t, stop_at_any_observation);
    tcase_add_loop_test(faults, any_fault_at_any_call, 1, SIM_FAULT_KIND_COUNT);
    tcase_add_loop_test(faults, two_faults_end_as_well, 1, SIM_FAULT_KIND_COUNT);
    suite_add_tcase(s, t);
    suite_add_tcase(s, faults);
    return suite_run(s);
}
