/* What installation media are, on true ones made here: UDF and ISO 9660, WIM, ESD, split images; and what is none. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/schema.h"
#include "base/str.h"
#include "media/media.h"
#include "support/cds.h"
#include "support/suite.h"

static const struct cds_edition client[] = {
    {"Windows 11 Home", "Core", "Client", 9, 26100, 1742, {"de-DE"}},
    {"Windows 11 Pro", "Professional", "Client", 9, 26100, 1742, {"de-DE", "en-US"}},
    {0},
};
static const struct cds_edition server[] = {
    {"Windows Server 2022 SERVERSTANDARDCORE", "ServerStandardEval", "Server Core", 9, 20348, 587, {"en-US"}},
    {"Windows Server 2022 SERVERSTANDARD", "ServerStandardEval", "Server", 9, 20348, 587, {"en-US"}},
    {0},
};

static struct media *look(const char *path) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct media *m = media_inspect(path, &err);
    ck_assert_msg(m != NULL, "%s", err_text(&err));
    return m;
}

/* Windows Setup media of these editions. */
static struct media *look_windows(enum cds_image kind, const struct cds_edition *editions) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_FREE char *iso = cds_windows(dir, "win.iso", kind, editions);
    return look(iso);
}

static void check_client(const struct media *m) {
    ck_assert_int_eq(m->kind, MEDIA_WINDOWS);
    ck_assert_msg(!m->trouble, "%s", m->trouble);
    ck_assert_uint_eq(m->edition_count, 2);
    const struct media_edition *pro = &m->editions[1];
    ck_assert_int_eq(pro->index, 2);
    ck_assert_str_eq(pro->name, "Windows 11 Pro");
    ck_assert_str_eq(pro->edition_id, "Professional");
    ck_assert_str_eq(pro->installation, "Client");
    ck_assert_int_eq(pro->arch, MEDIA_AMD64);
    ck_assert_int_eq(pro->major, 10);
    ck_assert_int_eq(pro->build, 26100);
    ck_assert_int_eq(pro->revision, 1742);
    ck_assert_str_eq(pro->language, "de-DE");
    ck_assert_str_eq(pro->languages[1], "en-US");
    ck_assert_ptr_null(pro->languages[2]);
    ck_assert(!pro->evaluation);
}

START_TEST(windows_media_tell_their_editions) {
    CLEANUP(media_free_ptr) struct media *m = look_windows(CDS_WIM, client);
    check_client(m);
    ck_assert_str_eq(m->label, "CCCOMA_X64FRE");
    ck_assert(m->udf && m->iso9660);
    ck_assert_int_eq(m->image, MEDIA_IMAGE_WIM);
    ck_assert_str_eq(m->image_path, "sources/install.wim");
    ck_assert_int_gt(m->image_bytes, 1000);
    ck_assert(m->bios && m->uefi && m->noprompt);
    ck_assert_uint_eq(m->boot_count, 2);
    ck_assert(!m->boots[0].uefi && m->boots[1].uefi);
    ck_assert_str_eq(m->boots[0].path, "boot/etfsboot.com");
    ck_assert_str_eq(m->boots[1].path, "efi/microsoft/boot/efisys.bin");
}
END_TEST

START_TEST(an_esd_is_as_good_as_a_wim) {
    CLEANUP(media_free_ptr) struct media *m = look_windows(CDS_ESD, client);
    check_client(m);
    ck_assert_int_eq(m->image, MEDIA_IMAGE_ESD);
}
END_TEST

START_TEST(evaluation_media_and_server_core_are_told) {
    CLEANUP(media_free_ptr) struct media *m = look_windows(CDS_WIM, server);
    ck_assert_uint_eq(m->edition_count, 2);
    ck_assert(m->editions[0].evaluation && m->editions[1].evaluation);
    ck_assert_str_eq(m->editions[0].installation, "Server Core");
}
END_TEST

START_TEST(a_split_image_needs_all_its_parts) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_FREE char *iso = cds_windows(dir, "whole.iso", CDS_SWM, client);
    CLEANUP(media_free_ptr) struct media *m = look(iso);
    check_client(m);
    ck_assert_int_eq(m->image, MEDIA_IMAGE_SWM);
    ck_assert_int_ge(m->parts, 3);
    ck_assert_int_eq(m->parts_found, m->parts);
    CLEANUP(cds_remove) char *tree = cds_dir();
    cds_image(tree, CDS_SWM, client, 1000000);
    CLEANUP_FREE char *second = fs_join(tree, "sources/install2.swm"), *less = fs_join(dir, "less.iso");
    ck_assert_int_eq(unlink(second), 0);
    cds_iso(tree, "SPLIT", false, less);
    CLEANUP(media_free_ptr) struct media *broken = look(less);
    ck_assert_int_eq(broken->parts_found, m->parts - 1);
    ck_assert_ptr_nonnull(strstr(broken->trouble, "part 2 of "));
    ck_assert_ptr_nonnull(strstr(broken->trouble, "missing"));
}
END_TEST

START_TEST(plain_iso_9660_is_read_as_well) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP(cds_remove) char *tree = cds_dir();
    cds_image(tree, CDS_WIM, client, 1000);
    CLEANUP_FREE char *iso = fs_join(dir, "win.iso");
    cds_iso(tree, "REBUILT", false, iso);
    CLEANUP(media_free_ptr) struct media *m = look(iso);
    check_client(m);
    ck_assert(!m->udf);
    ck_assert(m->iso9660);
    ck_assert(!m->bios && !m->uefi);
    ck_assert_str_eq(m->label, "REBUILT");
}
END_TEST

START_TEST(virtio_media_tell_their_drivers) {
    static const char *const systems[] = {"w10", "2k22", NULL};
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_FREE char *iso = cds_virtio(dir, systems);
    CLEANUP(media_free_ptr) struct media *m = look(iso);
    ck_assert_int_eq(m->kind, MEDIA_VIRTIO);
    ck_assert(media_has_driver(m, "viostor", "w10", MEDIA_AMD64));
    ck_assert(media_has_driver(m, "netkvm", "2K22", MEDIA_AMD64));
    ck_assert(!media_has_driver(m, "viostor", "w11", MEDIA_AMD64));
    ck_assert(!media_has_driver(m, "viostor", "w10", MEDIA_ARM64));
}
END_TEST

START_TEST(reactos_media_are_known) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP(cds_remove) char *tree = cds_dir();
    cds_put(tree, "reactos/txtsetup.sif", "[Version]");
    cds_put(tree, "freeldr.ini", "[FREELOADER]");
    CLEANUP_FREE char *iso = fs_join(dir, "reactos.iso");
    cds_iso(tree, "ReactOS", false, iso);
    CLEANUP(media_free_ptr) struct media *m = look(iso);
    ck_assert_int_eq(m->kind, MEDIA_REACTOS);
    ck_assert_str_eq(m->what, "ReactOS' boot CD");
}
END_TEST

/* The reader is killed by SIGXFSZ as it gives its thin copy the size of the image. */
START_TEST(a_reader_that_is_killed_leaves_no_file_behind) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_FREE char *iso = cds_windows(dir, "win.iso", CDS_WIM, client), *tmp = fs_join(dir, "tmp");
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert(fs_mkdirs(tmp, &err) == 0);
    setenv("TMPDIR", tmp, 1);
    struct rlimit before, small;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){4, before.rlim_max};
    int limited = setrlimit(RLIMIT_FSIZE, &small); /* until it is lifted no assertion, which would write to a file */
    struct media *m = limited == 0 ? media_inspect(iso, &err) : NULL;
    int lifted = setrlimit(RLIMIT_FSIZE, &before);
    ck_assert_int_eq(limited, 0);
    ck_assert_int_eq(lifted, 0);
    ck_assert_ptr_null(m);
    ck_assert_int_eq(err.cls, ERR_PROTOCOL);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "broke down over it (signal "));
    ck_assert_int_eq(rmdir(tmp), 0); /* it is empty */
    ck_assert(fs_mkdirs(tmp, &err) == 0);
    CLEANUP(media_free_ptr) struct media *again = look(iso);
    check_client(again);
    ck_assert_int_eq(rmdir(tmp), 0);
    unsetenv("TMPDIR");
}
END_TEST

START_TEST(what_is_no_cd_is_named) {
    static const struct { const char *content; const char *said; } cases[] = {
        {"", "empty"},
        {"<!DOCTYPE html>\n<html><head><title>Download</title>", "web page"},
        {"\xef\xbb\xbf \r\n<HTML>", "web page"},
        {"<!-- saved from url=(0014)about:internet -->\n<html>", "web page"},
        {"PK\3\4 and so on", "ZIP"},
        {"{\"error\": \"not found\"}", "JSON"},
        {"404 page not found", "no image of a CD"},
    };
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_FREE char *path = fs_join(dir, "virtio-win.iso");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cds_put(dir, "virtio-win.iso", cases[i].content);
        CLEANUP(media_free_ptr) struct media *m = look(path);
        ck_assert_int_eq(m->kind, MEDIA_NO_ISO);
        ck_assert_msg(strstr(m->what, cases[i].said) != NULL, "%s", m->what);
    }
    cds_image(dir, CDS_WIM, client, 10);
    CLEANUP_FREE char *wim = fs_join(dir, "sources/install.wim");
    CLEANUP(media_free_ptr) struct media *m = look(wim);
    ck_assert_int_eq(m->kind, MEDIA_NO_ISO);
    ck_assert_ptr_nonnull(strstr(m->what, "a Windows image"));
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_ptr_null(media_inspect("/nonexistent.iso", &err));
    ck_assert_int_eq(err.cls, ERR_INPUT);
    err_clear(&err);
    ck_assert_ptr_null(media_inspect(dir, &err));
    ck_assert_ptr_nonnull(strstr(err_text(&err), "a folder"));
}
END_TEST

/* File entries (ECMA-167 4/14.9, tag 261, and 14.17, tag 266): bytes 56 to 63 are the length. libudfread compares the
 * tag's checksum alone. */
START_TEST(a_file_longer_than_any_number_is_none) {
    static const unsigned char wanted[] = "0123456789abcdef!";
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP(cds_remove) char *tree = cds_dir();
    cds_put(tree, "setup.txt", (const char *)wanted);
    CLEANUP_FREE char *iso = fs_join(dir, "x.iso"), *to = fs_join(dir, "to");
    cds_iso(tree, "UDF", true, iso);
    size_t len = 0, changed = 0;
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *before = media_read(iso, "setup.txt", 100, NULL, &err);
    ck_assert_str_eq(before, (const char *)wanted);
    CLEANUP_FREE unsigned char *cd = (unsigned char *)fs_read(iso, 64 << 20, &len, &err);
    for (size_t at = 0; at + 2048 <= len; at += 2048) {
        bool entry = cd[at + 1] == 1 && (cd[at] == 5 || cd[at] == 10);
        if (entry && cd[at + 56] == sizeof(wanted) - 1 && !cd[at + 57]) {
            memset(cd + at + 56, 0xff, 8);
            changed++;
        }
    }
    ck_assert_uint_ge(changed, 1);
    ck_assert(fs_write_atomic(iso, cd, len, 0644, &err) == 0);
    ck_assert_ptr_null(media_read(iso, "setup.txt", 100, NULL, &err));
    ck_assert_msg(strstr(err_text(&err), "cannot be opened") != NULL, "%s", err_text(&err));
    err_clear(&err);
    ck_assert_int_lt(media_extract(iso, "", to, 100, &err), 0);
    ck_assert_msg(strstr(err_text(&err), "setup.txt cannot be opened") != NULL, "%s", err_text(&err));
}
END_TEST

START_TEST(an_incomplete_download_is_told) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP(cds_remove) char *tree = cds_dir();
    cds_image(tree, CDS_WIM, client, 3000000);
    CLEANUP_FREE char *iso = fs_join(dir, "win.iso");
    cds_iso(tree, "CUT", true, iso);
    ck_assert_int_eq(truncate(iso, fs_size(iso) / 2), 0);
    CLEANUP(media_free_ptr) struct media *m = look(iso);
    ck_assert_int_eq(m->kind, MEDIA_WINDOWS);
    ck_assert_ptr_nonnull(strstr(m->trouble, "an incomplete download"));
    cds_iso(tree, "CUT", false, iso);
    ck_assert_int_eq(truncate(iso, fs_size(iso) / 2), 0);
    CLEANUP(media_free_ptr) struct media *plain = look(iso);
    ck_assert_ptr_nonnull(strstr(plain->trouble, "an incomplete download"));
}
END_TEST

/* The file of a medium with one byte of its WIM's header, or of the CD's structures, changed: an answer or an error. */
START_TEST(damaged_media_give_an_answer_or_an_error) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_FREE char *iso = cds_windows(dir, "win.iso", CDS_WIM, client);
    size_t len = 0;
    CLEANUP_FREE char *whole = fs_read(iso, 64 << 20, &len, NULL);
    ck_assert_ptr_nonnull(whole);
    char *wim = memmem(whole, len, "MSWIM\0\0\0", 8);
    ck_assert_ptr_nonnull(wim);
    size_t header = (size_t)(wim - whole), answered = 0;
    for (size_t at = 0; at < 208; at += 7) {
        CLEANUP_FREE char *copy = malloc(len);
        memcpy(copy, whole, len);
        copy[header + at] ^= (char)0xff;
        copy[16 * 2048 + at * 8] ^= (char)0xff; /* ISO 9660 descriptor */
        ck_assert_int_eq(fs_write_atomic(iso, copy, len, 0644, NULL), 0);
        CLEANUP_ERR struct err err = ERR_INIT;
        CLEANUP(media_free_ptr) struct media *m = media_inspect(iso, &err);
        ck_assert(m || err_is_set(&err));
        answered += m != NULL;
    }
    ck_assert_uint_gt(answered, 0);
}
END_TEST

START_TEST(the_json_follows_its_schema_and_comes_back) {
    CLEANUP(media_free_ptr) struct media *m = look_windows(CDS_WIM, client);
    size_t len = 0;
    CLEANUP_FREE char *text = fs_read("reports/schema/media.schema.json", 1 << 20, &len, NULL);
    ck_assert_ptr_nonnull(text);
    CLEANUP_ERR struct err err = ERR_INIT;
    struct schema *schema = schema_compile("media", text, len, &err);
    ck_assert_msg(schema != NULL, "%s", err_text(&err));
    json_t *j = media_to_json(m);
    ck_assert(schema_accepts(schema, j));
    CLEANUP(media_free_ptr) struct media *back = media_from_json(j, &err);
    json_t *again = media_to_json(back);
    ck_assert(json_equal(j, again));
    json_decref(again);
    json_decref(j);
    schema_free(schema);
}
END_TEST

int main(void) {
    Suite *s = suite_create("media");
    TCase *t = tcase_create("media");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, windows_media_tell_their_editions);
    tcase_add_test(t, an_esd_is_as_good_as_a_wim);
    tcase_add_test(t, evaluation_media_and_server_core_are_told);
    tcase_add_test(t, a_split_image_needs_all_its_parts);
    tcase_add_test(t, plain_iso_9660_is_read_as_well);
    tcase_add_test(t, virtio_media_tell_their_drivers);
    tcase_add_test(t, reactos_media_are_known);
    tcase_add_test(t, a_reader_that_is_killed_leaves_no_file_behind);
    tcase_add_test(t, what_is_no_cd_is_named);
    tcase_add_test(t, a_file_longer_than_any_number_is_none);
    tcase_add_test(t, an_incomplete_download_is_told);
    tcase_add_test(t, damaged_media_give_an_answer_or_an_error);
    tcase_add_test(t, the_json_follows_its_schema_and_comes_back);
    suite_add_tcase(s, t);
    return suite_run(s);
}
