/* One cell, executed: the step table over a vm and a guest. Knows nothing of libvirt or SSH; the
 * same code runs on the real backends and in the simulated world. */
#ifndef COEXIST_RUN_CELL_H
#define COEXIST_RUN_CELL_H

#include "base/clock.h"
#include "base/log.h"
#include "guest/guest.h"
#include "journal/observation.h"
#include "plan/plan.h"
#include "vm/vm.h"

struct cell_copy { /* one folder to copy from a guest's disk */
    const char *guest_dir, *pattern; /* Windows path; names wanted, as of vm_disk_copy_out */
    const char *host_dir;           /* existing folder for them */
    int copied;                     /* set by copy_out */
};

struct cell_kept { /* a state about to be kept */
    const char *name;
    size_t steps;  /* of the cell, behind it */
    int64_t at_ms; /* since the cell began */
    int64_t stood_ms; /* how long its guest has stood since it became ready */
};

struct cell_ready { /* an image's state at "ready" */
    char name[64];
    int64_t stood_ms; /* as of cell_kept */
};

/* Where a cell gets its machine from; lets worker (real) and simulation (fake) share the cell
 * logic. */
struct cell_machine_ops {
    struct vm *(*create_vm)(void *ctx, struct err *err);
    /* After each start; the guest is destroyed and made again when the VM object changes only. */
    struct guest *(*create_guest)(void *ctx, struct vm *vm, struct err *err);
    /* Offline collection from the disk of a VM that is OFF (vm/disk.h), all places at one go since
     * opening a disk takes seconds; fills in what was copied. Negative when the disk cannot be
     * read; what was copied until then counts. May be NULL. */
    int (*copy_out)(void *ctx, struct vm *vm, struct cell_copy *places, size_t count,
                    struct err *err);
    /* Removes files from the disk of a VM that is OFF; patterns as of vm_disk_remove, NULL-terminated. Returns
     * how many, negative with err. May be NULL. */
    int (*remove_files)(void *ctx, struct vm *vm, char *const *patterns, struct err *err);
    /* Keeps what is on the disk of a VM that is OFF, once, and brings that back; vm_disk_keep. ERR_REFUSED: not with
     * this machine. Both may be NULL. */
    int (*keep_disk)(void *ctx, struct vm *vm, struct err *err);
    int (*put_back_disk)(void *ctx, struct vm *vm, struct err *err);
    /* Makes the next boots of a VM that is OFF boots into safe mode, or normal ones again. ERR_REFUSED: there is no
     * known way with this machine. May be NULL. */
    int (*safe_mode)(void *ctx, struct vm *vm, bool on, struct err *err);
    /* Lets a VM that was just made go on from a kept state; *stood_ms is what was kept with it. */
    int (*restore)(void *ctx, struct vm *vm, const char *state, int64_t deadline, int64_t *stood_ms,
                   struct err *err);
    /* Lets a VM that was just made go on from its image's state at "ready". 1 with *out: it does; 0: there is none of
     * use, the VM is as it was. May be NULL: there never is. */
    int (*restore_ready)(void *ctx, struct vm *vm, int64_t deadline, struct cell_ready *out, struct err *err);
    /* The guest that went on from there was of no use: nobody shall again. NULL where restore_ready is. */
    void (*distrust_ready)(void *ctx);
    /* Keeps the running machine as a state, whole or not at all; *bytes is what it takes. The VM goes on
     * either way, as far as vm_save lets it. */
    int (*save)(void *ctx, struct vm *vm, const struct cell_kept *kept, int64_t deadline,
                int64_t *bytes, struct err *err);
};

struct cell_from { /* a kept state to begin at */
    const char *state; /* NULL: from nothing, and the rest means nothing */
    size_t steps;      /* how many of the cell's steps it has behind it */
    const char *cell;  /* who executed them: their observations count for this cell, too */
    int attempt;
    int64_t at_ms;     /* of that cell: this one's time goes on from there */
};

struct cell_save { /* states to keep */
    const size_t *after;      /* ascending: when so many steps are done and nothing has failed ... */
    const char *const *names; /* ... under this name */
    size_t count;
    /* Points that only this cell goes on from, should it be interrupted: where plan_resumes allows, under POINTS-STEPS,
     * when it is told to stop after the step, and after the step by which `every` (ns, 0: never) has gone since the
     * last state, twice that for the second, and so on. points_max in all, the last one for the order to stop. NULL:
     * none. */
    const char *points;
    int points_max;
    int64_t every;
};

struct cell_limits { /* nanoseconds; longer under emulation */
    int64_t vm;            /* one libvirt call: start, stop, reset */
    int64_t boot;          /* power-on or reset to the agent's hello, while the host has a processor for it */
    int64_t down;          /* asked to reboot until it is down */
    int64_t healthy;       /* from the start of a verify step until everything is as it should be */
    int64_t command_extra; /* the host's patience on top of a command's own limit in the guest */
    int64_t file;          /* one file in or out */
    int64_t call;          /* one small question to the agent */
    int64_t workload;      /* one repetition */
    int64_t state;         /* a state kept or gone on from */
    int64_t crash_settle;  /* how late a crash may be reported after the guest went silent */
    int64_t stand;         /* how long a guest must stand after it became ready to count as booted:
                              services and drivers start after the agent. After a crash: three times
                              what it took from ready to the crash, at most four times this. */
    int64_t calm;          /* how long a burst of the processor, memory or disk may last before it is harm */
    int64_t poll;          /* pace of looking again while something is awaited */
    int loop_boots;        /* crashes in a row that make a boot loop: 3 */
};
/* What the matrix (NULL: none) says, else what is known to be enough. */
void cell_limits_set(struct cell_limits *l, const struct model *m, bool kvm);

enum cell_stop {
    CELL_STOP_NONE,
    CELL_STOP_AFTER_STEP, /* finish this step, tear down */
    CELL_STOP_NOW,        /* cut every wait, tear down */
};

/* How busy a cell's guest is, as a host may use its processors for another cell meanwhile. */
enum cell_rest {
    CELL_WORKS,
    CELL_RESTS,     /* as good as idle while something is awaited of it, or is no more */
    CELL_LAST_REST, /* likewise in the wait for the cell's last look: little is left to do after it */
};

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
    struct cell_from from;
    struct cell_save save;
    /* Takes each observation (borrowed during the call). Must not fail: the worker writes to a
     * pipe, the simulation to memory; a lost pipe sets *stop to CELL_STOP_NOW. */
    void (*emit)(void *ctx, const struct observation *o);
    void *emit_ctx;
    /* What a host may use the guest's processors for meanwhile. May be NULL. */
    void (*rests)(void *ctx, enum cell_rest rest);
    void *rests_ctx;
    const volatile int *stop; /* enum cell_stop, set from outside at any time; may be NULL */
    const volatile int *stop_signal; /* which signal it was that set it, 0: none; may be NULL */
};

/* Runs all steps; tears down always. Returns 0 when the cell came to an end with observations
 * telling what happened (also when products failed), negative with err only for the lab's own
 * failures (also recorded, as failures of an infrastructure class). */
int cell_run(const struct cell_env *env, struct err *err);

#endif
