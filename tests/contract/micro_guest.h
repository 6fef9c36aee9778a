/* A VM of the real backend running the micro guest (micro_guest.sh), and talk with it over its
 * second serial port. */
#ifndef COEXIST_TESTS_MICRO_GUEST_H
#define COEXIST_TESTS_MICRO_GUEST_H

#include <stdbool.h>

#include "base/err.h"
#include "vm/libvirt_remote.h"
#include "vm/vm.h"

/* Makes the guest's files once, in a temporary folder removed at exit of this process. False and
 * why when the host lacks something. */
bool micro_guest_prepare(char why[256]);
const char *micro_guest_cache(void); /* capabilities cache of all tests of a program */

/* A VM with its work folder `work`, which must exist; at: by a daemon, NULL: by the embedded driver. */
struct vm *micro_guest_vm(const char *work, const struct vm_remote_spec *at, struct err *err);

/* The same with UEFI, its variables from the file `nvram`, NULL: the firmware's own. */
struct vm *micro_guest_uefi_vm(const char *work, const struct vm_remote_spec *at, const char *nvram, struct err *err);
/* On this host, with UEFI and a TPM of its own. */
struct vm *micro_guest_tpm_vm(const char *work, struct err *err);

/* Sends an order and returns the line that answers it within 60 s, NULL when none came. Caller
 * frees. Orders that end the guest are answered by "heard" before they are carried out. */
char *micro_guest_ask(struct vm *vm, const char *order);

/* Makes the guest say more than its port holds, and returns the connection that nobody reads from (caller
 * closes), -1 when the guest was not heard to begin. */
int micro_guest_talk_unheard(struct vm *vm);

#endif
