/* Reads Windows minidumps: whose code was running when it went wrong. Source of the format: Microsoft's
 * minidumpapiset.h (MINIDUMP_HEADER, MINIDUMP_DIRECTORY, MINIDUMP_EXCEPTION_STREAM, MINIDUMP_MODULE, MINIDUMP_THREAD,
 * MINIDUMP_SYSTEM_INFO, MINIDUMP_STRING) and winnt.h (CONTEXT of x86, AMD64, ARM64). A dump comes from a guest
 * and is not trusted: every offset and count is checked against the size of the file. */
#ifndef COEXIST_ANALYSIS_MINIDUMP_H
#define COEXIST_ANALYSIS_MINIDUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Larger dumps are refused; those the lab collects hold stacks, not memory. */
#define MINIDUMP_MAX_BYTES ((size_t)256 << 20)

enum minidump_arch { MINIDUMP_X86, MINIDUMP_AMD64, MINIDUMP_ARM64, MINIDUMP_ARCH_OTHER };
const char *minidump_arch_name(enum minidump_arch a);

struct minidump_module {
    uint64_t base;
    uint32_t size;
    uint32_t timestamp;
    char *path;       /* UTF-8, as written; never NULL */
    const char *name; /* file name without folder; inside path */
    char version[48]; /* "1.2.3.4", or "" when the module has none */
};

struct minidump {
    bool is_windows;  /* system info says Windows NT; other systems write the same container */
    enum minidump_arch arch;
    uint32_t os_major, os_minor, os_build;
    bool has_exception;
    uint32_t code;    /* NTSTATUS of the exception: 0xC0000005 ... */
    uint64_t address; /* where the faulting instruction lies */
    uint32_t thread;  /* id of the thread */
    uint64_t access;  /* address that was touched, for access violations; else 0 */
    struct minidump_module *modules; /* in file order */
    size_t module_count;
    uint64_t stack_base;  /* guest address of stack[0] */
    uint64_t sp;          /* stack pointer at the fault; 0 when the context does not tell */
    uint8_t *stack;       /* the faulting thread's stack; NULL when the dump has none */
    size_t stack_size;
};

/* Refuses with a reason (ERR_PROTOCOL) what is not a whole minidump: empty, all zeros, cut short, offsets outside
 * the file, a kernel dump (PAGEDUMP, PAGEDU64). */
struct minidump *minidump_parse(const void *data, size_t size, struct err *err);
struct minidump *minidump_load(const char *path, struct err *err);
void minidump_free(struct minidump *d); /* NULL is fine */
static inline void minidump_free_ptr(struct minidump **d) {
    minidump_free(*d);
}

/* The module that holds an address, or NULL. Borrowed. */
const struct minidump_module *minidump_module_at(const struct minidump *d, uint64_t address);
/* The first word on the faulting thread's stack, from the stack pointer up, that lies inside a module `wanted` says
 * yes to: the innermost return address into it, or a remnant of one. NULL when there is none. */
const struct minidump_module *minidump_stack_find(const struct minidump *d,
                                                  bool (*wanted)(const char *name, void *ctx),
                                                  void *ctx, uint64_t *address);
/* "access violation" and the like for codes people know; "exception" else. Static storage. */
const char *minidump_code_name(uint32_t code);

#endif
