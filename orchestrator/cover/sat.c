/* What propagation leaves open, CaDiCaL decides: one incremental solver, partial rows as assumptions. */
#include <ccadical.h>

#include "cover/impl.h"

struct sat {
    const struct space *s;
    CCaDiCaL *solver; /* NULL until asked */
    struct vec_int first; /* by column: variable of value 0; columns of two values have one variable, true for 1 */
    int vars;
};

struct sat *sat_new(const struct space *s) {
    struct sat *sat = mem_zalloc(1, sizeof(*sat));
    sat->s = s;
    return sat;
}

void sat_free(struct sat *sat) {
    if (sat) {
        if (sat->solver) {
            ccadical_release(sat->solver);
        }
        free(sat->first.items);
        free(sat);
    }
}

static int sat_lit(const struct sat *sat, int col, int value) {
    int first = sat->first.items[col];
    if (sat->s->size.items[col] == 2) {
        return value ? first : -first;
    }
    return first + value;
}

/* At most one of n variables: pairs of groups of few, each group with a commander (Klieber and Kwon, 2007). */
static void sat_at_most_one(struct sat *sat, const int *lits, int n) {
    enum { GROUP = 5 };
    if (n <= GROUP + 1) {
        for (int i = 0; i < n; i++) {
            for (int k = i + 1; k < n; k++) {
                ccadical_add(sat->solver, -lits[i]);
                ccadical_add(sat->solver, -lits[k]);
                ccadical_add(sat->solver, 0);
            }
        }
        return;
    }
    struct vec_int commanders = {0};
    for (int at = 0; at < n; at += GROUP) {
        int in_group = n - at < GROUP ? n - at : GROUP;
        int commander = ++sat->vars;
        VEC_PUSH(commanders, commander);
        sat_at_most_one(sat, lits + at, in_group);
        for (int i = 0; i < in_group; i++) {
            ccadical_add(sat->solver, -lits[at + i]);
            ccadical_add(sat->solver, commander);
            ccadical_add(sat->solver, 0);
        }
    }
    sat_at_most_one(sat, commanders.items, (int)commanders.count);
    free(commanders.items);
}

static void sat_add_columns(struct sat *sat) {
    for (int c = 0; c < sat->s->columns; c++) {
        int size = sat->s->size.items[c];
        VEC_PUSH(sat->first, sat->vars + 1);
        sat->vars += size == 2 ? 1 : size;
    }
    struct vec_int lits = {0};
    for (int c = 0; c < sat->s->columns; c++) {
        int size = sat->s->size.items[c];
        lits.count = 0;
        for (int v = 0; v < size && size != 2; v++) {
            VEC_PUSH(lits, sat_lit(sat, c, v));
            ccadical_add(sat->solver, sat_lit(sat, c, v));
        }
        if (size != 2) {
            ccadical_add(sat->solver, 0);
            sat_at_most_one(sat, lits.items, size);
        }
    }
    free(lits.items);
}

static void sat_add_literal(struct sat *sat, const struct lit *l) {
    int size = sat->s->size.items[l->col];
    const uint64_t *set = sat->s->sets.items + l->set;
    int missing = 0, last = 0;
    for (int v = 0; v < size; v++) {
        if (!set_has(set, v)) {
            missing++;
            last = v;
        }
    }
    if (missing == 1) {
        ccadical_add(sat->solver, -sat_lit(sat, l->col, last));
        return;
    }
    for (int v = 0; v < size; v++) {
        if (set_has(set, v)) {
            ccadical_add(sat->solver, sat_lit(sat, l->col, v));
        }
    }
}

static void sat_start(struct sat *sat) {
    sat->solver = ccadical_init();
    ccadical_set_option(sat->solver, "quiet", 1);
    sat_add_columns(sat);
    size_t i = 0;
    for (size_t c = 0; c < sat->s->ends.count; c++) {
        for (; i < sat->s->ends.items[c]; i++) {
            sat_add_literal(sat, &sat->s->lits.items[i]);
        }
        ccadical_add(sat->solver, 0);
    }
}

bool sat_complete(struct sat *sat, int *row) {
    enum { SATISFIABLE = 10 };
    if (!sat->solver) {
        sat_start(sat);
    }
    for (int c = 0; c < sat->s->columns; c++) {
        if (row[c] >= 0) {
            ccadical_assume(sat->solver, sat_lit(sat, c, row[c]));
        }
    }
    if (ccadical_solve(sat->solver) != SATISFIABLE) {
        return false;
    }
    for (int c = 0; c < sat->s->columns; c++) {
        int value = 0;
        while (value < sat->s->size.items[c] - 1 && ccadical_val(sat->solver, sat_lit(sat, c, value)) <= 0) {
            value++;
        }
        row[c] = value;
    }
    return true;
}
