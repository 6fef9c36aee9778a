/* What libvirt counts of a running machine. */
#ifndef COEXIST_VM_LIBVIRT_LOOK_H
#define COEXIST_VM_LIBVIRT_LOOK_H

#include <libvirt/libvirt.h>

#include "vm/vm.h"

/* disk: path of its disk on its host. */
int libvirt_look_diagnose(virDomainPtr dom, const char *disk, struct vm_diagnostics *out,
                          struct err *err);

#endif
