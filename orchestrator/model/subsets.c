#include "model/subsets.h"

uint64_t subsets_multiply(uint64_t a, uint64_t b) {
    uint64_t r;
    return __builtin_mul_overflow(a, b, &r) ? UINT64_MAX : r;
}

uint64_t subsets_add(uint64_t a, uint64_t b) {
    uint64_t r;
    return __builtin_add_overflow(a, b, &r) ? UINT64_MAX : r;
}

uint64_t subsets_orders(size_t n) {
    uint64_t r = 1;
    for (size_t i = 2; i <= n; i++) {
        r = subsets_multiply(r, i);
    }
    return r;
}

uint64_t subsets_count(size_t n, size_t k) {
    if (k > n) {
        return 0;
    }
    unsigned __int128 r = 1; /* the product before the division may be wider than the result */
    for (size_t i = 1; i <= k && r <= UINT64_MAX; i++) {
        r = r * (n - k + i) / i; /* n - k + i over i: each division is exact */
    }
    return r > UINT64_MAX ? UINT64_MAX : (uint64_t)r;
}

void subsets_first(size_t *pick, size_t size) {
    for (size_t i = 0; i < size; i++) {
        pick[i] = i;
    }
}

bool subsets_next(size_t *pick, size_t size, size_t n) {
    size_t i = size;
    while (i > 0 && pick[i - 1] == n - size + i - 1) {
        i--;
    }
    if (i == 0) {
        return false;
    }
    pick[i - 1]++;
    for (size_t k = i; k < size; k++) {
        pick[k] = pick[k - 1] + 1;
    }
    return true;
}

static void subsets_swap(size_t *a, size_t *b) {
    size_t t = *a;
    *a = *b;
    *b = t;
}

bool subsets_next_order(size_t *pick, size_t size) {
    size_t i = size;
    while (i > 1 && pick[i - 2] >= pick[i - 1]) {
        i--;
    }
    if (i <= 1) {
        return false;
    }
    size_t k = size - 1;
    while (pick[k] <= pick[i - 2]) {
        k--;
    }
    subsets_swap(&pick[i - 2], &pick[k]);
    for (size_t a = i - 1, b = size - 1; a < b; a++, b--) {
        subsets_swap(&pick[a], &pick[b]);
    }
    return true;
}
