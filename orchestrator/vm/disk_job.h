/* A whole look into a guest's disk with an end: libguestfs, whose start has no deadline of its own, does it in a child
 * process that is killed with all it began when the time has passed. */
#ifndef COEXIST_VM_DISK_JOB_H
#define COEXIST_VM_DISK_JOB_H

#include <stddef.h>

#include "vm/disk.h"

struct vm_disk_place { /* as vm_disk_copy_out */
    const char *guest_dir, *pattern, *host_dir; /* host_dir: an existing, empty folder */
    int max_files;
    int64_t max_bytes; /* of each */
    int copied;        /* set: how many are in host_dir now, also after a failure */
};

struct vm_disk_job { /* as vm_disk_open; borrowed */
    const char *disk, *format, *windows_root;
    bool kvm;
    struct vm_disk_place *places;
    size_t place_count;
    char *const *remove; /* then: files to remove, as vm_disk_remove, NULL-terminated; NULL: none */
    const char *safe_mode; /* then: as vm_disk_safe_mode; NULL: left alone. With neither it is opened read-only */
    bool safe_on;
    int64_t timeout_ns;  /* > 0, for all of it */
};

/* How many files were removed, and one more when safe mode was changed; negative with err. ERR_TIMEOUT: it took too
 * long and was ended. */
int vm_disk_do(struct vm_disk_job *job, struct err *err);

/* Keeps what is on a qcow2 disk of a VM that is OFF, once; vm_disk_put_back brings that back, as often as wanted while
 * the VM is OFF. Costs the disk what is written after it. Negative with err: qemu-img said no. */
int vm_disk_keep(const char *disk, struct err *err);
int vm_disk_put_back(const char *disk, struct err *err);

#endif
