#include "run/host_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "run/host_files.h"
#include "run/hosts.h"
#include "run/sweep.h"
#include "vm/libvirt_host.h"

enum { WATCH_OK = 0, WATCH_LOST = 3 };
#define WATCH_BEAT (2 * CLOCK_S)
#define WATCH_SAY_EVERY CLOCK_S

struct host_watch {
    const char *lab_dir, *images;
    int report;
    char *lab; /* its id */
    struct hosts_one host;
    struct libvirt_host *there;
    int signals; /* signalfd */
    int64_t said; /* when progress was told last */
    const char *copying;
    struct log *log;
};

/* ---- saying ---------------------------------------------------------------------------------- */

/* j is taken. A report that nobody reads ends the process by SIGPIPE: what it would tell is of no use. */
static void watch_say(const struct host_watch *w, json_t *j) {
    CLEANUP_FREE char *line = j ? json_dumps(j, JSON_COMPACT) : NULL;
    json_decref(j);
    if (line) {
        dprintf(w->report, "%s\n", line);
    }
}

static void watch_doing(const struct host_watch *w, const char *text) {
    watch_say(w, json_pack("{s:s}", "doing", text));
}

static void watch_copied(void *ctx, int64_t bytes) {
    struct host_watch *w = ctx;
    int64_t now = clock_now(clock_monotonic());
    if (now - w->said >= WATCH_SAY_EVERY) {
        w->said = now;
        CLEANUP_FREE char *text =
            str_printf("copying %s: %lld MiB", w->copying, (long long)(bytes >> 20));
        watch_doing(w, text);
    }
}

/* ---- the sweep ------------------------------------------------------------------------------- */

/* An owner "RUN.WORKER" lives as long as somebody holds the lock in its work folder (run/sweep.h). */
static bool watch_lives(void *ctx, const char *owner) {
    const struct host_watch *w = ctx;
    const char *dot = strchr(owner, '.');
    CLEANUP_FREE char *path =
        str_printf("%s/work/%.*s/%s/owner", w->lab_dir, (int)(dot - owner), owner, dot + 1);
    if (!fs_exists(path)) {
        return false;
    }
    CLEANUP_FD int lock = fs_lock(path, NULL);
    return lock < 0 && (lock == -2 || fs_exists(path));
}

static int watch_sweep(struct host_watch *w, struct err *err) {
    return libvirt_host_sweep(w->there, watch_lives, w, err) < 0 ? -1 : 0;
}

/* ---- preparation ----------------------------------------------------------------------------- */

static int watch_copy_image(struct host_watch *w, const char *name, struct err *err) {
    struct host_file files[HOST_FILES];
    struct image *image = image_open(w->lab_dir, name, err);
    int rc = image ? host_files_of(image, files, err) : -1;
    if (rc == 0) {
        w->copying = name;
        for (int i = 0; i < HOST_FILES && rc == 0; i++) {
            rc = files[i].name ? libvirt_host_put(w->there, files[i].name, files[i].path,
                                                  files[i].sha256, watch_copied, w, err)
                               : 0;
        }
        host_files_clear(files);
    }
    image_free(image);
    return rc;
}

static int watch_copy_images(struct host_watch *w, struct err *err) {
    CLEANUP_FREE char *names = str_dup(w->images);
    char *rest = NULL;
    for (char *name = strtok_r(names, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
        if (watch_copy_image(w, name, err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Two runs of one lab may prepare the same host: one copies, the other waits. */
static int watch_lock(struct host_watch *w, struct err *err) {
    CLEANUP_FREE char *cache = fs_join(w->lab_dir, "cache");
    char hex[FS_SHA256_HEX];
    fs_sha256_bytes(w->host.uri.text, strlen(w->host.uri.text), hex);
    CLEANUP_FREE char *path = str_printf("%s/host-%.16s.lock", cache, hex);
    if (fs_mkdirs(cache, err) < 0) {
        return -1;
    }
    int lock;
    while ((lock = fs_lock(path, err)) == -2) {
        watch_doing(w, "waiting for another run to prepare the host");
        struct pollfd p = {w->signals, POLLIN, 0};
        if (poll(&p, 1, (int)(WATCH_BEAT / CLOCK_MS)) > 0) {
            err_set(err, ERR_INTERRUPT, "asked to end");
            return -1;
        }
    }
    return lock;
}

static int watch_prepare(struct host_watch *w, struct err *err) {
    struct libvirt_host_info info;
    char why[256] = "";
    bool kvm = false, seen = false;
    watch_doing(w, "looking at the host");
    CLEANUP_FD int lock = watch_lock(w, err);
    if (lock < 0 || libvirt_host_look(w->there, &info, err) < 0 || watch_sweep(w, err) < 0 ||
        libvirt_host_probe(w->there, "kvm", &kvm, why, err) < 0) {
        return -1;
    }
    if (!w->host.copy) {
        CLEANUP_FREE char *cache = fs_join(w->lab_dir, "cache");
        seen = libvirt_host_sees(w->there, cache);
    }
    if (!seen && watch_copy_images(w, err) < 0) {
        return -1;
    }
    watch_say(w, json_pack("{s:{s:b, s:s, s:b, s:s, s:i}}", "up", "kvm", kvm, "why", why, "seen", seen,
                        "version", info.version, "cpus", info.cpus));
    return 0;
}

/* ---- watching -------------------------------------------------------------------------------- */

static int watch_beat(struct host_watch *w, struct err *err) {
    struct libvirt_host_info info;
    if (libvirt_host_look(w->there, &info, err) < 0 || watch_sweep(w, err) < 0) {
        return -1;
    }
    watch_say(w, json_pack("{s:{s:I, s:I}}", "beat", "memory_free", (json_int_t)info.memory_free,
                        "disk_free", (json_int_t)info.disk_free));
    return 0;
}

static int watch_go_on(struct host_watch *w, struct err *err) {
    struct pollfd p = {w->signals, POLLIN, 0};
    do {
        if (watch_beat(w, err) < 0) {
            return -1;
        }
    } while (poll(&p, 1, (int)(WATCH_BEAT / CLOCK_MS)) == 0);
    return watch_sweep(w, err);
}

static int watch_do(struct host_watch *w, struct err *err) {
    w->lab = hosts_lab_id(w->lab_dir, err);
    if (!w->lab) {
        return -1;
    }
    watch_doing(w, "connecting");
    w->there = libvirt_host_open(w->host.uri.text, w->lab, w->host.folder, w->log, err);
    if (!w->there) {
        return -1;
    }
    if (!*w->images) {
        return watch_sweep(w, err);
    }
    return watch_prepare(w, err) < 0 || watch_go_on(w, err) < 0 ? -1 : 0;
}

static int watch_take_signals(struct err *err) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? err_sys(err, errno, "watch for signals") : fd;
}

int host_watch_main(const char *host, const char *images, const char *lab_dir, struct log *log) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct host_watch w = {.lab_dir = lab_dir, .images = images, .log = log,
                           .report = *images ? HOST_WATCH_REPORT_FD : STDOUT_FILENO};
    if (*images && fcntl(HOST_WATCH_REPORT_FD, F_SETFD, FD_CLOEXEC) < 0) {
        log_error(log, "host-watch: descriptor %d is not open: this is started by `coexist run` only",
                  HOST_WATCH_REPORT_FD);
        return WATCH_LOST;
    }
    json_t *j = json_loads(host, 0, NULL);
    w.signals = watch_take_signals(&err);
    int rc = w.signals < 0 || hosts_from_json(j, &w.host, &err) < 0 || watch_do(&w, &err) < 0 ? -1 : 0;
    json_decref(j);
    if (rc < 0) {
        watch_say(&w, json_pack("{s:s}", "lost", err_text(&err)));
    }
    libvirt_host_close(w.there);
    hosts_one_clear(&w.host);
    free(w.lab);
    if (w.signals >= 0) {
        close(w.signals);
    }
    return rc < 0 ? WATCH_LOST : WATCH_OK;
}
