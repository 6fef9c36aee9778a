/* The real guest: agent protocol over the serial port's unix socket and over an SSH channel, files by
 * SFTP. The host key is pinned: anything else than the key in the image's manifest is refused.
 *
 * Commands, calls and files go by SSH, and a failure of SSH is an error. Everything goes by serial when there
 * is no SSH (port 0), or after guest_reach found that serial answers and SSH does not, until it finds
 * SSH again or guest_disconnect. A connection lost is ERR_CLOSED to the call it hit; the next call
 * connects again. The VM's clock must be the monotonic one. */
#ifndef COEXIST_GUEST_REMOTE_H
#define COEXIST_GUEST_REMOTE_H

#include "guest/guest.h"

struct guest_remote_spec { /* strings are borrowed for the duration of the call */
    const char *serial_socket; /* unix socket; NULL: no serial port */
    int ssh_port;              /* on 127.0.0.1; 0: no SSH */
    const char *ssh_user;
    const char *ssh_host_key;  /* "ssh-ed25519 AAAA..." as in the manifest */
    const char *ssh_key_file;  /* private key of the lab */
    const char *agent_path;    /* in the guest, "C:\\coexist\\agent.exe" */
    int interrupt_fd;          /* readable: give up at once (ERR_INTERRUPT); -1 for none; borrowed */
};

struct guest *guest_remote_create(const struct guest_remote_spec *spec, struct clock *clock,
                                  struct log *log, struct err *err);

#endif
