#include "support/brute.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

static bool term_true(const struct brute_term *t, const int *row) {
    int a = row[t->factor];
    int b = t->value >= 0 ? t->value : row[t->other];
    switch (t->op) {
    case '=': return a == b;
    case '!': return a != b;
    case '<': return a < b;
    default: return a >= b;
    }
}

int brute_negatives(const struct brute *b, const int *row) {
    int n = 0;
    for (int f = 0; f < b->factors; f++) {
        n += b->negative[f][row[f]];
    }
    return n;
}

bool brute_row_ok(const struct brute *b, const int *row) {
    for (int i = 0; i < b->rule_count; i++) {
        int hits = 0;
        for (int k = 0; k < b->rules[i].count; k++) {
            hits += term_true(&b->rules[i].terms[k], row);
        }
        if (b->rules[i].all ? hits == b->rules[i].count : hits == 0) {
            return false;
        }
    }
    return brute_negatives(b, row) <= 1;
}

int *brute_rows(const struct brute *b, size_t *count) {
    int row[BRUTE_FACTORS] = {0};
    int *rows = NULL;
    size_t cap = 0;
    *count = 0;
    for (int f = b->factors; f >= 0;) {
        if (brute_row_ok(b, row)) {
            if (*count == cap) {
                cap = cap ? 2 * cap : 64;
                rows = mem_grow(rows, cap * (size_t)b->factors, sizeof(int));
            }
            memcpy(rows + (*count)++ * (size_t)b->factors, row, sizeof(int) * (size_t)b->factors);
        }
        for (f = b->factors - 1; f >= 0 && ++row[f] == b->values[f]; f--) {
            row[f] = 0;
        }
    }
    return rows;
}

bool brute_holds(const int *rows, size_t count, int factors, const int *col, const int *value, int n) {
    for (size_t i = 0; i < count; i++) {
        bool all = true;
        for (int k = 0; all && k < n; k++) {
            all = rows[i * (size_t)factors + (size_t)col[k]] == value[k];
        }
        if (all) {
            return true;
        }
    }
    return false;
}

static int brute_expr(struct cover_problem *p, const struct brute *b, const struct brute_term *t) {
    int n = b->values[t->factor];
    if (t->value >= 0) {
        bool in[16];
        for (int v = 0; v < n; v++) {
            int row[BRUTE_FACTORS];
            row[t->factor] = v;
            in[v] = term_true(t, row);
        }
        return cover_in(p, t->factor, in);
    }
    bool holds[16 * 16];
    for (int v = 0; v < n; v++) {
        for (int w = 0; w < b->values[t->other]; w++) {
            int row[BRUTE_FACTORS];
            row[t->factor] = v;
            row[t->other] = w;
            holds[v * b->values[t->other] + w] = term_true(t, row);
        }
    }
    return cover_relation(p, t->factor, t->other, holds);
}

struct cover_problem *brute_problem(const struct brute *b) {
    struct cover_problem *p = cover_new();
    for (int f = 0; f < b->factors; f++) {
        cover_add_factor(p, b->values[f]);
        for (int v = 0; v < b->values[f]; v++) {
            if (b->negative[f][v]) {
                cover_set_negative(p, f, v);
            }
        }
    }
    for (int i = 0; i < b->rule_count; i++) {
        int e = brute_expr(p, b, &b->rules[i].terms[0]);
        for (int k = 1; k < b->rules[i].count; k++) {
            int next = brute_expr(p, b, &b->rules[i].terms[k]);
            e = b->rules[i].all ? cover_and(p, e, next) : cover_or(p, e, next);
        }
        cover_require(p, b->rules[i].all ? cover_not(p, e) : e);
    }
    return p;
}

static int pick(unsigned *seed, int n) {
    *seed = *seed * 1664525u + 1013904223u;
    return (int)((*seed >> 10) % (unsigned)n);
}

void brute_random(struct brute *b, unsigned *seed, int factors, int values_max, int rules) {
    *b = (struct brute){.factors = factors, .rule_count = rules};
    for (int f = 0; f < factors; f++) {
        b->values[f] = 1 + pick(seed, values_max);
    }
    for (int i = 0; i < rules; i++) {
        struct brute_rule *r = &b->rules[i];
        r->count = 1 + pick(seed, 3) + (pick(seed, 2) ? 1 : 0);
        r->all = pick(seed, 2);
        for (int k = 0; k < r->count; k++) {
            struct brute_term *t = &r->terms[k];
            t->factor = pick(seed, factors);
            t->other = (t->factor + 1 + pick(seed, factors > 1 ? factors - 1 : 1)) % factors;
            t->value = pick(seed, 4) || t->other == t->factor ? pick(seed, b->values[t->factor]) : -1;
            t->op = "=!<g"[pick(seed, 4)];
        }
    }
}

struct judge {
    const struct brute *b;
    const struct cover_result *r;
    const int *all;
    size_t all_count;
    size_t impossible, covered;
};

static bool is_listed(const struct cover_result *r, const int *col, const int *value, int n) {
    int found = 0;
    for (size_t i = 0; i < r->impossible_kept; i++) {
        const struct cover_tuple *t = &r->impossible[i];
        bool same = t->count == n;
        for (int k = 0; same && k < n; k++) {
            same = t->factor[k] == col[k] && t->value[k] == value[k];
        }
        found += same;
    }
    ck_assert_int_le(found, 1);
    return found == 1;
}

static void judge_values(struct judge *j, const int *col, int n, bool impossible_too) {
    int value[COVER_MAX_STRENGTH] = {0};
    for (int k = 0; k >= 0;) {
        bool possible = brute_holds(j->all, j->all_count, j->b->factors, col, value, n);
        bool held = brute_holds(j->r->rows, j->r->row_count, j->b->factors, col, value, n);
        ck_assert_msg(possible == held, "%s tuple", possible ? "missing" : "impossible");
        if (impossible_too) {
            ck_assert_int_eq(is_listed(j->r, col, value, n), !possible);
        }
        j->impossible += !possible;
        j->covered += possible;
        for (k = n - 1; k >= 0 && ++value[k] == j->b->values[col[k]]; k--) {
            value[k] = 0;
        }
    }
}

static void judge_columns(struct judge *j, const int *columns, int n, int strength, int *col, int depth, int from,
                          bool impossible_too) {
    if (depth == strength) {
        judge_values(j, col, strength, impossible_too);
        return;
    }
    for (int i = from; i < n; i++) {
        col[depth] = columns[i];
        judge_columns(j, columns, n, strength, col, depth + 1, i + 1, impossible_too);
    }
}

void brute_judge(const struct brute *b, const int *columns, int n, int strength, const struct cover_result *r,
                 bool impossible_too) {
    struct judge j = {.b = b, .r = r};
    int *all = brute_rows(b, &j.all_count);
    int col[COVER_MAX_STRENGTH];
    j.all = all;
    for (size_t i = 0; i < r->row_count; i++) {
        ck_assert_msg(brute_row_ok(b, r->rows + i * (size_t)b->factors), "row %zu breaks a rule", i);
    }
    judge_columns(&j, columns, n, strength, col, 0, 0, impossible_too);
    if (impossible_too) {
        ck_assert_uint_eq(r->impossible_count, j.impossible);
        ck_assert_uint_eq(r->covered_count, j.covered);
    }
    free(all);
}
