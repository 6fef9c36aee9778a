#include "run/machine.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "guest/remote.h"
#include "run/host_files.h"
#include "run/ready.h"
#include "run/states.h"
#include "run/sweep.h"
#include "vm/disk_job.h"
#include "vm/libvirt.h"
#include "vm/libvirt_remote.h"

/* How much is copied from the disk of a guest that does not boot. */
enum { MACHINE_COPY_FILES = 32, MACHINE_SSH_PORT = 22 };
#define MACHINE_COPY_BYTES (INT64_C(64) << 20)

struct machine {
    struct machine_spec spec;
    struct image *image;
    struct host_file files[HOST_FILES]; /* the image's, as the host has them */
    bool files_known;
    char *vm_dir, *cache_dir;
    char *base; /* state whose disk the VM's stands on; NULL: the golden disk's or that of the image's state */
    char *ready; /* the image's state that the VM goes on from; NULL: none */
    int interrupt; /* epoll: readable when the VM has news or everything is to be cut short; -1 */
};

struct machine *machine_new(const struct machine_spec *spec, struct err *err) {
    struct machine *m = mem_zalloc(1, sizeof(*m));
    m->spec = *spec;
    m->interrupt = -1;
    m->vm_dir = fs_join(spec->work_dir, SWEEP_VM_DIR);
    m->cache_dir = fs_join(spec->lab_dir, "cache");
    if (fs_mkdirs(m->vm_dir, err) < 0 ||
        !(m->image = image_open(spec->lab_dir, spec->image, err))) {
        machine_free(m);
        return NULL;
    }
    return m;
}

void machine_free(struct machine *m) {
    if (!m) {
        return;
    }
    if (m->interrupt >= 0) {
        close(m->interrupt);
    }
    host_files_clear(m->files);
    image_free(m->image);
    free(m->vm_dir);
    free(m->cache_dir);
    free(m->base);
    free(m->ready);
    free(m);
}

static struct vm_spec machine_vm_spec(const struct image *image, bool kvm) {
    return (struct vm_spec){
        .name = "cell", .disk = image->disk, .disk_format = "qcow2", .kernel = image->kernel, .initrd = image->initrd,
        .cmdline = image->cmdline, .profile = image->profile, .nvram = image->nvram,
        .ssh_guest_port = image->ssh_user ? MACHINE_SSH_PORT : 0, .kvm = kvm,
    };
}

int machine_may_save(const struct image *image, bool kvm, struct err *err) {
    struct vm_spec spec = machine_vm_spec(image, kvm);
    return vm_libvirt_may_save(&spec, err);
}

int machine_hardware(const struct image *image, bool kvm, char hex[65], struct err *err) {
    struct vm_spec spec = machine_vm_spec(image, kvm);
    return vm_libvirt_hardware(&spec, hex, err);
}

static struct vm *machine_create_remote(struct machine *m, const struct vm_spec *spec,
                                        struct err *err) {
    const struct machine_host *h = m->spec.host;
    struct vm_remote_spec at = {.uri = &h->at->uri, .lab = h->lab, .folder = h->at->folder,
                                .owner = h->owner};
    if (!h->seen && !m->files_known) {
        if (host_files_of(m->image, m->files, err) < 0) {
            return NULL;
        }
        m->files_known = true;
    }
    if (!h->seen) {
        at.disk_copy = m->files[0].name;
        at.kernel_copy = m->files[1].name;
        at.initrd_copy = m->files[2].name;
    }
    return vm_remote_create(spec, &at, m->spec.log, err);
}

static struct vm *machine_create_vm(void *ctx, struct err *err) {
    struct machine *m = ctx;
    struct vm_spec spec = machine_vm_spec(m->image, m->spec.kvm);
    spec.work_dir = m->vm_dir;
    return m->spec.host ? machine_create_remote(m, &spec, err)
                        : vm_libvirt_create(&spec, m->cache_dir, m->spec.log, err);
}

static int machine_watch(int epoll, int fd) {
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};
    return fd < 0 ? 0 : epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev);
}

/* One descriptor for both reasons to give up a call: an epoll instance is itself readable when one
 * of its descriptors is (epoll(7)). */
static int machine_make_interrupt(struct machine *m, struct vm *vm, struct err *err) {
    if (m->interrupt >= 0) {
        close(m->interrupt);
    }
    m->interrupt = epoll_create1(EPOLL_CLOEXEC);
    if (m->interrupt < 0 || machine_watch(m->interrupt, vm_event_fd(vm)) < 0 ||
        machine_watch(m->interrupt, m->spec.interrupt_fd) < 0) {
        return err_sys(err, errno, "watch for the VM's events");
    }
    return 0;
}

static struct guest *machine_create_guest(void *ctx, struct vm *vm, struct err *err) {
    struct machine *m = ctx;
    struct vm_endpoints ends = {0};
    if (vm_endpoints(vm, &ends, err) < 0 || machine_make_interrupt(m, vm, err) < 0) {
        return NULL;
    }
    struct guest_remote_spec spec = {
        .serial_socket = ends.agent_socket, .ssh_port = ends.ssh_port,
        .ssh_user = m->image->ssh_user, .ssh_host_key = m->image->ssh_host_key,
        .ssh_key_file = m->image->ssh_client_key, .agent_path = m->image->agent_path,
        .interrupt_fd = m->interrupt,
    };
    return guest_remote_create(&spec, m->spec.clock, m->spec.log, err);
}

/* Emulated, libguestfs is up after 12 s on two idle cores; the first time on a host it builds its own small system. */
#define MACHINE_DISK_TIMEOUT (240 * CLOCK_S)

static struct vm_disk_job machine_disk_job(const struct machine *m, struct vm *vm) {
    return (struct vm_disk_job){.disk = vm_disk_path(vm), .format = "qcow2", .windows_root = m->image->windows_root,
                                .kvm = m->spec.kvm, .timeout_ns = MACHINE_DISK_TIMEOUT};
}

static int machine_copy_out(void *ctx, struct vm *vm, struct cell_copy *places, size_t count,
                            struct err *err) {
    struct vm_disk_job job = machine_disk_job(ctx, vm);
    job.places = mem_zalloc(count + 1, sizeof(*job.places));
    job.place_count = count;
    for (size_t i = 0; i < count; i++) {
        job.places[i] = (struct vm_disk_place){.guest_dir = places[i].guest_dir, .pattern = places[i].pattern,
                                               .host_dir = places[i].host_dir, .max_files = MACHINE_COPY_FILES,
                                               .max_bytes = MACHINE_COPY_BYTES};
    }
    int rc = vm_disk_do(&job, err);
    for (size_t i = 0; i < count; i++) {
        places[i].copied = job.places[i].copied;
    }
    free(job.places);
    return rc < 0 ? -1 : 0;
}

/* What could be opened here of a machine on a host with a daemon is a copy. */
static int machine_owns_disk(const struct machine *m, struct err *err) {
    return m->spec.host ? err_set(err, ERR_REFUSED,
                                  "the disk of a machine on a host with a daemon cannot be changed from here")
                        : 0;
}

static int machine_remove_files(void *ctx, struct vm *vm, char *const *patterns, struct err *err) {
    const struct machine *m = ctx;
    if (machine_owns_disk(m, err) < 0) {
        return -1;
    }
    struct vm_disk_job job = machine_disk_job(m, vm);
    job.remove = patterns;
    return vm_disk_do(&job, err);
}

static int machine_keep_disk(void *ctx, struct vm *vm, struct err *err) {
    return machine_owns_disk(ctx, err) < 0 ? -1 : vm_disk_keep(vm_disk_path(vm), err);
}

static int machine_put_back_disk(void *ctx, struct vm *vm, struct err *err) {
    return machine_owns_disk(ctx, err) < 0 ? -1 : vm_disk_put_back(vm_disk_path(vm), err);
}

static int machine_safe_mode(void *ctx, struct vm *vm, bool on, struct err *err) {
    const struct machine *m = ctx;
    if (!m->image->safe_mode) {
        return err_set(err, ERR_REFUSED, "image %s says of no way into it (\"safe_mode\" in its manifest)",
                       m->image->name);
    }
    if (machine_owns_disk(m, err) < 0) {
        return -1;
    }
    struct vm_disk_job job = machine_disk_job(m, vm);
    job.safe_mode = str_eq(m->image->safe_mode, IMAGE_SAFE_MODE_BCD) ? VM_DISK_SAFE_BCD : m->image->safe_mode;
    job.safe_on = on;
    return vm_disk_do(&job, err) < 0 ? -1 : 0;
}

/* ---- states --------------------------------------------------------------------------------- */

static void machine_stands_on(struct machine *m, const char *state) {
    free(m->base);
    m->base = str_dup(state);
}

static int machine_go_on(struct vm *vm, const char *folder, const char *state, int64_t deadline, int64_t *stood_ms,
                         struct err *err) {
    CLEANUP_FREE char *dir = fs_join(folder, state);
    struct state_note note;
    if (states_read(folder, state, &note, err) < 0) {
        return -1;
    }
    *stood_ms = note.stood_ms;
    state_note_clear(&note);
    return vm_restore(vm, dir, deadline, err);
}

static int machine_restore(void *ctx, struct vm *vm, const char *state, int64_t deadline,
                           int64_t *stood_ms, struct err *err) {
    struct machine *m = ctx;
    if (!m->spec.states) {
        return err_set(err, ERR_BUG, "there is no folder of states");
    }
    if (machine_go_on(vm, m->spec.states, state, deadline, stood_ms, err) < 0) {
        return -1;
    }
    machine_stands_on(m, state);
    return 0;
}

static char *machine_find_ready(const struct image *image, bool kvm) {
    char hardware[65];
    return machine_hardware(image, kvm, hardware, NULL) < 0 ? NULL : ready_find(image, kvm, hardware);
}

void machine_check_ready(const struct image *image, bool kvm, struct log *log) {
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *name = machine_find_ready(image, kvm);
    if (name && ready_verify(image, name, &err) < 0) {
        log_warn(log, "%s", err_text(&err));
        ready_distrust(image, name, log);
    }
}

/* What cannot be gone on from, whatever the reason, is no state of use: the machine is as it was made and boots. One
 * that is damaged is not tried by others, either. */
static int machine_restore_ready(void *ctx, struct vm *vm, int64_t deadline, struct cell_ready *out, struct err *err) {
    struct machine *m = ctx;
    free(m->ready);
    m->ready = m->spec.cold || m->spec.host ? NULL : machine_find_ready(m->image, m->spec.kvm);
    if (!m->ready) {
        return 0;
    }
    snprintf(out->name, sizeof(out->name), "%s", m->ready);
    if (machine_go_on(vm, m->image->dir, m->ready, deadline, &out->stood_ms, err) == 0) {
        return 1;
    }
    if (err->cls == ERR_NOSPACE || err->cls == ERR_INTERRUPT || err->cls == ERR_BUG) {
        return -1;
    }
    log_warn(m->spec.log, "%s", err_text(err));
    if (err->cls == ERR_INPUT) {
        ready_distrust(m->image, m->ready, m->spec.log);
    }
    err_clear(err);
    return 0;
}

static void machine_distrust_ready(void *ctx) {
    struct machine *m = ctx;
    if (m->ready) {
        ready_distrust(m->image, m->ready, m->spec.log);
    }
}

static int machine_finish_state(struct machine *m, const struct cell_kept *kept, int64_t *bytes,
                                struct err *err) {
    char digest[65], hardware[65];
    state_image_digest(m->image->manifest, digest);
    bool known = machine_hardware(m->image, m->spec.kvm, hardware, NULL) == 0;
    /* The casts only drop const: a note that is written is not changed. */
    struct state_note note = {.cell = (char *)m->spec.cell, .attempt = m->spec.attempt,
                              .steps = kept->steps, .at_ms = kept->at_ms,
                              .stood_ms = kept->stood_ms, .base = m->base,
                              .image = digest, .kvm = m->spec.kvm,
                              .hardware = known ? hardware : NULL};
    return states_finish(m->spec.states, kept->name, &note, bytes, err);
}

static int machine_save(void *ctx, struct vm *vm, const struct cell_kept *kept, int64_t deadline,
                        int64_t *bytes, struct err *err) {
    struct machine *m = ctx;
    if (!m->spec.states) {
        return err_set(err, ERR_BUG, "there is no folder of states");
    }
    CLEANUP_FREE char *dir = states_begin(m->spec.states, kept->name, err);
    if (!dir) {
        return -1;
    }
    if (vm_save(vm, dir, deadline, err) < 0) {
        rmdir(dir); /* empty again */
        return -1;
    }
    int rc = machine_finish_state(m, kept, bytes, err);
    if (rc < 0) { /* no state, but the VM stands on its disk now: that stays until the run is over */
        states_drop(m->spec.states, kept->name, false, m->spec.log);
    }
    machine_stands_on(m, kept->name);
    return rc;
}

const struct cell_machine_ops *machine_ops(void) {
    static const struct cell_machine_ops ops = {
        .create_vm = machine_create_vm,
        .create_guest = machine_create_guest,
        .copy_out = machine_copy_out,
        .remove_files = machine_remove_files,
        .keep_disk = machine_keep_disk,
        .put_back_disk = machine_put_back_disk,
        .safe_mode = machine_safe_mode,
        .restore = machine_restore,
        .restore_ready = machine_restore_ready,
        .distrust_ready = machine_distrust_ready,
        .save = machine_save,
    };
    return &ops;
}
