/* JUnit XML that both schemas in common use accept (the Jenkins xunit plugin's junit-10.xsd, windyroad's JUnit.xsd): a
 * suite for each update, a test case for each cell. Built as a tree by libxml2, which does the escaping. */
#include <libxml/tree.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "reports/html.h"
#include "reports/report.h"
#include "reports/text.h"

struct junit_counts {
    int tests, failures, errors, skipped;
    double seconds;
};

static void junit_set(xmlNode *node, const char *name, const char *value) {
    CLEANUP_STR struct str clean = STR_INIT;
    text_add_clean(&clean, value, TEXT_MAX);
    xmlNewProp(node, BAD_CAST name, BAD_CAST str_get(&clean));
}

__attribute__((format(printf, 3, 4))) static void junit_setf(xmlNode *node, const char *name,
                                                             const char *fmt, ...) {
    char value[64];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(value, sizeof(value), fmt, ap);
    va_end(ap);
    junit_set(node, name, value);
}

/* A guest's clock cannot make this negative: the orchestrator's monotonic clock made it. */
static double junit_seconds(const json_t *cell) {
    const json_t *timeline = json_object_get(cell, "timeline");
    double seconds = 0;
    size_t i;
    json_t *step;
    json_array_foreach(timeline, i, step) {
        double ms = html_get_number(step, "ms");
        seconds += isfinite(ms) ? ms / 1000 : 0;
    }
    return seconds;
}

/* What a build server shows red, yellow or grey: only a product's fault is a failure; the lab's own trouble is an
 * error; what was not run is skipped. */
static const char *junit_outcome(const json_t *cell) {
    const char *verdict = html_get(cell, "verdict");
    if (str_eq(verdict, "pass")) {
        return NULL;
    }
    if (str_eq(verdict, "infrastructure-error")) {
        return "error";
    }
    if (str_eq(verdict, "inconclusive")) {
        return json_is_true(json_object_get(cell, "run")) ? "error" : "skipped";
    }
    return "failure";
}

static void junit_detail(xmlNode *node, const json_t *cell) {
    CLEANUP_STR struct str text = STR_INIT;
    const json_t *blame = json_object_get(cell, "blame");
    size_t i;
    json_t *line;
    if (json_is_object(blame)) {
        str_add(&text, "blame: ");
        text_add_clean(&text, html_get(blame, "reason"), TEXT_MAX);
        str_addf(&text, " (confidence %.2f)\n", html_get_number(blame, "confidence"));
    }
    json_array_foreach(json_object_get(cell, "evidence"), i, line) {
        text_add_clean(&text, json_string_value(line), TEXT_MAX);
        str_add(&text, "\n");
    }
    xmlNode *content = xmlNewText(BAD_CAST str_get(&text));
    xmlAddChild(node, content);
}

static void junit_case(xmlNode *suite, const json_t *cell, const char *classname,
                       struct junit_counts *counts) {
    const char *outcome = junit_outcome(cell);
    const char *failure = html_get_null(cell, "failure_class");
    double seconds = junit_seconds(cell);
    xmlNode *node = xmlNewChild(suite, NULL, BAD_CAST "testcase", NULL);
    junit_set(node, "name", html_get(cell, "id"));
    junit_set(node, "classname", classname);
    junit_setf(node, "time", "%.3f", seconds);
    counts->tests++;
    counts->seconds += seconds;
    if (!outcome) {
        return;
    }
    xmlNode *what = xmlNewChild(node, NULL, BAD_CAST outcome, NULL);
    junit_set(what, "message", html_get(cell, "summary"));
    if (str_eq(outcome, "skipped")) {
        counts->skipped++;
        return;
    }
    junit_set(what, "type", failure ? failure : html_get(cell, "verdict"));
    junit_detail(what, cell);
    *(str_eq(outcome, "error") ? &counts->errors : &counts->failures) += 1;
}

static void junit_property(xmlNode *properties, const char *name, const char *value) {
    xmlNode *p = xmlNewChild(properties, NULL, BAD_CAST "property", NULL);
    junit_set(p, "name", name);
    junit_set(p, "value", value);
}

static void junit_properties(xmlNode *suite, const json_t *report, const char *decision) {
    xmlNode *properties = xmlNewChild(suite, NULL, BAD_CAST "properties", NULL);
    size_t i;
    json_t *limit;
    junit_property(properties, "coexist.run", html_get(json_object_get(report, "run"), "id"));
    junit_property(properties, "coexist.gate",
                   html_get(json_object_get(report, "gate"), "decision"));
    if (decision) {
        junit_property(properties, "coexist.decision", decision);
    }
    json_array_foreach(json_object_get(report, "limits"), i, limit) {
        junit_property(properties, "coexist.limit", json_string_value(limit));
    }
}

/* xs:dateTime without a zone, as windyroad wants it; the journal's is UTC with a Z. */
static void junit_timestamp(xmlNode *suite, const char *started) {
    static const char form[] = "dddd-dd-ddTdd:dd:dd";
    size_t i = 0;
    while (form[i] && started[i] &&
           (form[i] == 'd' ? started[i] >= '0' && started[i] <= '9' : started[i] == form[i])) {
        i++;
    }
    junit_setf(suite, "timestamp", "%.19s", form[i] ? "1970-01-01T00:00:00" : started);
}

/* A pass on a further attempt looks like any other in a build server's list: its trace stands here. */
static void junit_attempts(const json_t *cell, struct str *out) {
    size_t i;
    json_t *text;
    json_array_foreach(json_object_get(cell, "earlier_attempts"), i, text) {
        text_add_clean(out, html_get(cell, "id"), TEXT_MAX);
        str_add(out, ": ");
        text_add_clean(out, json_string_value(text), TEXT_MAX);
        str_add(out, "\n");
    }
}

/* Runs that shrink a failing set are no test cases: they would count the same failure again. What came of them: */
static void junit_minimal(const json_t *report, const char *update, struct str *out) {
    const json_t *sets = json_object_get(json_object_get(report, "minimization"), "sets");
    size_t i;
    json_t *set;
    json_array_foreach(sets, i, set) {
        if (str_eq(html_get_null(set, "update"), update)) {
            str_add(out, "smallest failing set: ");
            text_add_clean(out, html_get(set, "text"), TEXT_MAX);
            str_add(out, "\n");
        }
    }
}

/* update: id, or NULL for the control cells. */
static void junit_suite(xmlNode *root, const json_t *report, const char *update,
                        const char *decision, int id) {
    struct junit_counts counts = {0};
    CLEANUP_FREE char *classname = str_printf("coexist.%s", update ? update : "control");
    xmlNode *suite = xmlNewNode(NULL, BAD_CAST "testsuite");
    CLEANUP_STR struct str attempts = STR_INIT;
    size_t i;
    json_t *cell;
    junit_properties(suite, report, decision);
    json_array_foreach(json_object_get(report, "cells"), i, cell) {
        const json_t *factors = json_object_get(cell, "factors");
        if (str_eq(html_get_null(factors, "update"), update) && !json_object_get(factors, "minimization")) {
            junit_case(suite, cell, classname, &counts);
            junit_attempts(cell, &attempts);
        }
    }
    if (counts.tests == 0) {
        xmlFreeNode(suite);
        return;
    }
    junit_minimal(report, update, &attempts);
    xmlNode *said = xmlNewChild(suite, NULL, BAD_CAST "system-out", NULL);
    if (attempts.len > 0) {
        xmlAddChild(said, xmlNewText(BAD_CAST str_get(&attempts)));
    }
    xmlNewChild(suite, NULL, BAD_CAST "system-err", NULL);
    junit_set(suite, "name", update ? update : "control");
    junit_set(suite, "package", "coexist");
    junit_setf(suite, "id", "%d", id);
    junit_timestamp(suite, html_get(json_object_get(report, "run"), "started"));
    junit_set(suite, "hostname", "localhost");
    junit_setf(suite, "tests", "%d", counts.tests);
    junit_setf(suite, "failures", "%d", counts.failures);
    junit_setf(suite, "errors", "%d", counts.errors);
    junit_setf(suite, "skipped", "%d", counts.skipped);
    junit_setf(suite, "time", "%.3f", counts.seconds);
    xmlAddChild(root, suite);
}

static int junit_suite_count(const xmlNode *root) {
    int count = 0;
    for (const xmlNode *n = root->children; n; n = n->next) {
        count++;
    }
    return count;
}

static void junit_free_doc(xmlDoc **doc) {
    xmlFreeDoc(*doc);
}

char *report_to_junit(const json_t *report, struct err *err) {
    CLEANUP(junit_free_doc) xmlDoc *doc = xmlNewDoc(BAD_CAST "1.0");
    xmlNode *root = xmlNewNode(NULL, BAD_CAST "testsuites");
    size_t i;
    json_t *u;
    xmlDocSetRootElement(doc, root);
    json_array_foreach(json_object_get(report, "updates"), i, u) {
        junit_suite(root, report, html_get(u, "id"), html_get(u, "decision"),
                    junit_suite_count(root));
    }
    junit_suite(root, report, NULL, NULL, junit_suite_count(root));
    xmlChar *text = NULL;
    int size = 0;
    xmlDocDumpFormatMemoryEnc(doc, &text, &size, "UTF-8", 1);
    if (!text) {
        err_set(err, ERR_BUG, "report: libxml2 cannot write the JUnit tree");
        return NULL;
    }
    char *copy = str_dup((const char *)text);
    xmlFree(text);
    return copy;
}
