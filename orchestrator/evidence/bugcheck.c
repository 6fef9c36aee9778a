#include "evidence/bugcheck.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "evidence/bugcheck_table.h"
#include "evidence/dump.h"

static const struct {
    uint32_t code;
    uint64_t parameter;
    const char *text;
} subtypes[] = {
    {0x19, 0x20, "a block's size does not fit its neighbours"},
    {0x19, 0x22, "the block being freed was never allocated"},
    {0x19, 0x3, "a free list is damaged"},
    {0x1A, 0x41201, "a page's protection and its page table entry disagree"},
    {0x1A, 0x41790, "a page table's count of used entries is wrong"},
    {0x1A, 0x41792, "a page table entry is damaged"},
    {0x1A, 0x403, "page table and physical page disagree"},
    {0x1A, 0x5003, "a working set's free list is damaged"},
    {0x1A, 0x61941, "a page table hierarchy is damaged"},
    {0x4E, 0x7, "a driver unlocked pages more often than it locked them"},
    {0x4E, 0x99, "a page table entry or page number is damaged"},
    {0x4E, 0x9a, "a driver freed a page that is still locked for I/O"},
    {0x7F, 0x0, "division by zero"},
    {0x7F, 0x6, "illegal instruction"},
    {0x7F, 0x8, "double fault: most often the kernel stack is full"},
    {0x7F, 0xd, "general protection fault"},
    {0x9F, 0x1, "a device object was freed with a power request open"},
    {0x9F, 0x2, "a device object finished a power request it never got"},
    {0x9F, 0x3, "a device object blocks a request for too long"},
    {0x9F, 0x4, "a power transition waits for Plug and Play for too long"},
    {0x9F, 0x5, "a device does not finish a directed power transition"},
    {0x9F, 0x6, "a device does not finish its directed power callback"},
    {0x9F, 0x500, "a device object finished a power request it never got"},
    {0xC2, 0x0, "zero bytes were asked for"},
    {0xC2, 0x6, "the block was freed before"},
    {0xC2, 0x7, "the block was freed before"},
    {0xC2, 0x8, "the pool was used at too high an IRQL"},
    {0xC2, 0x9, "the pool was freed at too high an IRQL"},
    {0xC2, 0xa, "freed with another tag than it was allocated with"},
    {0xC2, 0x40, "a user-mode address was freed"},
    {0xC2, 0x46, "a bad pool address was freed"},
    {0xC2, 0x99, "a bad pool address was freed"},
    {0xC4, 0x60, "a driver was unloaded without freeing its pool"},
    {0xC4, 0x62, "a driver was unloaded without freeing its pool"},
    {0xC4, 0xf6, "a user-mode handle was used as a kernel handle"},
    {0xC4, 0x2000, "executable pool was asked for"},
    {0xC4, 0x2001, "executable pages were mapped"},
    {0x124, 0x0, "machine check"},
    {0x124, 0x4, "PCI Express error"},
    {0x124, 0x10, "a device driver reports an error"},
    {0x133, 0x0, "one DPC or interrupt handler ran too long"},
    {0x133, 0x1, "the processor was at raised IRQL too long in all"},
    {0x139, 0x0, "a stack buffer was overrun (old check)"},
    {0x139, 0x1, "a virtual function table is damaged"},
    {0x139, 0x2, "a stack cookie is wrong: a buffer on the stack was overrun"},
    {0x139, 0x3, "a doubly linked list is damaged: freed twice, or raced for"},
    {0x139, 0x4, "the stack pointer is outside its stack"},
    {0x139, 0x5, "an invalid parameter was passed to a function that cannot fail"},
    {0x139, 0x6, "a stack cookie was not initialised"},
    {0x139, 0x8, "an index is out of range"},
    {0x139, 0xa, "an indirect call to a place that is no function"},
    {0x139, 0xe, "a reference count overflowed or underflowed"},
    {0x139, 0x12, "a jump buffer is damaged"},
    {0x139, 0x15, "an exception chain is damaged"},
    {0x139, 0x1d, "a red-black tree is damaged"},
    {0xF4, 0x3, "a process"},
    {0xF4, 0x6, "a thread"},
};

static int bugcheck_compare(const void *key, const void *element) {
    uint32_t code = *(const uint32_t *)key, other = ((const struct bugcheck *)element)->code;
    return (code > other) - (code < other);
}

const struct bugcheck *bugcheck_find(uint32_t code) {
    size_t count = 0;
    const struct bugcheck *table = bugcheck_table(&count);
    return bsearch(&code, table, count, sizeof(*table), bugcheck_compare);
}

size_t bugcheck_count(void) {
    size_t count = 0;
    bugcheck_table(&count);
    return count;
}

const struct bugcheck *bugcheck_at(size_t i) {
    size_t count = 0;
    const struct bugcheck *table = bugcheck_table(&count);
    return i < count ? &table[i] : NULL;
}

const char *bugcheck_subtype(uint32_t code, uint64_t parameter1) {
    for (size_t i = 0; i < ARRAY_LEN(subtypes); i++) {
        if (subtypes[i].code == code && subtypes[i].parameter == parameter1) {
            return subtypes[i].text;
        }
    }
    return NULL;
}

uint32_t bugcheck_plain(uint32_t raw) {
    return raw >> 28 == 1 ? raw & 0x0fffffffu : raw;
}

static const char *bugcheck_irql(uint64_t value) {
    static const char *const names[] = {"PASSIVE_LEVEL", "APC_LEVEL", "DISPATCH_LEVEL"};
    if (value < ARRAY_LEN(names)) {
        return names[value];
    }
    return value == 0xff ? "interrupts disabled" : value < 0x20 ? "device interrupt level or above" : NULL;
}

const char *bugcheck_value(enum bugcheck_role role, uint64_t value) {
    switch (role) {
    case BUGCHECK_IRQL:
        return bugcheck_irql(value);
    case BUGCHECK_ACCESS:
        return value == 0 ? "read" : value == 1 ? "write"
             : value == 2 || value == 8 || value == 10 || value == 16 ? "execute" : NULL;
    case BUGCHECK_STATUS: {
        uint32_t high = (uint32_t)(value >> 32);
        const char *name = high == 0 || high == UINT32_MAX ? dump_code_name((uint32_t)value) : "exception";
        return name[0] == 'e' && name[1] == 'x' && name[9] == '\0' ? NULL : name;
    }
    default:
        return NULL;
    }
}
