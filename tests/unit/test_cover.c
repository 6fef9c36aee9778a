/* Covering arrays: valid, complete, and exact about what is impossible, judged by trying every row. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "cover/cover.h"
#include "support/brute.h"
#include "support/suite.h"

static const int all_columns[BRUTE_FACTORS] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

static struct cover_result *generate(const struct cover_problem *p, int strength, uint64_t seed) {
    struct cover_options o = {.strength = strength, .seed = seed};
    struct err err = ERR_INIT;
    struct cover_result *r = cover_generate(p, &o, &err);
    ck_assert_msg(r != NULL, "%s", err_text(&err));
    return r;
}

static void judge(const struct brute *b, int strength, uint64_t seed) {
    struct cover_problem *p = brute_problem(b);
    struct cover_result *r = generate(p, strength, seed);
    brute_judge(b, all_columns, b->factors, strength, r, true);
    cover_result_free(r);
    cover_free(p);
}

START_TEST(test_any_problem) {
    unsigned seed = 77;
    for (int i = 0; i < 400; i++) {
        struct brute b;
        brute_random(&b, &seed, 2 + i % 6, 2 + i % 4, i % 9);
        for (int strength = 1; strength <= 3 && strength <= b.factors; strength++) {
            judge(&b, strength, (uint64_t)i);
        }
    }
}
END_TEST

START_TEST(test_many_rules) {
    unsigned seed = 5;
    for (int i = 0; i < 60; i++) {
        struct brute b;
        brute_random(&b, &seed, 7, 4, BRUTE_RULES);
        judge(&b, 2, 1);
    }
}
END_TEST

START_TEST(test_high_strength) {
    unsigned seed = 9;
    for (int strength = 4; strength <= COVER_MAX_STRENGTH; strength++) {
        for (int i = 0; i < 6; i++) {
            struct brute b;
            brute_random(&b, &seed, strength + 1, 3, i);
            judge(&b, strength, 0);
        }
    }
}
END_TEST

/* Sizes nobody can beat are reached where they are easy. */
START_TEST(test_known_sizes) {
    static const struct { int factors, values, strength; size_t rows; } known[] = {
        {4, 3, 2, 9}, {3, 2, 2, 4}, {5, 4, 2, 16}, {4, 2, 3, 8}, {10, 2, 1, 2}, {3, 5, 2, 25}, {10, 2, 2, 6},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        struct brute b = {.factors = known[i].factors};
        for (int f = 0; f < b.factors; f++) {
            b.values[f] = known[i].values;
        }
        struct cover_problem *p = brute_problem(&b);
        struct cover_result *r = generate(p, known[i].strength, 0);
        ck_assert_uint_le(r->row_count, known[i].rows + (i == 2 || i == 6 ? 2 : 0));
        cover_result_free(r);
        cover_free(p);
    }
}
END_TEST

START_TEST(test_negative_values) {
    unsigned seed = 31;
    for (int i = 0; i < 60; i++) {
        struct brute b;
        brute_random(&b, &seed, 5, 4, i % 4);
        for (int f = 0; f < b.factors; f += 2) {
            b.negative[f][0] = b.values[f] > 1;
        }
        struct cover_problem *p = brute_problem(&b);
        struct cover_result *r = generate(p, 2, 3);
        brute_judge(&b, all_columns, b.factors, 2, r, true);
        /* What positive rows can hold, positive rows do hold. */
        struct brute positive = b;
        size_t rows = 0, left = 0;
        int *all = brute_rows(&b, &rows);
        for (size_t k = 0; k < rows; k++) {
            if (brute_negatives(&b, all + k * 5) == 0) {
                memmove(all + left++ * 5, all + k * 5, 5 * sizeof(int));
            }
        }
        int *ours = calloc(r->row_count * 5 + 1, sizeof(int));
        size_t mine = 0;
        for (size_t k = 0; k < r->row_count; k++) {
            if (brute_negatives(&positive, r->rows + k * 5) == 0) {
                memcpy(ours + mine++ * 5, r->rows + k * 5, 5 * sizeof(int));
            }
        }
        for (size_t k = 0; k < left; k++) {
            for (int f = 0; f < 5; f++) {
                for (int g = f + 1; g < 5; g++) {
                    int col[2] = {f, g}, value[2] = {all[k * 5 + (size_t)f], all[k * 5 + (size_t)g]};
                    ck_assert(brute_holds(ours, mine, 5, col, value, 2));
                }
            }
        }
        free(all);
        free(ours);
        cover_result_free(r);
        cover_free(p);
    }
}
END_TEST

START_TEST(test_mixed_strength) {
    unsigned seed = 12;
    static const int group[4] = {0, 2, 3, 5};
    for (int i = 0; i < 30; i++) {
        struct brute b;
        brute_random(&b, &seed, 7, 3, i % 5);
        struct cover_problem *p = brute_problem(&b);
        cover_add_group(p, COVER_GROUP_MIXED, group, 4, 3);
        struct cover_result *r = generate(p, 2, 0);
        brute_judge(&b, all_columns, b.factors, 2, r, false);
        brute_judge(&b, group, 4, 3, r, false);
        cover_result_free(r);
        cover_free(p);
    }
}
END_TEST

static size_t distinct_parts(const struct cover_result *r, const int *columns, int n) {
    size_t count = 0;
    for (size_t i = 0; i < r->row_count; i++) {
        int value[BRUTE_FACTORS];
        for (int k = 0; k < n; k++) {
            value[k] = r->rows[i * (size_t)r->factor_count + (size_t)columns[k]];
        }
        count += !brute_holds(r->rows, i, r->factor_count, columns, value, n);
    }
    return count;
}

START_TEST(test_units) {
    unsigned seed = 2;
    static const int left[3] = {0, 1, 2};
    static const int right[2] = {4, 5};
    for (int i = 0; i < 40; i++) {
        struct brute b;
        brute_random(&b, &seed, 6, 3, i % 4);
        struct cover_problem *p = brute_problem(&b);
        cover_add_group(p, COVER_GROUP_UNIT, left, 3, 2);
        cover_add_group(p, COVER_GROUP_UNIT, right, 2, 1);
        ck_assert_int_eq(cover_unit_count(p), 3);
        struct cover_result *r = generate(p, 2, 0);
        brute_judge(&b, left, 3, 2, r, false);
        for (int f = 0; f < 6; f++) {
            for (int g = f + 1; g < 6; g++) {
                int pair[2] = {f, g};
                if (g > 2 && (f < 4 || g < 4)) {
                    brute_judge(&b, pair, 2, 2, r, false);
                }
            }
        }
        cover_result_free(r);
        cover_free(p);
    }
}
END_TEST

/* Without constraints a unit's rows are few, and each meets each. */
START_TEST(test_units_keep_configurations_few) {
    struct brute b = {.factors = 6, .values = {3, 3, 3, 2, 2, 4}};
    static const int left[3] = {0, 1, 2};
    struct cover_problem *p = brute_problem(&b);
    cover_add_group(p, COVER_GROUP_UNIT, left, 3, 2);
    struct cover_result *r = generate(p, 2, 0);
    size_t configurations = distinct_parts(r, left, 3);
    ck_assert_uint_eq(configurations, 9);
    ck_assert_uint_eq(r->row_count, configurations * 4);
    cover_result_free(r);
    cover_free(p);
}
END_TEST

START_TEST(test_overlapping_units) {
    struct brute b = {.factors = 5, .values = {3, 2, 3, 2, 2}};
    static const int one[3] = {0, 1, 2}, two[3] = {2, 3, 4};
    struct cover_problem *p = brute_problem(&b);
    cover_add_group(p, COVER_GROUP_UNIT, one, 3, 2);
    cover_add_group(p, COVER_GROUP_UNIT, two, 3, 2);
    struct cover_result *r = generate(p, 2, 0);
    brute_judge(&b, one, 3, 2, r, false);
    brute_judge(&b, two, 3, 2, r, false);
    cover_result_free(r);
    cover_free(p);
}
END_TEST

START_TEST(test_seeds_stay) {
    unsigned seed = 4;
    for (int i = 0; i < 40; i++) {
        struct brute b;
        brute_random(&b, &seed, 6, 3, i % 4);
        size_t count = 0;
        int *all = brute_rows(&b, &count);
        if (count < 4) {
            free(all);
            continue;
        }
        struct cover_problem *p = brute_problem(&b);
        int whole[6], part[6], bad[6];
        memcpy(whole, all + (count / 2) * 6, sizeof(whole));
        memcpy(part, all + (count / 3) * 6, sizeof(part));
        part[1] = part[4] = COVER_FREE;
        memcpy(bad, all, sizeof(bad));
        bool has_bad = false;
        for (int f = 0; !has_bad && f < 6; f++) {
            for (bad[f] = 0; bad[f] < b.values[f] && !(has_bad = !brute_row_ok(&b, bad)); bad[f]++) {
            }
            bad[f] = has_bad ? bad[f] : all[f];
        }
        cover_add_seed(p, whole);
        if (has_bad) {
            cover_add_seed(p, bad);
        }
        cover_add_seed(p, part);
        struct cover_result *r = generate(p, 2, 0);
        ck_assert_mem_eq(r->rows, whole, sizeof(whole));
        for (int f = 0; f < 6; f++) {
            ck_assert(part[f] < 0 || r->rows[6 + f] == part[f]);
        }
        ck_assert_uint_eq(r->refused_count, has_bad);
        ck_assert(!has_bad || r->refused_seeds[0] == 1);
        brute_judge(&b, all_columns, 6, 2, r, true);
        cover_result_free(r);
        cover_free(p);
        free(all);
    }
}
END_TEST

START_TEST(test_all_combinations) {
    unsigned seed = 8;
    for (int i = 0; i < 60; i++) {
        struct brute b;
        brute_random(&b, &seed, 5, 3, i % 8);
        size_t count = 0;
        int *all = brute_rows(&b, &count);
        struct cover_problem *p = brute_problem(&b);
        struct cover_result *r = generate(p, COVER_ALL, 0);
        ck_assert_uint_eq(r->row_count, count);
        ck_assert(count == 0 || memcmp(r->rows, all, count * 5 * sizeof(int)) == 0);
        cover_result_free(r);
        cover_free(p);
        free(all);
    }
}
END_TEST

START_TEST(test_same_input_same_rows) {
    unsigned seed = 21;
    struct brute b;
    brute_random(&b, &seed, 9, 5, 5);
    struct cover_problem *p = brute_problem(&b);
    struct cover_result *one = generate(p, 2, 5), *two = generate(p, 2, 5);
    ck_assert_uint_eq(one->row_count, two->row_count);
    ck_assert_mem_eq(one->rows, two->rows, one->row_count * 9 * sizeof(int));
    cover_result_free(one);
    cover_result_free(two);
    cover_free(p);
}
END_TEST

START_TEST(test_weights) {
    struct cover_problem *p = cover_new();
    for (int f = 0; f < 6; f++) {
        cover_add_factor(p, f < 2 ? 6 : 3);
    }
    cover_set_weight(p, 5, 1, 50);
    struct cover_result *r = generate(p, 2, 0);
    int heavy = 0, light = 0;
    for (size_t i = 0; i < r->row_count; i++) {
        heavy += r->rows[i * 6 + 5] == 1;
        light += r->rows[i * 6 + 5] == 0;
    }
    ck_assert_int_gt(heavy, light);
    cover_result_free(r);
    cover_free(p);
}
END_TEST

START_TEST(test_passive_factor) {
    struct brute b = {.factors = 4, .values = {3, 3, 3, 3}, .rule_count = 1};
    b.rules[0] = (struct brute_rule){1, {{3, -1, 0, '='}}, false};
    struct cover_problem *p = brute_problem(&b);
    cover_set_passive(p, 3);
    struct cover_result *r = generate(p, 2, 0);
    brute_judge(&b, all_columns, 3, 2, r, true);
    ck_assert_uint_eq(r->row_count, 9);
    cover_result_free(r);
    cover_free(p);
}
END_TEST

START_TEST(test_contradiction) {
    struct brute b = {.factors = 3, .values = {2, 2, 2}, .rule_count = 2};
    b.rules[0] = (struct brute_rule){1, {{0, 0, 0, '='}}, false};
    b.rules[1] = (struct brute_rule){1, {{0, 1, 0, '='}}, false};
    struct cover_problem *p = brute_problem(&b);
    struct cover_result *r = generate(p, 2, 0);
    ck_assert_uint_eq(r->row_count, 0);
    ck_assert_uint_eq(r->impossible_count, 12);
    cover_result_free(r);
    cover_free(p);
}
END_TEST

START_TEST(test_strength_too_high) {
    struct brute b = {.factors = 3, .values = {2, 2, 2}};
    struct cover_problem *p = brute_problem(&b);
    struct cover_options o = {.strength = 4};
    struct err err = ERR_INIT;
    ck_assert_ptr_null(cover_generate(p, &o, &err));
    ck_assert_int_eq(err.cls, ERR_INPUT);
    err_clear(&err);
    cover_free(p);
}
END_TEST

/* Random 3-clauses near the point where solving is hardest: dead ends everywhere for whoever only propagates. */
START_TEST(test_hard_constraints) {
    enum { FACTORS = 60, CLAUSES = 240 };
    unsigned seed = 3;
    struct cover_problem *p = cover_new();
    int clause[CLAUSES][3];
    for (int f = 0; f < FACTORS; f++) {
        cover_add_factor(p, 2);
    }
    for (int i = 0; i < CLAUSES; i++) {
        int e = -1;
        for (int k = 0; k < 3; k++) {
            seed = seed * 1664525u + 1013904223u;
            clause[i][k] = (int)((seed >> 8) % (2 * FACTORS));
            bool in[2] = {!(clause[i][k] & 1), clause[i][k] & 1};
            int term = cover_in(p, clause[i][k] / 2, in);
            e = e < 0 ? term : cover_or(p, e, term);
        }
        cover_require(p, e);
    }
    struct cover_result *r = generate(p, 2, 0);
    ck_assert_uint_gt(r->row_count, 0);
    ck_assert_uint_eq(r->covered_count + r->impossible_count, FACTORS * (FACTORS - 1) / 2 * 4);
    for (size_t i = 0; i < r->row_count; i++) {
        for (int c = 0; c < CLAUSES; c++) {
            bool ok = false;
            for (int k = 0; k < 3; k++) {
                ok |= r->rows[i * FACTORS + (size_t)clause[c][k] / 2] == (clause[c][k] & 1);
            }
            ck_assert(ok);
        }
    }
    cover_result_free(r);
    cover_free(p);
}
END_TEST

/* A clock that moves by being looked at. */
struct ticking { struct clock clock; int64_t now; };
static int64_t ticking_now(struct clock *c) {
    return ((struct ticking *)c)->now += CLOCK_MS;
}

START_TEST(test_time_given) {
    struct brute b = {.factors = 10, .values = {4, 4, 4, 4, 3, 3, 3, 3, 2, 2}};
    struct ticking t = {{ticking_now, NULL}, 0};
    struct cover_problem *p = brute_problem(&b);
    struct cover_options o = {.strength = 2, .clock = &t.clock, .deadline = 500 * CLOCK_MS};
    struct cover_result *less = generate(p, 2, 0);
    struct cover_result *r = cover_generate(p, &o, NULL);
    ck_assert_int_ge(t.now, o.deadline);
    ck_assert_uint_le(r->row_count, less->row_count);
    brute_judge(&(struct brute){.factors = 10, .values = {4, 4, 4, 4, 3, 3, 3, 3, 2, 2}}, all_columns, 10, 2, r, false);
    cover_result_free(r);
    cover_result_free(less);
    cover_free(p);
}
END_TEST

int main(void) {
    Suite *s = suite_create("cover");
    TCase *tc = tcase_create("cover");
    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, test_any_problem);
    tcase_add_test(tc, test_many_rules);
    tcase_add_test(tc, test_high_strength);
    tcase_add_test(tc, test_known_sizes);
    tcase_add_test(tc, test_negative_values);
    tcase_add_test(tc, test_mixed_strength);
    tcase_add_test(tc, test_units);
    tcase_add_test(tc, test_units_keep_configurations_few);
    tcase_add_test(tc, test_overlapping_units);
    tcase_add_test(tc, test_seeds_stay);
    tcase_add_test(tc, test_all_combinations);
    tcase_add_test(tc, test_same_input_same_rows);
    tcase_add_test(tc, test_weights);
    tcase_add_test(tc, test_passive_factor);
    tcase_add_test(tc, test_contradiction);
    tcase_add_test(tc, test_strength_too_high);
    tcase_add_test(tc, test_hard_constraints);
    tcase_add_test(tc, test_time_given);
    suite_add_tcase(s, tc);
    return suite_run(s);
}
