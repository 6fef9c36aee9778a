/* One typed fact that a step produced. Travels from worker to orchestrator as one JSON line, lies in the
 * journal as one row, and is what analysis reads: the form is a format, versioned with the journal.
 *
 * Common members: {"cell","attempt","seq","step":index in the cell's plan,"kind":step kind name,
 *   "phase":"before"|"after","at_ms":since the cell began (monotonic),"type":...,"data":{...}}
 * data by type:
 *   step-begin  {}
 *   step-end    {"ok":bool,"ms":N,"skipped":"reason"?,"rested_ms":N? (of ms: the guest did next to nothing meanwhile,
 *               and its processors may have served another cell)}
 *   metric      {"name","unit":"ms|bytes|percent|count","source":"agent|lab|qemu","value":number,
 *                "reference_ms":number?,"rep":N (0-based),"process":"x.exe"?,
 *                "starved":percent of the time in which the VM waited for a processor of the host?}
 *               names: boot (power-on or reset to agent ready), copy-small, copy-large, archive, unarchive,
 *               launch, registry, idle.cpu, idle.memory, idle.handles, load.cpu, load.memory, load.handles
 *               (with "process": that process's own), disk.used, install (duration), apply, detect
 *   check       {"what":"service|driver|process|file|registry|detection|took|resource|restarts|launch|
 *                residue","name","product":id|null,
 *                "ok":bool,"expected","found"}
 *   event       {"what":"panicked|reset|shutdown|vm-died|host-lost|ready|heartbeat-lost|...","text"}
 *   artifact    {"role":"screenshot|minidump|process-dump|memory-dump|console|agent-log|log|event-log",
 *                "name","sha256","bytes"}
 *   failure     {"class":failure class name,"text":what a person needs,"product":id|null (who it happened to),
 *                "boots":N? (boot loops)}
 *   note        {"text"}
 *   files       {"role":"canary|system|system-crc","files":{guest path: mark, or null when absent}}: files nobody
 *               but an OS update may touch, as they are now. Mark: SHA-256, size and time of the last change (role
 *               system), or CRC-32 (system-crc). Not mentioned: could not be read. The first mention is what they
 *               were before any product
 *   state       {"steps":N,"name":"...","bytes":N}: the machine as it was after the first N steps of the cell
 *               is kept under that name in the lab's states folder; other cells may begin there
 *   drill       {"what":"repair|rollback|safe-mode|safe-mode-rollback","ok":bool,"ms":N,"text"}: a way back that was
 *               tried after the boot had failed; says nothing about the cell's verdict. repair: files removed from
 *               the disk from outside; rollback: the update's own, after that; safe-mode: the boot into it, from the
 *               disk as the failure left it; safe-mode-rollback: the update's own there, then the first normal boot.
 *               ms: from the beginning of it until the machine answered (repair, safe-mode) or was healthy (the
 *               rollbacks)
 *   cell-begin  {"products":[ids],"update":id|null,"image":name,"repetition":N,"worker_pid":N,
 *                "confirm":K? (the cell is run again for the K-th time, to confirm a failure),
 *                "minimize":K? (beyond the plan: the K-th run of this combination that shrinks a failing set),
 *                "from":{"cell","attempt","steps","state"}?}
 *               from: began at a kept state; what that cell and attempt observed in its first `steps` steps
 *               (which may begin at a state themselves) counts for this cell, too
 *   cell-end    {"complete":bool,"host":"..."?,"signal":N?} (complete: every step got its turn or was skipped for a
 *               recorded failure; host: name of the host it ran on, added by the scheduler; signal: the one that the
 *               worker was told to stop by)
 */
#ifndef COEXIST_JOURNAL_OBSERVATION_H
#define COEXIST_JOURNAL_OBSERVATION_H

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"

/* A sample taken while the VM waited for a processor for more than this part of the time (metric's "starved")
 * tells of the host, not of the guest: the worker measures again, the analysis decides nothing by it. */
#define OBS_STARVED_PERCENT 15.0

enum obs_type {
    OBS_CELL_BEGIN, OBS_CELL_END, OBS_STEP_BEGIN, OBS_STEP_END, OBS_METRIC, OBS_CHECK,
    OBS_EVENT, OBS_ARTIFACT, OBS_FAILURE, OBS_NOTE, OBS_STATE, OBS_FILES, OBS_DRILL, OBS_TYPE_COUNT
};
const char *obs_type_name(enum obs_type t);
int obs_type_parse(const char *name, enum obs_type *out);

struct observation {
    char *cell;    /* cell id */
    int attempt;   /* 1-based: infrastructure failures are tried again */
    int64_t seq;   /* 0-based within cell and attempt; makes a repeated line harmless */
    int step;      /* index into the cell's steps; -1 outside of steps */
    char *kind;    /* step kind name, "" outside of steps */
    char *phase;   /* "before" or "after" */
    int64_t at_ms; /* since the cell began, monotonic */
    enum obs_type type;
    json_t *data;  /* object; owned */
};

json_t *obs_to_json(const struct observation *o);  /* new reference */
/* Strict: unknown type, missing member or wrong type is ERR_PROTOCOL. */
int obs_from_json(const json_t *j, struct observation *out, struct err *err);
void obs_clear(struct observation *o);

#endif
