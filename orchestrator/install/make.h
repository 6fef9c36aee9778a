/* From a recipe of Windows or ReactOS, the user's ISO and a hardware profile to a golden image in the lab: the medium
 * is looked at, the lab's CD made, the machine installed, attested, shut down and sealed. */
#ifndef COEXIST_INSTALL_MAKE_H
#define COEXIST_INSTALL_MAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/log.h"

struct install_make { /* all borrowed */
    const char *recipe, *iso;
    const char *virtio;   /* ISO of the virtio drivers; NULL: none */
    const char *openssh;  /* package of OpenSSH for Windows (media/openssh.h); NULL: by the serial port alone */
    const char *profile;  /* name or file; NULL: the recipe's first */
    const char *language; /* NULL: the recipe's first */
    const char *name;     /* of the image; NULL: RECIPE-PROFILE */
    const char *lab_dir;
    const char *agent;    /* agent.exe */
    int64_t disk_bytes;   /* of the guest's disk; 0: as the recipe says */
    bool kvm;
    int patience;         /* time limits as a multiple of what a host with KVM needs; 0: 1 with KVM, 8 without */
    bool if_changed;      /* do nothing when a whole image of the same inputs is there */
    /* A folder for this build alone, which a sweep of the lab takes for a dead one's once *lock (a descriptor, closed
     * at the end) is free: run/sweep.h. The caller frees the path. NULL with err. */
    char *(*claim)(void *ctx, const char *name, int *lock, struct err *err);
    void (*tell)(void *ctx, const char *line); /* a line a step; may be NULL */
    void *ctx;
    struct log *log;
};

/* *name: the image's, *built: false when if_changed found nothing to do; the caller frees *name. Negative: what is
 * wrong with recipe or profile was added to diags and err is clear, or err says what failed: ERR_INPUT before
 * anything was started, ERR_REFUSED when the installation itself failed. Pictures, the console's log and install.json
 * of the last try are in LAB/install/NAME/ either way; the image that was there stays as it was when it fails. */
int install_make(const struct install_make *spec, char **name, bool *built, struct diags *diags, struct err *err);

#endif
