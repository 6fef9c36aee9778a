/* What a dump with memory holds: the debugger's data, the list of loaded modules, the ring of unloaded drivers, the
 * stack. Sources: wdbgexts.h (KDDEBUGGER_DATA64; the same in 32-bit dumps), ntldr.h (KLDR_DATA_TABLE_ENTRY), ntiodump.h
 * (UNLOADED_DRIVERS32/64), PE format (IMAGE_NT_HEADERS). Newer Windows keeps the debugger's data encoded while it runs
 * (KdDecodeDataBlock decodes it for a dump); where it still is, what hangs on it is not known and a note says so. */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "evidence/kdump_impl.h"

#define KDBG_UNLOADED 0x220u /* MmUnloadedDrivers: address of the pointer */
#define KDBG_MODULES 0x48u   /* PsLoadedModuleList */
#define KDUMP_UNLOADED_KEPT 50u /* MI_UNLOADED_DRIVERS */
#define KDUMP_STACK_BYTES ((size_t)64 << 10)
#define KDUMP_NAME_BYTES 1024u

void kdump_debugger_data(struct kdump *k, struct dump *d) {
    size_t got = k->kdbg.size < sizeof(k->kdbg_copy) ? k->kdbg.size : sizeof(k->kdbg_copy);
    if (k->kdbg.data) {
        memcpy(k->kdbg_copy, k->kdbg.data, got);
    } else if (k->debugger_block && kdump_virt_read(k, k->debugger_block, k->kdbg_copy, 0x18)) {
        size_t size = bytes_u32(k->kdbg_copy + 0x14);
        size = size < sizeof(k->kdbg_copy) ? size : sizeof(k->kdbg_copy);
        got = size > 0x18 && kdump_virt_read(k, k->debugger_block, k->kdbg_copy, size) ? size : 0x18;
    }
    if (got >= 0x18 && memcmp(k->kdbg_copy + 0x10, "KDBG", 4) == 0) {
        k->kdbg_size = got;
    } else if (got) {
        dump_note(d, str_dup("the debugger's data are encoded: unloaded drivers and the process are not looked for"));
    } else if (d->kind != DUMP_TRIAGE) {
        dump_note(d, str_printf("the debugger's data are not in the dump"));
    }
}

uint64_t kdump_debugger_pointer(const struct kdump *k, size_t offset) {
    if (k->kdbg_size < offset + 8) {
        return 0;
    }
    uint64_t value = bytes_u64(k->kdbg_copy + offset);
    return k->wide ? value : value & UINT32_MAX;
}

uint16_t kdump_debugger_offset(const struct kdump *k, size_t offset) {
    return k->kdbg_size < offset + 2 ? 0 : bytes_u16(k->kdbg_copy + offset);
}

/* TimeDateStamp and CheckSum from the image's own header, when its first page is in the dump. */
static void kdump_image_header(const struct kdump *k, struct dump_module *m) {
    uint8_t dos[0x40], nt[0x60];
    if (!kdump_virt_read(k, m->base, dos, sizeof(dos)) || memcmp(dos, "MZ", 2) != 0) {
        return;
    }
    uint32_t at = bytes_u32(dos + 0x3c);
    if (at < 0x1000 && kdump_virt_read(k, m->base + at, nt, sizeof(nt)) && memcmp(nt, "PE\0\0", 4) == 0) {
        m->timestamp = bytes_u32(nt + 8);
        m->checksum = bytes_u32(nt + 0x58);
    }
}

/* KLDR_DATA_TABLE_ENTRY: links at 0, DllBase, SizeOfImage, FullDllName, BaseDllName. */
static bool kdump_module(struct kdump *k, uint64_t entry, struct dump_module *m) {
    bool wide = k->wide;
    uint8_t size[4];
    if (!kdump_virt_pointer(k, entry + (wide ? 0x30 : 0x18), &m->base) || !m->base ||
        !kdump_virt_read(k, entry + (wide ? 0x40 : 0x20), size, 4)) {
        return false;
    }
    m->size = bytes_u32(size);
    char *path = kdump_virt_unicode(k, entry + (wide ? 0x48 : 0x24), KDUMP_NAME_BYTES);
    if (!path) {
        path = kdump_virt_unicode(k, entry + (wide ? 0x58 : 0x2c), KDUMP_NAME_BYTES);
    }
    m->path = path ? path : str_dup("");
    m->name = bytes_basename(m->path);
    kdump_image_header(k, m);
    return true;
}

void kdump_modules(struct kdump *k, struct dump *d) {
    uint64_t head = k->loaded_list ? k->loaded_list : kdump_debugger_pointer(k, KDBG_MODULES), entry = 0;
    if (!k->levels) {
        return;
    }
    if (!kdump_virt_pointer(k, head, &entry)) {
        dump_note(d, str_printf("the list of loaded modules at 0x%" PRIx64 " is not in the dump", head));
        return;
    }
    size_t cap = 0;
    while (entry && entry != head && d->module_count < DUMP_MAX_MODULES) {
        struct dump_module m = {0};
        uint64_t next = 0;
        if (!kdump_module(k, entry, &m)) {
            dump_note(d, str_printf("the list of loaded modules breaks off after %zu", d->module_count));
            return;
        }
        if (d->module_count == cap) {
            cap = cap ? 2 * cap : 64;
            d->modules = mem_grow(d->modules, cap, sizeof(*d->modules));
        }
        d->modules[d->module_count++] = m;
        entry = kdump_virt_pointer(k, entry, &next) ? next : 0;
    }
    if (entry != head) {
        dump_note(d, str_printf("the list of loaded modules does not come back to its head after %zu",
                                d->module_count));
    }
}

static int64_t kdump_unloaded_time(const struct kdump *k, uint64_t at) {
    uint8_t raw[8];
    return kdump_virt_read(k, at, raw, sizeof(raw)) ? dump_filetime_us(bytes_u64(raw)) : 0;
}

/* UNLOADED_DRIVERS: a UNICODE_STRING, start, end, time; empty where its start is 0. */
void kdump_unloaded(struct kdump *k, struct dump *d) {
    uint64_t list = 0, where = kdump_debugger_pointer(k, KDBG_UNLOADED);
    size_t width = k->wide ? 8 : 4, step = k->wide ? 40 : 24;
    if (!where || !kdump_virt_pointer(k, where, &list) || !list) {
        return;
    }
    for (size_t i = 0; i < KDUMP_UNLOADED_KEPT; i++) {
        uint64_t start = 0, end = 0, at = list + i * step;
        if (!kdump_virt_pointer(k, at + 2 * width, &start) || !kdump_virt_pointer(k, at + 3 * width, &end)) {
            dump_note(d, str_printf("the list of unloaded drivers is not in the dump as a whole"));
            return;
        }
        char *name = start ? kdump_virt_unicode(k, at, KDUMP_NAME_BYTES) : NULL;
        if (!name) {
            continue;
        }
        d->unloaded = mem_grow(d->unloaded, d->unloaded_count + 1, sizeof(*d->unloaded));
        d->unloaded[d->unloaded_count++] = (struct dump_unloaded){
            .base = start, .size = end > start ? end - start : 0, .time_us = kdump_unloaded_time(k, at + 4 * width),
            .name = name};
    }
}

void kdump_stack(struct kdump *k, struct dump *d) {
    uint64_t from = d->sp & ~(uint64_t)7;
    if (!from || !k->levels) {
        return;
    }
    uint8_t *stack = mem_zalloc(KDUMP_STACK_BYTES, 1);
    size_t got = 0;
    while (got < KDUMP_STACK_BYTES) {
        size_t some = KDUMP_PAGE - (size_t)((from + got) % KDUMP_PAGE);
        some = some < KDUMP_STACK_BYTES - got ? some : KDUMP_STACK_BYTES - got;
        if (!kdump_virt_read(k, from + got, stack + got, some)) {
            break;
        }
        got += some;
    }
    if (!got) {
        free(stack);
        dump_note(d, str_printf("the stack at 0x%" PRIx64 " is not in the dump", from));
        return;
    }
    d->stack = stack;
    d->stack_base = from;
    d->stack_size = got;
}
