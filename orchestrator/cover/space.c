/* Columns and clauses, with the index that makes asking cheap. */
#include "cover/impl.h"

int space_add_column(struct space *s, int values) {
    VEC_PUSH(s->size, values);
    VEC_PUSH(s->word, s->words);
    s->words += words_of(values);
    return s->columns++;
}

void space_init(struct space *s, const struct cover_problem *p) {
    *s = (struct space){.problem = p, .factors = (int)p->factors.count};
    for (int f = 0; f < s->factors; f++) {
        space_add_column(s, p->factors.items[f].values);
    }
}

uint32_t space_new_set(struct space *s, int col) {
    uint32_t at = (uint32_t)s->sets.count;
    for (int i = 0; i < words_of(s->size.items[col]); i++) {
        VEC_PUSH(s->sets, 0);
    }
    return at;
}

void space_end_clause(struct space *s) {
    size_t begin = s->ends.count ? s->ends.items[s->ends.count - 1] : 0;
    s->contradiction |= s->lits.count == begin;
    VEC_PUSH(s->ends, s->lits.count);
}

/* From "entry i belongs to key" to lists by key: at[key] .. at[key + 1] in *of. */
static uint32_t *index_by(const int *key, size_t n, int keys, uint32_t **of) {
    uint32_t *at = mem_zalloc((size_t)keys + 2, sizeof(*at));
    *of = mem_zalloc(n + 1, sizeof(**of));
    for (size_t i = 0; i < n; i++) {
        at[key[i] + 2]++;
    }
    for (int k = 0; k < keys; k++) {
        at[k + 2] += at[k + 1];
    }
    for (size_t i = 0; i < n; i++) {
        (*of)[at[key[i] + 1]++] = (uint32_t)i;
    }
    return at;
}

static void space_index_literals(struct space *s) {
    struct vec_int key = {0};
    s->lit_clause = mem_zalloc(s->lits.count + 1, sizeof(*s->lit_clause));
    s->soft = mem_zalloc(s->ends.count + 1, sizeof(*s->soft));
    size_t i = 0;
    for (size_t c = 0; c < s->ends.count; c++) {
        for (; i < s->ends.items[c]; i++) {
            s->lit_clause[i] = (uint32_t)c;
            s->soft[c] |= s->lits.items[i].col >= s->factors;
            VEC_PUSH(key, s->lits.items[i].col);
        }
    }
    s->occ_at = index_by(key.items, key.count, s->columns, &s->occ);
    free(key.items);
}

static void expr_factors(const struct cover_problem *p, int e, bool *in) {
    const struct expr *x = &p->exprs.items[e];
    bool leaf = x->kind == EXPR_IN || x->kind == EXPR_RELATION;
    if (leaf) {
        in[x->a] = true;
        in[x->kind == EXPR_RELATION ? x->b : x->a] = true;
        return;
    }
    expr_factors(p, x->a, in);
    if (x->kind != EXPR_NOT) {
        expr_factors(p, x->b, in);
    }
}

static void space_index_hard(struct space *s) {
    struct vec_int key = {0}, which = {0};
    for (size_t h = 0; h < s->hard.count; h++) {
        bool *in = mem_zalloc((size_t)s->factors + 1, sizeof(bool));
        expr_factors(s->problem, s->hard.items[h], in);
        for (int f = 0; f < s->factors; f++) {
            if (in[f]) {
                VEC_PUSH(key, f);
                VEC_PUSH(which, s->hard.items[h]);
            }
        }
        free(in);
    }
    s->hard_at = index_by(key.items, key.count, s->factors, &s->hard_of);
    for (size_t i = 0; i < key.count; i++) {
        s->hard_of[i] = (uint32_t)which.items[s->hard_of[i]];
    }
    free(key.items);
    free(which.items);
}

void space_finish(struct space *s) {
    space_index_literals(s);
    space_index_hard(s);
}

void space_free(struct space *s) {
    free(s->size.items);
    free(s->word.items);
    free(s->sets.items);
    free(s->lits.items);
    free(s->ends.items);
    free(s->hard.items);
    free(s->soft);
    free(s->occ_at);
    free(s->occ);
    free(s->lit_clause);
    free(s->hard_at);
    free(s->hard_of);
    *s = (struct space){0};
}

static bool clause_true(const struct space *s, size_t c, const int *row) {
    for (size_t i = c ? s->ends.items[c - 1] : 0; i < s->ends.items[c]; i++) {
        const struct lit *l = &s->lits.items[i];
        if (set_has(s->sets.items + l->set, row[l->col])) {
            return true;
        }
    }
    return false;
}

/* Do the clauses and expressions over this factor hold? */
static bool factor_ok(const struct space *s, const int *row, int f) {
    bool ok = true;
    for (uint32_t i = s->occ_at[f]; ok && i < s->occ_at[f + 1]; i++) {
        const struct lit *l = &s->lits.items[s->occ[i]];
        size_t c = s->lit_clause[s->occ[i]];
        ok = set_has(s->sets.items + l->set, row[f]) || s->soft[c] || clause_true(s, c, row);
    }
    for (uint32_t i = s->hard_at[f]; ok && i < s->hard_at[f + 1]; i++) {
        ok = expr_true(s->problem, (int)s->hard_of[i], row);
    }
    return ok;
}

/* Does each unit still stand at a row that has its factors' values? */
static bool units_ok(const struct space *s, const int *row) {
    bool ok = true;
    for (size_t i = 0; ok && i < s->units->count; i++) {
        const struct unit *u = &s->units->items[i];
        const int *at = u->rows.items[row[s->factors + (int)i]];
        for (int k = 0; ok && k < u->count; k++) {
            ok = at[k] == row[u->factors[k]];
        }
    }
    return ok;
}

static const struct unit *unit_of_column(const struct space *s, int col) {
    bool unit = s->units && col >= s->factors && (size_t)(col - s->factors) < s->units->count;
    return unit ? &s->units->items[col - s->factors] : NULL;
}

void space_flip(const struct space *s, int *row, int col, int value) {
    const struct unit *u = unit_of_column(s, col);
    row[col] = value;
    for (int k = 0; u && k < u->count; k++) {
        row[u->factors[k]] = u->rows.items[value][k];
    }
}

bool space_flip_ok(const struct space *s, int *row, int col, int value) {
    const struct unit *u = unit_of_column(s, col);
    int old = row[col];
    space_flip(s, row, col, value);
    bool ok = u ? units_ok(s, row) : factor_ok(s, row, col);
    for (int k = 0; ok && u && k < u->count; k++) {
        ok = factor_ok(s, row, u->factors[k]);
    }
    space_flip(s, row, col, old);
    return ok;
}

bool space_row_ok(const struct space *s, const int *row) {
    bool ok = !s->contradiction;
    for (size_t c = 0; ok && c < s->ends.count; c++) {
        ok = s->soft[c] || clause_true(s, c, row);
    }
    for (size_t i = 0; ok && i < s->hard.count; i++) {
        ok = expr_true(s->problem, s->hard.items[i], row);
    }
    return ok;
}
