/* Talking to one running QEMU through libvirt: port forwards and pictures. */
#ifndef COEXIST_VM_LIBVIRT_QEMU_H
#define COEXIST_VM_LIBVIRT_QEMU_H

#include <libvirt/libvirt.h>

#include "base/err.h"
#include "vm/vm.h"

/* Turns libvirt's last error of this thread into err: its class, "WHAT: its message". Returns
 * -1. */
int libvirt_fail(struct err *err, const char *what);

/* Forwards a free port of 127.0.0.1 to the guest's port. Returns the port, -1 with err. */
int libvirt_qemu_forward(virDomainPtr dom, int guest_port, struct err *err);

int libvirt_qemu_press(virDomainPtr dom, enum vm_key key, struct err *err);

/* PNG of the first screen to `path`. */
int libvirt_qemu_screenshot(virConnectPtr conn, virDomainPtr dom, const char *path,
                            struct err *err);

#endif
