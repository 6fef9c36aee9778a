/* What a crash dump of a guest says, as typed facts: user minidumps (MDMP) and Windows kernel dumps (PAGEDUMP,
 * PAGEDU64). Where each structure is read its source is named (minidump*.c, kdump*.c). A dump comes from a guest and is
 * not trusted: every offset, count and pointer is checked, every list has an end, memory used is bounded by the size of
 * the file. */
#ifndef COEXIST_EVIDENCE_DUMP_H
#define COEXIST_EVIDENCE_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum dump_kind {
    DUMP_USER,   /* a process: MDMP */
    DUMP_TRIAGE, /* kernel, small: selected structures, stack, list of drivers */
    DUMP_FULL,   /* kernel: runs of physical memory */
    DUMP_BITMAP, /* kernel: the physical pages a bitmap or a list of ranges names; also live dumps */
    DUMP_KIND_COUNT
};
const char *dump_kind_name(enum dump_kind k); /* "user", "triage", "full", "bitmap" */

enum dump_arch { DUMP_X86, DUMP_AMD64, DUMP_ARM64, DUMP_ARCH_OTHER };
const char *dump_arch_name(enum dump_arch a);

struct dump_module { /* of a kernel dump: a driver */
    uint64_t base;
    uint32_t size;      /* bytes */
    uint32_t timestamp; /* TimeDateStamp of the PE header; 0: not known */
    uint32_t checksum;  /* 0: not known */
    char *path;         /* UTF-8, as written; never NULL */
    const char *name;   /* file name without folder; inside path */
    char version[48];   /* "1.2.3.4", or "" when not known */
};

struct dump_unloaded {
    uint64_t base, size;
    uint32_t timestamp, checksum; /* 0: not known; kernel dumps do not have them */
    int64_t time_us;              /* microseconds since 1970 when it was unloaded; 0: not known */
    char *name;                   /* UTF-8, without folder as far as the dump tells; never NULL */
};

struct dump_thread {
    uint32_t id;
    uint64_t teb;
    uint64_t stack_base, stack_size; /* as written; base is the lowest address */
    uint64_t pc, sp;                 /* 0: not known */
    char *name;                      /* NULL: none */
};

struct dump_exception {
    bool known;
    uint32_t code, flags; /* NTSTATUS of the exception: 0xC0000005 ... */
    uint64_t address;     /* of the instruction */
    uint32_t count;       /* of parameters: 0..15 */
    uint64_t parameters[15];
    uint32_t thread;      /* id; user dumps only */
};

struct dump_bugcheck {
    bool known;
    uint32_t raw;  /* as the header has it */
    uint32_t code; /* as Windows' event 1001 tells it: without bit 28 where that marks a minidump */
    uint64_t parameters[4];
};

/* Where it broke, from the best source there is; for bugchecks their own parameters before the record of the header,
 * which is most often the breakpoint in KeBugCheckEx itself. */
struct dump_fault {
    bool known;
    uint64_t address;   /* of the instruction */
    char *source;       /* for people: "exception record", "bugcheck parameter 2", ...; NULL when not known */
    uint32_t code;      /* NTSTATUS; 0: not known */
    bool has_access;
    uint64_t access;    /* address that was touched */
};

struct dump_process {
    bool known;
    uint64_t id;        /* 0: not known */
    char *name;         /* NULL: not known; a kernel dump has at most 15 characters of it */
    char *command_line; /* NULL: not in the dump */
    int64_t created;    /* seconds since 1970; 0: not known */
    int64_t user_s, kernel_s; /* seconds of processor time; -1: not known */
};

struct dump_memory_info { /* regions of a process' address space by state and protection */
    size_t regions;      /* 0: not in the dump */
    uint64_t committed, reserved, executable_private; /* bytes */
};

struct dump {
    enum dump_kind kind;
    uint32_t type;       /* DumpType of a kernel dump, low half of Flags of a user dump */
    enum dump_arch arch;
    uint32_t machine;    /* IMAGE_FILE_MACHINE_* (kernel) or PROCESSOR_ARCHITECTURE_* (user), as written */
    bool is_windows;     /* other systems write MDMP too */
    char *system;        /* "Windows", "Linux", "macOS", ...; never NULL */
    uint32_t os_major, os_minor, os_build; /* 0: not known */
    char *service_pack;  /* "Service Pack 2", "" ; NULL: not in the dump */
    uint32_t processors; /* 0: not known */
    char *processor;     /* "GenuineIntel family 6 model 13 stepping 8"; NULL: not in the dump */
    int64_t time_us;     /* microseconds since 1970 when the dump was written; 0: not known */
    int64_t uptime_us;   /* microseconds since boot (kernel) or process start (user); -1: not known */
    struct dump_bugcheck bugcheck;
    struct dump_exception exception; /* as the header or the exception stream has it */
    struct dump_fault fault;
    uint64_t pc, sp, fp; /* of the crashing context; 0: not known */
    struct dump_process process;
    struct dump_memory_info memory;
    struct dump_module *modules; /* in the order of the dump */
    size_t module_count;
    struct dump_unloaded *unloaded;
    size_t unloaded_count;
    struct dump_thread *threads; /* user dumps */
    size_t thread_count;
    uint64_t stack_base; /* guest address of stack[0] */
    uint8_t *stack;      /* of the crashing context; NULL when the dump has none */
    size_t stack_size;   /* bytes */
    char *named;         /* a driver the dump itself names as at fault, file or driver object; NULL: none */
    char *named_how;     /* for people: where it does */
    char *comment;       /* NULL: none */
    char **notes;        /* what was looked for otherwise than usual, or not found; for people */
    size_t note_count;
    char *damage;        /* memory is missing although the headers are whole: what; else NULL */
};

/* Refuses with a reason (ERR_PROTOCOL) what is no dump or not a whole one: empty, all zeros, cut short, offsets outside
 * the file. A kernel dump of physical memory that is cut short is read as far as it goes, and says so in damage. The
 * result owns all it says: data is not needed afterwards. */
struct dump *dump_parse(const void *data, size_t size, struct err *err);
/* The same from a file, which is mapped, not read. */
struct dump *dump_load(const char *path, struct err *err);
/* Whether a file begins as a Windows kernel dump does; false also when it cannot be read. */
bool dump_file_is_kernel(const char *path);
void dump_free(struct dump *d); /* NULL is fine */
static inline void dump_free_ptr(struct dump **d) {
    dump_free(*d);
}

/* 4 or 8: bytes of a pointer of the machine that crashed. */
size_t dump_width(const struct dump *d);
/* The module that holds an address, or NULL. Borrowed. */
const struct dump_module *dump_module_at(const struct dump *d, uint64_t address);
const struct dump_unloaded *dump_unloaded_at(const struct dump *d, uint64_t address);
/* A module by file name (case-insensitive), or NULL. Borrowed. */
const struct dump_module *dump_module_named(const struct dump *d, const char *name);
/* The next word on the stack from offset *at on (bytes from stack_base, moved behind it) that lies inside a module;
 * NULL at the end. Return addresses and remnants of them look alike. */
const struct dump_module *dump_stack_next(const struct dump *d, size_t *at, uint64_t *address);
/* Offset of the crashing context's stack pointer in the stack; 0 when it is not in it. */
size_t dump_stack_start(const struct dump *d);
/* "access violation" and the like for codes people know; "exception" else. Static storage. */
const char *dump_code_name(uint32_t code);

#endif
