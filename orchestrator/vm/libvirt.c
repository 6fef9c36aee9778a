#include "vm/libvirt.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <malloc.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "vm/domain_xml.h"
#include "vm/libvirt_events.h"
#include "vm/libvirt_look.h"
#include "vm/libvirt_qemu.h"
#include "vm/libvirt_root.h"
#include "vm/libvirt_state.h"

/* How long calls without a deadline of their own may take. */
enum { LIBVIRT_LOOK_S = 20, LIBVIRT_TERM_S = 2, LIBVIRT_KILL_S = 10 };

struct vm_libvirt {
    struct vm_spec spec; /* its strings point into `owned` */
    json_t *profile;
    char *owned[8 + VM_CDROMS_MAX];
    const char *cdroms[VM_CDROMS_MAX]; /* of owned */
    size_t owned_count;
    char *cache_dir;
    char *root, *overlay;
    unsigned starts;   /* so far */
    unsigned overlays; /* further ones so far: each save and restore gives the VM another */
    struct domain_paths paths; /* disk is `overlay`; the others are owned */
    char *console_log, *agent_socket, *vnc_socket;
    char *nvram; /* NULL: a machine without UEFI */
    struct libvirt_events *events;
    virConnectPtr conn;
    virDomainPtr dom; /* NULL while OFF */
    int ssh_port;
    struct log *log;
};

/* ---- deadlines ------------------------------------------------------------------------------- */

/* Whatever libvirt waits for, it waits for QEMU: without it the call ends. */
static void libvirt_kill_qemu(void *ctx) {
    struct vm_libvirt *v = ctx;
    libvirt_root_signal_qemu(v->root, SIGKILL, 0);
}

static int libvirt_begin(struct vm_libvirt *v, int64_t deadline, struct err *err) {
    return libvirt_events_guard(v->events, deadline, libvirt_kill_qemu, v, err);
}

static int libvirt_end(struct vm_libvirt *v, int rc, struct err *err) {
    if (libvirt_events_unguard(v->events)) {
        return err_set(err, ERR_TIMEOUT, "QEMU did not answer before the deadline and was killed");
    }
    return rc;
}

static int64_t libvirt_in(int64_t seconds) {
    return clock_after(clock_monotonic(), seconds * CLOCK_S);
}

static int64_t libvirt_sooner(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* The machine may be gone before its event was read. */
static int libvirt_have_domain(struct vm_libvirt *v, struct err *err) {
    return v->dom ? 0 : err_set(err, ERR_CLOSED, "the machine is off");
}

/* ---- start, stop ----------------------------------------------------------------------------- */

static void libvirt_forget_domain(struct vm_libvirt *v) {
    if (v->dom) {
        virDomainFree(v->dom);
        v->dom = NULL;
    }
    v->ssh_port = 0;
}

/* SIGTERM lets QEMU write back and close its disk image; libvirt's own way polls five times a
 * second. */
static int libvirt_end_machine(struct vm_libvirt *v, int64_t deadline, struct err *err) {
    libvirt_events_expect_stop(v->events);
    libvirt_root_signal_qemu(v->root, SIGTERM, 0);
    if (!libvirt_events_wait_stopped(v->events,
                                     libvirt_sooner(deadline, libvirt_in(LIBVIRT_TERM_S)))) {
        libvirt_root_signal_qemu(v->root, SIGKILL, 0);
        if (!libvirt_events_wait_stopped(v->events, deadline)) {
            return err_set(err, ERR_TIMEOUT, "QEMU does not end, not even killed");
        }
    }
    libvirt_forget_domain(v);
    return 0;
}

static int libvirt_open_network(struct vm_libvirt *v, struct err *err) {
    if (v->spec.ssh_guest_port <= 0) {
        return 0;
    }
    v->ssh_port = libvirt_qemu_forward(v->dom, v->spec.ssh_guest_port, true, err);
    return v->ssh_port < 0 ? -1 : 0;
}

static bool libvirt_may_favour(void) {
    return geteuid() == 0; /* anybody may be nicer, but never less again */
}

static void libvirt_stand_back(struct vm_libvirt *v) {
    CLEANUP_ERR struct err minor = ERR_INIT;
    if (libvirt_may_favour() && libvirt_root_nice_qemu(v->root, LIBVIRT_ROOT_NICE, &minor) < 0) {
        log_warn(v->log, "%s", err_text(&minor));
    }
}

static int vm_libvirt_favour(void *self, bool on, struct err *err) {
    struct vm_libvirt *v = self;
    return libvirt_may_favour() ? libvirt_root_nice_qemu(v->root, on ? 0 : LIBVIRT_ROOT_NICE, err)
                                : err_set(err, ERR_REFUSED, "only root may let one machine go before others");
}

/* A start that failed halfway leaves nothing running. */
static int libvirt_started(struct vm_libvirt *v, struct err *err) {
    int pidfd = -1;
    libvirt_root_open_qemu(v->root, &pidfd, 1);
    libvirt_events_watch(v->events, pidfd);
    libvirt_stand_back(v);
    libvirt_root_keep_cache(v->root, v->cache_dir);
    malloc_trim(0); /* reading QEMU's capabilities took 4 MB that libvirt has given back since */
    if (libvirt_open_network(v, err) < 0) {
        libvirt_end_machine(v, libvirt_in(LIBVIRT_KILL_S), NULL);
        return -1;
    }
    return 0;
}

/* Only now: a machine that begins with a restore needs none on the golden disk. */
static int libvirt_need_overlay(struct vm_libvirt *v, struct err *err) {
    return fs_exists(v->overlay) ? 0
                                 : libvirt_state_overlay(v->overlay, v->spec.disk,
                                                         v->spec.disk_format, 0, err);
}

/* The golden variables; without any, libvirt takes the firmware's. */
static int libvirt_need_nvram(struct vm_libvirt *v, struct err *err) {
    return !v->nvram || !v->spec.nvram || fs_exists(v->nvram) ? 0 : fs_copy(v->spec.nvram, v->nvram, err);
}

static int libvirt_do_start(struct vm_libvirt *v, struct err *err) {
    if (libvirt_need_overlay(v, err) < 0 || libvirt_need_nvram(v, err) < 0) {
        return -1;
    }
    /* A name of its own for every start: libvirt tells the end of a machine a little before it forgets the
     * name, also of one restored from a state of ours. */
    CLEANUP_FREE char *name = str_printf("%s-%d-%u", v->spec.name, (int)getpid(), ++v->starts);
    struct vm_spec spec = v->spec;
    spec.name = name;
    CLEANUP_FREE char *xml = domain_xml_build(&spec, &v->paths, err);
    if (!xml) {
        return -1;
    }
    libvirt_events_arm(v->events);
    v->dom = virDomainCreateXML(v->conn, xml, VIR_DOMAIN_NONE);
    return v->dom ? libvirt_started(v, err) : libvirt_fail(err, "start QEMU");
}

static int vm_libvirt_start(void *self, int64_t deadline, struct err *err) {
    struct vm_libvirt *v = self;
    libvirt_forget_domain(v);
    if (libvirt_begin(v, deadline, err) < 0) {
        return -1;
    }
    return libvirt_end(v, libvirt_do_start(v, err), err);
}

static int vm_libvirt_stop(void *self, int64_t deadline, struct err *err) {
    struct vm_libvirt *v = self;
    return libvirt_end_machine(v, deadline, err);
}

/* A preserved crash stays stopped through a reset: QEMU has to be told to go on. */
static int libvirt_do_reset(struct vm_libvirt *v, int64_t deadline, struct err *err) {
    unsigned resets = libvirt_events_host_resets(v->events);
    if (virDomainReset(v->dom, 0) < 0) {
        return libvirt_fail(err, "reset");
    }
    /* Events come in order: once this reset was told, all before it lie in the queue. */
    if (!libvirt_events_wait_host_reset(v->events, resets, deadline)) {
        return err_set(err, ERR_TIMEOUT, "QEMU did not reset the machine");
    }
    int state = 0;
    if (virDomainGetState(v->dom, &state, NULL, 0) < 0) {
        return libvirt_fail(err, "state after the reset");
    }
    if (state != VIR_DOMAIN_RUNNING && virDomainResume(v->dom) < 0) {
        return libvirt_fail(err, "go on after the reset");
    }
    return 0;
}

static int vm_libvirt_reset(void *self, int64_t deadline, struct err *err) {
    struct vm_libvirt *v = self;
    if (libvirt_have_domain(v, err) < 0 || libvirt_begin(v, deadline, err) < 0) {
        return -1;
    }
    return libvirt_end(v, libvirt_do_reset(v, deadline, err), err);
}

/* ---- save, restore --------------------------------------------------------------------------- */

/* Caller frees. */
static char *libvirt_next_overlay(struct vm_libvirt *v) {
    CLEANUP_FREE char *name = str_printf("overlay-%u.qcow2", ++v->overlays);
    return fs_join(v->spec.work_dir, name);
}

/* Takes next. The old file's name goes; a state may have another for it. */
static void libvirt_use_overlay(struct vm_libvirt *v, char *next) {
    unlink(v->overlay);
    free(v->overlay);
    v->overlay = next;
    v->paths.disk = next;
}

static int vm_libvirt_save(void *self, const char *dir, int64_t deadline, struct err *err) {
    struct vm_libvirt *v = self;
    CLEANUP_FREE char *next = libvirt_next_overlay(v);
    if (libvirt_have_domain(v, err) < 0 || libvirt_begin(v, deadline, err) < 0) {
        return -1;
    }
    if (libvirt_end(v, libvirt_state_save(v->dom, dir, &v->paths, next, v->log, err), err) < 0) {
        unlink(next);
        return -1;
    }
    libvirt_use_overlay(v, STEAL(next));
    return 0;
}

static int libvirt_do_restore(struct vm_libvirt *v, const char *dir, struct err *err) {
    libvirt_events_arm(v->events);
    v->dom = libvirt_state_load(v->conn, dir, &v->spec, &v->paths, err);
    return v->dom ? libvirt_started(v, err) : -1;
}

static int vm_libvirt_restore(void *self, const char *dir, int64_t deadline, struct err *err) {
    struct vm_libvirt *v = self;
    CLEANUP_FREE char *below = fs_join(dir, VM_STATE_DISK);
    CLEANUP_FREE char *next = libvirt_next_overlay(v);
    if (libvirt_state_overlay(next, below, "qcow2", 0, err) < 0 ||
        libvirt_begin(v, deadline, err) < 0) {
        unlink(next);
        return -1;
    }
    v->paths.disk = next;
    if (libvirt_end(v, libvirt_do_restore(v, dir, err), err) < 0) {
        v->paths.disk = v->overlay;
        unlink(next);
        return -1;
    }
    libvirt_use_overlay(v, STEAL(next));
    return 0;
}

/* ---- looking --------------------------------------------------------------------------------- */

static int vm_libvirt_screenshot(void *self, const char *path, struct err *err) {
    struct vm_libvirt *v = self;
    if (libvirt_have_domain(v, err) < 0 || libvirt_begin(v, libvirt_in(LIBVIRT_LOOK_S), err) < 0) {
        return -1;
    }
    return libvirt_end(v, libvirt_qemu_screenshot(v->conn, v->dom, path, err), err);
}

static int vm_libvirt_press(void *self, enum vm_key key, struct err *err) {
    struct vm_libvirt *v = self;
    if (libvirt_have_domain(v, err) < 0 || libvirt_begin(v, libvirt_in(LIBVIRT_LOOK_S), err) < 0) {
        return -1;
    }
    return libvirt_end(v, libvirt_qemu_press(v->dom, key, err), err);
}

static int vm_libvirt_dump(void *self, const char *path, int64_t deadline, struct err *err) {
    struct vm_libvirt *v = self;
    if (libvirt_have_domain(v, err) < 0 || libvirt_begin(v, deadline, err) < 0) {
        return -1;
    }
    int rc = virDomainCoreDumpWithFormat(v->dom, path, VIR_DOMAIN_CORE_DUMP_FORMAT_KDUMP_ZLIB,
                                         VIR_DUMP_MEMORY_ONLY);
    if (rc < 0) {
        libvirt_fail(err, "dump the guest's memory");
    }
    rc = libvirt_end(v, rc, err);
    if (rc < 0) {
        unlink(path);
    }
    return rc < 0 ? -1 : 0;
}

static int vm_libvirt_diagnose(void *self, struct vm_diagnostics *out, struct err *err) {
    struct vm_libvirt *v = self;
    if (libvirt_have_domain(v, err) < 0 || libvirt_begin(v, libvirt_in(LIBVIRT_LOOK_S), err) < 0) {
        return -1;
    }
    return libvirt_end(v, libvirt_look_diagnose(v->dom, v->overlay, out, err), err);
}

static int vm_libvirt_next_event(void *self, int64_t deadline, struct vm_event *ev,
                                 struct err *err) {
    struct vm_libvirt *v = self;
    return libvirt_events_next(v->events, deadline, ev, err);
}

static int vm_libvirt_event_fd(void *self) {
    return libvirt_events_fd(((struct vm_libvirt *)self)->events);
}

static int vm_libvirt_endpoints(void *self, struct vm_endpoints *out, struct err *err) {
    struct vm_libvirt *v = self;
    (void)err;
    *out = (struct vm_endpoints){v->ssh_port, v->agent_socket, v->console_log};
    return 0;
}

static const char *vm_libvirt_disk_path(void *self) {
    return ((struct vm_libvirt *)self)->overlay;
}

static const char *vm_libvirt_nvram_path(void *self) {
    return ((struct vm_libvirt *)self)->nvram;
}

/* ---- making and ending ----------------------------------------------------------------------- */

static void libvirt_close(struct vm_libvirt *v) {
    if (v->dom) {
        libvirt_end_machine(v, libvirt_in(LIBVIRT_KILL_S), NULL);
        libvirt_forget_domain(v);
    }
    if (v->conn) {
        libvirt_events_detach(v->events, v->conn);
        virConnectClose(v->conn);
    }
    libvirt_events_free(v->events);
}

static void vm_libvirt_destroy(void *self) {
    struct vm_libvirt *v = self;
    CLEANUP_ERR struct err err = ERR_INIT;
    libvirt_close(v);
    if (libvirt_root_sweep(v->spec.work_dir, &err) < 0) {
        log_warn(v->log, "vm %s: %s", v->spec.name, err_text(&err));
    }
    if (v->overlay) {
        unlink(v->overlay);
    }
    if (v->nvram) {
        unlink(v->nvram);
    }
    for (size_t i = 0; i < v->owned_count; i++) {
        free(v->owned[i]);
    }
    json_decref(v->profile);
    free(v->cache_dir);
    free(v->root);
    free(v->overlay);
    free(v->console_log);
    free(v->agent_socket);
    free(v->vnc_socket);
    free(v->nvram);
    free(v);
}

static const struct vm_ops vm_libvirt_ops = {
    .backend = "libvirt",
    .start = vm_libvirt_start,
    .stop = vm_libvirt_stop,
    .reset = vm_libvirt_reset,
    .save = vm_libvirt_save,
    .restore = vm_libvirt_restore,
    .screenshot = vm_libvirt_screenshot,
    .press = vm_libvirt_press,
    .dump = vm_libvirt_dump,
    .diagnose = vm_libvirt_diagnose,
    .favour = vm_libvirt_favour,
    .next_event = vm_libvirt_next_event,
    .event_fd = vm_libvirt_event_fd,
    .endpoints = vm_libvirt_endpoints,
    .disk_path = vm_libvirt_disk_path,
    .nvram_path = vm_libvirt_nvram_path,
    .destroy = vm_libvirt_destroy,
};

static const char *libvirt_own(struct vm_libvirt *v, const char *text) {
    char *copy = str_dup(text);
    v->owned[v->owned_count++] = copy;
    return copy;
}

/* QEMU runs in another folder: every path it is given has to be absolute. */
static const char *libvirt_own_path(struct vm_libvirt *v, const char *path) {
    CLEANUP_FREE char *absolute = path ? fs_absolute(path) : NULL;
    return libvirt_own(v, absolute);
}

static struct vm_libvirt *libvirt_new(const struct vm_spec *spec, const char *cache_dir,
                                      struct log *log) {
    struct vm_libvirt *v = mem_zalloc(1, sizeof(*v));
    v->spec = *spec;
    v->spec.name = libvirt_own(v, spec->name);
    v->spec.work_dir = libvirt_own_path(v, spec->work_dir);
    v->spec.disk = libvirt_own_path(v, spec->disk);
    v->spec.disk_format = libvirt_own(v, spec->disk_format);
    v->spec.kernel = libvirt_own_path(v, spec->kernel);
    v->spec.initrd = libvirt_own_path(v, spec->initrd);
    v->spec.cmdline = libvirt_own(v, spec->cmdline);
    v->spec.nvram = libvirt_own_path(v, spec->nvram);
    for (size_t i = 0; i < spec->cdrom_count && i < VM_CDROMS_MAX; i++) {
        v->cdroms[i] = libvirt_own_path(v, spec->cdroms[i]);
    }
    v->spec.cdroms = v->cdroms;
    v->profile = json_deep_copy(spec->profile);
    v->spec.profile = v->profile;
    v->cache_dir = str_dup(cache_dir);
    v->log = log;
    return v;
}

static bool libvirt_wants_nvram(const struct vm_libvirt *v) {
    const char *firmware = json_string_value(json_object_get(v->profile, "firmware"));
    return firmware && strcmp(firmware, "bios") != 0;
}

static int libvirt_make_files(struct vm_libvirt *v, struct err *err) {
    if (libvirt_root_sweep(v->spec.work_dir, err) < 0 ||
        !(v->root = libvirt_root_make(v->spec.work_dir, v->cache_dir, err))) {
        return -1;
    }
    v->overlay = fs_join(v->spec.work_dir, "overlay.qcow2");
    v->console_log = fs_join(v->spec.work_dir, "console.log");
    v->agent_socket = fs_join(v->root, "agent.sock");
    v->vnc_socket = fs_join(v->root, "vnc.sock");
    v->nvram = libvirt_wants_nvram(v) ? fs_join(v->spec.work_dir, "nvram.fd") : NULL;
    v->paths = (struct domain_paths){v->overlay, v->console_log, v->agent_socket, v->vnc_socket, v->nvram};
    return 0;
}

static void libvirt_say_nothing(void *ctx, virErrorPtr error) {
    (void)ctx;
    (void)error; /* every error comes back by return value; none goes to standard error */
}

/* libvirt throws its cached capabilities away when the host's CPUID looks different, and that holds
 * the number of the core it is asked on: so it is always asked on the same one. (libvirt 9.0,
 * virQEMUCapsIsValid) */
static virConnectPtr libvirt_open_on_one_core(const char *uri) {
    cpu_set_t before;
    bool known = sched_getaffinity(0, sizeof(before), &before) == 0;
    for (int i = 0; known && i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, &before)) {
            cpu_set_t one;
            CPU_ZERO(&one);
            CPU_SET(i, &one);
            sched_setaffinity(0, sizeof(one), &one);
            break;
        }
    }
    virConnectPtr conn = virConnectOpen(uri);
    if (known) {
        sched_setaffinity(0, sizeof(before), &before);
    }
    return conn;
}

static int libvirt_connect(struct vm_libvirt *v, struct err *err) {
    CLEANUP_FREE char *uri = str_printf("qemu:///embed?root=%s", v->root);
    virSetErrorFunc(NULL, libvirt_say_nothing);
    if (virInitialize() < 0) {
        return libvirt_fail(err, "initialise libvirt");
    }
    v->events = libvirt_events_new(err);
    if (!v->events) {
        return -1;
    }
    v->conn = libvirt_open_on_one_core(uri);
    if (!v->conn) {
        return libvirt_fail(err, "open libvirt's embedded driver");
    }
    return libvirt_events_attach(v->events, v->conn, err);
}

struct vm *vm_libvirt_create(const struct vm_spec *spec, const char *cache_dir, struct log *log,
                             struct err *err) {
    struct vm_libvirt *v = libvirt_new(spec, cache_dir, log);
    if (libvirt_make_files(v, err) < 0 || libvirt_connect(v, err) < 0) {
        err_prefix(err, "vm %s: create", spec->name);
        vm_libvirt_destroy(v);
        return NULL;
    }
    return vm_wrap(&vm_libvirt_ops, v, spec->name, clock_monotonic(), log);
}

int vm_libvirt_sweep(const char *work_dir, struct err *err) {
    return libvirt_root_sweep(work_dir, err);
}
