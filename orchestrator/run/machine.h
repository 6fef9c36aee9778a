/* Real machines for cells: libvirt's VM, the guest behind it and the reading of its disk, made from
 * an image of the lab. The only file of run/ that knows the backends. */
#ifndef COEXIST_RUN_MACHINE_H
#define COEXIST_RUN_MACHINE_H

#include "run/cell.h"

struct machine_spec { /* strings are borrowed and must outlive the machine */
    const char *lab_dir;
    const char *image;    /* name */
    const char *work_dir; /* of this cell alone */
    const char *states;   /* folder of the run's states (run/states.h), absolute; NULL: keeps none */
    const char *cell;     /* id and attempt, for the notes of the states it keeps */
    int attempt;
    bool kvm;
    int interrupt_fd;     /* readable: cut guest calls short; -1: none; borrowed */
    struct clock *clock;
    struct log *log;
};

struct machine; /* opaque */

struct machine *machine_new(const struct machine_spec *spec, struct err *err);
void machine_free(struct machine *m); /* NULL is fine */
/* For cell_env: these functions with the machine as their context. */
const struct cell_machine_ops *machine_ops(void);

#endif
