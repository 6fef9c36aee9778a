/* Restore of a saved winelab machine to its first answered command, against bare QEMU that loads the same
 * machine from an equal migration stream.
 *
 * Each restore is a process of its own, as a cell is; the two kinds take turns. Timed is from the call
 * (vm_restore; fork of QEMU) until the agent has answered a ping by the serial port, with the same client. Bare
 * QEMU's overlay is made beforehand, ours within the call.
 *
 *     COEXIST_TEST_IMAGE     image folder (lab/images/winelab)
 *     COEXIST_BENCH_TRIES    restores of each kind (11)
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bare_qemu.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "guest/remote.h"
#include "saved.h"

enum { TRIES_MAX = 101, TRIES = 11, BOOT_S = 180, CALL_S = 60, COMMAND_MAX = 1 << 16 };
enum { PING_MS = 20, SSH_PORT = 22 };

struct bench {
    struct saved saved; /* everything lies in its folder */
    char *stream, *bare_work, *disk, *memory;
};

/* What a child found out; over a pipe. */
struct found {
    double ms;
    double save_ms;
    size_t command_line_len;
    char command_line[COMMAND_MAX];
};

static int bench_fail(const char *what, const struct err *err) {
    fprintf(stderr, "bench_restore: %s: %s\n", what, err_text(err));
    return -1;
}

static int64_t bench_in(int64_t seconds) {
    return clock_after(clock_monotonic(), seconds * CLOCK_S);
}

static double bench_ms_since(int64_t began) {
    return (double)(clock_now(clock_monotonic()) - began) / CLOCK_MS;
}

static struct guest *bench_guest(const char *socket, struct err *err) {
    struct guest_remote_spec spec = {.serial_socket = socket, .interrupt_fd = -1};
    return guest_remote_create(&spec, clock_monotonic(), NULL, err);
}

static int bench_connect(const char *path) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    CLEANUP_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
    return fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 ? STEAL_FD(fd) : -1;
}

/* Reads for a while; has one of our pings been answered? */
static bool bench_answered(int fd, const char *ours, struct str *heard) {
    int64_t until = clock_after(clock_monotonic(), PING_MS * CLOCK_MS);
    struct pollfd p = {fd, POLLIN, 0};
    while (poll(&p, 1, clock_poll_ms(clock_monotonic(), until)) == 1) {
        char part[1024];
        ssize_t n = read(fd, part, sizeof(part));
        if (n <= 0) {
            return false;
        }
        str_add_bytes(heard, part, (size_t)n);
        if (strstr(str_get(heard), ours)) {
            return true;
        }
    }
    return false;
}

/* Until the agent answers a ping on its serial port (agents/proto/PROTOCOL.md). What bare QEMU hears while it
 * still loads is lost, so there is a new ping every PING_MS, and any of them will do. */
static int bench_first_answer(const char *socket_path, struct err *err) {
    CLEANUP_STR struct str heard = STR_INIT;
    CLEANUP_FD int fd = -1;
    int64_t series = 100000000 + clock_now(clock_monotonic()) / 1000 % 900000000;
    CLEANUP_FREE char *ours = str_printf("{\"id\":%lld", (long long)series);
    int64_t deadline = bench_in(CALL_S);
    for (int i = 0; clock_now(clock_monotonic()) < deadline; i++) {
        if (fd < 0 && (fd = bench_connect(socket_path)) < 0) {
            struct clock *c = clock_monotonic();
            c->wait_until(c, clock_after(c, CLOCK_MS));
            continue;
        }
        CLEANUP_FREE char *ping =
            str_printf("\x1e%s%05d,\"op\":\"ping\"}\n", ours, i % 100000);
        if (send(fd, ping, strlen(ping), MSG_NOSIGNAL) != (ssize_t)strlen(ping)) {
            return err_set(err, ERR_CLOSED, "the agent's port is gone");
        }
        if (bench_answered(fd, ours, &heard)) {
            return 0;
        }
    }
    return err_set(err, ERR_TIMEOUT, "no answer from the agent, but: %.200s", str_get(&heard));
}

/* ---- what the children do -------------------------------------------------------------------- */

typedef int child_body(const struct bench *b, struct found *f, struct err *err);

static int bench_keep_command_line(const char *agent_socket, struct found *f, struct err *err) {
    CLEANUP_FREE char *root = fs_dirname(agent_socket);
    size_t len = 0;
    CLEANUP_FREE char *line = bare_qemu_command_line(root, &len, err);
    if (!line || len > COMMAND_MAX) {
        return line ? err_set(err, ERR_SYSTEM, "QEMU's command line is too long") : -1;
    }
    memcpy(f->command_line, line, len);
    f->command_line_len = len;
    return 0;
}

/* Boots, and saves once the guest has answered. */
static int child_save(const struct bench *b, struct found *f, struct err *err) {
    CLEANUP(vm_destroy_ptr) struct vm *vm = saved_vm(&b->saved, "saver", SSH_PORT, err);
    struct vm_endpoints at;
    json_t *hello = NULL;
    if (!vm || vm_start(vm, bench_in(CALL_S), err) < 0 || vm_endpoints(vm, &at, err) < 0 ||
        bench_keep_command_line(at.agent_socket, f, err) < 0) {
        return -1;
    }
    CLEANUP(guest_destroy_ptr) struct guest *g = bench_guest(at.agent_socket, err);
    if (!g || guest_wait_ready(g, bench_in(BOOT_S), &hello, err) < 0) {
        return -1;
    }
    json_decref(hello);
    int64_t began = clock_now(clock_monotonic());
    if (vm_save(vm, b->saved.state, bench_in(CALL_S), err) < 0) {
        return -1;
    }
    f->save_ms = bench_ms_since(began);
    return 0;
}

static int child_restore(const struct bench *b, struct found *f, struct err *err) {
    CLEANUP(vm_destroy_ptr) struct vm *vm = saved_vm(&b->saved, "restored", SSH_PORT, err);
    struct vm_endpoints at;
    int64_t began = clock_now(clock_monotonic());
    if (!vm || vm_restore(vm, b->saved.state, bench_in(CALL_S), err) < 0 ||
        vm_endpoints(vm, &at, err) < 0 || bench_first_answer(at.agent_socket, err) < 0) {
        return -1;
    }
    f->ms = bench_ms_since(began);
    return 0;
}

static struct bare_qemu_spec bench_bare_spec(const struct bench *b, const struct found *f) {
    return (struct bare_qemu_spec){.command_line = f->command_line,
                                   .command_line_len = f->command_line_len,
                                   .golden = b->saved.image->disk,
                                   .disk = b->disk,
                                   .work = b->bare_work};
}

static int child_bare(const struct bench *b, struct found *f, struct err *err) {
    struct bare_qemu_spec spec = bench_bare_spec(b, f);
    CLEANUP_FREE char *socket = fs_join(b->bare_work, "agent.sock");
    unlink(socket);
    if (bare_qemu_make_overlay(&spec, err) < 0) {
        return -1;
    }
    int64_t began = clock_now(clock_monotonic());
    pid_t pid = bare_qemu_start(&spec, b->stream, err);
    int rc = pid < 0 ? -1 : bench_first_answer(socket, err);
    f->ms = bench_ms_since(began);
    bare_qemu_end(pid);
    return rc;
}

static int child_stream(const struct bench *b, struct found *f, struct err *err) {
    struct bare_qemu_spec spec = bench_bare_spec(b, f);
    return bare_qemu_make_stream(&spec, b->memory, b->stream, err);
}

/* One libvirt VM a process, ever: each try is a process. Its findings replace *f. */
static int bench_in_child(const char *what, child_body *body, const struct bench *b,
                          struct found *f) {
    int pipes[2];
    if (pipe(pipes) < 0) {
        return -1;
    }
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        CLEANUP_ERR struct err err = ERR_INIT;
        int rc = body(b, f, &err);
        if (rc < 0) {
            bench_fail(what, &err);
        }
        FILE *out = fdopen(pipes[1], "w");
        bool told = out && fwrite(f, sizeof(*f), 1, out) == 1 && fflush(out) == 0;
        _exit(rc < 0 || !told);
    }
    close(pipes[1]);
    FILE *in = fdopen(pipes[0], "r");
    bool got = pid > 0 && in && fread(f, sizeof(*f), 1, in) == 1;
    int status = 1;
    if (in) {
        fclose(in);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 && got ? 0 : -1;
}

/* ---- the comparison -------------------------------------------------------------------------- */

static int bench_compare_ms(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double bench_median(double *ms, int n) {
    qsort(ms, (size_t)n, sizeof(ms[0]), bench_compare_ms);
    return n % 2 ? ms[n / 2] : (ms[n / 2 - 1] + ms[n / 2]) / 2;
}

static int bench_tries(void) {
    const char *env = getenv("COEXIST_BENCH_TRIES");
    long n = env ? strtol(env, NULL, 10) : TRIES;
    return n < 1 ? 1 : n > TRIES_MAX ? TRIES_MAX : (int)n;
}

static int bench_measure(const struct bench *b, struct found *f) {
    double ours[TRIES_MAX];
    double bare[TRIES_MAX];
    int n = bench_tries();
    double save_ms = f->save_ms;
    for (int i = -1; i < n; i++) { /* the first of each warms the host's page cache */
        int at = i < 0 ? 0 : i;
        if (bench_in_child("bare QEMU", child_bare, b, f) < 0) {
            return -1;
        }
        bare[at] = f->ms;
        if (bench_in_child("restore", child_restore, b, f) < 0) {
            return -1;
        }
        ours[at] = f->ms;
    }
    double a = bench_median(ours, n);
    double q = bench_median(bare, n);
    printf("bench restore ratio=%.2f a=%.0fms b=%.0fms medians of %d; fastest %.0f and %.0f ms; "
           "state %.1f MB, saved in %.0f ms\n",
           a / q, a, q, n, ours[0], bare[0], (double)fs_size(b->memory) / 1e6, save_ms);
    return 0;
}

static int bench_run(const struct bench *b) {
    struct found *f = mem_zalloc(1, sizeof(*f));
    int rc = fs_mkdirs(b->saved.state, NULL) < 0 || bench_in_child("save", child_save, b, f) < 0 ||
                     bench_in_child("stream", child_stream, b, f) < 0 || bench_measure(b, f) < 0
                 ? -1
                 : 0;
    free(f);
    return rc;
}

int main(void) {
    struct bench b;
    int rc = saved_open(&b.saved, "restore");
    if (rc != 0) {
        return rc < 0;
    }
    b.stream = fs_join(b.saved.dir, "stream");
    b.bare_work = fs_join(b.saved.dir, "bare");
    b.disk = fs_join(b.saved.state, VM_STATE_DISK);
    b.memory = fs_join(b.saved.state, VM_STATE_MEMORY);
    rc = bench_run(&b);
    char *owned[] = {b.stream, b.bare_work, b.disk, b.memory};
    for (size_t i = 0; i < ARRAY_LEN(owned); i++) {
        free(owned[i]);
    }
    saved_close(&b.saved);
    return rc < 0;
}
