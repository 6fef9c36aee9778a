/* SSH to a machine just installed: the host key that its sshd made is read through the agent's serial port, which
 * nobody on a network can touch; then somebody logs in with the lab's key, and a command runs. */
#ifndef COEXIST_INSTALL_REACH_H
#define COEXIST_INSTALL_REACH_H

#include <jansson.h>

#include "base/err.h"
#include "guest/guest.h"
#include "vm/vm.h"

struct install_reach { /* all borrowed */
    struct vm *vm;       /* RUNNING; its clock is the deadline's */
    struct guest *guest; /* by the serial port */
    /* The way in by SSH to a server with that host key ("ssh-ed25519 AAAA..."); NULL with err. */
    struct guest *(*open_ssh)(void *ctx, struct vm *vm, const char *host_key, struct err *err);
    void *ctx;
    const char *user;
    const char *work_dir; /* existing, for a file */
};

/* A manifest's "ssh" (images/keys.h); new reference. sshd makes its key at its first start and listens after that: both
 * are waited for until the deadline. NULL with ERR_REFUSED: no key, no login or no command until then. */
json_t *install_reach_ssh(const struct install_reach *r, int64_t deadline, struct err *err);

#endif
