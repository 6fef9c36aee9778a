/* What run/ needs to know of an image: the one place where its manifest is turned into a machine's needs. */
#ifndef COEXIST_RUN_MACHINE_IMAGE_H
#define COEXIST_RUN_MACHINE_IMAGE_H

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"

struct machine_image { /* all owned; machine_image_clear */
    char *disk, *disk_format;
    char *kernel, *initrd, *cmdline; /* NULL when the disk boots by itself */
    char *ssh_user, *ssh_host_key, *ssh_key_file;
    int ssh_port;       /* in the guest; 0: none */
    char *agent_path;   /* in the guest */
    char *windows_root; /* where drive C: lies in the disk's file system */
    json_t *profile, *manifest;
};

/* ERR_INPUT when there is no such image or its manifest is not usable. */
int machine_image_load(const char *lab_dir, const char *name, struct machine_image *out,
                       struct err *err);
/* Compares the files with their digests. ERR_INPUT when one differs. */
int machine_image_verify(const char *lab_dir, const char *name, struct err *err);
void machine_image_clear(struct machine_image *m);
int64_t machine_image_memory(const struct machine_image *m); /* of the guest, bytes */

#endif
