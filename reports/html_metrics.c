/* Metrics of a cell. The drawing shows every sample as a dot, before above after, on one scale from zero, with the
 * medians as bars: a difference that matters is seen without reading a number, and so is noise. */
#include <math.h>

#include "base/cleanup.h"
#include "reports/html.h"
#include "reports/text.h"

#define CHART_WIDTH 260.0
#define CHART_MARGIN 6.0
#define CHART_DOTS_MAX 60 /* a side; beyond that a line of dots says nothing more */

static double metrics_side_max(const json_t *side) {
    double max = 0;
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(side, "samples"), i, v) {
        max = fmax(max, json_number_value(v));
    }
    return max;
}

static double metrics_x(double value, double max) {
    return CHART_MARGIN + (CHART_WIDTH - 2 * CHART_MARGIN) * (max > 0 ? value / max : 0);
}

static void metrics_side(struct str *out, const json_t *side, const char *class, double y,
                         double max) {
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(side, "samples"), i, v) {
        if (i < CHART_DOTS_MAX) {
            str_addf(out, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.6\"/>", class,
                     metrics_x(json_number_value(v), max), y);
        }
    }
    double median = html_get_number(side, "median");
    if (isfinite(median)) {
        str_addf(out, "<rect class=\"%s median\" x=\"%.1f\" y=\"%.1f\" width=\"2\" height=\"13\"/>",
                 class, metrics_x(median, max) - 1, y - 6.5);
    }
}

static void metrics_chart(struct str *out, const json_t *m) {
    const json_t *before = json_object_get(m, "before");
    const json_t *after = json_object_get(m, "after");
    double max = fmax(metrics_side_max(before), metrics_side_max(after));
    str_addf(out, "<svg class=\"chart\" viewBox=\"0 0 %.0f 38\" width=\"%.0f\" height=\"38\" role=\"img\""
                  " aria-label=\"samples of ", CHART_WIDTH, CHART_WIDTH);
    html_text(out, html_get(m, "name"));
    str_addf(out, " before and after\"><line class=\"axis\" x1=\"%.0f\" y1=\"19\" x2=\"%.0f\" y2=\"19\"/>",
             CHART_MARGIN, CHART_WIDTH - CHART_MARGIN);
    metrics_side(out, before, "before", 9, max);
    metrics_side(out, after, "after", 29, max);
    str_add(out, "</svg>");
}

static void metrics_value(struct str *out, const json_t *m, const char *key) {
    const json_t *side = json_object_get(m, key);
    CLEANUP_STR struct str shown = STR_INIT;
    text_add_value(&shown, html_get_number(side, "median"), html_get(m, "unit"));
    str_addf(out, "<td class=\"num\"><span class=\"key %s\"></span>%s <small>n=%lld</small></td>", key,
             str_get(&shown), (long long)json_integer_value(json_object_get(side, "n")));
}

static void metrics_change(struct str *out, const json_t *m) {
    double low = html_get_number(m, "change_low");
    CLEANUP_STR struct str text = STR_INIT;
    text_add_percent(&text, html_get_number(m, "change_percent"));
    bool bad = json_is_true(json_object_get(m, "regression"));
    str_addf(out, "<td class=\"num%s\"><b>%s</b>", bad ? " worse" : "", str_get(&text));
    if (isfinite(low)) {
        str_reset(&text);
        text_add_percent(&text, low);
        str_add(&text, " to ");
        text_add_percent(&text, html_get_number(m, "change_high"));
        str_addf(out, "<br><small>%s at %.3g %%</small>", str_get(&text),
                 100 * html_get_number(m, "confidence"));
    }
    str_add(out, bad ? "<br><small>too much worse</small></td>" : "</td>");
}

static void metrics_row(struct str *out, const json_t *m) {
    const char *process = html_get_null(m, "process");
    const char *product = html_get_null(m, "product");
    str_addf(out, "<tr%s><th scope=\"row\">",
             json_is_true(json_object_get(m, "regression")) ? " class=\"bad\"" : "");
    html_text(out, html_get(m, "name"));
    if (process || product) {
        str_add(out, " <small>");
        html_text(out, process ? process : product);
        str_add(out, "</small>");
    }
    str_add(out, "</th>");
    metrics_value(out, m, "before");
    metrics_value(out, m, "after");
    metrics_change(out, m);
    str_add(out, "<td>");
    metrics_chart(out, m);
    str_add(out, "</td></tr>");
    const char *note = html_get_null(m, "note");
    if (note) {
        str_addf(out, "<tr class=\"note%s\"><td colspan=\"5\">",
                 json_is_true(json_object_get(m, "regression")) ? " bad" : "");
        html_text(out, note);
        str_add(out, "</td></tr>");
    }
}

static size_t metrics_table(struct str *out, const json_t *metrics, bool processes) {
    size_t i, rows = 0;
    json_t *m;
    json_array_foreach(metrics, i, m) {
        if (processes != (html_get_null(m, "process") != NULL)) {
            continue;
        }
        if (rows++ == 0) {
            str_add(out, "<div class=\"scroll\"><table class=\"metrics\"><thead><tr><th>Metric</th>"
                         "<th class=\"num\">Before</th><th class=\"num\">After</th>"
                         "<th class=\"num\">Change</th><th>Every sample, from zero</th></tr></thead><tbody>");
        }
        metrics_row(out, m);
    }
    str_add(out, rows ? "</tbody></table></div>" : "");
    return rows;
}

static bool metrics_any_after(const json_t *metrics) {
    size_t i;
    json_t *m;
    json_array_foreach(metrics, i, m) {
        if (json_integer_value(json_object_get(json_object_get(m, "after"), "n")) > 0) {
            return true;
        }
    }
    return false;
}

void html_metrics(struct str *out, const json_t *metrics) {
    if (json_array_size(metrics) == 0) {
        return;
    }
    bool both = metrics_any_after(metrics);
    str_add(out, both ? "" : "<details><summary>Metrics before the update; there are none after it</summary>");
    str_add(out, both ? "<h4>Before and after</h4>" : "");
    str_add(out, "<p class=\"quiet\">Medians; higher is worse. Times that have a "
                 "reference loop beside them are corrected by it.</p>");
    metrics_table(out, metrics, false);
    CLEANUP_STR struct str per_process = STR_INIT;
    size_t rows = metrics_table(&per_process, metrics, true);
    if (rows) {
        str_addf(out, "<details><summary>Metrics of single processes (%zu)</summary>", rows);
        str_add(out, str_get(&per_process));
        str_add(out, "</details>");
    }
    str_add(out, both ? "" : "</details>");
}
