/* tree: what cells have in common, against a naive trie; shapes, estimates, and that many cells are
 * cheap. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "plan/estimate.h"
#include "plan/tree_show.h"
#include "support/grove.h"
#include "support/suite.h"

/* ---- the naive trie: every prefix as a text ------------------------------------------------------ */

static int naive_compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void naive_add_step(struct str *s, const struct plan_cell *c, size_t i) {
    const struct plan_step *step = &c->steps[i];
    bool update = step->kind == STEP_APPLY || step->kind == STEP_TOOK || step->kind == STEP_ROLLBACK;
    str_addf(s, "/%s.%d.%s.%s", step_kind_name(step->kind), (int)step->phase,
             step->product >= 0 ? c->products[step->product]->id : "",
             update && c->update ? c->update->id : "");
    if (step->part) {
        str_addf(s, "@%d", step->part);
    }
    if (step->fresh || i + 1 == c->step_count) {
        str_addf(s, "#%p", (const void *)c);
    }
}

static size_t naive_unique(const struct plan *p) {
    size_t all = 0, n = 0;
    for (size_t i = 0; i < p->cell_count; i++) {
        all += p->cells[i].step_count;
    }
    char **prefixes = mem_zalloc(all + 1, sizeof(*prefixes));
    for (size_t i = 0; i < p->cell_count; i++) {
        CLEANUP_STR struct str s = STR_INIT;
        str_add(&s, p->cells[i].image);
        for (size_t k = 0; k < p->cells[i].step_count; k++) {
            naive_add_step(&s, &p->cells[i], k);
            prefixes[n++] = str_dup(str_get(&s));
        }
    }
    qsort(prefixes, n, sizeof(*prefixes), naive_compare);
    size_t unique = 0;
    for (size_t i = 0; i < n; i++) {
        unique += i == 0 || strcmp(prefixes[i - 1], prefixes[i]) != 0;
    }
    for (size_t i = 0; i < n; i++) {
        free(prefixes[i]);
    }
    free(prefixes);
    return unique;
}

/* ---- what must hold of every tree ------------------------------------------------------------- */

static void tree_check_segment(const struct tree *t, size_t i) {
    const struct tree_segment *s = &t->segments[i];
    ck_assert_uint_lt(s->first, s->end);
    ck_assert_uint_ge(s->cells, 1);
    ck_assert_uint_le(s->order + s->cells, t->plan->cell_count);
    if (s->parent != TREE_NONE) {
        const struct tree_segment *p = &t->segments[s->parent];
        ck_assert_uint_lt(s->parent, i);
        ck_assert_uint_eq(s->first, p->end);
        ck_assert_uint_ge(s->order, p->order);
        ck_assert_uint_le(s->order + s->cells, p->order + p->cells);
    } else {
        ck_assert_uint_eq(s->first, 0);
    }
    uint32_t cells = 0, children = 0, before = 0;
    for (uint32_t k = s->child; k != TREE_NONE; k = t->segments[k].next) {
        ck_assert_uint_eq(t->segments[k].parent, i);
        ck_assert(children == 0 || t->segments[k].cell > before); /* in plan order */
        before = t->segments[k].cell;
        cells += t->segments[k].cells;
        children++;
    }
    ck_assert(children != 1);
    ck_assert_uint_eq(cells, children ? s->cells : 0);
    uint32_t first = UINT32_MAX;
    for (uint32_t k = s->order; k < s->order + s->cells; k++) {
        first = t->order[k] < first ? t->order[k] : first;
        ck_assert_uint_ge(tree_common(&t->plan->cells[t->order[k]], &t->plan->cells[s->cell]),
                          children ? s->end : 0);
    }
    ck_assert_uint_eq(first, s->cell);
}

static void tree_check(const struct tree *t) {
    ck_assert_uint_le(t->count, 2 * t->plan->cell_count);
    for (size_t i = 0; i < t->count; i++) {
        tree_check_segment(t, i);
    }
    for (size_t c = 0; c < t->plan->cell_count; c++) {
        const struct tree_segment *leaf = &t->segments[t->leaf[c]];
        ck_assert_uint_eq(leaf->cell, c);
        ck_assert_uint_eq(leaf->cells, 1);
        ck_assert_uint_eq(leaf->child, TREE_NONE);
        ck_assert_uint_eq(leaf->end, t->plan->cells[c].step_count);
        ck_assert_uint_eq(t->order[leaf->order], c);
        for (uint32_t s = t->leaf[c]; s != TREE_NONE; s = t->segments[s].parent) {
            ck_assert_uint_eq(tree_find(t, c, t->segments[s].end), s);
        }
        ck_assert_uint_eq(tree_find(t, c, 0), TREE_NONE);
    }
    ck_assert_uint_eq(t->unique, naive_unique(t->plan));
}

/* ---- tests ----------------------------------------------------------------------------------- */

static const enum step_kind usual[] = {STEP_INSTALL, STEP_VERIFY, STEP_APPLY,
                                       STEP_TOOK,    STEP_REBOOT, STEP_VERIFY, STEP_KIND_COUNT};

START_TEST(tree_of_growing_sets) {
    struct grove *g = grove_new();
    grove_steps(g, usual);
    grove_set(g, "b", 2, true);
    grove_set(g, "bc", 1, false);
    struct plan *p = grove_plan(g, false);
    struct tree *t = tree_build(p);
    tree_check(t);
    /* {b} and {b, c} have provision, boot and the first install in common. */
    const struct plan_cell *one = plan_find(p, "one/b/u1/1"), *two = plan_find(p, "one/b+c/u1/1");
    ck_assert_uint_eq(tree_common(one, two), 3);
    ck_assert_uint_eq(tree_common(one, plan_find(p, "one/b/u2/1")), 4); /* differ in the update */
    ck_assert_uint_eq(tree_common(one, plan_find(p, "one/b/none/1")), 4);
    uint32_t root = t->leaf[0];
    while (t->segments[root].parent != TREE_NONE) {
        root = t->segments[root].parent;
    }
    ck_assert_uint_eq(t->segments[root].end, 3);
    ck_assert_uint_eq(t->segments[root].cells, 4);
    ck_assert_uint_eq(tree_depth(t, t->leaf[0]), 2);
    ck_assert_uint_eq(t->steps, 8 + 10 + 10 + 11);
    ck_assert_uint_eq(t->unique, 3 + 1 + (4 + 6 + 6) + 8);
    tree_free(t);
    plan_free(p);
    free(g);
}
END_TEST

START_TEST(tree_repetitions_part_where_they_measure) {
    static const enum step_kind kinds[] = {STEP_INSTALL, STEP_MEASURE, STEP_APPLY, STEP_MEASURE,
                                           STEP_KIND_COUNT};
    struct grove *g = grove_new();
    grove_steps(g, kinds);
    grove_set(g, "a", 1, false);
    g->model.repetitions = 5;
    struct plan *p = grove_plan(g, false);
    struct tree *t = tree_build(p);
    tree_check(t);
    ck_assert_uint_eq(t->count, 6);
    ck_assert_uint_eq(t->segments[0].end, 3);
    ck_assert_uint_eq(t->segments[0].cells, 5);
    ck_assert_uint_eq(t->unique, 3 + 5 * 5);
    tree_free(t);
    g->steps[0].fresh = true; /* said by the matrix: nothing after boot is shared */
    struct plan *q = grove_plan(g, false);
    t = tree_build(q);
    tree_check(t);
    ck_assert_uint_eq(t->segments[0].end, 2);
    tree_free(t);
    plan_free(q);
    plan_free(p);
    free(g);
}
END_TEST

/* Of two repetitions each does what comes after so many steps for itself. */
static const struct {
    enum step_kind steps[7];
    size_t update, control; /* steps in common: of cells with an update, and of controls */
} parting[] = {
    {{STEP_INSTALL, STEP_VERIFY, STEP_APPLY, STEP_TOOK, STEP_REBOOT, STEP_VERIFY, STEP_KIND_COUNT}, 4, 4},
    {{STEP_INSTALL, STEP_VERIFY, STEP_REBOOT, STEP_APPLY, STEP_TOOK, STEP_KIND_COUNT}, 5, 3},
    {{STEP_INSTALL, STEP_APPLY, STEP_TOOK, STEP_KIND_COUNT}, 3, 2},
    {{STEP_INSTALL, STEP_VERIFY, STEP_DETECT, STEP_KIND_COUNT}, 3, 3},
    {{STEP_INSTALL, STEP_KIND_COUNT}, 2, 2},
    {{STEP_KIND_COUNT}, 1, 1},
};

START_TEST(tree_repetitions_part_where_the_update_comes) {
    struct grove *g = grove_new();
    grove_steps(g, parting[_i].steps);
    grove_set(g, "a", 1, true);
    g->model.repetitions = 3;
    struct plan *p = grove_plan(g, false);
    struct tree *t = tree_build(p);
    tree_check(t);
    const struct plan_cell *update = plan_find(p, "one/a/u1/1"), *control = plan_find(p, "one/a/none/1");
    ck_assert_uint_eq(tree_common(update, plan_find(p, "one/a/u1/2")), parting[_i].update);
    ck_assert_uint_eq(tree_common(plan_find(p, "one/a/u1/3"), plan_find(p, "one/a/u1/2")), parting[_i].update);
    ck_assert_uint_eq(tree_common(control, plan_find(p, "one/a/none/3")), parting[_i].control);
    tree_free(t);
    plan_free(p);
    free(g);
}
END_TEST

START_TEST(tree_install_orders_share_what_begins_alike) {
    struct grove *g = grove_new();
    grove_steps(g, usual);
    grove_set(g, "abc", 1, true);
    g->model.all_orders = true;
    struct plan *p = grove_plan(g, false);
    struct tree *t = tree_build(p);
    tree_check(t);
    const struct plan_cell *abc = plan_find(p, "one/a+b+c/u1/1");
    ck_assert_uint_eq(tree_common(abc, plan_find(p, "one/a+c+b/u1/1")), 3);
    ck_assert_uint_eq(tree_common(abc, plan_find(p, "one/b+a+c/u1/1")), 2);
    ck_assert_uint_eq(tree_common(abc, plan_find(p, "one/a+b+c/none/1")), 6);
    tree_free(t);
    plan_free(p);
    free(g);
}
END_TEST

START_TEST(tree_images_share_nothing) {
    struct grove *g = grove_new();
    grove_steps(g, usual);
    grove_set(g, "ab", 2, true);
    g->model.image_count = 2;
    struct plan *p = grove_plan(g, false);
    struct tree *t = tree_build(p);
    tree_check(t);
    ck_assert_uint_eq(tree_common(&p->cells[0], &p->cells[p->cell_count - 1]), 0);
    ck_assert_uint_eq(t->segments[0].cells, 3);
    ck_assert_uint_eq(t->segments[t->segments[0].next].cells, 3);
    tree_free(t);
    plan_free(p);
    free(g);
}
END_TEST

START_TEST(tree_of_one_cell_and_of_none) {
    struct grove *g = grove_new();
    grove_steps(g, usual);
    grove_set(g, "a", 0, true);
    struct plan *p = grove_plan(g, false);
    struct tree *t = tree_build(p);
    tree_check(t);
    ck_assert_uint_eq(t->count, 1);
    ck_assert_uint_eq(t->unique, t->steps);
    tree_free(t);
    struct plan none = {0};
    t = tree_build(&none);
    ck_assert_uint_eq(t->count, 0);
    tree_free(t);
    plan_free(p);
    free(g);
}
END_TEST

/* xorshift: the same groves at every run. */
static uint32_t draw(uint32_t *seed, uint32_t below) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed % below;
}

static void grove_draw(struct grove *g, uint32_t *seed) {
    static const enum step_kind any[] = {STEP_VERIFY, STEP_DETECT, STEP_MEASURE, STEP_APPLY,
                                         STEP_TOOK,   STEP_REBOOT, STEP_ROLLBACK};
    enum step_kind kinds[GROVE_STEPS] = {STEP_INSTALL};
    size_t n = 1 + draw(seed, 8);
    for (size_t i = 1; i <= n; i++) {
        kinds[i] = i == n ? STEP_KIND_COUNT : any[draw(seed, 7)];
    }
    grove_steps(g, kinds);
    for (size_t i = 0; i < g->model.step_count; i++) {
        g->steps[i].fresh = draw(seed, 6) == 0;
    }
    for (uint32_t sets = 1 + draw(seed, 6); sets > 0; sets--) {
        char products[5] = "";
        uint32_t begin = draw(seed, 6), updates = draw(seed, 3);
        for (uint32_t i = 0, count = 1 + draw(seed, 3); i < count; i++) {
            products[i] = (char)('a' + (begin + i * (1 + begin % 2)) % 6);
        }
        grove_set(g, products, updates, updates == 0 || draw(seed, 2));
    }
    g->model.image_count = 1 + draw(seed, 2);
    g->model.repetitions = 1 + (int)draw(seed, 3);
    g->model.all_orders = draw(seed, 3) == 0;
}

START_TEST(tree_of_anything_is_the_naive_trie) {
    uint32_t seed = 0x9e3779b9u;
    for (int round = 0; round < 400; round++) {
        struct grove *g = grove_new();
        grove_draw(g, &seed);
        struct plan *p = grove_plan(g, false);
        struct tree *t = tree_build(p);
        tree_check(t);
        tree_free(t);
        plan_free(p);
        free(g);
    }
}
END_TEST

START_TEST(tree_estimates) {
    static const enum step_kind kinds[] = {STEP_INSTALL, STEP_MEASURE, STEP_KIND_COUNT};
    struct grove *g = grove_new();
    grove_steps(g, kinds);
    grove_set(g, "a", 0, true);
    g->model.repetitions = 3;
    struct plan *p = grove_plan(g, false);
    struct tree *t = tree_build(p);
    struct estimate e;
    estimate_init(&e);
    ck_assert(!estimate_is_learned(&e));
    for (int k = 0; k < STEP_KIND_COUNT; k++) {
        ck_assert(estimate_step(&e, (enum step_kind)k) > 0);
        estimate_learn(&e, step_kind_name((enum step_kind)k), 900);
        estimate_learn(&e, step_kind_name((enum step_kind)k), 1100);
    }
    estimate_learn(&e, "no such step", 1);
    ck_assert(estimate_is_learned(&e));
    e.save_ms = 100;
    e.restore_ms = 10;
    struct estimate_plan all;
    estimate_tree(&e, t, &all);
    ck_assert_double_eq_tol(all.apart_ms, 18000, 1e-6);               /* 3 x 6 steps of a second */
    ck_assert_double_eq_tol(all.shared_ms, 3000 + 9000 + 120, 1e-6);  /* one save, two restores */
    ck_assert_double_eq_tol(all.longest_ms, 6000, 1e-6);
    ck_assert_uint_eq(all.states, 1);
    ck_assert_double_eq_tol(estimate_wall_ms(&all, true, 1), 12120, 1e-6);
    ck_assert_double_eq_tol(estimate_wall_ms(&all, true, 4), 6000, 1e-6);
    ck_assert_double_eq_tol(estimate_wall_ms(&all, false, 2), 9000, 1e-6);
    tree_free(t);
    plan_free(p);
    free(g);
}
END_TEST

/* ---- shown ------------------------------------------------------------------------------------- */

struct shown {
    char *text;
    size_t lines;
};

static struct shown show_tree(const struct tree *t, size_t most, bool dot) {
    struct shown s = {NULL, 0};
    size_t len = 0;
    struct estimate e;
    estimate_init(&e);
    FILE *out = open_memstream(&s.text, &len);
    if (dot) {
        tree_print_dot(t, out);
    } else {
        tree_print(t, &e, most, out);
    }
    fclose(out);
    for (const char *c = s.text; *c; c++) {
        s.lines += *c == '\n';
    }
    return s;
}

static size_t count_text(const char *text, const char *what) {
    size_t n = 0;
    for (; (text = strstr(text, what)) != NULL; text += strlen(what)) {
        n++;
    }
    return n;
}

START_TEST(tree_in_words) {
    static const enum step_kind kinds[] = {STEP_INSTALL, STEP_APPLY, STEP_MEASURE, STEP_KIND_COUNT};
    struct grove *g = grove_new();
    grove_steps(g, kinds);
    grove_set(g, "ab", 1, true);
    g->model.repetitions = 3;
    struct plan *p = grove_plan(g, false);
    struct tree *t = tree_build(p);
    struct shown s = show_tree(t, 0, false);
    ck_assert_str_eq(s.text,
                     "one: provision, boot, install a, install b  (23 s, 6 cells)\n"
                     "  measure, collect, teardown  (53 s each) = one/a+b/none/1 and 2 more repetitions\n"
                     "  apply u1, measure, collect, teardown  (56 s each) = one/a+b/u1/1 and 2 more repetitions\n");
    free(s.text);
    tree_free(t);
    plan_free(p);
    free(g);
}
END_TEST

START_TEST(tree_shown_is_cut_to_fit_and_says_what_is_missing) {
    struct grove *g = grove_new();
    grove_steps(g, usual);
    grove_set(g, "abcde", 20, true);
    g->model.all_orders = true;
    g->model.repetitions = 2; /* 120 x 21 x 2 */
    struct plan *p = grove_plan(g, false);
    struct tree *t = tree_build(p);
    struct shown s = show_tree(t, 60, false), whole = show_tree(t, 0, false);
    ck_assert_uint_le(s.lines, 60);
    ck_assert_uint_gt(s.lines, 15);
    ck_assert_uint_gt(whole.lines, 120 * 21);
    /* Cells shown and cells left out are all of them. */
    size_t cells = 0;
    for (const char *at = s.text; (at = strstr(at, "more with ")) != NULL; at++) {
        cells += strtoul(at + 10, NULL, 10);
    }
    cells += count_text(s.text, " = ") + count_text(s.text, "and 1 more repetition");
    ck_assert_uint_eq(cells, p->cell_count);
    ck_assert_uint_eq(count_text(whole.text, "... and"), 0);
    free(s.text);
    free(whole.text);
    tree_free(t);
    plan_free(p);
    free(g);
}
END_TEST

START_TEST(tree_drawn_and_as_json) {
    struct grove *g = grove_new();
    grove_steps(g, usual);
    grove_set(g, "abc", 3, true);
    g->model.image_count = 2;
    memcpy(g->names[1], "a\"\\", 4); /* quoted in the drawing */
    struct plan *p = grove_plan(g, false);
    struct tree *t = tree_build(p);
    struct shown s = show_tree(t, 0, true);
    ck_assert_int_eq(strncmp(s.text, "digraph plan {\n", 15), 0);
    ck_assert_uint_eq(count_text(s.text, " [label="), t->count);
    ck_assert_uint_eq(count_text(s.text, " -> "), t->count - 2); /* but the roots */
    ck_assert_uint_eq(count_text(s.text, "style=rounded"), p->cell_count);
    ck_assert_uint_ge(count_text(s.text, "a\\\"\\\\: provision"), 1);
    ck_assert_str_eq(s.text + strlen(s.text) - 3, "\n}\n");
    free(s.text);
    struct estimate e;
    estimate_init(&e);
    json_t *j = tree_to_json(t, &e);
    const json_t *list = json_object_get(j, "segments");
    ck_assert_int_eq(json_integer_value(json_object_get(j, "unique_steps")), (json_int_t)t->unique);
    ck_assert_uint_eq(json_array_size(list), t->count);
    ck_assert(json_is_null(json_object_get(json_array_get(list, 0), "parent")));
    const json_t *leaf = json_array_get(list, t->leaf[1]);
    ck_assert_str_eq(json_string_value(json_object_get(leaf, "cell")), p->cells[1].id);
    json_decref(j);
    tree_free(t);
    plan_free(p);
    free(g);
}
END_TEST

START_TEST(times_are_readable) {
    char buf[32];
    ck_assert_str_eq(tree_time(400, buf), "0 s");
    ck_assert_str_eq(tree_time(59400, buf), "59 s");
    ck_assert_str_eq(tree_time(59600, buf), "1 min 00 s");
    ck_assert_str_eq(tree_time(3600.0 * 1000 * 38 + 31 * 60000, buf), "38 h 31 min");
}
END_TEST

START_TEST(tree_of_very_many_cells) {
    struct grove *g = grove_new();
    grove_steps(g, usual);
    for (size_t i = 0; i < 12; i++) {
        char products[5] = {(char)('a' + i % 6), (char)('a' + (i + 1) % 6), (char)('a' + (i + 2) % 6),
                            i < 6 ? '\0' : (char)('a' + (i + 3) % 6), '\0'};
        grove_set(g, products, 4, true);
    }
    g->model.all_orders = true;
    g->model.image_count = 2;
    g->model.repetitions = 56; /* 6 x (6 + 24) orders x 5 x 2 x 56 = 100,800 cells */
    struct plan *p = grove_plan(g, false);
    ck_assert_uint_eq(p->cell_count, 100800);
    struct tree *t = tree_build(p);
    ck_assert_uint_lt(t->count, 2 * p->cell_count);
    ck_assert_uint_lt(t->unique, t->steps / 2);
    for (size_t i = 1; i < t->count; i++) {
        ck_assert_uint_lt(t->segments[i].first, t->segments[i].end);
        ck_assert(t->segments[i].parent == TREE_NONE || t->segments[i].parent < i);
    }
    tree_free(t);
    plan_free(p);
    free(g);
}
END_TEST

int main(void) {
    Suite *s = suite_create("tree");
    TCase *t = tcase_create("tree");
    tcase_set_timeout(t, 120); /* a hundred thousand cells under sanitizers */
    tcase_add_test(t, tree_of_growing_sets);
    tcase_add_test(t, tree_repetitions_part_where_they_measure);
    tcase_add_loop_test(t, tree_repetitions_part_where_the_update_comes, 0, (int)ARRAY_LEN(parting));
    tcase_add_test(t, tree_install_orders_share_what_begins_alike);
    tcase_add_test(t, tree_images_share_nothing);
    tcase_add_test(t, tree_of_one_cell_and_of_none);
    tcase_add_test(t, tree_of_anything_is_the_naive_trie);
    tcase_add_test(t, tree_estimates);
    tcase_add_test(t, tree_in_words);
    tcase_add_test(t, tree_shown_is_cut_to_fit_and_says_what_is_missing);
    tcase_add_test(t, tree_drawn_and_as_json);
    tcase_add_test(t, times_are_readable);
    tcase_add_test(t, tree_of_very_many_cells);
    suite_add_tcase(s, t);
    return suite_run(s);
}
