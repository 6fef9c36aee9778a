/* The scheduler's order of cells, on the virtual clock: which goes first, so that no slot waits at the end. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "support/sharing.h"
#include "support/suite.h"

START_TEST(the_longest_way_goes_first) {
    /* One long cell and many short ones on two slots: begun last, it would end last. */
    struct grove *g = grove_new();
    static const enum step_kind steps[] = {STEP_INSTALL, STEP_MEASURE, STEP_KIND_COUNT};
    grove_steps(g, steps);
    grove_set(g, "a", 0, true);
    grove_set(g, "b", 0, true);
    grove_set(g, "c", 0, true);
    grove_set(g, "defghijkl", 0, true);
    struct plan *p = grove_plan(g, true);
    struct fleet_spec spec = {.plan = p, .hosts = 1, .slots = 2, .facts = true};
    struct fleet_counts n = fleet_run_whole(&spec);
    struct estimate e;
    estimate_init(&e);
    double longest = estimate_steps(&e, &p->cells[3], 0, p->cells[3].step_count);
    double shorter = estimate_steps(&e, &p->cells[0], 0, p->cells[0].step_count);
    ck_assert_double_lt((double)n.ms, longest + shorter + 3000);
    plan_free(p);
    free(g);
}
END_TEST

START_TEST(the_last_cells_are_dealt_out_so_that_all_slots_end_together) {
    /* Two long cells and three short ones, two long being about as long as three short: longest first, one slot
     * would have a long one and two short ones. */
    struct grove *g = grove_new();
    static const enum step_kind steps[] = {STEP_INSTALL, STEP_MEASURE, STEP_KIND_COUNT};
    grove_steps(g, steps);
    for (size_t i = 0; i < 5; i++) {
        static const char *const sets[] = {"abcdef", "ghijkl", "a", "b", "c"};
        grove_set(g, sets[i], 0, true);
    }
    struct plan *p = grove_plan(g, true);
    struct estimate e;
    estimate_init(&e);
    double l = estimate_steps(&e, &p->cells[0], 0, p->cells[0].step_count);
    double s = estimate_steps(&e, &p->cells[2], 0, p->cells[2].step_count);
    ck_assert_double_lt(l < 1.5 * s ? 3 * s : 2 * l, 0.9 * (l + 2 * s));
    struct fleet_spec spec = {.plan = p, .hosts = 1, .slots = 2, .facts = true};
    ck_assert_double_lt((double)fleet_run_whole(&spec).ms, fmax(2 * l, 3 * s) + 5000);
    plan_free(p);
    free(g);
}
END_TEST

START_TEST(what_several_do_is_dealt_out_once) {
    /* Longest first takes a tenth longer, and so does a deal that counts the way to a state for each cell below it. */
    struct world w = {.grove = grove_new()};
    grove_steps(w.grove, deep);
    grove_set(w.grove, "abcdefg", 2, false);
    grove_set(w.grove, "bc", 1, false);
    grove_set(w.grove, "abcd", 2, false);
    w.plan = grove_plan(w.grove, true);
    w.tree = tree_build(w.plan);
    struct estimate e;
    struct estimate_plan all;
    estimate_init(&e);
    estimate_tree(&e, w.tree, &all);
    struct fleet_spec spec = world_spec(&w, 1, 2);
    struct fleet_counts n = fleet_run_whole(&spec);
    ck_assert_uint_eq(n.executed, w.tree->unique);
    ck_assert_double_lt((double)n.ms, 1.08 * all.shared_ms / 2);
    world_free(&w);
}
END_TEST

struct starts {
    size_t cells[8], count;
};

static bool note_start(void *ctx, size_t cell, int attempt) {
    struct starts *s = ctx;
    (void)attempt;
    s->cells[s->count++ % ARRAY_LEN(s->cells)] = cell;
    return false;
}

START_TEST(of_ways_alike_that_with_more_products_goes_first) {
    struct grove *g = grove_new();
    grove_steps(g, usual);
    grove_set(g, "a", 2, false);
    grove_set(g, "bc", 2, false);
    struct plan *p = grove_plan(g, true);
    struct starts starts = {.count = 0};
    struct fleet_spec spec = {.plan = p, .hosts = 1, .slots = 2, .sharing = true, .facts = true,
                              .states_max = 1000 * FLEET_STATE_BYTES, .faults = {.spawn = note_start, .ctx = &starts}};
    fleet_run_whole(&spec);
    /* The second update of each set begins at a kept state: what is left of it is the same for both. */
    ck_assert_uint_eq(starts.count, 4);
    ck_assert_uint_eq(p->cells[starts.cells[0]].product_count, 2); /* the longest way of all */
    ck_assert_uint_eq(p->cells[starts.cells[2]].product_count, 2);
    ck_assert_uint_eq(p->cells[starts.cells[3]].product_count, 1);
    plan_free(p);
    free(g);
}
END_TEST

START_TEST(no_slot_idles_without_need) {
    struct estimate e;
    estimate_init(&e);
    for (int slots = 1; slots <= 8; slots++) {
        struct world w = world_new(_i ? deep : usual, 4, 2);
        struct estimate_plan all;
        estimate_tree(&e, w.tree, &all);
        struct fleet_spec spec = world_spec(&w, 1, slots);
        /* Graham's bound: the work shared out, and at worst the longest way behind it. */
        double most = all.shared_ms / slots + all.longest_ms * (slots > 1) + 10 * e.restore_ms;
        ck_assert_double_le((double)fleet_run_whole(&spec).ms, most);
        world_free(&w);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim_order");
    TCase *t = tcase_create("order");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, the_longest_way_goes_first);
    tcase_add_test(t, the_last_cells_are_dealt_out_so_that_all_slots_end_together);
    tcase_add_test(t, what_several_do_is_dealt_out_once);
    tcase_add_test(t, of_ways_alike_that_with_more_products_goes_first);
    tcase_add_loop_test(t, no_slot_idles_without_need, 0, 2);
    suite_add_tcase(s, t);
    return suite_run(s);
}
