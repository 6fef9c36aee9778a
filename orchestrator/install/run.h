/* Runs the install state machine (install/install.h) on a machine: looks at it, presses keys, keeps pictures, tells
 * people how far it is. Everything it touches is handed in, so that a simulated machine on the virtual clock takes the
 * same way as a real one. */
#ifndef COEXIST_INSTALL_RUN_H
#define COEXIST_INSTALL_RUN_H

#include <jansson.h>

#include "base/err.h"
#include "base/log.h"
#include "evidence/screen_read.h"
#include "guest/guest.h"
#include "install/install.h"
#include "vm/vm.h"

struct install_parts { /* all borrowed */
    struct vm *vm; /* DEFINED, with the CDs in its drives; its clock is the one of all limits */
    /* The agent's way in, once the machine runs; the caller of install_run destroys it. NULL with err. */
    struct guest *(*open_guest)(void *ctx, struct vm *vm, struct err *err);
    int (*read)(void *ctx, const char *png, struct screen_reading *out, struct err *err); /* as screen_read_file */
    void (*tell)(void *ctx, const char *line); /* a line for each phase that begins; may be NULL */
    void *ctx;
    const char *mark;         /* file in the guest that is there when all is done; NULL: the hello says so */
    const char *evidence_dir; /* existing: gets NN-PHASE.png at each new phase, and install.json at the end */
    const struct install_limits *limits;
    struct log *log; /* may be NULL */
};

struct install_result {
    struct install state; /* its last state, also after a failure */
    json_t *hello;        /* of the agent, NULL: none came; owned */
    struct guest *guest;  /* owned; NULL when the machine never ran */
};

/* Starts the machine and returns 0 once the agent said hello and the mark is there, the machine RUNNING. Negative: it
 * did not come to that and stands as it was left; err says phase and likely cause. ERR_REFUSED: the installation
 * failed; ERR_SYSTEM and others: the host did. result is filled either way; install_result_clear. */
int install_run(const struct install_parts *parts, struct install_result *result, struct err *err);
void install_result_clear(struct install_result *r);

/* {"phase","cause"?,"said"?,"phases":[{"name","ms"}],"presses","prompts","resets","written_bytes"}. New reference. */
json_t *install_to_json(const struct install *m);

#endif
