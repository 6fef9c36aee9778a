/* Does KVM work here? Decided by the processor's own word (vmx, svm) and by starting a tiny
 * real-mode guest under KVM three times with a deadline: a device node proves nothing, it may open
 * and yet hang most guests. */
#ifndef COEXIST_VM_PROBE_H
#define COEXIST_VM_PROBE_H

#include <stdbool.h>

#include "base/err.h"

/* Sets *kvm. The answer is remembered in cache_dir (keyed by boot id and QEMU's version); NULL:
 * always probe. why (static or in buf) says what was seen. Fails only when QEMU itself cannot be
 * run. */
int vm_probe_kvm(const char *cache_dir, bool *kvm, char why[256], struct err *err);

/* The probe itself, never remembered, under any accelerator of QEMU ("kvm", "tcg"): does a guest of
 * 512 bytes run to its end, three times in a row, within 3 seconds each? */
int vm_probe_accel(const char *accel, bool *works, char why[256], struct err *err);

/* The boot disk of such a guest, 512 bytes: it ends by writing to an isa-debug-exit port at 0xf4 or, on a machine
 * "pc" without one, by powering off. */
int vm_probe_write_sector(const char *path, struct err *err);

#endif
