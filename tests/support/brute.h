/* What a small covering problem comes to, by trying every row: the judge of cover/, sharing nothing with it. */
#ifndef COEXIST_TESTS_SUPPORT_BRUTE_H
#define COEXIST_TESTS_SUPPORT_BRUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "cover/cover.h"

enum { BRUTE_FACTORS = 12, BRUTE_RULES = 16, BRUTE_TERMS = 4 };

/* One term: factor = value, or factor compared with factor. */
struct brute_term {
    int factor, value; /* value < 0: compare with `other` */
    int other;
    char op;           /* '=', '!', '<', 'g' (>=) */
};
struct brute_rule {
    int count;
    struct brute_term terms[BRUTE_TERMS];
    bool all; /* "not all of the terms" instead of "one of the terms" */
};
struct brute {
    int factors;
    int values[BRUTE_FACTORS];
    bool negative[BRUTE_FACTORS][16];
    int rule_count;
    struct brute_rule rules[BRUTE_RULES];
};

bool brute_row_ok(const struct brute *b, const int *row); /* rules, and at most one negative value */
int brute_negatives(const struct brute *b, const int *row);
/* Every valid row, in order: *count x factors. Caller frees. */
int *brute_rows(const struct brute *b, size_t *count);
/* Does a row of the list hold these values? */
bool brute_holds(const int *rows, size_t count, int factors, const int *col, const int *value, int n);

/* The same problem for cover/. Caller frees. */
struct cover_problem *brute_problem(const struct brute *b);
/* A problem by chance; rules 0..BRUTE_RULES. */
void brute_random(struct brute *b, unsigned *seed, int factors, int values_max, int rules);
/* Rows valid; every strength-tuple of the factors that some valid row holds is held by a row; what is impossible is
 * listed, each once, and nothing else. Fails the test otherwise. columns: the factors the tuples are over. */
void brute_judge(const struct brute *b, const int *columns, int n, int strength, const struct cover_result *r,
                 bool impossible_too);

#endif
