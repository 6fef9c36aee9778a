/* libvirt's event loop on a thread of its own, and what it tells, as a queue of VM events. */
#ifndef COEXIST_VM_LIBVIRT_EVENTS_H
#define COEXIST_VM_LIBVIRT_EVENTS_H

#include <libvirt/libvirt.h>
#include <stdbool.h>

#include "base/err.h"
#include "vm/vm.h"

struct libvirt_events; /* opaque */

/* Starts the thread. Must come before the connection is opened: the embedded driver needs the
 * loop. */
struct libvirt_events *libvirt_events_new(struct err *err);
/* Ends the thread. The connection must be closed before. NULL is fine. */
void libvirt_events_free(struct libvirt_events *ev);

int libvirt_events_attach(struct libvirt_events *ev, virConnectPtr conn, struct err *err);
void libvirt_events_detach(struct libvirt_events *ev, virConnectPtr conn);

/* From here on only the domain of that name counts: a daemon tells of everybody's. */
void libvirt_events_only(struct libvirt_events *ev, const char *name);
/* The connection to the host was lost: VM_EVENT_IO_ERROR, once. */
void libvirt_events_tell_host_lost(struct libvirt_events *ev, const char *why);

int libvirt_events_fd(const struct libvirt_events *ev); /* readable while an event waits */
int libvirt_events_next(struct libvirt_events *ev, int64_t deadline, struct vm_event *out,
                        struct err *err);

/* Before a start: from here on the machine counts as on, and its end as unexpected. */
void libvirt_events_arm(struct libvirt_events *ev);
/* Before a stop of the lab's own: the end that follows is no event. */
void libvirt_events_expect_stop(struct libvirt_events *ev);
/* Watches a QEMU process (descriptor of pidfd_open(2), taken; -1 is fine) and reaps it at once when
 * it ends. libvirt makes QEMU a daemon and, when it stops one, waits until its process id is free
 * again: somebody has to reap it, and process 1 may take seconds. The process that owns the VM is
 * made the one (PR_SET_CHILD_SUBREAPER). */
void libvirt_events_watch(struct libvirt_events *ev, int pidfd);

/* Until the end of the machine has been told; false when the deadline passed first. Whatever the
 * machine told before its end is in the queue then. */
bool libvirt_events_wait_stopped(struct libvirt_events *ev, int64_t deadline);

/* Number of resets asked for by the host so far, and a wait until one more was told. */
unsigned libvirt_events_host_resets(struct libvirt_events *ev);
bool libvirt_events_wait_host_reset(struct libvirt_events *ev, unsigned beyond, int64_t deadline);

/* Calls fn on the event thread when the deadline passes before libvirt_events_unguard; one at a
 * time. libvirt's calls have no deadlines, so fn has to make the one in progress fail. Between the
 * two, orphaned QEMUs are reaped. Unguard returns whether fn was called. */
int libvirt_events_guard(struct libvirt_events *ev, int64_t deadline, void (*fn)(void *ctx),
                         void *ctx, struct err *err);
bool libvirt_events_unguard(struct libvirt_events *ev);

#endif
