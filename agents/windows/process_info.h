/* What the system tells of one process; shared by the op processes and the idle workload. */
#ifndef COEXIST_WINDOWS_PROCESS_INFO_H
#define COEXIST_WINDOWS_PROCESS_INFO_H

#include <stdbool.h>
#include <stdint.h>
#include <windows.h>

#include "common/op_error.h"

/* Fields the system did not tell have their has_ flag clear. Sizes are bytes. */
struct process_info {
    DWORD pid, ppid, threads;
    const wchar_t *name;  /* borrowed, valid during the call */
    wchar_t path[1024];   /* empty: not told */
    bool has_times, has_memory, has_handles;
    uint64_t cpu_100ns;   /* kernel and user */
    uint64_t born_100ns;  /* FILETIME: tells apart processes that had the same pid */
    uint64_t working_set, private_bytes;
    DWORD handles;
};

/* Calls each for every process; negative ends the walk. */
int process_info_each(int (*each)(void *arg, const struct process_info *p, struct op_error *err),
                      void *arg, struct op_error *err);

#endif
