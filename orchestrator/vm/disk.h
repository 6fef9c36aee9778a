/* Reading a guest's disk from outside, for guests that will not boot: libguestfs, read-only, on an
 * overlay whose VM is OFF. Also writes (drills): removes named files, asks for safe mode. */
#ifndef COEXIST_VM_DISK_H
#define COEXIST_VM_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct vm_disk; /* opaque */

/* windows_root: where drive C: lies inside the file system: "" for real Windows,
 * "/home/lab/.wine/drive_c" for winelab (image profile says). Borrowed strings. kvm: as probed
 * (vm/probe.h), never assumed: libguestfs runs a small VM of its own, which needs a kernel package
 * on the host (linux-image-cloud-amd64 or linux-image-amd64). */
struct vm_disk *vm_disk_open(const char *disk, const char *format, const char *windows_root,
                             bool kvm, bool writable, struct err *err);
/* Copies all files of a guest folder whose names match ('*' and '?', any letter case), e.g.
 * "C:\\Windows\\Minidump", "*.dmp", to host_dir; at most max_files of at most max_bytes each.
 * Returns how many, negative with err. Names are made safe; never follows links out of the guest's
 * file system. */
int vm_disk_copy_out(struct vm_disk *d, const char *guest_dir, const char *pattern,
                     const char *host_dir, int max_files, int64_t max_bytes, struct err *err);
/* Removes the files (never folders) that match: a guest path whose last part may hold '*' and '?', in any letter case.
 * Needs a writable disk. Returns how many, 0 when there is none; negative with err. */
int vm_disk_remove(struct vm_disk *d, const char *guest_path, struct err *err);

#define VM_DISK_SAFE_BCD "bcd"
/* Makes the guest's next boots boots into safe mode, or (on false) normal ones again. how: VM_DISK_SAFE_BCD, Windows'
 * boot configuration data, or the absolute path of a file in the file system that has drive C:, in whose presence the
 * guest's own boot does so. Needs a writable disk. 1: changed, 0: it was so; negative with err: ERR_INPUT when there is
 * no boot configuration data or it makes no sense; it is left as it was then.
 *
 * The data is a registry hive, \EFI\Microsoft\Boot\BCD or \Boot\BCD of some file system of the disk. The boot manager's
 * default object has, in safe mode, the element 25000080 with 0, "minimal" (learn.microsoft.com, BCD reference:
 * BcdBootMgrObject_DefaultObject, BcdOSLoaderInteger_SafeBoot, BcdLibrary_SafeBoot; an element is the key
 * Objects\{object}\Elements\{type in hex}, its value "Element": an object's id as text, an integer as 8 bytes). */
int vm_disk_safe_mode(struct vm_disk *d, const char *how, bool on, struct err *err);
void vm_disk_close(struct vm_disk *d);

#endif
