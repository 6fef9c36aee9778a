#include "plan/tree_show.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

enum { SHOW_INDENT = 2, SHOW_UPPER = 2 };

const char *tree_time(double ms, char buf[32]) {
    long long s = (long long)(ms / 1000 + 0.5);
    if (s >= 3600) {
        snprintf(buf, 32, "%lld h %02lld min", s / 3600, s % 3600 / 60);
    } else if (s >= 60) {
        snprintf(buf, 32, "%lld min %02lld s", s / 60, s % 60);
    } else {
        snprintf(buf, 32, "%lld s", s);
    }
    return buf;
}

/* ---- words for a segment ------------------------------------------------------------------------ */

static const struct plan_cell *show_cell(const struct tree *t, uint32_t segment) {
    return &t->plan->cells[t->segments[segment].cell];
}

static void show_add_step(struct str *s, const struct plan_cell *c, const struct plan_step *step) {
    str_add(s, step_kind_name(step->kind));
    if (step->product >= 0) {
        str_addf(s, " %s", c->products[step->product]->id);
    } else if (step->kind == STEP_APPLY && c->update) {
        str_addf(s, " %s", c->update->id);
    }
}

/* "provision, boot, install alder". Caller frees. */
static char *show_steps(const struct tree *t, uint32_t segment, const char *between) {
    const struct tree_segment *g = &t->segments[segment];
    const struct plan_cell *c = show_cell(t, segment);
    struct str s = STR_INIT;
    if (g->parent == TREE_NONE) {
        str_addf(&s, "%s: ", c->image);
    }
    for (uint32_t i = g->first; i < g->end; i++) {
        str_add(&s, i > g->first ? between : "");
        show_add_step(&s, c, &c->steps[i]);
    }
    return str_take(&s);
}

/* ---- text ------------------------------------------------------------------------------------------ */

struct show {
    const struct tree *t;
    const struct estimate *e;
    size_t wide, deep; /* children shown of each branch: of the upper ones, of those further down */
    FILE *out;   /* NULL: lines are only counted */
    size_t lines;
};

static bool show_is_repetition(const struct tree *t, uint32_t a, uint32_t b) {
    const struct tree_segment *x = &t->segments[a], *y = &t->segments[b];
    const struct plan_cell *p = &t->plan->cells[x->cell], *q = &t->plan->cells[y->cell];
    return x->child == TREE_NONE && y->child == TREE_NONE && p->update == q->update &&
           p->image == q->image && p->product_count == q->product_count &&
           memcmp(p->products, q->products, p->product_count * sizeof(*p->products)) == 0;
}

/* The first sibling behind those that say the same as this one; *same counts them. */
static uint32_t show_next(const struct tree *t, uint32_t segment, size_t *same) {
    uint32_t next = t->segments[segment].next;
    for (*same = 1; next != TREE_NONE && show_is_repetition(t, segment, next); ++*same) {
        next = t->segments[next].next;
    }
    return next;
}

static void show_line(const struct show *w, uint32_t segment, size_t depth, size_t same) {
    const struct tree_segment *g = &w->t->segments[segment];
    const struct plan_cell *c = show_cell(w->t, segment);
    char time[32];
    CLEANUP_FREE char *steps = show_steps(w->t, segment, ", ");
    tree_time(estimate_steps(w->e, c, g->first, g->end), time);
    fprintf(w->out, "%*s%s  (%s", (int)depth * SHOW_INDENT, "", steps, time);
    if (g->child != TREE_NONE) {
        fprintf(w->out, ", %u cells)\n", g->cells);
    } else if (same > 1) {
        fprintf(w->out, " each) = %s and %zu more repetition%s\n", c->id, same - 1,
                same > 2 ? "s" : "");
    } else {
        fprintf(w->out, ") = %s\n", c->id);
    }
}

static void show_rest(struct show *w, uint32_t segment, size_t depth) {
    size_t branches = 0, cells = 0;
    for (; segment != TREE_NONE; segment = w->t->segments[segment].next) {
        branches++;
        cells += w->t->segments[segment].cells;
    }
    w->lines++;
    if (w->out) {
        fprintf(w->out, "%*s... and %zu more with %zu cell%s\n", (int)depth * SHOW_INDENT, "",
                branches, cells, cells == 1 ? "" : "s");
    }
}

/* A segment, its siblings and all below. No deeper than a cell has steps. */
static void show_branch(struct show *w, uint32_t segment, size_t depth) {
    size_t shown = 0, same;
    for (uint32_t next; segment != TREE_NONE; segment = next) {
        if (shown++ == (depth < SHOW_UPPER ? w->wide : w->deep)) {
            show_rest(w, segment, depth);
            return;
        }
        next = show_next(w->t, segment, &same);
        w->lines++;
        if (w->out) {
            show_line(w, segment, depth, same);
        }
        show_branch(w, w->t->segments[segment].child, depth + 1);
    }
}

/* Of all the ways to cut it, the one that shows most and fits. */
static void show_fit(struct show *w, size_t max_lines) {
    static const size_t widths[] = {SIZE_MAX, 32, 24, 16, 12, 10, 8, 6, 5, 4, 3, 2, 1};
    size_t wide = 1, deep = 1, most = 0;
    for (size_t i = 0; i < ARRAY_LEN(widths); i++) {
        for (size_t k = i; k < ARRAY_LEN(widths); k++) {
            w->wide = widths[i];
            w->deep = widths[k];
            w->lines = 0;
            show_branch(w, 0, 0);
            if ((max_lines == 0 || w->lines <= max_lines) && w->lines > most) {
                most = w->lines;
                wide = w->wide;
                deep = w->deep;
            }
            if (most > 0 && w->wide == SIZE_MAX && w->deep == SIZE_MAX) {
                return; /* it fits as it is */
            }
        }
    }
    w->wide = wide;
    w->deep = deep;
}

void tree_print(const struct tree *t, const struct estimate *e, size_t max_lines, FILE *out) {
    struct show w = {.t = t, .e = e};
    if (t->count > 0) {
        show_fit(&w, max_lines);
        w.out = out;
        show_branch(&w, 0, 0);
    }
}

/* ---- DOT --------------------------------------------------------------------------------------------- */

/* Inside a quoted string: only the quote and the backslash mean something there. A new line is "\n". */
static void dot_text(FILE *out, const char *text) {
    for (; *text; text++) {
        if (*text == '\n') {
            fputs("\\n", out);
            continue;
        }
        if (*text == '"' || *text == '\\') {
            fputc('\\', out);
        }
        fputc(*text, out);
    }
}

void tree_print_dot(const struct tree *t, FILE *out) {
    fputs("digraph plan {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n", out);
    for (uint32_t i = 0; i < t->count; i++) {
        const struct tree_segment *g = &t->segments[i];
        CLEANUP_FREE char *steps = show_steps(t, i, "\n");
        fprintf(out, "  s%u [label=\"", i);
        dot_text(out, steps);
        fputs("\\n", out);
        if (g->child == TREE_NONE) {
            dot_text(out, show_cell(t, i)->id);
            fputs("\", style=rounded];\n", out);
        } else {
            fprintf(out, "%u cells\"];\n", g->cells);
        }
        if (g->parent != TREE_NONE) {
            fprintf(out, "  s%u -> s%u;\n", g->parent, i);
        }
    }
    fputs("}\n", out);
}

/* ---- JSON -------------------------------------------------------------------------------------------- */

json_t *tree_to_json(const struct tree *t, const struct estimate *e) {
    json_t *segments = json_array();
    for (uint32_t i = 0; i < t->count; i++) {
        const struct tree_segment *g = &t->segments[i];
        const struct plan_cell *c = show_cell(t, i);
        json_t *j = json_pack("{s:I, s:o, s:I, s:I, s:I, s:I}", "id", (json_int_t)i, "parent",
                              g->parent == TREE_NONE ? json_null() : json_integer(g->parent),
                              "first", (json_int_t)g->first, "end", (json_int_t)g->end, "cells",
                              (json_int_t)g->cells, "ms",
                              (json_int_t)estimate_steps(e, c, g->first, g->end));
        if (g->child == TREE_NONE) {
            json_object_set_new(j, "cell", json_string(c->id));
        }
        json_array_append_new(segments, j);
    }
    return json_pack("{s:I, s:I, s:o}", "steps", (json_int_t)t->steps, "unique_steps",
                     (json_int_t)t->unique, "segments", segments);
}
