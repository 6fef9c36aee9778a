/* Shared by the readers of user minidumps; nobody else includes it. */
#ifndef COEXIST_EVIDENCE_MINIDUMP_IMPL_H
#define COEXIST_EVIDENCE_MINIDUMP_IMPL_H

#include "evidence/dump_impl.h"

enum { /* MINIDUMP_STREAM_TYPE (minidumpapiset.h); the last three are Breakpad's (minidump_format.h) */
    MINIDUMP_THREADS = 3,
    MINIDUMP_MODULES = 4,
    MINIDUMP_MEMORY = 5,
    MINIDUMP_EXCEPTION = 6,
    MINIDUMP_SYSTEM = 7,
    MINIDUMP_MEMORY64 = 9,
    MINIDUMP_COMMENT_A = 10,
    MINIDUMP_COMMENT_W = 11,
    MINIDUMP_UNLOADED = 14,
    MINIDUMP_MISC = 15,
    MINIDUMP_MEMORY_INFO = 16,
    MINIDUMP_THREAD_NAMES = 24,
    MINIDUMP_LINUX_STATUS = 0x47670004,
    MINIDUMP_LINUX_CMDLINE = 0x47670006,
};

struct minidump_file {
    struct bytes file;
    struct dump_ranges memory; /* of the process, as far as the dump has it */
    size_t text_left;          /* bytes of names still believed: all together no more than the file */
    uint64_t teb;              /* of the faulting thread, else of the first; 0: none */
};

/* 1 with *out, 0 when the dump has no such stream. Every stream of the directory must lie inside the file, wanted
 * or not: a dump that is cut short is not to be trusted in part. */
int minidump_stream(struct bytes file, uint32_t type, struct bytes *out, struct err *err);
/* The entries of a stream that is a count and an array. Some writers align the array to 8 bytes after the count;
 * the stream's size tells. */
int minidump_list(struct bytes stream, size_t entry_size, uint32_t max, const char *what,
                  struct bytes *entries, uint32_t *count, struct err *err);
/* A MINIDUMP_STRING; caller frees. */
char *minidump_string(struct minidump_file *f, uint32_t at, const char *what, struct err *err);

/* minidump_system.c */
int minidump_read_system(struct minidump_file *f, struct dump *d, struct err *err);
/* minidump_rest.c: unloaded modules, names of threads, process, times, regions, comment. */
int minidump_read_rest(struct minidump_file *f, struct dump *d, struct err *err);

#endif
