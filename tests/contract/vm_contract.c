#include "vm_contract.h"

#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "support/skip.h"

/* Check's test functions take no argument; set once before the first test. */
static const struct vm_contract_backend *contract;
static const char *contract_cannot;
static char contract_dir[] = "/tmp/coexist-test-XXXXXX"; /* every test's folder lies in it */

struct bench {
    char *dir;
    void *self;
    struct vm *vm;
};

static char *bench_dir(void) {
    CLEANUP_FREE char *tmpl = fs_join(contract_dir, "test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(tmpl));
    return STEAL(tmpl);
}

static void bench_close(struct bench *b) {
    if (b->self) {
        contract->close(b->self);
        ck_assert_msg(!contract->left_over(b->dir), "something of the VM is left");
    }
    fs_remove_tree(b->dir, NULL);
    free(b->dir);
}

static void bench_open(struct bench *b, bool small, char why[256]) {
    b->dir = bench_dir();
    b->self = contract->open(b->dir, small, why);
    b->vm = b->self ? contract->vm(b->self) : NULL;
}

#define BENCH_ON(small)                                         \
    CLEANUP(bench_close) struct bench b = {NULL, NULL, NULL};   \
    char cannot[256] = "";                                      \
    bench_open(&b, (small), cannot);                            \
    if (!b.self) {                                              \
        TEST_SKIP("%s: %s", contract->name, cannot);            \
    }
#define BENCH                                                   \
    if (contract_cannot) {                                      \
        TEST_SKIP("%s: %s", contract->name, contract_cannot);   \
    }                                                           \
    BENCH_ON(false)

static int64_t in_s(struct vm *vm, int64_t seconds) {
    return clock_after(vm_clock(vm), seconds * CLOCK_S);
}

#define OK(call)                                                          \
    do {                                                                  \
        CLEANUP_ERR struct err ok_err = ERR_INIT;                         \
        struct err *err = &ok_err;                                        \
        int ok_rc = (call);                                               \
        ck_assert_msg(ok_rc >= 0, "%s: %s", #call, err_text(err));        \
    } while (0)

static void bench_up(struct bench *b) {
    OK(vm_start(b->vm, in_s(b->vm, 60), err));
    ck_assert(contract->answers(b->self));
}

static void expect_event(struct bench *b, enum vm_event_type type, enum vm_state leads_to) {
    struct vm_event ev = {.type = VM_EVENT_TYPE_COUNT};
    int rc = vm_next_event(b->vm, in_s(b->vm, 60), &ev, NULL);
    ck_assert_int_eq(rc, 1);
    ck_assert_str_eq(vm_event_name(ev.type), vm_event_name(type));
    ck_assert_str_eq(vm_state_name(vm_state(b->vm)), vm_state_name(leads_to));
}

static void expect_silence(struct bench *b) {
    struct vm_event ev = {.type = VM_EVENT_TYPE_COUNT};
    int rc = vm_next_event(b->vm, in_s(b->vm, 1), &ev, NULL);
    ck_assert_msg(rc == 0, "an event nobody expected: %s %s", vm_event_name(ev.type), ev.detail);
}

START_TEST(it_starts_stops_and_starts_again_without_events) {
    BENCH;
    ck_assert_int_eq(vm_state(b.vm), VM_DEFINED);
    bench_up(&b);
    struct vm_endpoints ends;
    OK(vm_endpoints(b.vm, &ends, err));
    ck_assert_ptr_nonnull(ends.agent_socket);
    ck_assert(fs_exists(ends.console_log));
    OK(vm_stop(b.vm, in_s(b.vm, 30), err));
    ck_assert_int_eq(vm_state(b.vm), VM_OFF);
    expect_silence(&b);
    ck_assert(fs_exists(vm_disk_path(b.vm)));
    bench_up(&b);
    expect_silence(&b);
}
END_TEST

START_TEST(wrong_order_is_a_lab_bug_and_harmless) {
    BENCH;
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_int_eq(vm_stop(b.vm, in_s(b.vm, 5), &err), -1);
    ck_assert_int_eq(err.cls, ERR_BUG);
    bench_up(&b);
    ck_assert_int_eq(vm_start(b.vm, in_s(b.vm, 5), &err), -1);
    ck_assert_int_eq(err.cls, ERR_BUG);
    ck_assert(contract->answers(b.self));
}
END_TEST

START_TEST(a_deadline_already_passed_starts_nothing) {
    BENCH;
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_int_eq(vm_start(b.vm, clock_now(vm_clock(b.vm)) - 1, &err), -1);
    ck_assert_int_eq(err.cls, ERR_TIMEOUT);
    ck_assert_int_eq(vm_state(b.vm), VM_DEFINED);
    bench_up(&b);
}
END_TEST

START_TEST(a_guests_reboot_is_one_reset_event) {
    BENCH;
    bench_up(&b);
    contract->order(b.self, VM_ORDER_REBOOT);
    expect_event(&b, VM_EVENT_RESET, VM_RUNNING);
    ck_assert(contract->answers(b.self));
    expect_silence(&b);
}
END_TEST

START_TEST(a_guests_power_off_is_a_shutdown_event) {
    BENCH;
    bench_up(&b);
    contract->order(b.self, VM_ORDER_POWEROFF);
    expect_event(&b, VM_EVENT_SHUTDOWN, VM_OFF);
    bench_up(&b);
    expect_silence(&b);
}
END_TEST

static void look_at_the_crash(struct bench *b) {
    CLEANUP_FREE char *picture = fs_join(b->dir, "screen.png");
    CLEANUP_FREE char *memory = fs_join(b->dir, "memory.dump");
    OK(vm_screenshot(b->vm, picture, err));
    CLEANUP_FREE char *png = fs_read(picture, 64 << 20, NULL, NULL);
    ck_assert_ptr_nonnull(png);
    ck_assert_int_eq(memcmp(png, "\x89PNG", 4), 0);
    OK(vm_dump(b->vm, memory, in_s(b->vm, 120), err));
    ck_assert_int_gt(fs_size(memory), 0);
    struct vm_diagnostics d;
    OK(vm_diagnose(b->vm, &d, err));
    ck_assert_int_gt(d.cpu_ns, 0);
    ck_assert_int_gt(d.balloon_bytes, 0);
    ck_assert_int_ge(d.starved_ns, 0);
    ck_assert_int_eq(vm_state(b->vm), VM_CRASHED);
}

START_TEST(a_panic_is_kept_for_evidence_and_a_reset_boots_again) {
    BENCH;
    bench_up(&b);
    for (int i = 0; i < 2; i++) { /* the second time is as good as the first */
        contract->order(b.self, VM_ORDER_PANIC);
        expect_event(&b, VM_EVENT_PANICKED, VM_CRASHED);
        look_at_the_crash(&b);
        OK(vm_reset(b.vm, in_s(b.vm, 30), err));
        ck_assert_int_eq(vm_state(b.vm), VM_RUNNING);
        ck_assert(contract->answers(b.self));
        expect_silence(&b);
    }
}
END_TEST

START_TEST(a_panic_not_looked_at_can_be_stopped_or_destroyed) {
    BENCH;
    bench_up(&b);
    contract->order(b.self, VM_ORDER_PANIC);
    expect_event(&b, VM_EVENT_PANICKED, VM_CRASHED);
    OK(vm_stop(b.vm, in_s(b.vm, 30), err));
    bench_up(&b);
    contract->order(b.self, VM_ORDER_PANIC); /* bench_close destroys it as it is */
    expect_event(&b, VM_EVENT_PANICKED, VM_CRASHED);
}
END_TEST

START_TEST(a_reset_of_the_lab_is_no_event) {
    BENCH;
    bench_up(&b);
    contract->remember(b.self, "before");
    OK(vm_reset(b.vm, in_s(b.vm, 30), err));
    ck_assert(contract->answers(b.self));
    ck_assert(!contract->remembers(b.self, "before"));
    expect_silence(&b);
}
END_TEST

START_TEST(qemus_death_is_an_event) {
    BENCH;
    bench_up(&b);
    contract->order(b.self, VM_ORDER_KILL);
    expect_event(&b, VM_EVENT_DIED, VM_OFF);
    bench_up(&b);
    contract->order(b.self, VM_ORDER_KILL); /* nobody reads the event before the end */
}
END_TEST

START_TEST(a_waiting_event_makes_the_descriptor_readable) {
    BENCH;
    bench_up(&b);
    int fd = vm_event_fd(b.vm);
    if (fd < 0) {
        return; /* the contract lets a backend have none */
    }
    struct pollfd p = {fd, POLLIN, 0};
    ck_assert_int_eq(poll(&p, 1, 0), 0);
    contract->order(b.self, VM_ORDER_PANIC);
    ck_assert_int_eq(poll(&p, 1, 30000), 1);
    expect_event(&b, VM_EVENT_PANICKED, VM_CRASHED);
    ck_assert_int_eq(poll(&p, 1, 0), 0);
}
END_TEST

/* Makes a state in dir: memory and overlay. In a process of its own, as real cells do. */
static void save_in_child(const char *dir) {
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid > 0) {
        int status = 0;
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the state was not saved");
        return;
    }
    char why[256];
    void *self = contract->open(dir, false, why);
    struct vm *vm = self ? contract->vm(self) : NULL;
    CLEANUP_FREE char *memory = fs_join(dir, "memory");
    CLEANUP_FREE char *overlay = fs_join(dir, "overlay");
    bool ok = vm && vm_start(vm, in_s(vm, 60), NULL) == 0 && contract->answers(self);
    if (ok) {
        contract->remember(self, "saved");
        ok = vm_save(vm, memory, in_s(vm, 120), NULL) == 0 && vm_state(vm) == VM_OFF &&
             fs_copy(vm_disk_path(vm), overlay, NULL) == 0;
    }
    if (self) {
        contract->close(self);
    }
    _exit(ok ? 0 : 1);
}

START_TEST(a_saved_state_goes_on_elsewhere_where_it_was) {
    if (contract_cannot) {
        TEST_SKIP("%s: %s", contract->name, contract_cannot);
    }
    CLEANUP_FREE char *dir = bench_dir();
    save_in_child(dir);
    CLEANUP_FREE char *memory = fs_join(dir, "memory");
    CLEANUP_FREE char *overlay = fs_join(dir, "overlay");
    {
        BENCH;
        CLEANUP_FREE char *before = fs_read(memory, (size_t)1 << 30, NULL, NULL);
        ck_assert_ptr_nonnull(before);
        OK(vm_restore(b.vm, memory, overlay, in_s(b.vm, 60), err));
        ck_assert_int_eq(vm_state(b.vm), VM_RUNNING);
        ck_assert(contract->remembers(b.self, "saved"));
        expect_silence(&b);
        contract->order(b.self, VM_ORDER_PANIC);
        expect_event(&b, VM_EVENT_PANICKED, VM_CRASHED);
        OK(vm_reset(b.vm, in_s(b.vm, 30), err));
        ck_assert(contract->answers(b.self));
    }
    ck_assert_int_eq(fs_remove_tree(dir, NULL), 0);
}
END_TEST

START_TEST(a_state_that_is_none_is_refused) {
    BENCH;
    CLEANUP_FREE char *memory = fs_join(b.dir, "memory");
    CLEANUP_FREE char *overlay = fs_join(b.dir, "overlay");
    ck_assert_int_eq(fs_write_atomic(memory, "garbage", 7, 0600, NULL), 0);
    ck_assert_int_eq(fs_copy(vm_disk_path(b.vm), overlay, NULL), 0);
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_int_eq(vm_restore(b.vm, memory, overlay, in_s(b.vm, 60), &err), -1);
    ck_assert_int_eq(vm_state(b.vm), VM_DEFINED);
    bench_up(&b);
}
END_TEST

START_TEST(a_full_host_disk_is_an_io_error) {
    if (contract_cannot) {
        TEST_SKIP("%s: %s", contract->name, contract_cannot);
    }
    BENCH_ON(true);
    bench_up(&b);
    contract->order(b.self, VM_ORDER_FILL);
    expect_event(&b, VM_EVENT_IO_ERROR, VM_RUNNING);
    OK(vm_stop(b.vm, in_s(b.vm, 30), err));
}
END_TEST

/* A test that failed left its VM: whoever failed, the host is clean afterwards. */
static int contract_sweep(const char *name, void *ctx) {
    (void)ctx;
    CLEANUP_FREE char *dir = fs_join(contract_dir, name);
    contract->sweep(dir);
    return 0;
}

static void contract_clean(void) {
    fs_each(contract_dir, contract_sweep, NULL, NULL);
    fs_remove_tree(contract_dir, NULL);
}

int vm_contract_run(const struct vm_contract_backend *backend, bool (*prepare)(char why[256])) {
    static char why[256];
    contract = backend;
    if (!mkdtemp(contract_dir)) {
        perror(contract_dir);
        return 1;
    }
    contract_cannot = prepare && !prepare(why) ? why : NULL;
    CLEANUP_FREE char *name = str_printf("vm contract: %s", backend->name);
    Suite *s = suite_create(name);
    TCase *t = tcase_create(name);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, it_starts_stops_and_starts_again_without_events);
    tcase_add_test(t, wrong_order_is_a_lab_bug_and_harmless);
    tcase_add_test(t, a_deadline_already_passed_starts_nothing);
    tcase_add_test(t, a_guests_reboot_is_one_reset_event);
    tcase_add_test(t, a_guests_power_off_is_a_shutdown_event);
    tcase_add_test(t, a_panic_is_kept_for_evidence_and_a_reset_boots_again);
    tcase_add_test(t, a_panic_not_looked_at_can_be_stopped_or_destroyed);
    tcase_add_test(t, a_reset_of_the_lab_is_no_event);
    tcase_add_test(t, qemus_death_is_an_event);
    tcase_add_test(t, a_waiting_event_makes_the_descriptor_readable);
    tcase_add_test(t, a_saved_state_goes_on_elsewhere_where_it_was);
    tcase_add_test(t, a_state_that_is_none_is_refused);
    tcase_add_test(t, a_full_host_disk_is_an_io_error);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    contract_clean();
    return failed == 0 ? 0 : 1;
}
