/* Reading a guest's disk from outside, for guests that will not boot: libguestfs, read-only, on an
 * overlay whose VM is OFF. Also writes (drills): remove or replace named files. */
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
/* Copies all files matching a guest folder and suffix (case-insensitive), e.g.
 * "C:\\Windows\\Minidump", ".dmp", to host_dir; at most max_files of at most max_bytes each.
 * Returns how many, negative with err. Names are made safe; never follows links out of the guest's
 * file system. */
int vm_disk_copy_out(struct vm_disk *d, const char *guest_dir, const char *suffix,
                     const char *host_dir, int max_files, int64_t max_bytes, struct err *err);
/* Removes the files (never folders) that match: a guest path whose last part may hold '*' and '?', in any letter case.
 * Needs a writable disk. Returns how many, 0 when there is none; negative with err. */
int vm_disk_remove(struct vm_disk *d, const char *guest_path, struct err *err);
void vm_disk_close(struct vm_disk *d);

#endif
