/* Rows that a unit's own array lacks. An array that covers the unit's own tuples may leave out the one row that some
 * value elsewhere depends on ("if X = none then every option of the unit is off"). Then a combination that the
 * constraints allow could only be had by rows that belong to no unit's array, many of them. Better: that row becomes
 * one of the unit's. */
#include <string.h>

#include "cover/impl.h"

enum { MUSTS_MAX = 64, TUPLES_ASKED = 5000 };

struct search_musts {
    const struct phase *ph;
    struct vec_row *musts; /* by unit: whole rows, by factor */
    struct space s;        /* each unit's column has one value more, "none of its rows", allowed by a switch column */
    struct sat *sat;
    int first_switch;
    int asked;
};

static void relax_links(struct search_musts *m) {
    struct space *s = &m->s;
    const struct cover_problem *p = m->ph->problem;
    space_init(s, p);
    for (size_t i = 0; i < m->ph->units->count; i++) {
        link_unit(s, &m->ph->units->items[i], 1);
    }
    m->first_switch = s->columns;
    for (size_t i = 0; i < m->ph->units->count; i++) {
        int unit = s->factors + (int)i;
        struct lit some = {unit, space_new_set(s, unit)};
        for (int r = 0; r + 1 < s->size.items[unit]; r++) {
            set_put(s->sets.items + some.set, r);
        }
        int col = space_add_column(s, 2);
        struct lit on = {col, space_new_set(s, col)};
        set_put(s->sets.items + on.set, 1);
        VEC_PUSH(s->lits, some);
        VEC_PUSH(s->lits, on);
        space_end_clause(s);
    }
    for (size_t i = 0; i < p->required.count; i++) {
        space_require(s, p->required.items[i]);
    }
    forbid_negatives(s, PASS_NEGATIVE);
    space_finish(s);
    m->sat = sat_new(s);
}

/* A row with the tuple in which units other than `free` stand at their rows, `free` at the must row if given; free < 0:
 * every unit may be off its rows. */
static bool ask(struct search_musts *m, const struct combo *c, const int *values, int free, const int *must, int *row) {
    const struct vec_unit *units = m->ph->units;
    m->asked++;
    for (int k = 0; k < m->s.columns; k++) {
        row[k] = COVER_FREE;
    }
    for (size_t i = 0; i < units->count; i++) {
        row[m->first_switch + (int)i] = free < 0 || free == (int)i;
    }
    for (int k = 0; must && k < units->items[free].count; k++) {
        row[units->items[free].factors[k]] = must[units->items[free].factors[k]];
    }
    for (int k = 0; k < c->n; k++) {
        if (row[c->col[k]] >= 0 && row[c->col[k]] != values[k]) {
            return false;
        }
        row[c->col[k]] = values[k];
    }
    return sat_complete(m->sat, row);
}

static bool known_must_helps(struct search_musts *m, const struct combo *c, const int *values, int *row) {
    for (size_t i = 0; i < m->ph->units->count; i++) {
        for (size_t k = 0; k < m->musts[i].count; k++) {
            if (ask(m, c, values, (int)i, m->musts[i].items[k], row)) {
                return true;
            }
        }
    }
    return false;
}

static void add_must(struct search_musts *m, size_t unit, const int *row) {
    if (m->musts[unit].count < MUSTS_MAX) {
        size_t bytes = m->ph->problem->factors.count * sizeof(int);
        int *copy = mem_zalloc(1, bytes);
        memcpy(copy, row, bytes);
        VEC_PUSH(m->musts[unit], copy);
    }
}

static void look_at(struct search_musts *m, const struct combo *c, const int *values, int *row) {
    if (!ask(m, c, values, -1, NULL, row) || known_must_helps(m, c, values, row)) {
        return;
    }
    for (size_t i = 0; i < m->ph->units->count; i++) {
        if (ask(m, c, values, (int)i, NULL, row)) {
            add_must(m, i, row);
            return;
        }
    }
    if (ask(m, c, values, -1, NULL, row)) {
        for (size_t i = 0; i < m->ph->units->count; i++) {
            add_must(m, i, row);
        }
    }
}

size_t find_musts(const struct phase *ph, struct vec_row *musts, struct err *err) {
    struct search_musts m = {.ph = ph, .musts = musts};
    relax_links(&m);
    struct table t = {.s = &m.s};
    for (size_t i = 0; i < ph->targets->count; i++) {
        const struct target *x = &ph->targets->items[i];
        table_add(&t, x->columns, x->count, x->strength, x->apart);
    }
    size_t before = 0, after = 0;
    for (size_t i = 0; i < ph->units->count; i++) {
        before += musts[i].count;
    }
    if (table_finish(&t, err) == 0) {
        for (size_t i = 0; i < ph->lines->count; i++) {
            table_count_row(&t, ph->lines->items[i].row, 1);
        }
        int *row = mem_zalloc((size_t)m.s.columns + 1, sizeof(int));
        int values[COVER_MAX_STRENGTH];
        for (size_t i = 0; i < t.tuples && m.asked < TUPLES_ASKED; i++) {
            if (t.count[i] == 0) {
                const struct combo *c = table_tuple(&t, i, values);
                look_at(&m, c, values, row);
            }
        }
        free(row);
    }
    for (size_t i = 0; i < ph->units->count; i++) {
        after += musts[i].count;
    }
    table_free(&t);
    sat_free(m.sat);
    space_free(&m.s);
    return after - before;
}
