/* The scheduler with states, on the virtual clock: everything shared is executed once, whatever
 * fails nothing is lost, counted twice or left behind. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"
#include "support/sharing.h"
#include "support/suite.h"

/* ---- when nothing fails -------------------------------------------------------------------------- */

START_TEST(every_shared_step_is_executed_once) {
    for (int slots = 1; slots <= 4; slots++) {
        struct world w = world_new(_i ? deep : usual, 3, 2);
        struct fleet_spec spec = world_spec(&w, 1, slots);
        struct fleet_counts n = fleet_run_whole(&spec);
        ck_assert_uint_eq(n.executed, w.tree->unique);
        ck_assert_uint_eq(n.done, w.plan->cell_count);
        ck_assert_uint_eq(n.attempts, w.plan->cell_count);
        spec.sharing = false;
        struct fleet_counts apart = fleet_run_whole(&spec);
        ck_assert_uint_eq(apart.executed, w.tree->steps);
        ck_assert_uint_eq(apart.states, 0);
        ck_assert_int_lt(n.ms, apart.ms);
        world_free(&w);
    }
}
END_TEST

START_TEST(a_first_child_goes_on_without_being_restored) {
    struct world w = world_new(usual, 3, 1);
    struct fleet_spec spec = world_spec(&w, 1, 1);
    struct fleet_counts n = fleet_run_whole(&spec);
    size_t inner = 0, children = 0;
    for (size_t i = 0; i < w.tree->count; i++) {
        inner += w.tree->segments[i].child != TREE_NONE;
        children += w.tree->segments[i].parent != TREE_NONE;
    }
    ck_assert_uint_eq(n.states, inner);
    /* Of the children at each branch one went on in the machine that ran. */
    ck_assert_uint_eq(n.restored, children - inner);
    world_free(&w);
}
END_TEST

START_TEST(few_states_are_kept_at_a_time) {
    struct world w = world_new(deep, 5, 3);
    struct fleet_spec spec = world_spec(&w, 1, 1);
    struct fleet_counts n = fleet_run_whole(&spec);
    ck_assert_uint_gt(n.states, 20);
    ck_assert_int_le(n.most_bytes, 8 * FLEET_STATE_BYTES); /* a way down the tree, not all of it */
    world_free(&w);
}
END_TEST

START_TEST(the_budget_is_kept) {
    struct world w = world_new(deep, 3, 1);
    struct fleet_spec spec = world_spec(&w, 1, 3);
    size_t before = SIZE_MAX;
    for (int states = 0; states < 12; states++) {
        spec.states_max = (int64_t)states * FLEET_STATE_BYTES + FLEET_STATE_BYTES / 2;
        struct fleet_counts n = fleet_run_whole(&spec); /* the fleet checks the bytes at each state */
        ck_assert_int_le(n.most_bytes, spec.states_max);
        ck_assert_uint_eq(n.done, w.plan->cell_count);
        ck_assert_uint_ge(n.executed, w.tree->unique);
        ck_assert(states > 0 || n.executed == w.tree->steps); /* no room: all executed again */
        ck_assert(states != 1 || n.executed < before);
        before = n.executed;
    }
    ck_assert_uint_eq(before, w.tree->unique);
    world_free(&w);
}
END_TEST

START_TEST(several_hosts_divide_the_tree) {
    struct world w = world_new(deep, 8, 2);
    struct fleet_spec one = world_spec(&w, 1, 2), four = world_spec(&w, 4, 2);
    struct fleet_counts alone = fleet_run_whole(&one), together = fleet_run_whole(&four);
    ck_assert_uint_eq(together.done, w.plan->cell_count);
    ck_assert_int_lt(together.ms, alone.ms / 2);
    ck_assert_uint_lt(together.executed, w.tree->steps);
    world_free(&w);
}
END_TEST

static bool chance_product(void *ctx, uint64_t guest);

/* ---- when something does ------------------------------------------------------------------------- */

struct blow { /* one fault, at one place */
    enum fleet_fault fault;
    size_t cell, step;
    int times; /* attempts that it strikes */
    size_t *struck;
};

static enum fleet_fault blow_step(void *ctx, size_t cell, int attempt, size_t step) {
    struct blow *b = ctx;
    if (cell == b->cell && step == b->step && attempt <= b->times) {
        ++*b->struck;
        return b->fault;
    }
    return FLEET_FINE;
}

/* Some guests fail by themselves: each of their cells is run again as often as asked, and what is kept for that goes
 * with them. */
START_TEST(failures_of_products_are_confirmed) {
    struct world w = world_new(_i ? deep : usual, 2, 1);
    for (uint64_t seed = 1; seed <= 12; seed++) {
        for (int states = 1; states < 1000; states *= 8) {
            struct fleet_spec spec = world_spec(&w, 1 + seed % 2, 2);
            uint64_t salt = seed;
            spec.confirm = (int)(seed % 3);
            spec.states_max = (int64_t)states * FLEET_STATE_BYTES;
            spec.faults = (struct fleet_faults){.product = chance_product, .ctx = &salt};
            struct fleet_counts n = fleet_run_whole(&spec);
            ck_assert_uint_eq(n.done, w.plan->cell_count + n.confirms);
            ck_assert(seed % 3 == 0 ? n.confirms == 0 : n.confirms % (seed % 3) == 0);
            ck_assert_int_le(n.most_bytes, spec.states_max);
        }
    }
    world_free(&w);
}
END_TEST

/* With room for all states a confirmation begins where its cell did: only the steps that are the cell's own are done
 * again. */
START_TEST(a_confirmation_begins_at_the_deepest_state) {
    struct world w = world_new(deep, 2, 1);
    size_t confirmed = 0;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        uint64_t salt = seed;
        struct fleet_spec spec = world_spec(&w, 1, 2);
        spec.faults = (struct fleet_faults){.product = chance_product, .ctx = &salt};
        struct fleet_counts plain = fleet_run_whole(&spec);
        spec.confirm = 1;
        struct fleet_counts n = fleet_run_whole(&spec);
        size_t longest = 0; /* segment: where one ends, a state is kept */
        for (size_t i = 0; i < w.tree->count; i++) {
            size_t steps = w.tree->segments[i].end - w.tree->segments[i].first;
            longest = steps > longest ? steps : longest;
        }
        ck_assert_uint_le(n.executed, plain.executed + n.confirms * longest);
        confirmed += n.confirms;
    }
    ck_assert_uint_gt(confirmed, 20);
    world_free(&w);
}
END_TEST

START_TEST(any_fault_at_any_step) {
    enum fleet_fault fault = (enum fleet_fault)_i;
    struct world w = world_new(deep, 2, 1);
    size_t struck = 0;
    for (size_t step = 0; step < 16; step++) {
        for (size_t cell = 0; cell < w.plan->cell_count; cell += 3) {
            for (int times = 1; times <= 3; times += 2) {
                struct blow b = {fault, cell, step, times, &struck};
                struct fleet_spec spec = world_spec(&w, 1 + cell % 2, 2);
                size_t before = struck;
                spec.faults = (struct fleet_faults){.step = blow_step, .ctx = &b};
                struct fleet_counts n = fleet_run_whole(&spec);
                /* Each time the cell came to that step itself it was struck, and tried again. */
                size_t hits = struck - before;
                ck_assert_uint_le(hits, (size_t)times);
                bool lost = hits == 3 && fault != FLEET_HOST_LOST; /* that is no try of the cell's */
                ck_assert_uint_eq(n.done, w.plan->cell_count - lost);
                ck_assert_uint_eq(n.attempts, w.plan->cell_count + hits - lost);
            }
        }
    }
    ck_assert_uint_gt(struck, 50);
    world_free(&w);
}
END_TEST

START_TEST(tried_again_it_begins_at_the_deepest_state) {
    struct world w = world_new(deep, 3, 1);
    CLEANUP_FREE uint32_t *last = mem_zalloc(w.tree->count, sizeof(*last));
    size_t struck = 0;
    for (size_t cell = 0; cell < w.plan->cell_count; cell++) {
        size_t own = w.tree->segments[w.tree->leaf[cell]].first;
        struct blow b = {FLEET_KILLED, cell, own, 1, &struck};
        struct fleet_spec spec = world_spec(&w, 1, 1);
        spec.faults = (struct fleet_faults){.step = blow_step, .ctx = &b};
        struct fleet_counts n = fleet_run_whole(&spec);
        /* Only the step that failed is done twice, unless its state was dropped: it was the last
         * one's to begin there, and each state has one such. */
        ck_assert_uint_ge(n.executed, w.tree->unique + 1);
        if (n.executed > w.tree->unique + 1) {
            uint32_t *dropped = &last[w.tree->segments[w.tree->leaf[cell]].parent];
            ck_assert_uint_eq(*dropped, 0);
            *dropped = 1;
        }
    }
    ck_assert_uint_eq(struck, w.plan->cell_count);
    world_free(&w);
}
END_TEST

/* The first boot of all hangs. */
static enum fleet_fault hang_once(void *ctx, size_t cell, int attempt, size_t step) {
    size_t *struck = ctx;
    (void)cell;
    (void)attempt;
    return step == 1 && ++*struck == 1 ? FLEET_SILENT : FLEET_FINE;
}

START_TEST(a_maker_that_hangs_is_not_waited_for) {
    struct world w = world_new(deep, 3, 1);
    struct fleet_spec spec = world_spec(&w, 1, 4);
    int64_t clean = fleet_run_whole(&spec).ms;
    size_t struck = 0;
    spec.faults = (struct fleet_faults){.step = hang_once, .ctx = &struck};
    struct fleet_counts n = fleet_run_whole(&spec);
    ck_assert_uint_ge(struck, 2);
    ck_assert_uint_gt(n.executed, w.tree->unique);
    /* It is found out after 120 s; three other slots did not stand still for that long. */
    ck_assert_int_lt(n.ms, clean + 90000);
    world_free(&w);
}
END_TEST

/* Hash of place and seed below a rate in percent. */
static bool chance(uint64_t seed, size_t a, size_t b, size_t c, unsigned percent) {
    uint64_t h = seed * 0x9e3779b97f4a7c15u + a * 0xbf58476d1ce4e5b9u + b * 0x94d049bb133111ebu + c;
    h = (h ^ (h >> 31)) * 0xff51afd7ed558ccdu;
    h = (h ^ (h >> 29)) * 0xc4ceb9fe1a85ec53u;
    return (h >> 33) % 100 < percent;
}

static bool chance_save(void *ctx, size_t cell, int attempt, size_t steps) {
    return chance(*(uint64_t *)ctx, cell, (size_t)attempt, steps + 100, 30);
}

static bool chance_restore(void *ctx, size_t cell, int attempt, size_t steps) {
    return chance(*(uint64_t *)ctx, cell, (size_t)attempt, steps + 200, 10);
}

static bool chance_spawn(void *ctx, size_t cell, int attempt) {
    return chance(*(uint64_t *)ctx, cell, (size_t)attempt, 300, 3);
}

static bool chance_product(void *ctx, uint64_t guest) {
    return chance(*(uint64_t *)ctx, (size_t)guest, 1, 2, 4);
}

static enum fleet_fault chance_step(void *ctx, size_t cell, int attempt, size_t step) {
    uint64_t seed = *(uint64_t *)ctx;
    return chance(seed, cell, (size_t)attempt, step, 2)
               ? (enum fleet_fault)(1 + (cell + step + seed) % (FLEET_FAULT_COUNT - 1))
               : FLEET_FINE;
}

static enum cell_rest chance_rests(void *ctx, size_t cell, int attempt, size_t step) {
    bool rests = chance(*(uint64_t *)ctx, cell, (size_t)attempt, step + 400, 5);
    return !rests ? CELL_WORKS : (cell + step) % 2 ? CELL_RESTS : CELL_LAST_REST;
}

static bool always(void *ctx, size_t cell, int attempt, size_t steps) {
    (void)ctx;
    (void)cell;
    (void)attempt;
    (void)steps;
    return true;
}

START_TEST(states_that_cannot_be_saved_or_restored) {
    struct world w = world_new(deep, 2, 1);
    struct fleet_spec spec = world_spec(&w, 1, 2);
    spec.faults = (struct fleet_faults){.save = always};
    struct fleet_counts n = fleet_run_whole(&spec);
    ck_assert_uint_eq(n.done, w.plan->cell_count);
    ck_assert_uint_eq(n.attempts, w.plan->cell_count); /* nobody's try was used up by it */
    spec.faults = (struct fleet_faults){.restore = always};
    n = fleet_run_whole(&spec);
    ck_assert_uint_eq(n.done, w.plan->cell_count); /* the last try of each relies on no state */
    world_free(&w);
}
END_TEST

START_TEST(a_product_that_fails_fails_for_each_cell_alike) {
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct world w = world_new(_i ? deep : usual, 2, 1);
        struct fleet_spec spec = world_spec(&w, 1, 2);
        spec.faults = (struct fleet_faults){.product = chance_product, .ctx = &seed};
        struct fleet_counts n = fleet_run_whole(&spec); /* the facts tell where each cell must fail */
        ck_assert_uint_eq(n.done, w.plan->cell_count);
        spec.sharing = false;
        n = fleet_run_whole(&spec);
        ck_assert_uint_eq(n.done, w.plan->cell_count);
        world_free(&w);
    }
}
END_TEST

static struct fleet_faults chance_all(uint64_t *seed) {
    return (struct fleet_faults){.step = chance_step, .save = chance_save,
                                 .restore = chance_restore, .spawn = chance_spawn,
                                 .product = chance_product, .rests = chance_rests, .ctx = seed};
}

START_TEST(everything_fails_now_and_then) {
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct world w = world_new(seed % 2 ? deep : usual, 1 + (int)seed % 4, 1 + seed % 2);
        struct fleet_spec spec = world_spec(&w, 1 + seed % 5, 1 + (int)seed % 3);
        spec.states_max = (int64_t)(seed % 9) * FLEET_STATE_BYTES;
        spec.confirm = (int)(seed / 2 % 3);
        spec.spare = (int)(seed / 3 % 3);
        spec.leaving = (int)(seed / 9 % 3);
        spec.faults = chance_all(&seed);
        struct fleet_counts n = fleet_run_whole(&spec);
        ck_assert_uint_gt(n.done, w.plan->cell_count / 2);
        world_free(&w);
    }
}
END_TEST

static enum cell_rest first_rests(void *ctx, size_t cell, int attempt, size_t step) {
    (void)attempt;
    return cell < *(size_t *)ctx && step == 3 ? CELL_RESTS : CELL_WORKS;
}

static enum cell_rest all_wait_for_their_end(void *ctx, size_t cell, int attempt, size_t step) {
    const struct plan *p = ctx;
    (void)attempt;
    return step + 2 == p->cells[cell % p->cell_count].step_count ? CELL_LAST_REST : CELL_WORKS; /* collect */
}

/* While cells only wait for their guests, others have the processors; never more than the processors are for. */
START_TEST(who_rests_lends_its_processor) {
    struct world w = world_new(usual, 3, 2);
    int64_t ms[3];
    for (int spare = 0; spare <= 2; spare++) {
        size_t resting = 6;
        struct fleet_spec spec = world_spec(&w, 1, 2);
        spec.sharing = false;
        spec.spare = spare;
        spec.faults = (struct fleet_faults){.rests = first_rests, .ctx = &resting};
        struct fleet_counts n = fleet_run_whole(&spec); /* each start is checked there */
        ck_assert_uint_eq(n.done, w.plan->cell_count);
        ck_assert_uint_eq(n.attempts, w.plan->cell_count);
        ck_assert_int_gt(n.most_running, 1);
        ck_assert_int_le(n.most_running, 2 + spare);
        ck_assert_int_eq(n.most_running > 2, spare > 0);
        ms[spare] = n.ms;
    }
    /* Six cells rest, two at a time: the time of three rests is won when others can go on meanwhile. */
    ck_assert_int_gt(ms[0] - ms[2], 2 * FLEET_REST_MS);
    ck_assert_int_ge(ms[1], ms[2]);
    world_free(&w);
}
END_TEST

/* In the wait for their last look cells lend by a bound of its own; what another rest may lend does not change. */
START_TEST(who_waits_for_its_end_lends_its_processor) {
    struct world w = world_new(usual, 3, 2);
    int64_t ms[3];
    for (int i = 0; i < 3; i++) {
        struct fleet_spec spec = world_spec(&w, 1, 2);
        spec.spare = i == 1 ? 4 : 0;
        spec.leaving = i == 2 ? 4 : 0;
        spec.faults = (struct fleet_faults){.rests = all_wait_for_their_end, .ctx = w.plan};
        struct fleet_counts n = fleet_run_whole(&spec); /* each start is checked there */
        ck_assert_uint_eq(n.done, w.plan->cell_count);
        ck_assert_int_eq(n.most_running > 2, i == 2);
        ck_assert_int_le(n.most_running, 2 + spec.leaving);
        ms[i] = n.ms;
    }
    ck_assert_int_eq(ms[1], ms[0]);
    /* Each cell rests in the end: with two at a time that is half of the run's time. */
    ck_assert_int_gt(ms[0] - ms[2], (int64_t)(w.plan->cell_count - 6) * FLEET_REST_MS / 4);
    world_free(&w);
}
END_TEST

/* ---- stopping and going on ---------------------------------------------------------------------------- */

static void stop_and_go_on(const struct world *w, const struct fleet_spec *spec, int64_t at,
                           int requests) {
    struct fleet *f = fleet_new(spec);
    for (int i = 0; i < requests; i++) {
        fleet_interrupt_at(f, at + i * CLOCK_S);
    }
    struct sched_result res = fleet_run(f);
    size_t before = res.done;
    for (int rounds = 0; res.interrupted; rounds++) {
        ck_assert_int_lt(rounds, 3);
        ck_assert(spec->confirm > 0 || res.done < w->plan->cell_count);
        res = fleet_run(f);
    }
    ck_assert_uint_ge(res.done, before);
    ck_assert_uint_eq(fleet_count(f).left, 0);
    ck_assert(spec->faults.step || res.done == w->plan->cell_count);
    fleet_check_facts(f);
    fleet_free(f);
}

START_TEST(interrupted_at_any_time_it_goes_on) {
    struct world w = world_new(deep, 2, 1);
    struct fleet_spec spec = world_spec(&w, 1, 2);
    int64_t whole = fleet_run_whole(&spec).ms;
    for (int64_t ms = 900; ms < whole - 5000; ms += 2777) {
        stop_and_go_on(&w, &spec, ms * CLOCK_MS, 1 + _i);
    }
    world_free(&w);
}
END_TEST

/* Every step is executed once, whenever it is stopped and however often: each cell goes on behind the step it had come
 * to, but for what lies between its measurements. */
START_TEST(interrupted_it_goes_on_from_the_step) {
    static const enum step_kind unmeasured[] = {STEP_INSTALL, STEP_VERIFY, STEP_REBOOT, STEP_APPLY, STEP_TOOK,
                                                STEP_REBOOT,  STEP_VERIFY, STEP_UNINSTALL, STEP_KIND_COUNT};
    size_t points = 0;
    for (int64_t at = 3; at < 900; at += 13) {
        struct world w = world_new(unmeasured, 2, 1);
        struct fleet_spec spec = world_spec(&w, 1, 1 + (int)(at % 3));
        spec.points = true;
        struct fleet *f = fleet_new(&spec);
        struct sched_result res = {.interrupted = true};
        for (int rounds = 0; res.interrupted; rounds++) {
            ck_assert_int_lt(rounds, 40);
            if (rounds < 20) {
                fleet_interrupt_at(f, (at + 1) * CLOCK_S + fleet_count(f).ms * CLOCK_MS);
            }
            res = fleet_run(f);
        }
        struct fleet_counts n = fleet_count(f);
        ck_assert_uint_eq(res.done, w.plan->cell_count);
        ck_assert_uint_eq(n.left, 0);
        /* Provision leaves no machine to keep; the last two steps are not worth a state; else nothing is lost. */
        ck_assert_uint_le(n.executed, w.tree->unique + 20 * (size_t)spec.slots);
        points += n.points;
        fleet_check_facts(f);
        fleet_free(f);
        world_free(&w);
    }
    ck_assert_uint_gt(points, 100);
}
END_TEST

/* The same amid faults of every kind, with points by time as well: nothing is lost, doubled or left behind. */
START_TEST(points_amid_faults) {
    size_t points = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct world w = world_new(seed % 2 ? deep : usual, 2, 1);
        struct fleet_spec spec = world_spec(&w, 1 + seed % 2, 2);
        spec.states_max = (int64_t)(1 + seed % 11) * FLEET_STATE_BYTES;
        spec.points = true;
        spec.point_every = (int64_t)(seed % 4) * 15 * CLOCK_S;
        spec.confirm = (int)(seed / 2 % 3);
        spec.faults = chance_all(&seed);
        struct fleet *f = fleet_new(&spec);
        fleet_interrupt_at(f, (int64_t)(10 + seed * 17) * CLOCK_S);
        struct sched_result res = {.interrupted = true};
        for (int rounds = 0; res.interrupted && rounds < 3; rounds++) {
            res = fleet_run(f);
        }
        ck_assert(!res.interrupted);
        struct fleet_counts n = fleet_count(f);
        ck_assert_uint_eq(n.left, 0);
        /* A worker tells of a point when it lies there: one each may be found to be too much. */
        ck_assert_int_le(n.most_bytes, spec.states_max);
        fleet_check_facts(f);
        points += n.points;
        fleet_free(f);
        world_free(&w);
    }
    ck_assert_uint_gt(points, 100);
}
END_TEST

START_TEST(resumed_it_begins_at_the_states_that_are_left) {
    struct world w = world_new(deep, 3, 1);
    struct fleet_spec spec = world_spec(&w, 1, 2);
    struct fleet *f = fleet_new(&spec);
    fleet_interrupt_at(f, 300 * CLOCK_S);
    ck_assert(fleet_run(f).interrupted);
    struct fleet_counts stopped = fleet_count(f);
    ck_assert_uint_gt(stopped.left, 0);
    fleet_run(f);
    struct fleet_counts n = fleet_count(f);
    ck_assert_uint_eq(n.left, 0);
    /* At most the two cells under way do over what they had done alone since their last state. */
    ck_assert_uint_le(n.executed, w.tree->unique + 2 * 14);
    fleet_free(f);
    world_free(&w);
}
END_TEST

START_TEST(interrupted_amid_faults_it_goes_on) {
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct world w = world_new(deep, 2, 1);
        struct fleet_spec spec = world_spec(&w, 1 + seed % 3, 2);
        spec.states_max = (int64_t)(seed % 7) * FLEET_STATE_BYTES;
        spec.confirm = (int)(seed / 2 % 3);
        spec.faults = chance_all(&seed);
        stop_and_go_on(&w, &spec, (int64_t)(10 + seed * 17) * CLOCK_S, 1 + (int)seed % 3);
        world_free(&w);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim_share");
    TCase *t = tcase_create("sharing");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, every_shared_step_is_executed_once, 0, 2);
    tcase_add_test(t, a_first_child_goes_on_without_being_restored);
    tcase_add_test(t, few_states_are_kept_at_a_time);
    tcase_add_test(t, the_budget_is_kept);
    tcase_add_test(t, several_hosts_divide_the_tree);
    tcase_add_test(t, tried_again_it_begins_at_the_deepest_state);
    tcase_add_test(t, a_maker_that_hangs_is_not_waited_for);
    tcase_add_loop_test(t, failures_of_products_are_confirmed, 0, 2);
    tcase_add_test(t, a_confirmation_begins_at_the_deepest_state);
    tcase_add_loop_test(t, any_fault_at_any_step, 1, FLEET_FAULT_COUNT);
    tcase_add_test(t, states_that_cannot_be_saved_or_restored);
    tcase_add_loop_test(t, a_product_that_fails_fails_for_each_cell_alike, 0, 2);
    tcase_add_test(t, everything_fails_now_and_then);
    tcase_add_test(t, who_rests_lends_its_processor);
    tcase_add_test(t, who_waits_for_its_end_lends_its_processor);
    tcase_add_loop_test(t, interrupted_at_any_time_it_goes_on, 0, 3);
    tcase_add_test(t, resumed_it_begins_at_the_states_that_are_left);
    tcase_add_test(t, interrupted_amid_faults_it_goes_on);
    tcase_add_test(t, interrupted_it_goes_on_from_the_step);
    tcase_add_test(t, points_amid_faults);
    suite_add_tcase(s, t);
    return suite_run(s);
}
