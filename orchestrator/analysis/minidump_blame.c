/* What a minidump says, asked for: the module at an address, on the stack, names of codes. */
#include "analysis/minidump.h"

#include <string.h>

#include "base/cleanup.h"

const char *minidump_arch_name(enum minidump_arch a) {
    switch (a) {
    case MINIDUMP_X86:
        return "x86";
    case MINIDUMP_AMD64:
        return "amd64";
    case MINIDUMP_ARM64:
        return "arm64";
    default:
        return "other";
    }
}

const struct minidump_module *minidump_module_at(const struct minidump *d, uint64_t address) {
    for (size_t i = 0; i < d->module_count; i++) {
        const struct minidump_module *m = &d->modules[i];
        if (address >= m->base && address - m->base < m->size) {
            return m;
        }
    }
    return NULL;
}

static uint64_t minidump_stack_word(const uint8_t *p, size_t width) {
    uint64_t word = 0;
    for (size_t i = width; i-- > 0;) {
        word = word << 8 | p[i];
    }
    return word;
}

const struct minidump_module *minidump_stack_find(const struct minidump *d,
                                                  bool (*wanted)(const char *name, void *ctx),
                                                  void *ctx, uint64_t *address) {
    size_t width = d->arch == MINIDUMP_X86 ? 4 : 8;
    size_t at = 0;
    if (!d->stack) {
        return NULL;
    }
    if (d->sp > d->stack_base && d->sp - d->stack_base < d->stack_size) {
        at = (size_t)(d->sp - d->stack_base);
        at += (width - at % width) % width;
    }
    for (; at + width <= d->stack_size; at += width) {
        uint64_t word = minidump_stack_word(d->stack + at, width);
        const struct minidump_module *m = word ? minidump_module_at(d, word) : NULL;
        if (m && wanted(m->name, ctx)) {
            if (address) {
                *address = word;
            }
            return m;
        }
    }
    return NULL;
}

const char *minidump_code_name(uint32_t code) {
    static const struct {
        uint32_t code; /* NTSTATUS values of ntstatus.h */
        const char *name;
    } names[] = {
        {0xc0000005u, "access violation"},      {0xc00000fdu, "stack overflow"},
        {0xc0000094u, "integer division by zero"}, {0xc000001du, "illegal instruction"},
        {0xc0000096u, "privileged instruction"}, {0xc0000374u, "heap corruption"},
        {0xc0000409u, "stack buffer overrun or fail-fast"}, {0x80000003u, "breakpoint"},
        {0xc0000006u, "in-page error"},         {0xc000000du, "invalid parameter"},
        {0xe06d7363u, "unhandled C++ exception"}, {0xc000027bu, "application-internal exception"},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (names[i].code == code) {
            return names[i].name;
        }
    }
    return "exception";
}
