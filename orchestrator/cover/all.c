/* Every row that the constraints allow, in order; CaDiCaL keeps the walk out of beginnings that lead nowhere. */
#include <string.h>

#include "cover/impl.h"

enum { ROWS_MAX = 10000000 };

struct walk {
    const struct space *s;
    struct dom d;
    struct sat *sat;
    const struct vec_int *columns; /* to be combined; the others get any value that fits */
    int *row;
    int *witness; /* a whole valid row that agrees with the row so far */
    struct vec_line *lines;
};

/* With row[col] = value and what is before: is there a whole row? */
static bool walk_open(struct walk *w, int col, int value) {
    if (w->witness[col] == value) {
        return true;
    }
    size_t bytes = (size_t)w->s->columns * sizeof(int);
    int *asked = mem_zalloc(1, bytes);
    memcpy(asked, w->row, bytes);
    asked[col] = value;
    bool open = sat_complete(w->sat, asked);
    if (open) {
        memcpy(w->witness, asked, bytes);
    }
    free(asked);
    return open;
}

static void walk_emit(struct walk *w) {
    size_t bytes = (size_t)w->s->columns * sizeof(int);
    struct line l = {mem_zalloc(1, bytes), NULL, -1};
    memcpy(l.row, w->witness, bytes);
    VEC_PUSH(*w->lines, l);
}

/* False: too many rows. */
static bool walk_from(struct walk *w, size_t at) {
    if (at == w->columns->count) {
        walk_emit(w);
        return w->lines->count <= ROWS_MAX;
    }
    int col = w->columns->items[at];
    bool ok = true;
    for (int v = 0; ok && v < w->s->size.items[col]; v++) {
        size_t mark = w->d.trail.count;
        if (dom_fix(&w->d, col, v) && walk_open(w, col, v)) {
            w->row[col] = v;
            ok = walk_from(w, at + 1);
            w->row[col] = COVER_FREE;
        }
        dom_undo_to(&w->d, mark);
    }
    return ok;
}

int all_rows(const struct space *s, const struct vec_int *columns, struct vec_line *lines, struct err *err) {
    struct walk w = {.s = s, .columns = columns, .lines = lines, .sat = sat_new(s),
                     .row = mem_zalloc((size_t)s->columns + 1, sizeof(int)),
                     .witness = mem_zalloc((size_t)s->columns + 1, sizeof(int))};
    for (int c = 0; c < s->columns; c++) {
        w.row[c] = w.witness[c] = COVER_FREE;
    }
    int rc = 0;
    if (dom_init(&w.d, s) && sat_complete(w.sat, w.witness) && !walk_from(&w, 0)) {
        rc = err_set(err, ERR_INPUT, "more than %d rows; ask for a strength instead of all combinations", ROWS_MAX);
    }
    dom_free(&w.d);
    sat_free(w.sat);
    free(w.row);
    free(w.witness);
    return rc;
}
