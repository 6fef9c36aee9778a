/* Workers as processes: what the scheduler's contract (run/scheduler.h) is on a real host. */
#ifndef COEXIST_RUN_SPAWN_H
#define COEXIST_RUN_SPAWN_H

#include "journal/journal.h"
#include "run/hosts.h"
#include "run/scheduler.h"

struct spawn_spec { /* borrowed; must outlive the spawn */
    const char *program; /* the coexist binary, absolute */
    const char *lab_dir, *run_dir;
    const char *states; /* the run's folder of states */
    int64_t states_max; /* bytes that they may take together */
    const struct hosts *hosts; /* in the scheduler's order */
    const char *images; /* names of all, separated by commas: for hosts that need copies */
    struct journal *journal;
    struct log *log;
    /* Host memory that a cell's machine needs, in bytes (the guest's, and what QEMU's translated code may take), and
     * its processors. */
    int64_t (*cell_memory)(void *ctx, const struct plan_cell *cell);
    int (*cell_vcpus)(void *ctx, const struct plan_cell *cell);
    void *ctx;
};

struct spawn; /* opaque */

/* Takes over SIGINT, SIGTERM and SIGHUP of the process until spawn_free. */
struct spawn *spawn_new(const struct spawn_spec *spec, struct err *err);
/* Until every host is there or was tried in vain. ERR_SYSTEM: none is; ERR_INTERRUPT: the user stopped it. */
int spawn_meet_hosts(struct spawn *s, struct err *err);
void spawn_free(struct spawn *s); /* NULL is fine; no worker may be left */
const struct sched_ops *spawn_ops(void); /* with the spawn as their context */

#endif
