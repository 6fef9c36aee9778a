/* What an image is installed from: recipes, profiles and media that fit each other, and those that are refused. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "install/source.h"
#include "support/cds.h"
#include "support/openssh_file.h"
#include "support/suite.h"
#include "vm/vm.h"

static const struct cds_edition editions[] = {{"Windows 11 Pro", "Professional", "Client", 9, 26100, 1742, {"en-US"}},
                                              {.name = NULL}};

/* Loads and looks; the source must be cleared. */
static int look(struct install_source *s, const struct install_make *spec, struct err *err) {
    struct diags diags = DIAGS_INIT;
    *s = (struct install_source){0};
    int rc = install_source_load(s, spec, &diags);
    ck_assert_msg(rc == 0, "%s: %s", spec->recipe, diags.count ? diags.items[0].message : "?");
    diags_free(&diags);
    return install_source_look(s, spec, err);
}

START_TEST(windows_is_installed_from_the_medium_with_the_labs_cd_beside_it) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_FREE char *iso = cds_windows(dir, "setup", CDS_WIM, editions);
    CLEANUP_FREE char *agent = fs_join(dir, "agent.exe");
    CLEANUP_FREE char *cd = fs_join(dir, "lab.iso");
    cds_put(dir, "agent.exe", "MZ");
    struct install_make spec = {.recipe = "images/windows/win11-24h2-pro.json", .iso = iso, .lab_dir = dir,
                                .agent = agent, .profile = "uefi-secure-tpm"};
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP(install_source_clear) struct install_source s;
    ck_assert_msg(look(&s, &spec, &err) == 0, "%s", err_text(&err));
    ck_assert_str_eq(s.name, "win11-24h2-pro");
    ck_assert_str_eq(s.profile->name, "uefi-secure-tpm");
    ck_assert_str_eq(s.language, "en-US");
    ck_assert_msg(install_source_cd(&s, &spec, "image", cd, &err) == 0, "%s", err_text(&err));
    ck_assert_int_gt(fs_size(cd), 0);
    const char *drives[VM_CDROMS_MAX];
    ck_assert_uint_eq(install_source_drives(&s, &spec, cd, drives), 2);
    ck_assert_str_eq(drives[0], iso);
    ck_assert_str_eq(drives[1], cd);
    json_t *installed = install_source_installed(&s, "digest");
    ck_assert_str_eq(json_string_value(json_object_get(installed, "build")), "10.0.26100.1742");
    json_decref(installed);
    json_t *real = install_source_limits(&s, false), *stand_in = install_source_limits(&s, true);
    ck_assert_uint_eq(json_array_size(real), 0);
    ck_assert_uint_eq(json_array_size(stand_in), 1);
    json_decref(real);
    json_decref(stand_in);
}
END_TEST

/* The text of a file on the lab's CD. Caller frees. */
static char *on_cd(const char *dir, const char *cd, const char *name) {
    CLEANUP_FREE char *to = str_printf("%s/of-%s", dir, name), *file = fs_join(to, name);
    ck_assert_int_gt(media_extract(cd, "coexist", to, 1 << 20, NULL), 0);
    return fs_read(file, 1 << 20, NULL, NULL);
}

START_TEST(openssh_goes_onto_the_cd_with_the_labs_key) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_FREE char *iso = cds_windows(dir, "setup", CDS_WIM, editions);
    CLEANUP_FREE char *agent = fs_join(dir, "agent.exe"), *cd = fs_join(dir, "lab.iso");
    CLEANUP_FREE char *zip = openssh_zip(dir, "download", OPENSSH_WHOLE, 0x8664);
    CLEANUP_FREE char *public = fs_join(dir, "keys/client_key.pub");
    cds_put(dir, "agent.exe", "MZ");
    struct install_make spec = {.recipe = "images/windows/win11-24h2-pro.json", .iso = iso, .lab_dir = dir,
                                .agent = agent, .profile = "uefi", .openssh = zip};
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP(install_source_clear) struct install_source s;
    ck_assert_msg(look(&s, &spec, &err) == 0, "%s", err_text(&err));
    ck_assert_msg(install_source_cd(&s, &spec, "image", cd, &err) == 0, "%s", err_text(&err));
    CLEANUP_FREE char *key = on_cd(dir, cd, "authorized_key"), *logon = on_cd(dir, cd, "logon.cmd");
    CLEANUP_FREE char *package = on_cd(dir, cd, "openssh.zip"), *labs = fs_read(public, 4096, NULL, NULL);
    ck_assert(key && labs && logon && package);
    ck_assert_str_eq(key, labs);
    ck_assert_int_eq(strncmp(key, "ssh-ed25519 ", 12), 0);
    ck_assert_ptr_nonnull(strstr(logon, "net.exe start sshd"));
    ck_assert_int_eq(memcmp(package, "PK\3\4", 4), 0);
    CLEANUP_FREE char *private = on_cd(dir, cd, "client_key");
    ck_assert_ptr_null(private);
}
END_TEST

START_TEST(what_does_not_fit_is_refused_before_anything_starts) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_FREE char *iso = cds_windows(dir, "setup", CDS_WIM, editions);
    CLEANUP_FREE char *page = fs_join(dir, "page.iso");
    cds_put(dir, "page.iso", "<!DOCTYPE html><html><body>Sign in</body></html>");
    const struct {
        const char *recipe, *profile, *iso, *language, *word, *openssh;
    } wrong[] = {
        {"images/windows/win11-24h2-pro.json", "uefi-secure-tpm", page, NULL, "page", NULL},
        {"images/windows/win10-22h2-pro.json", "uefi", iso, NULL, "Windows", NULL},
        {"images/windows/win11-24h2-pro.json", "uefi-secure-tpm", iso, "fr-FR", "fr-FR", NULL},
        {"images/windows/win11-24h2-pro.json", "uefi-secure-tpm-virtio", iso, NULL, "virtio", NULL},
        {"images/reactos.json", NULL, iso, NULL, "ReactOS", NULL},
        {"images/reactos.json", NULL, page, NULL, "ReactOS", NULL},
        {"images/reactos.json", "uefi", iso, NULL, "'uefi'", NULL},
        {"images/reactos.json", "bios", iso, NULL, "'bios'", NULL},
        {"images/reactos.json", NULL, iso, "de-DE", "language", NULL},
        {"images/windows/win11-24h2-pro.json", "uefi-secure-tpm", iso, NULL, "a saved web page", page},
        {"images/reactos.json", NULL, iso, NULL, "nor OpenSSH", page},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct install_make spec = {.recipe = wrong[i].recipe, .profile = wrong[i].profile, .iso = wrong[i].iso,
                                    .language = wrong[i].language, .openssh = wrong[i].openssh, .lab_dir = dir};
        CLEANUP_ERR struct err err = ERR_INIT;
        CLEANUP(install_source_clear) struct install_source s;
        ck_assert_msg(look(&s, &spec, &err) < 0, "%zu was taken", i);
        ck_assert_msg(err.cls == ERR_INPUT && strstr(err_text(&err), wrong[i].word), "%zu: %s", i, err_text(&err));
    }
}
END_TEST

START_TEST(reactos_is_installed_from_its_medium_with_more_on_it) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_FREE char *tree = fs_join(dir, "tree");
    CLEANUP_FREE char *iso = fs_join(dir, "reactos.iso");
    CLEANUP_FREE char *agent = fs_join(dir, "agent32.exe");
    CLEANUP_FREE char *cd = fs_join(dir, "lab.iso");
    cds_put(dir, "agent32.exe", "MZ");
    cds_put(tree, "reactos/ntoskrnl.exe", "MZ");
    cds_put(tree, "reactos/txtsetup.sif", "[Version]\r\nSignature = \"$ReactOS$\"\r\n");
    cds_put(tree, "freeldr.ini", "[FREELOADER]\r\nDefaultOS=Setup\r\n[Setup]\r\nBootType=ReactOSSetup\r\n");
    cds_iso(tree, "ReactOS", false, iso);
    struct install_make spec = {.recipe = "images/reactos.json", .iso = iso, .lab_dir = dir, .agent = agent};
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP(install_source_clear) struct install_source s;
    ck_assert_msg(look(&s, &spec, &err) == 0, "%s", err_text(&err));
    ck_assert_str_eq(s.profile->name, "bios-ide");
    ck_assert_msg(install_source_cd(&s, &spec, "image", cd, &err) == 0, "%s", err_text(&err));
    const char *drives[VM_CDROMS_MAX];
    ck_assert_uint_eq(install_source_drives(&s, &spec, cd, drives), 1);
    ck_assert_str_eq(drives[0], cd);
    json_t *limits = install_source_limits(&s, false);
    ck_assert_uint_eq(json_array_size(limits), json_array_size(s.reactos->limits));
    json_decref(limits);
}
END_TEST

START_TEST(a_machine_that_cannot_be_is_told_at_its_profile) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_FREE char *path = fs_join(dir, "odd.json");
    cds_put(dir, "odd.json", "{\"format\": \"coexist-profile/1\", \"name\": \"odd\", \"title\": \"Odd\",\n"
                             " \"hardware\": {\"machine\": \"pc\", \"firmware\": \"uefi-secure\",\n"
                             "  \"memory_mib\": 2048, \"vcpus\": 1}}\n");
    struct install_make spec = {.recipe = "images/windows/win10-22h2-pro.json", .lab_dir = dir, .profile = path};
    struct diags diags = DIAGS_INIT;
    CLEANUP(install_source_clear) struct install_source s = {0};
    ck_assert_int_lt(install_source_load(&s, &spec, &diags), 0);
    ck_assert_uint_eq(diags.count, 1);
    ck_assert_str_eq(diags.items[0].code, "impossible-machine");
    ck_assert_int_eq(diags.items[0].pos.line, 2);
    ck_assert_ptr_nonnull(strstr(diags.items[0].message, "Secure Boot"));
    diags_free(&diags);
}
END_TEST

START_TEST(a_wrong_recipe_is_told_with_its_place) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_FREE char *path = fs_join(dir, "r.json");
    cds_put(dir, "r.json", "{\"format\": \"coexist-reactos/1\", \"name\": \"R\", \"disk_gib\": 0}");
    struct install_make spec = {.recipe = path, .lab_dir = dir};
    struct diags diags = DIAGS_INIT;
    struct install_source s = {0};
    ck_assert_int_lt(install_source_load(&s, &spec, &diags), 0);
    ck_assert_uint_gt(diags.count, 2);
    install_source_clear(&s);
    diags_free(&diags);
}
END_TEST

int main(void) {
    Suite *s = suite_create("install source");
    TCase *t = tcase_create("install source");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, windows_is_installed_from_the_medium_with_the_labs_cd_beside_it);
    tcase_add_test(t, openssh_goes_onto_the_cd_with_the_labs_key);
    tcase_add_test(t, what_does_not_fit_is_refused_before_anything_starts);
    tcase_add_test(t, reactos_is_installed_from_its_medium_with_more_on_it);
    tcase_add_test(t, a_machine_that_cannot_be_is_told_at_its_profile);
    tcase_add_test(t, a_wrong_recipe_is_told_with_its_place);
    suite_add_tcase(s, t);
    return suite_run(s);
}
