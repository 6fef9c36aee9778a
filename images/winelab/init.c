/*
 * /init of the winelab initramfs and /sbin/init of its root: one static program.
 *
 * systemd needs most of a minute under emulation for what this guest wants:
 * a disk, a network card with a fixed address, sshd, and Wine's service manager.
 * So process 1 does just that, in C, without a shell.
 *
 * Stage 1 (initramfs): load the modules named in /modules/order, mount the disk, switch to it.
 * Stage 2 (disk): mount, address, start; then reap until asked to go down.
 *   SIGINT reboots, SIGTERM powers off: what Linux tools expect of process 1 as well.
 *
 * Safe mode: while the file /etc/coexist/safe-mode is there (the lab puts it on the disk of a guest
 * that does not boot), Wine is started on a registry in its safe form (safeboot.h), and on its normal
 * form at the first boot without it. safe-mode.was stands beside it from before the one until after
 * the other.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/reboot.h>
#include <net/if.h>
#include <net/route.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "safeboot.h"

enum {
    INIT_LAB_UID = 1000,
    INIT_TTY_GID = 5,
    INIT_DISK_WAIT_MS = 10000, /* a virtio disk shows up in tens of ms; more means it is not there */
    INIT_STOP_WAIT_MS = 15000, /* services.exe gives a service up to 10 s by itself */
    INIT_KILL_WAIT_MS = 3000,
    INIT_REGISTRY_MAX = 64 << 20,
};

static const char init_disk[] = "/dev/vda";
static const char init_safe_wanted[] = "/etc/coexist/safe-mode";
static const char init_safe_was[] = "/etc/coexist/safe-mode.was";
static const char init_registry[] = "/home/lab/.wine/system.reg";

__attribute__((format(printf, 1, 2))) static void init_say(const char *format, ...)
{
    char line[256];
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (n > 0)
        (void)!write(fd, line, strlen(line));
    close(fd);
}

static long long init_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Process 1 must not return: the kernel panics, which the lab then sees as what it is. */
__attribute__((noreturn)) static void init_fail(const char *what)
{
    init_say("<0>winelab init: %s: %s\n", what, strerror(errno));
    _exit(1);
}

static void init_mount(const char *source, const char *target, const char *type,
                       unsigned long flags, const char *options)
{
    if (mount(source, target, type, flags, options) < 0 && errno != EBUSY)
        init_fail(target);
}

/* --- stage 1 --- */

static void init_load_modules(void)
{
    FILE *order = fopen("/modules/order", "re");
    if (!order)
        init_fail("/modules/order");
    char name[128];
    while (fscanf(order, "%127s", name) == 1) {
        char path[160];
        snprintf(path, sizeof path, "/modules/%s", name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST))
            init_say("<3>winelab init: module %s: %s\n", name, strerror(errno));
        if (fd >= 0)
            close(fd);
    }
    fclose(order);
}

static void init_wait_for_disk(void)
{
    int watch = inotify_init1(IN_CLOEXEC);
    if (watch < 0 || inotify_add_watch(watch, "/dev", IN_CREATE) < 0)
        init_fail("watch /dev");
    long long end = init_now_ms() + INIT_DISK_WAIT_MS;
    while (access(init_disk, F_OK) < 0) {
        long long left = end - init_now_ms();
        struct pollfd p = {.fd = watch, .events = POLLIN};
        if (left <= 0 || poll(&p, 1, (int)left) == 0) {
            errno = ENODEV;
            init_fail(init_disk);
        }
        char events[4096];
        (void)!read(watch, events, sizeof events);
    }
    close(watch);
}

__attribute__((noreturn)) static void init_switch_root(void)
{
    init_mount(init_disk, "/root", "ext4", MS_NOATIME, "errors=panic");
    init_mount("/dev", "/root/dev", NULL, MS_MOVE, NULL);
    if (chdir("/root") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ||
        chdir("/") < 0)
        init_fail("switch to the disk");
    execl("/sbin/init", "init", (char *)NULL);
    init_fail("/sbin/init");
}

/* --- stage 2: bring up --- */

static void init_mount_all(void)
{
    const unsigned long safe = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    init_mount("proc", "/proc", "proc", safe, NULL);
    init_mount("sysfs", "/sys", "sysfs", safe, NULL);
    mkdir("/dev/pts", 0755);
    init_mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=620,ptmxmode=666");
    mkdir("/dev/shm", 01777);
    init_mount("shm", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
    init_mount("run", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755");
    init_mount("tmp", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
    mkdir("/run/sshd", 0755);
    (void)!symlink("/proc/self/fd", "/dev/fd");
}

/* Wine's server and Wine's processes hold some descriptors for every thread: with the kernel's 1024 a program of
   a few hundred threads would take everything else down with it, which it does not on Windows.
   And where the kernel puts a process's heap anywhere within 1 GiB, it lies now and then where Wine wants the page that
   all processes share (0x7ffe0000): that process does not start (error 1359), once in some 4000 times. */
static void init_limits(void)
{
    const struct rlimit files = {.rlim_cur = 65536, .rlim_max = 65536};
    if (setrlimit(RLIMIT_NOFILE, &files) < 0)
        init_say("<3>winelab init: limit of descriptors: %s\n", strerror(errno));
    if (personality(ADDR_NO_RANDOMIZE) < 0)
        init_say("<3>winelab init: place of the heap: %s\n", strerror(errno));
}

static void init_set_address(int s, struct ifreq *request, unsigned long what, const char *address)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    inet_pton(AF_INET, address, &in.sin_addr);
    memcpy(&request->ifr_addr, &in, sizeof in);
    if (ioctl(s, what, request) < 0)
        init_say("<3>winelab init: %s %s: %s\n", request->ifr_name, address, strerror(errno));
}

static void init_raise_link(int s, const char *name)
{
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    if (ioctl(s, SIOCSIFFLAGS, &request) < 0)
        init_say("<3>winelab init: %s up: %s\n", name, strerror(errno));
}

/* The addresses are those of QEMU's user network (qemu "-netdev user": guest 10.0.2.15,
   router 10.0.2.2); asking by DHCP for what is always the same costs a second. */
static void init_network(void)
{
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s < 0)
        return;
    init_raise_link(s, "lo");
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof request.ifr_name, "eth0");
    init_set_address(s, &request, SIOCSIFADDR, "10.0.2.15");
    init_set_address(s, &request, SIOCSIFNETMASK, "255.255.255.0");
    init_raise_link(s, "eth0");
    struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY};
    struct sockaddr_in gateway = {.sin_family = AF_INET};
    inet_pton(AF_INET, "10.0.2.2", &gateway.sin_addr);
    memcpy(&route.rt_gateway, &gateway, sizeof gateway);
    route.rt_dst.sa_family = AF_INET;
    route.rt_genmask.sa_family = AF_INET;
    if (ioctl(s, SIOCADDRT, &route) < 0)
        init_say("<3>winelab init: route: %s\n", strerror(errno));
    close(s);
}

/* COM2 carries frames: no echo, no line discipline, from the first byte on. */
static void init_agent_port(void)
{
    static const char port[] = "/dev/ttyS1";
    int fd = open(port, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    struct termios mode;
    if (fd < 0 || tcgetattr(fd, &mode) < 0) {
        init_say("<3>winelab init: %s: %s\n", port, strerror(errno));
    } else {
        cfmakeraw(&mode);
        cfsetspeed(&mode, B115200);
        mode.c_cflag |= CLOCAL | CREAD;
        tcsetattr(fd, TCSANOW, &mode);
    }
    if (fd >= 0)
        close(fd);
    if (chown(port, INIT_LAB_UID, INIT_TTY_GID) < 0 || chmod(port, 0660) < 0)
        init_say("<3>winelab init: %s: %s\n", port, strerror(errno));
}

static void init_become_lab(void)
{
    gid_t group = INIT_TTY_GID;
    if (setgroups(1, &group) < 0 || setgid(INIT_LAB_UID) < 0 || setuid(INIT_LAB_UID) < 0)
        init_fail("become lab");
    (void)!chdir("/C:/windows/system32");
}

static pid_t init_start(bool as_lab, const char *const argv[])
{
    static const char *const env[] = {
        "PATH=/usr/lib/wine:/usr/bin:/usr/sbin", "HOME=/home/lab", "USER=lab", "LOGNAME=lab",
        "LC_ALL=C.UTF-8", "WINEPREFIX=/home/lab/.wine", "WINEDEBUG=-all", NULL};
    pid_t child = fork();
    if (child != 0)
        return child;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    int null = open("/dev/null", O_RDWR);
    if (null >= 0) {
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
    }
    if (as_lab)
        init_become_lab();
    execve(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)env);
    init_say("<3>winelab init: %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

static pid_t init_start_wine(void)
{
    static const char *const server[] = {"/usr/lib/wine/wineserver", "-p", NULL};
    static const char *const start[] = {"/usr/lib/wine/wine64", "C:\\windows\\system32\\wineinit.exe",
                                  "--init", NULL};
    pid_t wineserver = init_start(true, server);
    waitpid(wineserver, NULL, 0); /* it daemonises once its socket listens */
    return init_start(true, start);
}

/* --- stage 2: safe mode --- */

/* The whole file or nothing; the caller's to free. NULL with errno. */
static char *init_read(const char *path, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st = {0};
    char *text = NULL;
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size < INIT_REGISTRY_MAX)
        text = malloc((size_t)st.st_size + 1);
    for (*len = 0; text && *len < (size_t)st.st_size;) {
        ssize_t got = read(fd, text + *len, (size_t)st.st_size - *len);
        if (got > 0) {
            *len += (size_t)got;
        } else {
            errno = got == 0 ? EIO : errno;
            free(text);
            text = NULL;
        }
    }
    if (fd >= 0)
        close(fd);
    return text;
}

/* Whole or not at all, also when the power goes meanwhile. */
static bool init_replace(const char *path, const char *text, size_t len)
{
    char temporary[128];
    snprintf(temporary, sizeof temporary, "%s.new", path);
    unlink(temporary);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    bool ok = fd >= 0;
    for (size_t done = 0; ok && done < len;) {
        ssize_t put = write(fd, text + done, len - done);
        ok = put > 0;
        done += ok ? (size_t)put : 0;
    }
    ok = ok && fchown(fd, INIT_LAB_UID, INIT_LAB_UID) == 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok && rename(temporary, path) == 0;
}

static bool init_rewrite_registry(bool safe)
{
    size_t len, new_len;
    char *text = init_read(init_registry, &len);
    char *rewritten = text ? safeboot_rewrite(text, len, safe, &new_len) : NULL;
    bool ok = rewritten && init_replace(init_registry, rewritten, new_len);
    if (!ok)
        init_say("<3>winelab init: %s for %s mode: %s\n", init_registry, safe ? "safe" : "normal",
                 strerror(errno));
    free(text);
    free(rewritten);
    return ok;
}

static void init_safe_mode(void)
{
    bool safe = access(init_safe_wanted, F_OK) == 0;
    if (!safe && access(init_safe_was, F_OK) < 0)
        return;
    int mark = safe ? open(init_safe_was, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (safe && mark < 0) { /* without it nothing would ever lead back to the normal form */
        init_say("<3>winelab init: %s: %s\n", init_safe_was, strerror(errno));
        return;
    }
    if (mark >= 0)
        close(mark);
    if (init_rewrite_registry(safe) && !safe)
        unlink(init_safe_was);
    if (safe)
        init_say("<5>winelab init: safe mode\n");
}

/* --- stage 2: go down --- */

/* Reaps until that process (-1: every one but this) is gone; false when the time is over first. */
static bool init_drain(pid_t which, int ms)
{
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    long long end = init_now_ms() + ms;
    for (;;) {
        pid_t got;
        while ((got = waitpid(-1, NULL, WNOHANG)) > 0)
            if (got == which)
                return true;
        long long left = end - init_now_ms();
        if (got < 0 && errno == ECHILD)
            return true;
        if (left <= 0)
            return false;
        struct timespec wait = {.tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000};
        sigtimedwait(&child, NULL, &wait);
    }
}

/* `wineserver -k` ends all Windows processes, has the registry written and returns when that is
   done. The others (sshd and its sessions) have nothing to save. */
static void init_stop_all(void)
{
    static const char *const stop[] = {"/usr/lib/wine/wineserver", "-k", NULL};
    pid_t stopper = init_start(true, stop);
    if (!init_drain(stopper, INIT_STOP_WAIT_MS))
        init_say("<4>winelab init: Wine did not stop in time\n");
    kill(-1, SIGKILL);
    init_drain(-1, INIT_KILL_WAIT_MS);
}

__attribute__((noreturn)) static void init_go_down(bool again)
{
    init_say("<5>winelab init: %s\n", again ? "reboot" : "power off");
    init_stop_all();
    sync();
    if (mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
        init_say("<3>winelab init: read-only: %s\n", strerror(errno));
    reboot(again ? LINUX_REBOOT_CMD_RESTART : LINUX_REBOOT_CMD_POWER_OFF);
    init_fail("reboot");
}

/* Wine's server is to Windows programs what a kernel is: without it they wait for ever. That is the stand-in's own
   fault (version 8.0 was seen to crash while short programs came and went): the lab, which reads the console
   (run/console.h), is told, and the machine goes down so that nobody waits. */
static void init_look_at_end(pid_t pid, int code, int status)
{
    char path[64], name[32] = "";
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : read(fd, name, sizeof name - 1);
    if (fd >= 0)
        close(fd);
    name[got > 0 ? got : 0] = '\0';
    if (strncmp(name, "wineserver", 10) != 0)
        return;
    init_say("<3>winelab init: Wine's server ended: %s %d\n",
             code == CLD_EXITED ? "exit code" : "signal", status);
    sync();
    reboot(LINUX_REBOOT_CMD_POWER_OFF);
}

static void init_reap(void)
{
    siginfo_t info = {.si_pid = 0};
    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid > 0) {
        init_look_at_end(info.si_pid, info.si_code, info.si_status);
        waitpid(info.si_pid, NULL, 0);
        info.si_pid = 0;
    }
}

__attribute__((noreturn)) static void init_serve(const sigset_t *signals)
{
    for (;;) {
        int got = sigwaitinfo(signals, NULL);
        if (got == SIGINT || got == SIGTERM)
            init_go_down(got == SIGINT);
        init_reap();
    }
}

__attribute__((noreturn)) static void init_run(void)
{
    static const char *const sshd[] = {"/usr/sbin/sshd", "-D", "-r", NULL};
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    reboot(LINUX_REBOOT_CMD_CAD_OFF); /* Ctrl-Alt-Del asks us instead of resetting */
    init_mount_all();
    init_limits();
    init_agent_port();
    sethostname("winelab", 7);
    init_network();
    init_safe_mode();
    init_start_wine();
    init_start(false, sshd);
    init_serve(&signals);
}

int main(void)
{
    if (access("/modules/order", F_OK) < 0)
        init_run();
    mkdir("/dev", 0755);
    init_mount("dev", "/dev", "devtmpfs", MS_NOSUID, NULL);
    init_load_modules();
    init_wait_for_disk();
    init_switch_root();
}
