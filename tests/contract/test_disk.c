/* The disk of a guest that will not boot, read through libguestfs: dumps and event logs come out whole and are
 * understood, from a Windows file system as well; and it ends when its time is over. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "evidence/evtx.h"
#include "support/skip.h"
#include "support/suite.h"
#include "vm/disk_job.h"

static char work[] = "/tmp/coexist-test-disk-XXXXXX";

#define LOGS "C:\\Windows\\System32\\winevt\\Logs"
#define REAL_SYSTEM "omer_sample-with-zero-data-size-event.evtx"
#define REAL_APPLICATION "omer_Application_no_crc32.evtx"

/* NULL: it worked; else why not. Caller frees. */
static char *shell(const char *script) {
    const char *const argv[] = {"bash", "-c", script, NULL};
    struct proc_opts opts = {.timeout_ns = 60 * CLOCK_S};
    CLEANUP_ERR struct err err = ERR_INIT;
    return proc_check(argv, &opts, &err) < 0 ? str_printf("%.200s", err_text(&err)) : NULL;
}

static char *absolute_cases(void) {
    const char *dir = test_cases_dir();
    CLEANUP_FREE char *logs = dir ? fs_join(dir, "evtx") : NULL;
    return logs ? fs_absolute(logs) : NULL;
}

/* What a Windows that crashed leaves, real event logs among it. Names that only end alike are not wanted. */
static const char fill[] =
    "mkdir -p Windows/Minidump Windows/System32/winevt/Logs; cd Windows;"
    " printf PAGEDU64dump >Minidump/112126-1.dmp; cd System32/winevt/Logs;"
    " cp \"$cases/" REAL_SYSTEM "\" System.evtx; cp \"$cases/" REAL_APPLICATION "\" application.EVTX;"
    " head -c 3000000 /dev/zero >Big-System.evtx;";

/* Makes work/NAME.raw; why it could not, or NULL. Caller frees. */
static char *make_disk(const char *cases, bool ntfs) {
    CLEANUP_FREE char *script =
        ntfs ? str_printf("set -e; PATH=$PATH:/sbin:/usr/sbin; cases='%s'; cd '%s'; truncate -s 64M ntfs.raw;"
                          " mkntfs -q -F ntfs.raw >/dev/null 2>&1; mkdir mnt; ntfs-3g ntfs.raw mnt;"
                          " (cd mnt; %s); umount mnt", cases, work, fill)
             : str_printf("set -e; PATH=$PATH:/sbin:/usr/sbin; cases='%s'; cd '%s'; mkdir -p tree;"
                          " (cd tree; %s); mke2fs -q -t ext4 -d tree ext4.raw 64M", cases, work, fill);
    return shell(script);
}

static char *folder(const char *name) {
    char *path = fs_join(work, name);
    ck_assert_int_eq(fs_mkdirs(path, NULL), 0);
    return path;
}

/* The copy says what the original says, record by record. */
static void check_same_log(const char *dir, const char *name, const char *cases, const char *original) {
    CLEANUP_FREE char *copied = fs_join(dir, name);
    CLEANUP_FREE char *from = fs_join(cases, original);
    CLEANUP_ERR struct err err = ERR_INIT;
    struct event_log a = {0}, b = {0};
    ck_assert_msg(evtx_read_file(copied, false, &a, &err) == 0, "%s", err_text(&err));
    ck_assert_msg(evtx_read_file(from, false, &b, &err) == 0, "%s", err_text(&err));
    ck_assert_uint_eq(a.read, b.read);
    ck_assert_uint_gt(a.read, 0);
    ck_assert_uint_eq(a.count, b.count);
    for (size_t i = 0; i < a.count; i++) {
        ck_assert_str_eq(a.records[i].text, b.records[i].text);
    }
    event_log_clear(&a);
    event_log_clear(&b);
}

START_TEST(event_logs_come_from_the_disk) {
    bool ntfs = _i == 1;
    CLEANUP_FREE char *cases = absolute_cases();
    if (!cases) {
        TEST_SKIP("no folder of cases (set COEXIST_CASES)");
    }
    CLEANUP_FREE char *no_kernel = shell("ls /boot/vmlinuz-* >/dev/null 2>&1");
    CLEANUP_FREE char *why = no_kernel ? NULL : make_disk(cases, ntfs);
    if (no_kernel || why) {
        TEST_SKIP("%s", no_kernel ? "no kernel in /boot for libguestfs" : why);
    }
    CLEANUP_FREE char *disk = fs_join(work, ntfs ? "ntfs.raw" : "ext4.raw");
    CLEANUP_FREE char *dumps = folder(ntfs ? "ntfs-dumps" : "dumps");
    CLEANUP_FREE char *system = folder(ntfs ? "ntfs-system" : "system");
    CLEANUP_FREE char *application = folder(ntfs ? "ntfs-application" : "application");
    CLEANUP_FREE char *nowhere = folder(ntfs ? "ntfs-nowhere" : "nowhere");
    CLEANUP_FREE char *large = folder(ntfs ? "ntfs-large" : "large");
    CLEANUP_FREE char *fitting = folder(ntfs ? "ntfs-fitting" : "fitting");
    struct vm_disk_place places[] = {
        {"C:\\Windows\\Minidump", "*.dmp", dumps, 8, 1 << 20, 0},
        {LOGS, "System.evtx", system, 8, 2500000, 0},
        {LOGS, "Application.evtx", application, 8, 2500000, 0},
        {"C:\\Windows\\Nowhere", "*", nowhere, 8, 1 << 20, 0},
        {LOGS, "*-system.evtx", large, 8, 2500000, 0},
        {LOGS, "?IG-system.*", fitting, 8, 3000000, 0},
    };
    struct vm_disk_job job = {.disk = disk, .format = "raw", .windows_root = "", .places = places,
                              .place_count = ARRAY_LEN(places), .timeout_ns = 240 * CLOCK_S};
    CLEANUP_ERR struct err err = ERR_INIT;
    int rc = vm_disk_do(&job, &err);
    ck_assert_msg(rc == 0, "%s", err_text(&err));
    ck_assert_int_eq(places[0].copied, 1);
    ck_assert_int_eq(places[1].copied, 1); /* the one beside it only ends alike */
    ck_assert_int_eq(places[2].copied, 1);
    ck_assert_int_eq(places[3].copied, 0);
    ck_assert_int_eq(places[4].copied, 0); /* larger than it may be */
    ck_assert_int_eq(places[5].copied, 1);
    check_same_log(system, "System.evtx", cases, REAL_SYSTEM);
    check_same_log(application, "application.EVTX", cases, REAL_APPLICATION);
}
END_TEST

/* Processes that have this path among their arguments. */
static int count_processes(const char *path) {
    CLEANUP_FREE char *script = str_printf("pgrep -c -f '[%c]%s'", path[0], path + 1);
    const char *const argv[] = {"bash", "-c", script, NULL};
    struct proc_opts opts = {.timeout_ns = 20 * CLOCK_S};
    struct proc_result r = {0};
    ck_assert_int_eq(proc_run(argv, &opts, &r, NULL), 0);
    int n = (int)strtol(str_get(&r.out), NULL, 10);
    proc_result_free(&r);
    return n;
}

START_TEST(it_ends_when_its_time_is_over) {
    CLEANUP_FREE char *no_kernel = shell("ls /boot/vmlinuz-* >/dev/null 2>&1");
    if (no_kernel) {
        TEST_SKIP("no kernel in /boot for libguestfs");
    }
    CLEANUP_FREE char *script = str_printf("truncate -s 8M '%s/empty.raw'", work);
    CLEANUP_FREE char *why = shell(script);
    ck_assert_ptr_null(why);
    CLEANUP_FREE char *disk = fs_join(work, "empty.raw");
    CLEANUP_FREE char *out = folder("nothing");
    struct vm_disk_place place = {"C:\\Windows", "", out, 8, 1 << 20, 7};
    struct vm_disk_job job = {.disk = disk, .format = "raw", .windows_root = "", .places = &place, .place_count = 1,
                              .timeout_ns = CLOCK_S};
    CLEANUP_ERR struct err err = ERR_INIT;
    struct clock *clock = clock_monotonic();
    int64_t began = clock_now(clock);
    ck_assert_int_lt(vm_disk_do(&job, &err), 0);
    ck_assert_int_eq(err.cls, ERR_TIMEOUT);
    ck_assert_str_eq(err_text(&err), "guest disk: libguestfs was not done with it after 1 s and was ended");
    ck_assert_int_lt(clock_now(clock) - began, 60 * CLOCK_S); /* it would take longer to say that nothing is on it */
    ck_assert_int_eq(place.copied, 0);
    int64_t until = clock_after(clock, 30 * CLOCK_S);
    while (count_processes(disk) > 0) { /* killed, and soon gone */
        ck_assert_int_lt(clock_now(clock), until);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("disk");
    TCase *t = tcase_create("disk");
    tcase_set_timeout(t, 400);
    tcase_add_loop_test(t, event_logs_come_from_the_disk, 0, 2);
    tcase_add_test(t, it_ends_when_its_time_is_over);
    suite_add_tcase(s, t);
    return suite_run_in(work, s);
}
