/* Saved states of machines of the libvirt backend: making one from a running machine, loading one. */
#ifndef COEXIST_VM_LIBVIRT_STATE_H
#define COEXIST_VM_LIBVIRT_STATE_H

#include <libvirt/libvirt.h>

#include "base/err.h"
#include "vm/domain_xml.h"
#include "vm/vm.h"

/* A qcow2 at path on top of `below`, which is named in it as it stands here. size in bytes; 0: as large as
 * `below`, which nobody may be writing to then. */
int libvirt_state_overlay(const char *path, const char *below, const char *below_format,
                          int64_t size, struct err *err);

/* Makes dir a state (vm/vm.h): the machine's memory, paths->disk under another name, and a copy of paths->nvram where
 * that is not NULL. The machine goes on upon `next`. After a failure it goes on upon paths->disk, and dir and next may
 * hold something. */
int libvirt_state_save(virDomainPtr dom, const char *dir, const struct domain_paths *paths, const char *next,
                       struct log *log, struct err *err);

/* A running machine from the state in dir, upon paths->disk and, where that is not NULL, a paths->nvram made from the
 * state's. NULL with err when there is none: ERR_INPUT when what lies in dir is to blame. Caller frees with
 * virDomainFree. */
virDomainPtr libvirt_state_load(virConnectPtr conn, const char *dir, const struct vm_spec *spec,
                                const struct domain_paths *paths, struct err *err);

#endif
