/* Inside of cover/: what its files share. Not for other rooms. */
#ifndef COEXIST_COVER_IMPL_H
#define COEXIST_COVER_IMPL_H

#include <stdlib.h>

#include "base/str.h"
#include "cover/cover.h"

#define VEC_PUSH(v, item)                                                      \
    do {                                                                       \
        if ((v).count == (v).cap) {                                            \
            (v).cap = (v).cap ? (v).cap * 2 : 16;                              \
            (v).items = mem_grow((v).items, (v).cap, sizeof(*(v).items));      \
        }                                                                      \
        (v).items[(v).count++] = (item);                                       \
    } while (0)

struct vec_u64 { uint64_t *items; size_t count, cap; };
struct vec_int { int *items; size_t count, cap; };

/* ---- the problem as it was given (problem.c) ---- */
enum expr_kind { EXPR_IN, EXPR_RELATION, EXPR_AND, EXPR_OR, EXPR_NOT };
struct expr {
    enum expr_kind kind;
    int a, b;   /* expressions, or factors for IN (a) and RELATION (a, b) */
    size_t set; /* first word in sets: IN one set; RELATION one set over b for each value of a */
};
struct vec_expr { struct expr *items; size_t count, cap; };

struct group { enum cover_group_kind kind; int *factors; int count, strength; };
struct vec_group { struct group *items; size_t count, cap; };
struct factor { int values; bool has_negative, passive; bool *negative; int *weight; };
struct vec_factor { struct factor *items; size_t count, cap; };
struct vec_row { int **items; size_t count, cap; };

struct cover_problem {
    struct vec_factor factors;
    struct vec_expr exprs;
    struct vec_u64 sets;
    struct vec_int required;
    struct vec_group groups;
    struct vec_row seeds;
    bool weighted;
};

static inline int words_of(int values) {
    return (values + 63) / 64;
}
static inline bool set_has(const uint64_t *set, int v) {
    return set[v >> 6] >> (v & 63) & 1;
}
static inline void set_put(uint64_t *set, int v) {
    set[v >> 6] |= UINT64_C(1) << (v & 63);
}
/* Is the expression true of this row (a value for each factor)? */
bool expr_true(const struct cover_problem *p, int e, const int *row);

/* Is there a row that keeps the first so many of the required expressions? (cover.c) */
bool problem_has_row(const struct cover_problem *p, size_t required);

/* ---- clauses (cnf.c) ---- */
struct lit { int col; uint32_t set; }; /* column's value is in the set at this word */
struct vec_lit { struct lit *items; size_t count, cap; };
struct vec_size { size_t *items; size_t count, cap; };

struct unit { const int *factors; int count; struct vec_row rows; }; /* each row: a value for each of its factors */
struct vec_unit { struct unit *items; size_t count, cap; };

/* Columns and what is allowed between them. The first columns are the problem's factors; hidden ones follow: selectors
 * that keep the clauses short, and units (a group's rows as values). */
struct space {
    const struct cover_problem *problem;
    int factors, columns;
    struct vec_int size;    /* values of each column */
    struct vec_int word;    /* where its set begins in a domain image */
    int words;              /* of a domain image */
    struct vec_u64 sets;
    struct vec_lit lits;
    struct vec_size ends;   /* clause i: lits[ends[i-1] .. ends[i]) */
    struct vec_int hard;    /* required expressions whose clauses use selectors */
    const struct vec_unit *units; /* columns factors.. stand for them; NULL: none. Borrowed */
    bool contradiction;     /* a clause without literals */
    bool *soft;             /* by clause: mentions hidden columns; the hard expressions or the links stand for it */
    /* by column: which literals speak of it */
    uint32_t *occ_at, *occ, *lit_clause;
    uint32_t *hard_at, *hard_of; /* by factor: indices into hard */
};

void space_init(struct space *s, const struct cover_problem *p);
int space_add_column(struct space *s, int values);
/* A literal's set; returns its first word, zeroed, room for the column's values. */
uint32_t space_new_set(struct space *s, int col);
void space_end_clause(struct space *s); /* lits pushed since the last end are a clause */
void space_require(struct space *s, int expr);
void space_finish(struct space *s); /* after the last clause */
void space_free(struct space *s);
/* Would the complete valid row still be valid with this column's value changed (of a unit: with its factors)?
 * The row is left as it was. */
bool space_flip_ok(const struct space *s, int *row, int col, int value);
void space_flip(const struct space *s, int *row, int col, int value);
bool space_row_ok(const struct space *s, const int *row);

/* ---- narrowing (dom.c) ---- */
struct dom_undo { int word; uint64_t old; };
struct vec_undo { struct dom_undo *items; size_t count, cap; };
struct dom {
    const struct space *s;
    uint64_t *bits;
    struct vec_undo trail;
    struct vec_int queue;
    bool *queued;
    uint64_t work; /* literals looked at */
};
/* False when not even the empty row can be completed (as far as propagation sees). */
bool dom_init(struct dom *d, const struct space *s);
void dom_free(struct dom *d);
bool dom_fix(struct dom *d, int col, int value);  /* false: contradiction; undo before going on */
bool dom_drop(struct dom *d, int col, int value);
void dom_undo_to(struct dom *d, size_t mark); /* mark: trail.count of before */
static inline const uint64_t *dom_set(const struct dom *d, int col) {
    return d->bits + d->s->word.items[col];
}
static inline bool dom_has(const struct dom *d, int col, int value) {
    return set_has(dom_set(d, col), value);
}
int dom_only(const struct dom *d, int col); /* the only value left, or -1 */

/* ---- deciding (sat.c) ---- */
struct sat; /* CaDiCaL over a space's clauses, made at the first question */
struct sat *sat_new(const struct space *s);
void sat_free(struct sat *sat);
/* Can the partial row (COVER_FREE: open), by columns, be completed? If so it is, in row. */
bool sat_complete(struct sat *sat, int *row);

/* ---- random numbers: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) ---- */
struct rng { uint64_t state; };
static inline uint64_t rng_next(struct rng *r) {
    uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}
static inline uint32_t rng_below(struct rng *r, uint32_t n) {
    return (uint32_t)(((rng_next(r) >> 32) * n) >> 32);
}

/* ---- tuples (table.c) ---- */
enum { COUNT_OFF = 0x8000, COUNT_MAX = 0x3fff }; /* OFF: not to be covered (any more) */
struct combo { uint32_t base; int n; int col[COVER_MAX_STRENGTH]; uint32_t stride[COVER_MAX_STRENGTH]; };
struct vec_combo { struct combo *items; size_t count, cap; };
/* A column's part in the combos of one size: for each, base, own stride, then (column, stride) of the others. */
struct links { int n; uint32_t count; uint32_t *data; };
struct table {
    const struct space *s;
    struct vec_combo combos;
    size_t tuples;
    uint16_t *count;        /* rows that hold the tuple, up to COUNT_MAX; or >= COUNT_OFF */
    size_t open;            /* tuples with count 0 */
    struct links *links;    /* [columns][COVER_MAX_STRENGTH]: by size - 1 */
    struct vec_int columns; /* those that are in any combo */
    size_t scan;            /* no tuple before it is open */
    uint64_t work;
};
/* Adds every strength-subset of the columns. apart: by factor * factors + factor, pairs that no subset may hold;
 * or NULL. */
void table_add(struct table *t, const int *columns, int n, int strength, const bool *apart);
int table_finish(struct table *t, struct err *err);
void table_free(struct table *t);
void table_count_row(struct table *t, const int *row, int by); /* by: 1 or -1 */
void table_off(struct table *t, size_t tuple); /* from now on not to be covered */
/* The combo a tuple belongs to; values of its columns. */
const struct combo *table_tuple(const struct table *t, size_t tuple, int *values);
/* An open tuple, by chance where that is cheap; only while open is not 0. */
size_t table_pick(struct table *t, struct rng *rng);
/* gain[v] += open tuples that column = v would cover, for each v of the set; others may be COVER_FREE. */
void table_gain(struct table *t, const int *row, int col, const uint64_t *set, int *gain);

/* ---- one row (row.c) ---- */
struct decided { int count; int *col, *value; }; /* what a row must hold; borrowed */
struct grower {
    const struct space *s;
    struct table *t;
    struct dom d;
    bool possible; /* as far as propagation sees without any decision */
    struct sat *sat;
    struct rng *rng;
    int *word_col;  /* column of each word of a domain image */
    int *order;     /* the table's columns, then all others */
    int *gain;      /* by value */
    int *witness;   /* a complete valid row that agrees with what is decided; when guided */
    int questions;  /* to CaDiCaL, for this row */
    struct vec_int ready; /* columns with one value left, not yet in the row */
};
void grower_init(struct grower *g, const struct space *s, struct table *t, struct rng *rng);
void grower_free(struct grower *g);
/* A valid row that holds what is decided and as many open tuples as it finds. Returns how many, or -1 when no
 * valid row holds it. */
long grower_row(struct grower *g, const struct decided *must, int *row);
/* A valid row that holds what is decided and keeps what it can of the row; false when none. */
bool grower_repair(struct grower *g, const struct decided *must, int *row);

/* Calls off for every open tuple that holds a value or a pair which propagation from one value excludes (exclude.c):
 * cheap, and nearly all of what is impossible. What else is impossible shows when a row is asked to hold it. */
void exclude_pairs(struct table *t, struct dom *d, bool possible, void (*off)(void *ctx, size_t tuple), void *ctx);

/* ---- fewer rows (improve.c) ---- */
struct line { int *row; bool *frozen; long seed; }; /* frozen: by column, NULL: nothing; seed: its index, or -1 */
struct vec_line { struct line *items; size_t count, cap; };
struct improve_limits { uint64_t work; struct clock *clock; int64_t deadline; };
/* Takes rows out while the table's tuples stay covered. All lines from `first` on may change; those with frozen cells
 * stay. The table counts exactly the lines from `first` on. */
void improve(struct table *t, struct grower *g, struct vec_line *lines, size_t first,
             const struct improve_limits *limits, struct rng *rng);

/* Where a value of these lines may change without a tuple lost, the heavier ones are preferred. */
void prefer_weights(struct table *t, struct grower *g, struct vec_line *lines, size_t first, struct rng *rng);

/* ---- one pass over a set of targets (phase.c) ---- */
struct target { int *columns; int count, strength; bool *apart; }; /* apart as for table_add, by factor; or NULL */
struct vec_target { struct target *items; size_t count, cap; };

/* Without negative values, with at most one in a row, or no such values in the problem. */
enum pass { PASS_PLAIN, PASS_POSITIVE, PASS_NEGATIVE };
void forbid_negatives(struct space *s, enum pass pass);

struct phase {
    const struct cover_problem *problem;
    const struct cover_options *options;
    struct rng *rng;
    const struct vec_unit *units;     /* hidden columns problem.factors.. stand for them; NULL: none */
    const struct vec_target *targets; /* over columns */
    struct vec_line *lines;           /* grows; rows by column of the phase, at least all factors */
    bool *seed_done;                  /* by seed */
    struct cover_result *result;      /* impossible and covered tuples are counted here; NULL: not */
    bool quick;                       /* leave the rows as they come */
    bool thorough;                    /* the rows multiply later: spend more on each */
};
/* Covers all targets that can be. With negative values in two passes: without them, then with one in a row. */
int phase_run(struct phase *ph, struct err *err);

/* A column whose values are the unit's rows, and the clauses that tie its factors to it: for each factor and value, the
 * unit is not at a row with that value, or the factor has it. spare: values more that tie nothing. */
void link_unit(struct space *s, const struct unit *u, int spare);
/* Rows that the units lack for the targets which the lines do not cover, added to musts (by unit; rows by factor).
 * Returns how many are new. */
size_t find_musts(const struct phase *ph, struct vec_row *musts, struct err *err);
/* Adds a line for every combination of the columns that a valid row can hold (all.c). */
int all_rows(const struct space *s, const struct vec_int *columns, struct vec_line *lines, struct err *err);
/* The space of a pass: factors, units, selectors; constraints and links. */
void phase_space(const struct phase *ph, enum pass pass, struct space *s);

#endif
