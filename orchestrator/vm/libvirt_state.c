#include "vm/libvirt_state.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "vm/libvirt_qemu.h"
#include "vm/port_holder.h"

enum { STATE_TOOL_S = 120 };

/* qemu-img, for which a run is milliseconds and a library does not exist. */
int libvirt_state_overlay(const char *path, const char *below, const char *below_format,
                          int64_t size, struct err *err) {
    char bytes[32];
    snprintf(bytes, sizeof(bytes), "%lld", (long long)size);
    const char *argv[] = {"qemu-img", "create", "-q", "-f", "qcow2", "-b", below,
                          "-F", below_format, path, NULL, NULL, NULL};
    if (size > 0) {
        argv[10] = bytes;
        argv[11] = "-u"; /* not looked at: its writer holds a lock on it */
    }
    struct proc_opts opts = {.timeout_ns = STATE_TOOL_S * CLOCK_S};
    return proc_check(argv, &opts, err);
}

/* ---- save ------------------------------------------------------------------------------------ */

static int state_must_be_savable(virDomainPtr dom, struct err *err) {
    CLEANUP_FREE char *xml = virDomainGetXMLDesc(dom, 0);
    if (!xml) {
        return libvirt_fail(err, "look at the machine before saving");
    }
    const char *thing = domain_xml_unsavable(xml);
    return thing ? err_set(err, ERR_REFUSED, "the machine has %s, which states do not keep", thing)
                 : 0;
}

/* The frozen disk's lasting name, and the overlay that goes on top of it by that name. */
static int state_prepare_disk(virDomainPtr dom, const char *dir, const char *overlay,
                              const char *next, struct err *err) {
    CLEANUP_FREE char *frozen = fs_join(dir, VM_STATE_DISK);
    virDomainBlockInfo info;
    if (virDomainGetBlockInfo(dom, overlay, &info, 0) < 0) {
        return libvirt_fail(err, "size of the disk");
    }
    if (link(overlay, frozen) < 0) {
        return err_sys(err, errno, "link %s to %s%s", overlay, frozen,
                       errno == EXDEV ? " (the lab's work, states and images have to lie on one file system)" : "");
    }
    return libvirt_state_overlay(next, frozen, "qcow2", (int64_t)info.capacity, err);
}

/* Standing still by our own wish, the guest cannot crash between memory and disk, and is not let go again
 * behind our back. */
static int state_suspend(virDomainPtr dom, struct err *err) {
    int state = 0;
    if (virDomainGetState(dom, &state, NULL, 0) < 0) {
        return libvirt_fail(err, "state before saving");
    }
    if (state == VIR_DOMAIN_RUNNING && virDomainSuspend(dom) < 0) {
        return libvirt_fail(err, "suspend");
    }
    if (state != VIR_DOMAIN_RUNNING || virDomainGetState(dom, &state, NULL, 0) < 0 ||
        state != VIR_DOMAIN_PAUSED) {
        return err_set(err, ERR_INTERRUPT, "the guest is not running any more, an event waits");
    }
    return 0;
}

/* What the guest wrote is in the file at once (QEMU's pflash keeps nothing back), and it stands still. */
static int state_keep_nvram(const char *dir, const char *nvram, struct err *err) {
    CLEANUP_FREE char *kept = fs_join(dir, VM_STATE_NVRAM);
    return nvram ? fs_copy(nvram, kept, err) : 0;
}

static int state_snapshot(virDomainPtr dom, const char *dir, const char *overlay,
                          const char *next, struct err *err) {
    CLEANUP_FREE char *memory = fs_join(dir, VM_STATE_MEMORY);
    CLEANUP_FREE char *xml = domain_xml_snapshot(memory, overlay, next);
    virDomainSnapshotPtr made = virDomainSnapshotCreateXML(
        dom, xml,
        VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA | VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC |
            VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT);
    if (!made) {
        return libvirt_fail(err, "save memory and freeze the disk");
    }
    virDomainSnapshotFree(made);
    return 0;
}

int libvirt_state_save(virDomainPtr dom, const char *dir, const struct domain_paths *paths, const char *next,
                       struct log *log, struct err *err) {
    if (state_must_be_savable(dom, err) < 0 ||
        state_prepare_disk(dom, dir, paths->disk, next, err) < 0) {
        return -1;
    }
    int64_t began = clock_now(clock_monotonic());
    if (state_suspend(dom, err) < 0) {
        return -1;
    }
    int rc = state_keep_nvram(dir, paths->nvram, err);
    rc = rc < 0 ? rc : state_snapshot(dom, dir, paths->disk, next, err);
    /* A machine that died meanwhile tells so by its event; a state that is whole stays one. */
    if (virDomainResume(dom) < 0 && rc == 0) {
        log_warn(log, "the machine did not go on after its state was saved: %s",
                 virGetLastErrorMessage());
    }
    log_debug(log, "the guest stood still for %lld ms",
              (long long)((clock_now(clock_monotonic()) - began) / CLOCK_MS));
    return rc;
}

/* ---- load ------------------------------------------------------------------------------------ */

/* Whether QEMU or libvirt found fault with the file, or something with the host. */
static void state_load_fail(const char *memory, struct err *err) {
    const char *text = virGetLastErrorMessage();
    if (strstr(text, "load of migration failed")) {
        const char *last = strrchr(text, '\n');
        err_set(err, ERR_INPUT, "%s is damaged: %s", memory, last ? last + 1 : text);
    } else {
        libvirt_fail(err, "restore the saved state");
    }
}

/* QEMU has what it holds from the memory, and reads the file at the next start. */
static int state_put_nvram(const char *dir, const char *nvram, struct err *err) {
    CLEANUP_FREE char *kept = fs_join(dir, VM_STATE_NVRAM);
    if (nvram && !fs_exists(kept)) {
        return err_set(err, ERR_INPUT, "%s is no state of a machine with UEFI: it has no " VM_STATE_NVRAM, dir);
    }
    return nvram ? fs_copy(kept, nvram, err) : 0;
}

static int state_restore(virConnectPtr conn, const char *memory, const char *xml, const struct domain_paths *paths,
                         struct err *err) {
    struct port_holder *holder = port_holder_new(paths->agent_socket, err);
    if (!holder) {
        return -1;
    }
    int rc = virDomainRestoreFlags(conn, memory, xml, VIR_DOMAIN_SAVE_RUNNING);
    if (rc < 0) {
        state_load_fail(memory, err); /* before anything else can change libvirt's last error */
    }
    port_holder_free(holder);
    return rc;
}

virDomainPtr libvirt_state_load(virConnectPtr conn, const char *dir, const struct vm_spec *spec,
                                const struct domain_paths *paths, struct err *err) {
    CLEANUP_FREE char *memory = fs_join(dir, VM_STATE_MEMORY);
    CLEANUP_FREE char *saved = virDomainSaveImageGetXMLDesc(conn, memory, 0);
    if (!saved) {
        err_set(err, ERR_INPUT, "%s is no saved state: %s", memory, virGetLastErrorMessage());
        return NULL;
    }
    CLEANUP_FREE char *name = NULL;
    CLEANUP_FREE char *xml = domain_xml_rebase(saved, spec, paths, &name, err);
    if (!xml) {
        return NULL;
    }
    if (state_put_nvram(dir, paths->nvram, err) < 0) {
        return NULL;
    }
    if (state_restore(conn, memory, xml, paths, err) < 0) {
        if (paths->nvram) {
            unlink(paths->nvram); /* a start from the golden disk makes its own */
        }
        return NULL;
    }
    virDomainPtr dom = virDomainLookupByName(conn, name);
    if (!dom) {
        libvirt_fail(err, "find the restored machine");
    }
    return dom;
}
