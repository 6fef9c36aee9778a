/* Virtual memory of a kernel dump: the blocks of a triage dump, or page tables over physical memory. Sources: Intel SDM
 * volume 3 chapter 4 (32-bit, PAE, 4-level and 5-level paging), AMD64 APM volume 2 chapter 5, Arm Architecture
 * Reference Manual chapter D8 (4 KiB granule, 48 bits). Windows keeps the page of a "transition" entry in memory
 * although the processor would fault (Windows Internals, "Page faults"). */
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "evidence/kdump_impl.h"

#define PTE_FRAME 0x000ffffffffff000ull /* bits 51..12 */
#define PTE_PRESENT 1u
#define PTE_LARGE 0x80u
#define PTE_PROTOTYPE 0x400u
#define PTE_TRANSITION 0x800u

static bool kdump_entry(const struct kdump *k, uint64_t table, uint64_t index, size_t width, uint64_t *out) {
    uint8_t raw[8] = {0};
    if (!kdump_phys_read(k, table + index * width, raw, width)) {
        return false;
    }
    *out = bytes_word(raw, width);
    return true;
}

/* Tables of 512 entries of 8 bytes; `levels` of them, the last maps 4 KiB. ARM64 tells a block from a table by bit 1
 * instead of bit 7, which it calls otherwise. */
static bool kdump_walk(const struct kdump *k, uint64_t table, int levels, uint64_t address, uint64_t *physical) {
    bool arm = k->arch == DUMP_ARM64;
    for (int level = levels; level >= 1; level--) {
        int shift = 12 + 9 * (level - 1);
        uint64_t entry = 0, mask = ((uint64_t)1 << shift) - 1;
        if (!kdump_entry(k, table, address >> shift & 511, 8, &entry)) {
            return false;
        }
        bool present = entry & PTE_PRESENT;
        bool kept = !arm && level == 1 && entry & PTE_TRANSITION && !(entry & PTE_PROTOTYPE);
        if (!present && !kept) {
            return false;
        }
        bool leaf = level == 1 || (arm ? !(entry & 2) : entry & PTE_LARGE && level <= 3);
        if (leaf) {
            *physical = (entry & PTE_FRAME & ~mask) | (address & mask);
            return true;
        }
        table = entry & PTE_FRAME;
    }
    return false;
}

/* 32 bits: 1024 entries of 4 bytes twice, pages of 4 KiB or 4 MiB; or PAE, whose first table has 4 entries. */
static bool kdump_walk_x86(const struct kdump *k, uint64_t address, uint64_t *physical) {
    uint64_t entry = 0;
    if (k->pae) {
        if (!kdump_entry(k, k->table & ~(uint64_t)31, address >> 30 & 3, 8, &entry) || !(entry & PTE_PRESENT)) {
            return false;
        }
        return kdump_walk(k, entry & PTE_FRAME, 2, address, physical);
    }
    if (!kdump_entry(k, k->table & ~(uint64_t)4095, address >> 22 & 1023, 4, &entry) || !(entry & PTE_PRESENT)) {
        return false;
    }
    if (entry & PTE_LARGE) {
        *physical = (entry & 0xffc00000u) | (address & 0x3fffff);
        return true;
    }
    if (!kdump_entry(k, entry & 0xfffff000u, address >> 12 & 1023, 4, &entry)) {
        return false;
    }
    if (!(entry & PTE_PRESENT) && (!(entry & PTE_TRANSITION) || entry & PTE_PROTOTYPE)) {
        return false;
    }
    *physical = (entry & 0xfffff000u) | (address & 4095);
    return true;
}

static bool kdump_translate(const struct kdump *k, uint64_t address, uint64_t *physical) {
    return k->arch == DUMP_X86 ? kdump_walk_x86(k, address, physical)
                               : kdump_walk(k, k->table & PTE_FRAME, k->levels, address, physical);
}

bool kdump_virt_read(const struct kdump *k, uint64_t address, void *out, size_t size) {
    if (k->ranges.count) {
        return dump_ranges_read(&k->ranges, k->file, address, out, size);
    }
    if (!k->levels) {
        return false;
    }
    for (uint8_t *to = out; size;) {
        size_t left = KDUMP_PAGE - (size_t)(address % KDUMP_PAGE), some = left < size ? left : size;
        uint64_t physical = 0;
        if (!kdump_translate(k, address, &physical) || !kdump_phys_read(k, physical, to, some)) {
            return false;
        }
        to += some;
        address += some;
        size -= some;
    }
    return true;
}

bool kdump_virt_pointer(const struct kdump *k, uint64_t address, uint64_t *out) {
    uint8_t raw[8] = {0};
    size_t width = k->wide ? 8 : 4;
    if (!address || !kdump_virt_read(k, address, raw, width)) {
        return false;
    }
    *out = bytes_word(raw, width);
    return true;
}

char *kdump_virt_unicode(struct kdump *k, uint64_t address, size_t max) {
    uint8_t length[2];
    uint64_t text = 0;
    if (!address || !kdump_virt_read(k, address, length, 2) ||
        !kdump_virt_pointer(k, address + (k->wide ? 8 : 4), &text)) {
        return NULL;
    }
    size_t size = bytes_u16(length) < max ? bytes_u16(length) : max;
    if (size < 2 || size > k->text_left) {
        return NULL;
    }
    CLEANUP_FREE uint8_t *raw = mem_zalloc(size, 1);
    if (!kdump_virt_read(k, text, raw, size)) {
        return NULL;
    }
    k->text_left -= size;
    CLEANUP_FREE char *name = bytes_utf16(raw, size);
    return *name ? STEAL(name) : NULL;
}

/* The debugger block begins with a tag, the list of modules leads back to itself. */
static bool kdump_leads_home(const struct kdump *k) {
    uint8_t tag[4] = {0};
    uint64_t first = 0, back = 0;
    size_t at = 16;
    if (k->debugger_block && kdump_virt_read(k, k->debugger_block + at, tag, 4) && memcmp(tag, "KDBG", 4) == 0) {
        return true;
    }
    return kdump_virt_pointer(k, k->loaded_list, &first) &&
           kdump_virt_pointer(k, first + (k->wide ? 8 : 4), &back) && back == k->loaded_list;
}

void kdump_virt_open(struct kdump *k, struct dump *d) {
    static const int tried[] = {4, 5};
    if (k->arch == DUMP_ARCH_OTHER) {
        dump_note(d, str_printf("memory is not read: no page tables are known for machine 0x%04x", d->machine));
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(tried); i++) {
        k->levels = tried[i];
        if (kdump_leads_home(k)) {
            return;
        }
    }
    k->levels = 0;
    dump_note(d, str_dup("memory is not read: the page tables lead neither to the debugger's data nor to the list "
                         "of modules, with 4 or 5 levels"));
}
