/* Cells by products: who was there, in which order, who was updated, who is blamed, who was harmed or in the way. */
#include <string.h>

#include "base/cleanup.h"
#include "reports/html.h"

static const json_t *grid_update(const json_t *report, const char *id) {
    size_t i;
    json_t *u;
    json_array_foreach(json_object_get(report, "updates"), i, u) {
        if (str_eq(html_get(u, "id"), id)) {
            return u;
        }
    }
    return NULL;
}

static size_t grid_position(const json_t *factors, const char *product) {
    size_t i;
    json_t *p;
    json_array_foreach(json_object_get(factors, "products"), i, p) {
        if (str_eq(json_string_value(p), product)) {
            return i + 1;
        }
    }
    return 0;
}

/* Whether a "+"-joined list has this id. */
static bool grid_listed(const char *list, const char *id) {
    size_t n = strlen(id);
    for (const char *p = list; p && *p; p = strchr(p, '+') ? strchr(p, '+') + 1 : NULL) {
        if (strncmp(p, id, n) == 0 && (p[n] == '+' || p[n] == '\0')) {
            return true;
        }
    }
    return false;
}

static void grid_entry(struct str *out, const json_t *report, const json_t *cell,
                       const char *product) {
    const json_t *factors = json_object_get(cell, "factors");
    const json_t *blame = json_object_get(cell, "blame");
    size_t position = grid_position(factors, product);
    if (position == 0) {
        str_add(out, "<td class=\"absent\"><span class=\"sr\">not installed</span></td>");
        return;
    }
    bool blamed = str_eq(html_get_null(blame, "product"), product);
    bool with = grid_listed(html_get_null(blame, "with"), product);
    const json_t *update = grid_update(report, html_get(factors, "update"));
    bool updated = str_eq(html_get_null(update, "product"), product);
    bool fine = str_eq(html_get(cell, "verdict"), "pass");
    str_addf(out, "<td class=\"%s\">", blamed ? "blamed" : with ? "with" : fine ? "fine" : "there");
    str_add(out, updated ? "<b>updated</b>" : "installed");
    if (json_array_size(json_object_get(factors, "products")) > 1) {
        str_addf(out, " <small>(%zu%s)</small>", position,
                 position == 1 ? "st" : position == 2 ? "nd" : position == 3 ? "rd" : "th");
    }
    str_add(out, blamed ? "<br>blamed" : with ? "<br>cannot live with it" : "");
    str_add(out, "</td>");
}

static void grid_row(struct str *out, const json_t *report, const json_t *products,
                     const json_t *cell, size_t index) {
    const json_t *factors = json_object_get(cell, "factors");
    size_t i;
    json_t *p;
    str_addf(out, "<tr><th scope=\"row\"><a href=\"#cell-%zu\">", index + 1);
    const char *update = html_get_null(factors, "update");
    html_text(out, update ? update : "no update (control)");
    str_add(out, "</a><br><small>");
    html_text(out, html_get(factors, "image"));
    str_addf(out, ", repetition %lld",
             (long long)json_integer_value(json_object_get(factors, "repetition")));
    if (json_object_get(factors, "confirmation")) {
        str_addf(out, ", run again to confirm (%lld)",
                 (long long)json_integer_value(json_object_get(factors, "confirmation")));
    }
    if (json_object_get(factors, "minimization")) {
        str_addf(out, ", beyond the plan: shrinks a failing set (run %lld)",
                 (long long)json_integer_value(json_object_get(factors, "minimization")));
    }
    str_add(out, "</small></th>");
    json_array_foreach(products, i, p) {
        grid_entry(out, report, cell, html_get(p, "id"));
    }
    str_add(out, "<td>");
    html_verdict(out, html_get(cell, "verdict"));
    const char *failure = html_get_null(cell, "failure_class");
    if (failure) {
        str_add(out, "<br><small>");
        html_text(out, failure);
        str_add(out, "</small>");
    }
    str_add(out, "</td></tr>");
}

void html_grid(struct str *out, const json_t *report) {
    const json_t *products = json_object_get(json_object_get(report, "matrix"), "products");
    size_t i;
    json_t *one;
    str_add(out, "<section><h2>Cells</h2><div class=\"scroll\"><table class=\"grid\"><thead><tr><th>Update tried</th>");
    json_array_foreach(products, i, one) {
        str_add(out, "<th>");
        html_text(out, html_get(one, "vendor"));
        str_add(out, "<br><small>");
        html_text(out, html_get(one, "id"));
        str_add(out, " ");
        html_text(out, html_get(one, "version"));
        str_add(out, "</small></th>");
    }
    str_add(out, "<th>Verdict</th></tr></thead><tbody>");
    json_array_foreach(json_object_get(report, "cells"), i, one) {
        grid_row(out, report, products, one, i);
    }
    str_add(out, "</tbody></table></div></section>");
}
