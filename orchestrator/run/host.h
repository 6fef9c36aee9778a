/* What this host is and has left. */
#ifndef COEXIST_RUN_HOST_H
#define COEXIST_RUN_HOST_H

#include <stdint.h>

/* MemAvailable of /proc/meminfo (proc(5)) in bytes; INT64_MAX when it cannot be read. */
int64_t host_memory_available(void);
/* "CPU model, N cores, M MiB, KVM|emulation" for the journal. Caller frees. */
char *host_describe(int kvm);

#endif
