/* The command lines 'coexist image inspect' and 'coexist image answer': what goes where, and how it ends. */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/schema.h"
#include "base/str.h"
#include "support/cds.h"
#include "support/program.h"
#include "support/suite.h"

static const struct cds_edition editions[] = {
    {"Windows 11 Home", "Core", "Client", 9, 26100, 1742, {"en-US"}},
    {"Windows 11 Pro", "Professional", "Client", 9, 26100, 1742, {"en-US"}},
    {0},
};
#define RECIPE "images/windows/win11-24h2-pro.json"

/* Arguments are separated by blanks. */
static struct proc_result run(const char *fmt, const char *arg) {
    CLEANUP_FREE char *line = str_printf("%s %s", fmt, arg ? arg : "");
    const char *arguments[24] = {NULL};
    int n = 0;
    for (char *save = NULL, *w = strtok_r(line, " ", &save); w && n < 23; w = strtok_r(NULL, " ", &save)) {
        arguments[n++] = w;
    }
    return program_run(arguments);
}

static void check_schema(const char *name, const json_t *j) {
    CLEANUP_FREE char *path = str_printf("reports/schema/%s.schema.json", name);
    size_t len = 0;
    CLEANUP_FREE char *text = fs_read(path, 1 << 20, &len, NULL);
    ck_assert_ptr_nonnull(text);
    CLEANUP_ERR struct err err = ERR_INIT;
    struct schema *s = schema_compile(name, text, len, &err);
    ck_assert_msg(s != NULL, "%s", err_text(&err));
    ck_assert(schema_accepts(s, j));
    schema_free(s);
}

START_TEST(inspect_tells_people_and_scripts) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_FREE char *iso = cds_windows(dir, "win.iso", CDS_ESD, editions);
    CLEANUP(proc_result_free) struct proc_result res = run("image inspect", iso);
    ck_assert_int_eq(res.exit_code, 0);
    ck_assert_ptr_nonnull(strstr(str_get(&res.out), "label       CCCOMA_X64FRE\n"));
    ck_assert_ptr_nonnull(strstr(str_get(&res.out), "BIOS by boot/etfsboot.com, UEFI by efi/microsoft/boot/efisys."));
    ck_assert_ptr_nonnull(strstr(str_get(&res.out), "sources/install.esd (esd, "));
    static const char row[] =
        "  2  Professional           Client       amd64  10.0.26100.1742  en-US  Windows 11 Pro\n";
    ck_assert_ptr_nonnull(strstr(str_get(&res.out), row));
    CLEANUP(proc_result_free) struct proc_result json = run("image inspect --json", iso);
    json_t *j = json_loads(str_get(&json.out), 0, NULL);
    check_schema("media", j);
    json_decref(j);
}
END_TEST

START_TEST(inspect_refuses_what_is_no_cd) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    cds_put(dir, "virtio.iso", "<html><title>Sign in</title>");
    CLEANUP_FREE char *page = fs_join(dir, "virtio.iso");
    CLEANUP(proc_result_free) struct proc_result res = run("image inspect", page);
    ck_assert_int_eq(res.exit_code, 2);
    ck_assert_ptr_nonnull(strstr(str_get(&res.err), "saved web page"));
    CLEANUP(proc_result_free) struct proc_result none = run("image inspect", "/nonexistent.iso");
    ck_assert_int_eq(none.exit_code, 2);
    ck_assert_uint_eq(none.out.len, 0);
}
END_TEST

START_TEST(answer_keeps_the_password) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_FREE char *out = fs_join(dir, "a.xml"), *secret = fs_join(dir, "secrets/win11-24h2-pro.json");
    CLEANUP_FREE char *line = str_printf("--lab %s image answer --out %s", dir, out);
    CLEANUP(proc_result_free) struct proc_result res = run(line, RECIPE);
    ck_assert_msg(res.exit_code == 0, "%s", str_get(&res.err));
    json_t *j = json_load_file(secret, 0, NULL);
    const char *password = json_string_value(json_object_get(j, "password"));
    ck_assert_ptr_nonnull(password);
    CLEANUP_FREE char *text = fs_read(out, 1 << 20, NULL, NULL);
    ck_assert_ptr_nonnull(strstr(text, password));
    ck_assert_ptr_null(strstr(str_get(&res.out), password));
    ck_assert_ptr_null(strstr(str_get(&res.err), password));
    struct stat st;
    ck_assert_int_eq(stat(out, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    CLEANUP_FREE char *plain = str_printf("--lab %s image answer", dir);
    CLEANUP(proc_result_free) struct proc_result shown = run(plain, RECIPE);
    ck_assert_int_eq(shown.exit_code, 0);
    ck_assert_ptr_nonnull(strstr(str_get(&shown.out), "<unattend"));
    ck_assert_ptr_null(strstr(str_get(&shown.out), password));
    json_decref(j);
}
END_TEST

START_TEST(answer_takes_the_image_of_the_iso) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_FREE char *iso = cds_windows(dir, "win.iso", CDS_WIM, editions);
    CLEANUP_FREE char *line = str_printf("image answer --iso %s", iso);
    CLEANUP(proc_result_free) struct proc_result res = run(line, RECIPE);
    ck_assert_msg(res.exit_code == 0, "%s", str_get(&res.err));
    ck_assert_ptr_nonnull(strstr(str_get(&res.out), "<Key>/IMAGE/INDEX</Key>\n              <Value>2</Value>"));
    CLEANUP_FREE char *german = str_printf("image answer --language de-DE --iso %s", iso);
    CLEANUP(proc_result_free) struct proc_result refused = run(german, RECIPE);
    ck_assert_int_eq(refused.exit_code, 2);
    ck_assert_uint_eq(refused.out.len, 0);
    ck_assert_ptr_nonnull(strstr(str_get(&refused.err), "in language de-DE"));
    CLEANUP(proc_result_free) struct proc_result odd = run("image answer --language xx-XX", RECIPE);
    ck_assert_int_eq(odd.exit_code, 2);
    CLEANUP(proc_result_free) struct proc_result none = run("image answer --profile no-such-one", RECIPE);
    ck_assert_int_eq(none.exit_code, 2);
    CLEANUP(proc_result_free) struct proc_result both = run("image answer --check x", RECIPE);
    ck_assert_int_eq(both.exit_code, 2);
}
END_TEST

START_TEST(check_tells_people_and_scripts) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    cds_put(dir, "bad.xml",
            "<unattend xmlns=\"urn:schemas-microsoft-com:unattend\">\n  <settings pass=\"windowsPEE\">\n"
            "    <component name=\"Microsoft-Windows-Setup\" processorArchitecture=\"amd64\"/>\n  </settings>\n"
            "</unattend>\n");
    CLEANUP_FREE char *bad = fs_join(dir, "bad.xml");
    CLEANUP_FREE char *expected = str_printf(
        "%s:2:3: error: there is no pass 'windowsPEE' [unknown-pass]\n    hint: did you mean \"windowsPE\"?\n", bad);
    CLEANUP(proc_result_free) struct proc_result res = run("image answer --check", bad);
    ck_assert_int_eq(res.exit_code, 2);
    ck_assert_msg(strstr(str_get(&res.err), expected) != NULL, "%s", str_get(&res.err));
    CLEANUP(proc_result_free) struct proc_result json = run("image answer --json --check", bad);
    ck_assert_int_eq(json.exit_code, 2);
    json_t *j = json_loads(str_get(&json.out), 0, NULL);
    check_schema("answer", j);
    ck_assert_uint_eq(json_array_size(json_object_get(j, "errors")), 4); /* the pass, three attributes */
    json_decref(j);
}
END_TEST

int main(void) {
    Suite *s = suite_create("image-media");
    TCase *t = tcase_create("image-media");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, inspect_tells_people_and_scripts);
    tcase_add_test(t, inspect_refuses_what_is_no_cd);
    tcase_add_test(t, answer_keeps_the_password);
    tcase_add_test(t, answer_takes_the_image_of_the_iso);
    tcase_add_test(t, check_tells_people_and_scripts);
    suite_add_tcase(s, t);
    return suite_run(s);
}
