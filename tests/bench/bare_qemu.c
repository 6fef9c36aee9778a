#include "bare_qemu.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"

enum { ARGS_MAX = 256, STREAM_FD = 9, STREAM_S = 120 };

char *bare_qemu_command_line(const char *inside, size_t *len, struct err *err) {
    DIR *proc = opendir("/proc");
    struct dirent *e;
    char *found = NULL;
    while (proc && !found && (e = readdir(proc))) {
        CLEANUP_FREE char *path = str_printf("/proc/%s/cmdline", e->d_name);
        CLEANUP_FREE char *args =
            isdigit((unsigned char)e->d_name[0]) ? fs_read(path, 1 << 20, len, NULL) : NULL;
        if (args && strncmp(fs_basename(args), "qemu-system-", 12) == 0 &&
            memmem(args, *len, inside, strlen(inside))) {
            found = STEAL(args);
        }
    }
    if (proc) {
        closedir(proc);
    }
    if (!found) {
        err_set(err, ERR_SYSTEM, "no QEMU has %s on its command line", inside);
    }
    return found;
}

/* ---- the command line ------------------------------------------------------------------------ */

struct args {
    char *list[ARGS_MAX]; /* owned; ends with NULL */
    size_t count;
};

static void args_free(struct args *a) {
    for (size_t i = 0; i < a->count; i++) {
        free(a->list[i]);
    }
}

/* Takes text. */
static void args_add(struct args *a, char *text) {
    if (a->count + 1 < ARGS_MAX) {
        a->list[a->count++] = text;
    } else {
        free(text);
    }
}

/* text with the first `from` in it replaced; caller frees. */
static char *args_replace(const char *text, const char *from, const char *to) {
    const char *at = strstr(text, from);
    return at ? str_printf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from))
              : str_dup(text);
}

/* What only libvirt needs: its monitor, its secret, descriptors handed over, its sandbox. */
static bool args_is_libvirts(const char *option, const char *value) {
    return strcmp(option, "-add-fd") == 0 || strcmp(option, "-mon") == 0 ||
           strcmp(option, "-sandbox") == 0 || strstr(value, "masterKey") ||
           strstr(value, "id=charmonitor");
}

/* Caller frees. */
static char *args_rebase(const char *value, const struct bare_qemu_spec *spec) {
    if (strstr(value, "id=charserial0")) {
        return str_printf("file,id=charserial0,path=%s/console.log,append=on", spec->work);
    }
    if (strstr(value, "id=charserial1")) {
        return str_printf("socket,id=charserial1,path=%s/agent.sock,server=on,wait=off",
                          spec->work);
    }
    if (strncmp(value, "vnc=unix:", 9) == 0) {
        const char *rest = strchr(value, ',');
        return str_printf("vnc=unix:%s/vnc.sock%s", spec->work, rest ? rest : "");
    }
    CLEANUP_FREE char *overlay = fs_join(spec->work, "overlay.qcow2");
    const char *name = strstr(value, "\"filename\":\"");
    if (name && strstr(value, "libvirt-1-storage")) {
        const char *end = strchr(name + 12, '"');
        return str_printf("%.*s%s%s", (int)(name + 12 - value), value, overlay, end);
    }
    CLEANUP_FREE char *moved = args_replace(value, spec->golden, spec->disk);
    return args_replace(moved, ",\"backing\":null", ""); /* its own header names the golden disk */
}

static void args_build(struct args *a, const struct bare_qemu_spec *spec) {
    const char *end = spec->command_line + spec->command_line_len;
    const char *p = spec->command_line;
    args_add(a, str_dup(p));
    for (p += strlen(p) + 1; p < end; p += strlen(p) + 1) {
        const char *value = p + strlen(p) + 1 < end ? p + strlen(p) + 1 : "";
        bool alone = value[0] == '-' || !*value; /* an option without a value */
        if (strcmp(p, "-S") == 0) {
            continue;
        }
        if (!alone && args_is_libvirts(p, value)) {
            p = value;
            continue;
        }
        args_add(a, str_dup(p));
        if (!alone) {
            args_add(a, args_rebase(value, spec));
            p = value;
        }
    }
}

int bare_qemu_make_overlay(const struct bare_qemu_spec *spec, struct err *err) {
    CLEANUP_FREE char *overlay = fs_join(spec->work, "overlay.qcow2");
    const char *const argv[] = {"qemu-img", "create", "-q",    "-f",    "qcow2", "-b",
                                spec->disk, "-F",     "qcow2", overlay, NULL};
    struct proc_opts opts = {.timeout_ns = 60 * CLOCK_S};
    return fs_mkdirs(spec->work, err) < 0 ? -1 : proc_check(argv, &opts, err);
}

/* ---- processes ------------------------------------------------------------------------------- */

/* In the child: the stream as descriptor STREAM_FD, standard input and output as given (-1: none). */
static void bare_exec(char **argv, int stream, int in, int out) {
    int null = open("/dev/null", O_RDWR);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (dup2(in >= 0 ? in : null, 0) >= 0 && dup2(out >= 0 ? out : null, 1) >= 0 &&
        dup2(stream, STREAM_FD) >= 0) {
        execv(argv[0], argv);
    }
    _exit(127);
}

static pid_t bare_spawn(struct args *a, int stream, int in, int out, struct err *err) {
    args_add(a, str_dup("-incoming"));
    args_add(a, str_printf("fd:%d", STREAM_FD));
    pid_t pid = fork();
    if (pid == 0) {
        bare_exec(a->list, stream, in, out);
    }
    return pid < 0 ? err_sys(err, errno, "fork") : pid;
}

pid_t bare_qemu_start(const struct bare_qemu_spec *spec, const char *stream, struct err *err) {
    CLEANUP(args_free) struct args a = {.count = 0};
    CLEANUP_FD int fd = open(stream, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_sys(err, errno, "open %s", stream);
    }
    args_build(&a, spec);
    return bare_spawn(&a, fd, -1, -1, err);
}

void bare_qemu_end(pid_t pid) {
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}

/* ---- the stream ------------------------------------------------------------------------------ */

/* A file made by libvirt begins with its own header: 92 bytes, of which the number at 20 is the length of the
 * XML that follows; then comes QEMU's stream. (libvirt, src/qemu/qemu_saveimage.h) */
static int stream_open_inside(const char *memory, struct err *err) {
    unsigned char header[92];
    uint32_t xml = 0;
    CLEANUP_FD int fd = open(memory, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, header, sizeof(header)) != sizeof(header) ||
        memcmp(header, "LibvirtQemudSave", 16) != 0) {
        return err_set(err, ERR_INPUT, "%s is no memory saved by libvirt", memory);
    }
    memcpy(&xml, header + 20, sizeof(xml));
    if (lseek(fd, (off_t)sizeof(header) + xml, SEEK_SET) < 0) {
        return err_sys(err, errno, "seek in %s", memory);
    }
    return STEAL_FD(fd);
}

/* Sends a line to QEMU's monitor and reads until its next prompt. */
static int monitor_say(int in, int out, const char *line, struct str *answer, struct err *err) {
    int64_t deadline = clock_after(clock_monotonic(), STREAM_S * CLOCK_S);
    str_reset(answer);
    if (write(in, line, strlen(line)) != (ssize_t)strlen(line)) {
        return err_sys(err, errno, "write to QEMU's monitor");
    }
    while (!str_ends_with(str_get(answer), "(qemu) ")) {
        char part[4096];
        struct pollfd p = {out, POLLIN, 0};
        ssize_t n = poll(&p, 1, clock_poll_ms(clock_monotonic(), deadline)) == 1
                        ? read(out, part, sizeof(part))
                        : 0;
        if (n <= 0) {
            return err_set(err, ERR_SYSTEM, "QEMU's monitor: '%s'", str_get(answer));
        }
        str_add_bytes(answer, part, (size_t)n);
    }
    return 0;
}

static int monitor_migrate(int in, int out, const char *stream, struct err *err) {
    CLEANUP_STR struct str said = STR_INIT;
    CLEANUP_FREE char *migrate = str_printf("migrate \"exec:cat >'%s'\"\n", stream);
    struct clock *c = clock_monotonic();
    int64_t deadline = clock_after(c, STREAM_S * CLOCK_S);
    if (monitor_say(in, out, "", &said, err) < 0) { /* its greeting */
        return -1;
    }
    while (!strstr(str_get(&said), "VM status: paused") || strstr(str_get(&said), "inmigrate")) {
        if (clock_now(c) > deadline || monitor_say(in, out, "info status\n", &said, err) < 0) {
            return err_set(err, ERR_TIMEOUT, "QEMU does not load it: %s", str_get(&said));
        }
        c->wait_until(c, clock_after(c, 10 * CLOCK_MS));
    }
    if (monitor_say(in, out, "cont\n", &said, err) < 0 ||
        monitor_say(in, out, "migrate_set_parameter max-bandwidth 100G\n", &said, err) < 0) {
        return -1;
    }
    return monitor_say(in, out, migrate, &said, err);
}

int bare_qemu_make_stream(const struct bare_qemu_spec *spec, const char *memory, const char *stream,
                          struct err *err) {
    CLEANUP(args_free) struct args a = {.count = 0};
    CLEANUP_FD int inside = stream_open_inside(memory, err);
    int to[2];
    int from[2];
    if (inside < 0 || bare_qemu_make_overlay(spec, err) < 0) {
        return -1;
    }
    if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0) {
        return err_sys(err, errno, "pipe");
    }
    args_build(&a, spec);
    args_add(&a, str_dup("-monitor"));
    args_add(&a, str_dup("stdio"));
    pid_t pid = bare_spawn(&a, inside, to[0], from[1], err);
    close(to[0]);
    close(from[1]);
    int rc = pid < 0 ? -1 : monitor_migrate(to[1], from[0], stream, err);
    bare_qemu_end(pid);
    close(to[1]);
    close(from[0]);
    if (rc == 0 && fs_size(stream) <= 0) {
        return err_set(err, ERR_SYSTEM, "QEMU wrote no stream");
    }
    return rc;
}
