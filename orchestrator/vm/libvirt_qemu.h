/* Talking to one running QEMU through libvirt: port forwards and pictures. */
#ifndef COEXIST_VM_LIBVIRT_QEMU_H
#define COEXIST_VM_LIBVIRT_QEMU_H

#include <libvirt/libvirt.h>
#include <stdbool.h>

#include "base/err.h"

/* Turns libvirt's last error of this thread into err: its class, "WHAT: its message". Returns
 * -1. */
int libvirt_fail(struct err *err, const char *what);

/* Forwards a free port of 127.0.0.1, on the host where QEMU runs, to the guest's port. here: that is this machine, so a
 * free one can be found; elsewhere one is asked for until QEMU gets it. Returns the port, -1 with err. */
int libvirt_qemu_forward(virDomainPtr dom, int guest_port, bool here, struct err *err);

/* PNG of the first screen to `path`. */
int libvirt_qemu_screenshot(virConnectPtr conn, virDomainPtr dom, const char *path,
                            struct err *err);

#endif
