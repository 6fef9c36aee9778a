#include "support/suite.h"
#include "vm_contract.h"

#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "support/skip.h"
#include "vm_contract_bench.h"

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

START_TEST(a_machine_is_favoured_until_that_ends_or_it_starts_anew) {
    BENCH;
    CLEANUP_ERR struct err why = ERR_INIT;
    bench_up(&b);
    if (!contract()->favoured) {
        ck_assert_int_lt(vm_favour(b.vm, true, &why), 0);
        ck_assert_int_eq((int)why.cls, ERR_REFUSED);
        ck_assert(contract()->answers(b.self));
        return;
    }
    ck_assert(!contract()->favoured(b.self));
    OK(vm_favour(b.vm, true, err));
    ck_assert(contract()->favoured(b.self));
    OK(vm_favour(b.vm, false, err));
    ck_assert(!contract()->favoured(b.self));
    OK(vm_favour(b.vm, true, err));
    OK(vm_stop(b.vm, in_s(b.vm, 30), err));
    ck_assert_int_lt(vm_favour(b.vm, true, &why), 0);
    ck_assert_int_eq((int)why.cls, ERR_BUG); /* off */
    bench_up(&b);
    ck_assert(!contract()->favoured(b.self));
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
    ck_assert(contract()->answers(b.self));
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
    contract()->order(b.self, VM_ORDER_REBOOT);
    expect_event(&b, VM_EVENT_RESET, VM_RUNNING);
    ck_assert(contract()->answers(b.self));
    expect_silence(&b);
}
END_TEST

START_TEST(a_guests_power_off_is_a_shutdown_event) {
    BENCH;
    bench_up(&b);
    contract()->order(b.self, VM_ORDER_POWEROFF);
    expect_event(&b, VM_EVENT_SHUTDOWN, VM_OFF);
    bench_up(&b);
    expect_silence(&b);
}
END_TEST

START_TEST(a_panic_is_kept_for_evidence_and_a_reset_boots_again) {
    BENCH;
    bench_up(&b);
    for (int i = 0; i < 2; i++) { /* the second time is as good as the first */
        contract()->order(b.self, VM_ORDER_PANIC);
        expect_event(&b, VM_EVENT_PANICKED, VM_CRASHED);
        look_at_the_crash(&b);
        OK(vm_reset(b.vm, in_s(b.vm, 30), err));
        ck_assert_int_eq(vm_state(b.vm), VM_RUNNING);
        ck_assert(contract()->answers(b.self));
        expect_silence(&b);
    }
}
END_TEST

START_TEST(a_panic_not_looked_at_can_be_stopped_or_destroyed) {
    BENCH;
    bench_up(&b);
    contract()->order(b.self, VM_ORDER_PANIC);
    expect_event(&b, VM_EVENT_PANICKED, VM_CRASHED);
    OK(vm_stop(b.vm, in_s(b.vm, 30), err));
    bench_up(&b);
    contract()->order(b.self, VM_ORDER_PANIC); /* bench_close destroys it as it is */
    expect_event(&b, VM_EVENT_PANICKED, VM_CRASHED);
}
END_TEST

START_TEST(a_reset_of_the_lab_is_no_event) {
    BENCH;
    bench_up(&b);
    contract()->remember(b.self, "before");
    OK(vm_reset(b.vm, in_s(b.vm, 30), err));
    ck_assert(contract()->answers(b.self));
    ck_assert(!contract()->remembers(b.self, "before"));
    expect_silence(&b);
}
END_TEST

START_TEST(qemus_death_is_an_event) {
    BENCH;
    bench_up(&b);
    contract()->order(b.self, VM_ORDER_KILL);
    expect_event(&b, VM_EVENT_DIED, VM_OFF);
    bench_up(&b);
    contract()->order(b.self, VM_ORDER_KILL); /* nobody reads the event before the end */
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
    contract()->order(b.self, VM_ORDER_PANIC);
    ck_assert_int_eq(poll(&p, 1, 30000), 1);
    expect_event(&b, VM_EVENT_PANICKED, VM_CRASHED);
    ck_assert_int_eq(poll(&p, 1, 0), 0);
}
END_TEST

START_TEST(a_full_host_disk_is_an_io_error) {
    NEEDS_BACKEND;
    BENCH_ON(true);
    bench_up(&b);
    contract()->order(b.self, VM_ORDER_FILL);
    expect_event(&b, VM_EVENT_IO_ERROR, VM_RUNNING);
    OK(vm_stop(b.vm, in_s(b.vm, 30), err));
}
END_TEST

int vm_contract_run(const struct vm_contract_backend *backend, bool (*prepare)(char why[256])) {
    if (!bench_prepare(backend, prepare)) {
        return 1;
    }
    CLEANUP_FREE char *name = str_printf("vm contract: %s", backend->name);
    Suite *s = suite_create(name);
    TCase *t = tcase_create(name);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, it_starts_stops_and_starts_again_without_events);
    tcase_add_test(t, a_machine_is_favoured_until_that_ends_or_it_starts_anew);
    tcase_add_test(t, wrong_order_is_a_lab_bug_and_harmless);
    tcase_add_test(t, a_deadline_already_passed_starts_nothing);
    tcase_add_test(t, a_guests_reboot_is_one_reset_event);
    tcase_add_test(t, a_guests_power_off_is_a_shutdown_event);
    tcase_add_test(t, a_panic_is_kept_for_evidence_and_a_reset_boots_again);
    tcase_add_test(t, a_panic_not_looked_at_can_be_stopped_or_destroyed);
    tcase_add_test(t, a_reset_of_the_lab_is_no_event);
    tcase_add_test(t, qemus_death_is_an_event);
    tcase_add_test(t, a_waiting_event_makes_the_descriptor_readable);
    if (!backend->far) {
        vm_contract_add_states(t);
        tcase_add_test(t, a_full_host_disk_is_an_io_error);
    }
    suite_add_tcase(s, t);
    int rc = suite_run(s);
    bench_clean();
    return rc;
}
