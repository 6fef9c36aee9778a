/* The process that looks after one host with a libvirt daemon during a run: `coexist host-watch`, one for each, so
 * that whatever such a host does to a connection, it can be killed and begun again.
 *
 * It connects, removes what dead workers left there, finds out whether KVM works and copies the images; then it looks
 * at the host every 2 s and sweeps. Reports on descriptor 3, one JSON object a line:
 *   {"doing":"..."}                                    on its way, for people
 *   {"up":{"kvm":bool,"why":"...","seen":bool,"version":"...","cpus":N}}  ready for cells; seen: it sees the lab's
 *                                                      folder here, so that images need no copy
 *   {"beat":{"memory_free":N,"disk_free":N}}           bytes, -1: not known
 *   {"lost":"why"}                                     and it ends
 * SIGTERM, or the parent's death: sweeps once more, ends. */
#ifndef COEXIST_RUN_HOST_WATCH_H
#define COEXIST_RUN_HOST_WATCH_H

#include "base/log.h"

enum { HOST_WATCH_REPORT_FD = 3 };

/* host: hosts_to_json; images: names separated by commas, "" for none: then it only sweeps and ends, and reports to
 * its standard output. Returns the process's exit code: 0 or 3. */
int host_watch_main(const char *host, const char *images, const char *lab_dir, struct log *log);

#endif
