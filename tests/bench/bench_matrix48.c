/* 48 cells of the three sample products, every order of all three, eight content updates each, on real machines: wall
 * time against the least possible, and against the same without sharing.
 *
 * The least possible: no processor is ever idle, no cell waits. It is the larger of the processor time that the
 * machines of that very run took over the slots (one processor each), and the longest way from the first beginning
 * through kept states to a cell's end with the step times of its journal. Without sharing the whole matrix takes most
 * of an hour; unless FULL=1 four of its cells are run so, and what is compared with is the processor time of their
 * machines over the slots, scaled to all cells: no run could take less. No workload is measured.
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
#include "vm_cpu.h"

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

/* Of each product in turn "alder-c1", "birch-c1", ... New reference. */
static json_t *matrix_updates(const struct lab *l, size_t count, struct err *err) {
    json_t *updates = json_array();
    for (size_t i = 0; i < count; i++) {
        const char *product = products[i % ARRAY_LEN(products)];
        CLEANUP_FREE char *id = str_printf("%s-c%zu", product, i / ARRAY_LEN(products) + 1);
        CLEANUP_FREE char *path = matrix_copy_update(l, product, id, err);
        if (!path) {
            json_decref(updates);
            return NULL;
        }
        json_array_append_new(updates, json_string(path));
    }
    return updates;
}

/* The sample has one order of the products and the first four updates. Caller frees the path. */
static char *matrix_write(const struct lab *l, bool sample, struct err *err) {
    json_t *updates = matrix_updates(l, sample ? 4 : 8, err), *list = json_array();
    if (!updates) {
        json_decref(list);
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_LEN(products); i++) {
        CLEANUP_FREE char *name = str_printf("%s/product.json", products[i]);
        CLEANUP_FREE char *path = lab_sample(l, name);
        json_array_append_new(list, json_string(path));
    }
    json_t *m = json_pack("{s:s, s:s, s:[s], s:o, s:o, s:[{s:[sss]}], s:s, s:[ssssssss]}", "format", "coexist-matrix/1",
                          "name", sample ? "matrix48-sample" : "matrix48", "images", "winelab", "products", list,
                          "updates", updates, "product_sets", "products", products[0], products[1], products[2],
                          "install_orders",
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

static double ledger_longest_way(struct ledger *g) { /* seconds */
    double longest = 0;
    for (size_t i = 0, count = g->count; i < count; i++) {
        const struct attempt a = g->attempts[i];
        double way = ledger_way_ms(g, a.cell, a.attempt, a.steps) / 1000;
        longest = way > longest ? way : longest;
    }
    return longest;
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
    CLEANUP(vm_cpu_clear) struct vm_cpu cpu = {.lab_dir = l->lab_dir};
    size_t all_cells, cells;
    matrix_steps(matrix, &all_cells);
    if (!sample || lab_run_matrix(l, sample, "--no-sharing", vm_cpu_tick, &cpu, &run, err) < 0) {
        return -1;
    }
    matrix_steps(sample, &cells);
    json_t *all = lab_run_verdicts(shared, err);
    json_t *some = all ? lab_run_verdicts(&run, err) : NULL;
    size_t apart = some ? verdicts_apart(all, some) : 0;
    double least = vm_cpu_seconds(&cpu) / MATRIX_SLOTS * (double)all_cells / (double)cells;
    if (some) {
        printf("bench matrix48-sharing ratio=%.2f a=%.0fs b=%.0fs without sharing over with; ",
               (full ? run.seconds : least) / shared->seconds, full ? run.seconds : least, shared->seconds);
        printf("%s: %zu of %zu cells in %.0f s, processor time of their machines %.0f s; %zu of %zu verdicts differ\n",
               full ? "a as it was" : "a at the least", cells, all_cells, run.seconds, vm_cpu_seconds(&cpu), apart,
               json_object_size(some));
    }
    json_decref(all);
    json_decref(some);
    return some && apart == 0 ? 0 : some ? err_set(err, ERR_BUG, "verdicts differ") : -1;
}

static int bench_run(const struct lab *l, struct err *err) {
    CLEANUP_FREE char *matrix = matrix_write(l, false, err);
    CLEANUP(lab_run_clear) struct lab_run run = {0};
    CLEANUP(ledger_clear) struct ledger g = {0};
    CLEANUP(vm_cpu_clear) struct vm_cpu cpu = {.lab_dir = l->lab_dir};
    size_t cells = 0;
    size_t steps = matrix ? matrix_steps(matrix, &cells) : 0;
    if (!matrix || lab_run_matrix(l, matrix, NULL, vm_cpu_tick, &cpu, &run, err) < 0 ||
        ledger_read(&g, run.dir, err) < 0) {
        return -1;
    }
    double work = vm_cpu_seconds(&cpu) / MATRIX_SLOTS, way = ledger_longest_way(&g);
    double bound = work > way ? work : way;
    printf("bench matrix48 ratio=%.2f a=%.0fs b=%.0fs %zu cells in %d slots, %zu of %zu steps executed; least "
           "possible: processor time of the machines over slots %.0f s, longest way %.0f s\n",
           run.seconds / bound, run.seconds, bound, cells, MATRIX_SLOTS, g.executed, steps, work, way);
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
