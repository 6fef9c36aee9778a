#include "model/coverage.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/nearest.h"
#include "cover/pict.h"
#include "model/coverage_impl.h"
#include "model/schemas.h"
#include "model/subsets.h"

static int coverage_factor(struct coverage *c, const char *pointer, int at_key, const char *name) {
    for (int f = 0; f < c->count; f++) {
        if (str_eq(c->names[f], name)) {
            return f;
        }
    }
    if (name) {
        CLEANUP_FREE char *hint = nearest_hint(name, c->names, (size_t)c->count);
        json_doc_complain(c->in->matrix.doc, pointer, at_key, c->diags, "unknown-name", hint,
                          "the matrix has no factor \"%s\"", name);
    }
    return -1;
}

static int coverage_value(struct coverage *c, const char *pointer, int at_key, int factor, const char *name) {
    int values = cover_factor_values(pict_problem(c->out->factors), factor);
    const char **known = mem_zalloc((size_t)values, sizeof(*known));
    int found = -1;
    for (int v = 0; v < values; v++) {
        bool negative;
        known[v] = pict_value(c->out->factors, factor, v, &negative);
        found = str_eq(known[v], name) ? v : found;
    }
    if (found < 0 && name) {
        CLEANUP_FREE char *hint = nearest_hint(name, known, (size_t)values);
        json_doc_complain(c->in->matrix.doc, pointer, at_key, c->diags, "unknown-name", hint,
                          "factor \"%s\" has no value \"%s\"", c->names[factor], name);
    }
    free(known);
    return found;
}

static int coverage_compare(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b;
}

static void coverage_group(struct coverage *c, size_t index, const json_t *o) {
    const json_t *list = json_object_get(o, "factors");
    size_t count = json_array_size(list);
    int strength = (int)json_integer_value(json_object_get(o, "strength"));
    struct model_group g = {mem_zalloc(count + 1, sizeof(int)), 0, strength};
    for (size_t i = 0; i < count; i++) {
        CLEANUP_FREE char *at = str_printf("/coverage/groups/%zu/factors/%zu", index, i);
        int f = coverage_factor(c, at, 0, json_string_value(json_array_get(list, i)));
        if (f >= 0) {
            g.factors[g.count++] = f;
        }
    }
    if ((size_t)strength > count || strength < 1) {
        CLEANUP_FREE char *at = str_printf("/coverage/groups/%zu/strength", index);
        json_doc_complain(c->in->matrix.doc, at, 0, c->diags, "out-of-range", "name more factors, or ask for less",
                          "a strength of %d is more than the %zu factor%s of this group", strength, count,
                          count == 1 ? "" : "s");
    } else if (g.count == count) {
        qsort(g.factors, g.count, sizeof(int), coverage_compare);
        cover_add_group(pict_edit(c->out->factors), COVER_GROUP_MIXED, g.factors, (int)g.count, g.strength);
        c->out->groups[c->out->group_count++] = g;
        return;
    }
    free(g.factors);
}

static void coverage_groups(struct coverage *c) {
    const json_t *list = json_object_get(c->asked, "groups");
    c->out->groups = mem_zalloc(json_array_size(list) + 1, sizeof(*c->out->groups));
    for (size_t i = 0; i < json_array_size(list); i++) {
        coverage_group(c, i, json_array_get(list, i));
    }
    if (json_array_size(list) > 0 && c->out->strength == COVER_ALL) {
        json_doc_complain(c->in->matrix.doc, "/coverage/groups", 1, c->diags, "no-effect", "remove the groups",
                          "with strength \"all\" every combination is there, whatever the groups ask for");
    }
}

static void coverage_seeds(struct coverage *c) {
    const json_t *list = json_object_get(c->asked, "seeds");
    int *row = mem_zalloc((size_t)c->count, sizeof(int));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name;
        json_t *value;
        for (int f = 0; f < c->count; f++) {
            row[f] = COVER_FREE;
        }
        json_object_foreach(json_array_get(list, i), name, value) {
            CLEANUP_FREE char *at = str_printf("/coverage/seeds/%zu/%s", i, name);
            int f = coverage_factor(c, at, 1, name);
            int v = f < 0 ? -1 : coverage_value(c, at, 0, f, json_string_value(value));
            if (v >= 0) {
                row[f] = v;
            }
        }
        cover_add_seed(pict_edit(c->out->factors), row);
    }
    free(row);
}

static void coverage_weights(struct coverage *c) {
    const char *name, *value;
    json_t *of, *weight;
    json_object_foreach(json_object_get(c->asked, "weights"), name, of) {
        CLEANUP_FREE char *at = str_printf("/coverage/weights/%s", name);
        int f = coverage_factor(c, at, 1, name);
        if (f < 0) {
            continue;
        }
        json_object_foreach(of, value, weight) {
            CLEANUP_FREE char *value_at = str_printf("%s/%s", at, value);
            int v = coverage_value(c, value_at, 1, f, value);
            if (v >= 0) {
                cover_set_weight(pict_edit(c->out->factors), f, v, (int)json_integer_value(weight));
            }
        }
    }
}

/* Cheap questions to the engine, so that a contradiction is told with its place. */
static void coverage_try(struct coverage *c) {
    struct cover_options options = {.strength = 1};
    CLEANUP_ERR struct err err = ERR_INIT;
    struct cover_result *r = cover_generate(pict_problem(c->out->factors), &options, &err);
    if (!r) {
        json_doc_complain(c->in->matrix.doc, "/coverage", 1, c->diags, "too-large", "ask for less", "%s",
                          err_text(&err));
        return;
    }
    if (r->row_count == 0) {
        struct diags found = DIAGS_INIT;
        pict_complain_no_rows(c->out->factors, &found);
        for (size_t i = 0; i < found.count; i++) {
            coverage_complain(c, (size_t)(found.items[i].pos.line - c->first_constraint), &found.items[i]);
        }
        diags_free(&found);
    }
    for (size_t i = 0; r->row_count > 0 && i < r->refused_count; i++) {
        CLEANUP_FREE char *at = str_printf("/coverage/seeds/%zu", r->refused_seeds[i]);
        json_doc_complain(c->in->matrix.doc, at, 0, c->diags, "impossible",
                          "an update needs its product, and \"reversed\" two products; change the seed or a "
                          "constraint",
                          "no cell that keeps the constraints can hold this seed");
    }
    cover_result_free(r);
}

static void coverage_strength(struct coverage *c) {
    const json_t *strength = json_object_get(c->asked, "strength");
    const struct cover_problem *p = pict_problem(c->out->factors);
    c->out->strength = json_is_string(strength) ? COVER_ALL : (int)json_integer_value(strength);
    c->out->seed = (uint64_t)json_integer_value(json_object_get(c->asked, "seed"));
    uint64_t cells = 1;
    for (int f = 0; f < c->count; f++) {
        cells = subsets_multiply(cells, (uint64_t)cover_factor_values(p, f));
    }
    if (c->out->strength == COVER_ALL && cells > PLAN_CELLS_MAX) {
        json_doc_complain(c->in->matrix.doc, "/coverage/strength", 0, c->diags, "too-many-cells",
                          "ask for a strength of 1 to 6", "\"all\" goes with factors that have at most %u combinations "
                          "before constraints", PLAN_CELLS_MAX);
    } else if (c->out->strength > c->count) {
        json_doc_complain(c->in->matrix.doc, "/coverage/strength", 0, c->diags, "out-of-range",
                          "ask for less, or for \"all\"", "a strength of %d is more than the %d factors of this matrix",
                          c->out->strength, c->count);
    }
}

static bool coverage_is_name(const char *text) {
    return text && *text && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0' && text[0] != '-';
}

static bool coverage_are_names(const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        bool good = coverage_is_name(names[i]);
        for (size_t k = 0; good && k < i; k++) {
            good = !str_eq(names[i], names[k]);
        }
        if (!good) {
            return false;
        }
    }
    return count > 0;
}

/* Errors elsewhere in the matrix are no reason to keep silent about those of the coverage. */
static bool coverage_parts_follow(const struct input *in) {
    static const char *const parts[] = {"coverage", "images", "products", "updates", "install_orders"};
    CLEANUP_ERR struct err err = ERR_INIT;
    struct schema *s = in->matrix.good ? NULL : schemas_compile(SCHEMA_MATRIX, &err);
    bool follow = in->matrix.good || s;
    for (size_t i = 0; s && follow && i < ARRAY_LEN(parts); i++) {
        const json_t *value = json_object_get(in->matrix.root, parts[i]);
        follow = !value || schema_accepts_under(s, parts[i], value);
    }
    schema_free(s);
    return follow;
}

/* Where names are missing, twice or not to be had, that was complained about, and more would mislead. */
static bool coverage_can_be_read(struct coverage *c) {
    const struct input *in = c->in;
    const json_t *images = json_object_get(in->matrix.root, "images");
    size_t image_count = json_array_size(images);
    const char **values = mem_zalloc(image_count + in->update_count + 1, sizeof(*values));
    for (size_t i = 0; i < image_count; i++) {
        values[i] = json_string_value(json_array_get(images, i));
    }
    bool good = coverage_parts_follow(in) && coverage_are_names(values, image_count);
    for (size_t i = 0; i < in->update_count; i++) {
        const char *product = json_string_value(json_object_get(in->updates[i].root, "product"));
        values[i] = in->updates[i].id;
        good = good && (!product || input_find(in->products, in->product_count, product));
    }
    values[in->update_count] = "none";
    good = good && coverage_are_names(values, in->update_count + 1) &&
           coverage_are_names(c->names, (size_t)c->count);
    free(values);
    return good;
}

static void coverage_name_factors(struct coverage *c) {
    const struct input *in = c->in;
    static const char *const own[] = {"image", "update", "order"};
    c->names = mem_zalloc(in->product_count + ARRAY_LEN(own), sizeof(*c->names));
    c->names[c->count++] = own[0];
    for (size_t i = 0; i < in->product_count; i++) {
        c->names[c->count++] = in->products[i].id;
        for (size_t k = 0; k < ARRAY_LEN(own); k++) {
            if (str_eq(own[k], in->products[i].id)) {
                CLEANUP_FREE char *at = str_printf("/products/%zu", i);
                json_doc_complain(in->matrix.doc, at, 0, c->diags, "reserved-name",
                                  "with \"coverage\" the factors are named so; give the product another id",
                                  "no product can have the id \"%s\"", own[k]);
            }
        }
    }
    c->names[c->count++] = own[1];
    c->names[c->count++] = own[2];
}

static void coverage_fill(struct coverage *c) {
    coverage_read_constraints(c);
    if (!c->out->factors) {
        return;
    }
    coverage_strength(c);
    coverage_seeds(c);
    coverage_weights(c);
    if (c->check && c->diags->count == 0) {
        coverage_try(c); /* before there are groups: only whether there is a row at all is asked */
    }
    coverage_groups(c);
}

static void coverage_move_diags(struct diags *to, struct diags *from) {
    for (size_t i = 0; to && i < from->count; i++) {
        const struct diag *d = &from->items[i];
        diags_add(to, d->file, d->pos, d->code, d->hint, "%s", d->message);
    }
    diags_free(from);
}

struct model_coverage *coverage_make(const struct input *in, struct diags *diags) {
    struct diags found = DIAGS_INIT;
    struct coverage c = {.in = in, .asked = json_object_get(in->matrix.root, "coverage"), .diags = &found,
                         .check = diags != NULL, .out = mem_zalloc(1, sizeof(*c.out)), .text = STR_INIT};
    coverage_name_factors(&c);
    if (!json_is_object(c.asked)) {
        diags_free(&found);
    } else if (found.count == 0 && coverage_can_be_read(&c)) {
        coverage_fill(&c);
    }
    if (found.count > 0 || !c.out->factors) {
        coverage_free(c.out);
        c.out = NULL;
    }
    coverage_move_diags(diags, &found);
    free(c.names);
    str_free(&c.text);
    return c.out;
}

void coverage_free(struct model_coverage *c) {
    if (!c) {
        return;
    }
    for (size_t i = 0; i < c->group_count; i++) {
        free(c->groups[i].factors);
    }
    free(c->groups);
    pict_free(c->factors);
    free(c);
}
