/* Covering arrays: few rows that hold every combination of any t factors' values that the constraints allow.
 * Pure: no file, no VM; the clock is passed in and only looked at where a time is given.
 *
 * Words. A factor has values 0..n-1. A row gives each factor a value. A tuple is some factors with a value each; it is
 * impossible when no row that keeps all constraints holds it. A group is a set of factors with a strength of its own.
 *
 * Every row keeps every constraint and every possible tuple asked for is in a row: by construction, not by search luck.
 * How: while a row grows, its open factors keep sets of values left, narrowed by unit propagation over generalised
 * clauses ("factor f has a value of S, or ..."). Propagation is sound, so what it excludes is impossible. Where it runs
 * into a dead end more than a fixed number of times, CaDiCaL (a conflict-driven SAT solver, used incrementally under
 * assumptions) decides, so that constraints never lead to plain enumeration. Only "unsatisfiable" makes a tuple
 * impossible.
 *
 * The same problem, strength and seed give the same rows wherever no time was given; work is then bounded by counted
 * operations.
 *
 * Rows are built one at a time, the best of several (Cohen, Dalal, Fredman, Patton: "The AETG System", IEEE TSE 23(7),
 * 1997), then rows are taken out and the rest repaired by tabu search (Galinier, Kpodjedo, Antoniol: "A penalty-based
 * Tabu search for constrained covering arrays", GECCO 2017; Lin et al.: "TCA", ASE 2015). */
#ifndef COEXIST_COVER_COVER_H
#define COEXIST_COVER_COVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

enum {
    COVER_MAX_STRENGTH = 6,
    COVER_MAX_VALUES = 4096,  /* of one factor */
    COVER_MAX_FACTORS = 4096,
    COVER_ALL = 0,            /* as strength: every row that the constraints allow */
    COVER_FREE = -1,          /* in a seed row: any value */
};

struct cover_problem; /* opaque; indices and expressions below belong to one problem */

struct cover_problem *cover_new(void); /* aborts without memory, as all of base does */
void cover_free(struct cover_problem *p);

/* Returns the factor's index, from 0 on. 1 <= values <= COVER_MAX_VALUES. */
int cover_add_factor(struct cover_problem *p, int values);
/* A negative value stands in no row with another negative value. Tuples without one are covered by rows without one,
 * so that one error never masks another. */
void cover_set_negative(struct cover_problem *p, int factor, int value);
/* A factor whose combinations need not be covered: its value only has to keep the constraints. */
void cover_set_passive(struct cover_problem *p, int factor);
/* How often to prefer a value where coverage leaves the choice; 1 when never called. */
void cover_set_weight(struct cover_problem *p, int factor, int value, int weight);

/* Expressions: handles; each may be used any number of times. Tables are copied. */
int cover_in(struct cover_problem *p, int factor, const bool *in);
/* holds[a * values of g + b]: may f = a stand with g = b? */
int cover_relation(struct cover_problem *p, int f, int g, const bool *holds);
int cover_and(struct cover_problem *p, int a, int b);
int cover_or(struct cover_problem *p, int a, int b);
int cover_not(struct cover_problem *p, int a);
/* Every row has to satisfy the expression. */
void cover_require(struct cover_problem *p, int expr);

enum cover_group_kind {
    COVER_GROUP_MIXED, /* all strength-tuples of the group are covered as well (mixed strength) */
    COVER_GROUP_UNIT,  /* the group gets an array of its own, whose rows then count as the values of one unit; the
                          overall strength is over units and factors in no unit (PICT's sub-models) */
};
/* strength 1..COVER_MAX_STRENGTH and at most count. */
void cover_add_group(struct cover_problem *p, enum cover_group_kind kind, const int *factors, int count,
                     int strength);
/* values: one per factor, COVER_FREE where any will do. */
void cover_add_seed(struct cover_problem *p, const int *values);

int cover_factor_count(const struct cover_problem *p);
int cover_factor_values(const struct cover_problem *p, int factor);
/* Groups of the unit kind and factors in none: the highest strength that can be asked for. */
int cover_unit_count(const struct cover_problem *p);

struct cover_options {
    int strength;      /* 1..COVER_MAX_STRENGTH, or COVER_ALL */
    uint64_t seed;
    struct clock *clock; /* with deadline only */
    int64_t deadline;  /* go on improving until then, on clock; 0: bounded by counted work instead */
};

struct cover_tuple {
    int count; /* 1..COVER_MAX_STRENGTH */
    int factor[COVER_MAX_STRENGTH];
    int value[COVER_MAX_STRENGTH];
};

struct cover_result {
    int *rows;           /* row_count x factor_count, row by row; seeds first, in their order */
    size_t row_count;
    int factor_count;
    struct cover_tuple *impossible; /* tuples asked for that the constraints exclude: all, or the first kept ones */
    size_t impossible_kept;         /* at most COVER_IMPOSSIBLE_KEPT */
    uint64_t impossible_count;
    uint64_t covered_count;         /* tuples asked for that are in a row */
    size_t *refused_seeds;          /* indices of seed rows that no valid row can hold */
    size_t refused_count;
};

enum { COVER_IMPOSSIBLE_KEPT = 100000 };

/* Rows for the whole problem. Not even one valid row: no error, row_count is 0. Fails with ERR_INPUT where the strength
 * exceeds the units or the table of tuples would not fit in memory (more than 2^30 tuples), ERR_SYSTEM never.
 * Caller frees with cover_result_free. */
struct cover_result *cover_generate(const struct cover_problem *p, const struct cover_options *options,
                                    struct err *err);
void cover_result_free(struct cover_result *r);

#endif
