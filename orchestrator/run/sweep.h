/* What dead owners left behind. Every worker holds a lock on the file `owner` in its own folder
 * lab/work/RUN/N for its life, and locks die with their process: a folder whose lock can be taken
 * belongs to nobody, whatever killed its owner. */
#ifndef COEXIST_RUN_SWEEP_H
#define COEXIST_RUN_SWEEP_H

#include "base/err.h"
#include "base/log.h"

/* Kills the VMs and removes the folders that belong to nobody. To be called at the start of every
 * command that touches the lab, and after a worker died. Returns how many folders were swept,
 * negative with err when one could not be (the others are swept all the same). An absent lab is
 * fine. */
int sweep_lab(const char *lab_dir, struct log *log, struct err *err);

/* Makes lab/work/RUN/NAME with its owner lock, safe against a sweep at the same time. NAME has no dot: on other hosts
 * what belongs to it is named "RUN.NAME.REST" (vm_remote_owner). The folder's path (caller frees) and the lock (a
 * descriptor to close last), or NULL with err. */
char *sweep_claim(const char *lab_dir, const char *run, const char *name, int *lock,
                  struct err *err);

/* Every run in runs_dir whose orchestrator is gone without having finished it: its outcome becomes
 * "interrupted". Returns how many, negative with err. */
int sweep_runs(const char *runs_dir, struct log *log, struct err *err);

/* In a worker's folder: what vm_libvirt_create gets as its work folder. */
#define SWEEP_VM_DIR "vm"
struct sweep_counts {
    int folders, runs;
};
/* Waits, at most half a minute, until no worker of that run holds a folder any more; sweeps what the dead ones
 * left. ERR_TIMEOUT when one still lives. */
int sweep_wait_for_run(const char *lab_dir, const char *run_id, struct log *log, struct err *err);
/* Making and sweeping folders in `dir` (lab/work, lab/states) exclude each other through DIR/lock, held for
 * moments only. A descriptor to close, or -1 with err. */
int sweep_lock_folder(const char *dir, struct err *err);
/* Both of the above, runs first. Where a run's orchestrator turns out to be dead, its workers may still be
 * taking their machines down by themselves and hold their folders: they are waited for, at most half a
 * minute. 0, or negative with err. */
int sweep_all(const char *lab_dir, const char *runs_dir, struct log *log, struct sweep_counts *out,
              struct err *err);

#define SWEEP_RUN_LOCK "lock" /* in a run's folder, held by its orchestrator */
#define SWEEP_RUN_PART ".begun-" /* before the id: a run's folder while it is made */

#endif
