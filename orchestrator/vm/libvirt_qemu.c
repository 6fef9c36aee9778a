#include "vm/libvirt_qemu.h"

#include <errno.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <netinet/in.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "vm/screen.h"

enum {
    FORWARD_TRIES = 50,
    FORWARD_FIRST = 20000, /* elsewhere; below what Linux gives out by itself (ip(7), ip_local_port_range) */
    FORWARD_COUNT = 12000,
    SCREENSHOT_MAX = 3 * SCREEN_SIDE_MAX * SCREEN_SIDE_MAX / 4,
};

int libvirt_fail(struct err *err, const char *what) {
    virErrorPtr e = virGetLastError();
    const char *text = e && e->message ? e->message : "libvirt gave no reason";
    enum err_class cls = ERR_SYSTEM;
    if (e && (e->code == VIR_ERR_NO_DOMAIN || e->code == VIR_ERR_OPERATION_INVALID)) {
        cls = ERR_CLOSED; /* the machine is not, or no longer, in a state for this */
    } else if (strstr(text, strerror(ENOSPC))) {
        cls = ERR_NOSPACE;
    }
    return err_set(err, cls, "%s: %s", what, text);
}

/* ---- port forward ---------------------------------------------------------------------------- */

/* A port that is free now. Somebody may take it before QEMU does: then QEMU says so and another is
 * tried. */
static int qemu_free_port(struct err *err) {
    CLEANUP_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) < 0) {
        return err_sys(err, errno, "find a free port");
    }
    return ntohs(a.sin_port);
}

int libvirt_qemu_forward(virDomainPtr dom, int guest_port, bool here, struct err *err) {
    CLEANUP_STR struct str said = STR_INIT;
    for (int tries = 0; tries < FORWARD_TRIES; tries++) {
        int port = here ? qemu_free_port(err) : FORWARD_FIRST + (int)randombytes_uniform(FORWARD_COUNT);
        if (port < 0) {
            return -1;
        }
        CLEANUP_FREE char *command =
            str_printf("hostfwd_add hostnet0 tcp:127.0.0.1:%d-:%d", port, guest_port);
        CLEANUP_FREE char *answer = NULL;
        if (virDomainQemuMonitorCommand(dom, command, &answer,
                                        VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP) < 0) {
            return libvirt_fail(err, "forward a port to the guest");
        }
        if (!answer || !*answer) {
            return port;
        }
        str_reset(&said);
        str_add(&said, answer);
    }
    return err_set(err, ERR_SYSTEM, "forward a port to the guest: %s", str_get(&said));
}

/* ---- screenshot ------------------------------------------------------------------------------ */

static int qemu_screenshot_chunk(virStreamPtr st, const char *data, size_t len, void *opaque) {
    struct str *s = opaque;
    (void)st;
    if (s->len + len > SCREENSHOT_MAX) {
        return -1;
    }
    str_add_bytes(s, data, len);
    return (int)len;
}

int libvirt_qemu_screenshot(virConnectPtr conn, virDomainPtr dom, const char *path,
                            struct err *err) {
    CLEANUP_STR struct str data = STR_INIT;
    virStreamPtr st = virStreamNew(conn, 0);
    CLEANUP_FREE char *mime = st ? virDomainScreenshot(dom, st, 0, 0) : NULL;
    int rc = 0;
    if (!mime || virStreamRecvAll(st, qemu_screenshot_chunk, &data) < 0) {
        rc = libvirt_fail(err, "picture of the screen");
        if (mime) {
            virStreamAbort(st);
        }
    } else {
        virStreamFinish(st);
    }
    if (st) {
        virStreamFree(st);
    }
    return rc < 0 ? -1 : screen_store(path, data.data, data.len, err);
}
