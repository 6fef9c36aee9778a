/* Images as one file: whole on the other side, or nothing. */
#include <archive.h>
#include <archive_entry.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "images/bundle.h"
#include "support/suite.h"

#define ABC_SHA256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define MANIFEST                                                                                        \
    "{\"format\": \"coexist-image-manifest/1\", \"name\": \"tiny\", \"cmdline\": \"\","                 \
    " \"windows_root\": \"\", \"profile\": {\"memory_mib\": 512}, \"limits\": [],"                      \
    " \"ssh\": {\"user\": \"lab\", \"host_key\": \"ssh-ed25519 AAAA\", \"client_key\": \"client_key\"}," \
    " \"agent\": {\"path\": \"C:\\\\coexist\\\\agent.exe\"},"                                           \
    " \"files\": [{\"name\": \"disk.qcow2\", \"role\": \"disk\", \"bytes\": 3, \"sha256\": \"" ABC_SHA256 "\"}]}"

static char dir[] = "/tmp/coexist-test-XXXXXX";
static int lab_count;

static char *in_dir(const char *name) {
    return fs_join(dir, name);
}

/* A lab of its own for every use; caller frees. */
static char *new_lab(void) {
    CLEANUP_FREE char *name = str_printf("lab%d-%d", (int)getpid(), lab_count++);
    char *lab = in_dir(name);
    ck_assert_int_eq(fs_mkdirs(lab, NULL), 0);
    return lab;
}

static void put(const char *folder, const char *name, const char *text, mode_t mode) {
    CLEANUP_FREE char *path = fs_join(folder, name);
    ck_assert_int_eq(fs_write_atomic(path, text, strlen(text), mode, NULL), 0);
}

static char *lab_with_tiny(void) {
    char *lab = new_lab();
    CLEANUP_FREE char *image = fs_join(lab, "images/tiny");
    ck_assert_int_eq(fs_mkdirs(image, NULL), 0);
    put(image, "manifest.json", MANIFEST, 0644);
    put(image, "disk.qcow2", "abc", 0644);
    put(image, "client_key", "a key", 0600);
    return lab;
}

static char *export_tiny(const char *lab) {
    CLEANUP_FREE char *name = str_printf("tiny-%d.tar", (int)getpid());
    char *file = in_dir(name);
    CLEANUP_ERR struct err err = ERR_INIT;
    struct image *image = image_open(lab, "tiny", &err);
    ck_assert_msg(image && image_export(image, file, &err) == 0, "%s", err_text(&err));
    image_free(image);
    return file;
}

/* Whether the lab has nothing but the import's lock. */
static int count_entry(const char *name, void *ctx) {
    *(int *)ctx += !str_eq(name, ".import.lock");
    return 0;
}

static int left_in(const char *lab) {
    CLEANUP_FREE char *images = fs_join(lab, "images");
    int n = 0;
    ck_assert_int_eq(fs_each(images, count_entry, &n, NULL), 0);
    return n;
}

static void expect_refused(const char *lab, const char *file, const char *word) {
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *name = NULL;
    ck_assert_msg(image_import(lab, file, false, &name, &err) < 0, "%s was taken", word);
    ck_assert_msg(err.cls == ERR_INPUT && strstr(err_text(&err), word), "%s: %s", word, err_text(&err));
    ck_assert_ptr_null(name);
    ck_assert_int_eq(left_in(lab), 0);
}

START_TEST(what_is_exported_can_be_imported) {
    CLEANUP_FREE char *lab = lab_with_tiny();
    CLEANUP_FREE char *file = export_tiny(lab);
    CLEANUP_FREE char *other = new_lab();
    CLEANUP_FREE char *left = fs_join(other, "images/.tiny.importing"); /* of an import that was killed */
    ck_assert_int_eq(fs_mkdirs(left, NULL), 0);
    put(left, "disk.qcow2", "half", 0644);
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *name = NULL;
    ck_assert_msg(image_import(other, file, false, &name, &err) == 0, "%s", err_text(&err));
    ck_assert_str_eq(name, "tiny");
    struct image *image = image_open(other, "tiny", &err);
    ck_assert_msg(image && image_verify(image, &err) == 0, "%s", err_text(&err));
    struct stat st;
    ck_assert_int_eq(stat(image->disk, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0444);
    ck_assert_int_eq(stat(image->ssh_client_key, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(stat(file, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(left_in(other), 1);
    image_free(image);
}
END_TEST

START_TEST(an_image_that_is_there_is_replaced_only_when_told) {
    CLEANUP_FREE char *lab = lab_with_tiny();
    CLEANUP_FREE char *file = export_tiny(lab);
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *name = NULL;
    ck_assert_int_lt(image_import(lab, file, false, &name, &err), 0);
    ck_assert_int_eq(err.cls, ERR_REFUSED);
    ck_assert_int_eq(left_in(lab), 1);
    ck_assert_msg(image_import(lab, file, true, &name, &err) == 0, "%s", err_text(&err));
    ck_assert_int_eq(left_in(lab), 1);
}
END_TEST

START_TEST(a_damaged_image_is_not_exported) {
    CLEANUP_FREE char *lab = lab_with_tiny();
    CLEANUP_FREE char *folder = fs_join(lab, "images/tiny");
    put(folder, "disk.qcow2", "abd", 0644);
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *file = in_dir("damaged.tar");
    struct image *image = image_open(lab, "tiny", &err);
    ck_assert_int_lt(image_export(image, file, &err), 0);
    ck_assert_int_eq(err.cls, ERR_INPUT);
    ck_assert(!fs_exists(file));
    image_free(image);
}
END_TEST

/* Cut anywhere, the archive gives nothing. */
START_TEST(half_an_archive_leaves_nothing) {
    CLEANUP_FREE char *lab = lab_with_tiny();
    CLEANUP_FREE char *file = export_tiny(lab);
    CLEANUP_FREE char *half = in_dir("half.tar");
    CLEANUP_FREE char *other = new_lab();
    size_t len = 0;
    CLEANUP_FREE char *bytes = fs_read(file, 1 << 20, &len, NULL);
    char *disk = memmem(bytes, len, "tiny/disk.qcow2", 15);
    ck_assert_ptr_nonnull(disk);
    for (size_t cut = 0; cut < (size_t)(disk - bytes) + 515; cut += 101) {
        CLEANUP_ERR struct err err = ERR_INIT;
        CLEANUP_FREE char *name = NULL;
        ck_assert_int_eq(fs_write_atomic(half, bytes, cut, 0600, NULL), 0);
        ck_assert_msg(image_import(other, half, false, &name, &err) < 0, "cut at %zu", cut);
        ck_assert_int_eq(left_in(other), 0);
    }
}
END_TEST

/* ---- archives of strangers ------------------------------------------------------------------- */

struct entry {
    const char *path, *text, *link;
};

static char *write_archive(const struct entry *entries) {
    char *file = in_dir("stranger.tar");
    struct archive *a = archive_write_new();
    archive_write_set_format_pax_restricted(a);
    ck_assert_int_eq(archive_write_open_filename(a, file), ARCHIVE_OK);
    for (; entries->path; entries++) {
        struct archive_entry *e = archive_entry_new();
        archive_entry_set_pathname(e, entries->path);
        archive_entry_set_perm(e, 0644);
        archive_entry_set_filetype(e, entries->link ? AE_IFLNK : AE_IFREG);
        if (entries->link) {
            archive_entry_set_symlink(e, entries->link);
        } else {
            archive_entry_set_size(e, (la_int64_t)strlen(entries->text));
        }
        ck_assert_int_eq(archive_write_header(a, e), ARCHIVE_OK);
        if (!entries->link) {
            archive_write_data(a, entries->text, strlen(entries->text));
        }
        archive_entry_free(e);
    }
    archive_write_close(a);
    archive_write_free(a);
    return file;
}

static const struct {
    const char *word; /* of the complaint */
    struct entry entries[5];
} strangers[] = {
    {"empty", {{NULL, NULL, NULL}}},
    {"does not belong", {{"../tiny/manifest.json", MANIFEST, NULL}}},
    {"does not belong", {{"/tiny/manifest.json", MANIFEST, NULL}}},
    {"does not belong", {{"tiny/manifest.json", MANIFEST, NULL}, {"tiny/../disk.qcow2", "abc", NULL}}},
    {"does not belong", {{"tiny/manifest.json", MANIFEST, NULL}, {"tiny/a/disk.qcow2", "abc", NULL}}},
    {"does not belong", {{"tiny/manifest.json", MANIFEST, NULL}, {"other/disk.qcow2", "abc", NULL}}},
    {"does not belong", {{"tiny/manifest.json", MANIFEST, NULL}, {"tiny/disk.qcow2", NULL, "/etc/passwd"}}},
    {"does not belong", {{"tiny/manifest.json", NULL, "/etc/passwd"}}},
    {"not with a manifest", {{"tiny/disk.qcow2", "abc", NULL}, {"tiny/manifest.json", MANIFEST, NULL}}},
    {"has no 'more'", {{"tiny/manifest.json", MANIFEST, NULL}, {"tiny/more", "x", NULL}}},
    {"has no 'manifest.json'", {{"tiny/manifest.json", MANIFEST, NULL}, {"tiny/manifest.json", MANIFEST, NULL}}},
    {"another image", {{"big/manifest.json", MANIFEST, NULL}}},
    {"manifest.json:1", {{"tiny/manifest.json", "{", NULL}}},
    {"stands twice",
     {{"tiny/manifest.json", MANIFEST, NULL}, {"tiny/disk.qcow2", "abc", NULL}, {"tiny/disk.qcow2", "abc", NULL}}},
    {"larger than", {{"tiny/manifest.json", MANIFEST, NULL}, {"tiny/disk.qcow2", "abcd", NULL}}},
    {"SHA-256", {{"tiny/manifest.json", MANIFEST, NULL}, {"tiny/disk.qcow2", "abd", NULL}}},
    {"not there", {{"tiny/manifest.json", MANIFEST, NULL}}},
};

START_TEST(what_is_no_export_is_refused_with_its_cause) {
    CLEANUP_FREE char *lab = new_lab();
    CLEANUP_FREE char *file = write_archive(strangers[_i].entries);
    expect_refused(lab, file, strangers[_i].word);
}
END_TEST

START_TEST(a_file_that_is_no_archive_is_refused) {
    CLEANUP_FREE char *lab = new_lab();
    put(dir, "page.tar", "<!DOCTYPE html><html></html>", 0644);
    CLEANUP_FREE char *page = in_dir("page.tar");
    CLEANUP_FREE char *nowhere = in_dir("nowhere.tar");
    expect_refused(lab, page, "page.tar");
    expect_refused(lab, nowhere, "nowhere.tar");
}
END_TEST

int main(void) {
    Suite *s = suite_create("bundle");
    TCase *t = tcase_create("bundle");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, what_is_exported_can_be_imported);
    tcase_add_test(t, an_image_that_is_there_is_replaced_only_when_told);
    tcase_add_test(t, a_damaged_image_is_not_exported);
    tcase_add_test(t, half_an_archive_leaves_nothing);
    tcase_add_loop_test(t, what_is_no_export_is_refused_with_its_cause, 0, (int)ARRAY_LEN(strangers));
    tcase_add_test(t, a_file_that_is_no_archive_is_refused);
    suite_add_tcase(s, t);
    return suite_run_in(dir, s);
}
