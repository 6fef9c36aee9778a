#include "run/host.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"

enum { HOST_PROC_MAX = 4 << 20 };

/* Value of "NAME: 123 kB" in bytes, -1 when there is no such line. */
static int64_t host_meminfo(const char *name) {
    CLEANUP_FREE char *text = fs_read("/proc/meminfo", HOST_PROC_MAX, NULL, NULL);
    const char *at = text ? strstr(text, name) : NULL;
    long long kib;
    return at && sscanf(at + strlen(name), ": %lld kB", &kib) == 1 ? (int64_t)kib * 1024 : -1;
}

int64_t host_memory_available(void) {
    int64_t bytes = host_meminfo("MemAvailable");
    return bytes < 0 ? INT64_MAX : bytes;
}

static char *host_cpu_model(void) {
    CLEANUP_FREE char *text = fs_read("/proc/cpuinfo", HOST_PROC_MAX, NULL, NULL);
    char *at = text ? strstr(text, "model name") : NULL;
    at = at ? strchr(at, ':') : NULL;
    if (!at) {
        return str_dup("unknown CPU");
    }
    at += strspn(at, ": \t");
    return str_printf("%.*s", (int)strcspn(at, "\n"), at);
}

char *host_describe(int kvm) {
    CLEANUP_FREE char *cpu = host_cpu_model();
    return str_printf("%s, %ld cores, %lld MiB, %s", cpu, sysconf(_SC_NPROCESSORS_ONLN),
                      (long long)(host_meminfo("MemTotal") >> 20), kvm ? "KVM" : "emulation");
}
