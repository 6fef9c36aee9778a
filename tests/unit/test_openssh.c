/* Packages of OpenSSH for Windows: told by their content, refused with what they are instead. */
#include <check.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "media/openssh.h"
#include "support/cds.h"
#include "support/openssh_file.h"
#include "support/suite.h"

START_TEST(packages_are_told_by_their_content) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *zip = openssh_zip(dir, "OpenSSH-Win64.msi", OPENSSH_WHOLE, 0x8664);
    CLEANUP_FREE char *arm = openssh_zip(dir, "arm", OPENSSH_WHOLE, 0xaa64), *msi = openssh_msi(dir, "x.zip", true);
    ck_assert_msg(openssh_look(zip, MEDIA_AMD64, &err) == OPENSSH_ZIP, "%s", err_text(&err));
    ck_assert_msg(openssh_look(arm, MEDIA_ARM64, &err) == OPENSSH_ZIP, "%s", err_text(&err));
    ck_assert_msg(openssh_look(msi, MEDIA_AMD64, &err) == OPENSSH_MSI, "%s", err_text(&err));
}
END_TEST

/* Frees the path. */
static void check_refused(char *path, const char *word) {
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_int_eq(openssh_look(path, MEDIA_AMD64, &err), OPENSSH_NONE);
    ck_assert_msg(err.cls == ERR_INPUT && strstr(err_text(&err), word) && strstr(err_text(&err), path), "no '%s': %s",
                  word, err_text(&err));
    free(path);
}

START_TEST(what_is_none_is_refused_with_what_it_is) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    check_refused(openssh_zip(dir, "a", OPENSSH_NO_SERVER, 0x8664), "without sshd.exe");
    check_refused(openssh_zip(dir, "b", OPENSSH_NO_SCRIPT, 0x8664), "without install-sshd.ps1");
    check_refused(openssh_zip(dir, "c", OPENSSH_WHOLE, 0x14c), "for x86, amd64 is needed");
    check_refused(openssh_zip(dir, "d", OPENSSH_NO_PROGRAM, 0x8664), "no machine known");
    check_refused(openssh_msi(dir, "e", false), "no package of Windows Installer");
    cds_put(dir, "page", "<!DOCTYPE html><html>Just a moment...");
    check_refused(fs_join(dir, "page"), "a saved web page");
    cds_put(dir, "program", "MZ");
    check_refused(fs_join(dir, "program"), "a Windows program");
    cds_put(dir, "text", "OpenSSH");
    check_refused(fs_join(dir, "text"), "neither an .msi nor a .zip");
    cds_put(dir, "empty", "");
    check_refused(fs_join(dir, "empty"), "an empty file");
    check_refused(fs_join(dir, "absent"), "No such file");
    check_refused(fs_join(dir, "."), "not a file");
}
END_TEST

START_TEST(a_package_that_ends_early_is_refused) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_FREE char *zip = openssh_zip(dir, "zip", OPENSSH_WHOLE, 0x8664), *msi = openssh_msi(dir, "msi", true);
    char *const files[] = {zip, msi};
    for (size_t i = 0; i < 2; i++) {
        size_t len = 0;
        CLEANUP_FREE char *bytes = fs_read(files[i], 1 << 20, &len, NULL);
        CLEANUP_FREE char *part = fs_join(dir, "part");
        ck_assert_ptr_nonnull(bytes);
        for (size_t cut = 0; cut < 600 && cut < len / 2; cut += 13) { /* before its second file, its directory */
            ck_assert_int_eq(fs_write_atomic(part, bytes, cut, 0644, NULL), 0);
            CLEANUP_ERR struct err err = ERR_INIT;
            ck_assert_msg(openssh_look(part, MEDIA_AMD64, &err) == OPENSSH_NONE, "%zu bytes of file %zu", cut, i);
            ck_assert_int_eq(err.cls, ERR_INPUT);
        }
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("openssh");
    TCase *t = tcase_create("openssh");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, packages_are_told_by_their_content);
    tcase_add_test(t, what_is_none_is_refused_with_what_it_is);
    tcase_add_test(t, a_package_that_ends_early_is_refused);
    suite_add_tcase(s, t);
    return suite_run(s);
}
