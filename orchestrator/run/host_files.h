/* An image's files as they are called on hosts that cannot see them: by their digest, so that each is copied
 * once, whatever image it belongs to. */
#ifndef COEXIST_RUN_HOST_FILES_H
#define COEXIST_RUN_HOST_FILES_H

#include "images/image.h"

struct host_file {
    char *name;         /* on the host; owned */
    const char *path;   /* here; borrowed from the image */
    const char *sha256; /* borrowed from the image's manifest */
};

enum { HOST_FILES = 3 }; /* disk, kernel, initrd */
/* name NULL: the image has no such file. ERR_INPUT when the manifest lacks the digest of one that it has. */
int host_files_of(const struct image *image, struct host_file out[HOST_FILES], struct err *err);
void host_files_clear(struct host_file files[HOST_FILES]);

#endif
