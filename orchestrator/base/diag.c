#include "base/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

__attribute__((format(printf, 1, 0))) static char *diag_format(const char *fmt, va_list ap) {
    char *text = NULL;
    if (vasprintf(&text, fmt, ap) < 0) {
        abort();
    }
    return text;
}

void diags_add(struct diags *d, const char *file, struct diag_pos pos, const char *code,
               const char *hint, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    char *message = diag_format(fmt, ap);
    va_end(ap);
    if (d->count == d->cap) {
        d->cap = d->cap ? d->cap * 2 : 16;
        d->items = mem_grow(d->items, d->cap, sizeof(*d->items));
    }
    d->items[d->count++] = (struct diag){
        .file = str_dup(file),
        .pos = pos,
        .code = str_dup(code),
        .message = message,
        .hint = str_dup(hint),
    };
}

/* The last two keys only make the order of complaints about one place the same every time. */
static int diag_compare(const void *a, const void *b) {
    const struct diag *x = a;
    const struct diag *y = b;
    int c = strcmp(x->file, y->file);
    if (c == 0) {
        c = (x->pos.line > y->pos.line) - (x->pos.line < y->pos.line);
    }
    if (c == 0) {
        c = (x->pos.column > y->pos.column) - (x->pos.column < y->pos.column);
    }
    if (c == 0) {
        c = strcmp(x->code, y->code);
    }
    return c != 0 ? c : strcmp(x->message, y->message);
}

void diags_sort(struct diags *d) {
    if (d->count > 1) {
        qsort(d->items, d->count, sizeof(*d->items), diag_compare);
    }
}

void diags_take(struct diags *d, struct diags *from) {
    d->cap = d->count + from->count;
    d->items = d->cap ? mem_grow(d->items, d->cap, sizeof(*d->items)) : d->items;
    for (size_t i = 0; i < from->count; i++) {
        d->items[d->count++] = from->items[i];
    }
    free(from->items);
    *from = (struct diags)DIAGS_INIT;
}

/* Messages quote the user's files; a terminal must not obey what is quoted. */
static void diag_print_safe(const char *text, FILE *out) {
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p < 0x20 || *p == 0x7f) {
            fprintf(out, "\\x%02x", *p);
        } else {
            fputc(*p, out);
        }
    }
}

static void diags_print_as(const struct diags *d, const char *kind, FILE *out) {
    for (size_t i = 0; i < d->count; i++) {
        const struct diag *g = &d->items[i];
        diag_print_safe(g->file, out);
        if (g->pos.line > 0) {
            fprintf(out, ":%d:%d", g->pos.line, g->pos.column);
        }
        fprintf(out, ": %s: ", kind);
        diag_print_safe(g->message, out);
        fprintf(out, " [%s]\n", g->code);
        if (g->hint) {
            fputs("    hint: ", out);
            diag_print_safe(g->hint, out);
            fputc('\n', out);
        }
    }
}

void diags_print(const struct diags *d, FILE *out) {
    diags_print_as(d, "error", out);
}

void diags_print_warnings(const struct diags *d, FILE *out) {
    diags_print_as(d, "warning", out);
}

void diags_free(struct diags *d) {
    for (size_t i = 0; i < d->count; i++) {
        free(d->items[i].file);
        free(d->items[i].code);
        free(d->items[i].message);
        free(d->items[i].hint);
    }
    free(d->items);
    *d = (struct diags)DIAGS_INIT;
}
