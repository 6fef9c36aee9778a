/* Somebody on the agent's line while a machine is loaded.
 *
 * A byte that the guest was sending when its state was saved may have found the line full (a unix socket holds a
 * few hundred single bytes that nobody reads). QEMU saves it as still on its way, and when it is loaded waits
 * for the line to take it: but on a line without anybody at the other end it forgets to wait, and the guest's
 * port is silent for ever (QEMU 7.2, hw/char/serial.c, serial_post_load). So somebody is connected from before
 * QEMU runs until it has loaded; then hanging up lets the byte go.
 */
#ifndef COEXIST_VM_PORT_HOLDER_H
#define COEXIST_VM_PORT_HOLDER_H

#include "base/err.h"

struct port_holder; /* opaque */

/* Begins to connect to the unix socket, on a thread of its own, as soon as it is there. */
struct port_holder *port_holder_new(const char *socket_path, struct err *err);
/* Hangs up, or gives up. NULL is fine. */
void port_holder_free(struct port_holder *h);

#endif
