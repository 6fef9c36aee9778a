#include "vm/libvirt_root.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"

/* libvirt puts ROOT/lib/domain-N-NAME/monitor.sock under the root: 60 bytes of the 107 stay for
 * that. */
enum { ROOT_PATH_MAX = 46, ROOT_QEMU_MAX = 64, ROOT_KILL_S = 10 };
#define ROOT_LINK "embed"
#define ROOT_OWNER "owner"
#define ROOT_CAPS "cache/qemu/capabilities"

/* ---- making ---------------------------------------------------------------------------------- */

static char *root_pick_name(void) {
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    const char *tmp = getenv("TMPDIR");
    char name[] = "coexist-XXXXXX";
    for (size_t i = sizeof(name) - 7; name[i]; i++) {
        name[i] = digits[randombytes_uniform(sizeof(digits) - 1)];
    }
    if (!tmp || tmp[0] != '/' || strlen(tmp) + sizeof(name) > ROOT_PATH_MAX) {
        tmp = "/tmp";
    }
    return fs_join(tmp, name);
}

/* Record first, folder second: a root that exists can always be found from the work folder. */
static char *root_reserve(const char *link, struct err *err) {
    for (int tries = 0; tries < 100; tries++) {
        CLEANUP_FREE char *root = root_pick_name();
        if (unlink(link) < 0 && errno != ENOENT) {
            break;
        }
        if (symlink(root, link) < 0) {
            break;
        }
        if (mkdir(root, 0700) == 0) {
            return STEAL(root);
        }
        if (errno != EEXIST) {
            break;
        }
    }
    err_sys(err, errno, "make a folder for libvirt recorded in %s", link);
    return NULL;
}

/* See libvirt's qemu.conf(5) comments. No daemon: log by file. No namespaces and no cgroups: both
 * cost time at each start and stop, and nothing here would use them. Nor would it use what libvirt learns of the
 * processor by some 320 commands at each start, which QEMU's monitor reads byte by byte (0.2 to 0.6 s): without that
 * capability libvirt asks for all features at once. */
static int root_write_conf(const char *root, struct err *err) {
    CLEANUP_FREE char *dir = fs_join(root, "etc");
    CLEANUP_FREE char *path = fs_join(dir, "qemu.conf");
    CLEANUP_STR struct str conf = STR_INIT;
    str_add(&conf, "stdio_handler = \"file\"\n"
                   "namespaces = []\n"
                   "cgroup_controllers = []\n"
                   "remember_owner = 0\n"
                   "security_driver = \"none\"\n"
                   "capability_filters = [ \"cpu-unavailable-features\" ]\n");
    if (geteuid() == 0) {
        str_add(&conf, "user = \"root\"\ngroup = \"root\"\ndynamic_ownership = 0\n"
                       "swtpm_user = \"root\"\nswtpm_group = \"root\"\n");
    }
    if (fs_mkdirs(dir, err) < 0) {
        return -1;
    }
    return fs_write_atomic(path, conf.data, conf.len, 0600, err);
}

struct root_copy {
    const char *from, *to;
};

static int root_copy_one(const char *name, void *ctx) {
    const struct root_copy *c = ctx;
    if (!str_ends_with(name, ".xml")) {
        return 0;
    }
    CLEANUP_FREE char *from = fs_join(c->from, name);
    CLEANUP_FREE char *to = fs_join(c->to, name);
    /* By way of another name: two workers may keep the same file at the same time. */
    CLEANUP_FREE char *tmp = str_printf("%s.%d.new", to, (int)getpid());
    struct stat a;
    struct stat b;
    if (stat(from, &a) == 0 && stat(to, &b) == 0 && a.st_size == b.st_size &&
        a.st_mtime <= b.st_mtime) {
        return 0;
    }
    if (fs_copy(from, tmp, NULL) < 0 || rename(tmp, to) < 0) {
        unlink(tmp);
    }
    return 0;
}

/* Best effort both ways: without the cache libvirt probes QEMU again, 3 to 4 s. */
static void root_copy_caps(const char *from, const char *to) {
    struct root_copy c = {from, to};
    if (fs_exists(from) && fs_mkdirs(to, NULL) == 0) {
        fs_each(from, root_copy_one, &c, NULL);
    }
}

static char *root_kept_caps(const char *cache_dir) {
    return fs_join(cache_dir, geteuid() == 0 ? "libvirt-caps-root" : "libvirt-caps");
}

void libvirt_root_keep_cache(const char *root, const char *cache_dir) {
    if (cache_dir) {
        CLEANUP_FREE char *from = fs_join(root, ROOT_CAPS);
        CLEANUP_FREE char *to = root_kept_caps(cache_dir);
        root_copy_caps(from, to);
    }
}

char *libvirt_root_make(const char *work_dir, const char *cache_dir, struct err *err) {
    CLEANUP_FREE char *link = fs_join(work_dir, ROOT_LINK);
    CLEANUP_FREE char *root = root_reserve(link, err);
    if (!root) {
        return NULL;
    }
    CLEANUP_FREE char *owner = fs_join(root, ROOT_OWNER);
    CLEANUP_FREE char *absolute = fs_absolute(work_dir);
    if (fs_write_atomic(owner, absolute, strlen(absolute), 0600, err) < 0 ||
        root_write_conf(root, err) < 0) {
        libvirt_root_sweep(work_dir, NULL);
        return NULL;
    }
    if (cache_dir) {
        CLEANUP_FREE char *kept = root_kept_caps(cache_dir);
        CLEANUP_FREE char *caps = fs_join(root, ROOT_CAPS);
        root_copy_caps(kept, caps);
    }
    return STEAL(root);
}

/* ---- finding and ending QEMU ----------------------------------------------------------------- */

/* argv of /proc/PID/cmdline: does it run QEMU with something below root? */
static bool root_is_ours(const char *pid, const char *root) {
    CLEANUP_FREE char *path = str_printf("/proc/%s/cmdline", pid);
    CLEANUP_FREE char *inside = str_printf("%s/", root);
    size_t len = 0;
    CLEANUP_FREE char *args = fs_read(path, 1 << 20, &len, NULL);
    if (!args || len == 0 || strncmp(fs_basename(args), "qemu-system-", 12) != 0) {
        return false;
    }
    return memmem(args, len, inside, strlen(inside)) != NULL;
}

/* The descriptor pins the process: checked after opening, it cannot become another one. */
static int root_open_process(const char *pid, const char *root) {
    if (!root_is_ours(pid, root)) {
        return -1;
    }
    CLEANUP_FD int fd = pidfd_open((pid_t)strtol(pid, NULL, 10), 0);
    return fd >= 0 && root_is_ours(pid, root) ? STEAL_FD(fd) : -1;
}

int libvirt_root_open_qemu(const char *root, int *fds, int max) {
    int count = 0;
    DIR *proc = opendir("/proc");
    struct dirent *e;
    while (proc && count < max && (e = readdir(proc))) {
        int fd = isdigit((unsigned char)e->d_name[0]) ? root_open_process(e->d_name, root) : -1;
        if (fd >= 0) {
            fds[count++] = fd;
        }
    }
    if (proc) {
        closedir(proc);
    }
    return count;
}

struct root_nice {
    const char *root;
    int nice;
    struct err *err;
};

static int root_nice_thread(const char *name, void *ctx) {
    const struct root_nice *n = ctx;
    if (setpriority(PRIO_PROCESS, (id_t)strtoul(name, NULL, 10), n->nice) < 0 && errno != ESRCH) {
        return err_sys(n->err, errno, "set the priority of QEMU");
    }
    return 0;
}

/* Linux keeps a nice value for each thread (sched(7)); one that begins later has that of who began it. */
static int root_nice_process(const char *name, void *ctx) {
    const struct root_nice *n = ctx;
    CLEANUP_FREE char *tasks = str_printf("/proc/%s/task", name);
    if (!isdigit((unsigned char)name[0]) || !root_is_ours(name, n->root) || !fs_exists(tasks)) {
        return 0;
    }
    return fs_each(tasks, root_nice_thread, ctx, n->err);
}

int libvirt_root_nice_qemu(const char *root, int nice, struct err *err) {
    struct root_nice n = {root, nice, err};
    return fs_each("/proc", root_nice_process, &n, err);
}

/* Reaps it when it is ours to reap (see libvirt_events_watch); harmless when somebody else did. */
static void root_wait_gone(int fd, int64_t until) {
    struct pollfd p = {fd, POLLIN, 0};
    while (poll(&p, 1, clock_poll_ms(clock_monotonic(), until)) < 0 && errno == EINTR) {
    }
    siginfo_t info;
    waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG);
}

int libvirt_root_signal_qemu(const char *root, int sig, int64_t wait_until) {
    int fds[ROOT_QEMU_MAX];
    int count = libvirt_root_open_qemu(root, fds, ROOT_QEMU_MAX);
    int signalled = 0;
    for (int i = 0; i < count; i++) {
        signalled += pidfd_send_signal(fds[i], sig, NULL, 0) == 0;
    }
    for (int i = 0; i < count; i++) {
        root_wait_gone(fds[i], wait_until);
        close(fds[i]);
    }
    return signalled;
}

/* ---- sweeping -------------------------------------------------------------------------------- */

/* A root is removed only when it says itself that it belongs to this work folder. */
static bool root_belongs(const char *root, const char *work_dir) {
    CLEANUP_FREE char *owner = fs_join(root, ROOT_OWNER);
    CLEANUP_FREE char *said = fs_read(owner, 4096, NULL, NULL);
    CLEANUP_FREE char *absolute = fs_absolute(work_dir);
    return said && strcmp(said, absolute) == 0;
}

struct root_removal {
    const char *root;
    struct err *err;
};

static int root_remove_one(const char *name, void *ctx) {
    const struct root_removal *r = ctx;
    CLEANUP_FREE char *path = fs_join(r->root, name);
    return str_eq(name, ROOT_OWNER) ? 0 : fs_remove_tree(path, r->err);
}

/* Who it belongs to goes last: a sweep that is killed half-way must not leave what the next one takes for
 * somebody else's. */
static int root_remove(const char *root, struct err *err) {
    struct root_removal r = {root, err};
    return fs_each(root, root_remove_one, &r, err) < 0 ? -1 : fs_remove_tree(root, err);
}

int libvirt_root_sweep(const char *work_dir, struct err *err) {
    CLEANUP_FREE char *link = fs_join(work_dir, ROOT_LINK);
    char root[4096];
    ssize_t len = readlink(link, root, sizeof(root) - 1);
    if (len < 0) {
        return errno == ENOENT || errno == EINVAL ? 0 : err_sys(err, errno, "read link %s", link);
    }
    root[len] = '\0';
    int killed = 0;
    if (root_belongs(root, work_dir)) {
        int64_t until = clock_after(clock_monotonic(), ROOT_KILL_S * CLOCK_S);
        killed = libvirt_root_signal_qemu(root, SIGKILL, until);
        if (root_remove(root, err) < 0) {
            return -1;
        }
    } else {
        rmdir(root); /* died before signing it, so it is empty; else not ours */
    }
    if (unlink(link) < 0 && errno != ENOENT) {
        return err_sys(err, errno, "remove %s", link);
    }
    return killed;
}
