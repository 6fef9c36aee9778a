/* What is made of an installed machine: attested, shut down, its disk put away read-only with a manifest. */
#ifndef COEXIST_INSTALL_SEAL_H
#define COEXIST_INSTALL_SEAL_H

#include <jansson.h>

#include "base/err.h"
#include "guest/guest.h"
#include "vm/vm.h"

/* What the running guest says of itself by its agent: {"os": the hello's, "stand_in": true when Windows programs run in
 * it under Wine, "secure_boot", "tpm", "vbs", "hvci": true, false, or null where it does not tell, "updates": texts or
 * null}. Secure Boot by the registry value that Windows' kernel sets at each boot
 * (HKLM\SYSTEM\CurrentControlSet\Control\SecureBoot\State); TPM, VBS, HVCI and updates by PowerShell (Get-Tpm,
 * Win32_DeviceGuard, Get-HotFix). New reference, never NULL: what cannot be asked is null. */
json_t *install_attest(struct guest *g, const json_t *hello, int64_t deadline);

/* Whether what the profile promises is what the guest says: ERR_REFUSED names what differs. */
int install_attest_check(const json_t *attested, const json_t *profile, struct err *err);

/* Asks the agent to switch the machine off and waits for it. ERR_TIMEOUT: it did not. */
int install_shut_down(struct vm *vm, struct guest *g, int64_t deadline, struct err *err);

struct install_seal { /* all borrowed */
    struct vm *vm;      /* OFF */
    const char *out;    /* folder to make it in, on the file system of its place; made new, gone after a failure */
    const char *final;  /* its place */
    json_t *manifest;   /* without "files", which is added */
    const char *keys_dir; /* the client key of it goes along; NULL: no SSH */
};
/* Copies disk (one file without a backing one) and UEFI variables, writes the manifest, publishes. */
int install_seal(const struct install_seal *seal, struct err *err);

#endif
