/*
 * Safe mode for a Wine prefix: what Windows' "minimal" safe mode does to services, done to the file
 * that Wine keeps HKEY_LOCAL_MACHINE in (system.reg: text, "WINE REGISTRY Version 2"), since Wine's
 * service manager knows no safe mode.
 *
 * In its safe form every service and driver that is not listed by name under
 * HKLM\System\CurrentControlSet\Control\SafeBoot\Minimal is disabled ("Start" 4), what it was stands
 * beside it as "SafeBootStart", and Control\SafeBoot\Option has OptionValue 1, as on Windows in safe
 * mode. The normal form undoes that; a "Start" that somebody has set to anything but 4 meanwhile
 * stays as it is. Both are idempotent: either may be interrupted and done again.
 */
#ifndef WINELAB_SAFEBOOT_H
#define WINELAB_SAFEBOOT_H

#include <stdbool.h>
#include <stddef.h>

/* The registry in its safe or its normal form: new, the caller's to free, *out_len bytes without an
   end mark. NULL: no memory, or it is no such file. */
char *safeboot_rewrite(const char *registry, size_t len, bool safe, size_t *out_len);

#endif
