/* What a worker is to do, on its way from the scheduler (struct sched_job) to the worker's process: one JSON
 * text, {"from":{"state","steps","cell","attempt","at_ms"}?,"save":[{"after":N,"name":"..."}]?,"cold":bool?,
 * "points":"..."?,"points_max":N?,"every_ms":N?,"host":{"at":{...},"kvm":bool,"seen":bool}?}: without host on this
 * machine, by the embedded driver; "at" as in run/hosts.h; seen: the host sees the images under their paths here, else
 * it has copies. */
#ifndef COEXIST_RUN_JOB_H
#define COEXIST_RUN_JOB_H

#include "run/cell.h"
#include "run/scheduler.h"

struct job { /* as the worker gets it; owns all strings */
    struct cell_from from;
    struct cell_save save;
    bool cold;    /* as of struct sched_job */
    json_t *host; /* NULL: none */
};

/* host may be NULL. Caller frees. */
char *job_to_text(const struct sched_job *j, json_t *host);
/* ERR_BUG when it is none, or asks for steps that a cell of step_count steps does not have. */
int job_parse(const char *text, size_t step_count, struct job *out, struct err *err);
void job_clear(struct job *j);

#endif
