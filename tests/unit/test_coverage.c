/* Plans that cover combinations: complete and valid by trying every combination there is, and the coverage that a run
 * comes to counted again by hand. Nothing here asks cover/ for anything. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "plan/coverage.h"
#include "support/runs.h"
#include "support/suite.h"

enum { FACTORS = 6, IMAGE = 0, ALDER, BIRCH, CEDAR, UPDATE, ORDER, COMBINATIONS = 2 * 2 * 2 * 2 * 8 * 2 };

static const int sizes[FACTORS] = {2, 2, 2, 2, 8, 2};
static const char *const updates[] = {"none",         "alder-content", "alder-engine", "birch-content",
                                      "birch-engine", "cedar-content", "cedar-engine", "os-kb1"};

#define RULES "'constraints':['IF [image] = \"win11\" THEN [update] <> \"os-kb1\"'," \
              "'IF [alder] = \"present\" AND [birch] = \"present\" THEN [cedar] = \"absent\"']"

struct world {
    struct runs *runs;
    struct journal_run run;
    struct model *model;
    struct plan *plan;
};

/* json: of "coverage", single quotes for double ones, and double ones within a text. */
static struct world *world_new(const char *json, const char *more) {
    struct world *w = mem_zalloc(1, sizeof(*w));
    char *quoted = str_printf("{'images':['winelab','win11'],'install_orders':'both','coverage':%s%s}", json, more);
    struct str text = STR_INIT;
    for (const char *p = quoted; *p; p++) {
        str_addf(&text, *p == '"' ? "\\%c" : "%c", *p);
    }
    struct diags diags = DIAGS_INIT;
    w->runs = runs_make(str_get(&text));
    ck_assert_int_eq(journal_read_run(w->runs->journal, &w->run, NULL), 0);
    w->model = model_from_source(w->run.matrix, &diags);
    ck_assert_msg(w->model != NULL, "%s", diags.count ? diags.items[0].message : "");
    w->plan = plan_build(w->model, &diags);
    ck_assert_msg(w->plan != NULL, "%s", diags.count ? diags.items[0].message : "");
    ck_assert_ptr_nonnull(w->plan->coverage);
    free(quoted);
    str_free(&text);
    return w;
}

static void world_free(struct world *w) {
    plan_free(w->plan);
    model_free(w->model);
    journal_run_clear(&w->run);
    runs_free(w->runs);
    free(w);
}

/* A cell's values, from what would be executed. */
static void read_cell(const struct plan_cell *c, int *row) {
    static const char *const products[] = {"alder", "birch", "cedar"};
    memset(row, 0, FACTORS * sizeof(int));
    row[IMAGE] = str_eq(c->image, "win11");
    for (size_t i = 0; i < c->product_count; i++) {
        for (int p = 0; p < 3; p++) {
            row[ALDER + p] |= str_eq(c->products[i]->id, products[p]);
        }
        bool falls = i > 0 && strcmp(c->products[i - 1]->id, c->products[i]->id) > 0;
        ck_assert_int_eq(i < 2 ? falls : row[ORDER], falls); /* all one way */
        row[ORDER] = falls;
    }
    while (c->update && !str_eq(updates[row[UPDATE]], c->update->id)) {
        row[UPDATE]++;
    }
}

static void nth(int n, int *row) {
    for (int f = 0; f < FACTORS; f++) {
        row[f] = n % sizes[f];
        n /= sizes[f];
    }
}

static bool valid(const int *row, bool rules) {
    int present = row[ALDER] + row[BIRCH] + row[CEDAR];
    int needs = row[UPDATE] >= 1 && row[UPDATE] <= 6 ? ALDER + (row[UPDATE] - 1) / 2 : -1;
    if (present == 0 || (needs >= 0 && !row[needs]) || (row[ORDER] == 1 && present < 2)) {
        return false;
    }
    return !rules || (!(row[IMAGE] == 1 && row[UPDATE] == 7) && present < 3);
}

struct counts { size_t possible, impossible, covered; };

static bool same_on(unsigned among, const int *a, const int *b) {
    for (int f = 0; f < FACTORS; f++) {
        if (among & (1u << f) && a[f] != b[f]) {
            return false;
        }
    }
    return true;
}

/* All tuples of the factors in the set `among`, each as the first combination that has it. */
static void count_tuples(const struct plan *p, const enum coverage_shown *done, unsigned among, bool rules,
                         struct counts *out) {
    for (int n = 0; n < COMBINATIONS; n++) {
        int row[FACTORS], other[FACTORS];
        nth(n, row);
        bool first = true, possible = false, covered = false;
        for (int f = 0; f < FACTORS; f++) {
            first &= (among & (1u << f)) || row[f] == 0;
        }
        for (int k = 0; first && k < COMBINATIONS; k++) {
            nth(k, other);
            possible |= same_on(among, row, other) && valid(other, rules);
        }
        for (size_t i = 0; first && i < p->cell_count; i++) {
            read_cell(&p->cells[i], other);
            enum coverage_shown shown = done ? done[i] : COVERAGE_WHOLE;
            bool counts = shown == COVERAGE_WHOLE || (shown == COVERAGE_BEFORE_UPDATE && !(among & (1u << UPDATE)));
            covered |= counts && same_on(among, row, other);
        }
        out->possible += first && possible;
        out->impossible += first && !possible;
        out->covered += first && covered;
    }
}

static struct counts count_all(const struct plan *p, const enum coverage_shown *done, int strength, bool rules) {
    struct counts c = {0, 0, 0};
    for (unsigned among = 1; among < 1u << FACTORS; among++) {
        if (__builtin_popcount(among) == strength) {
            count_tuples(p, done, among, rules, &c);
        }
    }
    return c;
}

static void check_cells(const struct plan *p, bool rules) {
    for (size_t i = 0; i < p->cell_count; i++) {
        int row[FACTORS];
        read_cell(&p->cells[i], row);
        ck_assert_msg(valid(row, rules), "%s", p->cells[i].id);
        ck_assert_ptr_eq(plan_find(p, p->cells[i].id), &p->cells[i]); /* no id twice */
    }
}

START_TEST(plan_holds_every_possible_combination) {
    CLEANUP_FREE char *json = str_printf("{'strength':%d," RULES "}", _i);
    struct world *w = world_new(json, "");
    check_cells(w->plan, true);
    struct counts c = count_all(w->plan, NULL, _i, true);
    ck_assert_uint_gt(c.possible, 0);
    ck_assert_uint_eq(c.covered, c.possible);
    ck_assert_uint_eq(w->plan->coverage->impossible_count, c.impossible);
    world_free(w);
}
END_TEST

START_TEST(all_is_every_valid_combination_once) {
    struct world *w = world_new("{'strength':'all'," RULES "}", "");
    size_t combinations = 0;
    for (int n = 0; n < COMBINATIONS; n++) {
        int row[FACTORS];
        nth(n, row);
        combinations += valid(row, true);
    }
    check_cells(w->plan, true);
    ck_assert_uint_eq(w->plan->cell_count, combinations);
    enum coverage_shown *done = mem_zalloc(w->plan->cell_count, sizeof(*done));
    done[3] = COVERAGE_WHOLE;
    struct coverage_tally t;
    coverage_tally(w->plan, done, &t);
    ck_assert_uint_eq(t.asked, combinations);
    ck_assert_uint_eq(t.covered, 1);
    coverage_tally_clear(&t);
    free(done);
    world_free(w);
}
END_TEST

START_TEST(seeds_come_first_and_are_kept) {
    struct world *w = world_new("{'strength':1,'seeds':[{'image':'win11','alder':'present','birch':'absent',"
                                "'cedar':'present','update':'cedar-engine','order':'reversed'},"
                                "{'update':'os-kb1','birch':'present'},"
                                "{'image':'win11','alder':'present','birch':'absent',"
                                "'cedar':'present','update':'cedar-engine','order':'reversed'}]}", "");
    int row[FACTORS];
    ck_assert_str_eq(w->plan->cells[0].id, "win11/cedar+alder/cedar-engine/1");
    read_cell(&w->plan->cells[1], row);
    ck_assert_int_eq(row[UPDATE], 7);
    ck_assert_int_eq(row[BIRCH], 1);
    check_cells(w->plan, false); /* the same seed twice is one cell */
    struct counts c = count_all(w->plan, NULL, 1, false);
    ck_assert_uint_eq(c.covered, c.possible);
    world_free(w);
}
END_TEST

START_TEST(a_group_has_a_strength_of_its_own) {
    struct world *w = world_new("{'strength':1,'groups':[{'factors':['order','cedar','alder'],'strength':3}]}", "");
    struct world *three = world_new("{'strength':3}", "");
    struct counts c = {0, 0, 0};
    count_tuples(w->plan, NULL, 1u << ALDER | 1u << CEDAR | 1u << ORDER, false, &c);
    ck_assert_uint_eq(c.possible, 7); /* of eight: only several products can be reversed */
    ck_assert_uint_eq(c.covered, 7);
    c = count_all(w->plan, NULL, 1, false);
    ck_assert_uint_eq(c.covered, c.possible);
    ck_assert_uint_lt(w->plan->cell_count, three->plan->cell_count);
    enum coverage_shown *done = mem_zalloc(w->plan->cell_count, sizeof(*done));
    struct coverage_tally t;
    coverage_tally(w->plan, done, &t);
    ck_assert_uint_eq(t.asked, c.possible + 7);
    coverage_tally_clear(&t);
    free(done);
    world_free(w);
    world_free(three);
}
END_TEST

START_TEST(repetitions_repeat_rows) {
    struct world *once = world_new("{'strength':2}", "");
    struct world *w = world_new("{'strength':2}", ",'repetitions':3");
    ck_assert_uint_eq(w->plan->cell_count, 3 * once->plan->cell_count);
    ck_assert_uint_eq(w->plan->coverage->row_count, once->plan->cell_count);
    check_cells(w->plan, false);
    for (size_t i = 0; i < w->plan->cell_count; i++) {
        ck_assert_int_eq(w->plan->cells[i].repetition, 1 + (int)i % 3);
    }
    world_free(w);
    world_free(once);
}
END_TEST

START_TEST(weights_and_seed_change_the_choice_only) {
    struct world *w = world_new("{'strength':1,'seed':99,'weights':{'cedar':{'absent':100}}}", "");
    size_t with[2] = {0, 0};
    int row[FACTORS];
    for (size_t i = 0; i < w->plan->cell_count; i++) {
        read_cell(&w->plan->cells[i], row);
        with[row[CEDAR]]++;
    }
    ck_assert_uint_gt(with[0], with[1]);
    struct counts c = count_all(w->plan, NULL, 1, false);
    ck_assert_uint_eq(c.covered, c.possible);
    world_free(w);
}
END_TEST

/* Every third cell has a verdict, some before the update, and the run was limited to the first cells of the plan. */
START_TEST(tally_is_what_counting_by_hand_gives) {
    CLEANUP_FREE char *json = str_printf("{'strength':%d," RULES "}", _i);
    struct world *w = world_new(json, ",'repetitions':2");
    size_t all = w->plan->cell_count;
    enum coverage_shown *done = mem_zalloc(all, sizeof(*done));
    for (size_t i = 0; i < all; i += 3) {
        done[i] = i % 2 ? COVERAGE_WHOLE : COVERAGE_BEFORE_UPDATE;
    }
    struct counts planned = count_all(w->plan, NULL, _i, true);
    for (size_t kept = all; kept > all / 3; kept -= all / 3) {
        struct coverage_tally t;
        w->plan->cell_count = kept;
        struct counts c = count_all(w->plan, done, _i, true);
        coverage_tally(w->plan, done, &t);
        ck_assert_uint_eq(t.asked, planned.possible);
        ck_assert_uint_eq(t.covered, c.covered);
        size_t named = 0;
        while (t.uncovered[named]) {
            named++;
        }
        size_t missing = (size_t)(t.asked - t.covered);
        ck_assert_uint_eq(named, missing < COVERAGE_NAMED ? missing : COVERAGE_NAMED);
        coverage_tally_clear(&t);
    }
    w->plan->cell_count = all;
    free(done);
    world_free(w);
}
END_TEST

/* What another version of the engine chose stays; what does not fit the matrix is not believed. */
START_TEST(a_kept_plan_keeps_its_rows) {
    struct world *w = world_new("{'strength':1}", "");
    struct diags diags = DIAGS_INIT;
    json_t *kept = plan_to_json(w->plan);
    json_t *rows = json_object_get(json_object_get(kept, "coverage"), "rows");
    json_t *other = json_pack("[[i,i,i,i,i,i]]", 1, 1, 0, 1, 6, 1);
    json_array_clear(rows);
    json_array_extend(rows, other);
    struct plan *p = plan_build_kept(w->model, kept, &diags);
    ck_assert_uint_eq(p->cell_count, 1);
    ck_assert_str_eq(p->cells[0].id, "win11/cedar+alder/cedar-engine/1");
    json_t *again = plan_to_json(p);
    ck_assert(json_equal(json_object_get(again, "coverage"), json_object_get(kept, "coverage")));
    plan_free(p);
    p = plan_build_kept(w->model, again, &diags);
    json_t *whole = plan_to_json(p);
    ck_assert(json_equal(whole, again)); /* what a resume asks for */
    json_decref(whole);
    plan_free(p);
    json_array_set_new(json_array_get(rows, 0), 4, json_integer(8)); /* there is no such update */
    p = plan_build_kept(w->model, kept, &diags);
    ck_assert_uint_eq(p->cell_count, w->plan->cell_count);
    plan_free(p);
    json_decref(other);
    json_decref(again);
    json_decref(kept);
    world_free(w);
}
END_TEST

static const struct plan_cell *cell_with_update(const struct plan *p, size_t from) {
    while (from < p->cell_count && !p->cells[from].update) {
        from++;
    }
    ck_assert_uint_lt(from, p->cell_count);
    return &p->cells[from];
}

/* A cell that passes, one in which a product failed before its update, one that the lab lost; the others did not
 * run. */
START_TEST(only_verdicts_cover) {
    struct world *w = world_new("{'strength':2}", "");
    const struct plan *p = w->plan;
    const struct plan_cell *passes = cell_with_update(p, 0);
    const struct plan_cell *early = cell_with_update(p, (size_t)(passes - p->cells) + 1);
    const struct plan_cell *lost = cell_with_update(p, (size_t)(early - p->cells) + 1);
    runs_cell_passes(w->runs, passes->id);
    runs_cell(w->runs, early->id, 1);
    runs_step(w->runs, "verify", false);
    runs_fail(w->runs, FAILURE_SERVICE_DOWN, early->products[0]->id, "a service is down");
    runs_end(w->runs, true);
    runs_cell(w->runs, lost->id, 1);
    runs_fail(w->runs, FAILURE_HOST_RESOURCES, NULL, "no memory");
    runs_end(w->runs, false);
    struct analysis *a = runs_analyse(w->runs);
    enum coverage_shown *done = mem_zalloc(p->cell_count, sizeof(*done));
    done[passes - p->cells] = COVERAGE_WHOLE;
    done[early - p->cells] = COVERAGE_BEFORE_UPDATE;
    struct counts c = count_all(p, done, 2, false);
    ck_assert(a->cells[early - p->cells].failed_before);
    ck_assert_int_eq(a->cells[early - p->cells].verdict, VERDICT_PRODUCT_FAULT);
    ck_assert_int_eq(a->cells[lost - p->cells].verdict, VERDICT_INFRASTRUCTURE_ERROR);
    ck_assert_uint_eq(a->covered.covered, c.covered);
    ck_assert_uint_eq(a->covered.asked, c.possible);
    ck_assert_uint_gt(c.possible, c.covered);
    analysis_free(a);
    free(done);
    world_free(w);
}
END_TEST

int main(void) {
    Suite *s = suite_create("coverage");
    TCase *t = tcase_create("plan");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, plan_holds_every_possible_combination, 1, 7);
    tcase_add_test(t, all_is_every_valid_combination_once);
    tcase_add_test(t, seeds_come_first_and_are_kept);
    tcase_add_test(t, a_group_has_a_strength_of_its_own);
    tcase_add_test(t, repetitions_repeat_rows);
    tcase_add_test(t, weights_and_seed_change_the_choice_only);
    tcase_add_loop_test(t, tally_is_what_counting_by_hand_gives, 1, 4);
    tcase_add_test(t, a_kept_plan_keeps_its_rows);
    tcase_add_test(t, only_verdicts_cover);
    suite_add_tcase(s, t);
    return suite_run(s);
}
