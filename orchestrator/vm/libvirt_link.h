/* A connection to a libvirt daemon, of this machine or another one, that is noticed when it dies: libvirt
 * sends keepalives (https://libvirt.org/internals/eventloop.html needs a loop: libvirt_events), and a call
 * that takes longer than its deadline costs the connection, never the caller. */
#ifndef COEXIST_VM_LIBVIRT_LINK_H
#define COEXIST_VM_LIBVIRT_LINK_H

#include <libvirt/libvirt.h>
#include <stdbool.h>

#include "vm/libvirt_events.h"

/* Seconds between keepalives, and how many may go unanswered: a host that is gone is noticed after 12 s. */
enum { LIBVIRT_KEEPALIVE_S = 3, LIBVIRT_KEEPALIVE_COUNT = 3 };

struct libvirt_link; /* opaque */

/* Connects. Starts libvirt's event thread, one for each link: `events` tells what it is told. No deadline:
 * whoever cannot wait for as long as the network does calls it in a process that can be killed. NULL with
 * err. */
struct libvirt_link *libvirt_link_open(const char *uri, struct err *err);
void libvirt_link_close(struct libvirt_link *l); /* NULL is fine */
/* From here on the events tell of the host's machines (libvirt_events_only: of one). */
int libvirt_link_watch(struct libvirt_link *l, struct err *err);

virConnectPtr libvirt_link_conn(const struct libvirt_link *l); /* borrowed */
struct libvirt_events *libvirt_link_events(const struct libvirt_link *l); /* borrowed */
bool libvirt_link_lost(struct libvirt_link *l); /* the connection is gone, for good */

/* Around calls that must end by the deadline. end passes rc on; ERR_TIMEOUT when the deadline passed
 * meanwhile, and the link is lost then. */
int libvirt_link_begin(struct libvirt_link *l, int64_t deadline, struct err *err);
int libvirt_link_end(struct libvirt_link *l, int rc, struct err *err);

#endif
