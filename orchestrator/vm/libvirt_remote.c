#include "vm/libvirt_remote.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "vm/domain_xml.h"
#include "vm/libvirt_door.h"
#include "vm/libvirt_link.h"
#include "vm/libvirt_look.h"
#include "vm/libvirt_qemu.h"
#include "vm/libvirt_root.h"
#include "vm/libvirt_volume.h"
#include "vm/ssh_door.h"

enum {
    REMOTE_LOOK_S = 30,    /* calls without a deadline of their own */
    REMOTE_ANSWER_S = 20,  /* keepalives notice a lost host in 12 s */
    REMOTE_FETCH_S = 600,
};
#define REMOTE_FETCH_MAX (INT64_C(64) << 30)
#define REMOTE_AGENT "serial1"
#define REMOTE_CONSOLE "serial0"

struct vm_remote {
    struct vm_remote_spec at;
    struct vm_spec spec; /* strings point into `owned` */
    json_t *profile;
    char *owned[9];
    size_t owned_count;
    char *root;          /* a short folder here, for the socket */
    char *console_log, *agent_socket, *local_disk;
    char *disk, *kernel, *initrd; /* paths on the host: golden disk and what boots it */
    char *overlay, *overlay_path; /* volume and its path on the host */
    char *nvram, *nvram_path;     /* the same of UEFI's variables, which libvirt makes and never removes; NULL: BIOS */
    struct libvirt_link *link;
    virStoragePoolPtr pool;
    virDomainPtr dom; /* NULL while OFF */
    struct libvirt_door *agent, *console;
    struct ssh_door *ssh;
    int ssh_port;
    unsigned starts, dumps;
    struct log *log;
};

/* ---- names ----------------------------------------------------------------------------------- */

char *vm_remote_pool_name(const char *lab) {
    return str_printf("coexist-%s", lab);
}

char *vm_remote_folder(const char *folder, const char *lab) {
    return fs_join(folder, lab);
}

bool vm_remote_owner(const char *name, const char *prefix, char **owner) {
    size_t skip = strlen(prefix);
    const char *run = strncmp(name, prefix, skip) == 0 ? name + skip : NULL;
    const char *worker = run ? strchr(run, '.') : NULL;
    const char *rest = worker ? strchr(worker + 1, '.') : NULL;
    if (!rest || worker == run || rest == worker + 1 || strchr(name, '/')) {
        return false;
    }
    *owner = str_printf("%.*s", (int)(rest - run), run);
    return true;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static int64_t remote_in(int64_t seconds) {
    return clock_after(clock_monotonic(), seconds * CLOCK_S);
}

static int remote_begin(struct vm_remote *v, int64_t deadline, struct err *err) {
    return libvirt_link_begin(v->link, deadline, err);
}

static int remote_end(struct vm_remote *v, int rc, struct err *err) {
    return libvirt_link_end(v->link, rc, err);
}

static int remote_have_domain(struct vm_remote *v, struct err *err) {
    return v->dom ? 0 : err_set(err, ERR_CLOSED, "the machine is off");
}

/* ---- start, stop ----------------------------------------------------------------------------- */

static void remote_forget_domain(struct vm_remote *v) {
    libvirt_door_detach(v->agent);
    libvirt_door_detach(v->console);
    ssh_door_free(v->ssh);
    v->ssh = NULL;
    v->ssh_port = 0;
    if (v->dom) {
        virDomainFree(v->dom);
        v->dom = NULL;
    }
}

static int remote_end_machine(struct vm_remote *v, int64_t deadline, struct err *err) {
    struct libvirt_events *events = libvirt_link_events(v->link);
    libvirt_events_expect_stop(events);
    bool gone = virDomainDestroy(v->dom) == 0;
    if (!gone) {
        virErrorPtr e = virGetLastError();
        gone = e && (e->code == VIR_ERR_NO_DOMAIN || e->code == VIR_ERR_OPERATION_INVALID);
    }
    if (!gone) {
        return libvirt_fail(err, "end the machine");
    }
    libvirt_events_wait_stopped(events, deadline);
    remote_forget_domain(v);
    return 0;
}

static int remote_open_network(struct vm_remote *v, struct err *err) {
    if (v->spec.ssh_guest_port <= 0 || v->at.uri->way == HOST_TLS) {
        return 0;
    }
    int port = libvirt_qemu_forward(v->dom, v->spec.ssh_guest_port, v->at.uri->way == HOST_LOCAL, err);
    if (port < 0) {
        return -1;
    }
    if (v->at.uri->way == HOST_LOCAL) {
        v->ssh_port = port;
        return 0;
    }
    v->ssh = ssh_door_new(v->at.uri, port, err);
    v->ssh_port = v->ssh ? ssh_door_port(v->ssh) : 0;
    return v->ssh ? 0 : -1;
}

/* It stands still until everybody listens. */
static int remote_started(struct vm_remote *v, struct err *err) {
    virConnectPtr conn = libvirt_link_conn(v->link);
    if (libvirt_door_attach(v->console, conn, v->dom, REMOTE_CONSOLE, err) < 0 ||
        libvirt_door_attach(v->agent, conn, v->dom, REMOTE_AGENT, err) < 0 ||
        remote_open_network(v, err) < 0) {
        return -1;
    }
    return virDomainResume(v->dom) < 0 ? libvirt_fail(err, "let the machine go") : 0;
}

static char *remote_machine_name(struct vm_remote *v) {
    return str_printf("coexist-%s-%s.%u", v->at.lab, v->at.owner, ++v->starts);
}

static int remote_do_start(struct vm_remote *v, struct err *err) {
    CLEANUP_FREE char *name = remote_machine_name(v);
    struct vm_spec spec = v->spec;
    struct domain_paths paths = {.disk = v->overlay_path, .nvram = v->nvram_path};
    spec.name = name;
    spec.kernel = v->kernel;
    spec.initrd = v->initrd;
    CLEANUP_FREE char *xml = domain_xml_build(&spec, &paths, err);
    if (!xml) {
        return -1;
    }
    libvirt_events_only(libvirt_link_events(v->link), name);
    libvirt_events_arm(libvirt_link_events(v->link));
    v->dom = virDomainCreateXML(libvirt_link_conn(v->link), xml,
                                VIR_DOMAIN_START_PAUSED | VIR_DOMAIN_START_AUTODESTROY);
    if (!v->dom) {
        return libvirt_fail(err, "start QEMU");
    }
    if (remote_started(v, err) < 0) {
        remote_end_machine(v, remote_in(REMOTE_LOOK_S), NULL);
        return -1;
    }
    return 0;
}

static int vm_remote_start(void *self, int64_t deadline, struct err *err) {
    struct vm_remote *v = self;
    remote_forget_domain(v);
    return remote_begin(v, deadline, err) < 0 ? -1 : remote_end(v, remote_do_start(v, err), err);
}

static int vm_remote_stop(void *self, int64_t deadline, struct err *err) {
    struct vm_remote *v = self;
    if (!v->dom) {
        return 0;
    }
    return remote_begin(v, deadline, err) < 0
               ? -1
               : remote_end(v, remote_end_machine(v, deadline, err), err);
}

/* As in libvirt.c: events come in order, and a preserved crash has to be told to go on. */
static int remote_do_reset(struct vm_remote *v, int64_t deadline, struct err *err) {
    struct libvirt_events *events = libvirt_link_events(v->link);
    unsigned resets = libvirt_events_host_resets(events);
    int state = 0;
    if (virDomainReset(v->dom, 0) < 0) {
        return libvirt_fail(err, "reset");
    }
    if (!libvirt_events_wait_host_reset(events, resets, deadline)) {
        return err_set(err, ERR_TIMEOUT, "QEMU did not reset the machine");
    }
    if (virDomainGetState(v->dom, &state, NULL, 0) < 0) {
        return libvirt_fail(err, "state after the reset");
    }
    return state != VIR_DOMAIN_RUNNING && virDomainResume(v->dom) < 0
               ? libvirt_fail(err, "go on after the reset")
               : 0;
}

static int vm_remote_reset(void *self, int64_t deadline, struct err *err) {
    struct vm_remote *v = self;
    if (remote_have_domain(v, err) < 0 || remote_begin(v, deadline, err) < 0) {
        return -1;
    }
    return remote_end(v, remote_do_reset(v, deadline, err), err);
}

/* ---- states: none here ----------------------------------------------------------------------- */

static int vm_remote_save(void *self, const char *dir, int64_t deadline, struct err *err) {
    (void)self;
    (void)dir;
    (void)deadline;
    return err_set(err, ERR_REFUSED, "states are not kept on a host with a daemon");
}

static int vm_remote_restore(void *self, const char *dir, int64_t deadline, struct err *err) {
    return vm_remote_save(self, dir, deadline, err);
}

/* ---- looking --------------------------------------------------------------------------------- */

static int vm_remote_press(void *self, enum vm_key key, struct err *err) {
    struct vm_remote *v = self;
    if (remote_have_domain(v, err) < 0 || remote_begin(v, remote_in(REMOTE_LOOK_S), err) < 0) {
        return -1;
    }
    return remote_end(v, libvirt_qemu_press(v->dom, key, err), err);
}

static int vm_remote_screenshot(void *self, const char *path, struct err *err) {
    struct vm_remote *v = self;
    if (remote_have_domain(v, err) < 0 || remote_begin(v, remote_in(REMOTE_LOOK_S), err) < 0) {
        return -1;
    }
    return remote_end(v, libvirt_qemu_screenshot(libvirt_link_conn(v->link), v->dom, path, err), err);
}

/* Written there, fetched, removed. */
static int remote_do_dump(struct vm_remote *v, const char *name, const char *path, struct err *err) {
    if (libvirt_volume_empty(v->pool, name, err) < 0) {
        return -1;
    }
    CLEANUP_FREE char *there = libvirt_volume_path(v->pool, name, err);
    if (!there) {
        return -1;
    }
    if (virDomainCoreDumpWithFormat(v->dom, there, VIR_DOMAIN_CORE_DUMP_FORMAT_KDUMP_ZLIB,
                                    VIR_DUMP_MEMORY_ONLY) < 0) {
        return libvirt_fail(err, "dump the guest's memory");
    }
    return libvirt_volume_get(v->pool, name, path, REMOTE_FETCH_MAX, err);
}

static int vm_remote_dump(void *self, const char *path, int64_t deadline, struct err *err) {
    struct vm_remote *v = self;
    if (remote_have_domain(v, err) < 0 || remote_begin(v, deadline, err) < 0) {
        return -1;
    }
    CLEANUP_FREE char *name = str_printf("%s.memory-%u", v->at.owner, ++v->dumps);
    int rc = remote_do_dump(v, name, path, err);
    libvirt_volume_delete(v->pool, name, NULL);
    return remote_end(v, rc, err);
}

static int vm_remote_diagnose(void *self, struct vm_diagnostics *out, struct err *err) {
    struct vm_remote *v = self;
    if (remote_have_domain(v, err) < 0 || remote_begin(v, remote_in(REMOTE_LOOK_S), err) < 0) {
        return -1;
    }
    return remote_end(v, libvirt_look_diagnose(v->dom, v->overlay_path, out, err), err);
}

static int vm_remote_next_event(void *self, int64_t deadline, struct vm_event *ev,
                                struct err *err) {
    struct vm_remote *v = self;
    return libvirt_events_next(libvirt_link_events(v->link), deadline, ev, err);
}

static int vm_remote_event_fd(void *self) {
    return libvirt_events_fd(libvirt_link_events(((struct vm_remote *)self)->link));
}

static int vm_remote_endpoints(void *self, struct vm_endpoints *out, struct err *err) {
    struct vm_remote *v = self;
    (void)err;
    *out = (struct vm_endpoints){v->ssh_port, v->agent_socket, v->console_log};
    return 0;
}

/* The overlay is fetched to stand on the golden disk of this machine. */
static int remote_fetch_disk(struct vm_remote *v, struct err *err) {
    const char *argv[] = {"qemu-img", "rebase", "-q", "-u", "-f", "qcow2", "-b", v->spec.disk,
                          "-F", v->spec.disk_format, v->local_disk, NULL};
    struct proc_opts opts = {.timeout_ns = REMOTE_LOOK_S * CLOCK_S};
    if (remote_begin(v, remote_in(REMOTE_FETCH_S), err) < 0) {
        return -1;
    }
    int rc = libvirt_volume_get(v->pool, v->overlay, v->local_disk, REMOTE_FETCH_MAX, err);
    return remote_end(v, rc, err) < 0 ? -1 : proc_check(argv, &opts, err);
}

static const char *vm_remote_disk_path(void *self) {
    struct vm_remote *v = self;
    CLEANUP_ERR struct err err = ERR_INIT;
    if (remote_fetch_disk(v, &err) < 0) {
        log_warn(v->log, "vm %s: its disk cannot be fetched: %s", v->spec.name, err_text(&err));
        unlink(v->local_disk);
    }
    return v->local_disk;
}

static int vm_remote_host_answers(void *self, struct err *err) {
    struct vm_remote *v = self;
    unsigned long version;
    if (remote_begin(v, remote_in(REMOTE_ANSWER_S), err) < 0) {
        return -1;
    }
    int rc = virConnectGetLibVersion(libvirt_link_conn(v->link), &version) < 0
                 ? libvirt_fail(err, "the host does not answer")
                 : 0;
    return remote_end(v, rc, err);
}

/* ---- making and ending ----------------------------------------------------------------------- */

/* What cannot be removed now is the host's sweep's. */
static void remote_leave_host(struct vm_remote *v) {
    CLEANUP_ERR struct err err = ERR_INIT;
    if (!v->link || remote_begin(v, remote_in(REMOTE_LOOK_S), &err) < 0) {
        return;
    }
    int rc = v->dom ? remote_end_machine(v, remote_in(REMOTE_LOOK_S), &err) : 0;
    if (rc == 0 && v->pool && v->overlay) {
        rc = libvirt_volume_delete(v->pool, v->overlay, &err);
    }
    if (rc == 0 && v->pool && v->nvram) {
        rc = libvirt_pool_look_again(v->pool, &err) < 0 ? -1 : libvirt_volume_delete(v->pool, v->nvram, &err);
    }
    if (remote_end(v, rc, &err) < 0) {
        log_warn(v->log, "vm %s: left on the host for its next sweep: %s", v->spec.name, err_text(&err));
    }
}

static void vm_remote_destroy(void *self) {
    struct vm_remote *v = self;
    remote_leave_host(v);
    if (v->agent && v->console) {
        remote_forget_domain(v);
    }
    libvirt_door_free(v->agent);
    libvirt_door_free(v->console);
    if (v->pool) {
        virStoragePoolFree(v->pool);
    }
    libvirt_link_close(v->link);
    libvirt_root_sweep(v->spec.work_dir, NULL);
    if (v->local_disk) {
        unlink(v->local_disk); /* there when it was looked at */
    }
    for (size_t i = 0; i < v->owned_count; i++) {
        free(v->owned[i]);
    }
    json_decref(v->profile);
    char *strings[] = {v->root, v->console_log, v->agent_socket, v->local_disk, v->disk,
                       v->kernel, v->initrd, v->overlay, v->overlay_path, v->nvram, v->nvram_path};
    for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
        free(strings[i]);
    }
    free(v);
}

static const struct vm_ops vm_remote_ops = {
    .backend = "libvirt daemon",
    .start = vm_remote_start,
    .stop = vm_remote_stop,
    .reset = vm_remote_reset,
    .save = vm_remote_save,
    .restore = vm_remote_restore,
    .screenshot = vm_remote_screenshot,
    .press = vm_remote_press,
    .dump = vm_remote_dump,
    .diagnose = vm_remote_diagnose,
    .next_event = vm_remote_next_event,
    .event_fd = vm_remote_event_fd,
    .endpoints = vm_remote_endpoints,
    .disk_path = vm_remote_disk_path,
    .host_answers = vm_remote_host_answers,
    .destroy = vm_remote_destroy,
};

static const char *remote_own(struct vm_remote *v, char *text) {
    v->owned[v->owned_count++] = text;
    return text;
}

static struct vm_remote *remote_new(const struct vm_spec *spec, const struct vm_remote_spec *at,
                                    struct log *log) {
    struct vm_remote *v = mem_zalloc(1, sizeof(*v));
    v->at = *at;
    v->spec = *spec;
    v->spec.name = remote_own(v, str_dup(spec->name));
    v->spec.work_dir = remote_own(v, fs_absolute(spec->work_dir));
    v->spec.disk = remote_own(v, fs_absolute(spec->disk));
    v->spec.disk_format = remote_own(v, str_dup(spec->disk_format));
    v->spec.kernel = remote_own(v, spec->kernel ? fs_absolute(spec->kernel) : NULL);
    v->spec.initrd = remote_own(v, spec->initrd ? fs_absolute(spec->initrd) : NULL);
    v->spec.nvram = remote_own(v, spec->nvram ? fs_absolute(spec->nvram) : NULL);
    v->spec.cmdline = remote_own(v, str_dup(spec->cmdline));
    v->profile = json_deep_copy(spec->profile);
    v->spec.profile = v->profile;
    v->log = log;
    return v;
}

/* QEMU's docs/interop/qcow2.txt: bytes 0 to 3 "QFI\xfb", 24 to 31 the virtual size, big-endian. */
static int64_t remote_disk_size(const char *path, const char *format, struct err *err) {
    unsigned char head[32];
    uint64_t size;
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || pread(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head)) {
        return err_sys(err, errno, "%s", path);
    }
    if (!str_eq(format, "qcow2")) {
        return fs_size(path);
    }
    memcpy(&size, head + 24, sizeof(size));
    return memcmp(head, "QFI\xfb", 4) == 0 && be64toh(size) <= INT64_MAX
               ? (int64_t)be64toh(size)
               : err_set(err, ERR_INPUT, "%s is no qcow2 image", path);
}

static int remote_make_here(struct vm_remote *v, struct err *err) {
    if (libvirt_root_sweep(v->spec.work_dir, err) < 0 ||
        !(v->root = libvirt_root_make(v->spec.work_dir, NULL, err))) {
        return -1;
    }
    v->console_log = fs_join(v->spec.work_dir, "console.log");
    v->local_disk = fs_join(v->spec.work_dir, "overlay.qcow2");
    v->agent_socket = fs_join(v->root, "agent.sock");
    v->link = libvirt_link_open(v->at.uri->text, err);
    if (!v->link || libvirt_link_watch(v->link, err) < 0) {
        return -1;
    }
    v->agent = libvirt_door_socket(v->agent_socket, err);
    v->console = v->agent ? libvirt_door_file(v->console_log, err) : NULL;
    return v->console ? 0 : -1;
}

/* The path there of a file of ours. *out stays NULL when there is no such file. */
static int remote_find(struct vm_remote *v, const char *copy, const char *local, char **out,
                       struct err *err) {
    *out = copy ? libvirt_volume_path(v->pool, copy, err) : str_dup(local);
    return *out || !copy ? 0 : -1;
}

/* Without variables to begin with libvirt copies the firmware's own when the machine starts. */
static int remote_make_nvram(struct vm_remote *v, const char *folder, struct err *err) {
    const char *firmware = json_string_value(json_object_get(v->profile, "firmware"));
    if (!firmware || str_eq(firmware, "bios")) {
        return 0;
    }
    v->nvram = str_printf("%s.nvram.fd", v->at.owner);
    v->nvram_path = fs_join(folder, v->nvram);
    return v->spec.nvram ? libvirt_volume_copy(v->pool, v->nvram, v->spec.nvram, err) : 0;
}

static int remote_make_there(struct vm_remote *v, struct err *err) {
    CLEANUP_FREE char *name = vm_remote_pool_name(v->at.lab);
    CLEANUP_FREE char *folder = vm_remote_folder(v->at.folder, v->at.lab);
    int64_t size = remote_disk_size(v->spec.disk, v->spec.disk_format, err);
    v->pool = size < 0 ? NULL : libvirt_pool_open(libvirt_link_conn(v->link), name, folder, err);
    if (!v->pool || remote_find(v, v->at.disk_copy, v->spec.disk, &v->disk, err) < 0 ||
        remote_find(v, v->at.kernel_copy, v->spec.kernel, &v->kernel, err) < 0 ||
        remote_find(v, v->at.initrd_copy, v->spec.initrd, &v->initrd, err) < 0) {
        return -1;
    }
    CLEANUP_FREE char *overlay = str_printf("%s.overlay.qcow2", v->at.owner);
    if (libvirt_volume_delete(v->pool, overlay, err) < 0 ||
        libvirt_volume_overlay(v->pool, overlay, v->disk, v->spec.disk_format, size, err) < 0) {
        return -1;
    }
    v->overlay = STEAL(overlay);
    v->overlay_path = libvirt_volume_path(v->pool, v->overlay, err);
    return v->overlay_path ? remote_make_nvram(v, folder, err) : -1;
}

static int remote_make(struct vm_remote *v, struct err *err) {
    if (remote_make_here(v, err) < 0 || remote_begin(v, remote_in(REMOTE_LOOK_S), err) < 0) {
        return -1;
    }
    return remote_end(v, remote_make_there(v, err), err);
}

struct vm *vm_remote_create(const struct vm_spec *spec, const struct vm_remote_spec *at,
                            struct log *log, struct err *err) {
    struct vm_remote *v = remote_new(spec, at, log);
    if (spec->cdrom_count > 0) {
        err_set(err, ERR_REFUSED, "vm %s: CDs can be given to machines of this host alone", spec->name);
        vm_remote_destroy(v);
        return NULL;
    }
    if (remote_make(v, err) < 0) {
        err_prefix(err, "vm %s: create", spec->name);
        vm_remote_destroy(v);
        return NULL;
    }
    return vm_wrap(&vm_remote_ops, v, spec->name, clock_monotonic(), log);
}
