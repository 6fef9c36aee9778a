/* Renderers: nothing a guest says gets out of its place, formats are what their schemas say, tables fit their width. */
#include <check.h>
#include <libxml/parser.h>
#include <libxml/xmlschemas.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/schema.h"
#include "base/str.h"
#include "reports/report.h"
#include "reports/text.h"
#include "support/runs.h"
#include "support/skip.h"
#include "support/suite.h"

#define EVIL "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\x01\x1b[31m]]>&amp;"

/* A run whose guest says the worst wherever it may say anything; one pass, one failure, one unrun cell. */
static struct runs *evil_run(void) {
    struct runs *r = runs_make("{'product_sets':[{'products':['alder'],'updates':['alder-content','none']},"
                               "{'products':['birch','cedar'],'updates':['birch-engine']}],"
                               "'title':'<b>Title</b> & more'}");
    runs_cell_passes(r, "winelab/alder/none/1");
    runs_cell_until_applied(r, "winelab/alder/alder-content/1");
    runs_check(r, "file", EVIL, "alder", false);
    runs_fail(r, FAILURE_FILE_DAMAGED, EVIL, EVIL);
    runs_metric(r, EVIL, 5, 3);
    runs_artifact(r, EVIL, EVIL, "x", 1);
    runs_artifact(r, "screenshot", EVIL, "<svg onload=alert(1)>", 21);
    char *huge = mem_zalloc((1 << 20) + 1, 1);
    memset(huge, '<', 1 << 20);
    runs_fail(r, FAILURE_SERVICE_DOWN, "alder", huge);
    free(huge);
    runs_end(r, true);
    return r;
}

static json_t *make_report(struct runs *r) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct analysis *a = runs_analyse(r);
    json_t *report = report_to_json(a, r->journal, &err);
    ck_assert_msg(report != NULL, "%s", err_text(&err));
    analysis_free(a);
    return report;
}

START_TEST(page_holds_no_element_of_the_guests) {
    struct runs *r = evil_run();
    json_t *report = make_report(r);
    CLEANUP_FREE char *page = report_to_html(report, r->artifacts, NULL);
    ck_assert_ptr_nonnull(page);
    ck_assert_ptr_null(strstr(page, "<script"));
    ck_assert_ptr_null(strstr(page, "<img src=x"));
    ck_assert_ptr_null(strstr(page, "<b>Title"));
    ck_assert_ptr_null(strstr(page, "<svg onload"));
    ck_assert_ptr_nonnull(strstr(page, "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&gt;"));
    ck_assert_ptr_nonnull(strstr(page, "it is not a PNG picture"));
    ck_assert_ptr_nonnull(strstr(page, "default-src 'none'"));
    ck_assert_uint_lt(strlen(page), 300000);
    for (const char *p = page; *p; p++) {
        ck_assert_msg((unsigned char)*p >= 0x20 || *p == '\n', "control byte %d", *p);
    }
    json_decref(report);
    runs_free(r);
}
END_TEST

START_TEST(page_asks_for_nothing_from_outside) {
    struct runs *r = evil_run();
    json_t *report = make_report(r);
    CLEANUP_FREE char *page = report_to_html(report, r->artifacts, NULL);
    static const char *const outside[] = {"http://", "https://", "url(", "@import", "<link", "<iframe", "src=\"/"};
    for (size_t i = 0; i < ARRAY_LEN(outside); i++) {
        ck_assert_msg(!strstr(page, outside[i]), "%s is in the page", outside[i]);
    }
    json_decref(report);
    runs_free(r);
}
END_TEST

START_TEST(page_says_decision_and_limits_in_words) {
    struct runs *r = evil_run();
    json_t *report = make_report(r);
    CLEANUP_FREE char *page = report_to_html(report, r->artifacts, NULL);
    ck_assert_ptr_nonnull(strstr(page, "</span> HOLD</p>"));
    ck_assert_ptr_nonnull(strstr(page, "Not Windows: user space is Wine 8 on a Linux kernel."));
    ck_assert_ptr_nonnull(strstr(page, "update regression</span>"));
    json_decref(report);
    runs_free(r);
}
END_TEST

static void assert_follows_schema(json_t *report) {
    CLEANUP_ERR struct err err = ERR_INIT;
    size_t len = 0;
    CLEANUP_FREE char *text = fs_read("reports/schema/report.schema.json", 1 << 20, &len, &err);
    ck_assert_msg(text != NULL, "%s", err_text(&err));
    struct schema *schema = schema_compile("report", text, len, &err);
    ck_assert_msg(schema != NULL, "%s", err_text(&err));
    CLEANUP_FREE char *made = json_dumps(report, JSON_INDENT(1));
    struct diags diags = DIAGS_INIT;
    struct json_doc *doc = json_doc_parse("report.json", made, strlen(made), &diags);
    ck_assert_ptr_nonnull(doc);
    size_t wrong = schema_validate(schema, doc, &diags);
    diags_print(&diags, stdout);
    ck_assert_uint_eq(wrong, 0);
    json_object_set_new(json_object_get(report, "gate"), "decision", json_string("maybe"));
    ck_assert(!schema_accepts(schema, report)); /* it can also say no */
    diags_free(&diags);
    json_doc_free(doc);
    schema_free(schema);
}

/* Every report in words: what each renderer makes of the same run. */
struct rendered {
    char *json, *page, *junit, *terminal;
};

static struct rendered render(struct runs *r) {
    CLEANUP_ERR struct err err = ERR_INIT;
    json_t *report = make_report(r);
    struct rendered all = {json_dumps(report, 0), report_to_html(report, r->artifacts, NULL),
                           report_to_junit(report, &err), report_to_text(report, 200, false)};
    json_decref(report);
    return all;
}

static void rendered_say(const struct rendered *all, const char *json, const char *page, const char *junit,
                         const char *terminal) {
    ck_assert_msg(strstr(all->json, json) != NULL, "JSON lacks '%s': %s", json, all->json);
    ck_assert_msg(strstr(all->page, page) != NULL, "the page lacks '%s'", page);
    ck_assert_msg(strstr(all->junit, junit) != NULL, "JUnit lacks '%s': %s", junit, all->junit);
    ck_assert_msg(strstr(all->terminal, terminal) != NULL, "the terminal lacks '%s': %s", terminal, all->terminal);
}

static void rendered_free(struct rendered *all) {
    free(all->json);
    free(all->page);
    free(all->junit);
    free(all->terminal);
}

START_TEST(a_pass_after_the_labs_failure_leaves_a_trace) {
    struct runs *r = runs_make("{'product_sets':[{'products':['alder'],'updates':['alder-content']}]}");
    runs_cell(r, "winelab/alder/alder-content/1", 1);
    runs_fail(r, FAILURE_VM_DIED, NULL, "QEMU is gone");
    runs_end(r, true);
    runs_cell(r, "winelab/alder/alder-content/1", 2);
    runs_end(r, true);
    struct rendered all = render(r);
    rendered_say(&all, "attempt 1: vm-died: QEMU is gone", "attempt 2, the lab failed before",
                 "winelab/alder/alder-content/1: attempt 1: vm-died: QEMU is gone",
                 "winelab/alder/alder-content/1: attempt 1: vm-died: QEMU is gone");
    rendered_free(&all);
    runs_free(r);
}
END_TEST

START_TEST(a_run_that_confirms_is_told) {
    struct runs *r = runs_make("{'product_sets':[{'products':['alder'],'updates':['alder-content']}]}");
    runs_cell_until_applied(r, "winelab/alder/alder-content/1");
    runs_fail(r, FAILURE_HANG, NULL, "silent");
    runs_end(r, true);
    runs_cell_passes(r, "winelab/alder/alder-content/1.1");
    struct rendered all = render(r);
    rendered_say(&all, "\"confirmation\": 1", "run again to confirm (1)", "name=\"winelab/alder/alder-content/1.1\"",
                 "flaky: 1 of 2 failed");
    rendered_say(&all, "Flaky: 1 of 2 repetitions failed.", "Flaky: 1 of 2 repetitions failed.",
                 "Flaky: 1 of 2 repetitions failed.", "HOLD");
    rendered_free(&all);
    json_t *report = make_report(r);
    assert_follows_schema(report);
    json_decref(report);
    runs_free(r);
}
END_TEST

START_TEST(report_follows_its_schema) {
    struct runs *r = evil_run();
    json_t *report = make_report(r);
    ck_assert_ptr_null(json_object_get(json_object_get(report, "coverage"), "combinations"));
    assert_follows_schema(report);
    json_decref(report);
    runs_free(r);
}
END_TEST

/* Many combinations are left, too many to name: the first are named everywhere, the others counted. */
START_TEST(report_names_what_is_not_covered) {
    struct runs *r = runs_make("{'coverage':{'strength':3},'install_orders':'both'}");
    json_t *report = make_report(r);
    const json_t *c = json_object_get(json_object_get(report, "coverage"), "combinations");
    CLEANUP_FREE char *page = report_to_html(report, r->artifacts, NULL);
    CLEANUP_FREE char *table = report_to_text(report, 100, false);
    ck_assert_int_eq(json_integer_value(json_object_get(c, "covered")), 0);
    long long left = json_integer_value(json_object_get(c, "uncovered"));
    ck_assert_int_gt(left, 50);
    ck_assert_int_eq(left, json_integer_value(json_object_get(c, "asked")));
    ck_assert_uint_eq(json_array_size(json_object_get(c, "uncovered_first")), 50);
    const char *first = json_string_value(json_array_get(json_object_get(c, "uncovered_first"), 0));
    CLEANUP_FREE char *more = str_printf("and %lld more", left - 50);
    ck_assert_ptr_nonnull(strstr(page, first));
    ck_assert_ptr_nonnull(strstr(page, more));
    ck_assert_ptr_nonnull(strstr(table, first));
    ck_assert_ptr_nonnull(strstr(table, more));
    assert_follows_schema(report);
    json_decref(report);
    runs_free(r);
}
END_TEST

static void assert_valid_xml(const char *junit, const char *schema_path) {
    xmlSchemaParserCtxt *parser = xmlSchemaNewParserCtxt(schema_path);
    xmlSchema *schema = xmlSchemaParse(parser);
    ck_assert_msg(schema != NULL, "%s", schema_path);
    xmlSchemaValidCtxt *valid = xmlSchemaNewValidCtxt(schema);
    xmlDoc *doc = xmlReadMemory(junit, (int)strlen(junit), "junit.xml", NULL, XML_PARSE_NONET);
    ck_assert_ptr_nonnull(doc);
    ck_assert_msg(xmlSchemaValidateDoc(valid, doc) == 0, "not valid against %s", schema_path);
    xmlFreeDoc(doc);
    xmlSchemaFreeValidCtxt(valid);
    xmlSchemaFree(schema);
    xmlSchemaFreeParserCtxt(parser);
}

START_TEST(junit_passes_both_schemas) {
    const char *dir = test_cases_dir();
    if (!dir) {
        TEST_SKIP("no folder of cases (set COEXIST_CASES)");
    }
    struct runs *r = evil_run();
    json_t *report = make_report(r);
    CLEANUP_FREE char *junit = report_to_junit(report, NULL);
    static const char *const names[] = {"junit/jenkins_junit-10.xsd", "junit/windyroad_JUnit.xsd"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CLEANUP_FREE char *path = fs_join(dir, names[i]);
        assert_valid_xml(junit, path);
    }
    json_decref(report);
    runs_free(r);
}
END_TEST

START_TEST(junit_counts_and_keeps_lab_trouble_apart) {
    struct runs *r = runs_make("{'product_sets':[{'products':['alder'],'updates':['alder-content','none']},"
                               "{'products':['birch','cedar'],'updates':['birch-engine']}]}");
    runs_cell(r, "winelab/alder/alder-content/1", 1);
    runs_fail(r, FAILURE_VM_DIED, NULL, "QEMU is gone");
    runs_end(r, true);
    json_t *report = make_report(r);
    CLEANUP_FREE char *junit = report_to_junit(report, NULL);
    ck_assert_ptr_nonnull(strstr(junit, "<error message="));
    ck_assert_ptr_nonnull(strstr(junit, "<skipped message=\"Not run.\""));
    ck_assert_ptr_null(strstr(junit, "<failure"));
    ck_assert_ptr_nonnull(strstr(junit, "tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\""));
    json_decref(report);
    runs_free(r);
}
END_TEST

static size_t widest_line(const char *text) {
    size_t widest = 0, width = 0;
    for (; *text; text++) {
        if (*text == '\n') {
            widest = width > widest ? width : widest;
            width = 0;
        } else {
            width += ((unsigned char)*text & 0xc0) != 0x80;
        }
    }
    return widest;
}

START_TEST(table_fits_its_width) {
    struct runs *r = evil_run();
    json_t *report = make_report(r);
    static const int widths[] = {40, 60, 80, 100, 200};
    for (size_t i = 0; i < ARRAY_LEN(widths); i++) {
        CLEANUP_FREE char *text = report_to_text(report, widths[i], false);
        ck_assert_msg(widest_line(text) <= (size_t)widths[i], "%zu columns at %d:\n%s",
                      widest_line(text), widths[i], text);
        ck_assert_ptr_null(strchr(text, '\033'));
    }
    CLEANUP_FREE char *colour = report_to_text(report, 100, true);
    ck_assert_ptr_nonnull(strstr(colour, "\033[1;31mHOLD\033[0m"));
    ck_assert_ptr_null(strstr(colour, "\033[31m]]")); /* the guest's own escape stays out */
    json_decref(report);
    runs_free(r);
}
END_TEST

START_TEST(all_files_are_written_and_parse) {
    struct runs *r = evil_run();
    CLEANUP_ERR struct err err = ERR_INIT;
    struct analysis *a = runs_analyse(r);
    ck_assert_msg(report_write_all(a, r->journal, r->dir, &err) == 0, "%s", err_text(&err));
    CLEANUP_FREE char *json = fs_join(r->dir, "report.json");
    CLEANUP_FREE char *xml = fs_join(r->dir, "junit.xml");
    CLEANUP_FREE char *html = fs_join(r->dir, "report.html");
    json_t *back = json_load_file(json, 0, NULL);
    ck_assert_ptr_nonnull(back);
    json_decref(back);
    xmlDoc *doc = xmlReadFile(xml, NULL, XML_PARSE_NONET);
    ck_assert_ptr_nonnull(doc);
    xmlFreeDoc(doc);
    ck_assert_int_gt(fs_size(html), 1000);
    ck_assert_int_eq(report_write_all(a, r->journal, "/proc/no/such/place", &err), -1);
    ck_assert(err_is_set(&err));
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(text_is_cleaned_cut_and_stays_utf8) {
    CLEANUP_STR struct str s = STR_INIT;
    text_add_clean(&s, "a\x01\xff\xc3\xa9\xe2\x80\xae\xed\xa0\x80z\n\tq", 100);
    ck_assert_str_eq(str_get(&s), "a\xef\xbf\xbd\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd"
                                  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz  q");
    str_reset(&s);
    text_add_clean(&s, "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 7);
    ck_assert_str_eq(str_get(&s), "\xc3\xa9\xc3\xa9... [cut, 12 bytes in all]");
    str_reset(&s);
    text_add_value(&s, 12345.6, "ms");
    str_add(&s, "|");
    text_add_value(&s, 140e6, "bytes");
    str_add(&s, "|");
    text_add_value(&s, 0.5, "percent");
    str_add(&s, "|");
    text_add_value(&s, 1.0 / 0.0, "ms");
    ck_assert_str_eq(str_get(&s), "12.3 s|140 MB|0.5 %|-");
}
END_TEST

int main(void) {
    Suite *s = suite_create("report");
    TCase *t = tcase_create("renderers");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, page_holds_no_element_of_the_guests);
    tcase_add_test(t, page_asks_for_nothing_from_outside);
    tcase_add_test(t, page_says_decision_and_limits_in_words);
    tcase_add_test(t, report_follows_its_schema);
    tcase_add_test(t, a_pass_after_the_labs_failure_leaves_a_trace);
    tcase_add_test(t, a_run_that_confirms_is_told);
    tcase_add_test(t, report_names_what_is_not_covered);
    tcase_add_test(t, junit_passes_both_schemas);
    tcase_add_test(t, junit_counts_and_keeps_lab_trouble_apart);
    tcase_add_test(t, table_fits_its_width);
    tcase_add_test(t, all_files_are_written_and_parse);
    tcase_add_test(t, text_is_cleaned_cut_and_stays_utf8);
    suite_add_tcase(s, t);
    return suite_run(s);
}
