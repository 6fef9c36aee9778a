/* model: what a good matrix becomes, what the journal keeps of it, digests, stamping, names. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "model/failure.h"
#include "model/guestpath.h"
#include "model/model.h"
#include "model/stamp.h"
#include "model/subsets.h"
#include "support/suite.h"

#define SETUP "an installer"
#define RULES "rules"

static void test_write(const char *dir, const char *name, const char *text) {
    CLEANUP_FREE char *path = fs_join(dir, name);
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_msg(fs_write_atomic(path, text, strlen(text), 0640, &err) == 0, "%s", err_text(&err));
}

static char *test_digest(const char *text) {
    char hex[FS_SHA256_HEX];
    fs_sha256_bytes(text, strlen(text), hex);
    for (char *p = hex; *p; p++) { /* upper case is accepted */
        *p = (char)(*p >= 'a' ? *p - 'a' + 'A' : *p);
    }
    return str_dup(hex);
}

static void test_write_product(const char *dir) {
    CLEANUP_FREE char *hex = test_digest(SETUP);
    CLEANUP_FREE char *text = str_printf(
        "{\"format\": \"coexist-product/1\", \"id\": \"alder\", \"vendor\": \"Alder Ltd\","
        "\"name\": \"Alder Guard\", \"version\": \"1.0\","
        "\"installer\": {\"file\": \"setup.exe\", \"sha256\": \"%s\"},"
        "\"install\": {\"command\": \"{installer} /S\", \"success\": [0, 7.0], \"timeout_s\": 90},"
        "\"health\": {\"services\": [{\"name\": \"AlderSvc\"}, {\"name\": \"off\", \"state\": "
        "\"stopped\"}], \"drivers\": [{\"name\": \"alderflt\"}],"
        "\"processes\": [{\"name\": \"alderd.exe\"}], \"files\": ["
        "{\"path\": \"C:\\\\Program Files\\\\Alder\\\\ui.exe\", \"version\": \"1.2\"},"
        "{\"path\": \"C:\\\\Windows\\\\System32\\\\svchost.exe\"},"
        "{\"path\": \"C:\\\\Windows\\\\System32\\\\drivers\\\\AlderFlt.sys\"}],"
        "\"registry\": [{\"key\": \"HKLM\\\\Software\\\\Alder\", \"value\": \"\"}]},"
        "\"healthy_within_s\": 180, \"detection\": {\"name\": \"cmd\", \"command\": \"alder check\", \"success\": [1]},"
        "\"modules\": [\"alderhook.dll\"]}",
        hex);
    test_write(dir, "alder.json", text);
    test_write(dir, "setup.exe", SETUP);
}

static void test_write_update(const char *dir) {
    CLEANUP_FREE char *hex = test_digest(RULES);
    CLEANUP_FREE char *text = str_printf(
        "{\"format\": \"coexist-update/1\", \"id\": \"alder-2\", \"kind\": \"driver\","
        "\"product\": \"alder\", \"from\": \"1\", \"to\": \"2\", \"files\": ["
        "{\"file\": \"rules.dat\", \"sha256\": \"%s\"},"
        "{\"file\": \"rules.dat\", \"sha256\": \"%s\", \"target\": \"C:\\\\x.dat\"}],"
        "\"apply\": {\"command\": \"up {files}\\\\rules.dat\", \"reboot\": []}, \"healthy_within_s\": 240,"
        "\"took\": {\"files\": [{\"path\": \"C:\\\\x.dat\", \"sha256\": \"%s\"}]}}",
        hex, hex, hex);
    test_write(dir, "up.json", text);
    test_write(dir, "rules.dat", RULES);
}

/* A folder with a good matrix; the caller removes it with test_done. */
static char *test_dir(void) {
    char tmpl[] = "/tmp/coexist-test-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(tmpl));
    test_write_product(tmpl);
    test_write_update(tmpl);
    test_write(tmpl, "matrix.json",
               "{\"format\": \"coexist-matrix/1\", \"name\": \"m\", \"images\": [\"winelab\"], \"watch_s\": 90,"
               "\"products\": [\"alder.json\"], \"updates\": [\"up.json\"],"
               "\"product_sets\": [{\"products\": [\"alder\"], \"updates\": [\"none\", \"alder-2\"]}]}");
    return str_dup(tmpl);
}

static void test_done(char *dir) {
    ck_assert_int_eq(fs_remove_tree(dir, NULL), 0);
    free(dir);
}

static struct model *test_load(const char *dir) {
    CLEANUP_FREE char *path = fs_join(dir, "matrix.json");
    struct diags diags = DIAGS_INIT;
    struct model *m = model_load(path, &diags);
    diags_print(&diags, stderr);
    ck_assert_ptr_nonnull(m);
    ck_assert_uint_eq(diags.count, 0);
    return m;
}

static void test_check(const struct model_checks *l, size_t i, enum check_kind kind,
                       const char *name, const char *value, const char *expect) {
    ck_assert_uint_lt(i, l->count);
    ck_assert_int_eq(l->items[i].kind, kind);
    ck_assert_str_eq(l->items[i].name, name);
    ck_assert_msg(str_eq(l->items[i].value, value), "value of %s", name);
    ck_assert_msg(str_eq(l->items[i].expect, expect), "expectation of %s", name);
}

static void test_is_product(const struct model *m, const char *dir) {
    const struct model_product *p = model_find_product(m, "alder");
    CLEANUP_FREE char *installer = fs_join(dir, "setup.exe");
    ck_assert_ptr_nonnull(p);
    ck_assert_str_eq(p->installer, installer);
    ck_assert_str_eq(p->vendor, "Alder Ltd");
    ck_assert_uint_eq(p->install.success.count, 2);
    ck_assert_uint_eq(p->install.success.items[1], 7);
    ck_assert_uint_eq(p->install.reboot.count, 2);
    ck_assert_uint_eq(p->install.reboot.items[0], 3010);
    ck_assert_int_eq(p->install.timeout_ms, 90000);
    ck_assert_ptr_null(p->uninstall.command);
    ck_assert_int_eq(p->detection.expect, DETECT_COMMAND);
    ck_assert_uint_eq(p->detection.command.success.items[0], 1);
    ck_assert_int_eq(p->detection.within_ms, 60000);
    ck_assert_int_eq(p->healthy_ms, 180000);
    ck_assert_uint_eq(p->health.count, 8);
    test_check(&p->health, 0, CHECK_SERVICE, "AlderSvc", NULL, "running");
    test_check(&p->health, 1, CHECK_SERVICE, "off", NULL, "stopped");
    test_check(&p->health, 2, CHECK_DRIVER, "alderflt", NULL, NULL);
    test_check(&p->health, 4, CHECK_FILE, "C:\\Program Files\\Alder\\ui.exe", NULL, "1.2");
    test_check(&p->health, 7, CHECK_REGISTRY, "HKLM\\Software\\Alder", "", NULL);
}

static void test_is_update(const struct model *m, const char *dir) {
    const struct model_update *u = model_find_update(m, "alder-2");
    CLEANUP_FREE char *rules = fs_join(dir, "rules.dat");
    ck_assert_ptr_nonnull(u);
    ck_assert_str_eq(u->title, "alder-2");
    ck_assert_int_eq(u->kind, UPDATE_DRIVER);
    ck_assert_ptr_eq(u->product, model_find_product(m, "alder"));
    ck_assert_uint_eq(u->file_count, 2);
    ck_assert_str_eq(u->files[0].host_path, rules);
    ck_assert_ptr_null(u->files[0].target);
    ck_assert_str_eq(u->files[1].target, "C:\\x.dat");
    ck_assert_uint_eq(strspn(u->files[0].sha256, "0123456789abcdef"), 64);
    ck_assert_uint_eq(u->apply.reboot.count, 0);
    ck_assert_int_eq(u->apply.timeout_ms, 600000);
    ck_assert_int_eq(u->healthy_ms, 240000);
    ck_assert_str_eq(u->took.items[0].sha256, u->files[1].sha256);
}

static void test_is_matrix(const struct model *m) {
    static const enum step_kind steps[] = {
        STEP_INSTALL, STEP_VERIFY, STEP_DETECT, STEP_REBOOT, STEP_VERIFY, STEP_MEASURE,
        STEP_APPLY,   STEP_TOOK,   STEP_REBOOT, STEP_VERIFY, STEP_DETECT, STEP_MEASURE,
    };
    ck_assert_uint_eq(m->step_count, ARRAY_LEN(steps));
    for (size_t i = 0; i < m->step_count; i++) {
        ck_assert_int_eq(m->steps[i].kind, steps[i]);
        ck_assert_int_eq(m->steps[i].fresh, steps[i] == STEP_MEASURE);
    }
    ck_assert_uint_eq(m->workload_count, 8);
    ck_assert_int_eq(m->repetitions, 1);
    ck_assert_uint_eq(m->set_count, 1);
    ck_assert(m->sets[0].control);
    ck_assert_uint_eq(m->sets[0].update_count, 1);
    ck_assert_ptr_eq(m->sets[0].updates[0], model_find_update(m, "alder-2"));
    for (size_t i = 0; i < m->gate_count; i++) { /* nothing that is not a pass ships */
        ck_assert_str_ne(m->gates[i].then, "ship");
    }
}

START_TEST(model_holds_what_the_files_say) {
    char *dir = test_dir();
    struct model *m = test_load(dir);
    test_is_product(m, dir);
    ck_assert_int_eq(m->watch_ms, 90000);
    test_is_update(m, dir);
    test_is_matrix(m);
    model_free(m);
    test_done(dir);
}
END_TEST

START_TEST(model_steps_say_whether_they_are_fresh) {
    char *dir = test_dir();
    test_write(dir, "matrix.json",
               "{\"format\": \"coexist-matrix/1\", \"name\": \"m\", \"images\": [\"winelab\"],"
               "\"products\": [\"alder.json\"], \"updates\": [\"up.json\"],"
               "\"product_sets\": [{\"products\": [\"alder\"]}],"
               "\"steps\": [\"install\", {\"step\": \"reboot\", \"fresh\": true}, \"measure\","
               "{\"step\": \"measure\", \"fresh\": false}, {\"step\": \"apply\"}]}");
    struct model *m = test_load(dir);
    static const struct model_step steps[] = {{STEP_INSTALL, false}, {STEP_REBOOT, true},
                                              {STEP_MEASURE, true}, {STEP_MEASURE, false},
                                              {STEP_APPLY, false}};
    ck_assert_uint_eq(m->step_count, ARRAY_LEN(steps));
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        ck_assert_int_eq(m->steps[i].kind, steps[i].kind);
        ck_assert_int_eq(m->steps[i].fresh, steps[i].fresh);
    }
    model_free(m);
    test_done(dir);
}
END_TEST

START_TEST(model_modules_are_found_with_their_owner) {
    char *dir = test_dir();
    struct model *m = test_load(dir);
    static const char *const own[] = {"alderhook.dll", "AlderSvc.exe", "ALDERFLT.SYS", "alderd.exe",
                                      "C:\\Program Files\\Alder\\ui.exe", "\\??\\C:\\x\\setup.exe"};
    static const char *const others[] = {"svchost.exe", "ntoskrnl.exe", "", "alder", "C:\\"};
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        ck_assert_msg(model_module_owner(m, own[i]) == &m->products[0], "%s", own[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        ck_assert_msg(model_module_owner(m, others[i]) == NULL, "%s", others[i]);
    }
    model_free(m);
    test_done(dir);
}
END_TEST

/* An update says what a healthy install looks like with it; else the product does, with took in place of its like. */
START_TEST(model_knows_what_is_healthy_with_an_update) {
    struct diags diags = DIAGS_INIT;
    struct model *m = model_load("tests/golden/input/146-good-update-health/matrix.json", &diags);
    ck_assert_ptr_nonnull(m);
    const struct model_update *said = model_find_update(m, "alder-2"), *other = model_find_update(m, "alder-3");
    ck_assert_uint_eq(said->health.count, 3);
    ck_assert_str_eq(said->health.items[0].name, "alder2");
    ck_assert_uint_eq(other->health.count, said->product->health.count);
    struct model_check version = {.kind = CHECK_REGISTRY, .name = (char *)"HKLM\\Software\\ALDER",
                                  .value = (char *)"Version"};
    ck_assert_str_eq(model_check_find(&said->product->health, &version)->expect, "1.0.0");
    ck_assert_str_eq(model_check_find(&other->health, &version)->expect, "1.1.0");
    ck_assert_ptr_null(model_check_find(&said->health, &version));
    version.kind = CHECK_SERVICE;
    ck_assert_ptr_null(model_check_find(&other->health, &version));
    ck_assert(model_has_module(said->product, "ALDER2.EXE", 0));
    model_free(m);
    diags_free(&diags);
}
END_TEST

START_TEST(model_comes_back_from_the_journal_without_its_files) {
    char *dir = test_dir();
    char *kept = str_dup(dir);
    struct model *m = test_load(dir);
    char *text = json_dumps(m->source, JSON_COMPACT);
    test_done(dir);
    json_t *source = json_loads(text, 0, NULL);
    struct diags diags = DIAGS_INIT;
    struct model *again = model_from_source(source, &diags);
    diags_print(&diags, stderr);
    ck_assert_ptr_nonnull(again);
    ck_assert_str_eq(again->sha256, m->sha256);
    test_is_product(again, kept);
    test_is_update(again, kept);
    test_is_matrix(again);
    ck_assert(json_equal(again->source, m->source));
    model_free(again);
    model_free(m);
    json_decref(source);
    free(text);
    free(kept);
}
END_TEST

START_TEST(model_from_a_damaged_journal_complains) {
    static const char *const sources[] = {"{}", "{\"path\": \"m\", \"matrix\": 5}",
                                          "{\"path\": \"m\", \"matrix\": {}, \"products\": [null]}",
                                          "[]", "{\"matrix\": {}}"};
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        json_t *source = json_loads(sources[i], 0, NULL);
        struct diags diags = DIAGS_INIT;
        ck_assert_ptr_null(model_from_source(source, &diags));
        ck_assert_uint_gt(diags.count, 0);
        diags_free(&diags);
        json_decref(source);
    }
}
END_TEST

/* The same input elsewhere is the same; another digest of an installer is not. */
START_TEST(model_digest_tells_inputs_apart_and_not_places) {
    char *a = test_dir();
    char *b = test_dir();
    struct model *ma = test_load(a);
    struct model *mb = test_load(b);
    ck_assert_str_eq(ma->sha256, mb->sha256);
    model_free(mb);
    test_write(b, "setup.exe", SETUP "!");
    CLEANUP_FREE char *product = fs_join(b, "alder.json");
    struct diags diags = DIAGS_INIT;
    bool changed = false;
    ck_assert_int_eq(model_stamp_file(product, &changed, &diags, NULL), 0);
    mb = test_load(b);
    ck_assert_str_ne(ma->sha256, mb->sha256);
    model_free(ma);
    model_free(mb);
    test_done(a);
    test_done(b);
}
END_TEST

START_TEST(stamp_changes_digests_and_nothing_else) {
    char *dir = test_dir();
    CLEANUP_FREE char *path = fs_join(dir, "u.json");
    char hex[FS_SHA256_HEX];
    fs_sha256_bytes(RULES, strlen(RULES), hex);
    test_write(dir, "u.json",
               "{ \"format\":\"coexist-update/1\",\r\n\t\"n\": 1.50, \"files\": [\n"
               "  {\"sha256\": \"old\", \"file\": \"rules.dat\"},\n  {\"file\": \"rules.dat\"} ] }");
    CLEANUP_FREE char *expected = str_printf(
        "{ \"format\":\"coexist-update/1\",\r\n\t\"n\": 1.50, \"files\": [\n"
        "  {\"sha256\": \"%s\", \"file\": \"rules.dat\"},\n"
        "  {\"file\": \"rules.dat\", \"sha256\": \"%s\"} ] }",
        hex, hex);
    bool changed = false;
    struct diags diags = DIAGS_INIT;
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_msg(model_stamp_file(path, &changed, &diags, &err) == 0, "%s", err_text(&err));
    ck_assert(changed);
    CLEANUP_FREE char *found = fs_read(path, 4096, NULL, &err);
    ck_assert_str_eq(found, expected);
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0640);
    ck_assert_int_eq(model_stamp_file(path, &changed, &diags, &err), 0);
    ck_assert(!changed);
    struct stat again;
    ck_assert_int_eq(stat(path, &again), 0);
    ck_assert_int_eq(st.st_ino, again.st_ino); /* not even rewritten */
    test_done(dir);
}
END_TEST

static const struct {
    const char *text;
    int columns[4]; /* of the complaints, all in line 1 */
} unstampable[] = {
    {"{\"format\": \"coexist-matrix/1\"}", {12}},
    {"{\"format\": \"coexist-update/1\", \"files\": [{\"file\": \"none\"}]}", {51}},
    {"{\"format\": \"coexist-update/1\", \"files\": [{\"file\": \".\"}]}", {51}},
    {"{\"format\": \"coexist-update/1\", \"a\": {\"file\": \"x.json\", \"sha256\": 5}}", {66}},
    {"{\"format\": \"coexist-update/1\", \"a\": [{\"file\": \"no\", \"sha256\": 5}, "
     "{\"file\": \"x.json\"}, {\"file\": \".\"}]}",
     {63, 47, 96}},
    {"{", {2}},
};

START_TEST(stamp_refuses_with_a_place) {
    char *dir = test_dir();
    CLEANUP_FREE char *path = fs_join(dir, "x.json");
    test_write(dir, "x.json", unstampable[_i].text);
    CLEANUP_ERR struct err err = ERR_INIT;
    bool changed = false;
    struct diags diags = DIAGS_INIT;
    ck_assert_int_lt(model_stamp_file(path, &changed, &diags, &err), 0);
    ck_assert_int_eq(err.cls, ERR_INPUT);
    for (size_t i = 0; i < diags.count; i++) {
        ck_assert_uint_lt(i, ARRAY_LEN(unstampable[_i].columns));
        ck_assert_int_eq(diags.items[i].pos.line, 1);
        ck_assert_int_eq(diags.items[i].pos.column, unstampable[_i].columns[i]);
    }
    ck_assert(diags.count == ARRAY_LEN(unstampable[_i].columns) || unstampable[_i].columns[diags.count] == 0);
    diags_free(&diags);
    CLEANUP_FREE char *found = fs_read(path, 4096, NULL, NULL);
    ck_assert_str_eq(found, unstampable[_i].text);
    test_done(dir);
}
END_TEST

static const struct {
    const char *path;
    bool good;
} paths[] = {
    {"C:\\Program Files\\Alder\\alder.exe", true}, {"d:\\x", true}, {"C:\\a b\\.hidden", true},
    {"C:\\console\\com10\\nulls", true}, {"C:\\\xc3\xa4", true}, {"C:", false}, {"C:\\", false},
    {"C:x", false}, {"", false}, {"\\x", false}, {"C:\\nul", false}, {"C:\\COM1.log", false},
    {"C:\\lpt9", false}, {"C:\\aux .txt", false}, {"C:\\a:b", false}, {"C:\\a|b", false},
    {"C:\\a ", false}, {"C:\\.", false}, {"1:\\a", false}, {"C:\\%TEMP%\\a", false},
};

START_TEST(guest_paths) {
    const char *hint = NULL;
    CLEANUP_FREE char *fault = guestpath_fault(paths[_i].path, &hint);
    ck_assert_msg((fault == NULL) == paths[_i].good, "%s: %s", paths[_i].path,
                  fault ? fault : "accepted");
}
END_TEST

START_TEST(names_go_both_ways) {
    for (int i = 0; i < FAILURE_CLASS_COUNT; i++) {
        enum failure_class c = FAILURE_NONE;
        const char *name = failure_class_name((enum failure_class)i);
        ck_assert_int_eq(failure_class_parse(name, &c), 0);
        ck_assert_int_eq((int)c, i);
    }
    enum failure_class c = FAILURE_HANG;
    ck_assert_int_eq(failure_class_parse("no such", &c), -1);
    ck_assert_int_eq(c, FAILURE_HANG);
    ck_assert(failure_class_is_infrastructure(FAILURE_VM_DIED));
    ck_assert(failure_class_is_infrastructure(FAILURE_IMAGE));
    ck_assert(!failure_class_is_infrastructure(FAILURE_NOT_KNOWN));
    ck_assert(!failure_class_is_infrastructure(FAILURE_SLOWER));
    ck_assert_str_eq(verdict_name(VERDICT_INTERACTION_FAULT), "interaction-fault");
    ck_assert_str_eq(decision_name(DECISION_HOLD), "hold");
    ck_assert_str_eq(step_kind_name(STEP_TEARDOWN), "teardown");
}
END_TEST

START_TEST(subsets_and_orders_are_counted_as_they_are_walked) {
    for (size_t n = 1; n <= 6; n++) {
        for (size_t k = 1; k <= n; k++) {
            size_t pick[8];
            uint64_t count = 0;
            subsets_first(pick, k);
            do {
                count++;
            } while (subsets_next(pick, k, n));
            ck_assert_uint_eq(count, subsets_count(n, k));
        }
        size_t order[8];
        uint64_t orders = 0;
        subsets_first(order, n);
        do {
            orders++;
        } while (subsets_next_order(order, n));
        ck_assert_uint_eq(orders, subsets_orders(n));
    }
    ck_assert_uint_eq(subsets_count(64, 32), UINT64_C(1832624140942590534));
    ck_assert_uint_eq(subsets_orders(21), UINT64_MAX);
    ck_assert_uint_eq(subsets_count(3, 4), 0);
    ck_assert_uint_eq(subsets_add(UINT64_MAX, 1), UINT64_MAX);
}
END_TEST

START_TEST(a_code_of_plain_success_asks_for_no_reboot) {
    struct diags diags = DIAGS_INIT;
    struct model *m = model_load("tests/golden/input/155-doubt-codes/matrix.json", &diags);
    ck_assert_ptr_nonnull(m);
    const struct model_command *install = &m->products[0].install, *apply = &m->updates[0].apply;
    ck_assert_uint_eq(install->reboot.count, 1); /* 3010 is under "success", and nothing said of "reboot" */
    ck_assert_uint_eq(install->reboot.items[0], 1641);
    ck_assert_uint_eq(apply->reboot.count, 2); /* as it is written, with a warning */
    model_free(m);
    diags_free(&diags);
}
END_TEST

int main(void) {
    Suite *s = suite_create("model");
    TCase *t = tcase_create("model");
    tcase_add_test(t, model_holds_what_the_files_say);
    tcase_add_test(t, a_code_of_plain_success_asks_for_no_reboot);
    tcase_add_test(t, model_steps_say_whether_they_are_fresh);
    tcase_add_test(t, model_modules_are_found_with_their_owner);
    tcase_add_test(t, model_knows_what_is_healthy_with_an_update);
    tcase_add_test(t, model_comes_back_from_the_journal_without_its_files);
    tcase_add_test(t, model_from_a_damaged_journal_complains);
    tcase_add_test(t, model_digest_tells_inputs_apart_and_not_places);
    tcase_add_test(t, stamp_changes_digests_and_nothing_else);
    tcase_add_loop_test(t, stamp_refuses_with_a_place, 0, (int)ARRAY_LEN(unstampable));
    tcase_add_loop_test(t, guest_paths, 0, (int)ARRAY_LEN(paths));
    tcase_add_test(t, names_go_both_ways);
    tcase_add_test(t, subsets_and_orders_are_counted_as_they_are_walked);
    suite_add_tcase(s, t);
    return suite_run(s);
}
