/* system for Linux: what /proc and sysinfo tell; what they do not is left out. */
#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "posix/ops.h"

/* proc(5), /proc/stat: user nice system idle iowait irq softirq, in clock ticks. */
static void system_write_cpu(struct jsonw *w)
{
    unsigned long long user, nice, kernel, idle, iowait, irq, soft;
    long hertz = sysconf(_SC_CLK_TCK);
    FILE *f = fopen("/proc/stat", "re");

    if (f == NULL)
        return;
    int n = fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &kernel, &idle,
                   &iowait, &irq, &soft);
    fclose(f);
    if (n != 7 || hertz <= 0)
        return;
    unsigned long long ms = 1000 / (unsigned long long)hertz;
    jsonw_put_u64(w, "cpu_idle_ms", (idle + iowait) * ms);
    jsonw_put_u64(w, "cpu_kernel_ms", (kernel + irq + soft) * ms);
    jsonw_put_u64(w, "cpu_user_ms", (user + nice) * ms);
}

int op_system(struct request *rq, struct jsonw *result, struct op_error *err)
{
    struct sysinfo info;
    struct statvfs disk;

    (void)rq;
    (void)err;
    jsonw_put_u64(result, "up_ms", plat_now_ms());
    system_write_cpu(result);
    if (sysinfo(&info) == 0) {
        jsonw_put_u64(result, "memory_total", (uint64_t)info.totalram * info.mem_unit);
        jsonw_put_u64(result, "memory_available", (uint64_t)info.freeram * info.mem_unit);
        jsonw_put_u64(result, "threads", info.procs);
    }
    if (statvfs("/", &disk) == 0) {
        jsonw_put_u64(result, "disk_total", (uint64_t)disk.f_blocks * disk.f_frsize);
        jsonw_put_u64(result, "disk_free", (uint64_t)disk.f_bavail * disk.f_frsize);
    }
    return 0;
}
