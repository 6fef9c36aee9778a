/* A port of another host's loopback address, brought to this one's: each connection to it is handed to an
 * `ssh -W` of its own, which ends with it. */
#ifndef COEXIST_VM_SSH_DOOR_H
#define COEXIST_VM_SSH_DOOR_H

#include "base/err.h"
#include "vm/host_uri.h"

struct ssh_door; /* opaque */

/* *uri is borrowed and must outlive the door. Listens on a free port at once. NULL with err. */
struct ssh_door *ssh_door_new(const struct host_uri *uri, int far_port, struct err *err);
int ssh_door_port(const struct ssh_door *d); /* on 127.0.0.1 */
/* Ends every connection. NULL is fine. */
void ssh_door_free(struct ssh_door *d);

#endif
