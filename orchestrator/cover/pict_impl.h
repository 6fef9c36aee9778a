/* Inside of the reader of PICT's language. */
#ifndef COEXIST_COVER_PICT_IMPL_H
#define COEXIST_COVER_PICT_IMPL_H

#include "cover/impl.h"
#include "cover/pict.h"

struct pict_value {
    char **names; /* at least one; the first decides everything, the others only show */
    int name_count;
    bool negative;
    int weight;
};
struct pict_values { struct pict_value *items; size_t count, cap; };

struct pict_param {
    char *name;
    struct pict_values values;
    double *numbers; /* by value; NULL: a text parameter */
    bool result;     /* named $...: follows from the others, not to be combined */
};
struct pict_params { struct pict_param *items; size_t count, cap; };

struct pict_constraint { int expr; size_t end; /* byte offset behind it */ };
struct pict_constraints { struct pict_constraint *items; size_t count, cap; };

struct pict_model {
    struct pict_options options;
    char *path, *text;
    size_t len;
    struct pict_params params;
    struct pict_constraints constraints;
    struct cover_problem *problem;
};

/* Line and column (in characters) of a byte of the text. */
struct diag_pos pict_pos(const struct pict_model *m, size_t offset);

/* pict_text.c */
struct slice { const char *at; size_t len; }; /* of somebody's text */
struct slice slice_trim(struct slice s);
char *slice_dup(struct slice s);
/* The whole slice as a decimal number. */
bool slice_number(struct slice s, double *out);
/* Cuts at the first separator: the part before it; *rest is what follows, at NULL when there was none. */
struct slice slice_cut(struct slice s, char separator, struct slice *rest);
int pict_compare(const struct pict_model *m, const char *a, const char *b); /* as strcmp, by the case option */
bool pict_like(const struct pict_model *m, const char *text, const char *pattern);
int pict_find_param(const struct pict_model *m, const char *name); /* -1: none */

/* pict_constraint.c: text from offset on, to the end. */
void pict_read_constraints(struct pict_model *m, size_t offset, struct diags *errors, struct diags *warnings);

/* pict_term.c */
enum pict_relation { REL_EQ, REL_NE, REL_LT, REL_LE, REL_GT, REL_GE, REL_LIKE, REL_NOT_LIKE, REL_IN, REL_NOT_IN };
struct pict_operand { bool is_number; double number; char *text; size_t offset; };
struct pict_operands { struct pict_operand *items; size_t count, cap; };
/* The term as an expression; errors are added and -1 returned. whole: the term's text, for warnings. */
int pict_term(struct pict_model *m, int param, enum pict_relation rel, const struct pict_operands *with,
              struct slice whole, struct diags *errors, struct diags *warnings);
int pict_term_params(struct pict_model *m, int f, enum pict_relation rel, int g, struct slice whole,
                     struct diags *errors, struct diags *warnings);
int pict_term_sign(struct pict_model *m, int param, bool negative);

#endif
