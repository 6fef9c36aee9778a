#include "support/cds.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <wimlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"

char *cds_dir(void) {
    char tmpl[] = "/tmp/coexist-test-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(tmpl));
    return str_dup(tmpl);
}

void cds_remove(char **dir) {
    if (*dir) {
        fs_remove_tree(*dir, NULL);
        free(*dir);
    }
}

static void cds_put_bytes(const char *dir, const char *path, const void *data, size_t len) {
    CLEANUP_FREE char *full = fs_join(dir, path);
    CLEANUP_FREE char *folder = fs_dirname(full);
    ck_assert_int_eq(fs_mkdirs(folder, NULL), 0);
    ck_assert_int_eq(fs_write_atomic(full, data, len, 0644, NULL), 0);
}

void cds_put(const char *dir, const char *path, const char *text) {
    cds_put_bytes(dir, path, text, strlen(text));
}

/* ---- WIMs ---------------------------------------------------------------------------------------- */

static void cds_property(WIMStruct *wim, int image, const char *name, const char *value) {
    ck_assert_int_eq(wimlib_set_image_property(wim, image, name, value), 0);
}

static void cds_number(WIMStruct *wim, int image, const char *name, int value) {
    CLEANUP_FREE char *text = str_printf("%d", value);
    cds_property(wim, image, name, text);
}

static void cds_describe(WIMStruct *wim, int image, const struct cds_edition *e) {
    cds_property(wim, image, "DISPLAYNAME", e->name);
    cds_property(wim, image, "DESCRIPTION", e->name);
    cds_property(wim, image, "WINDOWS/EDITIONID", e->edition);
    cds_property(wim, image, "WINDOWS/INSTALLATIONTYPE", e->installation);
    cds_number(wim, image, "WINDOWS/ARCH", e->arch);
    cds_number(wim, image, "WINDOWS/VERSION/MAJOR", 10);
    cds_number(wim, image, "WINDOWS/VERSION/MINOR", 0);
    cds_number(wim, image, "WINDOWS/VERSION/BUILD", e->build);
    cds_number(wim, image, "WINDOWS/VERSION/SPBUILD", e->revision);
    cds_property(wim, image, "WINDOWS/LANGUAGES/DEFAULT", e->languages[0]);
    for (int i = 0; i < 4 && e->languages[i]; i++) {
        CLEANUP_FREE char *name = str_printf("WINDOWS/LANGUAGES/LANGUAGE[%d]", i + 1);
        cds_property(wim, image, name, e->languages[i]);
    }
}

/* Incompressible, and the same in every run; in files of at most 100 kB, since no file is split over two parts. */
static void cds_weight(const char *dir, size_t weight) {
    enum { PIECE = 100000 };
    unsigned long long x = 88172645463325252u;
    for (size_t done = 0; done < weight; done += PIECE) {
        size_t len = weight - done < PIECE ? weight - done : PIECE;
        CLEANUP_FREE unsigned char *bytes = mem_zalloc(len, 1);
        for (size_t i = 0; i < len; i++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            bytes[i] = (unsigned char)x;
        }
        CLEANUP_FREE char *path = str_printf("Windows/weight%zu.bin", done);
        cds_put_bytes(dir, path, bytes, len);
    }
}

static WIMStruct *cds_make_wim(const char *content, enum cds_image kind, const struct cds_edition *editions) {
    WIMStruct *wim = NULL;
    int type = kind == CDS_ESD ? WIMLIB_COMPRESSION_TYPE_LZMS : WIMLIB_COMPRESSION_TYPE_XPRESS;
    ck_assert_int_eq(wimlib_create_new_wim((enum wimlib_compression_type)type, &wim), 0);
    for (int i = 0; editions[i].name; i++) {
        int rc = i == 0 ? wimlib_add_image(wim, content, editions[i].name, NULL, 0)
                        : wimlib_add_empty_image(wim, editions[i].name, NULL);
        ck_assert_int_eq(rc, 0);
        cds_describe(wim, i + 1, &editions[i]);
    }
    return wim;
}

void cds_image(const char *dir, enum cds_image kind, const struct cds_edition *editions, size_t weight) {
    static const char *const names[] = {"sources/install.wim", "sources/install.esd", "sources/install.swm"};
    CLEANUP(cds_remove) char *content = cds_dir();
    cds_put(content, "Windows/System32/ntoskrnl.exe", "MZ");
    cds_weight(content, weight);
    cds_put(dir, "sources/setup.exe", "MZ");
    CLEANUP_FREE char *path = fs_join(dir, names[kind]), *whole = fs_join(content, "whole.wim");
    WIMStruct *wim = cds_make_wim(content, kind, editions);
    int flags = kind == CDS_ESD ? WIMLIB_WRITE_FLAG_SOLID : 0;
    ck_assert_int_eq(wimlib_write(wim, kind == CDS_SWM ? whole : path, WIMLIB_ALL_IMAGES, flags, 1), 0);
    wimlib_free(wim);
    if (kind == CDS_SWM) {
        ck_assert_int_eq(wimlib_open_wim(whole, 0, &wim), 0);
        ck_assert_int_eq(wimlib_split(wim, path, 300 * 1024, 0), 0);
        wimlib_free(wim);
    }
}

/* ---- CDs ------------------------------------------------------------------------------------------ */

static bool cds_has(const char *dir, const char *path) {
    CLEANUP_FREE char *full = fs_join(dir, path);
    return fs_exists(full);
}

void cds_iso(const char *dir, const char *label, bool udf, const char *iso) {
    static const char bios[] = "boot/etfsboot.com", uefi[] = "efi/microsoft/boot/efisys.bin";
    const char *args[32] = {"genisoimage", "-quiet", "-V", label, "-o", iso, "-iso-level", "3"};
    int n = 8;
    if (udf) {
        args[n++] = "-udf";
    } else {
        args[n++] = "-J";
        args[n++] = "-R";
    }
    if (cds_has(dir, bios)) {
        const char *more[] = {"-b", bios, "-c", "boot/boot.cat", "-no-emul-boot", "-boot-load-size", "8"};
        memcpy(args + n, more, sizeof(more));
        n += (int)ARRAY_LEN(more);
    }
    if (cds_has(dir, uefi)) {
        const char *more[] = {"-eltorito-alt-boot", "-e", uefi, "-no-emul-boot"};
        memcpy(args + n, more, sizeof(more));
        n += (int)ARRAY_LEN(more);
    }
    args[n] = dir;
    CLEANUP_ERR struct err err = ERR_INIT;
    struct proc_opts opts = {.timeout_ns = 120 * CLOCK_S};
    ck_assert_msg(proc_check(args, &opts, &err) == 0, "%s", err_text(&err));
}

void cds_iso_1999(const char *dir, bool uefi, const char *iso) {
    const char *plain[] = {"genisoimage", "-quiet", "-V", "ReactOS", "-o", iso, "-iso-level", "4", "-b",
                           "loader/isoboot.bin", "-no-emul-boot", "-boot-load-size", "4", dir, NULL};
    const char *both[] = {"genisoimage", "-quiet", "-V", "ReactOS", "-o", iso, "-iso-level", "4", "-b",
                          "loader/isoboot.bin", "-no-emul-boot", "-boot-load-size", "4", "-eltorito-alt-boot", "-e",
                          "loader/efisys.bin", "-no-emul-boot", dir, NULL};
    struct proc_opts opts = {.timeout_ns = 60 * CLOCK_S};
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_msg(proc_check(uefi ? both : plain, &opts, &err) == 0, "%s", err_text(&err));
}


char *cds_windows(const char *dir, const char *name, enum cds_image kind, const struct cds_edition *editions) {
    CLEANUP(cds_remove) char *tree = cds_dir();
    cds_image(tree, kind, editions, kind == CDS_SWM ? 1000000 : 1000);
    cds_put(tree, "sources/boot.wim", "not looked at");
    cds_put(tree, "setup.exe", "MZ");
    cds_put(tree, "boot/etfsboot.com", "bios boot code");
    cds_put(tree, "efi/microsoft/boot/efisys.bin", "a FAT image that asks");
    cds_put(tree, "efi/microsoft/boot/efisys_noprompt.bin", "a FAT image that does not ask");
    char *iso = fs_join(dir, name);
    cds_iso(tree, "CCCOMA_X64FRE", true, iso);
    return iso;
}

char *cds_virtio(const char *dir, const char *const *systems) {
    static const char *const drivers[] = {"viostor", "vioscsi", "NetKVM"};
    CLEANUP(cds_remove) char *tree = cds_dir();
    for (size_t d = 0; d < ARRAY_LEN(drivers); d++) {
        for (size_t s = 0; systems[s]; s++) {
            CLEANUP_FREE char *inf = str_printf("%s/%s/amd64/%s.inf", drivers[d], systems[s], drivers[d]);
            CLEANUP_FREE char *sys = str_printf("%s/%s/amd64/%s.sys", drivers[d], systems[s], drivers[d]);
            cds_put(tree, inf, "[Version]\r\nSignature=\"$WINDOWS NT$\"\r\n");
            cds_put(tree, sys, "MZ");
        }
    }
    cds_put(tree, "virtio-win_license.txt", "a licence");
    char *iso = fs_join(dir, "virtio.iso");
    cds_iso(tree, "virtio-win-0.1.1", false, iso);
    return iso;
}
