/* The simulated world and the two fakes that look at it. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "guest/fake.h"
#include "support/suite.h"
#include "vm/fake.h"

struct bench {
    char *dir;
    struct sim_world *world;
    struct clock *clock;
    struct vm *vm;
    struct guest *guest;
};

static struct bench bench_new(void) {
    char tmpl[] = "/tmp/coexist-test-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(tmpl));
    struct bench b = {.dir = str_dup(tmpl), .world = sim_world_new()};
    struct vm_spec spec = {.name = "sim", .work_dir = b.dir};
    b.clock = sim_world_clock(b.world);
    b.vm = vm_fake_create(&spec, b.world, NULL, NULL);
    b.guest = guest_fake_create(b.world, NULL);
    ck_assert_ptr_nonnull(b.vm);
    return b;
}

static void bench_end(struct bench *b) {
    vm_destroy(b->vm);
    guest_destroy(b->guest);
    sim_world_free(b->world);
    ck_assert_int_eq(fs_remove_tree(b->dir, NULL), 0);
    free(b->dir);
}
#define BENCH CLEANUP(bench_end) struct bench b = bench_new()

static int64_t in_s(struct bench *b, int64_t seconds) {
    return clock_after(b->clock, seconds * CLOCK_S);
}

static void bench_up(struct bench *b) {
    json_t *hello = NULL;
    ck_assert_int_eq(vm_start(b->vm, in_s(b, 60), NULL), 0);
    ck_assert_int_eq(guest_wait_ready(b->guest, in_s(b, 60), &hello, NULL), 0);
    json_decref(hello);
}

static uint32_t bench_exec(struct bench *b, const char *command) {
    struct guest_exec x;
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_msg(guest_exec(b->guest, command, 60000, 4096, in_s(b, 120), &x, &err) == 0, "%s",
                  err_text(&err));
    guest_exec_free(&x);
    return x.exit_code;
}

/* A call's error class; ERR_NONE when it worked. */
static enum err_class bench_ping(struct bench *b) {
    CLEANUP_ERR struct err err = ERR_INIT;
    json_t *result = NULL;
    guest_call(b->guest, "ping", NULL, in_s(b, 30), &result, &err);
    json_decref(result);
    return err.cls;
}

static enum err_class bench_exec_class(struct bench *b) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct guest_exec x;
    guest_exec(b->guest, "ver", 1000, 4096, in_s(b, 30), &x, &err);
    guest_exec_free(&x);
    return err.cls;
}

static enum vm_event_type bench_event(struct bench *b) {
    struct vm_event ev;
    ck_assert_int_eq(vm_next_event(b->vm, in_s(b, 60), &ev, NULL), 1);
    return ev.type;
}

static void install(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set_boot(w, "service:AlderSvc", "running");
    sim_world_set(w, "file:C:\\Program Files\\Alder\\engine.dll", "2.1.0.7");
}

static void crash(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_strike(w, SIM_FAULT_CRASH);
}

static void quarantine(struct sim_world *w, void *ctx) {
    sim_world_set(w, ctx, NULL);
}

START_TEST(boot_takes_its_virtual_time) {
    BENCH;
    sim_world_boot_ms(b.world, 9000);
    bench_up(&b);
    ck_assert_int_eq(clock_now(b.clock) / CLOCK_MS, 9000 + 400);
    ck_assert_int_eq(vm_state(b.vm), VM_RUNNING);
}
END_TEST

START_TEST(commands_change_facts_and_unknown_ones_fail_like_cmd) {
    BENCH;
    sim_world_on_exec(b.world, "setup.exe", 5000, 3010, install, NULL);
    bench_up(&b);
    int64_t before = clock_now(b.clock);
    ck_assert_uint_eq(bench_exec(&b, "C:\\coexist\\in\\setup.exe /S"), 3010);
    ck_assert_int_ge(clock_now(b.clock) - before, 5 * CLOCK_S);
    ck_assert_str_eq(sim_world_get(b.world, "SERVICE:aldersvc"), "running");
    struct guest_exec x;
    ck_assert_int_eq(guest_exec(b.guest, "nobody.exe", 60000, 4096, in_s(&b, 90), &x, NULL), 0);
    ck_assert_uint_eq(x.exit_code, 1);
    ck_assert_ptr_nonnull(strstr(str_get(&x.err), "not recognized"));
    guest_exec_free(&x);
}
END_TEST

START_TEST(a_command_over_its_limit_is_killed_and_has_no_effect) {
    BENCH;
    sim_world_on_exec(b.world, "setup.exe", 90000, 0, install, NULL);
    bench_up(&b);
    struct guest_exec x;
    ck_assert_int_eq(guest_exec(b.guest, "setup.exe", 60000, 4096, in_s(&b, 90), &x, NULL), 0);
    ck_assert(x.timed_out);
    ck_assert_ptr_null(sim_world_get(b.world, "service:AlderSvc"));
    guest_exec_free(&x);
}
END_TEST

START_TEST(a_reboot_is_an_event_and_a_new_hello) {
    BENCH;
    bench_up(&b);
    install(b.world, NULL);
    sim_world_set(b.world, "service:AlderSvc", "stopped");
    json_t *args = json_pack("{s:b}", "reboot", 1);
    json_t *result = NULL;
    ck_assert_int_eq(guest_call(b.guest, "shutdown", args, in_s(&b, 10), &result, NULL), 0);
    json_decref(args);
    json_decref(result);
    /* The event cuts a wait short, as the real guest's interrupt does. */
    CLEANUP_ERR struct err err = ERR_INIT;
    json_t *hello = NULL;
    ck_assert_int_eq(guest_wait_ready(b.guest, in_s(&b, 60), &hello, &err), -1);
    ck_assert_int_eq(err.cls, ERR_INTERRUPT);
    ck_assert_int_eq(bench_event(&b), VM_EVENT_RESET);
    ck_assert_int_eq(guest_wait_ready(b.guest, in_s(&b, 60), &hello, NULL), 0);
    ck_assert_int_lt(json_integer_value(json_object_get(hello, "boot_ms")), 13000);
    json_decref(hello);
    ck_assert_str_eq(sim_world_get(b.world, "service:AlderSvc"), "running");
}
END_TEST

START_TEST(a_crash_at_each_call_is_seen_and_a_reset_heals_it) {
    for (int nth = 1; nth <= 6; nth++) {
        BENCH;
        sim_world_fault_at(b.world, nth, SIM_FAULT_CRASH);
        json_t *hello = NULL;
        vm_start(b.vm, in_s(&b, 60), NULL);
        if (guest_wait_ready(b.guest, in_s(&b, 60), &hello, NULL) == 0) {
            json_decref(hello);
        }
        for (int i = 0; i < 4; i++) {
            bench_ping(&b);
        }
        ck_assert_int_eq(bench_event(&b), VM_EVENT_PANICKED);
        ck_assert_int_eq(vm_state(b.vm), VM_CRASHED);
        ck_assert_int_eq(bench_ping(&b), ERR_TIMEOUT);
        ck_assert_int_eq(vm_reset(b.vm, in_s(&b, 10), NULL), 0);
        ck_assert_int_eq(guest_wait_ready(b.guest, in_s(&b, 60), &hello, NULL), 0);
        json_decref(hello);
    }
}
END_TEST

START_TEST(a_boot_loop_panics_every_time) {
    BENCH;
    sim_world_on_boot(b.world, crash, NULL);
    ck_assert_int_eq(vm_start(b.vm, in_s(&b, 60), NULL), 0);
    for (int i = 0; i < 3; i++) {
        json_t *hello = NULL;
        CLEANUP_ERR struct err err = ERR_INIT;
        ck_assert_int_eq(guest_wait_ready(b.guest, in_s(&b, 60), &hello, &err), -1);
        ck_assert_int_eq(err.cls, ERR_INTERRUPT);
        ck_assert_int_eq(bench_event(&b), VM_EVENT_PANICKED);
        ck_assert_int_eq(vm_reset(b.vm, in_s(&b, 10), NULL), 0);
    }
}
END_TEST

START_TEST(a_hang_is_silence_until_the_deadline) {
    BENCH;
    bench_up(&b);
    sim_world_strike(b.world, SIM_FAULT_HANG);
    int64_t before = clock_now(b.clock);
    ck_assert_int_eq(bench_ping(&b), ERR_TIMEOUT);
    ck_assert_int_eq(clock_now(b.clock) - before, 30 * CLOCK_S);
    struct guest_reach reach;
    ck_assert_int_eq(guest_reach(b.guest, in_s(&b, 60), &reach, NULL), 0);
    ck_assert(!reach.serial && !reach.ssh);
    struct vm_event ev;
    ck_assert_int_eq(vm_next_event(b.vm, in_s(&b, 1), &ev, NULL), 0);
}
END_TEST

START_TEST(a_lost_way_leaves_the_other) {
    BENCH;
    bench_up(&b);
    struct guest_reach reach;
    sim_world_strike(b.world, SIM_FAULT_NETWORK_LOST);
    ck_assert_int_eq(bench_exec_class(&b), ERR_CLOSED);
    ck_assert_int_eq(bench_ping(&b), ERR_NONE);
    ck_assert_int_eq(guest_reach(b.guest, in_s(&b, 60), &reach, NULL), 0);
    ck_assert(reach.serial && !reach.ssh && reach.ssh_why[0]);

    struct bench c = bench_new();
    bench_up(&c);
    sim_world_strike(c.world, SIM_FAULT_SERIAL_LOST);
    ck_assert_int_eq(bench_exec_class(&c), ERR_NONE);
    ck_assert_int_eq(bench_ping(&c), ERR_NONE);
    ck_assert_int_eq(guest_reach(c.guest, in_s(&c, 60), &reach, NULL), 0);
    ck_assert(!reach.serial && reach.ssh);
    bench_end(&c);
}
END_TEST

START_TEST(a_full_disk_stops_the_guest_and_every_write) {
    BENCH;
    bench_up(&b);
    sim_world_fault_at(b.world, 1, SIM_FAULT_DISK_FULL);
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *path = fs_join(b.dir, "screen.png");
    ck_assert_int_eq(vm_screenshot(b.vm, path, &err), -1);
    ck_assert_int_eq(err.cls, ERR_NOSPACE);
    ck_assert_int_eq(bench_event(&b), VM_EVENT_IO_ERROR);
    ck_assert_int_eq(bench_ping(&b), ERR_TIMEOUT);
    ck_assert_int_eq(vm_stop(b.vm, in_s(&b, 10), NULL), 0);
}
END_TEST

START_TEST(qemus_death_is_an_event_and_closes_the_guest) {
    BENCH;
    bench_up(&b);
    sim_world_fault_at(b.world, 1, SIM_FAULT_QEMU_DIED);
    ck_assert_int_eq(bench_ping(&b), ERR_INTERRUPT);
    ck_assert_int_eq(bench_event(&b), VM_EVENT_DIED);
    ck_assert_int_eq(vm_state(b.vm), VM_OFF);
    ck_assert_int_eq(bench_ping(&b), ERR_CLOSED);
}
END_TEST

START_TEST(slow_and_lab_bug_strike_one_call_only) {
    BENCH;
    bench_up(&b);
    sim_world_fault_at(b.world, 1, SIM_FAULT_LAB_BUG);
    sim_world_fault_at(b.world, 2, SIM_FAULT_SLOW);
    ck_assert_int_eq(bench_ping(&b), ERR_BUG);
    int64_t before = clock_now(b.clock);
    ck_assert_int_eq(bench_ping(&b), ERR_NONE);
    int64_t slow = clock_now(b.clock) - before;
    ck_assert_int_eq(bench_ping(&b), ERR_NONE);
    ck_assert_int_eq(clock_now(b.clock) - before - slow, slow / 100);
}
END_TEST

START_TEST(a_state_brings_the_facts_back_in_another_world) {
    BENCH;
    bench_up(&b);
    install(b.world, NULL);
    CLEANUP_FREE char *state = fs_join(b.dir, "state");
    ck_assert_int_eq(fs_mkdirs(state, NULL), 0);
    ck_assert_int_eq(vm_save(b.vm, state, in_s(&b, 60), NULL), 0);
    ck_assert_int_eq(vm_state(b.vm), VM_RUNNING);
    sim_world_set(b.world, "service:AlderSvc", "stopped"); /* the saved machine goes on */
    struct bench c = bench_new();
    sim_world_set(c.world, "service:Stranger", "running");
    ck_assert_int_eq(vm_restore(c.vm, state, in_s(&c, 60), NULL), 0);
    ck_assert_str_eq(sim_world_get(c.world, "service:AlderSvc"), "running");
    ck_assert_ptr_null(sim_world_get(c.world, "service:Stranger"));
    ck_assert_int_eq(bench_ping(&c), ERR_NONE);
    bench_end(&c);
}
END_TEST

START_TEST(files_go_in_and_out_and_may_be_taken_away) {
    BENCH;
    static char path[] = "C:\\Users\\Public\\eicar.com";
    static char thing[] = "file:C:\\Users\\Public\\eicar.com";
    bench_up(&b);
    sim_world_on_file(b.world, "EICAR", 700, quarantine, thing);
    CLEANUP_FREE char *in = fs_join(b.dir, "in");
    CLEANUP_FREE char *out = fs_join(b.dir, "out");
    ck_assert_int_eq(fs_write_atomic(in, "an EICAR test", 13, 0600, NULL), 0);
    ck_assert_int_eq(guest_put(b.guest, in, path, in_s(&b, 10), NULL), 0);
    ck_assert_int_eq(guest_get(b.guest, path, out, 100, in_s(&b, 10), NULL), 0);
    CLEANUP_FREE char *back = fs_read(out, 100, NULL, NULL);
    ck_assert_str_eq(back, "an EICAR test");
    b.clock->wait_until(b.clock, in_s(&b, 1));
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_int_eq(guest_get(b.guest, path, out, 100, in_s(&b, 10), &err), -1);
    ck_assert_int_eq(err.cls, ERR_REFUSED);
    ck_assert_int_eq(strncmp(err_text(&err), "not-found:", 10), 0);
}
END_TEST

START_TEST(workload_noise_is_the_same_each_time_and_about_the_mean) {
    double first[50];
    for (int run = 0; run < 2; run++) {
        BENCH;
        bench_up(&b);
        sim_world_workload(b.world, "copy-small", 400, 2);
        json_t *args = json_pack("{s:s, s:i}", "name", "copy-small", "repetitions", 50);
        json_t *result = NULL;
        ck_assert_int_eq(guest_call(b.guest, "workload", args, in_s(&b, 600), &result, NULL), 0);
        double sum = 0;
        for (size_t i = 0; i < 50; i++) {
            json_t *item = json_array_get(json_object_get(result, "items"), i);
            double value = json_real_value(json_object_get(item, "value"));
            sum += value / json_real_value(json_object_get(item, "reference_ms")) * 20;
            if (run == 0) {
                first[i] = value;
            }
            ck_assert(fabs(first[i] - value) < 1e-9);
        }
        ck_assert(fabs(sum / 50 - 400) < 8); /* 7 standard errors: the paired noise is 2 % of 400 */
        json_decref(args);
        json_decref(result);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim world");
    TCase *t = tcase_create("sim world");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, boot_takes_its_virtual_time);
    tcase_add_test(t, commands_change_facts_and_unknown_ones_fail_like_cmd);
    tcase_add_test(t, a_command_over_its_limit_is_killed_and_has_no_effect);
    tcase_add_test(t, a_reboot_is_an_event_and_a_new_hello);
    tcase_add_test(t, a_crash_at_each_call_is_seen_and_a_reset_heals_it);
    tcase_add_test(t, a_boot_loop_panics_every_time);
    tcase_add_test(t, a_hang_is_silence_until_the_deadline);
    tcase_add_test(t, a_lost_way_leaves_the_other);
    tcase_add_test(t, a_full_disk_stops_the_guest_and_every_write);
    tcase_add_test(t, qemus_death_is_an_event_and_closes_the_guest);
    tcase_add_test(t, slow_and_lab_bug_strike_one_call_only);
    tcase_add_test(t, a_state_brings_the_facts_back_in_another_world);
    tcase_add_test(t, files_go_in_and_out_and_may_be_taken_away);
    tcase_add_test(t, workload_noise_is_the_same_each_time_and_about_the_mean);
    suite_add_tcase(s, t);
    return suite_run(s);
}
