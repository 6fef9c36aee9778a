/* Images: recipes, manifests, and the detection of damage. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "images/image.h"
#include "images/publish.h"
#include "support/suite.h"

/* A lab folder with one image "tiny": a disk of three bytes and a manifest that fits. */
static char *lab_make(const char *manifest_sha256, const char *extra) {
    char tmpl[] = "/tmp/coexist-test-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(tmpl));
    CLEANUP_FREE char *dir = fs_join(tmpl, "images/tiny");
    ck_assert_int_eq(fs_mkdirs(dir, NULL), 0);
    CLEANUP_FREE char *disk = fs_join(dir, "disk.qcow2");
    ck_assert_int_eq(fs_write_atomic(disk, "abc", 3, 0644, NULL), 0);
    CLEANUP_FREE char *manifest = str_printf(
        "{\"format\": \"coexist-image-manifest/1\", \"name\": \"tiny\", \"cmdline\": \"quiet\","
        " \"windows_root\": \"/C:\", \"profile\": {\"memory_mib\": 512}, \"limits\": [\"a limit\"],"
        " \"ssh\": {\"user\": \"lab\", \"host_key\": \"ssh-ed25519 AAAA\", \"client_key\": \"client_key\"},"
        " \"agent\": {\"path\": \"C:\\\\coexist\\\\agent.exe\"},"
        " \"files\": [{\"name\": \"disk.qcow2\", \"role\": \"disk\", \"bytes\": 3, \"sha256\": \"%s\"}]%s}",
        manifest_sha256, extra);
    CLEANUP_FREE char *path = fs_join(dir, "manifest.json");
    ck_assert_int_eq(fs_write_atomic(path, manifest, strlen(manifest), 0644, NULL), 0);
    return str_dup(tmpl);
}

#define ABC_SHA256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void lab_remove(char **lab) {
    if (*lab) {
        fs_remove_tree(*lab, NULL);
        free(*lab);
    }
}

static void image_drop(struct image **image) {
    image_free(*image);
}

START_TEST(image_is_read_from_its_manifest) {
    CLEANUP(lab_remove) char *lab = lab_make(ABC_SHA256, "");
    CLEANUP(image_drop) struct image *image = image_open(lab, "tiny", NULL);
    ck_assert_ptr_nonnull(image);
    ck_assert_str_eq(image->name, "tiny");
    ck_assert(str_ends_with(image->disk, "/images/tiny/disk.qcow2"));
    ck_assert_ptr_null(image->kernel);
    ck_assert_str_eq(image->windows_root, "/C:");
    ck_assert_str_eq(image->ssh_user, "lab");
    ck_assert_str_eq(image->agent_path, "C:\\coexist\\agent.exe");
    ck_assert_uint_eq(json_array_size(image->limits), 1);
    ck_assert_ptr_null(image->safe_mode);
    ck_assert_int_eq(image_verify(image, NULL), 0);
}
END_TEST

/* The same image made again: what was kept of its machine goes on. Another one's machine is another. */
START_TEST(only_the_same_image_keeps_what_was_kept_at_ready) {
    for (int same = 0; same < 2; same++) {
        CLEANUP(lab_remove) char *lab = lab_make(ABC_SHA256, "");
        CLEANUP(lab_remove) char *other = lab_make(ABC_SHA256, same ? "" : ", \"title\": \"other\"");
        CLEANUP_FREE char *final = fs_join(lab, "images/tiny"), *out = fs_join(other, "images/tiny");
        CLEANUP_FREE char *kept = fs_join(final, "ready-1"), *beside = fs_join(final, "notes");
        CLEANUP_ERR struct err err = ERR_INIT;
        ck_assert(fs_mkdirs(kept, NULL) == 0 && fs_mkdirs(beside, NULL) == 0);
        CLEANUP(image_drop) struct image *made = image_open_dir(out, &err);
        ck_assert_msg(made && image_publish(out, final, made->manifest, &err) == 0, "%s", err_text(&err));
        ck_assert_int_eq(fs_exists(kept), same);
        ck_assert(!fs_exists(beside) && !fs_exists(out));
        CLEANUP(image_drop) struct image *image = image_open(lab, "tiny", &err);
        ck_assert(image && image_verify(image, &err) == 0 && json_equal(image->manifest, made->manifest));
    }
}
END_TEST

START_TEST(image_says_how_it_gets_into_safe_mode) {
    static const struct {
        const char *how;
        bool known;
    } cases[] = {{"\"bcd\"", true},   {"\"/etc/coexist/safe-mode\"", true}, {"\"BCD\"", false}, {"\"\"", false},
                 {"\"etc\"", false}, {"true", false},                       {"null", false},     {"[\"bcd\"]", false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP_FREE char *extra = str_printf(", \"safe_mode\": %s", cases[i].how);
        CLEANUP(lab_remove) char *lab = lab_make(ABC_SHA256, extra);
        CLEANUP_ERR struct err err = ERR_INIT;
        CLEANUP(image_drop) struct image *image = image_open(lab, "tiny", &err);
        ck_assert_msg((image != NULL) == cases[i].known, "%s", cases[i].how);
        ck_assert(image ? image->safe_mode != NULL : strstr(err_text(&err), "'safe_mode' is neither") != NULL);
    }
}
END_TEST

START_TEST(image_that_is_absent_says_how_to_make_it) {
    CLEANUP(lab_remove) char *lab = lab_make(ABC_SHA256, "");
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_ptr_null(image_open(lab, "none", &err));
    ck_assert_int_eq(err.cls, ERR_INPUT);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "coexist image build"));
}
END_TEST

START_TEST(image_altered_disk_is_found_by_digest) {
    CLEANUP(lab_remove) char *lab = lab_make(ABC_SHA256, "");
    CLEANUP(image_drop) struct image *image = image_open(lab, "tiny", NULL);
    ck_assert_int_eq(fs_write_atomic(image->disk, "abd", 3, 0644, NULL), 0);
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_int_lt(image_verify(image, &err), 0);
    ck_assert_int_eq(err.cls, ERR_INPUT);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "disk.qcow2"));
    ck_assert_ptr_nonnull(strstr(err_text(&err), ABC_SHA256));
}
END_TEST

START_TEST(image_truncated_disk_is_found_by_size) {
    CLEANUP(lab_remove) char *lab = lab_make(ABC_SHA256, "");
    CLEANUP(image_drop) struct image *image = image_open(lab, "tiny", NULL);
    ck_assert_int_eq(truncate(image->disk, 2), 0);
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_int_lt(image_verify(image, &err), 0);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "2 bytes, the manifest says 3"));
    ck_assert_int_eq(unlink(image->disk), 0);
    ck_assert_int_lt(image_verify(image, &err), 0);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "not there"));
}
END_TEST

static void manifest_is_refused(const char *text, const char *because) {
    CLEANUP(lab_remove) char *lab = lab_make(ABC_SHA256, "");
    CLEANUP_FREE char *path = fs_join(lab, "images/tiny/manifest.json");
    ck_assert_int_eq(fs_write_atomic(path, text, strlen(text), 0644, NULL), 0);
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_ptr_null(image_open(lab, "tiny", &err));
    ck_assert_int_eq(err.cls, ERR_INPUT);
    ck_assert_msg(strstr(err_text(&err), because), "%s", err_text(&err));
}

START_TEST(image_broken_manifests_are_refused_with_a_reason) {
    manifest_is_refused("{", "manifest.json:1:");
    manifest_is_refused("{}", "'format' is missing");
    manifest_is_refused("{\"format\": \"coexist-image-manifest/9\"}", "this program reads");
    manifest_is_refused("{\"format\": \"coexist-image-manifest/1\", \"name\": 5}", "'name'");
    manifest_is_refused("{\"format\": \"coexist-image-manifest/1\", \"name\": \"x\","
                        " \"ssh\": {\"client_key\": \"k\"}, \"files\": [{\"name\": \"../x\","
                        " \"role\": \"disk\", \"bytes\": 1, \"sha256\": \"" ABC_SHA256 "\"}]}",
                        "files[0] is not right");
}
END_TEST

static int count_image(const char *name, const struct image *image, const char *why, void *ctx) {
    (void)name;
    int *seen = ctx;
    seen[image ? 0 : 1]++;
    ck_assert((image != NULL) != (why != NULL));
    return 0;
}

START_TEST(image_list_shows_broken_ones_too_and_no_builds_in_progress) {
    CLEANUP(lab_remove) char *lab = lab_make(ABC_SHA256, "");
    CLEANUP_FREE char *broken = fs_join(lab, "images/broken");
    CLEANUP_FREE char *building = fs_join(lab, "images/.tiny.building");
    ck_assert_int_eq(fs_mkdirs(broken, NULL), 0);
    ck_assert_int_eq(fs_mkdirs(building, NULL), 0);
    int seen[2] = {0, 0};
    ck_assert_int_eq(image_each(lab, count_image, seen, NULL), 0);
    ck_assert_int_eq(seen[0], 1);
    ck_assert_int_eq(seen[1], 1);
    ck_assert_int_eq(image_each("/nonexistent", count_image, seen, NULL), 0);
}
END_TEST

START_TEST(recipe_of_the_project_is_right) {
    struct diags diags = DIAGS_INIT;
    struct image_recipe *r = image_recipe_load("images/winelab.json", &diags);
    diags_print(&diags, stdout);
    ck_assert_ptr_nonnull(r);
    ck_assert_str_eq(r->name, "winelab");
    image_recipe_free(r);
    diags_free(&diags);
}
END_TEST

START_TEST(recipe_errors_come_all_at_once_with_their_places) {
    CLEANUP(lab_remove) char *lab = lab_make(ABC_SHA256, "");
    CLEANUP_FREE char *path = fs_join(lab, "recipe.json");
    static const char text[] = "{\n  \"format\": \"coexist-image/1\",\n  \"name\": \"Bad Name\",\n"
                               "  \"diskmib\": 1\n}\n";
    ck_assert_int_eq(fs_write_atomic(path, text, strlen(text), 0644, NULL), 0);
    struct diags diags = DIAGS_INIT;
    ck_assert_ptr_null(image_recipe_load(path, &diags));
    ck_assert_uint_ge(diags.count, 3);
    bool name = false;
    bool key = false;
    for (size_t i = 0; i < diags.count; i++) {
        name = name || diags.items[i].pos.line == 3;
        key = key || (diags.items[i].pos.line == 4 && strstr(diags.items[i].hint, "disk_mib"));
    }
    ck_assert(name);
    ck_assert(key);
    diags_free(&diags);
}
END_TEST

START_TEST(build_that_cannot_start_leaves_the_old_image_alone) {
    CLEANUP(lab_remove) char *lab = lab_make(ABC_SHA256, "");
    struct diags diags = DIAGS_INIT;
    struct image_recipe *r = image_recipe_load("images/winelab.json", &diags);
    ck_assert_ptr_nonnull(r);
    struct image_build_opts o = {.agent_exe = "/nonexistent/agent.exe", .tools_dir = lab};
    CLEANUP_ERR struct err err = ERR_INIT;
    bool built = false;
    ck_assert_int_lt(image_build(r, lab, &o, &built, &err), 0);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "/nonexistent/agent.exe"));
    CLEANUP(image_drop) struct image *image = image_open(lab, "tiny", NULL);
    ck_assert_int_eq(image_verify(image, NULL), 0);
    image_recipe_free(r);
    diags_free(&diags);
}
END_TEST

int main(void) {
    Suite *s = suite_create("image");
    TCase *t = tcase_create("image");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, image_is_read_from_its_manifest);
    tcase_add_test(t, only_the_same_image_keeps_what_was_kept_at_ready);
    tcase_add_test(t, image_says_how_it_gets_into_safe_mode);
    tcase_add_test(t, image_that_is_absent_says_how_to_make_it);
    tcase_add_test(t, image_altered_disk_is_found_by_digest);
    tcase_add_test(t, image_truncated_disk_is_found_by_size);
    tcase_add_test(t, image_broken_manifests_are_refused_with_a_reason);
    tcase_add_test(t, image_list_shows_broken_ones_too_and_no_builds_in_progress);
    tcase_add_test(t, recipe_of_the_project_is_right);
    tcase_add_test(t, recipe_errors_come_all_at_once_with_their_places);
    tcase_add_test(t, build_that_cannot_start_leaves_the_old_image_alone);
    suite_add_tcase(s, t);
    return suite_run(s);
}
