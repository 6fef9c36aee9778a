#include "support/casa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

static bool casa_read_model(struct casa *c, FILE *f) {
    int strength;
    if (fscanf(f, "%d %d", &strength, &c->factors) != 2 || c->factors < 1 || c->factors > 512) {
        return false;
    }
    for (int i = 0; i < c->factors; i++) {
        if (fscanf(f, "%d", &c->values[i]) != 1) {
            return false;
        }
    }
    return true;
}

static struct casa_literal casa_value(const struct casa *c, int number, bool negated) {
    int factor = 0;
    while (factor < c->factors - 1 && number >= c->values[factor]) {
        number -= c->values[factor++];
    }
    return (struct casa_literal){factor, number, negated};
}

static bool casa_read_constraints(struct casa *c, FILE *f) {
    if (fscanf(f, "%d", &c->clause_count) != 1 || c->clause_count > 2048) {
        return false;
    }
    for (int i = 0; i < c->clause_count; i++) {
        struct casa_clause *x = &c->clauses[i];
        if (fscanf(f, "%d", &x->count) != 1 || x->count > 32) {
            return false;
        }
        for (int k = 0; k < x->count; k++) {
            char sign;
            int number;
            if (fscanf(f, " %c %d", &sign, &number) != 2) {
                return false;
            }
            x->literals[k] = casa_value(c, number, sign == '-');
        }
    }
    return true;
}

struct casa *casa_load(const char *model, const char *constraints) {
    struct casa *c = mem_zalloc(1, sizeof(*c));
    FILE *m = fopen(model, "r");
    FILE *k = fopen(constraints, "r");
    bool ok = m && k && casa_read_model(c, m) && casa_read_constraints(c, k);
    if (m) {
        fclose(m);
    }
    if (k) {
        fclose(k);
    }
    if (!ok) {
        free(c);
        return NULL;
    }
    return c;
}

struct cover_problem *casa_problem(const struct casa *c) {
    struct cover_problem *p = cover_new();
    bool in[512];
    for (int f = 0; f < c->factors; f++) {
        cover_add_factor(p, c->values[f]);
    }
    for (int i = 0; i < c->clause_count; i++) {
        int whole = -1;
        for (int k = 0; k < c->clauses[i].count; k++) {
            const struct casa_literal *l = &c->clauses[i].literals[k];
            memset(in, l->negated, sizeof(in));
            in[l->value] = !l->negated;
            int e = cover_in(p, l->factor, in);
            whole = whole < 0 ? e : cover_or(p, whole, e);
        }
        cover_require(p, whole);
    }
    return p;
}

bool casa_row_ok(const struct casa *c, const int *row) {
    for (int i = 0; i < c->clause_count; i++) {
        bool ok = false;
        for (int k = 0; k < c->clauses[i].count; k++) {
            const struct casa_literal *l = &c->clauses[i].literals[k];
            ok |= (row[l->factor] == l->value) != l->negated;
        }
        if (!ok) {
            return false;
        }
    }
    return true;
}
