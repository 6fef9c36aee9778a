/* Real machines for cells: libvirt's VM, the guest behind it and the reading of its disk, made from
 * an image of the lab. The only file of run/ that knows the backends. */
#ifndef COEXIST_RUN_MACHINE_H
#define COEXIST_RUN_MACHINE_H

#include "images/image.h"
#include "run/cell.h"
#include "run/hosts.h"

struct machine_host { /* one with a daemon; borrowed like the strings below */
    const struct hosts_one *at;
    const char *lab;   /* the lab's id */
    const char *owner; /* "RUN.WORKER" */
    bool seen;         /* it sees the images under their paths here */
};

struct machine_spec { /* strings are borrowed and must outlive the machine */
    const char *lab_dir;
    const char *image;    /* name */
    const char *work_dir; /* of this cell alone */
    const char *states;   /* folder of the run's states (run/states.h), absolute; NULL: keeps none */
    const char *cell;     /* id and attempt, for the notes of the states it keeps */
    int attempt;
    bool kvm;
    bool cold;            /* boots the image also where it has a state at ready (run/ready.h) */
    const struct machine_host *host; /* NULL: this machine, by the embedded driver */
    int interrupt_fd;     /* readable: cut guest calls short; -1: none; borrowed */
    struct clock *clock;
    struct log *log;
};

struct machine; /* opaque */

struct machine *machine_new(const struct machine_spec *spec, struct err *err);
void machine_free(struct machine *m); /* NULL is fine */
/* vm_libvirt_may_save and vm_libvirt_hardware of the image's machine. */
int machine_may_save(const struct image *image, bool kvm, struct err *err);
int machine_hardware(const struct image *image, bool kvm, char hex[65], struct err *err);
/* Reads the image's state at ready that such a machine would go on from: a damaged one is told of and not used. */
void machine_check_ready(const struct image *image, bool kvm, struct log *log);
/* For cell_env: these functions with the machine as their context. */
const struct cell_machine_ops *machine_ops(void);

#endif
