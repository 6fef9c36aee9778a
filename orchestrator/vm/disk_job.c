#include "vm/disk_job.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fence.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"

#define DISK_KEPT_NAME "coexist-kept"
#define DISK_KEPT_TIMEOUT (60 * CLOCK_S)

static int disk_job_count(const char *name, void *ctx) {
    (void)name;
    ++*(int *)ctx;
    return 0;
}

static int disk_job_run(const struct vm_disk_job *job, struct vm_disk *disk, int *removed, struct err *err) {
    for (size_t i = 0; i < job->place_count; i++) {
        const struct vm_disk_place *p = &job->places[i];
        if (vm_disk_copy_out(disk, p->guest_dir, p->pattern, p->host_dir, p->max_files, p->max_bytes, err) < 0) {
            return -1;
        }
    }
    for (char *const *r = job->remove; r && *r; r++) {
        int n = vm_disk_remove(disk, *r, err);
        if (n < 0) {
            return -1;
        }
        *removed += n;
    }
    int changed = job->safe_mode ? vm_disk_safe_mode(disk, job->safe_mode, job->safe_on, err) : 0;
    *removed += changed > 0;
    return changed < 0 ? -1 : 0;
}

static int disk_job_inside(void *ctx, struct str *out, struct err *err) {
    const struct vm_disk_job *job = ctx;
    int removed = 0;
    bool writes = job->remove || job->safe_mode;
    struct vm_disk *disk = vm_disk_open(job->disk, job->format, job->windows_root, job->kvm, writes, err);
    int rc = disk ? disk_job_run(job, disk, &removed, err) : -1;
    vm_disk_close(disk);
    str_addf(out, "%d", removed);
    return rc;
}

int vm_disk_do(struct vm_disk_job *job, struct err *err) {
    struct fence_limits limits = {.timeout_ns = job->timeout_ns, .max_output = 64, .group = true};
    CLEANUP_STR struct str removed = STR_INIT;
    int rc = fence_run(disk_job_inside, job, &limits, &removed, err);
    for (size_t i = 0; i < job->place_count; i++) {
        job->places[i].copied = 0;
        fs_each(job->places[i].host_dir, disk_job_count, &job->places[i].copied, NULL);
    }
    if (rc < 0 && err && err->cls == ERR_TIMEOUT) {
        err_clear(err);
        return err_set(err, ERR_TIMEOUT, "guest disk: libguestfs was not done with it after %lld s and was ended",
                       (long long)(job->timeout_ns / CLOCK_S));
    }
    return rc < 0 ? -1 : (int)strtol(str_get(&removed), NULL, 10);
}

/* An internal snapshot: no other file, and nothing that the machine's definition would have to know of. */
static int disk_snapshot(const char *what, const char *disk, struct err *err) {
    const char *argv[] = {"qemu-img", "snapshot", "-q", what, DISK_KEPT_NAME, disk, NULL};
    struct proc_opts o = {.timeout_ns = DISK_KEPT_TIMEOUT};
    return proc_check(argv, &o, err);
}

int vm_disk_keep(const char *disk, struct err *err) {
    return disk_snapshot("-c", disk, err);
}

int vm_disk_put_back(const char *disk, struct err *err) {
    return disk_snapshot("-a", disk, err);
}
