/* Recipes of Windows images: the catalogue, against every profile; what fits an ISO and what is refused with which
 * words; the lab's CD made of it. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "images/image.h"
#include "images/reactos.h"
#include "images/windows.h"
#include "media/labcd.h"
#include "support/cds.h"
#include "support/openssh_file.h"
#include "support/shipped.h"
#include "support/suite.h"

#define CATALOGUE "images/windows"

static struct windows_recipe *recipe(const char *name) {
    CLEANUP_FREE char *path = str_printf(CATALOGUE "/%s.json", name);
    struct diags diags = DIAGS_INIT;
    struct windows_recipe *r = windows_recipe_load(path, &diags);
    ck_assert_msg(r != NULL, "%s: %s", path, diags.count ? diags.items[0].message : "?");
    diags_free(&diags);
    return r;
}

/* ---- the catalogue ------------------------------------------------------------------------------ */

struct tour { size_t recipes, files; const char *recipe; char versions[256]; };

static void check_answer(const struct windows_recipe *r, const struct image_profile *p, const char *language) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct windows_plan plan = {.recipe = r, .profile = p, .language = language, .password = "Pass-1word",
                                .drivers = str_ends_with(p->name, "virtio")};
    CLEANUP_FREE char *text = windows_answer(&plan, &err);
    ck_assert_msg(text != NULL, "%s on %s: %s", r->name, p->name, err_text(&err));
    struct diags errors = DIAGS_INIT, warnings = DIAGS_INIT;
    struct answer_facts facts;
    answer_check("x", text, strlen(text), &facts, &errors, &warnings);
    ck_assert_msg(errors.count + warnings.count == 0, "%s on %s: %s", r->name, p->name,
                  (errors.count ? &errors : &warnings)->items[0].message);
    bool bios = strncmp(p->name, "bios", 4) == 0;
    ck_assert_str_eq(facts.partitioning, bios ? "mbr" : "gpt");
    ck_assert_str_eq(facts.language, language);
    ck_assert_int_eq(facts.key, !r->evaluation);
    answer_facts_clear(&facts);
    diags_free(&errors);
    diags_free(&warnings);
}

static int tour_profile(const char *name, void *ctx) {
    struct tour *t = ctx;
    CLEANUP(windows_recipe_free_ptr) struct windows_recipe *r = recipe(t->recipe);
    CLEANUP_FREE char *stem = str_printf("%.*s", (int)strlen(name) - 5, name);
    CLEANUP(shipped_profile_drop) struct image_profile *p = shipped_profile(stem);
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_msg(windows_recipe_fit_profile(r, p, &err) == 0, "%s", err_text(&err));
    for (size_t i = 0; i < json_array_size(r->languages); i++) {
        check_answer(r, p, json_string_value(json_array_get(r->languages, i)));
        t->files++;
    }
    return 0;
}

static int tour_recipe(const char *name, void *ctx) {
    struct tour *t = ctx;
    CLEANUP_FREE char *stem = str_printf("%.*s", (int)strlen(name) - 5, name);
    CLEANUP(windows_recipe_free_ptr) struct windows_recipe *r = recipe(stem);
    ck_assert_str_eq(r->name, stem);
    if (!strstr(t->versions, r->version)) {
        strncat(t->versions, r->version, sizeof(t->versions) - strlen(t->versions) - 1);
        strncat(t->versions, " ", sizeof(t->versions) - strlen(t->versions) - 1);
    }
    t->recipe = stem;
    t->recipes++;
    return fs_each("images/profiles", tour_profile, t, NULL);
}

START_TEST(every_recipe_on_every_profile_in_every_language) {
    struct tour t = {0};
    ck_assert_int_eq(fs_each(CATALOGUE, tour_recipe, &t, NULL), 0);
    ck_assert_uint_ge(t.recipes, 40);
    static const char *const versions[] = {"10-22h2",     "11-23h2",     "11-24h2",     "11-25h2",
                                           "server-2016", "server-2019", "server-2022", "server-2025"};
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        ck_assert_msg(strstr(t.versions, versions[i]) != NULL, "no recipe of %s", versions[i]);
    }
    printf("%zu recipes, %zu answer files\n", t.recipes, t.files);
}
END_TEST

START_TEST(errors_of_a_recipe_come_all_at_once) {
    static const char text[] =
        "{\n  \"format\": \"coexist-windows/1\", \"name\": \"x\", \"title\": \"X\",\n"
        "  \"version\": \"server-2022\",\n  \"edition\": \"ProfessionalEval\",\n  \"installation\": \"Client\",\n"
        "  \"image_name\": \"X\", \"arch\": \"amd64\", \"languages\": [\"de-DE\"],\n"
        "  \"builds\": [{\"build\": 19045}],\n"
        "  \"profiles\": [\"bios\"],\n  \"bypass_requirements\": [\"uefi\"],\n  \"key\": \"kms-client\",\n"
        "  \"account\": \"guest\"\n}\n";
    CLEANUP(cds_remove) char *dir = cds_dir();
    cds_put(dir, "x.json", text);
    CLEANUP_FREE char *path = fs_join(dir, "x.json");
    struct diags diags = DIAGS_INIT;
    ck_assert_ptr_null(windows_recipe_load(path, &diags));
    diags_sort(&diags);
    static const struct { const char *code; int line; } wanted[] = {
        {"wrong-edition", 4}, {"wrong-edition", 5}, {"wrong-build", 7},
        {"no-effect", 9},     {"unknown-name", 9},  {"evaluation-key", 10}, {"reserved-name", 11},
    };
    ck_assert_uint_eq(diags.count, ARRAY_LEN(wanted));
    for (size_t i = 0; i < diags.count; i++) {
        ck_assert_msg(str_eq(diags.items[i].code, wanted[i].code) && diags.items[i].pos.line == wanted[i].line,
                      "%zu: %d %s", i, diags.items[i].pos.line, diags.items[i].code);
    }
    diags_free(&diags);
    ck_assert(image_recipe_is(CATALOGUE "/win11-24h2-pro.json", WINDOWS_FORMAT));
    ck_assert(!image_recipe_is(CATALOGUE "/win11-24h2-pro.json", REACTOS_FORMAT));
    ck_assert(!image_recipe_is("images/winelab.json", WINDOWS_FORMAT));
    ck_assert(!image_recipe_is("images/no-such.json", WINDOWS_FORMAT));
}
END_TEST

START_TEST(a_profile_beside_the_recipe_comes_before_the_one_above_it) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_FREE char *recipe = str_printf("%s/mine/r.json", dir);
    CLEANUP_FREE char *own = str_printf("%s/mine/profiles/p.json", dir), *above = str_printf("%s/profiles/p.json", dir);
    cds_put(dir, "profiles/p.json", "{}");
    CLEANUP_FREE char *first = image_profile_path(recipe, "p");
    ck_assert_str_eq(first, above);
    cds_put(dir, "mine/profiles/p.json", "{}");
    CLEANUP_FREE char *then = image_profile_path(recipe, "p"), *file = image_profile_path(recipe, "x/y.json");
    ck_assert_str_eq(then, own);
    ck_assert_str_eq(file, "x/y.json");
}
END_TEST

/* ---- what fits ---------------------------------------------------------------------------------- */

#define PRO_24H2 {"Windows 11 Pro", "Professional", "Client", 9, 26100, 1742, {"de-DE"}}

static struct media *medium(const char *dir, const struct cds_edition *editions) {
    CLEANUP_FREE char *iso = cds_windows(dir, "win.iso", CDS_WIM, editions);
    CLEANUP_ERR struct err err = ERR_INIT;
    struct media *m = media_inspect(iso, &err);
    ck_assert_msg(m != NULL, "%s", err_text(&err));
    return m;
}

/* NULL: it fits, and this image; else all of the words must be in the refusal, separated by '|'. */
static void check_fit(const char *name, const char *language, const struct cds_edition *editions, int index,
                      const char *words) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP(media_free_ptr) struct media *m = medium(dir, editions);
    CLEANUP(windows_recipe_free_ptr) struct windows_recipe *r = recipe(name);
    CLEANUP_ERR struct err err = ERR_INIT;
    const struct media_edition *e = windows_recipe_fit(r, m, language, &err);
    if (!words) {
        ck_assert_msg(e != NULL, "%s", err_text(&err));
        ck_assert_int_eq(e->index, index);
        return;
    }
    ck_assert_ptr_null(e);
    ck_assert_int_eq(err.cls, ERR_INPUT);
    CLEANUP_FREE char *copy = str_dup(words);
    for (char *save = NULL, *w = strtok_r(copy, "|", &save); w; w = strtok_r(NULL, "|", &save)) {
        ck_assert_msg(strstr(err_text(&err), w) != NULL, "no '%s' in: %s", w, err_text(&err));
    }
}

START_TEST(what_fits_is_found) {
    static const struct cds_edition client[] = {
        {"Windows 11 Home", "Core", "Client", 9, 26100, 1742, {"de-DE"}}, PRO_24H2, {0}};
    static const struct cds_edition server[] = {
        {"Windows Server 2022 SERVERSTANDARDCORE", "ServerStandard", "Server Core", 9, 20348, 587, {"en-US"}},
        {"Windows Server 2022 SERVERSTANDARD", "ServerStandard", "Server", 9, 20348, 587, {"en-US"}},
        {0}};
    static const struct cds_edition enabled[] = {
        {"Windows 10 Pro", "Professional", "Client", 9, 19041, 2006, {"en-US"}}, {0}};
    check_fit("win11-24h2-pro", "de-DE", client, 2, NULL);
    check_fit("server2022-standard", NULL, server, 2, NULL);
    check_fit("server2022-standard-core", NULL, server, 1, NULL);
    check_fit("win10-22h2-pro", NULL, enabled, 1, NULL);
}
END_TEST

START_TEST(what_does_not_fit_is_refused_with_its_cause) {
    static const struct cds_edition pro[] = {PRO_24H2, {0}};
    static const struct cds_edition home[] = {{"Windows 11 Home", "Core", "Client", 9, 26100, 1742, {"en-US"}}, {0}};
    static const struct cds_edition arm[] = {
        {"Windows 11 Pro", "Professional", "Client", 12, 26100, 1, {"en-US"}}, {0}};
    static const struct cds_edition eval[] = {
        {"Windows Server 2022 SERVERSTANDARD", "ServerStandardEval", "Server", 9, 20348, 587, {"en-US"}}, {0}};
    static const struct cds_edition old[] = {
        {"Windows 10 Pro", "Professional", "Client", 9, 19041, 1288, {"en-US"}}, {0}};
    check_fit("win11-24h2-pro", NULL, pro, 0, "language en-US|Windows 11 Pro|de-DE|win11-24h2-pro --language de-DE");
    check_fit("win11-24h2-pro", "xx-XX", pro, 0, "does not have language 'xx-XX'|en-US, en-GB");
    check_fit("win11-24h2-enterprise", "de-DE", pro, 0, "edition Enterprise|Windows 11 Pro|win11-24h2-pro");
    check_fit("win11-23h2-pro", "de-DE", pro, 0, "build 22631 or 22621.2428 and later|26100.1742|win11-24h2-pro");
    check_fit("win11-24h2-pro", NULL, home, 0, "edition Professional|(Core, Client|no recipe in");
    check_fit("win11-24h2-pro", NULL, arm, 0, "for amd64|arm64");
    check_fit("server2022-standard", NULL, eval, 0,
              "edition ServerStandard;|evaluation media take no product key|server2022-standard-eval");
    check_fit("server2022-standard-eval-core", NULL, eval, 0, "as Server Core|(ServerStandardEval, Server,");
    check_fit("win10-22h2-pro", NULL, old, 0, "19041.2006 and later|19041.1288");
}
END_TEST

START_TEST(wrong_files_are_refused_by_name) {
    static const char *const systems[] = {"w10", NULL};
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP(windows_recipe_free_ptr) struct windows_recipe *r = recipe("win11-24h2-pro");
    CLEANUP(shipped_profile_drop) struct image_profile *virtio = shipped_profile("bios-virtio");
    CLEANUP(shipped_profile_drop) struct image_profile *sata = shipped_profile("bios");
    CLEANUP_FREE char *drivers = cds_virtio(dir, systems), *page = fs_join(dir, "page.iso");
    cds_put(dir, "page.iso", "<!DOCTYPE html><html>Just a moment...");
    CLEANUP(media_free_ptr) struct media *d = media_inspect(drivers, NULL);
    CLEANUP(media_free_ptr) struct media *h = media_inspect(page, NULL);
    CLEANUP_ERR struct err err = ERR_INIT;
    bool needed = false;
    ck_assert_ptr_null(windows_recipe_fit(r, d, NULL, &err));
    ck_assert_ptr_nonnull(strstr(err_text(&err), "the virtio drivers"));
    ck_assert_int_lt(windows_recipe_fit_virtio(r, virtio, h, &needed, &err), 0);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "page.iso is a saved web page"));
    ck_assert_int_lt(windows_recipe_fit_virtio(r, virtio, NULL, &needed, &err), 0);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "--virtio"));
    ck_assert_int_lt(windows_recipe_fit_virtio(r, virtio, d, &needed, &err), 0);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "viostor/w11/amd64"));
    ck_assert_int_eq(windows_recipe_fit_virtio(r, sata, NULL, &needed, NULL), 0);
    ck_assert(!needed);
    CLEANUP(windows_recipe_free_ptr) struct windows_recipe *ten = recipe("win10-22h2-pro");
    ck_assert_int_eq(windows_recipe_fit_virtio(ten, virtio, d, &needed, NULL), 0);
    ck_assert(needed);
}
END_TEST

START_TEST(an_incomplete_split_image_is_refused) {
    static const struct cds_edition pro[] = {PRO_24H2, {0}};
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP(cds_remove) char *tree = cds_dir();
    cds_image(tree, CDS_SWM, pro, 1000000);
    CLEANUP_FREE char *second = fs_join(tree, "sources/install3.swm"), *iso = fs_join(dir, "win.iso");
    ck_assert_int_eq(remove(second), 0);
    cds_iso(tree, "SPLIT", false, iso);
    CLEANUP(windows_recipe_free_ptr) struct windows_recipe *r = recipe("win11-24h2-pro");
    CLEANUP(media_free_ptr) struct media *m = media_inspect(iso, NULL);
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_ptr_null(windows_recipe_fit(r, m, "de-DE", &err));
    ck_assert_ptr_nonnull(strstr(err_text(&err), "part 3 of "));
}
END_TEST

/* ---- machines ----------------------------------------------------------------------------------- */

/* A recipe of the catalogue with members changed, in a folder of its own. */
static struct windows_recipe *changed(const char *dir, const char *name, json_t *members) {
    CLEANUP_FREE char *from = str_printf(CATALOGUE "/%s.json", name), *to = fs_join(dir, "changed.json");
    json_t *j = json_load_file(from, 0, NULL);
    json_object_update(j, members);
    ck_assert_int_eq(json_dump_file(j, to, 0), 0);
    json_decref(j);
    json_decref(members);
    struct diags diags = DIAGS_INIT;
    struct windows_recipe *r = windows_recipe_load(to, &diags);
    ck_assert_msg(r != NULL, "%s", diags.count ? diags.items[0].message : "?");
    diags_free(&diags);
    return r;
}

START_TEST(machines_that_cannot_be_are_refused) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP(shipped_profile_drop) struct image_profile *bios = shipped_profile("bios");
    CLEANUP(shipped_profile_drop) struct image_profile *secure = shipped_profile("uefi-secure");
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP(windows_recipe_free_ptr) struct windows_recipe *strict =
        changed(dir, "win11-24h2-pro", json_pack("{s:[]}", "bypass_requirements"));
    ck_assert_int_lt(windows_recipe_fit_profile(strict, bios, &err), 0);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "'bios' has neither"));
    ck_assert_int_lt(windows_recipe_fit_profile(strict, secure, &err), 0);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "no TPM"));
    CLEANUP(windows_recipe_free_ptr) struct windows_recipe *test =
        changed(dir, "server2022-standard", json_pack("{s:b}", "test_signing", 1));
    ck_assert_int_lt(windows_recipe_fit_profile(test, secure, &err), 0);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "test-signing"));
    ck_assert_int_eq(windows_recipe_fit_profile(test, bios, NULL), 0);
    CLEANUP(windows_recipe_free_ptr) struct windows_recipe *other =
        changed(dir, "server2022-standard", json_pack("{s:[s]}", "profiles", "uefi-secure"));
    ck_assert_int_lt(windows_recipe_fit_profile(other, bios, &err), 0);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "does not name profile 'bios'"));
}
END_TEST

/* ---- the CD, and its secret --------------------------------------------------------------------- */

START_TEST(a_plan_becomes_a_cd) {
    static const char *const systems[] = {"w11", NULL};
    static const struct cds_edition pro[] = {PRO_24H2, {0}};
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP(media_free_ptr) struct media *m = medium(dir, pro);
    CLEANUP(windows_recipe_free_ptr) struct windows_recipe *r = recipe("win11-24h2-pro");
    CLEANUP(shipped_profile_drop) struct image_profile *p = shipped_profile("uefi-secure-tpm-virtio");
    CLEANUP_FREE char *drivers = cds_virtio(dir, systems), *agent = fs_join(dir, "agent.exe");
    CLEANUP_FREE char *msi = fs_join(dir, "OpenSSH"), *key = fs_join(dir, "key.pub");
    CLEANUP_FREE char *iso = fs_join(dir, "lab.iso");
    cds_put(dir, "agent.exe", "MZ");
    cds_put(dir, "OpenSSH", "an MSI");
    cds_put(dir, "key.pub", "ssh-ed25519 AAAA lab\n");
    struct windows_plan plan = {r, p, windows_recipe_fit(r, m, "de-DE", NULL), "de-DE", "Pass-1word", true};
    struct windows_cd_files files = {agent, drivers, msi, OPENSSH_MSI, key};
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_msg(windows_cd(&plan, &files, iso, &err) == 0, "%s", err_text(&err));
    static const struct { const char *folder, *name, *content; } wanted[] = {
        {"", "Autounattend.xml", "<Value>1</Value>"},
        {"coexist", "lab.cd", "win11-24h2-pro"},
        {"coexist", "specialize.cmd", "agent.exe --install"},
        {"coexist", "logon.cmd", "openssh.msi"},
        {"coexist", "agent.exe", "MZ"},
        {"coexist", "openssh.msi", "an MSI"},
        {"coexist", "authorized_key", "ssh-ed25519"},
        {"$WinPEDriver$/viostor", "viostor.inf", "[Version]"},
        {"$WinPEDriver$/NetKVM", "NetKVM.sys", "MZ"},
    };
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        CLEANUP_FREE char *to = str_printf("%s/out%zu", dir, i), *file = fs_join(to, wanted[i].name);
        ck_assert_int_gt(media_extract(iso, wanted[i].folder, to, 1 << 20, &err), 0);
        CLEANUP_FREE char *text = fs_read(file, 1 << 20, NULL, &err);
        ck_assert_msg(text && strstr(text, wanted[i].content), "%s/%s", wanted[i].folder, wanted[i].name);
    }
}
END_TEST

static void check_no_openssh(const struct windows_recipe *r, const char *path, const char *word) {
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_int_eq(windows_recipe_fit_openssh(r, path, &err), OPENSSH_NONE);
    ck_assert_msg(err.cls == ERR_INPUT && strstr(err_text(&err), word), "%s", err_text(&err));
}

START_TEST(a_recipe_may_name_the_digest_of_openssh_or_want_none) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_FREE char *zip = openssh_zip(dir, "ssh.zip", OPENSSH_WHOLE, 0x8664);
    char hex[FS_SHA256_HEX];
    ck_assert_int_eq(fs_sha256_file(zip, hex, NULL), 0);
    CLEANUP(windows_recipe_free_ptr) struct windows_recipe *any = recipe("win11-24h2-pro");
    ck_assert_int_eq(windows_recipe_fit_openssh(any, zip, NULL), OPENSSH_ZIP);
    CLEANUP(windows_recipe_free_ptr) struct windows_recipe *named =
        changed(dir, "win11-24h2-pro", json_pack("{s:s}", "openssh_sha256", hex));
    ck_assert_int_eq(windows_recipe_fit_openssh(named, zip, NULL), OPENSSH_ZIP);
    hex[0] = hex[0] == '0' ? '1' : '0';
    CLEANUP(windows_recipe_free_ptr) struct windows_recipe *other =
        changed(dir, "win11-24h2-pro", json_pack("{s:s}", "openssh_sha256", hex));
    check_no_openssh(other, zip, hex);
    CLEANUP(windows_recipe_free_ptr) struct windows_recipe *none =
        changed(dir, "win11-24h2-pro", json_pack("{s:b}", "openssh", 0));
    check_no_openssh(none, zip, "wants no OpenSSH");
}
END_TEST

START_TEST(the_password_is_kept_to_the_lab) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_ERR struct err err = ERR_INIT;
    char *one = windows_password(dir, "win11", "lab", &err), *again = windows_password(dir, "win11", "lab", &err);
    char *other = windows_password(dir, "server", "lab", &err);
    ck_assert_str_eq(one, again);
    ck_assert_str_ne(one, other);
    ck_assert_uint_eq(strlen(one), 24);
    ck_assert(strpbrk(one, "abcdefghijkmnopqrstuvwxyz") && strpbrk(one, "ABCDEFGHJKLMNPQRSTUVWXYZ") &&
              strpbrk(one, "23456789") && strpbrk(one, "-_.+"));
    struct stat st;
    CLEANUP_FREE char *folder = fs_join(dir, "secrets"), *file = fs_join(folder, "win11.json");
    ck_assert_int_eq(stat(file, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(stat(folder, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0700);
    ck_assert_int_eq(chmod(file, 0644), 0);
    ck_assert_ptr_null(windows_password(dir, "win11", "lab", &err));
    ck_assert_ptr_nonnull(strstr(err_text(&err), "can be read by others"));
    ck_assert_ptr_null(strstr(err_text(&err), one));
    windows_password_forget(&one);
    windows_password_forget(&again);
    windows_password_forget(&other);
    ck_assert_ptr_null(one);
}
END_TEST

int main(void) {
    Suite *s = suite_create("windows");
    TCase *t = tcase_create("windows");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, every_recipe_on_every_profile_in_every_language);
    tcase_add_test(t, errors_of_a_recipe_come_all_at_once);
    tcase_add_test(t, a_profile_beside_the_recipe_comes_before_the_one_above_it);
    tcase_add_test(t, what_fits_is_found);
    tcase_add_test(t, what_does_not_fit_is_refused_with_its_cause);
    tcase_add_test(t, wrong_files_are_refused_by_name);
    tcase_add_test(t, an_incomplete_split_image_is_refused);
    tcase_add_test(t, machines_that_cannot_be_are_refused);
    tcase_add_test(t, a_plan_becomes_a_cd);
    tcase_add_test(t, a_recipe_may_name_the_digest_of_openssh_or_want_none);
    tcase_add_test(t, the_password_is_kept_to_the_lab);
    suite_add_tcase(s, t);
    return suite_run(s);
}
