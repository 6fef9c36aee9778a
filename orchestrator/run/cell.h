/* One cell, executed: the step table over a vm and a guest. Knows nothing of libvirt or SSH; the same code
 * runs on the real backends and in the simulated world. */
#ifndef COEXIST_RUN_CELL_H
#define COEXIST_RUN_CELL_H

#include "base/clock.h"
#include "base/log.h"
#include "guest/guest.h"
#include "journal/observation.h"
#include "plan/plan.h"
#include "vm/vm.h"

/* Where a cell gets its machine from; lets worker (real) and simulation (fake) share the cell logic. */
struct cell_machine_ops {
    struct vm *(*create_vm)(void *ctx, struct err *err);
    /* After each start; the guest is destroyed and made again when the VM object changes only. */
    struct guest *(*create_guest)(void *ctx, struct vm *vm, struct err *err);
    /* Offline collection from the disk of a VM that is OFF (vm/disk.h); files land in host_dir.
     * Returns how many. May be NULL. */
    int (*copy_out)(void *ctx, struct vm *vm, const char *guest_dir, const char *suffix,
                    const char *host_dir, struct err *err);
};

struct cell_limits { /* all ns; defaults by cell_limits_default, scaled for emulation */
    int64_t boot, command_extra, file, call, crash_settle;
    int loop_boots; /* crashes in a row that make a boot loop: 3 */
};
void cell_limits_default(struct cell_limits *l, bool kvm);

struct cell_env { /* all borrowed for the duration of cell_run */
    const struct plan_cell *cell;
    const struct model *model;
    const struct cell_machine_ops *machine;
    void *machine_ctx;
    struct clock *clock;
    struct log *log;
    struct cell_limits limits;
    const char *scratch_dir;  /* host folder for files on their way; emptied by the caller */
    const char *artifact_dir; /* runs/<id>/artifacts */
    int attempt;
    /* Takes each observation (borrowed during the call). Must not fail: the worker writes to a pipe, the simulation to
     * memory; a lost pipe ends the worker. */
    void (*emit)(void *ctx, const struct observation *o);
    void *emit_ctx;
    const volatile int *stop; /* non-zero: finish after this step, tear down; may be NULL */
};

/* Runs all steps; tears down always. Returns 0 when the cell came to an end with observations telling what happened
 * (also when products failed), negative with err only for the lab's own failures (also recorded). */
int cell_run(const struct cell_env *env, struct err *err);

#endif
