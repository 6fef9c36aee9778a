/* PICT's model language (https://github.com/microsoft/pict, doc/pict.md and its own test models): parameters with
 * values, aliases, weights and negative values; sub-models; constraints; seeding rows. Text in, text out; opens no
 * file.
 *
 * Differences from PICT 3.7: every error is reported, not the first, with line and column; what PICT warns of and skips
 * (a constraint or sub-model over an unknown parameter) is skipped here, too, with a located warning. */
#ifndef COEXIST_COVER_PICT_H
#define COEXIST_COVER_PICT_H

#include "base/diag.h"
#include "base/str.h"
#include "cover/cover.h"

struct pict_options {
    int order;           /* strength, 1..COVER_MAX_STRENGTH, or one of those below */
    char value_separator, alias_separator, negative_prefix;
    bool case_sensitive;
};
enum {
    PICT_ORDER_MAX = 0,      /* all combinations */
    PICT_ORDER_DEFAULT = -1, /* 2, or what there is to combine when that is less */
};
#define PICT_OPTIONS_INIT {PICT_ORDER_DEFAULT, ',', '|', '~', false}

struct pict_model; /* opaque */

/* Reads a model. path is a name for messages. Errors go to errors (then NULL is returned), what is suspicious or
 * skipped to warnings; both with code and hint. */
struct pict_model *pict_read(const char *path, const char *text, size_t len, const struct pict_options *options,
                             struct diags *errors, struct diags *warnings);
void pict_free(struct pict_model *m);

/* Adds the rows of a seeding file (tab-separated, names first) to the problem; unknown columns and values are left out
 * with a warning. */
void pict_read_seeds(struct pict_model *m, const char *path, const char *text, size_t len, struct diags *warnings);

const struct cover_problem *pict_problem(const struct pict_model *m); /* borrowed */
/* The same, to add what the language cannot say: groups of mixed strength, seeds, weights. Borrowed. */
struct cover_problem *pict_edit(struct pict_model *m);
/* The strength to ask for: the options' order, settled; COVER_ALL where it is PICT_ORDER_MAX. */
int pict_strength(const struct pict_model *m);

const char *pict_parameter(const struct pict_model *m, int factor);             /* borrowed */
/* First name of a value; negative says whether it carries the prefix. Borrowed. */
const char *pict_value(const struct pict_model *m, int factor, int value, bool *negative);
char pict_negative_prefix(const struct pict_model *m);

/* The shortest beginning of the constraints that leaves no row at all is complained of where it ends. For a result
 * without rows. */
void pict_complain_no_rows(const struct pict_model *m, struct diags *errors);

/* What PICT prints: names, then rows, separated by tabs; the names of a value take turns. */
void pict_write_text(const struct pict_model *m, const struct cover_result *r, struct str *out);
/* The text of one cell, as in pict_write_text; turn counts its rows with that value. Appends to out. */
void pict_write_value(const struct pict_model *m, int factor, int value, size_t turn, struct str *out);

#endif
