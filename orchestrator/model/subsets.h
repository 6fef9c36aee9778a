/* Counting and walking subsets, saturating instead of overflowing. Shared with plan/. */
#ifndef COEXIST_MODEL_SUBSETS_H
#define COEXIST_MODEL_SUBSETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Largest plan accepted, in cells. More is always a mistake: years of machine time. */
#define PLAN_CELLS_MAX 1000000u
/* Most install orders of one set: 7 products. */
#define PLAN_ORDERS_MAX 5040u
/* Most product sets made by "all_subsets_of_size". */
#define PLAN_SETS_MAX 100000u

/* a * b and a + b, or UINT64_MAX when that is too large. */
uint64_t subsets_multiply(uint64_t a, uint64_t b);
uint64_t subsets_add(uint64_t a, uint64_t b);
/* n! and n over k, saturating. */
uint64_t subsets_orders(size_t n);
uint64_t subsets_count(size_t n, size_t k);

/* pick = 0, 1, ... size - 1; then each next subset of 0 .. n - 1 in lexical order, false at the end. */
void subsets_first(size_t *pick, size_t size);
bool subsets_next(size_t *pick, size_t size, size_t n);
/* The next permutation of pick in lexical order, false after the last. */
bool subsets_next_order(size_t *pick, size_t size);

#endif
