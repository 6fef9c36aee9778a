/* What the orchestrator and a worker take of the host's memory while two real cells run: boot, a state kept and gone on
 * from, install, restart, update.
 *
 * Two figures each, the largest seen: resident (VmHWM of /proc/PID/status), in which every shared page counts in full
 * for every process, and proportional (Pss of smaps_rollup), in which it counts once for all of them together: the
 * latter is what one more cell costs (proc(5)). QEMU is not among them. */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "lab_run.h"

/* MiB: what the orchestrator, and each running cell beside QEMU, may take. */
static const double orchestrator_mib = 30, worker_mib = 15;

struct figures { /* KiB, the largest of any process of the kind at any time */
    long resident, proportional, own;
    int seen;
};

struct sampled {
    struct figures orchestrator, worker;
};

/* "Name:   123 kB" of a file under /proc; 0 when it is not there. */
static long memory_field(const char *text, const char *name) {
    const char *at = text ? strstr(text, name) : NULL;
    return at ? strtol(at + strlen(name), NULL, 10) : 0;
}

static void memory_keep(long *most, long kib) {
    *most = kib > *most ? kib : *most;
}

static void memory_look(pid_t pid, struct figures *f) {
    CLEANUP_FREE char *status_path = str_printf("/proc/%d/status", (int)pid);
    CLEANUP_FREE char *rollup_path = str_printf("/proc/%d/smaps_rollup", (int)pid);
    CLEANUP_FREE char *status = fs_read(status_path, 1 << 16, NULL, NULL);
    CLEANUP_FREE char *rollup = fs_read(rollup_path, 1 << 16, NULL, NULL);
    memory_keep(&f->resident, memory_field(status, "VmHWM:"));
    memory_keep(&f->proportional, memory_field(rollup, "\nPss:"));
    memory_keep(&f->own, memory_field(rollup, "Private_Clean:") + memory_field(rollup, "Private_Dirty:"));
    f->seen++;
}

/* A worker and not QEMU, nor what is between fork and exec: its second word after the options. */
static bool memory_is_worker(const char *pid, pid_t parent) {
    CLEANUP_FREE char *stat_path = str_printf("/proc/%s/stat", pid);
    CLEANUP_FREE char *line_path = str_printf("/proc/%s/cmdline", pid);
    CLEANUP_FREE char *stat = fs_read(stat_path, 4096, NULL, NULL);
    const char *after = stat ? strrchr(stat, ')') : NULL;
    int owner = 0;
    if (!after || sscanf(after + 1, " %*c %d", &owner) != 1 || owner != (int)parent) {
        return false;
    }
    size_t len = 0;
    CLEANUP_FREE char *line = fs_read(line_path, 1 << 16, &len, NULL);
    return line && memmem(line, len, "\0worker\0", 8) != NULL;
}

static void memory_tick(pid_t orchestrator, void *ctx) {
    struct sampled *s = ctx;
    DIR *proc = opendir("/proc");
    struct dirent *e;
    memory_look(orchestrator, &s->orchestrator);
    while (proc && (e = readdir(proc))) {
        if (isdigit((unsigned char)e->d_name[0]) && memory_is_worker(e->d_name, orchestrator)) {
            memory_look((pid_t)strtol(e->d_name, NULL, 10), &s->worker);
        }
    }
    if (proc) {
        closedir(proc);
    }
}

static void memory_say(const char *who, const char *kind, long kib, double bound, const struct figures *f) {
    printf("bench memory-%s-%s ratio=%.2f a=%.1fMiB b=%.0fMiB the largest of %d looks; %.1f MiB of it shared with "
           "nobody\n",
           who, kind, (double)kib / 1024 / bound, (double)kib / 1024, bound, f->seen, (double)f->own / 1024);
}

/* Caller frees. */
static char *memory_matrix(const struct lab *l, struct err *err) {
    static const char *const names[] = {"birch/product.json", "cedar/product.json", "birch/birch-content-2.json",
                                        "cedar/cedar-content-2.json"};
    char *paths[ARRAY_LEN(names)];
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        paths[i] = lab_sample(l, names[i]);
    }
    json_t *m = json_pack("{s:s, s:s, s:[s], s:[ss], s:[ss], s:[{s:[s], s:[s]}, {s:[s], s:[s]}], s:s, s:[ssssss]}",
                          "format", "coexist-matrix/1", "name", "memory", "images", "winelab", "products", paths[0],
                          paths[1], "updates", paths[2], paths[3], "product_sets", "products", "birch", "updates",
                          "birch-content-2", "products", "cedar", "updates", "cedar-content-2", "install_orders",
                          "listed", "steps", "install", "verify", "reboot", "verify", "apply", "took");
    char *path = lab_write_json(l, "memory.json", m, err);
    json_decref(m);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        free(paths[i]);
    }
    return path;
}

int main(void) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct lab l;
    if (lab_open(&l, &err) < 0) {
        printf("bench memory skipped: %s\n", err_text(&err));
        lab_free(&l);
        return 0;
    }
    struct sampled s = {0};
    CLEANUP(lab_run_clear) struct lab_run run = {0};
    CLEANUP_FREE char *matrix = memory_matrix(&l, &err);
    int rc = matrix ? lab_run_matrix(&l, matrix, NULL, memory_tick, &s, &run, &err) : -1;
    if (rc < 0 || s.worker.seen == 0) {
        fprintf(stderr, "bench_memory: %s\n", rc < 0 ? err_text(&err) : "no worker was seen");
        rc = -1;
    } else {
        memory_say("orchestrator", "resident", s.orchestrator.resident, orchestrator_mib, &s.orchestrator);
        memory_say("orchestrator", "proportional", s.orchestrator.proportional, orchestrator_mib, &s.orchestrator);
        memory_say("worker", "resident", s.worker.resident, worker_mib, &s.worker);
        memory_say("worker", "proportional", s.worker.proportional, worker_mib, &s.worker);
    }
    lab_free(&l);
    return rc < 0;
}
