/* The problem as it is given. */
#include <string.h>

#include "cover/impl.h"

struct cover_problem *cover_new(void) {
    return mem_zalloc(1, sizeof(struct cover_problem));
}

void cover_free(struct cover_problem *p) {
    if (!p) {
        return;
    }
    for (size_t i = 0; i < p->factors.count; i++) {
        free(p->factors.items[i].negative);
        free(p->factors.items[i].weight);
    }
    for (size_t i = 0; i < p->groups.count; i++) {
        free(p->groups.items[i].factors);
    }
    for (size_t i = 0; i < p->seeds.count; i++) {
        free(p->seeds.items[i]);
    }
    free(p->factors.items);
    free(p->exprs.items);
    free(p->sets.items);
    free(p->required.items);
    free(p->groups.items);
    free(p->seeds.items);
    free(p);
}

int cover_add_factor(struct cover_problem *p, int values) {
    struct factor f = {.values = values,
                       .negative = mem_zalloc((size_t)values, sizeof(bool)),
                       .weight = mem_zalloc((size_t)values, sizeof(int))};
    for (int v = 0; v < values; v++) {
        f.weight[v] = 1;
    }
    VEC_PUSH(p->factors, f);
    return (int)p->factors.count - 1;
}

void cover_set_negative(struct cover_problem *p, int factor, int value) {
    p->factors.items[factor].negative[value] = true;
    p->factors.items[factor].has_negative = true;
}

void cover_set_passive(struct cover_problem *p, int factor) {
    p->factors.items[factor].passive = true;
}

void cover_set_weight(struct cover_problem *p, int factor, int value, int weight) {
    p->factors.items[factor].weight[value] = weight;
    p->weighted = true;
}

static size_t problem_new_set(struct cover_problem *p, int values) {
    size_t at = p->sets.count;
    for (int i = 0; i < words_of(values); i++) {
        VEC_PUSH(p->sets, 0);
    }
    return at;
}

static int problem_add_expr(struct cover_problem *p, struct expr e) {
    VEC_PUSH(p->exprs, e);
    return (int)p->exprs.count - 1;
}

int cover_in(struct cover_problem *p, int factor, const bool *in) {
    int values = p->factors.items[factor].values;
    size_t set = problem_new_set(p, values);
    for (int v = 0; v < values; v++) {
        if (in[v]) {
            set_put(p->sets.items + set, v);
        }
    }
    return problem_add_expr(p, (struct expr){EXPR_IN, factor, 0, set});
}

int cover_relation(struct cover_problem *p, int f, int g, const bool *holds) {
    int nf = p->factors.items[f].values;
    int ng = p->factors.items[g].values;
    if (f == g) {
        bool *in = mem_zalloc((size_t)nf, sizeof(bool));
        for (int v = 0; v < nf; v++) {
            in[v] = holds[v * ng + v];
        }
        int e = cover_in(p, f, in);
        free(in);
        return e;
    }
    size_t first = p->sets.count;
    for (int a = 0; a < nf; a++) {
        size_t set = problem_new_set(p, ng);
        for (int b = 0; b < ng; b++) {
            if (holds[a * ng + b]) {
                set_put(p->sets.items + set, b);
            }
        }
    }
    return problem_add_expr(p, (struct expr){EXPR_RELATION, f, g, first});
}

int cover_and(struct cover_problem *p, int a, int b) {
    return problem_add_expr(p, (struct expr){EXPR_AND, a, b, 0});
}

int cover_or(struct cover_problem *p, int a, int b) {
    return problem_add_expr(p, (struct expr){EXPR_OR, a, b, 0});
}

int cover_not(struct cover_problem *p, int a) {
    return problem_add_expr(p, (struct expr){EXPR_NOT, a, 0, 0});
}

void cover_require(struct cover_problem *p, int expr) {
    VEC_PUSH(p->required, expr);
}

void cover_add_group(struct cover_problem *p, enum cover_group_kind kind, const int *factors, int count,
                     int strength) {
    struct group g = {kind, mem_zalloc((size_t)count, sizeof(int)), count, strength};
    memcpy(g.factors, factors, (size_t)count * sizeof(int));
    VEC_PUSH(p->groups, g);
}

void cover_add_seed(struct cover_problem *p, const int *values) {
    size_t bytes = p->factors.count * sizeof(int);
    int *row = mem_zalloc(1, bytes ? bytes : 1);
    memcpy(row, values, bytes);
    VEC_PUSH(p->seeds, row);
}

int cover_factor_count(const struct cover_problem *p) {
    return (int)p->factors.count;
}

int cover_factor_values(const struct cover_problem *p, int factor) {
    return p->factors.items[factor].values;
}

int cover_unit_count(const struct cover_problem *p) {
    int units = 0;
    bool *inside = mem_zalloc(p->factors.count + 1, sizeof(bool));
    for (size_t i = 0; i < p->groups.count; i++) {
        const struct group *g = &p->groups.items[i];
        units += g->kind == COVER_GROUP_UNIT;
        for (int k = 0; g->kind == COVER_GROUP_UNIT && k < g->count; k++) {
            inside[g->factors[k]] = true;
        }
    }
    for (size_t f = 0; f < p->factors.count; f++) {
        units += !inside[f] && !p->factors.items[f].passive;
    }
    free(inside);
    return units;
}

bool expr_true(const struct cover_problem *p, int e, const int *row) {
    const struct expr *x = &p->exprs.items[e];
    switch (x->kind) {
    case EXPR_IN: return set_has(p->sets.items + x->set, row[x->a]);
    case EXPR_RELATION: {
        size_t words = (size_t)words_of(p->factors.items[x->b].values);
        return set_has(p->sets.items + x->set + (size_t)row[x->a] * words, row[x->b]);
    }
    case EXPR_AND: return expr_true(p, x->a, row) && expr_true(p, x->b, row);
    case EXPR_OR: return expr_true(p, x->a, row) || expr_true(p, x->b, row);
    case EXPR_NOT: return !expr_true(p, x->a, row);
    }
    return false;
}
