/* A serial port of a machine on another host, brought here through a stream of libvirt (virDomainOpenConsole:
 * the port must be a pty there): as a unix socket for one client at a time, or into a file.
 *
 * The stream is held from attach to detach, whether there is a client or not: what the guest says while nobody
 * listens is lost, as with QEMU's own sockets. Bytes move on libvirt's event thread. */
#ifndef COEXIST_VM_LIBVIRT_DOOR_H
#define COEXIST_VM_LIBVIRT_DOOR_H

#include <libvirt/libvirt.h>

#include "base/err.h"

struct libvirt_door; /* opaque */

/* Listens at once; a client that comes while nothing is attached is hung up on. NULL with err. */
struct libvirt_door *libvirt_door_socket(const char *path, struct err *err);
/* Appends to the file. */
struct libvirt_door *libvirt_door_file(const char *path, struct err *err);
/* device: libvirt's alias of the port, "serial1". */
int libvirt_door_attach(struct libvirt_door *d, virConnectPtr conn, virDomainPtr dom,
                        const char *device, struct err *err);
void libvirt_door_detach(struct libvirt_door *d);
void libvirt_door_free(struct libvirt_door *d); /* NULL is fine */

#endif
