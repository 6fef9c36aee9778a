/*
 * Writes a minidump (MDMP) of a process that is stopped under this debugger.
 *
 * Wine's MiniDumpWriteDump looks through every Linux library of the process as well: ten seconds
 * under emulation, in which the service manager gives up on the process and ends it. This one takes
 * what the debug events have told and reads only headers and stacks.
 * Format: Microsoft, minidumpapiset.h (MINIDUMP_HEADER and what follows it).
 */
#ifndef WINELAB_MINIDUMP_H
#define WINELAB_MINIDUMP_H

#include <stdbool.h>
#include <stdint.h>
#include <windows.h>

enum { MINIDUMP_MODULES_MAX = 256, MINIDUMP_THREADS_MAX = 128 };

struct minidump_module {
    uint64_t base;
    DWORD size, checksum, stamp; /* as in its PE header; 0 when that cannot be read */
    wchar_t path[MAX_PATH];
};

struct minidump_thread {
    DWORD tid;
    uint64_t teb;
};

struct minidump {
    HANDLE process;
    DWORD pid, tid; /* tid: the thread that faulted */
    EXCEPTION_RECORD record;
    CONTEXT context; /* of that thread, at the fault */
    struct minidump_module modules[MINIDUMP_MODULES_MAX];
    struct minidump_thread threads[MINIDUMP_THREADS_MAX];
    size_t module_count, thread_count;
};

/* Note what a debug event told; what is over the limits is left out of the dump. */
void minidump_add_module(struct minidump *dump, HANDLE file, const void *base);
void minidump_add_thread(struct minidump *dump, DWORD tid, const void *teb);
void minidump_drop_thread(struct minidump *dump, DWORD tid);

/* The module an address lies in; NULL when in none. */
const struct minidump_module *minidump_find(const struct minidump *dump, uint64_t address);

/* Writes it and flushes it to the disk. */
bool minidump_write(const struct minidump *dump, HANDLE file);

#endif
