/* Required expressions as clauses. */
#include <string.h>

#include "cover/impl.h"

/* A formula under way: clauses, each a list of (column, set). Sets lie in the space's pool. */
struct clause { struct lit *lits; int count; };
struct cnf { struct clause *items; size_t count, cap; };

/* Distribution up to so many clauses; beyond it a selector column keeps the formula linear in size. */
enum { CNF_DISTRIBUTE_MAX = 64 };

static void cnf_free(struct cnf *c) {
    for (size_t i = 0; i < c->count; i++) {
        free(c->items[i].lits);
    }
    free(c->items);
    *c = (struct cnf){0};
}

static bool set_is_full(const struct space *s, const struct lit *l) {
    for (int v = 0; v < s->size.items[l->col]; v++) {
        if (!set_has(s->sets.items + l->set, v)) {
            return false;
        }
    }
    return true;
}

static bool set_is_empty(const struct space *s, const struct lit *l) {
    for (int w = 0; w < words_of(s->size.items[l->col]); w++) {
        if (s->sets.items[l->set + (uint32_t)w]) {
            return false;
        }
    }
    return true;
}

/* Adds a literal, joined with one of the same column. False: the clause is always true. */
static bool clause_add(struct space *s, struct clause *c, struct lit l) {
    if (set_is_empty(s, &l)) {
        return true;
    }
    for (int i = 0; i < c->count; i++) {
        if (c->lits[i].col == l.col) {
            uint32_t both = space_new_set(s, l.col);
            for (uint32_t w = 0; w < (uint32_t)words_of(s->size.items[l.col]); w++) {
                s->sets.items[both + w] = s->sets.items[c->lits[i].set + w] | s->sets.items[l.set + w];
            }
            c->lits[i].set = both;
            return !set_is_full(s, &c->lits[i]);
        }
    }
    c->lits = mem_grow(c->lits, (size_t)c->count + 1, sizeof(*c->lits));
    c->lits[c->count++] = l;
    return !set_is_full(s, &l);
}

/* a or b as one clause of out, unless it is always true. */
static void cnf_add_joined(struct space *s, struct cnf *out, const struct clause *a, const struct clause *b) {
    struct clause c = {0};
    bool open = true;
    for (int i = 0; open && i < a->count; i++) {
        open = clause_add(s, &c, a->lits[i]);
    }
    for (int i = 0; open && i < b->count; i++) {
        open = clause_add(s, &c, b->lits[i]);
    }
    if (open) {
        VEC_PUSH(*out, c);
    } else {
        free(c.lits);
    }
}

static struct lit lit_copy(struct space *s, int col, const uint64_t *set, bool negated) {
    struct lit l = {col, space_new_set(s, col)};
    for (int v = 0; v < s->size.items[col]; v++) {
        if (set_has(set, v) != negated) {
            set_put(s->sets.items + l.set, v);
        }
    }
    return l;
}

static struct cnf cnf_relation(struct space *s, const struct expr *x, bool negated) {
    const struct cover_problem *p = s->problem;
    static const struct clause nothing = {NULL, 0};
    int values = p->factors.items[x->a].values;
    size_t words = (size_t)words_of(p->factors.items[x->b].values);
    struct cnf out = {0};
    bool *done = mem_zalloc((size_t)values, sizeof(bool));
    for (int a = 0; a < values; a++) {
        const uint64_t *set = p->sets.items + x->set + (size_t)a * words;
        if (done[a]) {
            continue;
        }
        struct lit pair[2] = {{x->a, space_new_set(s, x->a)}, lit_copy(s, x->b, set, negated)};
        for (int other = 0; other < values; other++) {
            bool same = memcmp(set, p->sets.items + x->set + (size_t)other * words, words * 8) == 0;
            done[other] |= same;
            if (!same) {
                set_put(s->sets.items + pair[0].set, other);
            }
        }
        struct clause c = {pair, 2};
        cnf_add_joined(s, &out, &c, &nothing);
    }
    free(done);
    return out;
}

static void cnf_distribute(struct space *s, struct cnf *out, const struct cnf *a, const struct cnf *b) {
    for (size_t i = 0; i < a->count; i++) {
        for (size_t k = 0; k < b->count; k++) {
            cnf_add_joined(s, out, &a->items[i], &b->items[k]);
        }
    }
}

/* selector = 0 makes a hold, 1 makes b hold. */
static void cnf_select(struct space *s, struct cnf *out, const struct cnf *a, const struct cnf *b) {
    int col = space_add_column(s, 2);
    for (int side = 0; side < 2; side++) {
        const struct cnf *from = side ? b : a;
        struct lit other = {col, space_new_set(s, col)};
        set_put(s->sets.items + other.set, !side);
        struct clause c = {&other, 1};
        for (size_t i = 0; i < from->count; i++) {
            cnf_add_joined(s, out, &from->items[i], &c);
        }
    }
}

static struct cnf cnf_of(struct space *s, int e, bool negated) {
    static const struct clause nothing = {NULL, 0};
    const struct expr *x = &s->problem->exprs.items[e];
    struct cnf out = {0};
    if (x->kind == EXPR_NOT) {
        return cnf_of(s, x->a, !negated);
    }
    if (x->kind == EXPR_IN) {
        struct lit l = lit_copy(s, x->a, s->problem->sets.items + x->set, negated);
        struct clause c = {&l, 1};
        cnf_add_joined(s, &out, &c, &nothing);
        return out;
    }
    if (x->kind == EXPR_RELATION) {
        return cnf_relation(s, x, negated);
    }
    struct cnf a = cnf_of(s, x->a, negated);
    struct cnf b = cnf_of(s, x->b, negated);
    if ((x->kind == EXPR_AND) != negated) {
        for (size_t i = 0; i < b.count; i++) {
            VEC_PUSH(a, b.items[i]);
        }
        free(b.items);
        return a;
    }
    size_t product = a.count * b.count;
    if (product <= CNF_DISTRIBUTE_MAX || product <= a.count + b.count) {
        cnf_distribute(s, &out, &a, &b);
    } else {
        cnf_select(s, &out, &a, &b);
    }
    cnf_free(&a);
    cnf_free(&b);
    return out;
}

void space_require(struct space *s, int expr) {
    int before = s->columns;
    struct cnf c = cnf_of(s, expr, false);
    for (size_t i = 0; i < c.count; i++) {
        for (int k = 0; k < c.items[i].count; k++) {
            VEC_PUSH(s->lits, c.items[i].lits[k]);
        }
        space_end_clause(s);
    }
    if (s->columns > before) {
        VEC_PUSH(s->hard, expr);
    }
    cnf_free(&c);
}
