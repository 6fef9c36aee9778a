/* Models of the covering-array literature: the format of Garvin's CASA, two files. MODEL: strength, number of factors,
 * the number of values of each. CONSTRAINTS: number of clauses; each is its number of literals, then that many of "+"
 * or "-" and a value, numbered through all factors: "-" says that the row does not have it. */
#ifndef COEXIST_TESTS_SUPPORT_CASA_H
#define COEXIST_TESTS_SUPPORT_CASA_H

#include <stdbool.h>

#include "cover/cover.h"

struct casa_literal { int factor, value; bool negated; };
struct casa_clause { int count; struct casa_literal literals[32]; };
struct casa {
    int factors;
    int values[512];
    int clause_count;
    struct casa_clause clauses[2048];
};

/* NULL where the files cannot be read. Caller frees with free(). */
struct casa *casa_load(const char *model, const char *constraints);
struct cover_problem *casa_problem(const struct casa *c);
/* Does the row keep every clause? Asks nothing of cover/. */
bool casa_row_ok(const struct casa *c, const int *row);

#endif
