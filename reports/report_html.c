/* The page: decision first, then updates, cells, details, and what the lab cannot tell. No script, nothing from
 * outside. */
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "reports/html.h"
#include "reports/report.h"
#include "reports/text.h"

/* The style sheet is part of the program, so that one binary makes whole reports. */
__asm__(".section .rodata\n"
        ".global coexist_report_css\n"
        "coexist_report_css:\n"
        ".incbin \"reports/assets/report.css\"\n"
        ".byte 0\n"
        ".previous\n");
extern const char coexist_report_css[];

static void page_head(struct str *out, const json_t *report) {
    str_add(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                 "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                 "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'\">"
                 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                 "<meta name=\"referrer\" content=\"no-referrer\"><title>");
    html_text(out, html_get(json_object_get(report, "gate"), "decision"));
    str_add(out, ": ");
    html_text(out, html_get(json_object_get(report, "matrix"), "title"));
    str_add(out, "</title><style>");
    str_add(out, coexist_report_css);
    str_add(out, "</style></head><body>");
}

static void page_title(struct str *out, const json_t *report) {
    const json_t *run = json_object_get(report, "run");
    const json_t *coverage = json_object_get(report, "coverage");
    str_add(out, "<header><p class=\"brand\">coexist <span>compatibility report</span></p><h1>");
    html_text(out, html_get(json_object_get(report, "matrix"), "title"));
    str_add(out, "</h1><p class=\"quiet\">Run ");
    html_text(out, html_get(run, "id"));
    str_add(out, ", begun ");
    html_text(out, html_get(run, "started"));
    const char *ended = html_get_null(run, "ended");
    str_add(out, ended ? ", ended " : ", not ended");
    html_text(out, ended);
    size_t resumed = json_array_size(json_object_get(run, "resumed"));
    if (resumed > 0) {
        str_addf(out, ", interrupted and resumed %zu time%s", resumed, resumed == 1 ? "" : "s");
    }
    str_add(out, ". Image ");
    html_text(out, html_get(json_object_get(report, "image"), "name"));
    str_addf(out, ". %lld of %lld cells ran, %lld came to a verdict.</p></header>",
             (long long)json_integer_value(json_object_get(coverage, "cells_run")),
             (long long)json_integer_value(json_object_get(coverage, "cells_planned")),
             (long long)json_integer_value(json_object_get(coverage, "cells_with_verdict")));
}

static size_t page_count(const json_t *report, const char *decision) {
    size_t i, count = 0;
    json_t *u;
    json_array_foreach(json_object_get(report, "updates"), i, u) {
        count += str_eq(html_get(u, "decision"), decision);
    }
    return count;
}

/* "hold alder-2: why": what it is about stands out. */
static void page_reason(struct str *out, const char *reason) {
    const char *colon = reason ? strchr(reason, ':') : NULL;
    if (!colon || colon - reason > 100) {
        html_text_max(out, reason, 400);
        return;
    }
    CLEANUP_FREE char *head = str_printf("%.*s", (int)(colon - reason), reason);
    str_add(out, "<b>");
    html_text(out, head);
    str_add(out, "</b>");
    html_text_max(out, colon, 400);
}

static void page_exposure(struct str *out, const json_t *exposure) {
    long long failed = json_integer_value(json_object_get(exposure, "cells_failed"));
    long long tried = json_integer_value(json_object_get(exposure, "cells_with_verdict"));
    long long planned = json_integer_value(json_object_get(exposure, "cells_planned"));
    str_addf(out, "<td class=\"num\">%lld of %lld cells failed", failed, tried);
    if (tried < planned) {
        str_addf(out, "<br><small>%lld planned</small>", planned);
    }
    if (failed == 0 && tried > 0) {
        str_addf(out, "<br><small>true rate below %.0f %%</small>",
                 100 * html_get_number(exposure, "failure_rate_upper"));
    }
    str_add(out, "</td></tr>");
}

static void page_banner(struct str *out, const json_t *report) {
    static const struct {
        const char *decision, *sign, *word, *means;
    } words[] = {
        {"ship", "&#10003;", "SHIP", "No gate objects."},
        {"hold", "&#10007;", "HOLD", "At least one update must not go out."},
        {"unknown", "?", "NOT KNOWN", "Nothing must be held, but not everything came to a verdict."},
    };
    const json_t *gate = json_object_get(report, "gate");
    size_t at = 2, i;
    for (size_t k = 0; k < ARRAY_LEN(words); k++) {
        at = str_eq(words[k].decision, html_get(gate, "decision")) ? k : at;
    }
    str_addf(out, "<section class=\"banner %s\"><p class=\"decision\"><span aria-hidden=\"true\">%s</span> %s</p>"
                  "<div><p class=\"means\">%s Of %zu updates: <b>%zu hold</b>, <b>%zu not known</b>, "
                  "<b>%zu ship</b>.</p><ul>",
             words[at].decision, words[at].sign, words[at].word, words[at].means,
             json_array_size(json_object_get(report, "updates")), page_count(report, "hold"),
             page_count(report, "unknown"), page_count(report, "ship"));
    json_t *reason;
    json_array_foreach(json_object_get(gate, "reasons"), i, reason) {
        str_add(out, "<li>");
        page_reason(out, json_string_value(reason));
        str_add(out, "</li>");
    }
    str_add(out, "</ul></div></section>");
}

static void page_update(struct str *out, const json_t *u) {
    const json_t *exposure = json_object_get(u, "exposure");
    const char *vendor = html_get_null(u, "vendor");
    size_t i;
    json_t *reason;
    str_add(out, "<tr><td>");
    html_decision(out, html_get(u, "decision"));
    str_add(out, "</td><th scope=\"row\">");
    html_text(out, html_get(u, "title"));
    str_add(out, "<br><small><code>");
    html_text(out, html_get(u, "id"));
    str_add(out, "</code></small></th><td>");
    html_text(out, vendor ? vendor : "operating system");
    str_add(out, "<br><small>");
    html_text(out, html_get(u, "kind"));
    str_add(out, ", ");
    html_text(out, html_get(u, "from"));
    str_add(out, " &#8594; ");
    html_text(out, html_get(u, "to"));
    str_add(out, "</small></td><td><ul class=\"reasons\">");
    json_array_foreach(json_object_get(u, "reasons"), i, reason) {
        str_add(out, "<li>");
        html_text(out, json_string_value(reason));
        str_add(out, "</li>");
    }
    str_add(out, "</ul></td>");
    page_exposure(out, exposure);
}

/* What has to be acted on stands first. */
static void page_updates(struct str *out, const json_t *report) {
    static const char *const order[] = {"hold", "unknown", "ship"};
    size_t i;
    json_t *u;
    str_add(out, "<section><h2>Updates</h2><div class=\"scroll\"><table class=\"updates\"><thead><tr><th>Decision</th>"
                 "<th>Update</th><th>From</th><th>Why</th><th class=\"num\">Exposure (95 %)</th></tr></thead><tbody>");
    for (size_t k = 0; k < ARRAY_LEN(order); k++) {
        json_array_foreach(json_object_get(report, "updates"), i, u) {
            if (str_eq(html_get(u, "decision"), order[k])) {
                page_update(out, u);
            }
        }
    }
    str_add(out, "</tbody></table></div></section>");
}

static void page_cells(struct str *out, const json_t *report, const char *artifact_dir) {
    static const char *const pass = "pass";
    size_t embedded = 0, i;
    json_t *cell;
    str_add(out, "<section><h2>What happened</h2>");
    for (int passing = 0; passing < 2; passing++) { /* what failed first */
        json_array_foreach(json_object_get(report, "cells"), i, cell) {
            if (str_eq(html_get(cell, "verdict"), pass) == (passing == 1)) {
                html_cell(out, cell, i, artifact_dir, &embedded);
            }
        }
    }
    str_add(out, "</section>");
}

static void page_names(struct str *out, const json_t *combinations, const char *count_key, const char *list_key,
                       const char *title) {
    const json_t *list = json_object_get(combinations, list_key);
    long long count = json_integer_value(json_object_get(combinations, count_key));
    size_t i;
    json_t *name;
    if (count == 0) {
        return;
    }
    str_addf(out, "<h3>%s</h3><ul>", title);
    json_array_foreach(list, i, name) {
        str_add(out, "<li><code>");
        html_text(out, json_string_value(name));
        str_add(out, "</code></li>");
    }
    str_add(out, "</ul>");
    if (count > (long long)json_array_size(list)) {
        str_addf(out, "<p>and %lld more.</p>", count - (long long)json_array_size(list));
    }
}

/* What the matrix asked to be combined, and what of it no cell has shown. */
static void page_combinations(struct str *out, const json_t *report) {
    const json_t *c = json_object_get(json_object_get(report, "coverage"), "combinations");
    if (!c) {
        return;
    }
    str_add(out, "<section class=\"combinations\"><h2>Combinations covered</h2><p>Strength ");
    html_text(out, html_get(c, "strength"));
    str_addf(out, ": <b>%lld of %lld</b> combinations of factors were in a cell that came to a verdict; the "
                  "constraints make %lld impossible.</p>",
             (long long)json_integer_value(json_object_get(c, "covered")),
             (long long)json_integer_value(json_object_get(c, "asked")),
             (long long)json_integer_value(json_object_get(c, "impossible")));
    page_names(out, c, "uncovered", "uncovered_first", "Not covered");
    page_names(out, c, "impossible", "impossible_first", "Impossible");
    str_add(out, "</section>");
}

static void page_minimization(struct str *out, const json_t *report) {
    const json_t *minimization = json_object_get(report, "minimization");
    const json_t *sets = json_object_get(minimization, "sets");
    long long runs = json_integer_value(json_object_get(minimization, "runs"));
    size_t i;
    json_t *set;
    if (!minimization) {
        return;
    }
    str_add(out, "<section><h2>Smallest failing sets</h2><ul>");
    json_array_foreach(sets, i, set) {
        str_add(out, "<li>");
        html_text(out, html_get(set, "text"));
        str_add(out, " <small>From <code>");
        html_text(out, html_get(set, "cell"));
        str_add(out, "</code></small></li>");
    }
    str_addf(out, "</ul><p class=\"quiet\">%s%lld run%s beyond the plan. They decide no gate and count as no exposure."
                  "</p></section>",
             json_array_size(sets) == 0 ? "Nothing had to be shrunk. " : "", runs, runs == 1 ? "" : "s");
}

static void page_limits(struct str *out, const json_t *report) {
    const json_t *limits = json_object_get(report, "limits");
    size_t i;
    json_t *limit;
    if (json_array_size(limits) == 0) {
        return;
    }
    str_add(out, "<section class=\"limits\"><h2>What this report cannot say</h2><p>The guest image has limits that "
                 "hold for everything above:</p><ul>");
    json_array_foreach(limits, i, limit) {
        str_add(out, "<li>");
        html_text(out, json_string_value(limit));
        str_add(out, "</li>");
    }
    str_add(out, "</ul></section>");
}

static void page_foot(struct str *out, const json_t *report) {
    const json_t *run = json_object_get(report, "run");
    str_add(out, "<footer><p>Made by coexist ");
    html_text(out, html_get(run, "version"));
    str_add(out, " on ");
    html_text(out, html_get(run, "host"));
    str_add(out, ". Matrix <code>");
    html_text(out, html_get(json_object_get(report, "matrix"), "name"));
    str_add(out, "</code>, SHA-256 <code>");
    html_text(out, html_get(json_object_get(report, "matrix"), "sha256"));
    str_add(out, "</code>. All of this is in report.json beside this page.</p></footer></body></html>\n");
}

char *report_to_html(const json_t *report, const char *artifact_dir, struct err *err) {
    if (!json_is_object(report)) {
        err_set(err, ERR_BUG, "report: no report to render");
        return NULL;
    }
    struct str out = STR_INIT;
    page_head(&out, report);
    str_add(&out, "<main>");
    page_title(&out, report);
    page_banner(&out, report);
    page_updates(&out, report);
    page_minimization(&out, report);
    html_grid(&out, report);
    page_combinations(&out, report);
    page_cells(&out, report, artifact_dir);
    page_limits(&out, report);
    str_add(&out, "</main>");
    page_foot(&out, report);
    return str_take(&out);
}
