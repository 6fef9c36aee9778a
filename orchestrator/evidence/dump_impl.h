/* Shared by the readers of dumps; nobody else includes it. */
#ifndef COEXIST_EVIDENCE_DUMP_IMPL_H
#define COEXIST_EVIDENCE_DUMP_IMPL_H

#include "evidence/bytes.h"
#include "evidence/dump.h"

/* Seconds from 1601 to 1970; FILETIME counts units of 100 ns from 1601 (winbase.h). */
#define DUMP_FILETIME_UNIX_S 11644473600ll
#define DUMP_MAX_STACK ((size_t)1 << 20) /* Windows' default reservation for a stack */
#define DUMP_MAX_MODULES 8192u /* also of threads and unloaded modules; processes have hundreds */

/* Guest-virtual memory that lies in one piece in the file. */
struct dump_range {
    uint64_t address, size;
    uint64_t at; /* offset in the file */
};

struct dump_ranges {
    struct dump_range *items; /* ascending by address once sealed */
    size_t count, cap;
};

void dump_ranges_add(struct dump_ranges *r, struct bytes file, uint64_t address, uint64_t at, uint64_t size);
void dump_ranges_seal(struct dump_ranges *r);
/* How many of the bytes at address (at most size) lie in one piece; *at: where. 0: none. */
size_t dump_ranges_find(const struct dump_ranges *r, uint64_t address, size_t size, uint64_t *at);
bool dump_ranges_read(const struct dump_ranges *r, struct bytes file, uint64_t address, void *out,
                      size_t size);

/* text is taken. */
void dump_note(struct dump *d, char *text);
/* FILETIME to microseconds since 1970; 0 when it is no time after 1980. */
int64_t dump_filetime_us(uint64_t filetime);
/* pc, sp and fp from a CONTEXT of winnt.h of the dump's architecture. */
void dump_read_context(struct dump *d, struct bytes context);
enum dump_arch dump_machine_arch(uint32_t machine); /* IMAGE_FILE_MACHINE_* */

/* minidump.c, kdump.c: the formats. */
int minidump_read(struct bytes file, struct dump *d, struct err *err);
bool kdump_is(struct bytes file);
int kdump_read(struct bytes file, struct dump *d, struct err *err);

#endif
