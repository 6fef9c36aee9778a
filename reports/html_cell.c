/* One cell: what happened in a sentence, who is blamed and why, the evidence, the numbers, the pictures. */
#include <math.h>

#include "base/cleanup.h"
#include "reports/html.h"
#include "reports/text.h"

static void cell_heading(struct str *out, const json_t *cell) {
    const json_t *factors = json_object_get(cell, "factors");
    const char *update = html_get_null(factors, "update");
    html_verdict(out, html_get(cell, "verdict"));
    str_add(out, " <b>");
    html_text(out, update ? update : "no update (control)");
    str_add(out, "</b> on ");
    html_text(out, html_get(factors, "order"));
    str_add(out, " <small>");
    html_text(out, html_get(cell, "id"));
    str_add(out, "</small>");
    long long attempts = (long long)json_integer_value(json_object_get(cell, "attempts"));
    if (attempts > 1) { /* seen without opening the cell */
        str_addf(out, " <small class=\"again\">attempt %lld, the lab failed before</small>", attempts);
    }
    const char *host = html_get_null(cell, "host");
    if (host && !str_eq(host, "this host")) {
        str_add(out, " <small>");
        html_text(out, host);
        str_add(out, "</small>");
    }
}

static void cell_fact(struct str *out, const char *name, const char *value) {
    if (value && *value) {
        str_addf(out, "<div><dt>%s</dt><dd>", name);
        html_text(out, value);
        str_add(out, "</dd></div>");
    }
}

static void cell_blame(struct str *out, const json_t *cell) {
    const json_t *blame = json_object_get(cell, "blame");
    if (!json_is_object(blame)) {
        return;
    }
    double confidence = html_get_number(blame, "confidence");
    CLEANUP_FREE char *sure = str_printf("%.0f %%", 100 * (isfinite(confidence) ? confidence : 0));
    str_add(out, "<div class=\"blame\"><h4>Attribution</h4><dl>");
    cell_fact(out, "Vendor", html_get(blame, "vendor"));
    cell_fact(out, "Product", html_get(blame, "product"));
    cell_fact(out, "Update", html_get(blame, "update"));
    cell_fact(out, "Module", html_get(blame, "module"));
    cell_fact(out, "Together with", html_get(blame, "with"));
    cell_fact(out, "Confidence", sure);
    str_add(out, "</dl><p>");
    html_text(out, html_get(blame, "reason"));
    str_add(out, "</p></div>");
}

static void cell_evidence(struct str *out, const json_t *cell) {
    size_t i;
    json_t *text;
    const json_t *list = json_object_get(cell, "evidence");
    if (json_array_size(list) == 0) {
        return;
    }
    str_add(out, "<h4>Evidence, in order</h4><ol class=\"evidence\">");
    json_array_foreach(list, i, text) {
        str_add(out, "<li>");
        html_text(out, json_string_value(text));
        str_add(out, "</li>");
    }
    str_add(out, "</ol>");
}

static void cell_screens(struct str *out, const json_t *cell, const char *artifact_dir,
                         size_t *embedded) {
    size_t i, shown = 0;
    json_t *a;
    json_array_foreach(json_object_get(cell, "artifacts"), i, a) {
        if (str_eq(html_get(a, "role"), "screenshot")) {
            str_add(out, shown++ == 0 ? "<h4>Screens</h4><div class=\"screens\">" : "");
            html_screenshot(out, a, artifact_dir, embedded);
        }
    }
    str_add(out, shown ? "</div>" : "");
}

static void cell_artifacts(struct str *out, const json_t *cell) {
    const json_t *list = json_object_get(cell, "artifacts");
    size_t i;
    json_t *a;
    if (json_array_size(list) == 0) {
        return;
    }
    str_addf(out, "<details><summary>%zu artifacts</summary><div class=\"scroll\"><table>"
                  "<thead><tr><th>Role</th>"
                  "<th>Name</th><th class=\"num\">Size</th>"
                  "<th>SHA-256: its file is artifacts/(first two digits)/(digest)</th></tr></thead>"
                  "<tbody>", json_array_size(list));
    json_array_foreach(list, i, a) {
        CLEANUP_STR struct str size = STR_INIT;
        text_add_value(&size, html_get_number(a, "bytes"), "bytes");
        str_add(out, "<tr><td>");
        html_text(out, html_get(a, "role"));
        str_add(out, "</td><td>");
        html_text(out, html_get(a, "name"));
        str_addf(out, "</td><td class=\"num\">%s</td><td><code>", str_get(&size));
        html_text(out, html_get(a, "sha256"));
        str_add(out, "</code></td></tr>");
    }
    str_add(out, "</tbody></table></div></details>");
}

static void cell_step(struct str *out, const json_t *step) {
    double ms = html_get_number(step, "ms");
    const char *skipped = html_get_null(step, "skipped");
    bool ok = json_is_true(json_object_get(step, "ok"));
    const char *state = skipped ? "skipped" : !isfinite(ms) ? "did not end" : ok ? "ok" : "failed";
    str_addf(out, "<li class=\"%s\"><b>", skipped ? "skipped" : ok ? "ok" : "failed");
    html_text(out, html_get(step, "step"));
    str_addf(out, "</b> <small>%s", state);
    if (isfinite(ms) && !skipped) {
        CLEANUP_STR struct str took = STR_INIT;
        text_add_duration(&took, ms);
        str_addf(out, ", %s", str_get(&took));
    }
    if (skipped) {
        str_add(out, ": ");
        html_text(out, skipped);
    }
    str_add(out, "</small></li>");
}

static void cell_timeline(struct str *out, const json_t *cell) {
    const json_t *list = json_object_get(cell, "timeline");
    size_t i;
    json_t *step;
    if (json_array_size(list) == 0) {
        return;
    }
    str_addf(out, "<details><summary>Timeline, %zu steps</summary><ol class=\"timeline\">",
             json_array_size(list));
    json_array_foreach(list, i, step) {
        cell_step(out, step);
    }
    str_add(out, "</ol></details>");
}

static void cell_moment(struct str *out, const json_t *moment) {
    const char *type = html_get(moment, "type");
    double at = html_get_number(moment, "at_ms");
    str_add(out, "<tr class=\"");
    html_text(out, type);
    str_addf(out, "\"><td class=\"num\">%.1f s</td><td>", isfinite(at) ? at / 1000 : 0.0);
    html_text(out, type);
    str_add(out, "</td><td>");
    html_text(out, html_get(moment, "text"));
    str_add(out, "</td></tr>");
}

/* The whole course, line by line: what happened when, and what was read in the pictures and logs taken. */
static void cell_moments(struct str *out, const json_t *cell) {
    const json_t *list = json_object_get(cell, "moments");
    size_t i;
    json_t *moment;
    if (json_array_size(list) == 0) {
        return;
    }
    str_addf(out, "<details><summary>All that happened, %zu lines</summary><div class=\"scroll\">"
                  "<table class=\"moments\"><thead><tr><th>After</th><th>What</th><th></th></tr></thead><tbody>",
             json_array_size(list));
    json_array_foreach(list, i, moment) {
        cell_moment(out, moment);
    }
    str_add(out, "</tbody></table></div></details>");
}

static void cell_drills(struct str *out, const json_t *cell) {
    const json_t *list = json_object_get(cell, "drills");
    size_t i;
    json_t *drill;
    if (json_array_size(list) == 0) {
        return;
    }
    str_add(out, "<h4>Ways back</h4><ul class=\"drills\">");
    json_array_foreach(list, i, drill) {
        CLEANUP_STR struct str took = STR_INIT;
        text_add_duration(&took, html_get_number(drill, "ms"));
        str_add(out, "<li><b>");
        html_text(out, text_drill_name(html_get(drill, "what")));
        str_addf(out, "</b> %s after %s: ", json_is_true(json_object_get(drill, "ok")) ? "worked" : "failed",
                 str_get(&took));
        html_text(out, html_get(drill, "text"));
        str_add(out, "</li>");
    }
    str_add(out, "</ul>");
}

void html_cell(struct str *out, const json_t *cell, size_t index, const char *artifact_dir,
               size_t *embedded) {
    bool quiet = str_eq(html_get(cell, "verdict"), "pass");
    str_addf(out, "<details class=\"cell\"%s><summary>", quiet ? "" : " open");
    cell_heading(out, cell);
    /* A link to something inside a closed part opens it; a link to the part itself does not. */
    str_addf(out, "</summary><p class=\"sentence\" id=\"cell-%zu\">", index + 1);
    html_text(out, html_get(cell, "summary"));
    str_add(out, "</p>");
    if (html_get_null(cell, "detail")) {
        str_add(out, "<p class=\"detail\">");
        html_text(out, html_get(cell, "detail"));
        str_add(out, "</p>");
    }
    cell_blame(out, cell);
    cell_drills(out, cell);
    cell_evidence(out, cell);
    html_metrics(out, json_object_get(cell, "metrics"));
    cell_screens(out, cell, artifact_dir, embedded);
    cell_timeline(out, cell);
    cell_moments(out, cell);
    cell_artifacts(out, cell);
    str_add(out, "</details>");
}
