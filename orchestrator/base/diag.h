/* Complaints about the user's input: all of them at once, each with a place, a stable code and, where
 * one can be given, a hint. */
#ifndef COEXIST_BASE_DIAG_H
#define COEXIST_BASE_DIAG_H

#include <stddef.h>
#include <stdio.h>

struct diag_pos {
    int line;   /* 1-based; 0 when the place has no line (a missing file) */
    int column; /* 1-based, in characters (UTF-8 code points) */
};

struct diag {
    char *file;
    struct diag_pos pos;
    char *code; /* "unknown-key", "missing-file", "wrong-type", ... stable across versions */
    char *message;
    char *hint; /* NULL when there is none */
};

struct diags {
    struct diag *items; /* in file, then position order after diags_sort */
    size_t count;
    size_t cap;
};
#define DIAGS_INIT {NULL, 0, 0}

void diags_add(struct diags *d, const char *file, struct diag_pos pos, const char *code,
               const char *hint, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
void diags_sort(struct diags *d);
void diags_take(struct diags *d, struct diags *from); /* all of from, which is empty afterwards */
/* "FILE:LINE:COL: error: MESSAGE [code]\n    hint: ...", the form editors understand. */
void diags_print(const struct diags *d, FILE *out);
void diags_print_warnings(const struct diags *d, FILE *out); /* the same with "warning" */
void diags_free(struct diags *d);

#endif
