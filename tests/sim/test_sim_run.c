/* The scheduler with simulated workers on a virtual clock: thousands of cells, every way a worker
 * can end. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "sim/host.h"
#include "support/suite.h"

/* ---- tests ----------------------------------------------------------------------------------- */

START_TEST(thousands_of_cells_two_at_a_time) {
    struct host *h = host_new(3000, 2);
    struct sched_result res;
    ck_assert_int_eq(host_run(h, &res, NULL), 0);
    ck_assert_uint_eq(res.done, 3000);
    ck_assert_uint_eq(res.failed, 0);
    ck_assert_int_eq(h->most, 2);
    ck_assert(h->eta_seen);
    /* Both slots were in use all the time: 21 s a cell, two at a time. */
    ck_assert_int_le(h->clock.now_ns / CLOCK_S, 3000 * 22 / 2 + 60);
    host_free(h);
}
END_TEST

/* What must come of each behaviour: attempts made, and how the cell counts in the end. */
static const struct {
    int attempts;
    bool done;
    int failures; /* observations of class failure over all attempts */
} outcomes[BEHAVIOUR_COUNT] = {
    [WORKS] = {1, true, 0},          [PRODUCT_FAILS] = {1, true, 1},
    [HANGS] = {1, true, 1},          [HANGS_ONCE] = {1, true, 1},
    [LAB_FAILS_ONCE] = {2, true, 1}, [LAB_FAILS] = {3, false, 3},
    [CRASHES_ONCE] = {2, true, 1},   [CRASHES] = {3, false, 3},
    [KILLED_ONCE] = {2, true, 1},    [TOLD_ONCE] = {2, true, 1},
    [LEAVES] = {3, false, 3},        [GOES_SILENT] = {3, false, 3},
    [TALKS_NONSENSE] = {3, false, 3}, [NEVER_ENDS_LINE] = {3, false, 3},
    [LIES] = {3, false, 3},          [CANNOT_START] = {3, false, 3},
    [RUNS_FOR_EVER] = {3, false, 3},
};

START_TEST(each_end_of_a_worker) {
    enum behaviour b = (enum behaviour)_i;
    struct host *h = host_new(3, 2);
    h->behaviour[1] = b; /* the two neighbours must not notice */
    struct sched_result res;
    ck_assert_int_eq(host_run(h, &res, NULL), 0);
    ck_assert_int_eq(h->last_attempt[1], outcomes[b].attempts);
    ck_assert_int_eq(h->failures[1], outcomes[b].failures);
    ck_assert_int_eq(h->ends[1], outcomes[b].attempts);
    ck_assert_uint_eq(res.done, 2 + (size_t)outcomes[b].done);
    ck_assert_uint_eq(res.failed, (size_t)!outcomes[b].done);
    ck_assert(!res.interrupted);
    ck_assert_int_eq(h->failures[0] + h->failures[2], 0);
    bool unclean = b == CRASHES || b == CRASHES_ONCE || b == GOES_SILENT || b == RUNS_FOR_EVER ||
                   b == TALKS_NONSENSE || b == LIES || b == NEVER_ENDS_LINE;
    ck_assert(!unclean || h->swept >= 1);
    host_free(h);
}
END_TEST

/* Runs of a cell, the planned one among them, by the matrix' number of confirmations. */
static const struct {
    enum behaviour behaviour;
    int confirm, runs, failures;
} confirmed[] = {
    {WORKS, MODEL_CONFIRM_BY_EVIDENCE, 1, 0},         {WORKS, 5, 1, 0},
    {PRODUCT_FAILS, MODEL_CONFIRM_BY_EVIDENCE, 1, 1}, {PRODUCT_FAILS, 2, 3, 3},
    {HANGS, MODEL_CONFIRM_BY_EVIDENCE, 2, 2},         {HANGS, 0, 1, 1},
    {HANGS, 5, 6, 6},                                 {HANGS_ONCE, MODEL_CONFIRM_BY_EVIDENCE, 2, 1},
    {HANGS_ONCE, 3, 4, 1},                            {LAB_FAILS_ONCE, 3, 1, 1},
};

START_TEST(failures_of_products_are_confirmed) {
    struct host *h = host_new(3, 2);
    h->behaviour[1] = confirmed[_i].behaviour;
    h->confirm = confirmed[_i].confirm;
    struct sched_result res;
    ck_assert_int_eq(host_run(h, &res, NULL), 0);
    ck_assert_int_eq(h->run[1] + 1, confirmed[_i].runs);
    ck_assert_int_eq(h->completes[1], confirmed[_i].runs + (confirmed[_i].behaviour == LAB_FAILS_ONCE));
    ck_assert_int_eq(h->failures[1], confirmed[_i].failures);
    ck_assert_uint_eq(res.confirms, (size_t)confirmed[_i].runs - 1);
    ck_assert_uint_eq(res.done, 3 + res.confirms);
    ck_assert_uint_eq(res.failed, 0);
    ck_assert_int_eq(h->run[0] + h->run[2], 0);
    host_free(h);
}
END_TEST

/* No confirmation begins once the user wants to stop; what was done counts. */
START_TEST(an_interrupted_run_orders_no_confirmation) {
    struct host *h = host_new(1, 1);
    h->behaviour[0] = HANGS;
    h->confirm = 1;
    h->interrupt_at[0] = 21 * CLOCK_S + CLOCK_S / 2; /* in its last step */
    h->stubborn = true;
    struct sched_result res;
    ck_assert_int_eq(host_run(h, &res, NULL), 0);
    ck_assert(res.interrupted);
    ck_assert_int_eq(h->run[0], 0);
    ck_assert_uint_eq(res.done, 1);
    host_free(h);
}
END_TEST

/* An end that nobody here ordered is recorded with the signal, as the host's doing or the worker's. */
static const struct {
    enum behaviour behaviour;
    const char *said;
} ends[] = {
    {CRASHES_ONCE, "lab-bug: the worker was ended by signal 11 "},
    {KILLED_ONCE, "host-resources: the worker was ended by signal 9 "},
    {TOLD_ONCE, "host-resources: the worker stopped in mid-cell, told by signal 15 "},
};

START_TEST(a_foreign_signal_is_recorded) {
    struct host *h = host_new(1, 1);
    h->behaviour[0] = ends[_i].behaviour;
    struct sched_result res;
    ck_assert_int_eq(host_run(h, &res, NULL), 0);
    ck_assert_msg(strncmp(h->said, ends[_i].said, strlen(ends[_i].said)) == 0, "%s", h->said);
    ck_assert_uint_eq(res.done, 1);
    host_free(h);
}
END_TEST

START_TEST(all_behaviours_mixed) {
    size_t cells = 2000;
    struct host *h = host_new(cells, 7);
    size_t done = 0;
    for (size_t i = 0; i < cells; i++) {
        h->behaviour[i] = (enum behaviour)((i * 7919 + i / 13) % RUNS_FOR_EVER);
        done += outcomes[h->behaviour[i]].done;
    }
    struct sched_result res;
    ck_assert_int_eq(host_run(h, &res, NULL), 0);
    ck_assert_uint_eq(res.done, done);
    ck_assert_uint_eq(res.failed, cells - done);
    for (size_t i = 0; i < cells; i++) {
        ck_assert_int_eq(h->last_attempt[i], outcomes[h->behaviour[i]].attempts);
    }
    host_free(h);
}
END_TEST

START_TEST(a_request_to_stop_is_orderly) {
    for (int64_t at = 1; at < 60; at += 3) {
        struct host *h = host_new(50, 2);
        h->interrupt_at[0] = at * CLOCK_S + CLOCK_S / 2;
        struct sched_result res;
        ck_assert_int_eq(host_run(h, &res, NULL), 0);
        ck_assert(res.interrupted);
        ck_assert_uint_lt(res.done, 50);
        ck_assert_uint_eq(res.failed, 0); /* stopping is nobody's failure */
        ck_assert_int_eq(h->killed, 0);
        for (size_t i = 0; i < 50; i++) {
            ck_assert_int_eq(h->failures[i], 0);
        }
        host_free(h);
    }
}
END_TEST

START_TEST(workers_that_will_not_stop_are_killed) {
    for (int requests = 2; requests <= 3; requests++) {
        struct host *h = host_new(4, 2);
        h->stubborn = true;
        for (size_t i = 0; i < 4; i++) {
            h->behaviour[i] = RUNS_FOR_EVER;
        }
        for (int i = 0; i < requests; i++) {
            h->interrupt_at[i] = (5 + i) * CLOCK_S;
        }
        struct sched_result res;
        ck_assert_int_eq(host_run(h, &res, NULL), 0);
        ck_assert(res.interrupted);
        ck_assert_int_eq(h->killed, 2);
        ck_assert_int_ge(h->swept, 1);
        /* Two requests: after the grace; three: at once. */
        ck_assert_int_le(h->clock.now_ns, (requests == 2 ? 40 : 10) * CLOCK_S);
        host_free(h);
    }
}
END_TEST

START_TEST(a_full_journal_ends_the_run) {
    for (size_t at = 1; at < 40; at += 3) {
        struct host *h = host_new(20, 3);
        h->record_fails_at = at;
        struct sched_result res;
        CLEANUP_ERR struct err err = ERR_INIT;
        ck_assert_int_lt(host_run(h, &res, &err), 0);
        ck_assert_int_eq(err.cls, ERR_NOSPACE);
        ck_assert_int_le(h->spawned, 20);
        host_free(h);
    }
}
END_TEST

START_TEST(room_limits_how_many_run) {
    struct host *h = host_new(30, 4);
    h->room = 2;
    struct sched_result res;
    ck_assert_int_eq(host_run(h, &res, NULL), 0);
    ck_assert_uint_eq(res.done, 30);
    ck_assert_int_eq(h->most, 2);
    host_free(h);
}
END_TEST

START_TEST(no_room_at_all_is_told_and_ends) {
    struct host *h = host_new(5, 2);
    h->room = 0;
    struct sched_result res;
    ck_assert_int_eq(host_run(h, &res, NULL), 0);
    ck_assert_uint_eq(res.failed, 5);
    for (size_t i = 0; i < 5; i++) {
        ck_assert_int_eq(h->failures[i], 1);
    }
    ck_assert_int_le(h->clock.now_ns / CLOCK_S, 700);
    host_free(h);
}
END_TEST

START_TEST(hosts_without_slots_are_refused) {
    struct host *h = host_new(1, 1);
    struct sched_result res;
    struct err err = ERR_INIT;
    static const struct sched_ops none;
    struct sched_host lame = {.name = "lame"};
    struct sched_opts o = {.plan = &h->plan, .hosts = &lame, .host_count = 1, .ops = &none};
    ck_assert_int_lt(sched_run(&o, &res, &err), 0);
    ck_assert_int_eq(err.cls, ERR_INPUT);
    err_clear(&err);
    o.host_count = 0;
    ck_assert_int_lt(sched_run(&o, &res, &err), 0);
    ck_assert_int_eq(err.cls, ERR_INPUT);
    err_clear(&err);
    host_free(h);
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim_run");
    TCase *t = tcase_create("scheduler");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, thousands_of_cells_two_at_a_time);
    tcase_add_loop_test(t, each_end_of_a_worker, 0, BEHAVIOUR_COUNT);
    tcase_add_loop_test(t, failures_of_products_are_confirmed, 0, (int)ARRAY_LEN(confirmed));
    tcase_add_test(t, an_interrupted_run_orders_no_confirmation);
    tcase_add_loop_test(t, a_foreign_signal_is_recorded, 0, (int)ARRAY_LEN(ends));
    tcase_add_test(t, all_behaviours_mixed);
    tcase_add_test(t, a_request_to_stop_is_orderly);
    tcase_add_test(t, workers_that_will_not_stop_are_killed);
    tcase_add_test(t, a_full_journal_ends_the_run);
    tcase_add_test(t, room_limits_how_many_run);
    tcase_add_test(t, no_room_at_all_is_told_and_ends);
    tcase_add_test(t, hosts_without_slots_are_refused);
    suite_add_tcase(s, t);
    return suite_run(s);
}
