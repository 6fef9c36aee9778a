/* Rows in PICT's form: seeding rows in, results out. */
#include <string.h>

#include "cover/pict_impl.h"

const struct cover_problem *pict_problem(const struct pict_model *m) {
    return m->problem;
}

struct cover_problem *pict_edit(struct pict_model *m) {
    return m->problem;
}

int pict_strength(const struct pict_model *m) {
    return m->options.order == PICT_ORDER_MAX ? COVER_ALL : m->options.order;
}

const char *pict_parameter(const struct pict_model *m, int factor) {
    return m->params.items[factor].name;
}

const char *pict_value(const struct pict_model *m, int factor, int value, bool *negative) {
    const struct pict_value *v = &m->params.items[factor].values.items[value];
    *negative = v->negative;
    return v->names[0];
}

char pict_negative_prefix(const struct pict_model *m) {
    return m->options.negative_prefix;
}

struct seeds {
    struct pict_model *m;
    const char *path;
    struct diags *warnings;
    struct vec_int columns; /* parameter of each column, or -1 */
    int line;
};

static struct diag_pos seeds_pos(const struct seeds *s, struct slice line, struct slice cell) {
    struct diag_pos pos = {s->line, 1};
    for (const char *c = line.at; c < cell.at; c++) {
        pos.column += ((unsigned char)*c & 0xc0) != 0x80;
    }
    return pos;
}

static void seeds_header(struct seeds *s, struct slice line) {
    for (struct slice rest = line; rest.at;) {
        struct slice cell = slice_trim(slice_cut(rest, '\t', &rest));
        char *name = slice_dup(cell);
        int f = pict_find_param(s->m, name);
        if (f < 0) {
            diags_add(s->warnings, s->path, seeds_pos(s, line, cell), "unknown-parameter", NULL,
                      "there is no parameter '%s': this column is left out", name);
        }
        VEC_PUSH(s->columns, f);
        free(name);
    }
}

/* Any name of the value counts, with the prefix where it is negative. -1: none. */
static int seed_value(const struct pict_model *m, int f, struct slice cell) {
    const struct pict_param *p = &m->params.items[f];
    bool negative = cell.len && cell.at[0] == m->options.negative_prefix;
    char *name = slice_dup(negative ? slice_trim((struct slice){cell.at + 1, cell.len - 1}) : cell);
    int found = -1;
    for (size_t v = 0; found < 0 && v < p->values.count; v++) {
        for (int i = 0; found < 0 && i < p->values.items[v].name_count; i++) {
            bool same = pict_compare(m, p->values.items[v].names[i], name) == 0;
            found = same && p->values.items[v].negative == negative ? (int)v : -1;
        }
    }
    free(name);
    return found;
}

static void seeds_row(struct seeds *s, struct slice line) {
    size_t factors = s->m->params.count;
    int *row = mem_zalloc(factors, sizeof(int));
    for (size_t f = 0; f < factors; f++) {
        row[f] = COVER_FREE;
    }
    size_t column = 0;
    bool any = false;
    for (struct slice rest = line; rest.at; column++) {
        struct slice cell = slice_trim(slice_cut(rest, '\t', &rest));
        int f = column < s->columns.count ? s->columns.items[column] : -1;
        int v = f < 0 ? -1 : seed_value(s->m, f, cell);
        if (v >= 0) {
            row[f] = v;
            any = true;
        } else if (f >= 0 && cell.len) {
            diags_add(s->warnings, s->path, seeds_pos(s, line, cell), "unknown-value", NULL,
                      "parameter '%s' has no value '%.*s': it is left open", s->m->params.items[f].name, (int)cell.len,
                      cell.at);
        }
    }
    if (any) {
        cover_add_seed(s->m->problem, row);
    }
    free(row);
}

void pict_read_seeds(struct pict_model *m, const char *path, const char *text, size_t len, struct diags *warnings) {
    struct seeds s = {.m = m, .path = path, .warnings = warnings};
    struct slice rest = {text, len};
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        rest = (struct slice){text + 3, len - 3};
    }
    bool header = false;
    while (rest.at) {
        struct slice line = slice_cut(rest, '\n', &rest);
        line.len -= line.len && line.at[line.len - 1] == '\r';
        s.line++;
        if (!header) {
            header = true;
            seeds_header(&s, line);
        } else if (slice_trim(line).len) {
            seeds_row(&s, line);
        }
    }
    free(s.columns.items);
}

void pict_write_value(const struct pict_model *m, int factor, int value, size_t turn, struct str *out) {
    const struct pict_value *v = &m->params.items[factor].values.items[value];
    if (v->negative) {
        str_add_bytes(out, &m->options.negative_prefix, 1);
    }
    str_add(out, v->names[turn % (size_t)v->name_count]);
}

void pict_write_text(const struct pict_model *m, const struct cover_result *r, struct str *out) {
    size_t factors = m->params.count;
    size_t **turns = mem_zalloc(factors, sizeof(*turns));
    for (size_t f = 0; f < factors; f++) {
        turns[f] = mem_zalloc(m->params.items[f].values.count, sizeof(size_t));
        str_add(out, f ? "\t" : "");
        str_add(out, m->params.items[f].name);
    }
    str_add(out, "\n");
    for (size_t i = 0; i < r->row_count; i++) {
        for (size_t f = 0; f < factors; f++) {
            int value = r->rows[i * factors + f];
            str_add(out, f ? "\t" : "");
            pict_write_value(m, (int)f, value, turns[f][value]++, out);
        }
        str_add(out, "\n");
    }
    for (size_t f = 0; f < factors; f++) {
        free(turns[f]);
    }
    free(turns);
}

void pict_complain_no_rows(const struct pict_model *m, struct diags *errors) {
    const struct cover_problem *p = m->problem;
    size_t low = 0, high = m->constraints.count; /* the first `high` constraints leave no row */
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (problem_has_row(p, mid)) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    size_t end = high ? m->constraints.items[high - 1].end : 0;
    diags_add(errors, m->path, pict_pos(m, end ? end - 1 : 0), "no-rows",
              "the constraint that ends here contradicts those before it or itself",
              "the constraints leave no row at all");
}
