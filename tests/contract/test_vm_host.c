/* What the real backend owes the host: nothing left after kill -9, private sockets, forwarded
 * ports; the KVM probe; reading a stopped guest's disk. */
#include <check.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "micro_guest.h"
#include "support/skip.h"
#include "support/suite.h"
#include "vm/disk.h"
#include "vm/libvirt.h"
#include "vm/libvirt_root.h"
#include "vm/probe.h"
#include "vm/screen.h"

static char host_cannot[256];
static char host_dir[] = "/tmp/coexist-test-XXXXXX";

static char *host_work(const char *name) {
    char *work = fs_join(host_dir, name);
    ck_assert_int_eq(fs_mkdirs(work, NULL), 0);
    return work;
}

static char *host_root(const char *work) {
    CLEANUP_FREE char *link = fs_join(work, "embed");
    char target[4096];
    ssize_t n = readlink(link, target, sizeof(target) - 1);
    target[n > 0 ? n : 0] = '\0';
    return str_dup(target);
}

/* A process that starts a VM, says so, and then only waits to be killed. */
static pid_t host_owner(const char *work) {
    int ready[2];
    ck_assert_int_eq(pipe(ready), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        struct vm *vm = micro_guest_vm(work, NULL, NULL);
        bool up = vm && vm_start(vm, clock_after(clock_monotonic(), 60 * CLOCK_S), NULL) == 0;
        if (write(ready[1], up ? "y" : "n", 1) == 1) {
            pause();
        }
        _exit(1);
    }
    char answer = 'n';
    close(ready[1]);
    ck_assert_int_eq(read(ready[0], &answer, 1), 1);
    close(ready[0]);
    ck_assert_int_eq(answer, 'y');
    return pid;
}

START_TEST(kill_nine_leaves_nothing_after_the_next_sweep) {
    if (host_cannot[0]) {
        TEST_SKIP("%s", host_cannot);
    }
    CLEANUP_FREE char *work = host_work("killed");
    pid_t owner = host_owner(work);
    CLEANUP_FREE char *root = host_root(work);
    ck_assert_int_eq(kill(owner, SIGKILL), 0);
    waitpid(owner, NULL, 0);
    ck_assert_int_eq(libvirt_root_signal_qemu(root, 0, 0), 1); /* QEMU outlives its owner ... */
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_int_eq(vm_libvirt_sweep(work, &err), 1); /* ... until the sweep */
    ck_assert_int_eq(libvirt_root_signal_qemu(root, 0, 0), 0);
    ck_assert(!fs_exists(root));
    ck_assert_int_eq(vm_libvirt_sweep(work, &err), 0); /* again is harmless */
}
END_TEST

START_TEST(a_sweep_touches_only_what_says_it_is_ours) {
    CLEANUP_FREE char *work = host_work("foreign");
    CLEANUP_FREE char *stranger = host_work("stranger");
    CLEANUP_FREE char *precious = fs_join(stranger, "precious");
    CLEANUP_FREE char *link = fs_join(work, "embed");
    ck_assert_int_eq(fs_write_atomic(precious, "x", 1, 0600, NULL), 0);
    ck_assert_int_eq(symlink(stranger, link), 0);
    ck_assert_int_eq(vm_libvirt_sweep(work, NULL), 0);
    ck_assert(fs_exists(precious));
    struct stat st;
    ck_assert_int_eq(lstat(link, &st), -1);
    CLEANUP_FREE char *nowhere = fs_join(host_dir, "nowhere");
    ck_assert_int_eq(vm_libvirt_sweep(nowhere, NULL), 0);
}
END_TEST

START_TEST(the_forwarded_port_leads_into_qemu_and_goes_with_it) {
    if (host_cannot[0]) {
        TEST_SKIP("%s", host_cannot);
    }
    CLEANUP_FREE char *work = host_work("port");
    CLEANUP_ERR struct err err = ERR_INIT;
    struct vm *vm = micro_guest_vm(work, NULL, &err);
    ck_assert_msg(vm != NULL, "%s", err_text(&err));
    CLEANUP_FREE char *root = host_root(work);
    struct stat st;
    ck_assert_int_eq(stat(root, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0700); /* sockets in it are nobody else's business */
    ck_assert_int_eq(vm_start(vm, clock_after(clock_monotonic(), 60 * CLOCK_S), &err), 0);
    struct vm_endpoints ends;
    ck_assert_int_eq(vm_endpoints(vm, &ends, &err), 0);
    ck_assert_int_gt(ends.ssh_port, 0);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)ends.ssh_port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    close(fd);
    vm_destroy(vm);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), -1);
    close(fd);
    ck_assert(!fs_exists(root));
}
END_TEST

START_TEST(the_probes_guest_runs_where_emulation_runs_it) {
    bool works = false;
    char why[256] = "";
    CLEANUP_ERR struct err err = ERR_INIT;
    if (!proc_find("qemu-system-x86_64")) {
        TEST_SKIP("no qemu-system-x86_64");
    }
    ck_assert_int_eq(vm_probe_accel("tcg", &works, why, &err), 0);
    ck_assert_msg(works, "%s", why); /* so a no under KVM is KVM's */
    ck_assert_int_eq(vm_probe_accel("nonsense", &works, why, &err), 0);
    ck_assert(!works && why[0]);
}
END_TEST

START_TEST(the_probes_answer_is_remembered) {
    if (!proc_find("qemu-system-x86_64")) {
        TEST_SKIP("no qemu-system-x86_64");
    }
    CLEANUP_FREE char *cache = host_work("probe");
    CLEANUP_FREE char *file = fs_join(cache, "kvm.json");
    bool first = false;
    bool second = true;
    char why[256] = "";
    char again[256] = "";
    ck_assert_int_eq(vm_probe_kvm(cache, &first, why, NULL), 0);
    ck_assert(fs_exists(file));
    ck_assert_int_eq(vm_probe_kvm(cache, &second, again, NULL), 0);
    ck_assert_int_eq(first, second);
    ck_assert_str_eq(why, again);
}
END_TEST

START_TEST(screens_are_stored_as_png_and_nonsense_is_refused) {
    CLEANUP_FREE char *path = fs_join(host_dir, "screen.png");
    static const char ppm[] = "P6\n# a comment\n2 1\n255\n\x01\x02\x03\x04\x05\x06";
    static const char *const wrong[] = {
        "P6\n2 1\n255\n\x01", "P6\n99999 1\n255\n", "P6 2 1 65535 xx", "P6", "GIF89a", ""};
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_int_eq(screen_store(path, ppm, sizeof(ppm) - 1, &err), 0);
    CLEANUP_FREE char *png = fs_read(path, 1 << 20, NULL, NULL);
    ck_assert_int_eq(memcmp(png, "\x89PNG\r\n\x1a\n", 8), 0);
    ck_assert_int_eq(memcmp(png + 16, "\0\0\0\x02\0\0\0\x01", 8), 0); /* IHDR: width, height */
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        ck_assert_int_eq(screen_store(path, wrong[i], strlen(wrong[i]), &err), -1);
        ck_assert_int_eq(err.cls, ERR_PROTOCOL);
    }
}
END_TEST

/* An ext4 disk with a drive C: below /c, names in odd case, a link, and a file too large. */
static char *host_disk(char why[256]) {
    CLEANUP_FREE char *tree = host_work("tree");
    CLEANUP_FREE char *script = str_printf(
        "set -e; cd '%s'; mkdir -p c/windows/MINIDUMP; cd c/windows/MINIDUMP; printf one >A.DMP;"
        " printf two >b.dmp; printf three >'c d.dmp'; ln -sf /etc/passwd link.dmp;"
        " head -c 5000 /dev/zero >large.dmp; printf no >note.txt;"
        " PATH=$PATH:/sbin:/usr/sbin mke2fs -q -t ext4 -d '%s' '%s/disk.raw' 32M",
        tree, tree, host_dir);
    const char *const argv[] = {"bash", "-c", script, NULL};
    struct proc_opts opts = {.timeout_ns = 60 * CLOCK_S};
    CLEANUP_ERR struct err err = ERR_INIT;
    if (proc_check(argv, &opts, &err) < 0) {
        snprintf(why, 256, "%.200s", err_text(&err));
        return NULL;
    }
    return fs_join(host_dir, "disk.raw");
}

START_TEST(a_stopped_guests_disk_can_be_read_and_changed) {
    char why[256] = "";
    bool kernel = system("ls /boot/vmlinuz-* >/dev/null 2>&1") == 0;
    CLEANUP_FREE char *disk = kernel ? host_disk(why) : NULL;
    if (!disk) {
        TEST_SKIP("%s", kernel ? why : "no kernel in /boot for libguestfs");
    }
    CLEANUP_FREE char *out = fs_join(host_dir, "out");
    CLEANUP_FREE char *out2 = fs_join(host_dir, "out2");
    CLEANUP_FREE char *a = fs_join(out, "A.DMP");
    CLEANUP_FREE char *spaced = fs_join(out, "c_d.dmp");
    CLEANUP_FREE char *link = fs_join(out, "link.dmp");
    CLEANUP_ERR struct err err = ERR_INIT;
    struct vm_disk *d = vm_disk_open(disk, "raw", "/c", false, true, &err);
    ck_assert_msg(d != NULL, "%s", err_text(&err));
    ck_assert_int_eq(vm_disk_copy_out(d, "C:\\Windows\\Minidump", "*.dmp", out, 10, 4096, &err), 3);
    CLEANUP_FREE char *text = fs_read(a, 100, NULL, NULL);
    ck_assert_str_eq(text, "one");
    ck_assert(fs_exists(spaced) && !fs_exists(link));
    ck_assert_int_eq(vm_disk_copy_out(d, "C:\\Windows\\Nowhere", "*.dmp", out, 10, 4096, &err), 0);
    ck_assert_int_eq(vm_disk_copy_out(d, "C:\\..\\c\\Windows", "*.dmp", out, 10, 4096, &err), 0);
    ck_assert_int_eq(vm_disk_remove(d, "c:\\WINDOWS\\minidump\\a.DM?", &err), 1);
    ck_assert_int_eq(vm_disk_remove(d, "C:\\Windows\\mini*", &err), 0); /* a folder */
    ck_assert_int_eq(vm_disk_remove(d, "C:\\Windows\\absent", &err), 0);
    ck_assert_int_eq(vm_disk_copy_out(d, "C:\\Windows\\Minidump", "*.dmp", out2, 10, 4096, &err), 2);
    vm_disk_close(d);
}
END_TEST

int main(void) {
    if (!mkdtemp(host_dir)) {
        perror(host_dir);
        return 1;
    }
    if (micro_guest_prepare(host_cannot)) {
        host_cannot[0] = '\0';
    }
    Suite *s = suite_create("vm host");
    TCase *t = tcase_create("vm host");
    tcase_set_timeout(t, 200);
    tcase_add_test(t, kill_nine_leaves_nothing_after_the_next_sweep);
    tcase_add_test(t, a_sweep_touches_only_what_says_it_is_ours);
    tcase_add_test(t, the_forwarded_port_leads_into_qemu_and_goes_with_it);
    tcase_add_test(t, the_probes_guest_runs_where_emulation_runs_it);
    tcase_add_test(t, the_probes_answer_is_remembered);
    tcase_add_test(t, screens_are_stored_as_png_and_nonsense_is_refused);
    tcase_add_test(t, a_stopped_guests_disk_can_be_read_and_changed);
    suite_add_tcase(s, t);
    int rc = suite_run(s);
    CLEANUP_FREE char *work = fs_join(host_dir, "killed");
    vm_libvirt_sweep(work, NULL); /* when the test failed halfway */
    CLEANUP_FREE char *port = fs_join(host_dir, "port");
    vm_libvirt_sweep(port, NULL);
    fs_remove_tree(host_dir, NULL);
    return rc;
}
