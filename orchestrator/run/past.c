#include "run/past.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "model/failure.h"
#include "plan/confirm.h"
#include "run/repeat.h"
#include "run/states.h"

struct past_cell { /* a cell while its rows are read: they come run by run, attempt by attempt */
    int confirm;   /* the run at hand: 0 the planned one, else that confirmation */
    int confirms;  /* confirmations that the planned run asks for */
    int attempt;
    struct repeat repeat; /* of the attempt */
    bool complete; /* the attempt came to its end */
    bool infra;    /* the lab itself failed in it */
    int lab_failures;
    bool done;
};

struct past_read {
    const struct past_spec *spec;
    struct past *out;
    size_t *by_id; /* indexes into the plan's cells, sorted by id */
    struct past_cell *cells;
};

/* ---- cells by id ---------------------------------------------------------------------------- */

static int past_compare(const void *a, const void *b, void *ctx) {
    const struct plan *plan = ctx;
    return strcmp(plan->cells[*(const size_t *)a].id, plan->cells[*(const size_t *)b].id);
}

static size_t *past_sort(const struct plan *plan) {
    size_t *order = mem_zalloc(plan->cell_count + 1, sizeof(*order));
    for (size_t i = 0; i < plan->cell_count; i++) {
        order[i] = i;
    }
    qsort_r(order, plan->cell_count, sizeof(*order), past_compare, (void *)plan);
    return order;
}

/* Index into the plan's cells and *k for one of its confirmations, or -1 for a stranger. */
static ssize_t past_find(const struct past_read *r, const char *id, int *k) {
    const struct plan *plan = r->spec->plan;
    size_t low = 0, high = plan->cell_count, len = confirm_split(id, k);
    CLEANUP_FREE char *planned = str_printf("%.*s", (int)len, id);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int c = strcmp(plan->cells[r->by_id[middle]].id, planned);
        if (c == 0) {
            return (ssize_t)r->by_id[middle];
        }
        *(c < 0 ? &low : &high) = c < 0 ? middle + 1 : middle;
    }
    return -1;
}

/* ---- progress ------------------------------------------------------------------------------- */

static void past_close_attempt(struct past_cell *c, int confirm) {
    c->lab_failures += c->infra;
    if (c->complete && !c->infra) {
        c->done = true;
        c->confirms = c->confirm == 0 ? repeat_times(&c->repeat, confirm) : c->confirms;
    }
    c->complete = c->infra = false;
    c->repeat = (struct repeat){0};
}

static void past_open_run(struct past_cell *c, int k, int confirm) {
    past_close_attempt(c, confirm);
    *c = (struct past_cell){.confirm = k, .confirms = c->confirms > k ? c->confirms : k};
}

static bool past_is_infrastructure(const struct observation *o) {
    const char *name = json_string_value(json_object_get(o->data, "class"));
    enum failure_class class;
    return name && failure_class_parse(name, &class) == 0 && failure_class_is_infrastructure(class);
}

static void past_add_kept(struct past_read *r, const struct observation *o, size_t cell, int confirm) {
    const char *name = json_string_value(json_object_get(o->data, "name"));
    json_int_t steps = json_integer_value(json_object_get(o->data, "steps"));
    /* The name becomes a path: nothing but a plain folder name may. */
    if (!r->spec->states || !name || !*name || strlen(name) > 200 || name[0] == '.' || strchr(name, '/') || steps < 1 ||
        (size_t)steps > r->spec->plan->cells[cell].step_count) {
        return;
    }
    struct past *p = r->out;
    p->kept = mem_grow(p->kept, p->kept_count + 1, sizeof(*p->kept));
    p->kept[p->kept_count++] = (struct sched_kept){
        .name = str_dup(name), .cell = cell, .confirm = confirm, .attempt = o->attempt, .steps = (size_t)steps,
        .at_ms = o->at_ms};
}

static int past_see(const struct observation *o, void *ctx) {
    struct past_read *r = ctx;
    int confirm;
    ssize_t at = past_find(r, o->cell, &confirm);
    if (at < 0) {
        return 0;
    }
    struct past_cell *c = &r->cells[at];
    if (confirm != c->confirm) {
        past_open_run(c, confirm, r->spec->confirm);
    }
    if (o->attempt != c->attempt) {
        past_close_attempt(c, r->spec->confirm);
        c->attempt = o->attempt;
    }
    repeat_see(&c->repeat, o);
    if (o->type == OBS_FAILURE) {
        c->infra |= past_is_infrastructure(o);
    } else if (o->type == OBS_CELL_END) {
        c->complete = json_is_true(json_object_get(o->data, "complete"));
    } else if (o->type == OBS_STATE) {
        past_add_kept(r, o, (size_t)at, confirm);
    }
    return 0;
}

/* ---- states --------------------------------------------------------------------------------- */

static void past_free_kept(struct sched_kept *k) {
    free((char *)k->name);
    free((char *)k->base);
    *k = (struct sched_kept){0};
}

static bool past_image_is(const struct past_read *r, size_t cell, const char *digest) {
    char now[65];
    state_image_digest(json_object_get(r->spec->images, r->spec->plan->cells[cell].image), now);
    return str_eq(now, digest);
}

/* Whether the folder holds what the journal tells of; fills in what only the folder knows. */
static bool past_check_kept(const struct past_read *r, struct sched_kept *k) {
    struct state_note n;
    if (states_read(r->spec->states, k->name, &n, NULL) < 0) {
        return false;
    }
    int confirm;
    const char *id = r->spec->plan->cells[k->cell].id;
    bool maker = confirm_split(n.cell, &confirm) == strlen(id) &&
                 strncmp(n.cell, id, strlen(id)) == 0 && confirm == k->confirm;
    bool same = maker && n.attempt == k->attempt && n.steps == k->steps &&
                n.kvm == r->spec->kvm && past_image_is(r, k->cell, n.image);
    k->bytes = n.bytes;
    k->memory = n.memory;
    k->base = same ? STEAL(n.base) : NULL;
    state_note_clear(&n);
    return same;
}

static int past_compare_names(const void *a, const void *b) {
    const struct sched_kept *x = a, *y = b;
    int c = strcmp(x->name, y->name);
    return c != 0 ? c : (x->steps > y->steps) - (x->steps < y->steps);
}

/* The kept state of that name, while they are sorted by it; NULL: none. */
static struct sched_kept *past_named(const struct past *p, const char *name) {
    const struct sched_kept key = {.name = name};
    size_t low = 0, high = p->kept_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int c = strcmp(p->kept[middle].name, key.name);
        if (c == 0) {
            return &p->kept[middle];
        }
        *(c < 0 ? &low : &high) = c < 0 ? middle + 1 : middle;
    }
    return NULL;
}

/* Those that the folder has as the journal tells, each once, by name. */
static void past_keep_whole(struct past_read *r) {
    struct past *p = r->out;
    size_t whole = 0;
    if (p->kept_count > 0) {
        qsort(p->kept, p->kept_count, sizeof(*p->kept), past_compare_names);
    }
    for (size_t i = 0; i < p->kept_count; i++) {
        bool again = whole > 0 && str_eq(p->kept[whole - 1].name, p->kept[i].name);
        if (!again && past_check_kept(r, &p->kept[i])) {
            struct sched_kept k = p->kept[i];
            p->kept[i] = (struct sched_kept){0};
            p->kept[whole++] = k;
        } else {
            past_free_kept(&p->kept[i]);
        }
    }
    p->kept_count = whole;
}

struct past_link { /* a state and how many it stands on */
    struct sched_kept kept;
    size_t depth; /* SIZE_MAX: what it stands on is not there */
};

static size_t past_depth(const struct past *p, const struct sched_kept *k) {
    size_t depth = 0;
    while (k->base && depth <= p->kept_count) {
        k = past_named(p, k->base);
        if (!k) {
            return SIZE_MAX;
        }
        depth++;
    }
    return depth > p->kept_count ? SIZE_MAX : depth; /* more than there are: a circle */
}

static int past_compare_depths(const void *a, const void *b) {
    const struct past_link *x = a, *y = b;
    return x->depth != y->depth ? (x->depth > y->depth ? 1 : -1) : strcmp(x->kept.name, y->kept.name);
}

/* Bases to the front; what stands on nothing that is left falls away. */
static void past_order_kept(struct past *p) {
    struct past_link *links = mem_zalloc(p->kept_count + 1, sizeof(*links));
    size_t placed = 0;
    for (size_t i = 0; i < p->kept_count; i++) {
        links[i] = (struct past_link){p->kept[i], past_depth(p, &p->kept[i])};
    }
    qsort(links, p->kept_count, sizeof(*links), past_compare_depths);
    for (size_t i = 0; i < p->kept_count; i++) {
        if (links[i].depth == SIZE_MAX) {
            past_free_kept(&links[i].kept);
        } else {
            p->kept[placed++] = links[i].kept;
        }
    }
    p->kept_count = placed;
    free(links);
}

static int past_compare_texts(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void past_check_states(struct past_read *r) {
    struct past *p = r->out;
    past_keep_whole(r);
    past_order_kept(p);
    p->names = mem_zalloc(p->kept_count + 1, sizeof(const char *));
    for (size_t i = 0; i < p->kept_count; i++) {
        p->names[i] = p->kept[i].name;
    }
    qsort(p->names, p->kept_count, sizeof(const char *), past_compare_texts);
}

static void past_settle(struct past_read *r) {
    for (size_t i = 0; i < r->spec->plan->cell_count; i++) {
        struct past_cell *c = &r->cells[i];
        past_close_attempt(c, r->spec->confirm);
        if (c->done && c->confirm < c->confirms) { /* killed before the next one began */
            past_open_run(c, c->confirm + 1, r->spec->confirm);
        }
        bool over = c->done || c->lab_failures >= r->spec->attempts_max;
        r->out->cells[i] = (struct sched_past){.done = over, .attempts = c->attempt,
                                                 .tries = c->lab_failures, .confirm = c->confirm,
                                                 .confirms = c->confirms};
        r->out->done += over;
    }
}

int past_read(const struct past_spec *spec, struct past *out, struct err *err) {
    *out = (struct past){.cells = mem_zalloc(spec->plan->cell_count + 1, sizeof(*out->cells))};
    struct past_read r = {spec, out, past_sort(spec->plan),
                          mem_zalloc(spec->plan->cell_count + 1, sizeof(struct past_cell))};
    int rc = journal_each(spec->journal, past_see, &r, err);
    if (rc == 0) {
        past_settle(&r);
        past_check_states(&r);
    } else {
        past_clear(out);
    }
    free(r.by_id);
    free(r.cells);
    return rc;
}

bool past_keeps(const char *name, void *past) {
    const struct past *p = past;
    return p->kept_count > 0 &&
           bsearch(&name, p->names, p->kept_count, sizeof(const char *), past_compare_texts) != NULL;
}

void past_clear(struct past *p) {
    for (size_t i = 0; i < p->kept_count; i++) {
        past_free_kept(&p->kept[i]);
    }
    free(p->kept);
    free(p->names);
    free(p->cells);
    *p = (struct past){0};
}
