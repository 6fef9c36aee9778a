/* The VM contract over a libvirt daemon, started for this test in a mount namespace of its own, with the micro
 * guest: serial ports by libvirt's streams, files by its storage API, images copied. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "micro_guest.h"
#include "vm/libvirt.h"
#include "vm/libvirt_host.h"
#include "vm/libvirt_root.h"
#include "vm_contract.h"

#define DAEMON_WAIT (60 * CLOCK_S)
#define DAEMON_LAB "0badcafe"

/* One daemon for the whole suite: its place is found again from the program's process id, which the forked tests
 * inherit as their parent's. */
static char *daemon_dir(pid_t owner) {
    return str_printf("/tmp/coexist-test-daemon-%d", (int)owner);
}

struct far_bench {
    struct vm *vm;
    struct host_uri uri;
    char *work, *dir, *pool, *owner;
};

static void far_free(struct far_bench *b) {
    host_uri_clear(&b->uri);
    free(b->work);
    free(b->dir);
    free(b->pool);
    free(b->owner);
    free(b);
}

static char *far_uri(const char *dir) {
    return str_printf("qemu:///system?socket=%s/run/libvirt/libvirt-sock", dir);
}

static char *far_owner(const char *dir) {
    return str_printf("run.%s", fs_basename(dir));
}

static void *far_open(const char *dir, bool small, char why[256]) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct far_bench *b = mem_zalloc(1, sizeof(*b));
    (void)small;
    b->dir = daemon_dir(getppid());
    b->work = fs_join(dir, "work");
    b->pool = fs_join(b->dir, "pool");
    b->owner = far_owner(dir);
    mkdir(b->work, 0700);
    CLEANUP_FREE char *uri = far_uri(b->dir);
    struct vm_remote_spec at = {.uri = &b->uri, .lab = DAEMON_LAB, .folder = b->pool, .owner = b->owner};
    if (host_uri_parse(uri, &b->uri, &err) == 0) {
        b->vm = micro_guest_vm(b->work, &at, &err);
    }
    if (!b->vm) {
        snprintf(why, 256, "%.250s", err_text(&err));
        far_free(b);
        return NULL;
    }
    return b;
}

static struct vm *far_vm(void *self) {
    return ((struct far_bench *)self)->vm;
}

static bool far_answers(void *self) {
    CLEANUP_FREE char *line = micro_guest_ask(far_vm(self), "ping");
    return line && strncmp(line, "pong", 4) == 0;
}

static bool far_has_process(void *self) {
    return libvirt_root_signal_qemu(((struct far_bench *)self)->pool, 0, 0) > 0;
}

static void far_order(void *self, enum vm_contract_order order) {
    static const char *const orders[] = {
        [VM_ORDER_PANIC] = "panic",   [VM_ORDER_REBOOT] = "reboot", [VM_ORDER_POWEROFF] = "off",
        [VM_ORDER_FILL] = "fill",     [VM_ORDER_KILL] = NULL,
    };
    struct far_bench *b = self;
    if (orders[order]) {
        free(micro_guest_ask(b->vm, orders[order]));
    } else {
        libvirt_root_signal_qemu(b->pool, SIGKILL, 0);
    }
}

static void far_close(void *self) {
    struct far_bench *b = self;
    vm_destroy(b->vm);
    far_free(b);
}

/* A machine, its overlay there, or its folder here. */
static bool far_left_over(const char *dir) {
    CLEANUP_FREE char *link = str_printf("%s/work/embed", dir);
    CLEANUP_FREE char *daemon = daemon_dir(getppid());
    CLEANUP_FREE char *pool = fs_join(daemon, "pool");
    CLEANUP_FREE char *owner = far_owner(dir);
    CLEANUP_FREE char *overlay = str_printf("%s/" DAEMON_LAB "/%s.overlay.qcow2", pool, owner);
    return fs_exists(link) || fs_exists(overlay) || libvirt_root_signal_qemu(pool, 0, 0) > 0;
}

static void far_sweep(const char *dir) {
    CLEANUP_FREE char *work = fs_join(dir, "work");
    vm_libvirt_sweep(work, NULL);
}

/* ---- the daemon -------------------------------------------------------------------------------- */

static pid_t daemon_start(const char *dir) {
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* stays through exec: it ends with this program */
        CLEANUP_FREE char *log = fs_join(dir, "log");
        if (!freopen(log, "w", stdout) || dup2(1, 2) < 0) {
            _exit(3);
        }
        execlp("unshare", "unshare", "-m", "tests/e2e/host_daemon.sh", dir, (char *)NULL);
        _exit(3);
    }
    return pid;
}

/* In a process of its own: libvirt's threads do not survive the fork of the tests. */
static bool daemon_probes(const char *uri, const char *folder, char why[256]) {
    int fds[2];
    if (pipe(fds) < 0) {
        return false;
    }
    pid_t pid = fork();
    if (pid == 0) {
        CLEANUP_ERR struct err err = ERR_INIT;
        bool works = false;
        struct libvirt_host *h = libvirt_host_open(uri, DAEMON_LAB, folder, NULL, &err);
        /* The probe under emulation: three guests run to their end, whatever this machine can. */
        int rc = h ? libvirt_host_probe(h, "qemu", &works, why, &err) : -1;
        dprintf(fds[1], "%s", rc < 0 ? err_text(&err) : why);
        libvirt_host_close(h);
        _exit(rc == 0 && works ? 0 : 1);
    }
    close(fds[1]);
    int status = 1;
    ssize_t n = read(fds[0], why, 255);
    why[n > 0 ? n : 0] = '\0';
    close(fds[0]);
    waitpid(pid, &status, 0);
    return status == 0;
}

static bool daemon_prepare(char why[256]) {
    CLEANUP_FREE char *dir = daemon_dir(getpid());
    CLEANUP_FREE char *socket = str_printf("%s/run/libvirt/libvirt-sock", dir);
    CLEANUP_FREE char *pool = fs_join(dir, "pool");
    CLEANUP_FREE char *uri = far_uri(dir);
    struct clock *clock = clock_monotonic();
    if (geteuid() != 0) {
        snprintf(why, 256, "a daemon in a mount namespace of its own needs root");
        return false;
    }
    if (!micro_guest_prepare(why) || fs_mkdirs(pool, NULL) < 0) {
        return false;
    }
    pid_t pid = daemon_start(dir);
    int64_t end = clock_after(clock, DAEMON_WAIT);
    while (!fs_exists(socket) && waitpid(pid, NULL, WNOHANG) == 0 && clock_now(clock) < end) {
        clock->wait_until(clock, clock_after(clock, 50 * CLOCK_MS));
    }
    if (!fs_exists(socket)) {
        snprintf(why, 256, "libvirtd does not start: see %s/log", dir);
        return false;
    }
    return daemon_probes(uri, pool, why);
}

static void daemon_end(void) {
    CLEANUP_FREE char *dir = daemon_dir(getpid());
    CLEANUP_FREE char *path = fs_join(dir, "run/libvirt/libvirtd.pid");
    CLEANUP_FREE char *text = fs_read(path, 32, NULL, NULL);
    pid_t pid = text ? (pid_t)strtol(text, NULL, 10) : 0;
    CLEANUP_FREE char *pool = fs_join(dir, "pool");
    libvirt_root_signal_qemu(pool, SIGKILL, clock_after(clock_monotonic(), 10 * CLOCK_S));
    if (pid > 0 && kill(pid, SIGTERM) == 0) {
        waitpid(pid, NULL, 0);
    }
    fs_remove_tree(dir, NULL);
}

static void far_remember(void *self, const char *word) {
    CLEANUP_FREE char *order = str_printf("mark %s", word);
    free(micro_guest_ask(far_vm(self), order));
}

static bool far_remembers(void *self, const char *word) {
    CLEANUP_FREE char *want = str_printf("pong %s", word);
    CLEANUP_FREE char *line = micro_guest_ask(far_vm(self), "ping");
    return str_eq(line, want);
}

int main(void) {
    static const struct vm_contract_backend far = {
        .name = "libvirt daemon", .far = true, .open = far_open, .vm = far_vm,
        .answers = far_answers, .remember = far_remember, .remembers = far_remembers,
        .order = far_order, .has_process = far_has_process, .close = far_close,
        .left_over = far_left_over, .sweep = far_sweep,
    };
    int rc = vm_contract_run(&far, daemon_prepare);
    if (geteuid() == 0) {
        daemon_end();
    }
    return rc;
}
