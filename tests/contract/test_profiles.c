/* Every hardware profile on real libvirt and QEMU: accepted by define, started, seen; Secure Boot that is on; what this
 * host cannot do, refused with its cause. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "images/profile.h"
#include "support/skip.h"
#include "support/suite.h"
#include "vm/domain_xml.h"
#include "vm/libvirt.h"
#include "vm/libvirt_root.h"

enum { PROFILES_MAX = 32 };

static char dir[] = "/tmp/coexist-test-XXXXXX"; /* as short as libvirt's sockets need */
static char esp_missing[256];
static char *names[PROFILES_MAX]; /* paths of images/profiles/, in order */
static int name_count;
static pid_t owner;

static int64_t in_seconds(int64_t s) {
    return clock_after(clock_monotonic(), s * CLOCK_S);
}

static char *in_dir(const char *name) {
    return fs_join(dir, name);
}

static struct image_profile *load(const char *path) {
    struct diags diags = DIAGS_INIT;
    struct image_profile *p = image_profile_load(path, &diags);
    ck_assert_msg(p != NULL, "%s: %s", path, diags.count ? diags.items[0].message : "?");
    diags_free(&diags);
    return p;
}

/* A machine with a blank disk, or with that disk, and one CD drive, its work folder named after the test. */
static struct vm *make_vm(const char *work_name, const json_t *hardware, const char *disk, struct err *err) {
    CLEANUP_FREE char *work = in_dir(work_name);
    CLEANUP_FREE char *cache = in_dir("cache");
    CLEANUP_FREE char *blank = in_dir(disk ? disk : "blank.img");
    CLEANUP_FREE char *cd = in_dir("cd.iso");
    const char *cds[] = {cd};
    ck_assert_int_eq(fs_mkdirs(work, NULL), 0);
    struct vm_spec spec = {.name = "p", .work_dir = work, .disk = blank, .disk_format = "raw",
                           .profile = hardware, .cdroms = cds, .cdrom_count = disk ? 0 : 1};
    return vm_libvirt_create(&spec, cache, NULL, err);
}

START_TEST(every_profile_is_started_or_refused_with_its_cause) {
    struct image_profile *p = load(names[_i]);
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *work = str_printf("w%d", _i);
    struct vm *vm = make_vm(work, p->hardware, NULL, &err);
    ck_assert_msg(vm != NULL, "%s", err_text(&err));
    int rc = vm_start(vm, in_seconds(120), &err);
    const char *needs = json_string_value(json_object_get(p->hardware, "needs_kvm"));
    if (needs) {
        ck_assert_msg(rc < 0 && err.cls == ERR_INPUT, "%s was started without KVM", p->name);
        ck_assert_ptr_nonnull(strstr(err_text(&err), needs));
    } else {
        ck_assert_msg(rc == 0, "%s: %s", p->name, err_text(&err));
        struct vm_diagnostics look;
        CLEANUP_FREE char *png = str_printf("%s/%s/shot.png", dir, work);
        ck_assert_msg(vm_diagnose(vm, &look, &err) == 0, "%s", err_text(&err));
        ck_assert_msg(vm_screenshot(vm, png, &err) == 0, "%s", err_text(&err));
        ck_assert_int_gt(fs_size(png), 0);
        ck_assert_msg(vm_press(vm, VM_KEY_SPACE, &err) == 0, "%s", err_text(&err));
        bool uefi = !str_eq(json_string_value(json_object_get(p->hardware, "firmware")), "bios");
        ck_assert_int_eq(vm_nvram_path(vm) != NULL, uefi);
        ck_assert(!uefi || fs_size(vm_nvram_path(vm)) > 0);
    }
    vm_destroy(vm);
    image_profile_free(p);
}
END_TEST

/* Another root than the machine's above: virsh is a libvirt of its own. */
static void define_one(const struct image_profile *p, const char *work, bool kvm) {
    static const char *const cds[] = {"/c/setup.iso", "/c/lab.iso", "/c/virtio.iso"};
    struct domain_paths paths = {"/w/overlay.qcow2", "/w/console.log", "/r/agent.sock", "/r/vnc.sock", "/w/nvram.fd"};
    struct vm_spec spec = {.name = p->name, .profile = p->hardware, .kvm = kvm, .cdroms = cds, .cdrom_count = 3};
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *xml = domain_xml_build(&spec, &paths, &err);
    ck_assert_msg(xml != NULL, "%s", err_text(&err));
    CLEANUP_FREE char *file = fs_join(work, "domain.xml");
    ck_assert_int_eq(fs_write_atomic(file, xml, strlen(xml), 0600, NULL), 0);
    CLEANUP_FREE char *cache = in_dir("cache");
    CLEANUP_FREE char *root = libvirt_root_make(work, cache, &err);
    ck_assert_msg(root != NULL, "%s", err_text(&err));
    CLEANUP_FREE char *uri = str_printf("qemu:///embed?root=%s", root);
    const char *argv[] = {"virsh", "-q", "-c", uri, "define", "--validate", file, NULL};
    struct proc_opts o = {.timeout_ns = 120 * CLOCK_S};
    int rc = proc_check(argv, &o, &err);
    libvirt_root_keep_cache(root, cache);
    libvirt_root_sweep(work, NULL);
    ck_assert_msg(rc == 0, "%s%s: %s", p->name, kvm ? " with KVM" : "", err_text(&err));
}

START_TEST(every_profile_is_accepted_by_define) {
    CLEANUP_FREE char *virsh = proc_find("virsh");
    if (!virsh) {
        TEST_SKIP("no virsh (libvirt-clients)");
    }
    struct image_profile *p = load(names[_i]);
    CLEANUP_FREE char *work = str_printf("%s/d%d", dir, _i);
    ck_assert_int_eq(fs_mkdirs(work, NULL), 0);
    if (!json_object_get(p->hardware, "needs_kvm")) {
        define_one(p, work, false);
    }
    if (access("/dev/kvm", R_OK | W_OK) == 0) { /* to define needs the device only, not that it works */
        define_one(p, work, true);
    }
    image_profile_free(p);
}
END_TEST

/* ---- Secure Boot ----------------------------------------------------------------------------- */

/* The firmware writes its console to the first serial port as well; 1 when the first text came, 2 for the second. */
static int wait_for_text(struct vm *vm, const char *first, const char *second) {
    struct vm_endpoints ends;
    ck_assert_int_eq(vm_endpoints(vm, &ends, NULL), 0);
    int64_t deadline = in_seconds(240);
    while (clock_now(clock_monotonic()) < deadline) {
        size_t len = 0;
        CLEANUP_FREE char *text = fs_read(ends.console_log, 1 << 20, &len, NULL);
        if (text && memmem(text, len, first, strlen(first))) {
            return 1;
        }
        if (text && memmem(text, len, second, strlen(second))) {
            return 2;
        }
        struct clock *c = clock_monotonic();
        c->wait_until(c, clock_after(c, 200 * CLOCK_MS));
    }
    return 0;
}

static const struct {
    const char *profile, *disk;
    int want; /* 1: the loader ran, 2: it was refused */
} loaders[] = {
    {"uefi-secure", "signed.img", 1},
    {"uefi-secure", "tampered.img", 2},
    {"uefi", "tampered.img", 1}, /* nothing else is wrong with it */
};

START_TEST(secure_boot_starts_what_is_signed_and_nothing_else) {
    if (esp_missing[0]) {
        TEST_SKIP("%s", esp_missing);
    }
    CLEANUP_FREE char *path = str_printf("images/profiles/%s.json", loaders[_i].profile);
    CLEANUP_FREE char *work = str_printf("s%d", _i);
    struct image_profile *p = load(path);
    CLEANUP_ERR struct err err = ERR_INIT;
    struct vm *vm = make_vm(work, p->hardware, loaders[_i].disk, &err);
    ck_assert_msg(vm && vm_start(vm, in_seconds(120), &err) == 0, "%s", err_text(&err));
    int seen = wait_for_text(vm, "COEXIST-LOADER-RAN", "Access Denied");
    vm_destroy(vm);
    image_profile_free(p);
    ck_assert_msg(seen == loaders[_i].want, "%s on %s: %s", loaders[_i].disk, loaders[_i].profile,
                  seen == 1 ? "was started" : seen == 2 ? "was refused" : "neither started nor refused");
}
END_TEST

/* ---- setting up ------------------------------------------------------------------------------ */

static int add_name(const char *name, void *ctx) {
    (void)ctx;
    if (name_count < PROFILES_MAX) {
        names[name_count++] = str_printf("images/profiles/%s", name);
    }
    return 0;
}

static bool make_file(const char *name, off_t size) {
    CLEANUP_FREE char *path = in_dir(name);
    CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return fd >= 0 && ftruncate(fd, size) == 0;
}

static void make_esp(void) {
    const char *const argv[] = {"tests/contract/esp.sh", dir, NULL};
    struct proc_opts o = {.timeout_ns = 60 * CLOCK_S};
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP(proc_result_free) struct proc_result res = {0};
    if (proc_run(argv, &o, &res, &err) < 0 || res.exit_code != 0) {
        snprintf(esp_missing, sizeof(esp_missing), "%.200s%.50s", str_get(&res.err), err_text(&err));
    }
}

static void forget(void) {
    if (getpid() == owner) { /* Check's children must not */
        fs_remove_tree(dir, NULL);
    }
}

int main(void) {
    if (!mkdtemp(dir)) {
        return 1;
    }
    owner = getpid();
    atexit(forget);
    if (fs_each("images/profiles", add_name, NULL, NULL) < 0) {
        return 1;
    }
    if (!make_file("blank.img", 64 << 20) || !make_file("cd.iso", 1 << 20)) {
        return 1;
    }
    make_esp();
    Suite *s = suite_create("profiles");
    TCase *t = tcase_create("profiles");
    tcase_set_timeout(t, 400);
    tcase_add_loop_test(t, every_profile_is_accepted_by_define, 0, name_count);
    tcase_add_loop_test(t, every_profile_is_started_or_refused_with_its_cause, 0, name_count);
    tcase_add_loop_test(t, secure_boot_starts_what_is_signed_and_nothing_else, 0, (int)ARRAY_LEN(loaders));
    suite_add_tcase(s, t);
    return suite_run(s);
}
