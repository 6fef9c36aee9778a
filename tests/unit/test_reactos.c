/* ReactOS' boot CD, as its builders make it, made to install by itself. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "media/media.h"
#include "media/reactos.h"
#include "support/cds.h"
#include "support/suite.h"

static const char menu[] = "[FREELOADER]\r\nDefaultOS=LiveImg\r\nTimeOut=3\r\n\r\n[Operating Systems]\r\n"
                           "Setup=\"ReactOS Setup (Text Mode)\"\r\nLiveImg=\"ReactOS Live\"\r\n\r\n"
                           "[LiveImg]\r\nBootType=Windows2003\r\nOptions=/MININT\r\n\r\n[Setup]\r\n"
                           "BootType = ReactOSSetup\r\n";

/* A released CD: Setup's files in I386, a live system in reactos; names of mixed case, ISO 9660:1999. */
static char *boot_cd(const char *dir, const char *source, const char *ini) {
    CLEANUP(cds_remove) char *tree = cds_dir();
    CLEANUP_FREE char *sif = str_printf("%s/txtsetup.sif", source), *inf = str_printf("%s/unattend.inf", source);
    cds_put(tree, sif, "[Version]");
    cds_put(tree, inf, "[Unattend]\r\nUnattendSetupEnabled = no\r\n");
    cds_put(tree, "reactos/ntoskrnl.exe", "MZ");
    cds_put(tree, "loader/isoboot.bin", "boot code");
    cds_put(tree, "freeldr.ini", ini);
    char *iso = fs_join(dir, "reactos.iso");
    cds_iso_1999(tree, false, iso);
    return iso;
}

static void check_on_cd(const char *iso, const char *file, const char *content) {
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *text = media_read(iso, file, 1 << 20, NULL, &err);
    ck_assert_msg(text != NULL, "%s: %s", file, err_text(&err));
    ck_assert_msg(strstr(text, content) != NULL, "%s: no '%s' in '%s'", file, content, text);
}

START_TEST(a_boot_cd_installs_by_itself) {
    static const char *const sources[] = {"I386", "reactos"};
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        CLEANUP(cds_remove) char *dir = cds_dir();
        cds_put(dir, "agent32.exe", "MZ 32");
        CLEANUP_FREE char *agent = fs_join(dir, "agent32.exe"), *to = fs_join(dir, "new.iso");
        CLEANUP_FREE char *from = boot_cd(dir, sources[i], menu), *inf = str_printf("%s/unattend.inf", sources[i]);
        struct reactos_spec s = {agent, "COM2", "COEXIST-LAB", 0x409};
        CLEANUP_ERR struct err err = ERR_INIT;
        ck_assert_msg(reactos_cd(from, &s, to, &err) == 0, "%s", err_text(&err));
        check_on_cd(to, inf, "UnattendSetupEnabled = yes\r\n");
        check_on_cd(to, inf, "[GuiRunOnce]\r\ncmd.exe /c D:\\coexist\\install.cmd D:\r\n");
        check_on_cd(to, "coexist/install.cmd", "agent.exe --install --port COM2\r\n");
        check_on_cd(to, "coexist/agent.exe", "MZ 32");
        check_on_cd(to, "freeldr.ini", "DefaultOS=Setup\r\n");
        check_on_cd(to, "reactos/ntoskrnl.exe", "MZ");
        CLEANUP(media_free_ptr) struct media *m = media_inspect(to, &err);
        ck_assert_int_eq(m->kind, MEDIA_REACTOS);
        ck_assert(m->bios);
        ck_assert_str_eq(m->label, "ReactOS");
    }
}
END_TEST

START_TEST(the_menu_boots_setup) {
    CLEANUP_FREE char *changed = reactos_freeldr(menu);
    ck_assert_ptr_nonnull(strstr(changed, "[FREELOADER]\r\nDefaultOS=Setup\r\nTimeOut=1\r\n"));
    ck_assert_ptr_null(strstr(changed, "LiveImg\r\nTimeOut=3"));
    ck_assert_ptr_nonnull(strstr(changed, "LiveImg=\"ReactOS Live\"\r\n"));
    ck_assert_ptr_nonnull(strstr(changed, "[LiveImg]\r\nBootType=Windows2003\r\nOptions=/MININT\r\n"));
    CLEANUP_FREE char *again = reactos_freeldr(changed);
    ck_assert_str_eq(changed, again);
    ck_assert_ptr_null(reactos_freeldr("[FREELOADER]\nDefaultOS=Live\n[Live]\nBootType=Windows2003\n"));
    ck_assert_ptr_null(reactos_freeldr(""));
    ck_assert_ptr_null(reactos_freeldr("BootType=ReactOSSetup"));
}
END_TEST

/* A line of [GuiRunOnce] ends for Setup at a comma or '=', and '%' begins the name of a string. */
START_TEST(commands_are_such_as_setup_takes) {
    struct reactos_spec s = {"x", "COM2", "LAB", 0x407};
    CLEANUP_FREE char *text = reactos_unattend(&s);
    ck_assert_ptr_nonnull(strstr(text, "LocaleID = 407\r\n"));
    const char *commands = strstr(text, "[GuiRunOnce]\r\n");
    ck_assert_ptr_nonnull(commands);
    ck_assert_ptr_null(strpbrk(commands, ",=%;\""));
}
END_TEST

START_TEST(other_cds_are_refused) {
    static const char *const systems[] = {"w10", NULL};
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP(cds_remove) char *live = cds_dir();
    cds_put(dir, "agent32.exe", "MZ 32");
    cds_put(live, "reactos/ntoskrnl.exe", "MZ");
    cds_put(live, "freeldr.ini", "[FREELOADER]");
    CLEANUP_FREE char *agent = fs_join(dir, "agent32.exe"), *to = fs_join(dir, "new.iso");
    CLEANUP_FREE char *virtio = cds_virtio(dir, systems), *iso = fs_join(dir, "live.iso");
    cds_iso(live, "LIVE", false, iso);
    struct reactos_spec s = {agent, "COM2", "LAB", 0x409};
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_int_lt(reactos_cd(virtio, &s, to, &err), 0);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "virtio drivers"));
    ck_assert_int_lt(reactos_cd(iso, &s, to, &err), 0);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "live CD"));
    ck_assert(!fs_exists(to));
}
END_TEST

/* Directory records (ECMA-119, 9.1) of that name are made to lead beyond the end of the CD. */
static void lose_file(const char *iso, const char *name) {
    size_t len = 0, changed = 0;
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *cd = fs_read(iso, 16 << 20, &len, &err);
    ck_assert_msg(cd != NULL, "%s", err_text(&err));
    for (size_t at = 33; at + strlen(name) < len; at++) {
        if (strncasecmp(cd + at, name, strlen(name)) == 0 && cd[at - 1] >= (char)strlen(name)) {
            memcpy(cd + at - 33 + 2, "\xff\xff\xff\x00\x00\xff\xff\xff", 8);
            changed++;
        }
    }
    ck_assert_uint_gt(changed, 0);
    ck_assert(fs_write_atomic(iso, cd, len, 0644, &err) == 0);
}

START_TEST(what_cannot_be_read_of_a_boot_cd_ends_it) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    cds_put(dir, "agent32.exe", "MZ 32");
    CLEANUP_FREE char *agent = fs_join(dir, "agent32.exe"), *to = fs_join(dir, "new.iso");
    CLEANUP_FREE char *large = mem_zalloc(70001, 1);
    memset(large, ';', 70000);
    struct reactos_spec s = {agent, "COM2", "LAB", 0x409};
    CLEANUP_ERR struct err too_large = ERR_INIT, lost = ERR_INIT;
    CLEANUP_FREE char *first = boot_cd(dir, "I386", large);
    ck_assert_int_lt(reactos_cd(first, &s, to, &too_large), 0);
    ck_assert_msg(strstr(err_text(&too_large), "freeldr.ini: 70000 bytes") != NULL, "%s", err_text(&too_large));
    CLEANUP_FREE char *second = boot_cd(dir, "I386", menu);
    lose_file(second, "freeldr.ini");
    ck_assert_int_lt(reactos_cd(second, &s, to, &lost), 0);
    ck_assert_msg(strstr(err_text(&lost), "freeldr.ini: the CD ends") != NULL, "%s", err_text(&lost));
    ck_assert(!fs_exists(to));
}
END_TEST

START_TEST(what_a_cd_has_is_told_in_one_look) {
    static const char *const files[] = {"I386/TXTSETUP.SIF", "reactos", "reactos/txtsetup.sif", "none/at/all"};
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_FREE char *iso = boot_cd(dir, "I386", menu), *page = fs_join(dir, "page.iso");
    bool there[ARRAY_LEN(files)];
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_msg(media_has(iso, files, ARRAY_LEN(files), there, &err) == 0, "%s", err_text(&err));
    ck_assert(there[0] && there[1] && !there[2] && !there[3]);
    cds_put(dir, "page.iso", "<html>");
    ck_assert_int_lt(media_has(page, files, ARRAY_LEN(files), there, &err), 0);
    ck_assert_msg(strstr(err_text(&err), "no CD") != NULL, "%s", err_text(&err));
    err_clear(&err);
    ck_assert_ptr_null(media_read(iso, "reactos", 100, NULL, &err));
    ck_assert_ptr_nonnull(strstr(err_text(&err), "a folder"));
}
END_TEST

int main(void) {
    Suite *s = suite_create("reactos");
    TCase *t = tcase_create("reactos");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, a_boot_cd_installs_by_itself);
    tcase_add_test(t, the_menu_boots_setup);
    tcase_add_test(t, commands_are_such_as_setup_takes);
    tcase_add_test(t, other_cds_are_refused);
    tcase_add_test(t, what_cannot_be_read_of_a_boot_cd_ends_it);
    tcase_add_test(t, what_a_cd_has_is_told_in_one_look);
    suite_add_tcase(s, t);
    return suite_run(s);
}
