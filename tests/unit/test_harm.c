/* Harm that the analysis alone can see or name: files lost since the bare image, and which of several failures names
 * the cell. */
#include <check.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "support/runs.h"
#include "support/suite.h"

#define ONE "{'product_sets':[{'products':['birch'],'updates':['birch-engine','birch-content','os-kb1']}]}"
#define CELL "winelab/birch/birch-engine/1"
#define BOTH "'C:\\\\Users\\\\lab\\\\Desktop\\\\a.lnk':'11','C:\\\\Users\\\\lab\\\\Desktop\\\\b.txt':'22'"

static void look(struct runs *r, const char *role, const char *files) {
    CLEANUP_FREE char *data = str_printf("{'role':'%s','files':{%s}}", role, files);
    runs_add(r, OBS_FILES, data);
}

/* A cell with a first look at the bare image, up to the update. */
static struct runs *until_applied(const char *cell, const char *role, const char *files) {
    struct runs *r = runs_make(ONE);
    runs_cell(r, cell, 1);
    runs_step(r, "provision", false);
    runs_step(r, "boot", false);
    look(r, role, files);
    runs_step(r, "install", false);
    runs_step(r, "verify", false);
    look(r, role, files);
    runs_step(r, "apply", true);
    runs_step(r, "took", true);
    return r;
}

static void expect(struct runs *r, const char *cell, enum verdict verdict, enum failure_class cls) {
    runs_step(r, "collect", true);
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, cell);
    ck_assert_msg(c->verdict == verdict && c->failure == cls, "%s, %s: %s", verdict_name(c->verdict),
                  failure_class_name(c->failure), c->summary);
    analysis_free(a);
    runs_free(r);
}

START_TEST(a_lost_shortcut_is_the_updates_doing) {
    struct runs *r = until_applied(CELL, "canary", BOTH);
    look(r, "canary", "'C:\\\\Users\\\\lab\\\\Desktop\\\\a.lnk':null,'C:\\\\Users\\\\lab\\\\Desktop\\\\b.txt':'22'");
    runs_step(r, "collect", true);
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, CELL);
    ck_assert_int_eq(c->verdict, VERDICT_UPDATE_REGRESSION);
    ck_assert_int_eq(c->failure, FAILURE_DATA_LOST);
    ck_assert_str_eq(c->blame.product, "birch");
    ck_assert_ptr_nonnull(strstr(c->detail, "a.lnk is gone"));
    ck_assert_int_eq(runs_find_update(a, "birch-engine")->decision, DECISION_HOLD);
    analysis_free(a);
    runs_free(r);
}
END_TEST

START_TEST(changed_is_lost_too) {
    struct runs *r = until_applied(CELL, "canary", BOTH);
    look(r, "canary", "'C:\\\\Users\\\\lab\\\\Desktop\\\\b.txt':'33'");
    expect(r, CELL, VERDICT_UPDATE_REGRESSION, FAILURE_DATA_LOST);
}
END_TEST

START_TEST(what_a_look_cannot_read_is_not_lost) {
    struct runs *r = until_applied(CELL, "canary", BOTH);
    look(r, "canary", "'C:\\\\Users\\\\lab\\\\Desktop\\\\a.lnk':'11'");
    look(r, "canary", "'C:\\\\Users\\\\lab\\\\Desktop\\\\new.txt':null");
    look(r, "nonsense", "'C:\\\\Users\\\\lab\\\\Desktop\\\\a.lnk':null");
    look(r, "canary", "'C:\\\\Users\\\\lab\\\\Desktop\\\\a.lnk':7");
    expect(r, CELL, VERDICT_PASS, FAILURE_NONE);
}
END_TEST

START_TEST(lost_before_the_update_is_the_products_doing) {
    struct runs *r = runs_make(ONE);
    runs_cell(r, CELL, 1);
    runs_step(r, "boot", false);
    look(r, "system", "'C:\\\\Windows\\\\System32\\\\svchost.exe':'5 bytes of 1'");
    runs_step(r, "install", false);
    runs_step(r, "verify", false);
    look(r, "system", "'C:\\\\Windows\\\\System32\\\\svchost.exe':null");
    runs_step(r, "apply", true);
    look(r, "system", "'C:\\\\Windows\\\\System32\\\\svchost.exe':null");
    expect(r, CELL, VERDICT_PRODUCT_FAULT, FAILURE_SYSTEM_FILE);
}
END_TEST

/* Size and time are as they were; each change is told once, and what was so before the update is not its doing. */
START_TEST(changed_bytes_of_the_system_are_damage) {
    const char *mark = "'C:\\\\Windows\\\\explorer.exe':'5 bytes of 1'";
    const char *bytes = "'C:\\\\Windows\\\\explorer.exe':'aa'", *others = "'C:\\\\Windows\\\\explorer.exe':'bb'";
    struct runs *r = runs_make(ONE);
    runs_cell(r, CELL, 1);
    runs_step(r, "boot", false);
    look(r, "system", mark);
    look(r, "system-crc", bytes);
    runs_step(r, "install", false);
    runs_step(r, "verify", false);
    look(r, "system", mark);
    look(r, "system-crc", bytes);
    runs_step(r, "apply", true);
    look(r, "system", mark);
    look(r, "system-crc", others);
    expect(r, CELL, VERDICT_UPDATE_REGRESSION, FAILURE_SYSTEM_FILE);
    r = runs_make(ONE);
    runs_cell(r, CELL, 1);
    runs_step(r, "boot", false);
    look(r, "system-crc", bytes);
    runs_step(r, "verify", false);
    look(r, "system-crc", others);
    runs_step(r, "apply", true);
    look(r, "system-crc", others);
    expect(r, CELL, VERDICT_PRODUCT_FAULT, FAILURE_SYSTEM_FILE);
    r = until_applied("winelab/birch/os-kb1/1", "system-crc", bytes);
    look(r, "system-crc", others);
    expect(r, "winelab/birch/os-kb1/1", VERDICT_PASS, FAILURE_NONE);
}
END_TEST

START_TEST(an_os_update_may_change_the_system_but_not_lose_it) {
    const char *cell = "winelab/birch/os-kb1/1";
    const char *first = "'C:\\\\Windows\\\\explorer.exe':'5 bytes of 1'";
    struct runs *r = until_applied(cell, "system", first);
    look(r, "system", "'C:\\\\Windows\\\\explorer.exe':'6 bytes of 2'");
    expect(r, cell, VERDICT_PASS, FAILURE_NONE);
    r = until_applied(cell, "system", first);
    look(r, "system", "'C:\\\\Windows\\\\explorer.exe':null");
    expect(r, cell, VERDICT_UPDATE_REGRESSION, FAILURE_SYSTEM_FILE);
    r = until_applied(CELL, "system", first);
    look(r, "system", "'C:\\\\Windows\\\\explorer.exe':'6 bytes of 2'");
    expect(r, CELL, VERDICT_UPDATE_REGRESSION, FAILURE_SYSTEM_FILE);
}
END_TEST

/* The cause names the cell, not what follows from it. */
START_TEST(the_cause_names_the_cell) {
    static const enum failure_class pairs[][2] = {
        {FAILURE_SYSTEM_FILE, FAILURE_SERVICE_DOWN},     {FAILURE_DISK_FULL, FAILURE_APPLICATION_BROKEN},
        {FAILURE_RESOURCE_RUNAWAY, FAILURE_SERVICE_DOWN}, {FAILURE_ROLLBACK_FAILED, FAILURE_SERVICE_DOWN},
        {FAILURE_PROCESS_CRASH, FAILURE_RESTART_LOOP},   {FAILURE_RESTART_LOOP, FAILURE_PROCESS_DOWN},
        {FAILURE_BOOT_LOOP, FAILURE_SYSTEM_FILE},        {FAILURE_FILE_DAMAGED, FAILURE_PROTECTION_LOST},
    };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        for (int turned = 0; turned < 2; turned++) {
            struct runs *r = until_applied(CELL, "canary", BOTH);
            runs_fail(r, pairs[i][turned], NULL, "one");
            runs_fail(r, pairs[i][!turned], NULL, "other");
            expect(r, CELL, VERDICT_UPDATE_REGRESSION, pairs[i][0]);
        }
    }
}
END_TEST

START_TEST(self_damage_is_said) {
    struct runs *r = until_applied(CELL, "canary", BOTH);
    runs_fail(r, FAILURE_FILE_DAMAGED, "birch", "file birchctl.exe: expected present, found absent");
    runs_step(r, "collect", true);
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    ck_assert_ptr_nonnull(strstr(runs_find_cell(a, CELL)->blame.reason, "birch itself (self-damage)"));
    analysis_free(a);
    runs_free(r);
}
END_TEST

/* What ran away beyond all bounds takes the rest down: alone a runaway, with a neighbour a dead service: one fault. */
START_TEST(a_runaway_alone_explains_a_dead_service_in_company) {
    struct runs *r = runs_make("{'product_sets':[{'products':['birch'],'updates':['birch-engine']},"
                               "{'products':['birch','cedar'],'updates':['birch-engine']}]}");
    runs_cell_until_applied(r, CELL);
    runs_fail(r, FAILURE_RESOURCE_RUNAWAY, "birch", "birchsvc.exe: 381 of 512 MiB");
    runs_end(r, true);
    runs_cell_until_applied(r, "winelab/birch+cedar/birch-engine/1");
    runs_fail(r, FAILURE_SERVICE_DOWN, "cedar", "cedarsvc is stopped");
    runs_end(r, true);
    struct analysis *a = runs_analyse(r);
    const struct analysis_cell *c = runs_find_cell(a, "winelab/birch+cedar/birch-engine/1");
    ck_assert_int_eq(c->verdict, VERDICT_UPDATE_REGRESSION);
    analysis_free(a);
    runs_free(r);
}
END_TEST

int main(void) {
    Suite *s = suite_create("harm");
    TCase *t = tcase_create("harm");
    tcase_add_test(t, a_lost_shortcut_is_the_updates_doing);
    tcase_add_test(t, changed_is_lost_too);
    tcase_add_test(t, what_a_look_cannot_read_is_not_lost);
    tcase_add_test(t, lost_before_the_update_is_the_products_doing);
    tcase_add_test(t, changed_bytes_of_the_system_are_damage);
    tcase_add_test(t, an_os_update_may_change_the_system_but_not_lose_it);
    tcase_add_test(t, the_cause_names_the_cell);
    tcase_add_test(t, self_damage_is_said);
    tcase_add_test(t, a_runaway_alone_explains_a_dead_service_in_company);
    suite_add_tcase(s, t);
    return suite_run(s);
}
