#include "micro_guest.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "vm/libvirt.h"

static char micro_dir[64]; /* empty until prepared */
static pid_t micro_owner;  /* tests fork: only the process that made the folder removes it */

static void micro_guest_forget(void) {
    if (getpid() == micro_owner) {
        fs_remove_tree(micro_dir, NULL);
    }
}

bool micro_guest_prepare(char why[256]) {
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP(proc_result_free) struct proc_result res = {0};
    snprintf(micro_dir, sizeof(micro_dir), "/tmp/coexist-test-XXXXXX");
    if (!mkdtemp(micro_dir)) {
        snprintf(why, 256, "no temporary folder");
        return false;
    }
    micro_owner = getpid();
    atexit(micro_guest_forget);
    const char *const argv[] = {"tests/contract/micro_guest.sh", micro_dir, NULL};
    struct proc_opts opts = {.timeout_ns = 120 * CLOCK_S};
    if (proc_run(argv, &opts, &res, &err) < 0) {
        snprintf(why, 256, "%.200s", err_text(&err));
        return false;
    }
    snprintf(why, 256, "%.200s", str_get(&res.err));
    return res.exit_code == 0;
}

static char *micro_path(const char *name) {
    return fs_join(micro_dir, name);
}

const char *micro_guest_cache(void) {
    static char path[80];
    snprintf(path, sizeof(path), "%s/cache", micro_dir);
    return path;
}

static struct vm *micro_vm(const char *work, const struct vm_remote_spec *at, json_t *profile, const char *nvram,
                           struct err *err) {
    CLEANUP_FREE char *disk = micro_path("disk.qcow2");
    CLEANUP_FREE char *kernel = micro_path("vmlinuz");
    CLEANUP_FREE char *initrd = micro_path("initrd");
    struct vm_spec spec = {.name = "contract",
                           .work_dir = work,
                           .disk = disk,
                           .disk_format = "qcow2",
                           .kernel = kernel,
                           .initrd = initrd,
                           .cmdline = "console=ttyS0 panic=0 quiet tsc=reliable no_timer_check",
                           .profile = profile,
                           .nvram = nvram,
                           .ssh_guest_port = 22};
    struct vm *vm = at ? vm_remote_create(&spec, at, NULL, err)
                       : vm_libvirt_create(&spec, micro_guest_cache(), NULL, err);
    json_decref(profile);
    return vm;
}

struct vm *micro_guest_vm(const char *work, const struct vm_remote_spec *at, struct err *err) {
    return micro_vm(work, at, json_pack("{s:i}", "memory_mib", 96), NULL, err);
}

struct vm *micro_guest_uefi_vm(const char *work, const struct vm_remote_spec *at, const char *nvram, struct err *err) {
    return micro_vm(work, at, json_pack("{s:i, s:s, s:s}", "memory_mib", 192, "machine", "q35", "firmware", "uefi"),
                    nvram, err);
}

struct vm *micro_guest_tpm_vm(const char *work, struct err *err) {
    json_t *profile = json_pack("{s:i, s:s, s:s, s:s}", "memory_mib", 192, "machine", "q35", "firmware", "uefi", "tpm",
                                "2.0");
    return micro_vm(work, NULL, profile, NULL, err);
}

static int micro_connect(struct vm *vm) {
    struct vm_endpoints ends;
    if (vm_endpoints(vm, &ends, NULL) < 0) {
        return -1;
    }
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof(a.sun_path), "%s", ends.agent_socket);
    CLEANUP_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
        return -1;
    }
    return STEAL_FD(fd);
}

static bool micro_send(int fd, const char *order) {
    /* The first newline ends what the guest may have half. */
    CLEANUP_FREE char *line = str_printf("\n%s\n", order);
    return send(fd, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line);
}

/* A line within ms, NULL when none came. */
static char *micro_line(int fd, int64_t until) {
    CLEANUP_STR struct str s = STR_INIT;
    char c = 0;
    for (;;) {
        struct pollfd p = {fd, POLLIN, 0};
        if (poll(&p, 1, clock_poll_ms(clock_monotonic(), until)) <= 0 || read(fd, &c, 1) != 1) {
            return NULL;
        }
        if (c == '\n' && s.len > 0) {
            return str_take(&s);
        }
        if (c != '\n' && c != '\r' && s.len < 200) {
            str_add_bytes(&s, &c, 1);
        }
    }
}

/* Lines until one answers order number n: early on the guest's terminal echoes what it is told, in parts or whole,
 * which no answer begins like; and an answer to an earlier order may still be on its way. */
static char *micro_answer(int fd, const char *number, int64_t until) {
    CLEANUP_FREE char *begin = str_printf("said %s ", number);
    size_t len = strlen(begin);
    for (;;) {
        CLEANUP_FREE char *line = micro_line(fd, until);
        if (!line) {
            return NULL;
        }
        if (strncmp(line, begin, len) == 0) {
            return str_dup(line + len);
        }
    }
}

/* What whoever reads the failure wants to see. */
static void micro_tell_silence(struct vm *vm, const char *order) {
    struct vm_endpoints ends;
    if (vm_endpoints(vm, &ends, NULL) == 0) {
        CLEANUP_FREE char *console = fs_read(ends.console_log, 64 << 20, NULL, NULL);
        size_t len = console ? strlen(console) : 0;
        fprintf(stderr, "the guest (%s) answered nothing to \"%s\"; its console has %zu bytes and ends:\n%s\n",
                vm_state_name(vm_state(vm)), order, len, console ? console + (len > 2000 ? len - 2000 : 0) : "");
    }
}

char *micro_guest_ask(struct vm *vm, const char *order) {
    CLEANUP_FD int fd = micro_connect(vm);
    /* Different for every order of every process. */
    CLEANUP_FREE char *number = str_printf("n%lld", (long long)clock_now(clock_monotonic()));
    CLEANUP_FREE char *line = str_printf("%s %s", number, order);
    int64_t deadline = clock_after(clock_monotonic(), 60 * CLOCK_S);
    /* Until the guest reads its port, an order is lost: it is given again. */
    while (fd >= 0 && clock_now(clock_monotonic()) < deadline && micro_send(fd, line)) {
        int64_t until = clock_after(clock_monotonic(), 500 * CLOCK_MS);
        char *answer = micro_answer(fd, number, until);
        if (answer) {
            return answer;
        }
    }
    micro_tell_silence(vm, order);
    return NULL;
}

int micro_guest_talk_unheard(struct vm *vm) {
    CLEANUP_FD int fd = micro_connect(vm);
    struct clock *c = clock_monotonic();
    int64_t deadline = clock_after(c, 60 * CLOCK_S);
    int last = -1;
    int waiting = 0;
    if (fd < 0 || !micro_send(fd, "n0 talk")) {
        return -1;
    }
    while (clock_now(c) < deadline && ioctl(fd, FIONREAD, &waiting) == 0) {
        if (waiting > 0 && waiting == last) { /* it says no more: the line is full */
            return STEAL_FD(fd);
        }
        last = waiting;
        c->wait_until(c, clock_after(c, 300 * CLOCK_MS));
    }
    return -1;
}
