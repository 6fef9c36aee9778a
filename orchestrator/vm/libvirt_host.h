/* A host with a libvirt daemon as a whole: what it is, what it has left, the lab's files there, and what dead
 * workers left there. Each call has a deadline of its own. */
#ifndef COEXIST_VM_LIBVIRT_HOST_H
#define COEXIST_VM_LIBVIRT_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"

struct libvirt_host; /* opaque */

/* Connects to the daemon (no deadline: to be called in a process that can be killed) and opens the lab's pool.
 * lab: its id; folder: on the host. NULL with err. */
struct libvirt_host *libvirt_host_open(const char *uri, const char *lab, const char *folder,
                                       struct log *log, struct err *err);
void libvirt_host_close(struct libvirt_host *h); /* NULL is fine */

struct libvirt_host_info {
    int cpus;
    int64_t memory, memory_free; /* bytes; free: what Linux could give away without swapping, about; -1: not known */
    int64_t disk_free;           /* bytes where the lab's folder is */
    char version[64];            /* "libvirt 9.0.0, QEMU 7.2.22" */
};
/* ERR_SYSTEM or ERR_TIMEOUT: the host does not answer. */
int libvirt_host_look(struct libvirt_host *h, struct libvirt_host_info *out, struct err *err);

/* Does a guest really run under KVM there? As vm/probe.h, with the daemon's QEMU. why says what was seen. */
int libvirt_host_probe(struct libvirt_host *h, const char *accel, bool *works, char why[256],
                       struct err *err);

/* Whether the host sees, under the same path, what lies in this folder of this machine. */
bool libvirt_host_sees(struct libvirt_host *h, const char *folder);
/* A copy of a file, once for each digest (vm/libvirt_volume.h). */
int libvirt_host_put(struct libvirt_host *h, const char *name, const char *path, const char *sha256,
                     void (*progress)(void *ctx, int64_t bytes), void *ctx, struct err *err);
bool libvirt_host_has(struct libvirt_host *h, const char *name);

/* Ends the machines and deletes the files of this lab's owners ("RUN.WORKER") that do not live any more.
 * Returns how many machines and files, negative with err. */
int libvirt_host_sweep(struct libvirt_host *h, bool (*lives)(void *ctx, const char *owner), void *ctx,
                       struct err *err);

#endif
