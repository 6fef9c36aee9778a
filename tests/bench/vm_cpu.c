#include "vm_cpu.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"

#define VM_CPU_LOOK (CLOCK_S / 4)

struct vm_cpu_machine {
    int pid;
    unsigned long long began; /* proc(5), /proc/PID/stat, field 22: tells two processes with one number apart */
    unsigned long long ticks; /* fields 14 and 15, user and system time */
};

/* Does a NUL-separated command line of len bytes hold the text? */
static bool cpu_names(const char *line, size_t len, const char *text) {
    return memmem(line, len, text, strlen(text)) != NULL;
}

static bool cpu_is_machine(const struct vm_cpu *v, const char *pid) {
    CLEANUP_FREE char *path = str_printf("/proc/%s/cmdline", pid);
    size_t len = 0;
    CLEANUP_FREE char *line = fs_read(path, 1 << 16, &len, NULL);
    return line && strstr(line, "qemu-system") && cpu_names(line, len, v->lab_dir);
}

static void cpu_take(struct vm_cpu *v, const struct vm_cpu_machine *m) {
    for (size_t i = 0; i < v->count; i++) {
        if (v->machines[i].pid == m->pid && v->machines[i].began == m->began) {
            v->machines[i].ticks = m->ticks;
            return;
        }
    }
    v->machines = mem_grow(v->machines, v->count + 1, sizeof(*v->machines));
    v->machines[v->count++] = *m;
}

static void cpu_look_at(struct vm_cpu *v, const char *pid) {
    CLEANUP_FREE char *path = str_printf("/proc/%s/stat", pid);
    CLEANUP_FREE char *text = fs_read(path, 4096, NULL, NULL);
    const char *rest = text ? strrchr(text, ')') : NULL; /* behind the name, which may hold anything */
    unsigned long long user, system, began;
    if (rest && sscanf(rest,
                       ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d %llu", &user,
                       &system, &began) == 3) {
        cpu_take(v, &(struct vm_cpu_machine){atoi(pid), began, user + system});
    }
}

void vm_cpu_tick(pid_t orchestrator, void *ctx) {
    struct vm_cpu *v = ctx;
    int64_t now = clock_now(clock_monotonic());
    (void)orchestrator;
    if (now - v->looked_at < VM_CPU_LOOK) {
        return;
    }
    v->looked_at = now;
    DIR *proc = opendir("/proc");
    const struct dirent *e;
    while (proc && (e = readdir(proc))) {
        if (isdigit((unsigned char)e->d_name[0]) && cpu_is_machine(v, e->d_name)) {
            cpu_look_at(v, e->d_name);
        }
    }
    if (proc) {
        closedir(proc);
    }
}

double vm_cpu_seconds(const struct vm_cpu *v) {
    unsigned long long ticks = 0;
    for (size_t i = 0; i < v->count; i++) {
        ticks += v->machines[i].ticks;
    }
    return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

void vm_cpu_clear(struct vm_cpu *v) {
    free(v->machines);
    *v = (struct vm_cpu){0};
}
