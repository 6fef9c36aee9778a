/* A host with a libvirt daemon as a whole: looked at, probed, given copies of files that are checked, swept of
 * what dead workers left, given up when it does not answer. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "lab_daemon.h"
#include "micro_guest.h"
#include "support/skip.h"
#include "support/suite.h"
#include "vm/libvirt_host.h"
#include "vm/libvirt_root.h"

static struct {
    char cannot[256]; /* why there is no daemon; "": there is one */
    char *dir, *pool, *uri, *work;
    struct libvirt_host *host;
} d;

static void set_up(void) {
    CLEANUP_ERR struct err err = ERR_INIT;
    if (d.cannot[0]) {
        return;
    }
    d.dir = lab_daemon_dir(getppid());
    d.pool = fs_join(d.dir, "pool");
    d.uri = lab_daemon_uri(d.dir);
    d.work = str_printf("%s/work-%d", d.dir, (int)getpid());
    ck_assert_int_eq(mkdir(d.work, 0700), 0);
    d.host = libvirt_host_open(d.uri, LAB_DAEMON_LAB, d.pool, NULL, &err);
    ck_assert_msg(d.host != NULL, "%s", err_text(&err));
}

static void tear_down(void) {
    libvirt_host_close(d.host);
    free(d.dir);
    free(d.pool);
    free(d.uri);
    free(d.work);
}

#define NEEDS_DAEMON                     \
    if (d.cannot[0]) {                   \
        TEST_SKIP("%s", d.cannot);       \
    }

static char *there(const char *name) {
    return str_printf("%s/" LAB_DAEMON_LAB "/%s", d.pool, name);
}

START_TEST(it_says_what_it_is_and_has) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct libvirt_host_info info;
    NEEDS_DAEMON
    ck_assert_msg(libvirt_host_look(d.host, &info, &err) == 0, "%s", err_text(&err));
    ck_assert_int_ge(info.cpus, 1);
    ck_assert_int_gt(info.memory, INT64_C(256) << 20);
    ck_assert_int_gt(info.memory_free, INT64_C(64) << 20);
    ck_assert_int_le(info.memory_free, info.memory);
    ck_assert_int_gt(info.disk_free, INT64_C(64) << 20);
    ck_assert_ptr_nonnull(strstr(info.version, "QEMU"));
}
END_TEST

START_TEST(a_small_guest_tells_whether_an_accelerator_works) {
    CLEANUP_ERR struct err err = ERR_INIT;
    char why[256] = "";
    bool works = false;
    NEEDS_DAEMON
    /* Under emulation it runs to its end anywhere. */
    ck_assert_msg(libvirt_host_probe(d.host, "qemu", &works, why, &err) == 0, "%s", err_text(&err));
    ck_assert_msg(works, "%s", why);
    ck_assert_int_eq(libvirt_root_signal_qemu(d.pool, 0, 0), 0);
}
END_TEST

START_TEST(a_file_is_copied_once_and_checked) {
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *path = fs_join(d.work ? d.work : "/tmp", "file");
    CLEANUP_FREE char *copy = NULL;
    char hex[FS_SHA256_HEX], far[FS_SHA256_HEX];
    struct stat before, after;
    NEEDS_DAEMON
    size_t len = (3u << 20) + 17; /* not a whole number of anybody's blocks */
    CLEANUP_FREE char *data = mem_zalloc(len, 1);
    for (size_t i = 0; i < len; i++) {
        data[i] = (char)(i * 2654435761u >> 13);
    }
    ck_assert_int_eq(fs_write_atomic(path, data, len, 0600, NULL), 0);
    ck_assert_int_eq(fs_sha256_file(path, hex, NULL), 0);
    ck_assert(!libvirt_host_has(d.host, "image-a"));
    ck_assert_msg(libvirt_host_put(d.host, "image-a", path, hex, NULL, NULL, &err) == 0, "%s", err_text(&err));
    ck_assert(libvirt_host_has(d.host, "image-a"));
    copy = there("image-a");
    ck_assert_int_eq(fs_sha256_file(copy, far, NULL), 0);
    ck_assert_str_eq(far, hex);
    ck_assert_int_eq(stat(copy, &before), 0);
    ck_assert_int_eq(libvirt_host_put(d.host, "image-a", path, hex, NULL, NULL, &err), 0);
    ck_assert_int_eq(stat(copy, &after), 0);
    ck_assert_int_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec); /* not again */
    ck_assert_int_eq(before.st_ino, after.st_ino);
}
END_TEST

START_TEST(a_copy_that_is_not_whole_is_none) {
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *path = fs_join(d.work ? d.work : "/tmp", "file");
    char hex[FS_SHA256_HEX];
    NEEDS_DAEMON
    ck_assert_int_eq(fs_write_atomic(path, "true", 4, 0600, NULL), 0);
    fs_sha256_bytes("else", 4, hex);
    /* What came there is not what was to come. */
    ck_assert_int_lt(libvirt_host_put(d.host, "image-b", path, hex, NULL, NULL, &err), 0);
    ck_assert_ptr_nonnull(strstr(err_text(&err), hex));
    ck_assert(!libvirt_host_has(d.host, "image-b"));
    /* Somebody was killed half-way: the next one begins anew. */
    CLEANUP_FREE char *half = there("image-b");
    ck_assert_int_eq(truncate(half, 2), 0);
    fs_sha256_bytes("true", 4, hex);
    ck_assert_msg(libvirt_host_put(d.host, "image-b", path, hex, NULL, NULL, &err) == 0, "%s", err_text(&err));
    ck_assert(libvirt_host_has(d.host, "image-b"));
    ck_assert_int_eq(fs_size(half), 4);
}
END_TEST

START_TEST(it_knows_whether_it_sees_our_files) {
    NEEDS_DAEMON
    ck_assert(libvirt_host_sees(d.host, d.work));
    ck_assert(!libvirt_host_sees(d.host, "/run/libvirt")); /* the daemon has another folder there */
}
END_TEST

static bool lives_none(void *ctx, const char *owner) {
    (void)ctx;
    (void)owner;
    return false;
}

static bool lives_all(void *ctx, const char *owner) {
    (void)ctx;
    (void)owner;
    return true;
}

/* A worker that is killed: its machine ends with its connection, its disk stays until the sweep. */
static void die_with_a_machine(void) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct host_uri uri;
    struct vm_remote_spec at = {.uri = &uri, .lab = LAB_DAEMON_LAB, .folder = d.pool, .owner = "run.dead"};
    struct vm *vm = host_uri_parse(d.uri, &uri, &err) == 0 ? micro_guest_vm(d.work, &at, &err) : NULL;
    if (!vm || vm_start(vm, clock_after(clock_monotonic(), 60 * CLOCK_S), &err) < 0) {
        fprintf(stderr, "%s\n", err_text(&err));
        _exit(1);
    }
    raise(SIGKILL);
}

START_TEST(what_a_dead_worker_left_is_swept) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct clock *clock = clock_monotonic();
    int status = 0;
    NEEDS_DAEMON
    libvirt_host_close(d.host); /* its threads would not be in the child */
    d.host = NULL;
    pid_t pid = fork();
    if (pid == 0) {
        die_with_a_machine();
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFSIGNALED(status), "the machine did not start");
    d.host = libvirt_host_open(d.uri, LAB_DAEMON_LAB, d.pool, NULL, &err);
    ck_assert_msg(d.host != NULL, "%s", err_text(&err));
    CLEANUP_FREE char *overlay = there("run.dead.overlay.qcow2");
    ck_assert(fs_exists(overlay));
    ck_assert_int_eq(libvirt_host_sweep(d.host, lives_all, NULL, &err), 0);
    ck_assert(fs_exists(overlay));
    ck_assert_int_ge(libvirt_host_sweep(d.host, lives_none, NULL, &err), 1);
    ck_assert(!fs_exists(overlay));
    int64_t end = clock_after(clock, 30 * CLOCK_S);
    while (libvirt_root_signal_qemu(d.pool, 0, 0) > 0 && clock_now(clock) < end) {
        clock->wait_until(clock, clock_after(clock, 100 * CLOCK_MS));
    }
    ck_assert_int_eq(libvirt_root_signal_qemu(d.pool, 0, 0), 0);
    ck_assert_int_eq(libvirt_host_sweep(d.host, lives_none, NULL, &err), 0);
}
END_TEST

/* Files of a folder, but "." and "..". */
static int count_file(const char *name, void *ctx) {
    (void)name;
    ++*(int *)ctx;
    return 0;
}

static int files_in(const char *dir) {
    int count = 0;
    fs_each(dir, count_file, &count, NULL);
    return count;
}

/* Neither in the lab's folder nor where libvirt puts them by itself. */
START_TEST(uefi_variables_go_with_their_machine) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct host_uri uri;
    NEEDS_DAEMON
    struct vm_remote_spec at = {.uri = &uri, .lab = LAB_DAEMON_LAB, .folder = d.pool, .owner = "run.uefi"};
    ck_assert_int_eq(host_uri_parse(d.uri, &uri, &err), 0);
    CLEANUP_FREE char *sealed = fs_join(d.work, "sealed.fd"), *nvram = there("run.uefi.nvram.fd");
    CLEANUP_FREE char *own = fs_join(d.dir, "var/lib/libvirt/qemu/nvram");
    struct vm *vm = micro_guest_uefi_vm(d.work, &at, NULL, &err);
    ck_assert_msg(vm && vm_start(vm, clock_after(clock_monotonic(), 60 * CLOCK_S), &err) == 0, "%s", err_text(&err));
    ck_assert_int_gt(fs_size(nvram), 0);
    ck_assert_int_eq(fs_copy(nvram, sealed, &err), 0);
    vm_destroy(vm);
    ck_assert(!fs_exists(nvram));
    vm = micro_guest_uefi_vm(d.work, &at, sealed, &err); /* as an image has them */
    ck_assert_msg(vm != NULL, "%s", err_text(&err));
    ck_assert_int_eq(fs_size(nvram), fs_size(sealed));
    ck_assert_msg(vm_start(vm, clock_after(clock_monotonic(), 60 * CLOCK_S), &err) == 0, "%s", err_text(&err));
    vm_destroy(vm);
    ck_assert(!fs_exists(nvram));
    ck_assert_int_eq(files_in(own), 0);
    host_uri_clear(&uri);
}
END_TEST

/* The daemon has not seen it before: it was not made by its storage API. */
START_TEST(uefi_variables_of_a_dead_worker_are_swept) {
    CLEANUP_ERR struct err err = ERR_INIT;
    NEEDS_DAEMON
    CLEANUP_FREE char *nvram = there("run.dead.nvram.fd");
    ck_assert_int_eq(fs_write_atomic(nvram, "x", 1, 0600, NULL), 0);
    ck_assert_int_eq(libvirt_host_sweep(d.host, lives_all, NULL, &err), 0);
    ck_assert(fs_exists(nvram));
    ck_assert_int_eq(libvirt_host_sweep(d.host, lives_none, NULL, &err), 1);
    ck_assert(!fs_exists(nvram));
}
END_TEST

/* Stopped, it holds every connection open and answers nothing. */
START_TEST(a_daemon_that_hangs_is_given_up) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct libvirt_host_info info;
    NEEDS_DAEMON
    pid_t daemon = lab_daemon_pid(d.dir);
    ck_assert_int_gt(daemon, 0);
    ck_assert_int_eq(kill(daemon, SIGSTOP), 0);
    int rc = libvirt_host_look(d.host, &info, &err);
    int again = libvirt_host_sweep(d.host, lives_none, NULL, NULL); /* at once: the connection is lost */
    kill(daemon, SIGCONT);
    ck_assert_int_lt(rc, 0);
    ck_assert(err.cls == ERR_TIMEOUT || err.cls == ERR_SYSTEM);
    ck_assert_int_lt(again, 0);
}
END_TEST

int main(void) {
    if (!lab_daemon_prepare(d.cannot) && !d.cannot[0]) {
        snprintf(d.cannot, sizeof(d.cannot), "no daemon");
    }
    Suite *s = suite_create("host daemon");
    TCase *t = tcase_create("host daemon");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, it_says_what_it_is_and_has);
    tcase_add_test(t, a_small_guest_tells_whether_an_accelerator_works);
    tcase_add_test(t, a_file_is_copied_once_and_checked);
    tcase_add_test(t, a_copy_that_is_not_whole_is_none);
    tcase_add_test(t, it_knows_whether_it_sees_our_files);
    tcase_add_test(t, what_a_dead_worker_left_is_swept);
    tcase_add_test(t, uefi_variables_go_with_their_machine);
    tcase_add_test(t, uefi_variables_of_a_dead_worker_are_swept);
    tcase_add_test(t, a_daemon_that_hangs_is_given_up);
    suite_add_tcase(s, t);
    int rc = suite_run(s);
    lab_daemon_end();
    return rc;
}
