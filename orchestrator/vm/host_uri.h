/* The libvirt URIs that name a host of the lab (https://libvirt.org/uri.html):
 *
 *     qemu:///embed                   libvirt's embedded driver in each worker, on this machine, without a daemon
 *     qemu:///system                  this machine's libvirt daemon
 *     qemu+ssh://[USER@]HOST[:PORT]/system   another machine's, through ssh(1)
 *     qemu+tls://HOST[:PORT]/system   another machine's, by TLS with certificates
 *
 * What each carries: everything of libvirt (machines, files, serial ports, pictures) goes over all of them. SSH to
 * the guest goes directly where the daemon is on this machine, through `ssh -W` with qemu+ssh, and not at
 * all with qemu+tls: such guests are reached by their serial port alone.
 *
 * Query parameters are libvirt's own and passed on to it; of those for ssh, "command", "keyfile" and
 * "no_verify" hold for `ssh -W`, too. */
#ifndef COEXIST_VM_HOST_URI_H
#define COEXIST_VM_HOST_URI_H

#include <stdbool.h>

#include "base/err.h"

enum host_way {
    HOST_EMBED, /* qemu:///embed: no daemon */
    HOST_LOCAL, /* a daemon on this machine */
    HOST_SSH,
    HOST_TLS,
    HOST_WAY_COUNT
};

struct host_uri { /* all owned */
    enum host_way way;
    char *text;    /* as it is given to libvirt */
    char *host;    /* NULL on this machine */
    char *user;    /* NULL: ssh's own choice */
    int port;      /* 0: the usual one */
    char *command; /* of ssh; NULL: "ssh" */
    char *keyfile; /* NULL: ssh's own choice */
    bool no_verify;
};

/* ERR_INPUT when it is none of the above. */
int host_uri_parse(const char *text, struct host_uri *out, struct err *err);
void host_uri_clear(struct host_uri *u);

enum { HOST_URI_ARGS = 24 };
/* The command that connects its standard input and output to a port of that host's loopback
 * address; for HOST_SSH only. Strings are borrowed from u and from `to` ("127.0.0.1:PORT"). NULL-terminated. */
void host_uri_ssh_command(const struct host_uri *u, const char *to, const char *port_text,
                          const char *argv[HOST_URI_ARGS]);

#endif
