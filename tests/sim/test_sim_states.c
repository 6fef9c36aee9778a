/* Cells that keep states and cells that begin at them, on the virtual clock, with faults at every call. */
#include <check.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "sim/lab.h"
#include "support/suite.h"

/* After provision, boot and both installs; after the first detect. */
static const size_t save_after[] = {4, 6};
static const char *const save_names[] = {"2-1", "4-1"};

static struct lab *saving_lab(void) {
    struct lab *l = lab_new();
    l->save = (struct cell_save){.after = save_after, .names = save_names, .count = 2};
    return l;
}

static void begin_at(struct lab *l, size_t which) {
    l->save = (struct cell_save){0};
    l->from = (struct cell_from){.state = save_names[which], .steps = save_after[which],
                                 .cell = "winelab/alder/none/1", .attempt = 2, .at_ms = 60000};
}

static const struct observation *first_of(const struct lab *l, enum obs_type type) {
    for (size_t i = 0; i < l->seen_count; i++) {
        if (l->seen[i].o.type == type) {
            return &l->seen[i].o;
        }
    }
    return NULL;
}

/* What a cell found out from one step on: checks and metrics, without their times. Caller frees. */
static char *findings(const struct lab *l, int from_step) {
    struct str s = STR_INIT;
    for (size_t i = 0; i < l->seen_count; i++) {
        const struct observation *o = &l->seen[i].o;
        const char *name = json_string_value(json_object_get(o->data, "name"));
        if (o->step >= from_step && (o->type == OBS_CHECK || o->type == OBS_METRIC)) {
            str_addf(&s, "%d %s %s %s %d\n", o->step, obs_type_name(o->type), o->phase, name,
                     json_is_true(json_object_get(o->data, "ok")));
        }
    }
    return str_take(&s);
}

START_TEST(keeping_states_changes_nothing) {
    struct lab *plain = lab_new(), *l = saving_lab();
    ck_assert_int_eq(lab_run(plain), 0);
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_uint_eq(lab_failures(l), 0);
    ck_assert_uint_eq(lab_count(l, OBS_STATE), 2);
    const struct observation *o = first_of(l, OBS_STATE);
    ck_assert_int_eq(json_integer_value(json_object_get(o->data, "steps")), 4);
    ck_assert_str_eq(json_string_value(json_object_get(o->data, "name")), "2-1");
    ck_assert_int_gt(json_integer_value(json_object_get(o->data, "bytes")), 0);
    ck_assert_int_eq(o->step, -1); /* of no step, or those who begin there would have it, too */
    CLEANUP_FREE char *a = findings(plain, 0);
    CLEANUP_FREE char *b = findings(l, 0);
    ck_assert_str_eq(a, b);
    lab_free(plain);
    lab_free(l);
}
END_TEST

START_TEST(a_cell_goes_on_from_a_state) {
    struct lab *l = saving_lab();
    ck_assert_int_eq(lab_run(l), 0);
    CLEANUP_FREE char *whole = findings(l, (int)save_after[_i]);
    begin_at(l, (size_t)_i);
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_uint_eq(lab_failures(l), 0);
    CLEANUP_FREE char *rest = findings(l, 0);
    ck_assert_str_eq(whole, rest); /* nothing before, everything after */
    const struct observation *begin = &l->seen[0].o, *step = first_of(l, OBS_STEP_BEGIN);
    const json_t *from = json_object_get(begin->data, "from");
    ck_assert_str_eq(json_string_value(json_object_get(from, "cell")), "winelab/alder/none/1");
    ck_assert_int_eq(json_integer_value(json_object_get(from, "attempt")), 2);
    ck_assert_int_eq(json_integer_value(json_object_get(from, "steps")), (int)save_after[_i]);
    ck_assert_str_eq(json_string_value(json_object_get(from, "state")), save_names[_i]);
    ck_assert_int_eq(begin->at_ms, 60000); /* its time goes on */
    ck_assert_int_eq(step->step, (int)save_after[_i]);
    lab_free(l);
}
END_TEST

START_TEST(a_state_that_cannot_be_kept_is_a_note) {
    struct lab *l = saving_lab();
    sim_world_fail_saves(l->world, _i ? ERR_NOSPACE : ERR_SYSTEM);
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_uint_eq(lab_failures(l), 0);
    ck_assert_uint_eq(lab_count(l, OBS_STATE), 0);
    ck_assert_ptr_nonnull(strstr(lab_text(first_of(l, OBS_NOTE)), "state 2-1 was not kept"));
    lab_free(l);
}
END_TEST

static const struct {
    enum err_class cls;
    enum failure_class class;
} restores[] = {
    {ERR_SYSTEM, FAILURE_VM_DIED}, {ERR_TIMEOUT, FAILURE_VM_DIED}, {ERR_INPUT, FAILURE_LAB_BUG},
    {ERR_BUG, FAILURE_LAB_BUG},    {ERR_NOSPACE, FAILURE_HOST_RESOURCES},
};

START_TEST(a_state_that_cannot_be_gone_on_from_is_the_labs) {
    struct lab *l = saving_lab();
    ck_assert_int_eq(lab_run(l), 0);
    begin_at(l, 0);
    sim_world_fail_restores(l->world, restores[_i].cls);
    ck_assert_int_lt(lab_run(l), 0);
    ck_assert_uint_eq(lab_failures(l), 1);
    const struct observation *o = lab_failure(l, restores[_i].class);
    ck_assert_ptr_nonnull(o);
    ck_assert_ptr_nonnull(strstr(lab_text(o), "could not go on from the kept state 2-1"));
    ck_assert(lab_skipped(l, STEP_VERIFY, PHASE_BEFORE) && lab_skipped(l, STEP_COLLECT, PHASE_AFTER));
    lab_free(l);
}
END_TEST

/* ---- the image's state at ready ---- */

static const size_t ready_after[] = {2};
static const char *const ready_name[] = {"ready"};

/* A lab whose image has such a state, and what its cell finds without it. Caller frees *found. */
static struct lab *ready_lab(char **found) {
    struct lab *l = lab_new();
    l->save = (struct cell_save){.after = ready_after, .names = ready_name, .count = 1};
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_uint_eq(lab_count(l, OBS_STATE), 1);
    ck_assert_uint_eq(lab_metrics(l, "first-boot", PHASE_BEFORE), 1);
    *found = findings(l, 2);
    l->save = (struct cell_save){0};
    l->ready = ready_name[0];
    return l;
}

static bool says_restored(const struct lab *l) {
    for (size_t i = 0; i < l->seen_count; i++) {
        const struct observation *o = &l->seen[i].o;
        if (o->type == OBS_EVENT && str_eq(json_string_value(json_object_get(o->data, "what")), "restored")) {
            return str_eq(o->kind, "boot") && str_eq(lab_text(o), "the image's state at ready, ready");
        }
    }
    return false;
}

START_TEST(the_images_state_takes_the_place_of_a_first_boot) {
    CLEANUP_FREE char *booted = NULL;
    struct lab *l = ready_lab(&booted);
    ck_assert(!says_restored(l));
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_uint_eq(lab_failures(l), 0);
    CLEANUP_FREE char *went_on = findings(l, 2);
    ck_assert_str_eq(booted, went_on);
    ck_assert(says_restored(l));
    ck_assert_uint_eq(lab_metrics(l, "first-boot", PHASE_BEFORE), 0);
    ck_assert_int_eq(l->distrusted, 0);
    lab_free(l);
}
END_TEST

START_TEST(an_images_state_that_cannot_be_gone_on_from_is_the_labs) {
    CLEANUP_FREE char *booted = NULL;
    struct lab *l = ready_lab(&booted);
    sim_world_fail_restores(l->world, restores[_i].cls);
    ck_assert_int_lt(lab_run(l), 0);
    ck_assert_uint_eq(lab_failures(l), 1);
    const struct observation *o = lab_failure(l, restores[_i].class);
    ck_assert_ptr_nonnull(o);
    ck_assert_ptr_nonnull(strstr(lab_text(o), "could not go on from the kept state the image's state at ready"));
    ck_assert(lab_skipped(l, STEP_INSTALL, PHASE_BEFORE));
    ck_assert_int_eq(l->distrusted, 0); /* that it is damaged is for who reads it to see */
    lab_free(l);
}
END_TEST

/* It runs and nobody answers: nobody shall wait for it a second time. */
START_TEST(an_images_state_without_a_guest_is_not_used_again) {
    CLEANUP_FREE char *booted = NULL;
    struct lab *l = ready_lab(&booted);
    CLEANUP_FREE char *memory = str_printf("%s/%s/" VM_STATE_MEMORY, l->states, l->ready);
    json_t *world = json_load_file(memory, 0, NULL);
    ck_assert_int_eq(json_object_set_new(world, "serial_lost", json_true()), 0);
    ck_assert_int_eq(json_dump_file(world, memory, 0), 0);
    json_decref(world);
    ck_assert_int_lt(lab_run(l), 0);
    ck_assert_uint_eq(lab_failures(l), 1);
    ck_assert(lab_failed(l, FAILURE_VM_DIED));
    ck_assert_int_eq(l->distrusted, 1);
    lab_free(l);
}
END_TEST

/* The first service check fails: what comes after must not be kept. */
START_TEST(nothing_is_kept_after_a_failure) {
    struct lab *l = saving_lab();
    sim_world_on_exec(l->world, "birch.msi", 3300, 1603, NULL, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert(lab_failed(l, FAILURE_INSTALL_FAILED));
    ck_assert_uint_eq(lab_count(l, OBS_STATE), 0);
    lab_free(l);
}
END_TEST

START_TEST(nothing_is_kept_when_told_to_stop) {
    struct lab *l = saving_lab();
    l->stop_after = 3;
    l->stop_to = CELL_STOP_AFTER_STEP;
    lab_run(l);
    ck_assert_uint_eq(lab_count(l, OBS_STATE), 0);
    lab_free(l);
}
END_TEST

/* Told to stop after any step it keeps a point, where it may; gone on from there it finds what it would have found, and
 * between its two measurements there is none. */
START_TEST(told_to_stop_it_keeps_where_it_is) {
    struct lab *plain = lab_new();
    ck_assert_int_eq(lab_run(plain), 0);
    size_t points = 0;
    for (size_t i = 0; i < plain->seen_count; i++) {
        if (plain->seen[i].o.type != OBS_STEP_BEGIN) {
            continue;
        }
        struct lab *l = lab_new();
        size_t done = (size_t)plain->seen[i].o.step + 1;
        bool measured = plain->seen[i].o.step >= 6 && plain->seen[i].o.step < 12; /* see lab_new */
        l->save.points = "p0.0-1";
        l->save.points_max = 1;
        l->stop_after = (int)i + 1;
        l->stop_to = CELL_STOP_AFTER_STEP;
        lab_run(l);
        const struct observation *o = first_of(l, OBS_STATE);
        ck_assert_msg(!measured || !o, "a point after step %zu", done);
        ck_assert_msg(measured || o || done < 2 || done > 13, "no point after step %zu", done);
        if (o) {
            points++;
            CLEANUP_FREE char *name = str_dup(json_string_value(json_object_get(o->data, "name")));
            CLEANUP_FREE char *wanted = str_printf("p0.0-1-%zu", done);
            CLEANUP_FREE char *whole = findings(plain, (int)done);
            ck_assert_str_eq(name, wanted);
            ck_assert_int_eq(json_integer_value(json_object_get(o->data, "steps")), (int)done);
            l->stop = l->stop_after = 0;
            l->save = (struct cell_save){0};
            l->from = (struct cell_from){.state = name, .steps = done, .cell = l->cell.id, .attempt = 1,
                                         .at_ms = o->at_ms};
            ck_assert_int_eq(lab_run(l), 0);
            ck_assert_uint_eq(lab_failures(l), 0);
            CLEANUP_FREE char *rest = findings(l, 0);
            ck_assert_str_eq(whole, rest);
        }
        lab_free(l);
    }
    ck_assert_uint_ge(points, 5);
    lab_free(plain);
}
END_TEST

START_TEST(a_point_is_kept_when_it_is_time) {
    struct lab *l = lab_new();
    l->save.points = "p0.0-1";
    l->save.points_max = 4;
    l->save.every = CLOCK_S;
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_uint_eq(lab_failures(l), 0);
    ck_assert_uint_eq(lab_count(l, OBS_STATE), 3); /* the boot, an install, one more; the last one is for a stop */
    l->save.points_max = 1;
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_uint_eq(lab_count(l, OBS_STATE), 0);
    l->save.points_max = 4;
    l->save.every = 3600 * CLOCK_S;
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_uint_eq(lab_count(l, OBS_STATE), 0);
    lab_free(l);
}
END_TEST

/* lab_run itself checks what must hold whatever strikes; here also: a fault that strikes before the first step
 * after a restore is never a product's, and none is silent for ever. */
static void any_fault(bool restored) {
    struct lab *l = saving_lab();
    lab_run(l);
    int calls = l->seen[l->seen_count - 1].calls;
    lab_free(l);
    for (int kind = 0; kind < SIM_FAULT_KIND_COUNT; kind++) {
        for (int call = 1; call <= calls; call += 1 + (kind + call) % 4) {
            l = saving_lab();
            if (restored) {
                lab_run(l);
                begin_at(l, (size_t)(call % 2));
            }
            sim_world_fault_at(l->world, call, (enum sim_fault_kind)kind);
            lab_run(l);
            bool early = lab_failures(l) > 0 && first_of(l, OBS_FAILURE)->step < 0;
            enum failure_class first = FAILURE_NONE;
            if (early) {
                failure_class_parse(json_string_value(json_object_get(first_of(l, OBS_FAILURE)->data,
                                                                      "class")), &first);
                ck_assert_msg(failure_class_is_infrastructure(first), "%s at call %d: %s",
                              sim_fault_name((enum sim_fault_kind)kind), call,
                              failure_class_name(first));
            }
            const struct observation *kept = first_of(l, OBS_STATE);
            if (kept) { /* what is told of lies there whole */
                CLEANUP_FREE char *disk =
                    str_printf("%s/%s/disk.qcow2", l->states,
                               json_string_value(json_object_get(kept->data, "name")));
                ck_assert(fs_exists(disk));
            }
            lab_free(l);
        }
    }
}

START_TEST(any_fault_while_states_are_kept) {
    any_fault(false);
}
END_TEST

START_TEST(any_fault_after_a_restore) {
    any_fault(true);
}
END_TEST

/* ---- standing ------------------------------------------------------------------------------- */

/* Boot, installs and a soak are behind the state; what comes then ends soon after the boot. */
static const enum step_kind soaking[] = {STEP_PROVISION, STEP_BOOT, STEP_INSTALL, STEP_SOAK, STEP_APPLY,
                                         STEP_TOOK, STEP_COLLECT, STEP_TEARDOWN, STEP_KIND_COUNT};
/* The same beginning, and no vendor's command after it. */
static const enum step_kind standing[] = {STEP_PROVISION, STEP_BOOT, STEP_INSTALL, STEP_SOAK, STEP_VERIFY,
                                          STEP_COLLECT, STEP_TEARDOWN, STEP_KIND_COUNT};
static const size_t soak_after[] = {5};
static const char *const soak_names[] = {"3-1"};

static struct lab *soaking_lab(void) {
    struct lab *l = lab_new();
    lab_steps(l, soaking);
    l->save = (struct cell_save){.after = soak_after, .names = soak_names, .count = 1};
    return l;
}

static const struct observation *end_of(const struct lab *l, enum step_kind kind) {
    for (size_t i = 0; i < l->seen_count; i++) {
        const struct observation *o = &l->seen[i].o;
        if (o->type == OBS_STEP_END && str_eq(o->kind, step_kind_name(kind))) {
            return o;
        }
    }
    ck_abort_msg("no step %s", step_kind_name(kind));
}

/* When a step of that kind ended, ms since the cell began. */
static int64_t ended_at(const struct lab *l, enum step_kind kind) {
    return end_of(l, kind)->at_ms;
}

static int64_t rested_in(const struct lab *l, enum step_kind kind) {
    return json_integer_value(json_object_get(end_of(l, kind)->data, "rested_ms"));
}

START_TEST(a_matrix_may_say_how_long_a_guest_is_watched) {
    struct model m = {.watch_ms = 77000};
    struct cell_limits with, without;
    cell_limits_set(&without, NULL, false);
    cell_limits_set(&with, &m, false);
    ck_assert_int_eq(with.stand, 77 * CLOCK_S);
    ck_assert_int_eq(without.stand, 30 * CLOCK_S);
    ck_assert_int_eq(with.boot, without.boot);
    ck_assert_int_eq(with.calm, without.calm);
}
END_TEST

START_TEST(a_guest_that_has_stood_need_not_stand_again) {
    struct lab *l = soaking_lab();
    lab_steps(l, standing);
    int64_t stand_ms = l->limits.stand / CLOCK_MS;
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_uint_eq(lab_failures(l), 0);
    ck_assert_int_ge(ended_at(l, STEP_SOAK) - ended_at(l, STEP_BOOT), stand_ms);
    ck_assert_int_ge(l->stood_ms, stand_ms);
    l->save = (struct cell_save){0};
    l->from = (struct cell_from){.state = soak_names[0], .steps = soak_after[0],
                                 .cell = "winelab/alder/none/1", .attempt = 1, .at_ms = 60000};
    int64_t apart[2];
    for (int i = 0; i < 2; i++) { /* with the time it stood, and had that been forgotten */
        ck_assert_int_eq(lab_run(l), 0);
        ck_assert_uint_eq(lab_failures(l), 0);
        apart[i] = ended_at(l, STEP_COLLECT) - ended_at(l, STEP_VERIFY);
        l->stood_ms = 0;
    }
    ck_assert_int_lt(apart[0], stand_ms / 2);
    ck_assert_int_ge(apart[1], stand_ms / 2);
    lab_free(l);
}
END_TEST

static const enum step_kind measuring[] = {STEP_PROVISION, STEP_BOOT, STEP_INSTALL, STEP_SOAK, STEP_MEASURE, STEP_APPLY,
                                           STEP_COLLECT, STEP_TEARDOWN, STEP_KIND_COUNT};

/* Only what is watched may rest, only while it does next to nothing, and not before work beside what is measured. */
START_TEST(a_guest_that_is_watched_rests) {
    struct lab *l = soaking_lab();
    bool idle = _i == 0;
    sim_world_set_load(l->world, idle ? 9 : 40);
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_uint_eq(lab_failures(l), 0);
    ck_assert_int_eq(l->rested, idle ? 2 : 0);
    ck_assert_int_eq(l->last_rests, idle ? 1 : 0);
    ck_assert(l->rest == CELL_WORKS);
    int64_t stand_ms = l->limits.stand / CLOCK_MS;
    static const enum step_kind watched[] = {STEP_SOAK, STEP_COLLECT};
    for (size_t i = 0; i < ARRAY_LEN(watched); i++) {
        int64_t rested = rested_in(l, watched[i]);
        int64_t took = json_integer_value(json_object_get(end_of(l, watched[i])->data, "ms"));
        ck_assert_int_eq(rested > stand_ms / 2, idle);
        ck_assert_int_lt(rested, took);
    }
    ck_assert_int_eq(rested_in(l, STEP_APPLY), 0);
    lab_steps(l, measuring);
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_int_eq(rested_in(l, STEP_SOAK), 0);
    ck_assert_int_eq(l->rested, l->last_rests);
    lab_free(l);
}
END_TEST

static void effect_panic_late(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_strike(w, SIM_FAULT_CRASH);
}

static void effect_booted(struct sim_world *w, void *ctx) {
    sim_world_later(w, 15000, effect_panic_late, ctx);
}

START_TEST(a_soak_sees_what_comes_late) {
    struct lab *l = soaking_lab();
    sim_world_on_boot(l->world, effect_booted, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    const struct observation *o = lab_failure(l, FAILURE_BOOT_LOOP);
    ck_assert_ptr_nonnull(o);
    ck_assert_str_eq(o->kind, "soak");
    ck_assert_str_eq(o->phase, "before"); /* not the update's doing */
    ck_assert(lab_skipped(l, STEP_APPLY, PHASE_AFTER));
    ck_assert_uint_eq(lab_count(l, OBS_STATE), 0);
    lab_free(l);
}
END_TEST

int main(void) {
    Suite *s = suite_create("states of cells");
    TCase *t = tcase_create("states");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, keeping_states_changes_nothing);
    tcase_add_loop_test(t, a_cell_goes_on_from_a_state, 0, 2);
    tcase_add_loop_test(t, a_state_that_cannot_be_kept_is_a_note, 0, 2);
    tcase_add_loop_test(t, a_state_that_cannot_be_gone_on_from_is_the_labs, 0, (int)ARRAY_LEN(restores));
    tcase_add_test(t, nothing_is_kept_after_a_failure);
    tcase_add_test(t, nothing_is_kept_when_told_to_stop);
    tcase_add_test(t, the_images_state_takes_the_place_of_a_first_boot);
    tcase_add_loop_test(t, an_images_state_that_cannot_be_gone_on_from_is_the_labs, 0, (int)ARRAY_LEN(restores));
    tcase_add_test(t, an_images_state_without_a_guest_is_not_used_again);
    tcase_add_test(t, told_to_stop_it_keeps_where_it_is);
    tcase_add_test(t, a_point_is_kept_when_it_is_time);
    tcase_add_test(t, a_matrix_may_say_how_long_a_guest_is_watched);
    tcase_add_test(t, a_guest_that_has_stood_need_not_stand_again);
    tcase_add_loop_test(t, a_guest_that_is_watched_rests, 0, 2);
    tcase_add_test(t, a_soak_sees_what_comes_late);
    tcase_add_test(t, any_fault_while_states_are_kept);
    tcase_add_test(t, any_fault_after_a_restore);
    suite_add_tcase(s, t);
    return suite_run(s);
}
