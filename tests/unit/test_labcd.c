/* The lab's own CD, and another's CD changed: read back by xorriso and by our own reader. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "media/labcd.h"
#include "media/media.h"
#include "support/cds.h"
#include "support/suite.h"

/* What xorriso takes off the CD, Joliet names preferred. NULL when it is not there. Caller frees. */
static char *taken_off(const char *iso, const char *path, bool joliet) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_FREE char *out = fs_join(dir, "file"), *on_cd = str_printf("/%s", path);
    CLEANUP_FREE char *indev = str_printf("stdio:%s", iso);
    const char *args[] = {"xorriso",  "-no_rc",           "-report_about", "FATAL",
                          "-abort_on", "NEVER",           "-read_fs",      joliet ? "joliet" : "any",
                          "-indev",   indev,              "-osirrox",      "on:auto_chmod_on",
                          "-extract", on_cd,              out,             NULL};
    struct proc_opts opts = {.timeout_ns = 60 * CLOCK_S};
    struct proc_result res = {0};
    ck_assert_int_eq(proc_run(args, &opts, &res, NULL), 0);
    proc_result_free(&res);
    return fs_exists(out) ? fs_read(out, 1 << 20, NULL, NULL) : NULL;
}

static void check_holds(const char *iso, const char *path, bool joliet, const char *content) {
    CLEANUP_FREE char *text = taken_off(iso, path, joliet);
    ck_assert_msg(text != NULL, "%s is not on %s", path, iso);
    ck_assert_str_eq(text, content);
}

START_TEST(a_new_cd_holds_its_files) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    cds_put(dir, "agent.exe", "MZ agent");
    CLEANUP_FREE char *agent = fs_join(dir, "agent.exe"), *iso = fs_join(dir, "lab.iso");
    CLEANUP_FREE char *again = fs_join(dir, "again.iso");
    struct labcd_file files[] = {
        {"Autounattend.xml", NULL, "<unattend/>", 11},
        {"coexist/agent.exe", agent, NULL, 0},
        {"$WinPEDriver$/viostor/w11 x64/viostor.inf", NULL, "[Version]", 9},
        {"Coexist/empty", NULL, "", 0},
    };
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_msg(labcd_write(iso, "COEXIST", files, 4, &err) == 0, "%s", err_text(&err));
    check_holds(iso, "Autounattend.xml", true, "<unattend/>");
    check_holds(iso, "coexist/agent.exe", true, "MZ agent");
    check_holds(iso, "coexist/empty", true, "");
    check_holds(iso, "$WinPEDriver$/viostor/w11 x64/viostor.inf", true, "[Version]");
    CLEANUP(media_free_ptr) struct media *m = media_inspect(iso, &err);
    ck_assert_ptr_nonnull(m);
    ck_assert_int_eq(m->kind, MEDIA_OTHER);
    ck_assert_str_eq(m->label, "COEXIST");
    ck_assert(!m->udf && m->iso9660);
    ck_assert_msg(!m->trouble, "%s", m->trouble);
    ck_assert_int_eq(labcd_write(again, "COEXIST", files, 4, &err), 0);
    char one[FS_SHA256_HEX], two[FS_SHA256_HEX];
    ck_assert_int_eq(fs_sha256_file(iso, one, NULL), 0);
    ck_assert_int_eq(fs_sha256_file(again, two, NULL), 0);
    ck_assert_str_eq(one, two);
}
END_TEST

START_TEST(what_cannot_be_on_a_cd_is_refused) {
    static const struct { const char *one, *two, *said; } cases[] = {
        {"", "b", "cannot be the path"},          {"/a", "b", "cannot be the path"},
        {"a//b", "c", "cannot be the path"},      {"a/../b", "c", "cannot be the path"},
        {"a:b", "c", "cannot be the path"},       {"a\\b", "c", "cannot be the path"},
        {"a.", "c", "cannot be the path"},        {"\xc3\xa4", "c", "cannot be the path"},
        {"a/b.txt", "A/B.TXT", "twice"},          {"a", "a/b", "a folder"},
        {"a b/c", "A B", "a folder"},
    };
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_FREE char *iso = fs_join(dir, "lab.iso");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct labcd_file files[] = {{cases[i].one, NULL, "x", 1}, {cases[i].two, NULL, "y", 1}};
        CLEANUP_ERR struct err err = ERR_INIT;
        ck_assert_int_lt(labcd_write(iso, "COEXIST", files, 2, &err), 0);
        ck_assert_int_eq(err.cls, ERR_INPUT);
        ck_assert_msg(strstr(err_text(&err), cases[i].said) != NULL, "%s", err_text(&err));
        ck_assert(!fs_exists(iso));
    }
    struct labcd_file absent = {"a", "/nonexistent/file", NULL, 0}, folder = {"a", "/tmp", NULL, 0};
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_int_lt(labcd_write(iso, "COEXIST", &absent, 1, &err), 0);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "/nonexistent/file"));
    ck_assert_int_lt(labcd_write(iso, "COEXIST", &folder, 1, &err), 0);
    ck_assert_int_lt(labcd_write(iso, "no label", &absent, 1, &err), 0);
    ck_assert(!fs_exists(iso));
}
END_TEST

/* A CD as ReactOS' builders make theirs: ISO 9660:1999, names of mixed case, two boot records. */
static char *reactos_like(const char *dir) {
    CLEANUP(cds_remove) char *tree = cds_dir();
    cds_put(tree, "reactos/txtsetup.sif", "[Version]");
    cds_put(tree, "reactos/unattend.inf", "[Unattend]\r\nUnattendSetupEnabled = no\r\n");
    cds_put(tree, "reactos/A file with quite a long name indeed.txt", "kept");
    cds_put(tree, "loader/setupldr.sys", "the loader");
    cds_put(tree, "loader/isoboot.bin", "boot code for BIOS");
    cds_put(tree, "loader/efisys.bin", "boot code for UEFI");
    cds_put(tree, "freeldr.ini", "[FREELOADER]");
    char *iso = fs_join(dir, "reactos.iso");
    cds_iso_1999(tree, true, iso);
    return iso;
}

START_TEST(anothers_cd_is_changed_and_still_boots) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_FREE char *from = reactos_like(dir), *to = fs_join(dir, "new.iso");
    cds_put(dir, "agent32.exe", "MZ 32");
    CLEANUP_FREE char *agent = fs_join(dir, "agent32.exe");
    static const char answer[] = "[Unattend]\r\nUnattendSetupEnabled = yes\r\n";
    struct labcd_file files[] = {
        {"ReactOS/UNATTEND.INF", NULL, answer, sizeof(answer) - 1},
        {"reactos/coexist/agent.exe", agent, NULL, 0},
    };
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP(media_free_ptr) struct media *before = media_inspect(from, &err);
    ck_assert_msg(labcd_rewrite(from, to, files, 2, &err) == 0, "%s", err_text(&err));
    check_holds(to, "reactos/unattend.inf", false, answer);
    check_holds(to, "reactos/coexist/agent.exe", false, "MZ 32");
    check_holds(to, "reactos/txtsetup.sif", false, "[Version]");
    check_holds(to, "reactos/A file with quite a long name indeed.txt", false, "kept");
    check_holds(to, "loader/setupldr.sys", false, "the loader");
    CLEANUP(media_free_ptr) struct media *m = media_inspect(to, &err);
    ck_assert_ptr_nonnull(m);
    ck_assert_int_eq(m->kind, MEDIA_REACTOS);
    ck_assert_str_eq(m->label, "ReactOS");
    ck_assert_uint_eq(before->boot_count, 2);
    ck_assert_uint_eq(m->boot_count, 2);
    ck_assert(m->bios && m->uefi);
    ck_assert_str_eq(m->boots[0].path, "loader/isoboot.bin");
    ck_assert_str_eq(m->boots[1].path, "loader/efisys.bin");
    ck_assert_int_eq(fs_size(from), before->bytes);
}
END_TEST

/* The plain ISO 9660 tree, which a boot loader reads, keeps mixed case and has no version numbers where it had none. */
START_TEST(names_stay_as_they_were) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_FREE char *from = reactos_like(dir), *to = fs_join(dir, "new.iso");
    struct labcd_file file = {"reactos/unattend.inf", NULL, "x", 1};
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_msg(labcd_rewrite(from, to, &file, 1, &err) == 0, "%s", err_text(&err));
    size_t len = 0;
    CLEANUP_FREE char *bytes = fs_read(to, 64 << 20, &len, NULL);
    ck_assert_ptr_nonnull(memmem(bytes, len, "setupldr.sys", 12));
    ck_assert_ptr_null(memmem(bytes, len, "SETUPLDR.SYS", 12));
    ck_assert_ptr_null(memmem(bytes, len, "setupldr.sys;1", 14));
}
END_TEST

START_TEST(what_cannot_be_changed_is_refused) {
    static const struct cds_edition one[] = {{"Windows 11 Pro", "Professional", "Client", 9, 26100, 1, {"en-US"}}, {0}};
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_FREE char *windows = cds_windows(dir, "win.iso", CDS_WIM, one), *to = fs_join(dir, "new.iso");
    struct labcd_file file = {"Autounattend.xml", NULL, "x", 1};
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_int_lt(labcd_rewrite(windows, to, &file, 1, &err), 0);
    ck_assert_int_eq(err.cls, ERR_INPUT);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "UDF"));
    cds_put(dir, "page.iso", "<html>");
    CLEANUP_FREE char *page = fs_join(dir, "page.iso");
    err_clear(&err);
    ck_assert_int_lt(labcd_rewrite(page, to, &file, 1, &err), 0);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "no ISO 9660"));
    ck_assert(!fs_exists(to));
}
END_TEST

int main(void) {
    Suite *s = suite_create("labcd");
    TCase *t = tcase_create("labcd");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, a_new_cd_holds_its_files);
    tcase_add_test(t, what_cannot_be_on_a_cd_is_refused);
    tcase_add_test(t, anothers_cd_is_changed_and_still_boots);
    tcase_add_test(t, names_stay_as_they_were);
    tcase_add_test(t, what_cannot_be_changed_is_refused);
    suite_add_tcase(s, t);
    return suite_run(s);
}
