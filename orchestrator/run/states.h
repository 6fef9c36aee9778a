/* Kept states of machines (vm/vm.h), lab/states/RUN/NAME/: points in a run that its cells go on from, and that a
 * resumed run finds again; and lab/images/IMAGE/ready-TIME/ (run/ready.h). A folder is a state once it has its
 * state.json, which is written last, when everything else is on the disk:
 *
 *   {"format":"coexist-state/1","cell","attempt","steps":N,"at_ms":N,"stood_ms":N,"base":NAME|null (the state whose
 *    disk this one's stands on),"image":SHA-256 of the image's manifest,"kvm":bool,"hardware":SHA-256 of what its
 *    memory depends on (vm_libvirt_hardware) or null,"files":{NAME:bytes,...}}
 *
 * lab/states/RUN/owner names the run's folder and is locked by the orchestrator for its life: what nobody
 * holds and no run can go on from is removed by states_sweep. */
#ifndef COEXIST_RUN_STATES_H
#define COEXIST_RUN_STATES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"

struct state_note { /* what state.json says; strings owned: state_note_clear */
    char *cell;
    int attempt;
    size_t steps;   /* of that cell, behind it */
    int64_t at_ms;  /* since that cell began */
    int64_t stood_ms; /* since its guest became ready: counts for how long it has stood */
    char *base;     /* name; NULL: it stands on the golden disk or on that of the image's state at ready */
    char *image;    /* SHA-256 of the manifest's canonical JSON (state_image_digest) */
    bool kvm;
    char *hardware; /* NULL: not told */
    /* set by states_read */
    bool memory;    /* its memory image is there: machines can go on from it */
    int64_t bytes;  /* on the disk now */
};
void state_note_clear(struct state_note *n);
void state_image_digest(const json_t *manifest, char hex[65]);

char *states_folder(const char *lab_dir, const char *run_id); /* absolute; caller frees */
/* Makes the run's folder and takes its lock (close it last). ERR_INPUT when somebody else holds it. */
int states_claim(const char *lab_dir, const char *run_id, const char *run_dir, int *lock,
                 struct err *err);

/* An empty folder for a state about to be saved (caller frees its path). Refuses a name that is a state
 * already. */
char *states_begin(const char *folder, const char *name, struct err *err);
/* Makes it one: brings its files to the disk, then writes state.json. *bytes: what it takes there. */
int states_finish(const char *folder, const char *name, const struct state_note *note, int64_t *bytes,
                  struct err *err);
/* ERR_INPUT when it is no state, or not a whole one any more. */
int states_read(const char *folder, const char *name, struct state_note *out, struct err *err);
int64_t states_bytes(const char *folder, const char *name); /* on the disk; 0 when it is not there */
/* Removes its memory, or all of it. Returns the bytes that stay; what cannot be removed is the sweep's. */
int64_t states_drop(const char *folder, const char *name, bool all, struct log *log);
/* Removes every entry that keep() does not want; ctx is passed on. */
int states_tidy(const char *folder, bool (*keep)(const char *name, void *ctx), void *ctx,
                struct err *err);

struct states_counts {
    int removed;        /* runs whose states went */
    int kept;           /* interrupted runs that can go on from theirs */
    int64_t kept_bytes;
};
/* Removes the states of runs that are over or gone, and what was being saved when its run died; keeps those of
 * runs that can be resumed, unless `all`. Living runs are not touched. */
int states_sweep(const char *lab_dir, bool all, struct log *log, struct states_counts *out,
                 struct err *err);
/* The same for one run that has come to its end; the caller holds its lock. */
void states_remove(const char *lab_dir, const char *run_id, struct log *log);

#endif
