#include "vm/probe.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"

#define PROBE_QEMU "qemu-system-x86_64"
/* QEMU ends with (value << 1) | 1 when a guest writes value to the isa-debug-exit port. */
enum {
    PROBE_VALUE = 0x15,
    PROBE_EXIT = PROBE_VALUE << 1 | 1,
    PROBE_DEADLINE_S = 3,
    PROBE_RUNS = 3, /* in a row: an accelerator that works sometimes does not work */
    PROBE_TOOL_S = 20,
    PROBE_VERSION = 2, /* of the way of probing: answers of another one are not believed */
    PROBE_CPUINFO_MAX = 4 << 20,
    PROBE_QUOTE = 150, /* bytes of QEMU's own words that are passed on */
};

/* A boot sector: BIOS loads it to 0x7c00 and jumps there in real mode. It counts a little, so that
 * the guest runs through a loop and not only a first instruction, sleeps until three timer
 * interrupts have moved the BIOS's tick count (interrupt 0x1a, function 0: ticks of 55 ms in cx:dx),
 * then tells that it got there: to the isa-debug-exit port, and, where there is none, by powering off
 * (SLP_EN to PM1a_CNT of the PIIX4, whose registers SeaBIOS puts at 0x600). */
static const uint8_t probe_code[] = {
    0xfb,             /*       sti */
    0xb9, 0x00, 0x10, /*       mov cx, 0x1000 */
    0xe2, 0xfe,       /*       loop $ */
    0xbb, 0x03, 0x00, /*       mov bx, 3 */
    0xb4, 0x00,       /* next: mov ah, 0 */
    0xcd, 0x1a,       /*       int 0x1a */
    0x89, 0xd6,       /*       mov si, dx */
    0xf4,             /* wait: hlt */
    0xb4, 0x00,       /*       mov ah, 0 */
    0xcd, 0x1a,       /*       int 0x1a */
    0x39, 0xf2,       /*       cmp dx, si */
    0x74, 0xf7,       /*       je wait */
    0x4b,             /*       dec bx */
    0x75, 0xee,       /*       jne next */
    0xb0, PROBE_VALUE,/*       mov al, PROBE_VALUE */
    0xe6, 0xf4,       /*       out 0xf4, al */
    0xba, 0x04, 0x06, /*       mov dx, 0x604 */
    0xb8, 0x00, 0x20, /*       mov ax, 0x2000 */
    0xef,             /*       out dx, ax */
    0xf4,             /* stay: hlt */
    0xeb, 0xfd,       /*       jmp stay */
};

int vm_probe_write_sector(const char *path, struct err *err) {
    uint8_t sector[512] = {0};
    memcpy(sector, probe_code, sizeof(probe_code));
    sector[510] = 0x55; /* the signature by which a BIOS knows a boot sector */
    sector[511] = 0xaa;
    return fs_write_atomic(path, sector, sizeof(sector), 0600, err);
}

/* Runs the sector under an accelerator; 1 when it got to its end in time, 0 when not (why says
 * it). */
static int probe_run_once(const char *sector, const char *accel, char why[256], struct err *err) {
    CLEANUP_FREE char *drive = str_printf("file=%s,format=raw,if=ide,snapshot=on", sector);
    const char *const argv[] = {
        PROBE_QEMU, "-accel",   accel,  "-machine",    "pc",     "-m",      "16", "-nodefaults",
        "-display", "none",     "-no-user-config",     "-no-reboot",        "-drive", drive,
        "-device",  "isa-debug-exit,iobase=0xf4,iosize=1", NULL};
    struct proc_opts opts = {.timeout_ns = PROBE_DEADLINE_S * CLOCK_S, .max_output = 4096};
    CLEANUP(proc_result_free) struct proc_result res = {0};
    CLEANUP_ERR struct err late = ERR_INIT;
    if (proc_run(argv, &opts, &res, &late) < 0) {
        if (late.cls != ERR_TIMEOUT) {
            err_move(err, &late);
            return -1;
        }
        snprintf(why, 256, "a guest of 512 bytes did not finish within %d s under %s",
                 PROBE_DEADLINE_S, accel);
        return 0;
    }
    if (res.exit_code == PROBE_EXIT) {
        snprintf(why, 256, "a small guest ran under %s", accel);
        return 1;
    }
    const char *said = str_get(&res.err);
    size_t line = strcspn(said, "\n");
    snprintf(why, 256, "QEMU under %s ended with %d: %.*s", accel, res.exit_code,
             line < PROBE_QUOTE ? (int)line : PROBE_QUOTE, said);
    return 0;
}

static int probe_run(const char *sector, const char *accel, char why[256], struct err *err) {
    int rc = 1;
    for (int i = 0; i < PROBE_RUNS && rc == 1; i++) {
        rc = probe_run_once(sector, accel, why, err);
    }
    return rc;
}

/* KVM runs an unmodified guest only on a processor that shows its own support for that (kvm_intel
 * and kvm_amd refuse to load without). Where /dev/kvm is there all the same it belongs to a
 * hypervisor for modified guests: on one such, the sector above ran in two tries of six. */
static bool probe_cpu_virtualizes(void) {
    CLEANUP_FREE char *text = fs_read("/proc/cpuinfo", PROBE_CPUINFO_MAX, NULL, NULL);
    const char *flags = text ? strstr(text, "\nflags\t") : NULL;
    CLEANUP_FREE char *line = flags ? str_printf("%.*s ", (int)strcspn(flags + 1, "\n"), flags + 1)
                                    : str_dup("");
    return strstr(line, " vmx ") || strstr(line, " svm ");
}

/* What the answer depends on: this boot of the host (its modules and hypervisor), this QEMU, this
 * user's rights. */
static char *probe_key(struct err *err) {
    const char *const argv[] = {PROBE_QEMU, "--version", NULL};
    struct proc_opts opts = {.timeout_ns = PROBE_TOOL_S * CLOCK_S};
    CLEANUP(proc_result_free) struct proc_result res = {0};
    if (proc_run(argv, &opts, &res, err) < 0) {
        err_prefix(err, "probe KVM");
        return NULL;
    }
    CLEANUP_FREE char *boot = fs_read("/proc/sys/kernel/random/boot_id", 64, NULL, NULL);
    CLEANUP_FREE char *text = str_printf("%d%s%s%ld%d", PROBE_VERSION, boot ? boot : "", str_get(&res.out),
                                         (long)geteuid(), access("/dev/kvm", R_OK | W_OK));
    char hex[FS_SHA256_HEX];
    fs_sha256_bytes(text, strlen(text), hex);
    return str_dup(hex);
}

static bool probe_recall(const char *path, const char *key, bool *kvm, char why[256]) {
    json_t *j = json_load_file(path, 0, NULL);
    const char *known = json_string_value(json_object_get(j, "key"));
    const json_t *answer = json_object_get(j, "kvm");
    bool usable = str_eq(known, key) && json_is_boolean(answer);
    if (usable) {
        const char *text = json_string_value(json_object_get(j, "why"));
        *kvm = json_is_true(answer);
        snprintf(why, 256, "%s", text ? text : "");
    }
    json_decref(j);
    return usable;
}

/* Best effort: an answer not remembered costs the next one a probe. */
static void probe_remember(const char *path, const char *key, bool kvm, const char *why) {
    json_t *j = json_pack("{s:s, s:b, s:s}", "key", key, "kvm", kvm, "why", why);
    CLEANUP_FREE char *text = json_dumps(j, JSON_INDENT(1));
    json_decref(j);
    CLEANUP_FREE char *dir = fs_dirname(path);
    if (text && fs_mkdirs(dir, NULL) == 0) {
        fs_write_atomic(path, text, strlen(text), 0644, NULL);
    }
}

int vm_probe_accel(const char *accel, bool *works, char why[256], struct err *err) {
    char dir[] = "/tmp/coexist-probe-XXXXXX";
    if (!mkdtemp(dir)) {
        return err_set(err, ERR_SYSTEM, "probe %s: no temporary folder", accel);
    }
    CLEANUP_FREE char *sector = fs_join(dir, "sector");
    int rc = vm_probe_write_sector(sector, err);
    if (rc == 0) {
        rc = probe_run(sector, accel, why, err);
        *works = rc == 1;
    }
    fs_remove_tree(dir, NULL);
    return rc < 0 ? -1 : 0;
}

int vm_probe_kvm(const char *cache_dir, bool *kvm, char why[256], struct err *err) {
    *kvm = false;
    CLEANUP_FREE char *key = probe_key(err);
    if (!key) {
        return -1;
    }
    CLEANUP_FREE char *path = cache_dir ? fs_join(cache_dir, "kvm.json") : NULL;
    if (path && probe_recall(path, key, kvm, why)) {
        return 0;
    }
    if (access("/dev/kvm", R_OK | W_OK) != 0) {
        snprintf(why, 256, "/dev/kvm is absent or not open to this user");
    } else if (!probe_cpu_virtualizes()) {
        snprintf(why, 256, "/dev/kvm is there, but the processor shows neither vmx nor svm");
    } else if (vm_probe_accel("kvm", kvm, why, err) < 0) {
        return -1;
    }
    if (path) {
        probe_remember(path, key, *kvm, why);
    }
    return 0;
}
