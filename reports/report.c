#include "reports/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"

static int report_write(const char *run_dir, const char *name, const char *text, struct err *err) {
    if (!text) {
        return -1;
    }
    CLEANUP_FREE char *path = fs_join(run_dir, name);
    return fs_write_atomic(path, text, strlen(text), 0644, err);
}

static void report_decref(json_t **j) {
    json_decref(*j);
}

int report_write_all(const struct analysis *a, struct journal *j, const char *run_dir,
                     struct err *err) {
    CLEANUP(report_decref) json_t *report = report_to_json(a, j, err);
    if (!report) {
        return -1;
    }
    CLEANUP_FREE char *artifacts = fs_join(run_dir, "artifacts");
    CLEANUP_FREE char *json = json_dumps(report, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    CLEANUP_FREE char *html = report_to_html(report, artifacts, err);
    CLEANUP_FREE char *junit = html ? report_to_junit(report, err) : NULL;
    if (!json) {
        return err_set(err, ERR_BUG, "report: cannot write it as JSON");
    }
    return report_write(run_dir, "report.json", json, err) ||
                   report_write(run_dir, "report.html", html, err) ||
                   report_write(run_dir, "junit.xml", junit, err)
               ? -1
               : 0;
}
