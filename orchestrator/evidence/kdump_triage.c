/* Triage dumps ("small memory dump"). Sources: ntiodump.h of the WDK (TRIAGE_DUMP32/64, DUMP_DRIVER_ENTRY32/64,
 * DUMP_STRING, DUMP_UNLOADED_DRIVERS32/64, TRIAGE_DATA_BLOCK), ntldr.h (KLDR_DATA_TABLE_ENTRY32/64). A DUMP_STRING's
 * length is in characters, although ntiodump.h says bytes. SizeOfDump is not the file's size: more data follows. */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "evidence/kdump_impl.h"

#define TRIAGE_OPTION_OVERFLOWED 0x100u
#define TRIAGE_MAX_UNLOADED 64u /* Windows keeps 50 */

enum { /* indexes of 32-bit fields that both widths share */
    TRIAGE_VALID = 2,
    TRIAGE_UNLOADED = 6,
    TRIAGE_PRCB = 7,
    TRIAGE_PROCESS = 8,
    TRIAGE_THREAD = 9,
    TRIAGE_STACK = 10,
    TRIAGE_STACK_SIZE = 11,
    TRIAGE_DRIVERS = 12,
    TRIAGE_DRIVER_COUNT = 13,
    TRIAGE_STRINGS = 14,
    TRIAGE_STRINGS_SIZE = 15,
    TRIAGE_BROKEN = 16,
    TRIAGE_OPTIONS = 17,
};

struct triage {
    struct kdump *k;
    const uint8_t *head;
    uint64_t top_of_stack, page_address;
    uint32_t page_at, page_size, debugger_at, debugger_size, blocks_at, blocks;
    struct bytes strings;
    const struct triage_driver *layout;
};

/* DUMP_DRIVER_ENTRY: where in an entry what lies, and its size where nothing better is known. */
static const struct triage_driver {
    size_t base, size, checksum, timestamp, step, least;
} triage_driver32 = {0x1c, 0x24, 0x44, 0x48, 0x4c, 0x4c}, triage_driver64 = {0x38, 0x48, 0x80, 0x88, 0x90, 0x8c};

static uint32_t triage_field(const struct triage *t, int field) {
    return bytes_u32(t->head + 4 * (size_t)field);
}

static int triage_open(struct triage *t, struct err *err) {
    struct kdump *k = t->k;
    struct bytes head, valid;
    if (bytes_slice(k->file, k->head, k->wide ? 0x80 : 0x68, "triage header", &head, err)) {
        return -1;
    }
    t->head = head.data;
    t->top_of_stack = bytes_word(head.data + 0x48, k->wide ? 8 : 4);
    const uint8_t *rest = head.data + (k->wide ? 0x60 : 0x4c);
    t->page_address = bytes_word(rest, k->wide ? 8 : 4);
    rest += k->wide ? 8 : 4;
    t->page_at = bytes_u32(rest);
    t->page_size = bytes_u32(rest + 4);
    t->debugger_at = bytes_u32(rest + 8);
    t->debugger_size = bytes_u32(rest + 12);
    t->blocks_at = bytes_u32(rest + 16);
    t->blocks = bytes_u32(rest + 20);
    t->layout = k->wide ? &triage_driver64 : &triage_driver32;
    if (bytes_slice(k->file, triage_field(t, TRIAGE_VALID), 4, "mark of validity", &valid, err)) {
        return -1;
    }
    if (memcmp(valid.data, "TRGD", 4) != 0) {
        return err_set(err, ERR_PROTOCOL, "the mark of validity at %" PRIu32 " is missing: its writing was interrupted",
                       triage_field(t, TRIAGE_VALID));
    }
    return bytes_slice(k->file, triage_field(t, TRIAGE_STRINGS), triage_field(t, TRIAGE_STRINGS_SIZE), "string pool",
                       &t->strings, err);
}

static char *triage_string(struct triage *t, uint32_t at) {
    struct bytes file = t->k->file;
    if (!at || !bytes_has(file, at, 4)) {
        return NULL;
    }
    uint64_t size = 2 * (uint64_t)bytes_u32(file.data + at);
    if (size < 2 || size > 4096 || size > t->k->text_left || !bytes_has(file, (uint64_t)at + 4, size)) {
        return NULL;
    }
    t->k->text_left -= (size_t)size;
    return bytes_utf16(file.data + at + 4, (size_t)size);
}

/* How far apart entries are: it has changed with Windows; the string pool follows the list. */
static size_t triage_driver_step(const struct triage *t, uint32_t at, uint32_t count) {
    uint32_t strings = triage_field(t, TRIAGE_STRINGS);
    size_t step = strings > at && count ? (strings - at) / count : 0;
    return step >= t->layout->least && step <= 0x100 && step % 4 == 0 ? step : t->layout->step;
}

static void triage_read_driver(struct triage *t, const uint8_t *p, struct dump_module *m) {
    const struct triage_driver *l = t->layout;
    char *path = triage_string(t, bytes_u32(p));
    m->path = path ? path : str_dup("");
    m->name = bytes_basename(m->path);
    m->base = bytes_word(p + l->base, t->k->wide ? 8 : 4);
    m->size = bytes_u32(p + l->size);
    m->checksum = bytes_u32(p + l->checksum);
    m->timestamp = bytes_u32(p + l->timestamp);
}

static int triage_drivers(struct triage *t, struct dump *d, struct err *err) {
    uint32_t at = triage_field(t, TRIAGE_DRIVERS), count = triage_field(t, TRIAGE_DRIVER_COUNT);
    size_t step = triage_driver_step(t, at, count);
    struct bytes list;
    if (count == 0) {
        dump_note(d, str_printf("the dump names no drivers"));
        return 0;
    }
    if (count > DUMP_MAX_MODULES) {
        return err_set(err, ERR_PROTOCOL, "%" PRIu32 " drivers are beyond belief", count);
    }
    if (bytes_slice(t->k->file, at, (uint64_t)(count - 1) * step + t->layout->least, "list of drivers", &list, err)) {
        return -1;
    }
    d->modules = mem_zalloc(count, sizeof(*d->modules));
    size_t nameless = 0;
    for (uint32_t i = 0; i < count; i++) {
        triage_read_driver(t, list.data + i * step, &d->modules[i]);
        nameless += d->modules[i].name[0] == '\0';
        d->module_count++;
    }
    if (nameless) {
        dump_note(d, str_printf("%zu of %" PRIu32 " drivers have no readable name", nameless, count));
    }
    if (triage_field(t, TRIAGE_OPTIONS) != UINT32_MAX && triage_field(t, TRIAGE_OPTIONS) & TRIAGE_OPTION_OVERFLOWED) {
        dump_note(d, str_printf("the list of drivers did not fit into the dump as a whole"));
    }
    return 0;
}

/* "BrokenDriver": an entry of the list of drivers that Windows itself holds at fault. */
static void triage_broken(struct triage *t, struct dump *d) {
    uint32_t at = triage_field(t, TRIAGE_BROKEN);
    if (!at || at == UINT32_MAX || !bytes_has(t->k->file, at, 4)) {
        return;
    }
    CLEANUP_FREE char *path = triage_string(t, bytes_u32(t->k->file.data + at));
    if (path && *path) {
        d->named = str_dup(bytes_basename(path));
        d->named_how = str_dup("Windows itself names it in the dump as the broken driver");
    }
}

/* A count (8 bytes on 64 bits, else 4), then DUMP_UNLOADED_DRIVERS: a UNICODE_STRING whose text follows it in 12
 * characters, start and end. */
static void triage_unloaded(struct triage *t, struct dump *d) {
    bool wide = t->k->wide;
    size_t skip = wide ? 8 : 4, step = wide ? 56 : 40, text = wide ? 16 : 8, width = wide ? 8 : 4;
    uint32_t at = triage_field(t, TRIAGE_UNLOADED);
    if (!at || !bytes_has(t->k->file, at, skip)) {
        return;
    }
    uint32_t count = bytes_u32(t->k->file.data + at);
    if (count > TRIAGE_MAX_UNLOADED || !bytes_has(t->k->file, at + skip, (uint64_t)count * step)) {
        dump_note(d, str_printf("the list of unloaded drivers is damaged: it says %" PRIu32, count));
        return;
    }
    d->unloaded = mem_zalloc(count, sizeof(*d->unloaded));
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *p = t->k->file.data + at + skip + i * step;
        size_t length = bytes_u16(p) < 24 ? bytes_u16(p) : 24;
        uint64_t start = bytes_word(p + text + 24, width), end = bytes_word(p + text + 24 + width, width);
        d->unloaded[d->unloaded_count++] = (struct dump_unloaded){
            .base = start, .size = end > start ? end - start : 0, .name = bytes_utf16(p + text, length)};
    }
}

static int triage_memory(struct triage *t, struct err *err) {
    struct kdump *k = t->k;
    struct bytes blocks;
    dump_ranges_add(&k->ranges, k->file, t->top_of_stack, triage_field(t, TRIAGE_STACK),
                    triage_field(t, TRIAGE_STACK_SIZE));
    dump_ranges_add(&k->ranges, k->file, t->page_address, t->page_at, t->page_size);
    size_t step = 16; /* TRIAGE_DATA_BLOCK: the address has 8 bytes on 32 bits, too */
    if (bytes_slice(k->file, t->blocks_at, (uint64_t)t->blocks * step, "list of data blocks", &blocks, err)) {
        return -1;
    }
    for (size_t i = 0; i < blocks.size; i += step) {
        const uint8_t *p = blocks.data + i;
        struct bytes part;
        if (bytes_slice(k->file, bytes_u32(p + 8), bytes_u32(p + 12), "data block", &part, err)) {
            return -1;
        }
        uint64_t address = k->wide ? bytes_u64(p) : bytes_u32(p);
        dump_ranges_add(&k->ranges, k->file, address, bytes_u32(p + 8), part.size);
    }
    dump_ranges_seal(&k->ranges);
    return 0;
}

static int triage_stack(struct triage *t, struct dump *d, struct err *err) {
    uint32_t size = triage_field(t, TRIAGE_STACK_SIZE);
    struct bytes stack;
    if (bytes_slice(t->k->file, triage_field(t, TRIAGE_STACK), size, "call stack", &stack, err)) {
        return -1;
    }
    if (!size) {
        dump_note(d, str_printf("the dump holds no call stack"));
        return 0;
    }
    d->stack_base = t->top_of_stack;
    d->stack_size = stack.size < DUMP_MAX_STACK ? stack.size : DUMP_MAX_STACK;
    d->stack = mem_zalloc(d->stack_size, 1);
    memcpy(d->stack, stack.data, d->stack_size);
    return 0;
}

static void triage_process(struct triage *t, struct dump *d) {
    uint32_t at = triage_field(t, TRIAGE_PROCESS), next = triage_field(t, TRIAGE_THREAD);
    uint64_t size = next > at ? next - at : 0x800;
    size = size > 0x1000 ? 0x1000 : size;
    if (!at || !bytes_has(t->k->file, at, size)) {
        return;
    }
    d->process.name = kdump_image_name(t->k, (struct bytes){t->k->file.data + at, (size_t)size});
    d->process.known = d->process.name != NULL;
}

int kdump_triage(struct kdump *k, struct dump *d, struct err *err) {
    struct triage t = {.k = k};
    if (triage_open(&t, err) || triage_stack(&t, d, err) || triage_memory(&t, err)) {
        return -1;
    }
    if (t.debugger_size && bytes_slice(k->file, t.debugger_at, t.debugger_size, "debugger data", &k->kdbg, err)) {
        return -1;
    }
    kdump_debugger_data(k, d);
    if (triage_drivers(&t, d, err)) {
        return -1;
    }
    triage_unloaded(&t, d);
    triage_broken(&t, d);
    triage_process(&t, d);
    return 0;
}
