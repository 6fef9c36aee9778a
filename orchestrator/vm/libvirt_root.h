/* The private folder of one embedded libvirt driver: short enough for unix sockets, configured to
 * need no daemon, found again from the VM's work folder by whoever has to clean up. */
#ifndef COEXIST_VM_LIBVIRT_ROOT_H
#define COEXIST_VM_LIBVIRT_ROOT_H

#include <signal.h>
#include <stdint.h>

#include "base/err.h"

/* Makes $TMPDIR/coexist-XXXXXX (or in /tmp when that is too long), recorded in work_dir before it
 * exists so that no moment leaves it unfindable, with etc/qemu.conf and the cached capabilities.
 * Caller frees the path. */
char *libvirt_root_make(const char *work_dir, const char *cache_dir, struct err *err);

/* Copies capabilities that QEMU was probed for to cache_dir (NULL: nothing), for the next root. */
void libvirt_root_keep_cache(const char *root, const char *cache_dir);

/* Sends a signal to every QEMU that runs from this root and, when wait_until is a time to come,
 * waits until they are gone or it passes (monotonic clock). Returns how many were signalled.
 * Recognised by the program's name and the root's random path on the command line, so nobody else's
 * process is ever meant. */
int libvirt_root_signal_qemu(const char *root, int sig, int64_t wait_until);

/* Descriptors (pidfd_open(2)) of the QEMUs that run from this root, at most max; the caller closes
 * them. */
int libvirt_root_open_qemu(const char *root, int *fds, int max);

/* How far machines stand back behind one that is favoured, and behind every other process of the host (nice(2)): where
 * both want one processor, it gets six times as much of it (the kernel's weights are 1024 and 172, sched(7)). */
#define LIBVIRT_ROOT_NICE 8
/* Sets the nice value of every thread of the QEMUs that run from this root. 0, or negative with err (not allowed). */
int libvirt_root_nice_qemu(const char *root, int nice, struct err *err);

/* Kills what runs from the root recorded in work_dir and removes both. Returns how many processes
 * were killed, negative with err. Nothing recorded is success. */
int libvirt_root_sweep(const char *work_dir, struct err *err);

#endif
