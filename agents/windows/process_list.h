/* A snapshot of all processes; for the ops processes and system and for the idle workload. */
#ifndef COEXIST_WINDOWS_PROCESS_LIST_H
#define COEXIST_WINDOWS_PROCESS_LIST_H

#include <stddef.h>
#include <stdint.h>
#include <windows.h>

#include "common/op_error.h"

/* Sizes are bytes. */
struct process_info {
    DWORD pid, ppid, threads, handles;
    wchar_t name[128];    /* cut when longer */
    uint64_t cpu_100ns;   /* kernel and user time */
    uint64_t born_100ns;  /* FILETIME; tells apart processes that had the same pid */
    uint64_t working_set, private_bytes;
};

struct process_list {
    size_t count;
    struct process_info *row; /* owned */
};

int process_list_take(struct process_list *l, struct op_error *err);
void process_list_free(struct process_list *l);

/* The image's path, or an empty text when the system does not tell. n: characters of buf. */
void process_path(DWORD pid, wchar_t *buf, DWORD n);

#endif
