#include "lab_daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "micro_guest.h"
#include "vm/libvirt_root.h"

#define DAEMON_WAIT (60 * CLOCK_S)

char *lab_daemon_dir(pid_t owner) {
    return str_printf("/tmp/coexist-test-daemon-%d", (int)owner);
}

char *lab_daemon_uri(const char *dir) {
    return str_printf("qemu:///system?socket=%s/run/libvirt/libvirt-sock", dir);
}

pid_t lab_daemon_pid(const char *dir) {
    CLEANUP_FREE char *path = fs_join(dir, "run/libvirt/libvirtd.pid");
    CLEANUP_FREE char *text = fs_read(path, 32, NULL, NULL);
    return text ? (pid_t)strtol(text, NULL, 10) : 0;
}

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

bool lab_daemon_prepare(char why[256]) {
    CLEANUP_FREE char *dir = lab_daemon_dir(getpid());
    CLEANUP_FREE char *socket = str_printf("%s/run/libvirt/libvirt-sock", dir);
    CLEANUP_FREE char *pool = fs_join(dir, "pool");
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
        snprintf(why, 256, "libvirtd does not start in a mount namespace of its own: see %s/log", dir);
        return false;
    }
    return true;
}

void lab_daemon_end(void) {
    CLEANUP_FREE char *dir = lab_daemon_dir(getpid());
    CLEANUP_FREE char *pool = fs_join(dir, "pool");
    pid_t pid = lab_daemon_pid(dir);
    if (pid == 0) {
        return;
    }
    libvirt_root_signal_qemu(pool, SIGKILL, clock_after(clock_monotonic(), 10 * CLOCK_S));
    if (kill(pid, SIGTERM) == 0) {
        waitpid(pid, NULL, 0);
    }
    fs_remove_tree(dir, NULL);
}
