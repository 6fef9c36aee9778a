/* The agent behind the VM's serial port: a unix socket of QEMU that only one may hold, where what the guest
 * says while nobody listens is lost. Connects when needed and again when the line was lost.
 *
 * Old and new boot: serial_disconnect marks a boundary, after which serial_wait_ready takes only a hello of
 * a later boot. A hello (its boot_ms: time since the guest's boot) is of a later boot when
 *   - boot_ms is less than the guest had reached when it was last heard before the boundary, or
 *   - the boot it tells of began after the guest was last heard before the boundary.
 * Everything else still is the machine that was to go down. Measuring from the last word heard, not
 * from the boundary, makes it no matter how late the boundary is marked after the reset. Without a word
 * heard before, or without a boundary (a new VM, one restored from memory), any hello counts.
 */
#ifndef COEXIST_GUEST_SERIAL_H
#define COEXIST_GUEST_SERIAL_H

#include "base/log.h"
#include "guest/agent_client.h"

struct serial; /* opaque */

/* *waiter is copied, log borrowed. Nothing is connected yet. ERR_INPUT: no path for a socket. */
struct serial *serial_new(const char *socket_path, const struct waiter *waiter, struct log *log,
                          struct err *err);
void serial_free(struct serial *s); /* NULL is fine */

/* Until the agent is there: its greeting, or its answer to our asking every 2 s (it may have greeted before
 * we listened). ERR_TIMEOUT tells what was seen; ERR_PROTOCOL at once when a hello is not acceptable.
 * *hello: new reference. */
int serial_wait_ready(struct serial *s, int64_t deadline, json_t **hello, struct err *err);

/* The client, connected; borrowed until the next serial_* call. NULL with err. */
struct agent_client *serial_client(struct serial *s, struct err *err);

/* Marks the boundary. other: what the guest said on another way, or NULL. */
void serial_disconnect(struct serial *s, const struct agent_uptime *other);

#endif
