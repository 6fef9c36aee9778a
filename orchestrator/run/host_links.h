/* The orchestrator's side of its hosts: which of them are there, what they have left, who comes back. A host with a
 * daemon has a process that looks after it (run/host_watch.h); when that ends, or says nothing for a while,
 * the host is gone, and tried again after 2, 4, 8 ... at most 60 s. The embedded driver is always there. */
#ifndef COEXIST_RUN_HOST_LINKS_H
#define COEXIST_RUN_HOST_LINKS_H

#include <poll.h>
#include <stdbool.h>

#include "base/log.h"
#include "run/hosts.h"

struct host_links_spec { /* borrowed; must outlive the links */
    const char *program; /* the coexist binary, absolute */
    const char *lab_dir; /* absolute */
    const char *images;  /* names separated by commas */
    const char *log_path; /* what the processes log */
    const struct hosts *hosts;
    struct log *log;
};

struct host_links; /* opaque */
struct host_links *host_links_new(const struct host_links_spec *spec);
/* Lets each host be swept for the last time, within half a minute. NULL is fine. */
void host_links_free(struct host_links *l);

/* Until every host is there or was tried in vain; ERR_SYSTEM when none is, with all reasons. stop_fd: readable when
 * the user wants no more of it (ERR_INTERRUPT). */
int host_links_meet(struct host_links *l, int stop_fd, struct err *err);

/* For a loop with poll(2): fills in at most max descriptors to wait for, and when to call host_links_serve at the
 * latest. */
nfds_t host_links_poll(const struct host_links *l, struct pollfd *p, nfds_t max, int64_t *deadline);
void host_links_serve(struct host_links *l);

/* A host that is gone, that is back, each told once; -1: no further one. */
int host_links_gone(struct host_links *l);
int host_links_back(struct host_links *l);

struct host_state {
    bool there, kvm, seen;      /* seen: it sees the lab's folder, images need no copy */
    int cpus;                   /* 0: not known */
    int64_t memory_free, disk_free; /* bytes, -1: not known */
    const char *why;            /* about KVM, or why it is not there; borrowed */
};
/* Of a host with a daemon. */
struct host_state host_links_state(const struct host_links *l, size_t host);

#endif
