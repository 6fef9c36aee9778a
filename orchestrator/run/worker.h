/* The process that runs one cell on a real machine: `coexist worker`, started by the scheduler.
 *
 * Reports on descriptor 3, one JSON object a line: observations (journal/observation.h), {"beat":N} every 5 s, and
 * {"rests":BOOL}, with "last":true in a last rest, when what cell_env.rests says changes. SIGTERM: finish the current
 * step, tear down. SIGHUP, the parent's death (PR_SET_PDEATHSIG) or a report that nobody reads any more: cut every
 * wait, tear down. SIGKILL leaves a VM behind; sweep_lab removes it. */
#ifndef COEXIST_RUN_WORKER_H
#define COEXIST_RUN_WORKER_H

#include "base/log.h"

enum { WORKER_REPORT_FD = 3 };

/* job: where to begin and which states to keep (run/job.h). Returns the process's exit code: 0 the cell came to
 * its end, 3 the lab itself failed. */
int worker_main(const char *run_dir, const char *cell_id, int attempt, const char *job,
                const char *lab_dir, struct log *log);

#endif
