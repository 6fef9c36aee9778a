/* The hosts of a run: from a file ("coexist-hosts/1", matrices/schema/hosts.schema.json) and from the command
 * line ("URI[,slots=N][,name=NAME][,memory=MIB][,vcpus=N][,folder=DIR][,images=copy]"). */
#ifndef COEXIST_RUN_HOSTS_H
#define COEXIST_RUN_HOSTS_H

#include <jansson.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/json.h"
#include "vm/host_uri.h"

enum { HOSTS_SLOTS = 2, HOSTS_SLOTS_MAX = 64 };
#define HOSTS_FOLDER "/var/lib/libvirt/coexist"
#define HOSTS_HERE "this host"

struct hosts_one { /* strings are owned by the hosts */
    char *name;
    struct host_uri uri;
    int slots;
    int64_t memory; /* bytes; 0: no limit */
    int vcpus;      /* 0: no limit */
    char *folder;   /* on the host */
    bool copy;      /* images are copied even where the host sees the lab's folder */
};

struct hosts {
    struct hosts_one *items;
    size_t count;
};

/* Adds those of a file, of a text. Every complaint goes to diags, those about the command line without a place in
 * a file "--host"; negative when there was one. */
int hosts_load(struct hosts *h, const char *path, struct diags *diags);
int hosts_add_text(struct hosts *h, const char *text, struct diags *diags);
/* This machine alone, without a daemon: as it is without any host named. */
void hosts_add_here(struct hosts *h, int slots);
void hosts_copy(const struct hosts *from, struct hosts *to);
void hosts_clear(struct hosts *h);

/* For the processes that deal with one of them; hosts_from_json: ERR_BUG. */
json_t *hosts_to_json(const struct hosts_one *one); /* new reference */
int hosts_from_json(const json_t *j, struct hosts_one *out, struct err *err);
void hosts_one_clear(struct hosts_one *one);

/* The lab's id on its hosts: 8 hexadecimal digits in LAB/id, made when it is missing. Caller frees. */
char *hosts_lab_id(const char *lab_dir, struct err *err);

#endif
