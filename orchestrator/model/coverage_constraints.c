/* The factors and constraints of a matrix as a text in PICT's language, and what is wrong with it told at its place in
 * the matrix. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/json_scan.h"
#include "cover/pict.h"
#include "model/coverage_impl.h"

static void coverage_line(struct str *text, const char *name, const char *first) {
    str_addf(text, "%s: %s", name, first);
}

/* "image: ...", a line for each product, "update: ...", "order: ...". */
static void coverage_write_factors(struct coverage *c) {
    const struct input *in = c->in;
    const json_t *images = json_object_get(in->matrix.root, "images");
    const char *orders = json_string_value(json_object_get(in->matrix.root, "install_orders"));
    coverage_line(&c->text, "image", "");
    for (size_t i = 0; i < json_array_size(images); i++) {
        str_addf(&c->text, "%s%s", i ? ", " : "", json_string_value(json_array_get(images, i)));
    }
    str_add(&c->text, "\n");
    for (size_t i = 0; i < in->product_count; i++) {
        coverage_line(&c->text, in->products[i].id, "absent, present\n");
    }
    coverage_line(&c->text, "update", "none");
    for (size_t i = 0; i < in->update_count; i++) {
        str_addf(&c->text, ", %s", in->updates[i].id);
    }
    bool both = str_eq(orders, "both") && in->product_count > 1;
    str_addf(&c->text, "\norder: listed%s\n", both ? ", reversed" : "");
}

/* What holds in any case: somebody is there, an update has its product, and only several can be reversed. */
static void coverage_write_own(struct coverage *c) {
    const struct input *in = c->in;
    for (size_t i = 0; i < in->product_count; i++) {
        str_addf(&c->text, "%s[%s] = \"present\"", i ? " OR " : "", in->products[i].id);
    }
    str_add(&c->text, ";\n");
    for (size_t i = 0; i < in->update_count; i++) {
        const char *product = json_string_value(json_object_get(in->updates[i].root, "product"));
        if (product) {
            str_addf(&c->text, "IF [update] = \"%s\" THEN [%s] = \"present\";\n", in->updates[i].id, product);
        }
    }
    bool both = strstr(str_get(&c->text), "\norder: listed, reversed\n") != NULL;
    for (size_t i = 0; both && i < in->product_count; i++) {
        str_addf(&c->text, "IF [order] = \"reversed\" AND [%s] = \"present\" THEN ", in->products[i].id);
        for (size_t k = 0, any = 0; k < in->product_count; k++) {
            if (k != i) {
                str_addf(&c->text, "%s[%s] = \"present\"", any++ ? " OR " : "", in->products[k].id);
            }
        }
        str_add(&c->text, ";\n");
    }
}

static const char *coverage_constraint(const struct coverage *c, size_t index) {
    const char *text = json_string_value(json_array_get(json_object_get(c->asked, "constraints"), index));
    return text ? text : "";
}

/* On a line of its own, whatever white space is in it, and closed. */
static void coverage_write_constraint(struct str *out, const char *text) {
    size_t from = out->len;
    str_add(out, text);
    size_t end = from;
    for (size_t i = from; i < out->len; i++) {
        out->data[i] = (unsigned char)out->data[i] < ' ' ? ' ' : out->data[i];
        end = out->data[i] == ' ' ? end : i + 1;
    }
    str_add(out, end > from && out->data[end - 1] == ';' ? "\n" : ";\n");
}

static void coverage_write_constraints(struct coverage *c) {
    c->first_constraint = 1;
    for (const char *p = str_get(&c->text); *p; p++) {
        c->first_constraint += *p == '\n';
    }
    for (size_t i = 0; i < json_array_size(json_object_get(c->asked, "constraints")); i++) {
        coverage_write_constraint(&c->text, coverage_constraint(c, i));
    }
}

/* Byte offset, in the matrix' text, of the column-th character of the JSON string that begins at `at`. */
static size_t coverage_offset(const char *text, size_t at, int column) {
    at++;
    for (int i = 1; i < column && text[at] != '"'; i++) {
        if (text[at] == '\\') {
            bool pair = strncasecmp(text + at, "\\ud8", 4) == 0 || strncasecmp(text + at, "\\ud9", 4) == 0 ||
                        strncasecmp(text + at, "\\uda", 4) == 0 || strncasecmp(text + at, "\\udb", 4) == 0;
            at += text[at + 1] != 'u' ? 2 : pair ? 12 : 6;
        } else {
            for (at++; ((unsigned char)text[at] & 0xc0) == 0x80; at++) {
            }
        }
    }
    return at;
}

/* A complaint about a constraint in PICT's language, told where the matrix has it. */
void coverage_complain(struct coverage *c, size_t index, const struct diag *d) {
    struct json_doc *doc = c->in->matrix.doc;
    size_t len;
    CLEANUP_FREE char *at = str_printf("/coverage/constraints/%zu", index);
    const char *text = json_doc_text(doc, &len);
    size_t offset = coverage_offset(text, json_doc_offset(doc, at), d->pos.column);
    bool unknown = str_eq(d->code, "unknown-parameter");
    CLEANUP_FREE char *message = str_dup(d->message);
    char *tail = strstr(message, ": this constraint is left out");
    if (tail) {
        *tail = '\0';
    }
    diags_add(c->diags, json_doc_path(doc), json_scan_position(text, len, offset), d->code,
              unknown ? "factors are \"image\", \"update\", \"order\" and the products' ids" : d->hint, "%s", message);
}

static struct pict_model *coverage_read(const struct coverage *c, const struct str *text, struct diags *found) {
    struct pict_options options = PICT_OPTIONS_INIT;
    return pict_read(json_doc_path(c->in->matrix.doc), str_get(text), text->len, &options, found, found);
}

/* Behind `before` (factors, and a first constraint). What PICT only warns of is refused: a constraint that counts for
 * nothing was meant to count. */
static void coverage_check_constraint(struct coverage *c, const struct str *before, size_t index) {
    const char *constraint = coverage_constraint(c, index);
    if (constraint[strspn(constraint, " \t\r\n")] == '#') { /* would be a comment, that is: nothing */
        CLEANUP_FREE char *at = str_printf("/coverage/constraints/%zu", index);
        json_doc_complain(c->in->matrix.doc, at, 0, c->diags, "syntax", "remove the \"#\" or the constraint",
                          "a constraint cannot begin with \"#\"");
        return;
    }
    CLEANUP_STR struct str text = STR_INIT;
    str_add(&text, str_get(before));
    coverage_write_constraint(&text, constraint);
    struct diags found = DIAGS_INIT;
    pict_free(coverage_read(c, &text, &found));
    for (size_t i = 0; i < found.count; i++) {
        coverage_complain(c, index, &found.items[i]);
    }
    diags_free(&found);
}

/* Each alone, so that none hides what is wrong with the next. */
static void coverage_check_constraints(struct coverage *c) {
    const char *text = str_get(&c->text);
    CLEANUP_STR struct str before = STR_INIT;
    const char *end = strchr(text, ';'); /* of the first of our own; no name has one */
    str_add_bytes(&before, text, (size_t)(end - text) + 1);
    str_add(&before, "\n");
    for (size_t i = 0; i < json_array_size(json_object_get(c->asked, "constraints")); i++) {
        coverage_check_constraint(c, &before, i);
    }
}

void coverage_read_constraints(struct coverage *c) {
    coverage_write_factors(c);
    coverage_write_own(c);
    if (c->check) {
        coverage_check_constraints(c);
    }
    coverage_write_constraints(c);
    struct diags found = DIAGS_INIT; /* all of it was told above, but for what says nothing with few products */
    c->out->factors = coverage_read(c, &c->text, &found);
    diags_free(&found);
}
