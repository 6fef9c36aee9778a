#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "guest/download.h"
#include "guest/guest_path.h"
#include "guest/ssh_impl.h"

/* Bytes of a file handed over at once; libssh2 keeps several packets of it under way. */
enum { SSH_SFTP_CHUNK = 128 << 10 };

static int ssh_sftp_fail(struct ssh *s, int rc, const char *what, struct err *err) {
    if (rc != LIBSSH2_ERROR_SFTP_PROTOCOL) {
        return ssh_fail(s, rc, what, err);
    }
    unsigned long code = libssh2_sftp_last_error(s->sftp);
    switch (code) {
    case LIBSSH2_FX_NO_SUCH_FILE:
    case LIBSSH2_FX_NO_SUCH_PATH: return err_set(err, ERR_REFUSED, "not-found: %s", what);
    case LIBSSH2_FX_PERMISSION_DENIED: return err_set(err, ERR_REFUSED, "denied: %s", what);
    case LIBSSH2_FX_OK: /* not the server's word: libssh2 did not like its packet */
    case LIBSSH2_FX_BAD_MESSAGE: s->dead = true;
        return err_set(err, ERR_PROTOCOL, "ssh: %s: nonsense in SFTP", what);
    default: return err_set(err, ERR_REFUSED, "os: %s: SFTP error %lu", what, code);
    }
}

static int ssh_sftp_begin(struct ssh *s, int64_t deadline, struct err *err) {
    if (ssh_begin(s, deadline, err) < 0) {
        return -1;
    }
    if (!s->sftp) {
        SSH_FINISH_PTR(s, s->sftp, libssh2_sftp_init(s->session), err);
    }
    if (!s->sftp) {
        return ssh_fail(s, libssh2_session_last_errno(s->session), "start SFTP", err);
    }
    return 0;
}

static LIBSSH2_SFTP_HANDLE *ssh_sftp_open(struct ssh *s, const char *path, unsigned long flags,
                                          const char *what, struct err *err) {
    LIBSSH2_SFTP_HANDLE *h = NULL;
    SSH_FINISH_PTR(s, h,
                   libssh2_sftp_open_ex(s->sftp, path, (unsigned)strlen(path), flags, 0644,
                                        LIBSSH2_SFTP_OPENFILE),
                   err);
    if (!h) {
        ssh_sftp_fail(s, libssh2_session_last_errno(s->session), what, err);
    }
    return h;
}

/* Makes every folder above the file. Those that are there answer with an error that says nothing of use: the
 * open that follows tells whether all is well. Negative only when the connection failed. */
static int ssh_sftp_make_parents(struct ssh *s, const char *path, struct err *err) {
    CLEANUP_FREE char *copy = str_dup(path);
    for (char *p = strchr(copy + 1, '/'); p; p = strchr(p + 1, '/')) {
        int rc = 0;
        *p = '\0';
        SSH_FINISH(s, rc, libssh2_sftp_mkdir_ex(s->sftp, copy, (unsigned)strlen(copy), 0755), err);
        *p = '/';
        if (rc && rc != LIBSSH2_ERROR_SFTP_PROTOCOL) {
            return ssh_fail(s, rc, "make folders", err);
        }
    }
    return 0;
}

static LIBSSH2_SFTP_HANDLE *ssh_sftp_create(struct ssh *s, const char *path, const char *what,
                                            struct err *err) {
    const unsigned long flags = LIBSSH2_FXF_WRITE | LIBSSH2_FXF_CREAT | LIBSSH2_FXF_TRUNC;
    CLEANUP_ERR struct err first = ERR_INIT;
    LIBSSH2_SFTP_HANDLE *h = ssh_sftp_open(s, path, flags, what, &first);
    if (h || s->dead) {
        err_move(err_is_set(&first) ? err : NULL, &first);
        return h;
    }
    return ssh_sftp_make_parents(s, path, err) < 0 ? NULL
                                                   : ssh_sftp_open(s, path, flags, what, err);
}

static int ssh_sftp_close(struct ssh *s, LIBSSH2_SFTP_HANDLE *h, const char *what,
                          struct err *err) {
    int rc = 0;
    SSH_FINISH(s, rc, libssh2_sftp_close_handle(h), err);
    return rc ? ssh_sftp_fail(s, rc, what, err) : 0;
}

static int ssh_sftp_write_all(struct ssh *s, LIBSSH2_SFTP_HANDLE *h, const char *buf, size_t len,
                              const char *what, struct err *err) {
    while (len > 0) {
        ssize_t n = 0;
        if (waiter_check(&s->waiter, s->deadline, err) < 0) {
            return ssh_fail(s, LIBSSH2_ERROR_EAGAIN, what, err);
        }
        SSH_FINISH(s, n, libssh2_sftp_write(h, buf, len), err);
        if (n < 0) {
            return ssh_sftp_fail(s, (int)n, what, err);
        }
        buf += n;
        len -= (size_t)n;
    }
    return 0;
}

static int ssh_sftp_send(struct ssh *s, LIBSSH2_SFTP_HANDLE *h, int from, const char *what,
                         struct err *err) {
    CLEANUP_FREE char *buf = mem_zalloc(1, SSH_SFTP_CHUNK);
    for (;;) {
        ssize_t n = read(from, buf, SSH_SFTP_CHUNK);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_sys(err, errno, "read for %s", what);
        }
        if (n == 0) {
            return 0;
        }
        if (ssh_sftp_write_all(s, h, buf, (size_t)n, what, err) < 0) {
            return -1;
        }
    }
}

int ssh_put(struct ssh *s, const char *host_path, const char *guest_path, int64_t deadline,
            struct err *err) {
    CLEANUP_FREE char *path = guest_path_to_sftp(guest_path, s->sftp_root, err);
    CLEANUP_FD int from = open(host_path, O_RDONLY | O_CLOEXEC);
    if (!path) {
        return -1;
    }
    if (from < 0) {
        return err_sys(err, errno, "open %s", host_path);
    }
    if (ssh_sftp_begin(s, deadline, err) < 0) {
        return -1;
    }
    LIBSSH2_SFTP_HANDLE *h = ssh_sftp_create(s, path, guest_path, err);
    if (!h) {
        return -1;
    }
    int rc = ssh_sftp_send(s, h, from, guest_path, err);
    if (s->dead) {
        return -1; /* ssh_close frees the handle with the session */
    }
    int closed = ssh_sftp_close(s, h, guest_path, rc < 0 ? NULL : err);
    return rc < 0 ? rc : closed;
}

static int ssh_sftp_receive(struct ssh *s, LIBSSH2_SFTP_HANDLE *h, struct download *to,
                            const char *what, struct err *err) {
    CLEANUP_FREE char *buf = mem_zalloc(1, SSH_SFTP_CHUNK);
    for (;;) {
        ssize_t n = 0;
        if (waiter_check(&s->waiter, s->deadline, err) < 0) {
            return ssh_fail(s, LIBSSH2_ERROR_EAGAIN, what, err);
        }
        SSH_FINISH(s, n, libssh2_sftp_read(h, buf, SSH_SFTP_CHUNK), err);
        if (n < 0) {
            return ssh_sftp_fail(s, (int)n, what, err);
        }
        if (n == 0) {
            return 0;
        }
        if (download_write(to, buf, (size_t)n, err) < 0) {
            return -1;
        }
    }
}

int ssh_get(struct ssh *s, const char *guest_path, const char *host_path, int64_t max_bytes,
            int64_t deadline, struct err *err) {
    CLEANUP_FREE char *path = guest_path_to_sftp(guest_path, s->sftp_root, err);
    CLEANUP_DOWNLOAD struct download to = DOWNLOAD_INIT;
    if (!path || ssh_sftp_begin(s, deadline, err) < 0) {
        return -1;
    }
    LIBSSH2_SFTP_HANDLE *h = ssh_sftp_open(s, path, LIBSSH2_FXF_READ, guest_path, err);
    if (!h) {
        return -1;
    }
    int rc = download_begin(&to, host_path, max_bytes, err);
    if (rc == 0) {
        rc = ssh_sftp_receive(s, h, &to, guest_path, err);
    }
    if (s->dead) {
        return -1;
    }
    int closed = ssh_sftp_close(s, h, guest_path, rc < 0 ? NULL : err);
    return rc < 0 || closed < 0 ? -1 : download_commit(&to, err);
}
