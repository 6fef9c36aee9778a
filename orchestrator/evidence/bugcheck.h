/* What Windows' bugcheck codes and their four parameters mean, for those that drivers and security products cause, or
 * are blamed for. The facts are Microsoft's public "Bug Check Code Reference" (learn.microsoft.com, Windows drivers
 * debugger documentation) and bugcodes.h of the WDK; the words are this project's. */
#ifndef COEXIST_EVIDENCE_BUGCHECK_H
#define COEXIST_EVIDENCE_BUGCHECK_H

#include <stddef.h>
#include <stdint.h>

/* What a parameter is, so that a program can follow it. */
enum bugcheck_role {
    BUGCHECK_UNUSED = '-',
    BUGCHECK_VALUE = 'v',
    BUGCHECK_SUBTYPE = 's',  /* says what the others mean */
    BUGCHECK_STATUS = 'c',   /* NTSTATUS, most often of an exception */
    BUGCHECK_CODE = 'a',     /* address of an instruction */
    BUGCHECK_MEMORY = 'm',   /* address that was touched */
    BUGCHECK_IRQL = 'i',
    BUGCHECK_ACCESS = 'w',   /* 0 read, 1 write, 2, 8 or 16 execute */
    BUGCHECK_RECORD = 'r',   /* pointer to an EXCEPTION_RECORD */
    BUGCHECK_CONTEXT = 'x',  /* pointer to a CONTEXT */
    BUGCHECK_TRAP = 't',     /* pointer to a KTRAP_FRAME */
    BUGCHECK_DEVICE = 'd',   /* pointer to a DEVICE_OBJECT */
    BUGCHECK_DRIVER = 'D',   /* pointer to a DRIVER_OBJECT */
    BUGCHECK_IRP = 'p',      /* pointer to an IRP */
    BUGCHECK_NAME = 'u',     /* pointer to a UNICODE_STRING with a driver's name */
    BUGCHECK_OBJECT = 'o'    /* pointer to something else: thread, process, pool block, ... */
};

struct bugcheck {
    uint32_t code;
    const char *name;       /* as bugcodes.h has it */
    const char *meaning;    /* one sentence */
    const char *roles;      /* four enum bugcheck_role */
    const char *parameters[4]; /* NULL: not used or not documented */
};

/* NULL when the code is not in the table. Static storage. */
const struct bugcheck *bugcheck_find(uint32_t code);
size_t bugcheck_count(void);
const struct bugcheck *bugcheck_at(size_t i);
/* Where the first parameter says which of several things happened: what this one is; else NULL. Static storage. */
const char *bugcheck_subtype(uint32_t code, uint64_t parameter1);
/* The code as Windows' event 1001 shows it: bit 28 marks the small dump of some codes and is cleared. */
uint32_t bugcheck_plain(uint32_t raw);
/* What a value of that role says ("IRQL 2: DISPATCH_LEVEL", "write", "access violation"), or NULL. Static storage. */
const char *bugcheck_value(enum bugcheck_role role, uint64_t value);

#endif
