#include "guest/download.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"

int download_begin(struct download *d, const char *host_path, int64_t max_bytes, struct err *err) {
    char *tmp = str_printf("%s.XXXXXX", host_path);
    int fd = mkostemp(tmp, O_CLOEXEC);
    if (fd < 0) {
        err_sys(err, errno, "create %s", tmp);
        free(tmp);
        return -1;
    }
    *d = (struct download){host_path, tmp, fd, 0, max_bytes};
    return 0;
}

int download_write(struct download *d, const void *data, size_t len, struct err *err) {
    const char *p = data;
    if (len > INT64_MAX || (int64_t)len > d->max - d->size) {
        return err_set(err, ERR_PROTOCOL, "the file has more than %" PRId64 " bytes", d->max);
    }
    d->size += (int64_t)len;
    while (len > 0) {
        ssize_t n = write(d->fd, p, len);
        if (n < 0 && errno != EINTR) {
            return err_sys(err, errno, "write %s", d->tmp);
        }
        p += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int download_commit(struct download *d, struct err *err) {
    if (fchmod(d->fd, 0644) < 0 || rename(d->tmp, d->path) < 0) {
        return err_sys(err, errno, "write %s", d->path);
    }
    free(d->tmp);
    d->tmp = NULL;
    return 0;
}

void download_drop(struct download *d) {
    if (d->tmp) {
        unlink(d->tmp);
    }
    free(d->tmp);
    if (d->fd >= 0) {
        close(d->fd);
    }
    *d = (struct download)DOWNLOAD_INIT;
}
