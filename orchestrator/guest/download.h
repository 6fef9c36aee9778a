/* A file on its way from a guest: bounded, under a temporary name until it is whole. */
#ifndef COEXIST_GUEST_DOWNLOAD_H
#define COEXIST_GUEST_DOWNLOAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct download {
    const char *path; /* borrowed */
    char *tmp;        /* owned; NULL when nothing is left to remove */
    int fd;
    int64_t size, max; /* bytes */
};
#define DOWNLOAD_INIT {NULL, NULL, -1, 0, 0}
#define CLEANUP_DOWNLOAD __attribute__((cleanup(download_drop)))

/* The file appears beside host_path; its folder has to exist. */
int download_begin(struct download *d, const char *host_path, int64_t max_bytes, struct err *err);
/* ERR_PROTOCOL once the file is larger than max_bytes; ERR_NOSPACE, ERR_SYSTEM of the host. */
int download_write(struct download *d, const void *data, size_t len, struct err *err);
/* Gives the file its name. No fsync: what has to last is stored by fs_store, which does. */
int download_commit(struct download *d, struct err *err);
void download_drop(struct download *d);

#endif
