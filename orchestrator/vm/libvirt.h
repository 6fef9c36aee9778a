/* The real backend: libvirt's embedded QEMU driver, one connection and one root folder for each
 * VM. */
#ifndef COEXIST_VM_LIBVIRT_H
#define COEXIST_VM_LIBVIRT_H

#include "vm/vm.h"

/* Makes the embed root and the connection; nothing is started yet, and the overlay comes with the start or
 * the restore. cache_dir keeps
 * QEMU's probed capabilities between connections (may be NULL; saves 3 to 4 s a connection). One VM
 * of this backend per process, ever: libvirt's embedded driver keeps its root folder until the
 * process ends (design: one worker process per cell). Makes this process the reaper of its orphans
 * (PR_SET_CHILD_SUBREAPER). libvirt's own log goes to standard error unless LIBVIRT_LOG_OUTPUTS
 * says otherwise. */
struct vm *vm_libvirt_create(const struct vm_spec *spec, const char *cache_dir, struct log *log,
                             struct err *err);

/* Kills what a dead owner left in work_dir: QEMU processes whose pid file and command line both
 * belong there, sockets, the embed root. Returns how many processes were killed, negative with
 * err. */
int vm_libvirt_sweep(const char *work_dir, struct err *err);

/* "libvirt 9.0.0", whether or not its QEMU driver is installed; fails when that is missing. */
int vm_libvirt_version(char out[64], struct err *err);

/* Whether vm_save could hold a machine made by this spec: ERR_REFUSED says what it could not. */
int vm_libvirt_may_save(const struct vm_spec *spec, struct err *err);
/* SHA-256 of what the memory of a machine made by this spec depends on, were it saved here: its hardware and the files
 * it stands on, libvirt, the QEMU that is installed and, with KVM, the host's processor. A saved machine whose digest
 * is another may not go on, or go on wrongly. ERR_INPUT: the profile is wrong. */
int vm_libvirt_hardware(const struct vm_spec *spec, char hex[65], struct err *err);

#endif
