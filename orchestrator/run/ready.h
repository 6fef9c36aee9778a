/* The state of an image's machine at "ready": made once when the image is there (coexist image ready), kept with it in
 * LAB/images/NAME/ready-TIME/, of the form of run/states.h with an empty cell, and SHA256SUMS of its files, written
 * last. A cell whose guest would boot for the first time goes on from it instead; its clock is set, as after any
 * restore, by however long that was ago.
 *
 * It goes on only where it was made: same manifest, same accelerator, same hardware digest (vm_libvirt_hardware). Its
 * disk is never changed or removed while anything in the lab may stand on it; without its memory it is no longer gone
 * on from. A machine that has what no state can hold (a second disk: vm_save) has none and boots. */
#ifndef COEXIST_RUN_READY_H
#define COEXIST_RUN_READY_H

#include "base/err.h"
#include "base/log.h"
#include "images/image.h"

/* Folder in image->dir of a state that a machine with this digest can go on from; NULL: there is none. Caller frees. */
char *ready_find(const struct image *image, bool kvm, const char *hardware);
/* It was gone on from in vain: nobody shall again. What stands on its disk goes on. */
void ready_distrust(const struct image *image, const char *name, struct log *log);

/* Makes a whole state (states_finish) one of use: writes its digests. */
int ready_finish(const struct image *image, const char *name, struct err *err);
/* Reads all of it: ERR_INPUT when a byte is not as it was kept. */
int ready_verify(const struct image *image, const char *name, struct err *err);
/* Removes every other one, whole or half, when no run has states or machines in the lab. */
int ready_tidy(const char *lab_dir, const struct image *image, const char *name, struct err *err);

/* Removes what a killed ready_make left in the lab's images. */
int ready_sweep(const char *lab_dir, struct err *err);

struct ready_make { /* borrowed */
    const char *lab_dir;
    const char *image;    /* name */
    const char *work_dir; /* folder of its own in the lab, for the machine (sweep_claim) */
    bool kvm;
    bool again;           /* also where a usable one is there: that one is not gone on from any more */
    int interrupt_fd;     /* readable: give up; -1: none */
    struct log *log;
};
/* Boots the image's machine until its agent and its SSH answer and it has come to rest, and keeps it. One that is there
 * already and usable stays: *made tells. One that is not goes when nothing can stand on it. One machine a process, as
 * vm_libvirt_create has it. ERR_REFUSED: no state holds such a machine; ERR_TIMEOUT, ERR_CLOSED: the guest did not
 * become ready. */
int ready_make(const struct ready_make *r, bool *made, struct err *err);

#endif
