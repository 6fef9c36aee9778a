/* One look at a host for `coexist doctor --host`, one sweep for `coexist clean --host`: in processes of their own,
 * since connecting has no deadline. */
#ifndef COEXIST_RUN_HOST_LOOK_H
#define COEXIST_RUN_HOST_LOOK_H

#include <jansson.h>

#include "base/log.h"
#include "run/hosts.h"

/* {"error":"..."}, or {"version","cpus":N,"memory","memory_free","disk_free": bytes,"kvm":bool,"why","seen":bool,
 * "images":{NAME:bool}}: seen: the host sees the lab's folder; images of the lab: whether the host has them. New
 * reference. Fails with ERR_TIMEOUT when the host does not answer within two minutes. */
json_t *host_look(const struct hosts_one *one, const char *lab_dir, struct err *err);

/* Removes what dead workers left on a host with a daemon, at most two minutes long. */
int host_clean(const struct hosts_one *one, const char *lab_dir, struct err *err);

/* The process: prints that. host: hosts_to_json. */
int host_look_main(const char *host, const char *lab_dir, struct log *log);

#endif
