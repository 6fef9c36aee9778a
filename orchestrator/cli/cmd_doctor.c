/* coexist doctor: what this host can do, and what to fix. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "cli/cli.h"
#include "run/host_look.h"
#include "vm/libvirt.h"
#include "vm/probe.h"

enum doctor_state { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor {
    struct cli *cli;
    json_t *checks; /* array of {"name","state","found","fix"} */
    int failed;
    bool as_json;
    const char *host; /* NULL: this one */
};

static const struct cli_option options[] = {
    {"host", "URI", "look at that host instead of this one (as for 'coexist run'); may be given several times"},
    {"hosts", "FILE", "look at the hosts of this JSON file"},
    {"json", NULL, "print the findings as JSON"},
    {NULL, NULL, NULL},
};

/* fix: what to do about it; NULL when there is nothing to do. */
static void doctor_say(struct doctor *d, const char *name, enum doctor_state state,
                       const char *found, const char *fix) {
    static const char *const words[] = {"ok", "warn", "fail"};
    static const char *const colours[] = {"\033[32m", "\033[33m", "\033[31m"};
    json_t *check = json_pack("{s:s, s:s, s:s, s:s?}", "name", name, "state", words[state], "found",
                              found, "fix", fix);
    if (d->host) {
        json_object_set_new(check, "host", json_string(d->host));
    }
    json_array_append_new(d->checks, check);
    d->failed += state == DOCTOR_FAIL;
    if (d->as_json) {
        return;
    }
    bool c = d->cli->colour;
    printf("%s%-4s%s  %-10s  %s\n", c ? colours[state] : "", words[state], c ? "\033[0m" : "", name,
           found);
    if (fix) {
        printf("                  -> %s\n", fix);
    }
    fflush(stdout);
}

static void doctor_host(struct doctor *d) {
    struct utsname u;
    uname(&u);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    double gib = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / (1 << 30);
    CLEANUP_FREE char *text =
        str_printf("%ld cores, %.1f GiB of memory, kernel %s", cores, gib, u.release);
    bool small = gib < 2.0;
    doctor_say(d, "host", small ? DOCTOR_WARN : DOCTOR_OK, text,
               small ? "two cells at a time need about 2 GiB; use 'coexist run --jobs 1'" : NULL);
}

static void doctor_kvm(struct doctor *d) {
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *cache = fs_join(d->cli->lab_dir, "cache");
    fs_mkdirs(cache, NULL);
    bool kvm = false;
    char why[256] = "";
    if (vm_probe_kvm(cache, &kvm, why, &err) < 0) {
        doctor_say(d, "kvm", DOCTOR_WARN, err_text(&err), "install qemu-system-x86");
        return;
    }
    CLEANUP_FREE char *text = str_printf("%s: %s", kvm ? "a guest runs under KVM"
                                                       : "software emulation will be used", why);
    doctor_say(d, "kvm", kvm ? DOCTOR_OK : DOCTOR_WARN, text,
               kvm ? NULL
                   : "turn on virtualisation in the firmware or nested virtualisation in the "
                     "hypervisor; the lab works without, several times slower");
}

/* One program that must be there; shows the first line of its --version. */
static void doctor_program(struct doctor *d, const char *program, const char *name,
                           enum doctor_state absent, const char *fix) {
    CLEANUP_FREE char *path = proc_find(program);
    if (!path) {
        CLEANUP_FREE char *text = str_printf("%s is not installed", program);
        doctor_say(d, name, absent, text, fix);
        return;
    }
    const char *argv[] = {path, "--version", NULL};
    struct proc_opts o = {.timeout_ns = 10 * CLOCK_S};
    CLEANUP(proc_result_free) struct proc_result r = {0};
    if (proc_run(argv, &o, &r, NULL) < 0 || r.exit_code != 0) {
        doctor_say(d, name, DOCTOR_OK, path, NULL);
        return;
    }
    const char *text = str_get(r.out.len ? &r.out : &r.err);
    CLEANUP_FREE char *line = str_printf("%.*s", (int)strcspn(text, "\n"), text);
    doctor_say(d, name, DOCTOR_OK, line, NULL);
}

static void doctor_libvirt(struct doctor *d) {
    CLEANUP_ERR struct err err = ERR_INIT;
    char version[64];
    if (vm_libvirt_version(version, &err) < 0) {
        doctor_say(d, "libvirt", DOCTOR_FAIL, err_text(&err),
                   "apt-get install libvirt-daemon libvirt-daemon-driver-qemu");
        return;
    }
    doctor_say(d, "libvirt", DOCTOR_OK, version, NULL);
}

static void doctor_offline(struct doctor *d) {
    const char *argv[] = {"sh", "-c", "ls /boot/vmlinuz-* | sort -V | tail -n 1", NULL};
    struct proc_opts o = {.timeout_ns = 10 * CLOCK_S};
    CLEANUP(proc_result_free) struct proc_result r = {0};
    bool kernel = proc_run(argv, &o, &r, NULL) == 0 && r.out.len > 1;
    CLEANUP_FREE char *text =
        kernel ? str_printf("libguestfs will boot %.*s", (int)strcspn(str_get(&r.out), "\n"),
                            str_get(&r.out))
               : str_dup("no kernel under /boot: disks of guests that do not boot cannot be read");
    doctor_say(d, "disks", kernel ? DOCTOR_OK : DOCTOR_WARN, text,
               kernel ? NULL : "apt-get install linux-image-cloud-amd64");
}

static void doctor_space(struct doctor *d) {
    fs_mkdirs(d->cli->lab_dir, NULL);
    int64_t bytes = fs_free_bytes(d->cli->lab_dir);
    CLEANUP_FREE char *text = str_printf("%.1f GiB free in %s", (double)bytes / (1 << 30),
                                         d->cli->lab_dir);
    bool tight = bytes < (INT64_C(4) << 30);
    doctor_say(d, "space", tight ? DOCTOR_FAIL : DOCTOR_OK, text,
               tight ? "an image and two running cells need about 4 GiB; use --lab DIR" : NULL);
}

static void doctor_rights(struct doctor *d) {
    bool root = geteuid() == 0;
    doctor_say(d, "rights", root ? DOCTOR_OK : DOCTOR_WARN,
               root ? "root" : "an ordinary user: running works, building images does not",
               root ? NULL : "use sudo for 'coexist image build'");
}

static void doctor_images(struct doctor *d) {
    CLEANUP_FREE char *manifest = fs_join(d->cli->lab_dir, "images/winelab/manifest.json");
    bool there = fs_exists(manifest);
    doctor_say(d, "images", there ? DOCTOR_OK : DOCTOR_WARN,
               there ? "winelab is built" : "winelab is not built yet",
               there ? NULL : "coexist image build images/winelab.json (make image)");
}

static void doctor_here(struct doctor *d) {
    doctor_host(d);
    doctor_rights(d);
    doctor_space(d);
    doctor_program(d, "qemu-system-x86_64", "qemu", DOCTOR_FAIL, "apt-get install qemu-system-x86");
    doctor_program(d, "qemu-img", "qemu-img", DOCTOR_FAIL, "apt-get install qemu-utils");
    doctor_libvirt(d);
    doctor_kvm(d);
    doctor_offline(d);
    doctor_program(d, "mmdebstrap", "builder", DOCTOR_WARN,
                   "apt-get install mmdebstrap (only to build the winelab image)");
    doctor_images(d);
}

/* ---- another host ------------------------------------------------------------------------------ */

static int64_t doctor_bytes(const json_t *found, const char *key) {
    return json_integer_value(json_object_get(found, key));
}

static void doctor_far_images(struct doctor *d, const json_t *found) {
    const char *name;
    json_t *has;
    if (json_is_true(json_object_get(found, "seen"))) {
        doctor_say(d, "images", DOCTOR_OK, "it sees the lab's folder under the same path", NULL);
        return;
    }
    json_object_foreach(json_object_get(found, "images"), name, has) {
        CLEANUP_FREE char *text = str_printf(json_is_true(has) ? "it has a copy of %s"
                                                               : "%s is not there yet", name);
        doctor_say(d, "images", json_is_true(has) ? DOCTOR_OK : DOCTOR_WARN, text,
                   json_is_true(has) ? NULL : "the first run that uses it copies it");
    }
}

static void doctor_far_room(struct doctor *d, const struct hosts_one *one, const json_t *found) {
    double gib = (double)doctor_bytes(found, "memory") / (1 << 30);
    double left = (double)doctor_bytes(found, "memory_free") / (1 << 30);
    double disk = (double)doctor_bytes(found, "disk_free") / (1 << 30);
    CLEANUP_FREE char *memory = str_printf("%.1f GiB free of %.1f, %d processors", left, gib,
                                           (int)doctor_bytes(found, "cpus"));
    CLEANUP_FREE char *space = str_printf("%.1f GiB free in %s", disk, one->folder);
    doctor_say(d, "memory", left < 1.0 ? DOCTOR_WARN : DOCTOR_OK, memory,
               left < 1.0 ? "each cell needs its image's memory and some more" : NULL);
    doctor_say(d, "space", disk < 4.0 ? DOCTOR_FAIL : DOCTOR_OK, space,
               disk < 4.0 ? "an image and two running cells need about 4 GiB; use folder=DIR" : NULL);
}

static void doctor_far(struct doctor *d, const struct hosts_one *one) {
    CLEANUP_ERR struct err err = ERR_INIT;
    json_t *found = host_look(one, d->cli->lab_dir, &err);
    const char *error = found ? json_string_value(json_object_get(found, "error")) : err_text(&err);
    CLEANUP_FREE char *text = str_printf("%s: %s", one->uri.text,
                                         error ? error
                                               : json_string_value(json_object_get(found, "version")));
    doctor_say(d, "connect", error ? DOCTOR_FAIL : DOCTOR_OK, text,
               error ? "a libvirt daemon there, and rights to use it: try 'virsh -c URI version'" : NULL);
    if (!error) {
        bool kvm = json_is_true(json_object_get(found, "kvm"));
        CLEANUP_FREE char *why =
            str_printf("%s: %s", kvm ? "a guest runs under KVM" : "software emulation will be used",
                       json_string_value(json_object_get(found, "why")));
        doctor_say(d, "kvm", kvm ? DOCTOR_OK : DOCTOR_WARN, why, NULL);
        doctor_far_room(d, one, found);
        doctor_far_images(d, found);
        if (one->uri.way == HOST_TLS) {
            doctor_say(d, "ssh", DOCTOR_WARN, "guests there are reached by their serial port alone",
                       "use qemu+ssh, which carries SSH to the guest as well");
        }
    }
    json_decref(found);
}

static void doctor_hosts(struct doctor *d, const struct hosts *hosts) {
    for (size_t i = 0; i < hosts->count; i++) {
        d->host = hosts->items[i].name;
        if (!d->as_json) {
            printf("%s\n", d->host);
        }
        if (hosts->items[i].uri.way != HOST_EMBED) {
            doctor_far(d, &hosts->items[i]);
        } else {
            doctor_here(d);
        }
    }
}

static int doctor_run(struct cli *cli, const struct cli_args *args) {
    struct doctor d = {.cli = cli, .checks = json_array(),
                       .as_json = cli_value(cmd_doctor(), args, "json") != NULL};
    CLEANUP(hosts_clear) struct hosts hosts = {NULL, 0};
    if (cli_hosts(cmd_doctor(), args, &hosts) < 0) {
        json_decref(d.checks);
        return CLI_BAD_INPUT;
    }
    if (hosts.count) {
        doctor_hosts(&d, &hosts);
    } else {
        doctor_here(&d);
    }
    if (d.as_json) {
        json_dumpf(d.checks, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    json_decref(d.checks);
    return d.failed ? CLI_LAB_FAILED : CLI_SHIP;
}

const struct cli_verb *cmd_doctor(void) {
    static const struct cli_verb verb = {
        .name = "doctor",
        .operands = "",
        .summary = "say what this host can do and what to fix",
        .about = "Checks what the lab stands on: memory, space, QEMU, libvirt, whether a guest really "
                 "runs under KVM (by starting one: a device node proves nothing), reading of disks, "
                 "images. With --host, whether the daemon there answers, whether a guest runs under KVM, what "
                 "memory and space are free, which images it has. Exits with 3 when something stops the lab "
                 "from working.",
        .options = options,
        .repeats = "host",
        .run = doctor_run,
    };
    return &verb;
}
