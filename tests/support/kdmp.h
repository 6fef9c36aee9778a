/* Writes Windows kernel dumps as valid PAGEDUMP and PAGEDU64 bytes, for tests of what reads them. */
#ifndef COEXIST_TESTS_SUPPORT_KDMP_H
#define COEXIST_TESTS_SUPPORT_KDMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct kdmp_driver {
    const char *path; /* ASCII */
    uint64_t base;
    uint32_t size, timestamp, checksum;
    uint16_t version[4]; /* of the file; all 0: its image has no resources */
};

struct kdmp_gone {
    const char *name; /* ASCII; a triage dump keeps 12 characters */
    uint64_t start, end;
    uint64_t filetime; /* when; dumps with memory only */
};

struct kdmp_poke { /* a word of the guest's width in its virtual memory */
    uint64_t at, value;
};

enum kdmp_map { KDMP_RUNS, KDMP_BITMAP, KDMP_OLD_BITMAP, KDMP_RANGES };

struct kdmp {
    bool narrow;      /* PAGEDUMP, 32 bits */
    bool pae;         /* narrow only */
    int levels;       /* of page tables on 64 bits: 4 or 5 */
    uint32_t machine; /* IMAGE_FILE_MACHINE_* */
    uint32_t type;    /* DumpType */
    uint32_t processors, build, code;
    uint64_t parameters[4];
    uint64_t filetime, uptime; /* units of 100 ns */
    uint32_t exception_code;
    uint64_t exception_address;
    uint64_t pc, sp;
    const struct kdmp_driver *drivers;
    size_t driver_count;
    int broken; /* 1-based index of the driver Windows holds at fault; 0: none */
    const struct kdmp_gone *gone;
    size_t gone_count;
    const struct kdmp_poke *pokes;
    size_t poke_count;
    uint64_t stack_base;
    uint64_t stack[32];
    size_t stack_words;
    const char *process;
    bool encoded; /* the debugger's data make no sense */
};

/* A 64-bit AMD64 dump with a kernel, Windows' own and two other drivers, one unloaded, whose bugcheck is a 0xD1 in
 * alderflt.sys; tests change what they are about. */
struct kdmp kdmp_sample(void);
/* The same on 32 bits. */
struct kdmp kdmp_sample32(void);

/* Adds the bytes to out. */
void kdmp_triage(const struct kdmp *k, struct str *out);
/* With page tables, lists and stack in sparse physical memory. */
void kdmp_memory(const struct kdmp *k, enum kdmp_map map, struct str *out);

#endif
