/* Safe mode, asked for on a disk: Windows' boot configuration data of a UEFI and of a BIOS machine, data that makes no
 * sense, and the file of a guest whose own boot obeys one; and a disk that goes back to what was kept of it. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "support/hive.h"
#include "support/skip.h"
#include "support/suite.h"
#include "vm/disk_impl.h"
#include "vm/disk_job.h"

static char work[] = "/tmp/coexist-test-safe-XXXXXX";

#define MANAGER "{9dea862c-5cdd-4e70-acc1-f32b344d4795}"
#define LOADER "{a5a30fa2-3d06-4e9f-b5f4-a01df9d1fcba}"
#define OTHER "{11111111-2222-3333-4444-555555555555}"

/* NULL: it worked; else why not. Caller frees. */
static char *shell(const char *script) {
    CLEANUP_FREE char *all = str_printf("set -e; PATH=$PATH:/sbin:/usr/sbin; cd '%s'; %s", work, script);
    const char *const argv[] = {"bash", "-c", all, NULL};
    struct proc_opts opts = {.timeout_ns = 120 * CLOCK_S};
    CLEANUP_ERR struct err err = ERR_INIT;
    return proc_check(argv, &opts, &err) < 0 ? str_printf("%.300s", err_text(&err)) : NULL;
}

static void must(const char *script) {
    CLEANUP_FREE char *why = shell(script);
    ck_assert_msg(!why, "%s: %s", script, why);
}

static void write_file(const char *name, const void *data, size_t len) {
    CLEANUP_FREE char *path = fs_join(work, name);
    ck_assert_int_eq(fs_write_atomic(path, data, len, 0644, NULL), 0);
}

/* ---- stores ------------------------------------------------------------------------------------ */

static void reg_add_key(struct str *s, const char *object, const char *below, const char *value) {
    str_addf(s, "[BCD\\Objects\\%s]\n\n[BCD\\Objects\\%s\\Elements]\n\n", object, object);
    str_addf(s, "[BCD\\Objects\\%s\\Elements\\%s]\n\"Element\"=%s\n\n", object, below, value);
}

/* work/NAME: a store whose boot manager has this default object ("": none), and the loader with other elements. */
static void make_store(const char *name, const char *chosen) {
    unsigned char empty[HIVE_EMPTY_LEN];
    hive_make_empty(empty);
    write_file(name, empty, sizeof(empty));
    CLEANUP_STR struct str s = STR_INIT;
    CLEANUP_FREE char *text = str_printf("\"%s\"", chosen);
    str_add(&s, "Windows Registry Editor Version 5.00\n\n[BCD\\Objects]\n\n");
    reg_add_key(&s, MANAGER, *chosen ? "23000003" : "25000004", *chosen ? text : "hex:1e,00,00,00,00,00,00,00");
    reg_add_key(&s, LOADER, "12000004", "\"Windows 11\"");
    reg_add_key(&s, LOADER, "250000e0", "hex:01,00,00,00,00,00,00,00");
    reg_add_key(&s, OTHER, "12000004", "\"Another\"");
    write_file("store.reg", str_get(&s), s.len);
    CLEANUP_FREE char *script = str_printf("hivexregedit --merge --prefix BCD %s store.reg", name);
    must(script);
}

/* What the store at work/NAME says, as text. Caller frees. */
static char *read_store(const char *name) {
    CLEANUP_FREE char *script = str_printf("hivexregedit --export --prefix BCD %s '\\' >export.reg", name);
    CLEANUP_FREE char *path = fs_join(work, "export.reg");
    must(script);
    char *text = fs_read(path, 1 << 20, NULL, NULL);
    ck_assert_ptr_nonnull(text);
    return text;
}

/* "minimal", of the object that is the default and of no other. */
static void check_safe(const char *text, bool on) {
    static const char element[] =
        "[BCD\\Objects\\" LOADER "\\Elements\\25000080]\n\"Element\"=hex(3):00,00,00,00,00,00,00,00\n";
    const char *found = strstr(text, element);
    ck_assert_msg(on == (found != NULL), "%s", text);
    ck_assert_ptr_null(strstr(found ? found + sizeof(element) - 1 : text, "25000080"));
    ck_assert_ptr_nonnull(strstr(text, "\\Elements\\250000e0]"));
}

/* ---- disks ------------------------------------------------------------------------------------- */

static const char *missing(void) {
    static char text[400];
    CLEANUP_FREE char *why = shell("ls /boot/vmlinuz-* >/dev/null 2>&1 || { echo 'no kernel in /boot' >&2; exit 1; };"
                                   " type hivexregedit sfdisk mformat mke2fs qemu-img qemu-io >/dev/null");
    snprintf(text, sizeof(text), "%s", why ? why : "");
    return why ? text : NULL;
}

/* work/uefi.raw: an ESP with the store, a system with \Windows and \stores\*. */
static void make_uefi_disk(void) {
    must("mkdir -p tree/Windows tree/stores; for f in *.bcd; do cp $f tree/stores/; done;"
         " truncate -s 100M uefi.raw; printf 'label: gpt\\nsize=40M, type=U\\ntype=L\\n' | sfdisk -q uefi.raw;"
         " mformat -i uefi.raw@@1M -F -T 81920 ::; mmd -i uefi.raw@@1M ::EFI ::EFI/Microsoft ::EFI/Microsoft/Boot;"
         " mcopy -i uefi.raw@@1M BCD ::EFI/Microsoft/Boot/BCD; mke2fs -q -t ext4 -d tree part.ext4 50M;"
         " dd if=part.ext4 of=uefi.raw bs=1M seek=41 conv=notrunc status=none; rm part.ext4");
}

static char *read_uefi_store(void) {
    must("mcopy -o -i uefi.raw@@1M ::EFI/Microsoft/Boot/BCD seen.bcd");
    return read_store("seen.bcd");
}

static struct vm_disk *open_disk(const char *name) {
    CLEANUP_FREE char *path = fs_join(work, name);
    CLEANUP_ERR struct err err = ERR_INIT;
    struct vm_disk *d = vm_disk_open(path, "raw", "", false, true, &err);
    ck_assert_msg(d != NULL, "%s", err_text(&err));
    return d;
}

/* Once changed, once found so. */
static void set_twice(struct vm_disk *d, const char *how, bool on) {
    for (int expected = 1; expected >= 0; expected--) {
        CLEANUP_ERR struct err err = ERR_INIT;
        int rc = vm_disk_safe_mode(d, how, on, &err);
        ck_assert_msg(rc == expected, "%d: %s", rc, err_text(&err));
    }
}

static void check_refused(struct vm_disk *d, const char *path) {
    for (int on = 0; on < 2; on++) {
        CLEANUP_ERR struct err err = ERR_INIT;
        ck_assert_msg(disk_change_bcd(d, path, on, &err) < 0, "%s was taken", path);
        ck_assert_msg(strstr(err_text(&err), "guest disk: ") == err_text(&err) && strlen(err_text(&err)) > 20,
                      "%s: says '%s'", path, err_text(&err));
    }
}

/* Broken in every way that matters: told of, and nothing falls over. */
static void make_broken_stores(void) {
    make_store("nodefault.bcd", "");
    make_store("noobject.bcd", "{99999999-2222-3333-4444-555555555555}");
    make_store("noid.bcd", "..\\\\..\\\\Objects");
    must("head -c 6000 BCD >cut.bcd; : >empty.bcd; head -c 9000 /dev/urandom >noise.bcd; truncate -s 3G huge.bcd;"
         " cp BCD root.bcd; printf '\\377\\377\\377\\177' | dd of=root.bcd bs=1 seek=36 conv=notrunc status=none;"
         " cp BCD bins.bcd; printf 'HBIN' | dd of=bins.bcd bs=1 seek=4096 conv=notrunc status=none;"
         " cp BCD lists.bcd; head -c 3000 /dev/zero | tr '\\0' '\\377' |"
         " dd of=lists.bcd bs=1 seek=8300 conv=notrunc status=none");
}

START_TEST(uefi_store_there_and_back) {
    static const char *const broken[] = {"nodefault", "noobject", "noid",  "cut",  "empty",
                                         "noise",     "huge",     "root", "bins", "lists", "absent"};
    const char *why = missing();
    if (why) {
        TEST_SKIP("%s", why);
    }
    make_store("BCD", LOADER);
    make_broken_stores();
    make_uefi_disk();
    CLEANUP_FREE char *before = read_uefi_store();
    check_safe(before, false);

    CLEANUP_FREE char *path = fs_join(work, "uefi.raw");
    struct vm_disk_job job = {.disk = path, .format = "raw", .windows_root = "", .safe_mode = VM_DISK_SAFE_BCD,
                              .safe_on = true, .timeout_ns = 600 * CLOCK_S};
    CLEANUP_ERR struct err err = ERR_INIT;
    int rc = vm_disk_do(&job, &err);
    ck_assert_msg(rc == 1, "%d: %s", rc, err_text(&err));
    CLEANUP_FREE char *safe = read_uefi_store();
    check_safe(safe, true);

    struct vm_disk *d = open_disk("uefi.raw");
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        CLEANUP_FREE char *store = str_printf("/stores/%s.bcd", broken[i]);
        check_refused(d, store);
    }
    set_twice(d, VM_DISK_SAFE_BCD, false);
    set_twice(d, "/stores/safe-mode", true);
    set_twice(d, "/stores/safe-mode", false);
    ck_assert_int_lt(vm_disk_safe_mode(d, "/nowhere/safe-mode", true, &err), 0);
    vm_disk_close(d);
    CLEANUP_FREE char *after = read_uefi_store();
    ck_assert_str_eq(after, before);
}
END_TEST

START_TEST(bios_store_beside_windows) {
    const char *why = missing();
    CLEANUP_FREE char *no_ntfs = why ? NULL : shell("type mkntfs ntfs-3g >/dev/null; truncate -s 32M sys.ntfs;"
                                                    " mkntfs -q -F sys.ntfs >/dev/null 2>&1; mkdir mnt;"
                                                    " ntfs-3g sys.ntfs mnt; mkdir mnt/Boot; umount mnt");
    if (why || no_ntfs) {
        TEST_SKIP("%s", why ? why : no_ntfs);
    }
    make_store("BCD", LOADER);
    must("ntfs-3g sys.ntfs mnt; cp BCD mnt/Boot/BCD; umount mnt; mkdir -p tree2/Windows/Boot;"
         " mke2fs -q -t ext4 -d tree2 part.ext4 50M; truncate -s 100M bios.raw;"
         " printf 'label: dos\\nsize=32M, type=7, bootable\\ntype=7\\n' | sfdisk -q bios.raw;"
         " dd if=sys.ntfs of=bios.raw bs=1M seek=1 conv=notrunc status=none;"
         " dd if=part.ext4 of=bios.raw bs=1M seek=33 conv=notrunc status=none");
    struct vm_disk *d = open_disk("bios.raw");
    set_twice(d, VM_DISK_SAFE_BCD, true);
    vm_disk_close(d);
    must("dd if=bios.raw of=sys.ntfs bs=1M skip=1 count=32 status=none; ntfs-3g -o ro sys.ntfs mnt;"
         " cp mnt/Boot/BCD seen.bcd; umount mnt");
    CLEANUP_FREE char *safe = read_store("seen.bcd");
    check_safe(safe, true);
}
END_TEST

START_TEST(a_disk_goes_back_to_what_was_kept) {
    const char *why = missing();
    if (why) {
        TEST_SKIP("%s", why);
    }
    CLEANUP_FREE char *disk = fs_join(work, "kept.qcow2");
    CLEANUP_ERR struct err err = ERR_INIT;
    must("qemu-img create -q -f qcow2 below.qcow2 8M; qemu-img create -q -f qcow2 -b below.qcow2 -F qcow2 kept.qcow2;"
         " qemu-io -c 'write -q -P 17 1M 64k' kept.qcow2");
    ck_assert_msg(vm_disk_keep(disk, &err) == 0, "%s", err_text(&err));
    for (int i = 0; i < 2; i++) {
        must("qemu-io -c 'write -q -P 34 1M 64k' kept.qcow2; qemu-io -c 'read -P 17 1M 64k' kept.qcow2 2>&1 |"
             " grep -q verification");
        ck_assert_msg(vm_disk_put_back(disk, &err) == 0, "%s", err_text(&err));
        must("if qemu-io -c 'read -P 17 1M 64k' kept.qcow2 2>&1 | grep -q verification; then exit 1; fi");
    }
    ck_assert_int_lt(vm_disk_keep("/nowhere/kept.qcow2", &err), 0);
}
END_TEST

int main(void) {
    Suite *s = suite_create("disk safe mode");
    TCase *t = tcase_create("disk safe mode");
    tcase_set_timeout(t, 900);
    tcase_add_test(t, uefi_store_there_and_back);
    tcase_add_test(t, bios_store_beside_windows);
    tcase_add_test(t, a_disk_goes_back_to_what_was_kept);
    suite_add_tcase(s, t);
    return suite_run_in(work, s);
}
