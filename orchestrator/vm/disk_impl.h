/* The inside of an opened guest disk, for the files vm/disk*.c alone. */
#ifndef COEXIST_VM_DISK_IMPL_H
#define COEXIST_VM_DISK_IMPL_H

#include "vm/disk.h"
#include "vm/disk_library.h"

struct vm_disk {
    struct disk_library lib;
    guestfs_h *g;
    char *device; /* what is mounted: the file system that has drive C: */
    char *root;   /* windows_root as the file system spells it; "" for the top */
};

/* Of texts and itself, as libguestfs hands it out, NULL-terminated; *list may be NULL. */
void disk_free_list(char ***list);
/* Negative, with `what` and libguestfs' own last words. */
int disk_fail(struct vm_disk *d, struct err *err, const char *what);
/* Walks a path with either kind of slash from base ("": the top), in any letter case; NULL when it is not there.
 * Caller frees. */
char *disk_walk(struct vm_disk *d, const char *base, const char *path);
/* vm_disk_safe_mode by the boot configuration data at this path of the mounted file system. */
int disk_change_bcd(struct vm_disk *d, const char *path, bool on, struct err *err);

#endif
