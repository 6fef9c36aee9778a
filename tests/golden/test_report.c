/* Golden reports: each folder of tests/golden/report holds a run (run.json, journal.jsonl, artifacts/) and what must
 * come of it (expected.json, expected.txt, expected.xml). COEXIST_GOLDEN_UPDATE=1 writes the expectations anew:
 * read the difference before committing it. COEXIST_GOLDEN_OUT=DIR keeps the whole reports in DIR/<case>, the page
 * among them. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/analysis.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "journal/journal.h"
#include "reports/report.h"
#include "support/suite.h"

#define GOLDEN_DIR "tests/golden/report"

static char *golden_read(const char *dir, const char *name) {
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *path = fs_join(dir, name);
    char *text = fs_read(path, 16u << 20, NULL, &err);
    ck_assert_msg(text != NULL, "%s", err_text(&err));
    return text;
}

static json_t *golden_parse(const char *text, const char *what) {
    json_error_t at;
    json_t *j = json_loads(text, 0, &at);
    ck_assert_msg(j != NULL, "%s:%d: %s", what, at.line, at.text);
    return j;
}

static char *golden_string(const json_t *run, const char *key) {
    return str_dup(json_string_value(json_object_get(run, key)));
}

static struct journal *golden_journal(const char *dir, const char *run_dir) {
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *text = golden_read(dir, "run.json");
    json_t *j = golden_parse(text, "run.json");
    struct journal_run run = {
        .id = golden_string(j, "id"), .started = golden_string(j, "started"),
        .version = golden_string(j, "version"), .host = golden_string(j, "host"),
        .matrix = json_incref(json_object_get(j, "matrix")),
        .images = json_incref(json_object_get(j, "images")),
        .plan = json_incref(json_object_get(j, "plan")),
    };
    run.plan = run.plan ? run.plan : json_object();
    struct journal *journal = journal_create(run_dir, &run, &err);
    ck_assert_msg(journal != NULL, "%s", err_text(&err));
    journal_run_clear(&run);
    json_decref(j);
    return journal;
}

static void golden_append(struct journal *journal, const char *dir) {
    CLEANUP_FREE char *text = golden_read(dir, "journal.jsonl");
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        if (!*line) {
            continue;
        }
        CLEANUP_ERR struct err err = ERR_INIT;
        struct observation o;
        json_t *j = golden_parse(line, "journal.jsonl");
        ck_assert_msg(obs_from_json(j, &o, &err) == 0, "%s: %s", line, err_text(&err));
        ck_assert_msg(journal_append(journal, &o, &err) == 0, "%s", err_text(&err));
        obs_clear(&o);
        json_decref(j);
    }
}

struct golden_store {
    const char *from, *to;
};

static int golden_store_one(const char *name, void *ctx) {
    const struct golden_store *s = ctx;
    char hex[FS_SHA256_HEX];
    CLEANUP_FREE char *path = fs_join(s->from, name);
    ck_assert_int_eq(fs_store(s->to, path, hex, NULL), 0);
    return 0;
}

/* Times of ending are of the wall clock: the one thing that differs from run to run. */
static void golden_steady(json_t *report) {
    json_object_set_new(json_object_get(report, "run"), "ended", json_null());
}

static void golden_compare(const char *dir, const char *name, const char *made) {
    CLEANUP_FREE char *path = fs_join(dir, name);
    if (getenv("COEXIST_GOLDEN_UPDATE")) {
        ck_assert_int_eq(fs_write_atomic(path, made, strlen(made), 0644, NULL), 0);
        return;
    }
    CLEANUP_FREE char *expected = golden_read(dir, name);
    if (str_eq(expected, made)) {
        return;
    }
    size_t at = 0, line = 1;
    while (expected[at] && expected[at] == made[at]) {
        line += expected[at++] == '\n';
    }
    size_t from = at > 60 ? at - 60 : 0;
    ck_abort_msg("%s line %zu:\nexpected ...%.140s...\nmade     ...%.140s...", path, line,
                 expected + from, made + from);
}

static void golden_keep(const struct analysis *a, struct journal *journal, const char *run_dir,
                        const char *name) {
    const char *out = getenv("COEXIST_GOLDEN_OUT");
    static const char *const files[] = {"report.json", "report.html", "junit.xml"};
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_msg(report_write_all(a, journal, run_dir, &err) == 0, "%s", err_text(&err));
    for (size_t i = 0; out && i < ARRAY_LEN(files); i++) {
        CLEANUP_FREE char *dir = fs_join(out, name);
        CLEANUP_FREE char *from = fs_join(run_dir, files[i]);
        CLEANUP_FREE char *to = fs_join(dir, files[i]);
        ck_assert_int_eq(fs_mkdirs(dir, NULL), 0);
        ck_assert_int_eq(fs_copy(from, to, NULL), 0);
    }
}

static void golden_check(const char *dir, struct journal *journal, const char *run_dir,
                         const char *name) {
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *artifacts = fs_join(run_dir, "artifacts");
    struct analysis *a = analysis_run(journal, artifacts, &err);
    ck_assert_msg(a != NULL, "%s", err_text(&err));
    json_t *report = report_to_json(a, journal, &err);
    ck_assert_msg(report != NULL, "%s", err_text(&err));
    golden_steady(report);
    CLEANUP_FREE char *text = json_dumps(report, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    CLEANUP_FREE char *table = report_to_text(report, 100, false);
    CLEANUP_FREE char *junit = report_to_junit(report, &err);
    ck_assert_msg(junit != NULL, "%s", err_text(&err));
    golden_keep(a, journal, run_dir, name);
    golden_compare(dir, "expected.json", text);
    golden_compare(dir, "expected.txt", table);
    golden_compare(dir, "expected.xml", junit);
    json_decref(report);
    analysis_free(a);
}

static int golden_one(const char *name, void *ctx) {
    size_t *count = ctx;
    char run_dir[] = "/tmp/coexist-golden-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(run_dir));
    CLEANUP_FREE char *dir = fs_join(GOLDEN_DIR, name);
    CLEANUP_FREE char *from = fs_join(dir, "artifacts");
    CLEANUP_FREE char *to = fs_join(run_dir, "artifacts");
    struct journal *journal = golden_journal(dir, run_dir);
    golden_append(journal, dir);
    struct golden_store store = {from, to};
    if (fs_exists(from)) {
        ck_assert_int_eq(fs_each(from, golden_store_one, &store, NULL), 0);
    }
    golden_check(dir, journal, run_dir, name);
    journal_close(journal);
    fs_remove_tree(run_dir, NULL);
    ++*count;
    return 0;
}

START_TEST(reports_are_as_expected) {
    size_t count = 0;
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_msg(fs_each(GOLDEN_DIR, golden_one, &count, &err) == 0, "%s", err_text(&err));
    ck_assert_uint_ge(count, 3);
}
END_TEST

int main(void) {
    Suite *s = suite_create("golden reports");
    TCase *t = tcase_create("cases");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, reports_are_as_expected);
    suite_add_tcase(s, t);
    return suite_run(s);
}
