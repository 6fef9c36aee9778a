/* The scheduler with several hosts, on the virtual clock: hosts that go, come back, or keep no states. */
#include <check.h>

#include "base/clock.h"
#include "support/sharing.h"
#include "support/suite.h"

START_TEST(a_host_that_is_gone_loses_nothing_but_time) {
    struct world w = world_new(deep, 3, 1);
    for (int64_t at = 0; at < 1200; at += 37) {
        struct fleet_spec spec = world_spec(&w, 3, 2);
        struct fleet *f = fleet_new(&spec);
        fleet_host_gone_at(f, (int)at % 3, (at + 2) * CLOCK_S);
        fleet_host_gone_at(f, (int)(at + 1) % 3, (at + 60) * CLOCK_S);
        struct sched_result res = fleet_run(f);
        ck_assert_uint_eq(res.done, w.plan->cell_count); /* a lost host is no try of the cell's */
        ck_assert_uint_eq(fleet_count(f).left, 0);
        fleet_check_facts(f);
        fleet_free(f);
    }
    world_free(&w);
}
END_TEST

START_TEST(when_all_hosts_are_gone_the_run_ends) {
    struct world w = world_new(usual, 2, 1);
    struct fleet_spec spec = world_spec(&w, 2, 2);
    struct fleet *f = fleet_new(&spec);
    fleet_host_gone_at(f, 0, 30 * CLOCK_S);
    fleet_host_gone_at(f, 1, 150 * CLOCK_S);
    struct sched_result res = fleet_run(f);
    ck_assert_uint_gt(res.failed, 0);
    for (size_t i = 0; i < w.plan->cell_count; i++) {
        ck_assert_int_ge(fleet_attempts(f, i), 1); /* each one has its account */
    }
    struct sched_limits limits;
    sched_limits_default(&limits);
    ck_assert_int_ge(fleet_count(f).ms, 150000 + limits.room / CLOCK_MS); /* one might have come back */
    fleet_free(f);
    world_free(&w);
}
END_TEST

START_TEST(a_host_that_comes_back_gets_work_again) {
    struct world w = world_new(deep, 3, 1);
    for (int64_t at = 2; at < 1200; at += 37) {
        struct fleet_spec spec = world_spec(&w, 3, 2);
        struct fleet *f = fleet_new(&spec);
        fleet_host_gone_at(f, 0, at * CLOCK_S);
        fleet_host_gone_at(f, 1, (at + 3) * CLOCK_S);
        fleet_host_back_at(f, 0, (at + 40) * CLOCK_S);
        fleet_host_back_at(f, 1, (at + 90) * CLOCK_S);
        struct sched_result res = fleet_run(f);
        ck_assert_uint_eq(res.done, w.plan->cell_count);
        ck_assert_uint_eq(fleet_count(f).left, 0);
        fleet_check_facts(f);
        fleet_free(f);
    }
    world_free(&w);
}
END_TEST

START_TEST(a_run_without_any_host_waits_for_one) {
    struct world w = world_new(usual, 2, 1);
    struct fleet_spec spec = world_spec(&w, 2, 2);
    struct fleet *f = fleet_new(&spec);
    fleet_host_gone_at(f, 0, 30 * CLOCK_S);
    fleet_host_gone_at(f, 1, 60 * CLOCK_S);
    fleet_host_back_at(f, 1, 500 * CLOCK_S);
    struct sched_result res = fleet_run(f);
    ck_assert_uint_eq(res.done, w.plan->cell_count);
    ck_assert_uint_eq(res.failed, 0);
    fleet_check_facts(f);
    fleet_free(f);
    world_free(&w);
}
END_TEST

struct flaky {
    size_t slots; /* workers that lose their host so far */
    size_t most;
};

static enum fleet_fault flaky_step(void *ctx, size_t cell, int attempt, size_t step) {
    struct flaky *x = ctx;
    (void)cell;
    (void)attempt;
    return step == 2 && x->slots < x->most && ++x->slots ? FLEET_HOST_LOST : FLEET_FINE;
}

/* More often than a cell has tries: none of them is the cell's. */
START_TEST(workers_that_lose_their_host_use_up_no_try) {
    struct world w = world_new(usual, 1, 1);
    struct flaky x = {.most = 9};
    struct fleet_spec spec = world_spec(&w, 1, 1);
    spec.sharing = false;
    spec.faults = (struct fleet_faults){.step = flaky_step, .ctx = &x};
    struct fleet *f = fleet_new(&spec);
    struct sched_result res = fleet_run(f);
    ck_assert_uint_eq(res.done, w.plan->cell_count);
    ck_assert_uint_eq(fleet_count(f).attempts, w.plan->cell_count + 9);
    ck_assert_int_gt(fleet_count(f).ms, 9 * 30000); /* nobody is sent after the lost ones at once */
    fleet_free(f);
    world_free(&w);
}
END_TEST

/* A host that always loses its workers without ever being gone does not keep the run for ever. */
START_TEST(a_host_that_is_lost_again_and_again_ends_the_run) {
    struct world w = world_new(usual, 1, 1);
    struct flaky x = {.most = SIZE_MAX};
    struct fleet_spec spec = world_spec(&w, 1, 1);
    spec.sharing = false;
    spec.faults = (struct fleet_faults){.step = flaky_step, .ctx = &x};
    struct fleet *f = fleet_new(&spec);
    struct sched_result res = fleet_run(f);
    ck_assert_uint_eq(res.failed, w.plan->cell_count);
    fleet_free(f);
    world_free(&w);
}
END_TEST

START_TEST(hosts_without_states_execute_everything) {
    struct world w = world_new(deep, 2, 1);
    for (size_t keepers = 0; keepers <= 2; keepers++) {
        struct fleet_spec spec = world_spec(&w, 2, 2);
        struct fleet *f = fleet_new(&spec);
        fleet_keepers(f, keepers);
        struct sched_result res = fleet_run(f);
        struct fleet_counts n = fleet_count(f);
        ck_assert_uint_eq(res.done, w.plan->cell_count);
        ck_assert_uint_gt(n.on_host[0], 0);
        ck_assert_uint_gt(n.on_host[1], 0);
        ck_assert(keepers > 0 || (n.states == 0 && n.restored == 0));
        ck_assert(keepers == 0 || n.restored > 0);
        ck_assert_uint_eq(n.left, 0);
        fleet_check_facts(f);
        fleet_free(f);
    }
    world_free(&w);
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim_hosts");
    TCase *t = tcase_create("hosts");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, a_host_that_is_gone_loses_nothing_but_time);
    tcase_add_test(t, when_all_hosts_are_gone_the_run_ends);
    tcase_add_test(t, a_host_that_comes_back_gets_work_again);
    tcase_add_test(t, a_run_without_any_host_waits_for_one);
    tcase_add_test(t, workers_that_lose_their_host_use_up_no_try);
    tcase_add_test(t, a_host_that_is_lost_again_and_again_ends_the_run);
    tcase_add_test(t, hosts_without_states_execute_everything);
    suite_add_tcase(s, t);
    return suite_run(s);
}
