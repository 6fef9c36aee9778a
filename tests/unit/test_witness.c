/* What screenshots and event logs add to a verdict. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "support/draw_screen.h"
#include "support/runs.h"
#include "support/skip.h"
#include "support/suite.h"

#define ALDER "{'product_sets':[{'products':['alder'],'updates':['alder-content']}]}"
#define CELL "winelab/alder/alder-content/1"

static bool evidence_has(const struct analysis_cell *c, const char *part) {
    for (char **e = c->evidence; *e; e++) {
        if (strstr(*e, part)) {
            return true;
        }
    }
    return false;
}

START_TEST(a_stop_screen_names_the_driver_where_no_dump_does) {
    static const char *const lines[] = {
        "A problem has been detected and Windows has been shut down to prevent damage", "to your computer.", "",
        "*** STOP: 0x000000D1 (0x0000009C,0x00000002,0x00000000,0xF89D1235)", "",
        "***  alderflt.sys - Address F89D1235 base at F89D0000, DateStamp 36b072a3", NULL};
    size_t len = 0;
    CLEANUP_FREE char *ppm = draw_text_mode("Lat15-VGA16.psf.gz", 640, 480, 0x0000a8, 0xffffff, lines, &len);
    if (!ppm) {
        TEST_SKIP("no console fonts (Debian: console-setup-linux)");
    }
    struct runs *r = runs_make(ALDER);
    runs_cell_until_applied(r, CELL);
    runs_step(r, "reboot", true);
    runs_artifact(r, "screenshot", "crash-1.ppm", ppm, len);
    runs_boot_loop(r, 3);
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, CELL);
    ck_assert_int_eq(c->failure, FAILURE_BOOT_LOOP);
    ck_assert(evidence_has(c, "screen: STOP 0xD1 DRIVER_IRQL_NOT_LESS_OR_EQUAL, alderflt.sys"));
    ck_assert_str_eq(c->blame.module, "alderflt.sys");
    ck_assert_msg(strstr(c->blame.reason, "the screen: STOP 0xD1") != NULL, "%s", c->blame.reason);
    ck_assert(c->blame.confidence < 0.95 && c->blame.confidence > 0.8);
    bool placed = false;
    for (size_t i = 1; i < c->moment_count; i++) {
        placed |= str_eq(c->moments[i].type, "screen") && str_eq(c->moments[i - 1].type, "artifact");
    }
    ck_assert_msg(placed, "the reading stands behind the picture");
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(an_event_log_gives_lines_of_evidence) {
    const char *dir = test_cases_dir();
    if (!dir) {
        TEST_SKIP("no folder of cases (set COEXIST_CASES)");
    }
    size_t len = 0;
    CLEANUP_FREE char *path = str_printf("%s/evtx/omer_sample-with-zero-data-size-event.evtx", dir);
    CLEANUP_FREE char *log = fs_read(path, 16u << 20, &len, NULL);
    ck_assert_ptr_nonnull(log);
    struct runs *r = runs_make(ALDER);
    runs_cell_until_applied(r, CELL);
    runs_artifact(r, "event-log", "System.evtx", log, len);
    runs_artifact(r, "event-log", "Application.evtx", "nothing", 7);
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, CELL);
    ck_assert(evidence_has(c, "service Sync Host_Session2 ended unexpectedly"));
    ck_assert(evidence_has(c, "event log Application.evtx not read"));
    ck_assert(!evidence_has(c, "the system started"));
    ck_assert_int_eq(c->verdict, VERDICT_PASS); /* old entries of a log are no failure of this cell */
    analysis_free(a);
    runs_free(r);
}
END_TEST

int main(void) {
    Suite *s = suite_create("witness");
    TCase *t = tcase_create("witness");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, a_stop_screen_names_the_driver_where_no_dump_does);
    tcase_add_test(t, an_event_log_gives_lines_of_evidence);
    suite_add_tcase(s, t);
    return suite_run(s);
}
