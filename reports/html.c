#include "reports/html.h"

#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "reports/text.h"

void html_text_max(struct str *out, const char *text, size_t max) {
    if (!text) {
        return;
    }
    CLEANUP_STR struct str clean = STR_INIT;
    text_add_clean(&clean, text, max);
    for (const char *p = str_get(&clean); *p; p++) {
        switch (*p) {
        case '&':
            str_add(out, "&amp;");
            break;
        case '<':
            str_add(out, "&lt;");
            break;
        case '>':
            str_add(out, "&gt;");
            break;
        case '"':
            str_add(out, "&quot;");
            break;
        case '\'':
            str_add(out, "&#39;");
            break;
        default:
            str_add_bytes(out, p, 1);
        }
    }
}

void html_text(struct str *out, const char *text) {
    html_text_max(out, text, TEXT_MAX + 64); /* texts of report.json are bounded, their mark included */
}

const char *html_get_null(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

const char *html_get(const json_t *object, const char *key) {
    const char *text = html_get_null(object, key);
    return text ? text : "";
}

double html_get_number(const json_t *object, const char *key) {
    const json_t *v = json_object_get(object, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

struct html_label {
    const char *name, *class, *sign, *shown;
};

static void html_label(struct str *out, const struct html_label *labels, size_t count,
                       const char *name) {
    static const struct html_label other = {"", "unknown", "?", "not known"};
    const struct html_label *l = &other;
    for (size_t i = 0; i < count; i++) {
        if (str_eq(labels[i].name, name)) {
            l = &labels[i];
        }
    }
    str_addf(out, "<span class=\"label %s\"><span aria-hidden=\"true\">%s</span> %s</span>",
             l->class, l->sign, l->shown);
}

void html_decision(struct str *out, const char *decision) {
    static const struct html_label labels[] = {
        {"ship", "ship", "&#10003;", "ship"},
        {"hold", "hold", "&#10007;", "hold"},
        {"unknown", "unknown", "?", "not known"},
    };
    html_label(out, labels, ARRAY_LEN(labels), decision);
}

void html_verdict(struct str *out, const char *verdict) {
    static const struct html_label labels[] = {
        {"pass", "ship", "&#10003;", "pass"},
        {"update-regression", "hold", "&#10007;", "update regression"},
        {"interaction-fault", "interaction", "&#8646;", "interaction"},
        {"product-fault", "product", "!", "product fault"},
        {"infrastructure-error", "lab", "&#9881;", "lab error"},
        {"inconclusive", "unknown", "?", "inconclusive"},
    };
    html_label(out, labels, ARRAY_LEN(labels), verdict);
}
