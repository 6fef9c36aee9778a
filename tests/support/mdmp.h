/* Writes minidumps as valid MDMP bytes, for tests of what reads them. */
#ifndef COEXIST_TESTS_SUPPORT_MDMP_H
#define COEXIST_TESTS_SUPPORT_MDMP_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct mdmp_module {
    const char *path; /* ASCII */
    uint64_t base;
    uint32_t size;
    uint16_t version[4];
};

struct mdmp_rich;

struct mdmp {
    const struct mdmp_module *modules;
    size_t module_count;
    uint32_t code;
    uint64_t address;
    uint64_t stack[32]; /* words from the stack pointer up */
    size_t stack_words;
    const struct mdmp_rich *rich; /* NULL: none of that */
};

struct mdmp_rich { /* what fuller dumps have besides */
    const struct mdmp_module *unloaded;
    size_t unloaded_count;
    uint32_t process_id, created, user_s, kernel_s;
    const char *thread_name, *command_line, *comment;
};

/* An AMD64 Windows dump with system info, modules, one thread and its exception. Caller frees out. */
void mdmp_write(const struct mdmp *d, struct str *out);

#endif
