/* 48 cells of the three sample products, every order of every two and of all three, four content updates each, on real
 * machines: wall time against the least possible, and against the same without sharing.
 *
 * The least possible: no cell waits and nothing is done twice. It is the larger of the work of all executed steps
 * over the slots, and the longest way from the first beginning through kept states to a cell's end, both with the
 * step times of that very run's journal. Without sharing the whole matrix takes most of an hour; unless FULL=1 four of
 * its cells are run so, and their time is scaled by the plan's number of steps. No workload is measured.
 *
 *     FULL=1          run all 48 cells without sharing, too
 *     SHARED_ONLY=1   do not run the side without sharing
 *     and what lab_run.h reads */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "journal/journal.h"
#include "lab_run.h"
#include "plan/plan.h"

enum { MATRIX_SLOTS = 2, MATRIX_STEPS_MAX = 64 }; /* `coexist run`'s own default of slots */

static const char *const products[] = {"alder", "birch", "cedar"};

/* ---- the matrices ---------------------------------------------------------------------------- */

/* The sample's content update once more under another name: as far as the lab knows, another candidate. Caller frees
 * the path. */
static char *matrix_copy_update(const struct lab *l, const char *product, const char *id, struct err *err) {
    CLEANUP_FREE char *name = str_printf("%s/%s-content-2.json", product, product);
    CLEANUP_FREE char *from = lab_sample(l, name);
    CLEANUP_FREE char *to = str_printf("%s.json", id);
    json_t *update = json_load_file(from, 0, NULL);
    json_t *file = json_array_get(json_object_get(update, "files"), 0);
    CLEANUP_FREE char *relative = str_printf("%s/%s", product, json_string_value(json_object_get(file, "file")));
    CLEANUP_FREE char *content = lab_sample(l, relative);
    json_object_set_new(update, "id", json_string(id));
    json_object_set_new(file, "file", json_string(content));
    char *path = update ? lab_write_json(l, to, update, err) : NULL;
    if (!update) {
        err_set(err, ERR_INPUT, "%s cannot be read (make samples)", from);
    }
    json_decref(update);
    return path;
}

/* "alder-c1" and "alder-c2" of each product. New reference. */
static json_t *matrix_updates(const struct lab *l, struct err *err) {
    json_t *updates = json_array();
    for (size_t i = 0; i < ARRAY_LEN(products); i++) {
        for (int n = 1; n <= 2; n++) {
            CLEANUP_FREE char *id = str_printf("%s-c%d", products[i], n);
            CLEANUP_FREE char *path = matrix_copy_update(l, products[i], id, err);
            if (!path) {
                json_decref(updates);
                return NULL;
            }
            json_array_append_new(updates, json_string(path));
        }
    }
    return updates;
}

static json_t *matrix_set(const char *const *ids, size_t count, const char *const *updates, size_t update_count) {
    json_t *p = json_array(), *u = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(p, json_string(ids[i]));
    }
    for (size_t i = 0; i < update_count; i++) {
        json_array_append_new(u, json_string(updates[i]));
    }
    return json_pack("{s:o, s:o}", "products", p, "updates", u);
}

/* Four updates for each set. A sample has one order of two of the pairs with an update each (alder, whose installation
 * takes longest, is in one of them, and in two of all three) and one of all three with two. New reference. */
static json_t *matrix_sets(bool sample) {
    static const struct {
        const char *ids[3], *updates[4];
        size_t count, in_sample; /* products; updates in the sample */
    } sets[] = {
        {{"alder", "birch"}, {"alder-c1", "birch-c1", "alder-c2", "birch-c2"}, 2, 1},
        {{"alder", "cedar"}, {"alder-c1", "cedar-c1", "alder-c2", "cedar-c2"}, 2, 0},
        {{"birch", "cedar"}, {"birch-c1", "cedar-c1", "birch-c2", "cedar-c2"}, 2, 1},
        {{"alder", "birch", "cedar"}, {"alder-c1", "birch-c1", "cedar-c1", "cedar-c2"}, 3, 2},
    };
    json_t *list = json_array();
    for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
        size_t updates = sample ? sets[i].in_sample : ARRAY_LEN(sets[i].updates);
        if (updates > 0) {
            json_array_append_new(list, matrix_set(sets[i].ids, sets[i].count, sets[i].updates, updates));
        }
    }
    return list;
}

/* Caller frees the path. */
static char *matrix_write(const struct lab *l, bool sample, struct err *err) {
    json_t *updates = matrix_updates(l, err), *list = json_array();
    if (!updates) {
        json_decref(list);
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_LEN(products); i++) {
        CLEANUP_FREE char *name = str_printf("%s/product.json", products[i]);
        CLEANUP_FREE char *path = lab_sample(l, name);
        json_array_append_new(list, json_string(path));
    }
    json_t *m = json_pack("{s:s, s:s, s:[s], s:o, s:o, s:o, s:s, s:[ssssssss]}", "format", "coexist-matrix/1",
                          "name", sample ? "matrix48-sample" : "matrix48", "images", "winelab", "products", list,
                          "updates", updates, "product_sets", matrix_sets(sample), "install_orders",
                          sample ? "listed" : "all", "steps", "install", "verify", "detect", "reboot", "verify",
                          "soak", "apply", "took");
    char *path = lab_write_json(l, sample ? "sample.json" : "matrix48.json", m, err);
    json_decref(m);
    return path;
}

/* ---- what the journal says -------------------------------------------------------------------- */

struct attempt {
    char *cell;
    int attempt;
    double ms[MATRIX_STEPS_MAX]; /* of the steps that it executed itself */
    size_t steps;                /* highest executed + 1 */
    char *from_cell;             /* NULL: from the image's state at ready, or power-on */
    int from_attempt;
    size_t from_steps;
};

struct ledger {
    struct attempt *attempts;
    size_t count;
    double work_ms;
    size_t executed; /* steps */
};

static struct attempt *ledger_find(struct ledger *g, const char *cell, int attempt) {
    for (size_t i = 0; i < g->count; i++) {
        if (str_eq(g->attempts[i].cell, cell) && g->attempts[i].attempt == attempt) {
            return &g->attempts[i];
        }
    }
    g->attempts = mem_grow(g->attempts, g->count + 1, sizeof(*g->attempts));
    g->attempts[g->count] = (struct attempt){.cell = str_dup(cell), .attempt = attempt};
    return &g->attempts[g->count++];
}

static int ledger_take(const struct observation *o, void *ctx) {
    struct ledger *g = ctx;
    const json_t *from = json_object_get(o->data, "from");
    if (o->type == OBS_CELL_BEGIN && from) {
        struct attempt *a = ledger_find(g, o->cell, o->attempt);
        a->from_cell = str_dup(json_string_value(json_object_get(from, "cell")));
        a->from_attempt = (int)json_integer_value(json_object_get(from, "attempt"));
        a->from_steps = (size_t)json_integer_value(json_object_get(from, "steps"));
    }
    if (o->type == OBS_STEP_END && o->step >= 0 && o->step < MATRIX_STEPS_MAX &&
        !json_object_get(o->data, "skipped")) {
        struct attempt *a = ledger_find(g, o->cell, o->attempt);
        a->ms[o->step] = (double)json_integer_value(json_object_get(o->data, "ms"));
        a->steps = (size_t)o->step + 1 > a->steps ? (size_t)o->step + 1 : a->steps;
        g->work_ms += a->ms[o->step];
        g->executed++;
    }
    return 0;
}

/* From its beginning to the end of the first `steps` steps, were nothing ever waited for. */
static double ledger_way_ms(struct ledger *g, const char *cell, int attempt, size_t steps) {
    const struct attempt a = *ledger_find(g, cell, attempt);
    double ms = 0;
    if (a.from_cell) {
        ms = ledger_way_ms(g, a.from_cell, a.from_attempt, a.from_steps < steps ? a.from_steps : steps);
    }
    for (size_t i = a.from_steps; i < steps && i < a.steps; i++) {
        ms += a.ms[i];
    }
    return ms;
}

static void ledger_clear(struct ledger *g) {
    for (size_t i = 0; i < g->count; i++) {
        free(g->attempts[i].cell);
        free(g->attempts[i].from_cell);
    }
    free(g->attempts);
}

static int ledger_read(struct ledger *g, const char *run_dir, struct err *err) {
    struct journal *j = journal_open(run_dir, 1, err);
    int rc = j ? journal_each(j, ledger_take, g, err) : -1;
    journal_close(j);
    return rc < 0 ? -1 : 0;
}

struct bound { /* seconds */
    double work;  /* of all executed steps, over the slots */
    double way;   /* the longest */
    double apart; /* the ways of all cells over the slots: had each executed all its steps itself, in the same times */
};

static struct bound ledger_bound(struct ledger *g) {
    struct bound b = {.work = g->work_ms / 1000 / MATRIX_SLOTS};
    for (size_t i = 0, count = g->count; i < count; i++) {
        const struct attempt a = g->attempts[i];
        double way = ledger_way_ms(g, a.cell, a.attempt, a.steps) / 1000;
        b.way = way > b.way ? way : b.way;
        b.apart += way / MATRIX_SLOTS;
    }
    return b;
}

/* ---- the two comparisons ----------------------------------------------------------------------- */

/* Steps of all cells of a matrix, as without sharing each of them is executed. */
static size_t matrix_steps(const char *path, size_t *cells) {
    struct diags diags = DIAGS_INIT;
    struct model *m = model_load(path, &diags);
    struct plan *p = m ? plan_build(m, &diags) : NULL;
    size_t steps = 0;
    for (size_t i = 0; p && i < p->cell_count; i++) {
        steps += p->cells[i].step_count;
    }
    *cells = p ? p->cell_count : 0;
    plan_free(p);
    model_free(m);
    diags_free(&diags);
    return steps;
}

/* Cells of `some` whose verdict is not the one in `all`. */
static size_t verdicts_apart(const json_t *all, const json_t *some) {
    const char *id;
    json_t *verdict;
    size_t apart = 0;
    json_object_foreach((json_t *)some, id, verdict) {
        if (!json_equal(verdict, json_object_get(all, id))) {
            printf("  %s: %s, without sharing %s\n", id, json_string_value(json_object_get(all, id)),
                   json_string_value(verdict));
            apart++;
        }
    }
    return apart;
}

static int compare_unshared(const struct lab *l, const char *matrix, const struct lab_run *shared,
                            struct err *err) {
    bool full = getenv("FULL") && str_eq(getenv("FULL"), "1");
    CLEANUP_FREE char *sample = full ? str_dup(matrix) : matrix_write(l, true, err);
    CLEANUP(lab_run_clear) struct lab_run run = {0};
    size_t all_cells, cells;
    size_t all_steps = matrix_steps(matrix, &all_cells);
    if (!sample || lab_run_matrix(l, sample, "--no-sharing", NULL, NULL, &run, err) < 0) {
        return -1;
    }
    size_t steps = matrix_steps(sample, &cells);
    json_t *all = lab_run_verdicts(shared, err);
    json_t *some = all ? lab_run_verdicts(&run, err) : NULL;
    size_t apart = some ? verdicts_apart(all, some) : 0;
    double scaled = run.seconds * (double)all_steps / (double)steps;
    if (some) {
        printf("bench matrix48-sharing ratio=%.2f a=%.0fs b=%.0fs without sharing over with; ",
               scaled / shared->seconds, scaled, shared->seconds);
        printf(full ? "all %zu cells" : "a is %zu cells in %.0f s, scaled by %zu steps to %zu", cells, run.seconds,
               steps, all_steps);
        printf("; %zu of %zu verdicts differ\n", apart, json_object_size(some));
    }
    json_decref(all);
    json_decref(some);
    return some && apart == 0 ? 0 : some ? err_set(err, ERR_BUG, "verdicts differ") : -1;
}

static int bench_run(const struct lab *l, struct err *err) {
    CLEANUP_FREE char *matrix = matrix_write(l, false, err);
    CLEANUP(lab_run_clear) struct lab_run run = {0};
    CLEANUP(ledger_clear) struct ledger g = {0};
    size_t cells = 0;
    size_t steps = matrix ? matrix_steps(matrix, &cells) : 0;
    if (!matrix || lab_run_matrix(l, matrix, NULL, NULL, NULL, &run, err) < 0 ||
        ledger_read(&g, run.dir, err) < 0) {
        return -1;
    }
    struct bound least = ledger_bound(&g);
    double bound = least.work > least.way ? least.work : least.way;
    printf("bench matrix48 ratio=%.2f a=%.0fs b=%.0fs %zu cells in %d slots, %zu of %zu steps executed; least "
           "possible: work over slots %.0f s, longest way %.0f s; with nothing shared these steps come to %.0f s, "
           "%.1f times as long\n",
           run.seconds / bound, run.seconds, bound, cells, MATRIX_SLOTS, g.executed, steps, least.work, least.way,
           least.apart, least.apart / run.seconds);
    fflush(stdout);
    const char *only = getenv("SHARED_ONLY");
    return only && str_eq(only, "1") ? 0 : compare_unshared(l, matrix, &run, err);
}

int main(void) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct lab l;
    if (lab_open(&l, &err) < 0) {
        printf("bench matrix48 skipped: %s\n", err_text(&err));
        lab_free(&l);
        return 0;
    }
    int rc = bench_run(&l, &err);
    if (rc < 0) {
        fprintf(stderr, "bench_matrix48: %s\n", err_text(&err));
    }
    lab_free(&l);
    return rc < 0;
}
