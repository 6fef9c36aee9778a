/* The real backend on a host with a libvirt daemon, of this machine or another one (vm/host_uri.h). Everything goes
 * through the connection: the overlay is a volume there, serial ports come as streams, evidence is
 * fetched. States are not kept (vm_save: ERR_REFUSED).
 *
 * Names tell whose a thing is: machines are "coexist-LAB-RUN.WORKER.N", volumes "RUN.WORKER.NAME" in the lab's
 * own pool. The daemon ends a machine when the connection that made it is lost; what survives even that
 * (libvirt_host_sweep) is known by its name. */
#ifndef COEXIST_VM_LIBVIRT_REMOTE_H
#define COEXIST_VM_LIBVIRT_REMOTE_H

#include "vm/host_uri.h"
#include "vm/vm.h"

struct vm_remote_spec { /* borrowed; must outlive the VM */
    const struct host_uri *uri; /* not HOST_EMBED */
    const char *lab;    /* the lab's id, hexadecimal */
    const char *folder; /* on the host, absolute */
    const char *owner;  /* "RUN.WORKER" */
    /* Copies in the lab's pool of spec.disk, .kernel and .initrd; NULL where the host sees that file under its
     * own path. */
    const char *disk_copy, *kernel_copy, *initrd_copy;
};

/* As vm_libvirt_create; spec's paths are of this machine. One VM of this backend per process, ever. */
struct vm *vm_remote_create(const struct vm_spec *spec, const struct vm_remote_spec *at,
                            struct log *log, struct err *err);

/* The lab's pool on a host is named "coexist-LAB". Caller frees. */
char *vm_remote_pool_name(const char *lab);
char *vm_remote_folder(const char *folder, const char *lab);
/* Whether it is the name of a machine (prefix "coexist-LAB-") or volume (prefix "") of an owner; *owner: caller
 * frees. */
bool vm_remote_owner(const char *name, const char *prefix, char **owner);

#endif
