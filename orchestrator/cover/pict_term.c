/* The atoms of constraints, worked out for every value. */
#include <string.h>

#include "cover/pict_impl.h"

static bool order_holds(enum pict_relation rel, int order) {
    switch (rel) {
    case REL_EQ: case REL_IN: return order == 0;
    case REL_NE: case REL_NOT_IN: return order != 0;
    case REL_LT: return order < 0;
    case REL_LE: return order <= 0;
    case REL_GT: return order > 0;
    case REL_GE: return order >= 0;
    case REL_LIKE: case REL_NOT_LIKE: break;
    }
    return false;
}

static int number_order(double a, double b) {
    return a < b ? -1 : a > b;
}

static bool value_holds(const struct pict_model *m, const struct pict_param *p, int v, enum pict_relation rel,
                        const struct pict_operand *with) {
    const char *name = p->values.items[v].names[0];
    if (rel == REL_LIKE || rel == REL_NOT_LIKE) {
        return pict_like(m, name, with->text) == (rel == REL_LIKE);
    }
    return order_holds(rel, p->numbers ? number_order(p->numbers[v], with->number) : pict_compare(m, name, with->text));
}

static bool operand_fits(struct pict_model *m, const struct pict_param *p, enum pict_relation rel,
                         const struct pict_operand *with, struct diags *errors) {
    bool like = rel == REL_LIKE || rel == REL_NOT_LIKE;
    if (like && (with->is_number || p->numbers)) {
        diags_add(errors, m->path, pict_pos(m, with->offset), "wrong-type",
                  "LIKE compares text with a pattern in quotes", "parameter '%s' %s", p->name,
                  p->numbers ? "is numeric" : "is compared with a number by LIKE");
        return false;
    }
    if (with->is_number != (p->numbers != NULL)) {
        diags_add(errors, m->path, pict_pos(m, with->offset), "wrong-type",
                  p->numbers ? "write the number without quotes" : "write the value in quotes",
                  "parameter '%s' is %s but is compared with a %s", p->name, p->numbers ? "numeric" : "text",
                  with->is_number ? "number" : "text");
        return false;
    }
    return true;
}

static void warn_no_effect(struct pict_model *m, struct slice whole, struct diags *warnings) {
    diags_add(warnings, m->path, pict_pos(m, (size_t)(whole.at - m->text)), "no-effect",
              "compare the spelling with the parameter's values", "all or no values satisfy %.*s", (int)whole.len,
              whole.at);
}

int pict_term(struct pict_model *m, int param, enum pict_relation rel, const struct pict_operands *with,
              struct slice whole, struct diags *errors, struct diags *warnings) {
    const struct pict_param *p = &m->params.items[param];
    bool fits = true;
    for (size_t i = 0; i < with->count; i++) {
        fits &= operand_fits(m, p, rel, &with->items[i], errors);
    }
    if (!fits) {
        return -1;
    }
    int values = (int)p->values.count;
    bool *in = mem_zalloc((size_t)values, sizeof(bool));
    int hits = 0;
    for (int v = 0; v < values; v++) {
        in[v] = rel == REL_NOT_IN;
        for (size_t i = 0; i < with->count; i++) {
            bool holds = value_holds(m, p, v, rel, &with->items[i]);
            in[v] = rel == REL_NOT_IN ? in[v] && holds : in[v] || holds;
        }
        hits += in[v];
    }
    if (hits == 0 || hits == values) {
        warn_no_effect(m, whole, warnings);
    }
    int e = cover_in(m->problem, param, in);
    free(in);
    return e;
}

int pict_term_params(struct pict_model *m, int f, enum pict_relation rel, int g, struct slice whole,
                     struct diags *errors, struct diags *warnings) {
    const struct pict_param *p = &m->params.items[f];
    const struct pict_param *q = &m->params.items[g];
    struct diag_pos pos = pict_pos(m, (size_t)(whole.at - m->text));
    if (f == g || rel == REL_LIKE || rel == REL_NOT_LIKE) {
        diags_add(errors, m->path, pos, "bad-relation", "compare it with another parameter or a value",
                  f == g ? "parameter '%s' is compared with itself" : "parameter '%s' is LIKE a parameter", p->name);
        return -1;
    }
    if (!p->numbers != !q->numbers) {
        diags_add(errors, m->path, pos, "wrong-type", "both must be numeric or both text", "'%s' is %s and '%s' is %s",
                  p->name, p->numbers ? "numeric" : "text", q->name, q->numbers ? "numeric" : "text");
        return -1;
    }
    size_t np = p->values.count, nq = q->values.count, hits = 0;
    bool *holds = mem_zalloc(np * nq, sizeof(bool));
    for (size_t a = 0; a < np; a++) {
        for (size_t b = 0; b < nq; b++) {
            int order = p->numbers ? number_order(p->numbers[a], q->numbers[b])
                                   : pict_compare(m, p->values.items[a].names[0], q->values.items[b].names[0]);
            holds[a * nq + b] = order_holds(rel, order);
            hits += holds[a * nq + b];
        }
    }
    if (hits == 0 || hits == np * nq) {
        warn_no_effect(m, whole, warnings);
    }
    int e = cover_relation(m->problem, f, g, holds);
    free(holds);
    return e;
}

int pict_term_sign(struct pict_model *m, int param, bool negative) {
    int whole = -1;
    for (int f = 0; f < (int)m->params.count; f++) {
        const struct pict_param *p = &m->params.items[f];
        if (param >= 0 && f != param) {
            continue;
        }
        bool *in = mem_zalloc(p->values.count, sizeof(bool));
        for (size_t v = 0; v < p->values.count; v++) {
            in[v] = p->values.items[v].negative == negative;
        }
        int e = cover_in(m->problem, f, in);
        free(in);
        if (whole < 0) {
            whole = e;
        } else {
            whole = negative ? cover_or(m->problem, whole, e) : cover_and(m->problem, whole, e);
        }
    }
    return whole;
}
