/* A whole look into a guest's disk with an end: libguestfs, whose start has no deadline of its own, does it in a child
 * process that is killed with all it began when the time has passed. */
#ifndef COEXIST_VM_DISK_JOB_H
#define COEXIST_VM_DISK_JOB_H

#include <stddef.h>

#include "vm/disk.h"

struct vm_disk_place { /* as vm_disk_copy_out */
    const char *guest_dir, *suffix, *host_dir; /* host_dir: an existing, empty folder */
    int max_files;
    int64_t max_bytes; /* of each */
    int copied;        /* set: how many are in host_dir now, also after a failure */
};

struct vm_disk_job { /* as vm_disk_open; borrowed */
    const char *disk, *format, *windows_root;
    bool kvm;
    struct vm_disk_place *places;
    size_t place_count;
    char *const *remove; /* then: files to remove, as vm_disk_remove, NULL-terminated; NULL: none, opened read-only */
    int64_t timeout_ns;  /* > 0, for all of it */
};

/* How many files were removed, negative with err. ERR_TIMEOUT: it took too long and was ended. */
int vm_disk_do(struct vm_disk_job *job, struct err *err);

#endif
