/* Cells that began from a kept state, put together with what led to that state. The file may be damaged or come
 * from anywhere: every reference is checked before it is followed. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "journal/journal_impl.h"
#include "journal/journal_rows.h"

/* More states in a row than any plan has. */
enum { WHOLE_LINKS_MAX = 256, WHOLE_STEPS_MAX = 100000 };

struct whole_link { /* one attempt in the chain of states */
    char *cell;
    int attempt;
    int begin, end; /* the steps that count of it: begin .. end - 1 */
};

struct whole {
    struct journal *journal;
    int (*fn)(const struct observation *o, void *ctx);
    void *ctx;
    struct whole_link links[WHOLE_LINKS_MAX]; /* 0: the attempt itself; the last one began from nothing */
    int count;
    int64_t seq;
    char *problem; /* why the chain cannot be followed; NULL: it can */
};

static void whole_forget(struct whole *w) {
    for (int i = 0; i < w->count; i++) {
        free(w->links[i].cell);
    }
    free(w->problem);
    w->count = 0;
    w->seq = 0;
    w->problem = NULL;
}

static void whole_push(struct whole *w, const char *cell, int attempt, int end) {
    w->links[w->count++] = (struct whole_link){str_dup(cell), attempt, 0, end};
}

/* ---- the chain ----------------------------------------------------------------------------- */

struct whole_from { /* a cell-begin, read */
    bool begun;
    json_t *from; /* new reference or NULL */
};

static int whole_read_begin(const struct observation *o, void *ctx) {
    struct whole_from *f = ctx;
    if (o->type != OBS_CELL_BEGIN) {
        return 0;
    }
    f->begun = true;
    f->from = json_incref(json_object_get(o->data, "from"));
    return 1;
}

/* Takes the reference of the last link up. 1: one more link, 0: the chain ends or has a problem, -1 with err. */
static int whole_follow(struct whole *w, struct err *err) {
    struct whole_link *last = &w->links[w->count - 1];
    struct whole_from f = {false, NULL};
    if (journal_each_of(w->journal, last->cell, last->attempt, whole_read_begin, &f, err) < 0) {
        return -1;
    }
    const char *cell = json_string_value(json_object_get(f.from, "cell"));
    json_int_t attempt = json_integer_value(json_object_get(f.from, "attempt"));
    json_int_t steps = json_integer_value(json_object_get(f.from, "steps"));
    int more = 0;
    if (!f.begun && w->count > 1) {
        w->problem = str_printf("cell %s, attempt %d, is not in the journal", last->cell, last->attempt);
    } else if (f.from && !json_is_null(f.from)) {
        /* Each state has more steps behind it than the one it grew from: hence no circles. */
        if (!cell || attempt < 1 || attempt > 1000 || steps < 1 || steps >= last->end ||
            w->count >= WHOLE_LINKS_MAX) {
            w->problem = str_printf("what cell %s, attempt %d, says it began from makes no sense",
                                    last->cell, last->attempt);
        } else {
            last->begin = (int)steps;
            whole_push(w, cell, (int)attempt, (int)steps);
            more = 1;
        }
    }
    json_decref(f.from);
    return more;
}

struct whole_steps { /* which steps of a link came to a good end */
    const struct whole_link *link;
    bool *done;
};

static int whole_note_step(const struct observation *o, void *ctx) {
    struct whole_steps *s = ctx;
    if (o->type == OBS_STEP_END && o->step >= s->link->begin && o->step < s->link->end) {
        s->done[o->step - s->link->begin] = json_is_true(json_object_get(o->data, "ok"));
    }
    return 0;
}

/* A state is kept only after steps that went well: all of them must be there. */
static int whole_check_link(struct whole *w, const struct whole_link *l, struct err *err) {
    size_t count = (size_t)(l->end - l->begin);
    struct whole_steps s = {l, mem_zalloc(count, sizeof(bool))};
    int rc = journal_each_of(w->journal, l->cell, l->attempt, whole_note_step, &s, err);
    for (size_t i = 0; rc >= 0 && i < count && !w->problem; i++) {
        if (!s.done[i]) {
            w->problem = str_printf("step %zu of cell %s, attempt %d, did not come to a good end there",
                                    (size_t)l->begin + i, l->cell, l->attempt);
        }
    }
    free(s.done);
    return rc;
}

static int whole_find_chain(struct whole *w, const char *cell, int attempt, struct err *err) {
    int more = 1;
    whole_push(w, cell, attempt, WHOLE_STEPS_MAX + 1);
    while (more > 0) {
        more = whole_follow(w, err);
    }
    for (int i = 1; i < w->count && more >= 0 && !w->problem; i++) {
        more = whole_check_link(w, &w->links[i], err);
    }
    return more;
}

/* ---- handing out --------------------------------------------------------------------------- */

static int whole_give(struct whole *w, const struct observation *o) {
    struct observation renamed = *o;
    renamed.cell = w->links[0].cell;
    renamed.attempt = w->links[0].attempt;
    renamed.seq = w->seq++;
    return w->fn(&renamed, w->ctx);
}

struct whole_part {
    struct whole *w;
    const struct whole_link *link;
};

static int whole_give_inherited(const struct observation *o, void *ctx) {
    const struct whole_part *p = ctx;
    bool wanted = o->step >= p->link->begin && o->step < p->link->end;
    return wanted ? whole_give(p->w, o) : 0;
}

static int whole_give_own(const struct observation *o, void *ctx) {
    return whole_give(((struct whole_part *)ctx)->w, o);
}

static int whole_give_problem(struct whole *w) {
    struct observation o = {
        .cell = w->links[0].cell, .attempt = w->links[0].attempt, .step = -1, .kind = (char[]){""},
        .phase = (char[]){"before"}, .type = OBS_FAILURE, .seq = w->seq++,
    };
    CLEANUP_FREE char *text = str_printf("what led to the state that this cell began from is not known: %s",
                                         w->problem);
    o.data = json_pack("{s:s, s:s, s:n}", "class", "lab-bug", "text", text, "product");
    int rc = o.data ? w->fn(&o, w->ctx) : 0;
    json_decref(o.data);
    return rc;
}

/* One attempt, from its root to its own observations. */
static int whole_attempt(struct whole *w, const char *cell, int attempt, struct err *err) {
    int rc = whole_find_chain(w, cell, attempt, err);
    if (rc < 0) {
        return -1;
    }
    if (w->problem) {
        rc = whole_give_problem(w);
    }
    for (int i = w->count - 1; i > 0 && rc == 0 && !w->problem; i--) {
        struct whole_part part = {w, &w->links[i]};
        rc = journal_each_of(w->journal, w->links[i].cell, w->links[i].attempt,
                             whole_give_inherited, &part, err);
    }
    struct whole_part own = {w, &w->links[0]};
    return rc ? rc : journal_each_of(w->journal, cell, attempt, whole_give_own, &own, err);
}

int journal_each_whole(struct journal *j, int (*fn)(const struct observation *o, void *ctx), void *ctx,
                       struct err *err) {
    CLEANUP_STMT sqlite3_stmt *st = NULL;
    if (journal_prepare(j, JOURNAL_SELECT_ATTEMPTS, &st, err) < 0) {
        return -1;
    }
    struct whole *w = mem_zalloc(1, sizeof(*w));
    *w = (struct whole){.journal = j, .fn = fn, .ctx = ctx};
    int step, rc = 0;
    while (rc == 0 && (step = sqlite3_step(st)) == SQLITE_ROW) {
        CLEANUP_FREE char *cell = str_dup((const char *)sqlite3_column_text(st, 0));
        rc = whole_attempt(w, cell ? cell : "", sqlite3_column_int(st, 1), err);
        whole_forget(w);
    }
    free(w);
    if (rc != 0) {
        return rc;
    }
    return step == SQLITE_DONE ? 0 : journal_sql_error(j->db.db, "read observations", err);
}
