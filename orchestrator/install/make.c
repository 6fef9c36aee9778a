#include "install/make.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "evidence/screen_read.h"
#include "guest/remote.h"
#include "images/image.h"
#include "images/keys.h"
#include "install/reach.h"
#include "install/run.h"
#include "install/seal.h"
#include "install/source.h"
#include "media/answer.h"
#include "vm/libvirt.h"

/* Emulation is about that much slower than KVM. */
enum { MAKE_SLOW = 8, MAKE_NAME_MAX = 63, MAKE_SSH_PORT = 22, MAKE_LOG_MAX = 1 << 20 };
#define MAKE_ASK_LIMIT (300 * CLOCK_S)
#define MAKE_SSH_LIMIT (300 * CLOCK_S)
#define MAKE_OFF_LIMIT (600 * CLOCK_S)
#define MAKE_AGENT ANSWER_HOME "\\agent.exe"

struct make {
    const struct install_make *spec;
    struct install_source from;
    int64_t disk_bytes;
    int lock; /* of work; -1: none */
    char *name, *work, *vm_dir, *evidence, *out, *final, *cd, *disk;
    char inputs[FS_SHA256_HEX], iso_sha256[FS_SHA256_HEX], agent_sha256[FS_SHA256_HEX];
    struct install_result result;
    json_t *attested, *ssh; /* ssh: NULL: reached by the serial port alone */
};

static void make_clear(struct make *m) {
    if (m->lock >= 0) {
        close(m->lock);
    }
    install_source_clear(&m->from);
    install_result_clear(&m->result);
    json_decref(m->attested);
    json_decref(m->ssh);
    char *const texts[] = {m->name, m->work, m->vm_dir, m->evidence, m->out, m->final, m->cd, m->disk};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        free(texts[i]);
    }
}

static void make_tell(const struct make *m, const char *line) {
    if (m->spec->tell) {
        m->spec->tell(m->spec->ctx, line);
    }
}

/* ---- what it is made from -------------------------------------------------------------------- */

static int make_look(struct make *m, struct err *err) {
    make_tell(m, "looking at the medium");
    if (install_source_look(&m->from, m->spec, err) < 0) {
        return -1;
    }
    m->disk_bytes = m->spec->disk_bytes ? m->spec->disk_bytes : (int64_t)m->from.disk_gib << 30;
    return 0;
}

static int make_digest(struct make *m, struct err *err) {
    char virtio[FS_SHA256_HEX] = "", openssh[FS_SHA256_HEX] = "";
    make_tell(m, "its digest");
    if (fs_sha256_file(m->spec->iso, m->iso_sha256, err) < 0 ||
        fs_sha256_file(m->spec->agent, m->agent_sha256, err) < 0 ||
        (m->spec->virtio && fs_sha256_file(m->spec->virtio, virtio, err) < 0) ||
        (m->spec->openssh && fs_sha256_file(m->spec->openssh, openssh, err) < 0)) {
        return -1;
    }
    CLEANUP_FREE char *recipe = json_dumps(m->from.json, JSON_SORT_KEYS | JSON_COMPACT);
    CLEANUP_FREE char *hardware = json_dumps(m->from.profile->hardware, JSON_SORT_KEYS | JSON_COMPACT);
    CLEANUP_FREE char *all = str_printf("%s\n%s\n%s\n%s\n%s\n%s\n%s\n%lld\n", recipe, hardware, m->iso_sha256,
                                        virtio, openssh, m->agent_sha256, m->from.language, (long long)m->disk_bytes);
    fs_sha256_bytes(all, strlen(all), m->inputs);
    return 0;
}

static int make_name(struct make *m, struct err *err) {
    m->name = m->spec->name ? str_dup(m->spec->name) : str_printf("%s-%s", m->from.name, m->from.profile->name);
    if (strlen(m->name) > MAKE_NAME_MAX || !*m->name ||
        strspn(m->name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(m->name) || *m->name == '-') {
        return err_set(err, ERR_INPUT, "'%s' cannot be an image's name: at most %d lower-case letters, digits, hyphens",
                       m->name, MAKE_NAME_MAX);
    }
    CLEANUP_FREE char *lab = fs_absolute(m->spec->lab_dir);
    m->evidence = str_printf("%s/install/%s", lab, m->name);
    m->out = str_printf("%s/images/.%s.building", lab, m->name);
    m->final = str_printf("%s/images/%s", lab, m->name);
    return 0;
}

static bool make_is_current(const struct make *m) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct image *image = image_open_dir(m->final, &err);
    bool same = image && str_eq(json_string_value(json_object_get(image->manifest, "inputs")), m->inputs) &&
                image_verify(image, &err) == 0;
    image_free(image);
    return same;
}

/* ---- the machine ----------------------------------------------------------------------------- */

static int make_disk(const struct make *m, struct err *err) {
    CLEANUP_FREE char *bytes = str_printf("%lld", (long long)m->disk_bytes);
    const char *argv[] = {"qemu-img", "create", "-q", "-f", "qcow2", m->disk, bytes, NULL};
    struct proc_opts o = {.timeout_ns = 60 * CLOCK_S};
    return proc_check(argv, &o, err);
}

static int make_claim(struct make *m, struct err *err) {
    m->work = m->spec->claim(m->spec->ctx, m->name, &m->lock, err);
    if (!m->work) {
        return -1;
    }
    m->vm_dir = fs_join(m->work, "vm");
    m->cd = fs_join(m->work, "lab.iso");
    m->disk = fs_join(m->work, "blank.qcow2");
    /* The CD holds the account's password. */
    return chmod(m->work, 0700) < 0 ? err_sys(err, errno, "%s", m->work) : 0;
}

/* Nothing stays but the image and the pictures. */
static int make_release(const struct make *m, struct err *err) {
    CLEANUP_FREE char *above = fs_dirname(m->work);
    if (vm_libvirt_sweep(m->vm_dir, err) < 0 || fs_remove_tree(m->work, err) < 0) {
        return -1;
    }
    rmdir(above); /* unless something else lives in it */
    return 0;
}

static int make_prepare(struct make *m, struct err *err) {
    CLEANUP_FREE char *images = fs_dirname(m->final);
    make_tell(m, "the lab's CD and a blank disk");
    if (make_claim(m, err) < 0 || fs_remove_tree(m->evidence, err) < 0 || fs_mkdirs(m->evidence, err) < 0 ||
        fs_mkdirs(m->vm_dir, err) < 0 || fs_mkdirs(images, err) < 0) {
        return -1;
    }
    return install_source_cd(&m->from, m->spec, m->name, m->cd, err) < 0 ? -1 : make_disk(m, err);
}

static struct guest *make_open_guest(void *ctx, struct vm *vm, struct err *err) {
    struct make *m = ctx;
    struct vm_endpoints ends;
    if (vm_endpoints(vm, &ends, err) < 0) {
        return NULL;
    }
    struct guest_remote_spec spec = {.serial_socket = ends.agent_socket, .agent_path = MAKE_AGENT,
                                     .interrupt_fd = vm_event_fd(vm)};
    return guest_remote_create(&spec, vm_clock(vm), m->spec->log, err);
}

static int make_read_screen(void *ctx, const char *png, struct screen_reading *out, struct err *err) {
    (void)ctx;
    return screen_read_file(png, out, err);
}

static void make_tell_phase(void *ctx, const char *line) {
    make_tell(ctx, line);
}

static struct vm *make_create_vm(const struct make *m, struct err *err) {
    CLEANUP_FREE char *cache = fs_join(m->spec->lab_dir, "cache");
    const char *cds[VM_CDROMS_MAX];
    size_t count = install_source_drives(&m->from, m->spec, m->cd, cds);
    struct vm_spec spec = {.name = "install", .work_dir = m->vm_dir, .disk = m->disk, .disk_format = "qcow2",
                           .cdroms = cds, .cdrom_count = count, .profile = m->from.profile->hardware,
                           .ssh_guest_port = m->from.openssh ? MAKE_SSH_PORT : 0, .kvm = m->spec->kvm};
    return vm_libvirt_create(&spec, cache, m->spec->log, err);
}

/* ---- SSH ------------------------------------------------------------------------------------- */

static struct guest *make_open_ssh(void *ctx, struct vm *vm, const char *host_key, struct err *err) {
    struct make *m = ctx;
    struct vm_endpoints ends;
    if (vm_endpoints(vm, &ends, err) < 0) {
        return NULL;
    }
    CLEANUP_FREE char *keys = image_keys_dir(m->spec->lab_dir);
    CLEANUP_FREE char *key = fs_join(keys, IMAGE_CLIENT_KEY);
    struct guest_remote_spec spec = {.ssh_port = ends.ssh_port, .ssh_user = m->from.windows->account,
                                     .ssh_host_key = host_key, .ssh_key_file = key, .agent_path = MAKE_AGENT,
                                     .interrupt_fd = -1};
    return guest_remote_create(&spec, vm_clock(vm), m->spec->log, err);
}

/* What the first-logon commands said, beside the pictures. */
static void make_keep_logon_log(const struct make *m, int64_t deadline) {
    CLEANUP_FREE char *to = fs_join(m->evidence, "logon.log");
    CLEANUP_ERR struct err err = ERR_INIT;
    if (guest_get(m->result.guest, ANSWER_LOGON_LOG, to, MAKE_LOG_MAX, deadline, &err) < 0) {
        log_warn(m->spec->log, "install: %s: %s", ANSWER_LOGON_LOG, err_text(&err));
    }
}

static int make_reach(struct make *m, struct vm *vm, struct err *err) {
    if (!m->from.openssh) {
        return 0;
    }
    struct install_reach reach = {.vm = vm, .guest = m->result.guest, .open_ssh = make_open_ssh, .ctx = m,
                                  .user = m->from.windows->account, .work_dir = m->work};
    make_tell(m, "logging in by SSH");
    make_keep_logon_log(m, clock_after(vm_clock(vm), MAKE_ASK_LIMIT));
    m->ssh = install_reach_ssh(&reach, clock_after(vm_clock(vm), MAKE_SSH_LIMIT), err);
    return m->ssh ? 0 : -1;
}

/* ---- the image ------------------------------------------------------------------------------- */

static json_t *make_manifest(const struct make *m) {
    bool stand_in = json_is_true(json_object_get(m->attested, "stand_in"));
    json_t *manifest = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:O, s:o}", "format", IMAGE_MANIFEST_FORMAT, "name",
                                 m->name, "title", m->from.title, "inputs", m->inputs, "cmdline", "",
                                 "windows_root", stand_in ? "/C:" : "", "profile", m->from.profile->hardware,
                                 "limits", install_source_limits(&m->from, stand_in));
    if (!stand_in && !m->from.reactos) {
        json_object_set_new(manifest, "safe_mode", json_string(IMAGE_SAFE_MODE_BCD));
    }
    json_object_set_new(manifest, "agent", json_pack("{s:s, s:s}", "path", MAKE_AGENT, "sha256", m->agent_sha256));
    json_object_set_new(manifest, "installed", install_source_installed(&m->from, m->iso_sha256));
    json_object_set(manifest, "attested", m->attested);
    if (m->ssh) {
        json_object_set(manifest, "ssh", m->ssh);
    }
    json_object_set_new(manifest, "install", install_to_json(&m->result.state));
    return manifest;
}

static int make_seal(struct make *m, struct vm *vm, struct err *err) {
    struct clock *clock = vm_clock(vm);
    make_tell(m, "asking the guest what it is");
    m->attested = install_attest(m->result.guest, m->result.hello, clock_after(clock, MAKE_ASK_LIMIT));
    if (install_attest_check(m->attested, m->from.profile->hardware, err) < 0 || make_reach(m, vm, err) < 0) {
        return -1;
    }
    make_tell(m, "shutting down");
    if (install_shut_down(vm, m->result.guest, clock_after(clock, MAKE_OFF_LIMIT), err) < 0) {
        return -1;
    }
    make_tell(m, "sealing");
    json_t *manifest = make_manifest(m);
    CLEANUP_FREE char *keys = image_keys_dir(m->spec->lab_dir);
    struct install_seal seal = {.vm = vm, .out = m->out, .final = m->final, .manifest = manifest,
                                .keys_dir = m->ssh ? keys : NULL};
    int rc = install_seal(&seal, err);
    json_decref(manifest);
    return rc;
}

static void make_keep_console(const struct make *m) {
    CLEANUP_FREE char *from = fs_join(m->vm_dir, "console.log");
    CLEANUP_FREE char *to = fs_join(m->evidence, "console.log");
    if (fs_exists(from)) {
        fs_copy(from, to, NULL);
    }
}

static int make_install(struct make *m, struct err *err) {
    struct vm *vm = make_create_vm(m, err);
    if (!vm) {
        return -1;
    }
    int patience = m->spec->patience ? m->spec->patience : m->spec->kvm ? 1 : MAKE_SLOW;
    struct install_limits limits = install_limits_usual(patience);
    struct install_parts parts = {.vm = vm, .open_guest = make_open_guest, .read = make_read_screen,
                                  .tell = make_tell_phase, .ctx = m, .mark = ANSWER_DONE,
                                  .evidence_dir = m->evidence, .limits = &limits, .log = m->spec->log};
    int rc = install_run(&parts, &m->result, err) < 0 ? -1 : make_seal(m, vm, err);
    make_keep_console(m);
    guest_destroy(m->result.guest); /* it reads the machine's event_fd and clock */
    m->result.guest = NULL;
    vm_destroy(vm);
    return rc;
}

static int make_locked(struct make *m, bool *built, struct err *err) {
    if (make_digest(m, err) < 0) {
        return -1;
    }
    *built = !(m->spec->if_changed && make_is_current(m));
    if (!*built) {
        return 0;
    }
    int rc = make_prepare(m, err) < 0 ? -1 : make_install(m, err);
    return m->work && make_release(m, rc < 0 ? NULL : err) < 0 ? -1 : rc;
}

static int make_all(struct make *m, bool *built, struct err *err) {
    if (make_look(m, err) < 0 || make_name(m, err) < 0) {
        return -1;
    }
    CLEANUP_FREE char *images = fs_dirname(m->final);
    CLEANUP_FREE char *lock_path = str_printf("%s/.%s.lock", images, m->name);
    if (fs_mkdirs(images, err) < 0) {
        return -1;
    }
    CLEANUP_FD int lock = fs_lock(lock_path, err);
    if (lock == -2) {
        return err_set(err, ERR_SYSTEM, "image '%s' is being built by another process", m->name);
    }
    return lock < 0 ? -1 : make_locked(m, built, err);
}

int install_make(const struct install_make *spec, char **name, bool *built, struct diags *diags, struct err *err) {
    CLEANUP(make_clear) struct make m = {.spec = spec, .lock = -1};
    *name = NULL;
    if (install_source_load(&m.from, spec, diags) < 0) {
        return -1;
    }
    int rc = make_all(&m, built, err);
    *name = STEAL(m.name);
    if (rc < 0 && *name) {
        err_prefix(err, "image '%s'", *name);
    }
    return rc;
}
