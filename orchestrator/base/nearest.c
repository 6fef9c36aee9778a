#include "base/nearest.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

enum {
    NEAREST_LEN_MAX = 64,  /* longer names are never typing errors of ours */
    NEAREST_LIST_MAX = 16, /* names listed when none is near */
    NEAREST_PART_MIN = 4,  /* letters of a part of a name that tell which one is meant */
};

static size_t nearest_min(size_t a, size_t b) {
    return a < b ? a : b;
}

static int nearest_same(char a, char b) {
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Optimal string alignment distance with three rolling rows. */
static size_t nearest_distance(const char *a, size_t n, const char *b, size_t m) {
    size_t rows[3][NEAREST_LEN_MAX + 1];
    for (size_t j = 0; j <= m; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= n; i++) {
        size_t *row = rows[i % 3];
        const size_t *up = rows[(i - 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t cost = nearest_same(a[i - 1], b[j - 1]) ? 0 : 1;
            row[j] = nearest_min(nearest_min(up[j] + 1, row[j - 1] + 1), up[j - 1] + cost);
            if (i > 1 && j > 1 && nearest_same(a[i - 1], b[j - 2]) &&
                nearest_same(a[i - 2], b[j - 1])) {
                row[j] = nearest_min(row[j], rows[(i - 2) % 3][j - 2] + 1);
            }
        }
    }
    return rows[n % 3][m];
}

size_t nearest_edits(const char *a, const char *b) {
    size_t n = strlen(a), m = strlen(b);
    return n > NEAREST_LEN_MAX || m > NEAREST_LEN_MAX ? SIZE_MAX : nearest_distance(a, n, b, m);
}

const char *nearest_name(const char *name, const char *const *names, size_t count) {
    size_t n = strlen(name);
    if (n == 0 || n > NEAREST_LEN_MAX) {
        return NULL;
    }
    const char *best = NULL;
    size_t best_distance = n < 3 ? 2 : n / 3 + 1; /* exclusive: a third of the letters, at least one */
    for (size_t i = 0; i < count; i++) {
        size_t m = strlen(names[i]);
        if (m == 0 || m > NEAREST_LEN_MAX) {
            continue;
        }
        size_t distance = nearest_distance(name, n, names[i], m);
        if (n >= NEAREST_PART_MIN && strcasestr(names[i], name)) {
            distance = 1; /* "regression" means "update-regression" */
        }
        if (distance < best_distance && distance < m) {
            best = names[i];
            best_distance = distance;
        }
    }
    return best;
}

char *nearest_hint(const char *name, const char *const *names, size_t count) {
    const char *near = nearest_name(name, names, count);
    if (near) {
        return str_printf("did you mean \"%s\"?", near);
    }
    if (count == 0) {
        return NULL;
    }
    struct str s = STR_INIT;
    str_add(&s, count == 1 ? "the only one known is" : "known are");
    for (size_t i = 0; i < count && i < NEAREST_LIST_MAX; i++) {
        str_addf(&s, "%s \"%s\"", i ? "," : "", names[i]);
    }
    if (count > NEAREST_LIST_MAX) {
        str_addf(&s, " and %zu more", count - NEAREST_LIST_MAX);
    }
    return str_take(&s);
}
