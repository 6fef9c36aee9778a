/* Which state at ready of an image a machine may go on from (run/ready.h). */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "run/ready.h"
#include "run/states.h"
#include "support/suite.h"

#define HARDWARE "1111"
#define BYTES_SUM "277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9" /* printf bytes | sha256sum */
#define MANIFEST                                                                                     \
    "{\"format\": \"coexist-image-manifest/1\", \"name\": \"winelab\", \"windows_root\": \"/C:\","         \
    " \"cmdline\": \"\", \"profile\": {}, \"limits\": [],"                                              \
    " \"ssh\": {\"user\": \"lab\", \"host_key\": \"ssh-ed25519 AAAA\", \"client_key\": \"key\"},"          \
    " \"agent\": {\"path\": \"C:\\\\a.exe\"}, \"files\": [{\"name\": \"disk.qcow2\", \"role\": \"disk\"," \
    " \"bytes\": 5, \"sha256\": \"" BYTES_SUM "\"}]}"
#define SUMS BYTES_SUM "  memory\n" BYTES_SUM "  disk.qcow2\n"

static char shelf_dir[] = "/tmp/coexist-ready-XXXXXX";

struct shelf {
    char *dir;
    struct image image;
};

static struct shelf shelf_new(void) {
    struct shelf s = {.dir = str_printf("%s/%d", shelf_dir, (int)getpid())}; /* each test is a process of its own */
    ck_assert_int_eq(fs_mkdirs(s.dir, NULL), 0);
    s.image = (struct image){.dir = s.dir, .name = (char *)"winelab",
                             .manifest = json_pack("{s:s}", "name", "winelab")};
    return s;
}

static void shelf_free(struct shelf *s) {
    json_decref(s->image.manifest);
    free(s->dir);
}

static void shelf_put(struct shelf *s, const char *name, const char *image, const char *hardware, bool kvm) {
    CLEANUP_ERR struct err err = ERR_INIT;
    char digest[65];
    state_image_digest(s->image.manifest, digest);
    CLEANUP_FREE char *dir = states_begin(s->dir, name, &err);
    ck_assert_msg(dir != NULL, "%s", err_text(&err));
    static const char *const files[] = {"memory", "disk.qcow2"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        CLEANUP_FREE char *path = fs_join(dir, files[i]);
        ck_assert_int_eq(fs_write_atomic(path, "bytes", 5, 0644, NULL), 0);
    }
    struct state_note n = {.cell = (char *)"", .attempt = 1, .steps = 1, .image = image ? (char *)image : digest,
                           .hardware = (char *)hardware, .kvm = kvm};
    int64_t bytes = 0;
    ck_assert_msg(states_finish(s->dir, name, &n, &bytes, &err) == 0, "%s", err_text(&err));
    ck_assert_msg(ready_finish(&s->image, name, &err) == 0, "%s", err_text(&err));
}

static void shelf_has(const struct shelf *s, const char *name) {
    CLEANUP_FREE char *found = ready_find(&s->image, false, HARDWARE);
    ck_assert_msg(str_eq(found, name), "found %s", found ? found : "none");
}

START_TEST(only_what_fits_is_gone_on_from) {
    struct shelf s = shelf_new();
    shelf_has(&s, NULL);
    shelf_put(&s, "ready-1", "another image", HARDWARE, false);
    shelf_put(&s, "ready-2", NULL, "2222", false);
    shelf_put(&s, "ready-3", NULL, HARDWARE, true);
    shelf_put(&s, "ready-4", NULL, NULL, false);
    shelf_put(&s, "other", NULL, HARDWARE, false);
    CLEANUP_FREE char *half = fs_join(s.dir, "ready-5"); /* somebody was killed while he made it */
    ck_assert_int_eq(fs_mkdirs(half, NULL), 0);
    shelf_has(&s, NULL);
    shelf_put(&s, "ready-6", NULL, HARDWARE, false);
    shelf_has(&s, "ready-6");
    shelf_free(&s);
}
END_TEST

START_TEST(a_changed_byte_is_seen) {
    struct shelf s = shelf_new();
    CLEANUP_ERR struct err err = ERR_INIT;
    shelf_put(&s, "ready-1", NULL, HARDWARE, false);
    ck_assert_msg(ready_verify(&s.image, "ready-1", &err) == 0, "%s", err_text(&err));
    CLEANUP_FREE char *told = fs_join(s.dir, "ready-1/SHA256SUMS");
    CLEANUP_FREE char *text = fs_read(told, 4096, NULL, NULL);
    ck_assert_str_eq(text, SUMS); /* as sha256sum(1) writes and checks it */
    CLEANUP_FREE char *disk = fs_join(s.dir, "ready-1/disk.qcow2");
    ck_assert_int_eq(fs_write_atomic(disk, "bytez", 5, 0644, NULL), 0);
    shelf_has(&s, "ready-1"); /* as large as it was */
    ck_assert_int_lt(ready_verify(&s.image, "ready-1", &err), 0);
    ck_assert_int_eq(err.cls, ERR_INPUT);
    CLEANUP_FREE char *sums = fs_join(s.dir, "ready-1/SHA256SUMS");
    ck_assert_int_eq(unlink(sums), 0);
    shelf_has(&s, NULL);
    shelf_free(&s);
}
END_TEST

/* A kill at any moment of making: no folder without digests is left for long, and one being made is left alone. */
START_TEST(what_a_killed_maker_left_is_swept) {
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *lab = str_printf("%s/sweep-%d", shelf_dir, (int)getpid());
    CLEANUP_FREE char *dir = fs_join(lab, "images/winelab");
    ck_assert_int_eq(fs_mkdirs(dir, NULL), 0);
    CLEANUP_FREE char *manifest = fs_join(dir, "manifest.json");
    ck_assert_int_eq(fs_write_atomic(manifest, MANIFEST, strlen(MANIFEST), 0644, NULL), 0);
    struct shelf s = {.dir = str_dup(dir), .image = {.dir = dir, .name = (char *)"winelab"}};
    s.image.manifest = json_pack("{s:s}", "name", "winelab");
    shelf_put(&s, "ready-1", NULL, HARDWARE, false);
    shelf_put(&s, "ready-2", NULL, HARDWARE, false);
    CLEANUP_FREE char *sums = fs_join(dir, "ready-2/SHA256SUMS");
    CLEANUP_FREE char *half = fs_join(dir, "ready-3");
    ck_assert(unlink(sums) == 0 && fs_mkdirs(half, NULL) == 0);
    struct image *whole_image = image_open(lab, "winelab", &err);
    ck_assert_msg(whole_image != NULL, "%s", err_text(&err));
    image_free(whole_image);
    CLEANUP_FREE char *path = image_lock_path(lab, "winelab");
    int maker = fs_lock(path, &err);
    ck_assert_int_ge(maker, 0);
    ck_assert_int_eq(ready_sweep(lab, &err), 0);
    ck_assert(fs_exists(half));
    close(maker);
    ck_assert_msg(ready_sweep(lab, &err) == 0, "%s", err_text(&err));
    ck_assert(!fs_exists(half) && fs_exists(manifest));
    CLEANUP_FREE char *whole = fs_join(dir, "ready-1"), *second = fs_join(dir, "ready-2");
    ck_assert(fs_exists(whole) && !fs_exists(second));
    shelf_free(&s);
}
END_TEST

static const char *const standing[] = {"lab/states/20261122-1", "lab/work/20261122-1"};

/* While a run has states or machines, nothing that these may stand on goes. */
START_TEST(others_go_when_nothing_stands_on_them) {
    struct shelf s = shelf_new();
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *lab = fs_join(s.dir, "lab");
    CLEANUP_FREE char *own = fs_join(s.dir, "lab/work/ready-winelab");
    CLEANUP_FREE char *run = fs_join(s.dir, standing[_i]);
    CLEANUP_FREE char *old = fs_join(s.dir, "ready-1");
    CLEANUP_FREE char *kept = fs_join(s.dir, "ready-2");
    shelf_put(&s, "ready-1", NULL, "2222", false);
    shelf_put(&s, "ready-2", NULL, HARDWARE, false);
    ck_assert(fs_mkdirs(own, NULL) == 0 && fs_mkdirs(run, NULL) == 0);
    ck_assert_int_eq(ready_tidy(lab, &s.image, "ready-2", &err), 0);
    ck_assert(fs_exists(old) && fs_exists(kept));
    ck_assert_int_eq(rmdir(run), 0);
    ck_assert_int_eq(ready_tidy(lab, &s.image, "ready-2", &err), 0);
    ck_assert(!fs_exists(old) && fs_exists(kept));
    shelf_free(&s);
}
END_TEST

/* What stands on its disk goes on. */
START_TEST(what_is_of_no_use_keeps_its_disk) {
    struct shelf s = shelf_new();
    shelf_put(&s, "ready-1", NULL, HARDWARE, false);
    ready_distrust(&s.image, "ready-1", NULL);
    shelf_has(&s, NULL);
    CLEANUP_FREE char *disk = fs_join(s.dir, "ready-1/disk.qcow2");
    ck_assert(fs_exists(disk));
    shelf_put(&s, "ready-2", NULL, HARDWARE, false);
    shelf_has(&s, "ready-2");
    shelf_free(&s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("ready");
    TCase *t = tcase_create("ready");
    tcase_add_test(t, only_what_fits_is_gone_on_from);
    tcase_add_test(t, a_changed_byte_is_seen);
    tcase_add_test(t, what_a_killed_maker_left_is_swept);
    tcase_add_loop_test(t, others_go_when_nothing_stands_on_them, 0, (int)ARRAY_LEN(standing));
    tcase_add_test(t, what_is_of_no_use_keeps_its_disk);
    suite_add_tcase(s, t);
    return suite_run_in(shelf_dir, s);
}
