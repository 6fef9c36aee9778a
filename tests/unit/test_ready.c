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
    tcase_add_test(t, what_is_of_no_use_keeps_its_disk);
    suite_add_tcase(s, t);
    return suite_run_in(shelf_dir, s);
}
