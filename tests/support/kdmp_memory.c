/* Kernel dumps with memory: a guest of some forty pages, spread over physical memory so that maps have gaps. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "support/kdmp_impl.h"

enum { KDMP_PAGES = 256, KDMP_PAGE = 4096, KDMP_FIRST = 4080, KDMP_GAP = 3, KDMP_GROUP = 8 };

struct kdmp_guest {
    const struct kdmp *k;
    size_t count;
    uint64_t root; /* physical address of the first page table */
    uint8_t page[KDMP_PAGES][KDMP_PAGE];
};

/* A hole after every eight pages; the first block of 4096 that readers count ahead ends among them. */
static uint64_t kdmp_frame(size_t i) {
    return KDMP_FIRST + i + KDMP_GAP * (i / KDMP_GROUP);
}

static uint8_t *kdmp_page_of(struct kdmp_guest *g, uint64_t physical) {
    for (size_t i = 0; i < g->count; i++) {
        if (kdmp_frame(i) == physical / KDMP_PAGE) {
            return g->page[i] + physical % KDMP_PAGE;
        }
    }
    abort();
}

static uint64_t kdmp_new_page(struct kdmp_guest *g) {
    if (g->count == KDMP_PAGES) {
        abort();
    }
    return kdmp_frame(g->count++) * KDMP_PAGE;
}

static uint64_t kdmp_load(const uint8_t *p, size_t bytes) {
    uint64_t value = 0;
    for (size_t i = bytes; i-- > 0;) {
        value = value << 8 | p[i];
    }
    return value;
}

static void kdmp_store(uint8_t *p, uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        p[i] = (uint8_t)(value >> (8 * i));
    }
}

/* The entry's table or page, made when it is not there. Bits 0 and 1: present, writable; on ARM64 valid, table. */
static uint64_t kdmp_follow(struct kdmp_guest *g, uint64_t entry_at, size_t width) {
    uint8_t *entry = kdmp_page_of(g, entry_at);
    if (!(kdmp_load(entry, width) & 1)) {
        uint64_t made = kdmp_new_page(g);
        kdmp_store(entry, made | 3, width);
    }
    return kdmp_load(entry, width) & 0x000ffffffffff000u;
}

/* Physical address of a virtual one; pages and tables are made on the way. */
static uint64_t kdmp_map(struct kdmp_guest *g, uint64_t address) {
    const struct kdmp *k = g->k;
    uint64_t table = g->root;
    int levels = k->narrow ? 2 : k->levels;
    if (k->narrow && !k->pae) {
        table = kdmp_follow(g, table + (address >> 22 & 1023) * 4, 4);
        return kdmp_follow(g, table + (address >> 12 & 1023) * 4, 4) + address % KDMP_PAGE;
    }
    if (k->narrow) {
        table = kdmp_follow(g, table + (address >> 30 & 3) * 8, 8);
    }
    for (int level = levels; level >= 1; level--) {
        table = kdmp_follow(g, table + (address >> (12 + 9 * (level - 1)) & 511) * 8, 8);
    }
    return table + address % KDMP_PAGE;
}

static void kdmp_poke(struct kdmp_guest *g, uint64_t address, uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        *kdmp_page_of(g, kdmp_map(g, address + i)) = (uint8_t)(value >> (8 * i));
    }
}

static void kdmp_pointer(struct kdmp_guest *g, uint64_t address, uint64_t value) {
    kdmp_poke(g, address, value, kdmp_width(g->k));
}

/* A UNICODE_STRING at `at` whose text lies at `text`. */
static void kdmp_unicode(struct kdmp_guest *g, uint64_t at, uint64_t text, const char *ascii) {
    size_t length = strlen(ascii);
    kdmp_poke(g, at, 2 * length, 2);
    kdmp_poke(g, at + 2, 2 * length + 2, 2);
    kdmp_pointer(g, at + kdmp_width(g->k), text);
    for (size_t i = 0; i < length; i++) {
        kdmp_poke(g, text + 2 * i, (unsigned char)ascii[i], 2);
    }
}

/* A resource of type 16 by way of three directories, with a type before it that is none of ours. */
static void kdmp_version(struct kdmp_guest *g, const struct kdmp_driver *d) {
    uint64_t optional = d->base + 0x98, root = d->base + 0x200, info = d->base + 0x400;
    bool wide = !g->k->narrow;
    kdmp_poke(g, optional, wide ? 0x20b : 0x10b, 2);
    kdmp_poke(g, optional + (wide ? 108 : 92), 16, 4);
    kdmp_poke(g, optional + (wide ? 128 : 112), 0x200, 4);
    kdmp_poke(g, optional + (wide ? 132 : 116), 0x300, 4);
    kdmp_poke(g, root + 14, 2, 2);
    kdmp_poke(g, root + 16, 24, 4);
    kdmp_poke(g, root + 20, 0x800000f0, 4);
    kdmp_poke(g, root + 24, 16, 4);
    kdmp_poke(g, root + 28, 0x80000040, 4);
    kdmp_poke(g, root + 0x40 + 14, 1, 2);
    kdmp_poke(g, root + 0x40 + 20, 0x80000080, 4);
    kdmp_poke(g, root + 0x80 + 14, 1, 2);
    kdmp_poke(g, root + 0x80 + 16, 0x409, 4);
    kdmp_poke(g, root + 0x80 + 20, 0xc0, 4);
    kdmp_poke(g, root + 0xc0, 0x400, 4);
    kdmp_poke(g, root + 0xc4, 0x60, 4);
    kdmp_poke(g, info + 40, 0xfeef04bd, 4);
    for (size_t i = 0; i < 4; i++) { /* MS before LS, each with its lower half first */
        kdmp_poke(g, info + 48 + (i / 2) * 4 + (1 - i % 2) * 2, d->version[i], 2);
    }
    kdmp_poke(g, info + 0x60, 0, 1);
}

static void kdmp_driver_list(struct kdmp_guest *g) {
    const struct kdmp *k = g->k;
    bool n = k->narrow;
    uint64_t head = n ? KDMP_LIST32 : KDMP_LIST64, pool = n ? KDMP_POOL32 : KDMP_POOL64, last = head;
    size_t w = kdmp_width(k);
    for (size_t i = 0; i < k->driver_count; i++) {
        uint64_t at = pool + i * 0x400;
        kdmp_pointer(g, last, at);
        kdmp_pointer(g, at + w, last);
        kdmp_pointer(g, at + (n ? 0x18 : 0x30), k->drivers[i].base);
        kdmp_poke(g, at + (n ? 0x20 : 0x40), k->drivers[i].size, 4);
        kdmp_unicode(g, at + (n ? 0x24 : 0x48), at + 0x100, k->drivers[i].path);
        kdmp_poke(g, k->drivers[i].base, 0x5a4d, 2);
        kdmp_poke(g, k->drivers[i].base + 0x3c, 0x80, 4);
        kdmp_poke(g, k->drivers[i].base + 0x80, 0x4550, 4);
        kdmp_poke(g, k->drivers[i].base + 0x88, k->drivers[i].timestamp, 4);
        kdmp_poke(g, k->drivers[i].base + 0x80 + 0x58, k->drivers[i].checksum, 4);
        if (k->drivers[i].version[0]) {
            kdmp_version(g, &k->drivers[i]);
        }
        last = at;
    }
    kdmp_pointer(g, last, head);
    kdmp_pointer(g, head + w, last);
}

static void kdmp_gone_list(struct kdmp_guest *g) {
    const struct kdmp *k = g->k;
    size_t w = kdmp_width(k), step = k->narrow ? 24 : 40;
    uint64_t variable = k->narrow ? KDMP_GONE32 : KDMP_GONE64, list = variable + 0x100;
    kdmp_pointer(g, variable, list);
    kdmp_poke(g, list + 50 * step, 0, 1); /* the ring is there as a whole */
    for (size_t i = 0; i < k->gone_count; i++) {
        kdmp_unicode(g, list + i * step, list + 0x900 + i * 64, k->gone[i].name);
        kdmp_pointer(g, list + i * step + 2 * w, k->gone[i].start);
        kdmp_pointer(g, list + i * step + 3 * w, k->gone[i].end);
        kdmp_poke(g, list + i * step + 4 * w, k->gone[i].filetime, 8);
    }
}

/* Each processor with a thread and a process; the last one's stack is the crashing one. */
static void kdmp_processors(struct kdmp_guest *g) {
    const struct kdmp *k = g->k;
    uint64_t block = k->narrow ? KDMP_PRCBS32 : KDMP_PRCBS64, pool = (k->narrow ? KDMP_POOL32 : KDMP_POOL64) + 0x10000;
    for (uint32_t i = 0; i < k->processors; i++) {
        bool crashing = i + 1 == k->processors;
        uint64_t prcb = pool + i * 0x4000, thread = prcb + 0x1000, process = prcb + 0x2000;
        const char *name = crashing ? k->process : "Idle";
        kdmp_pointer(g, block + i * kdmp_width(k), prcb);
        kdmp_pointer(g, prcb + 8, thread);
        kdmp_pointer(g, thread + 0x28, crashing ? k->stack_base + 0x6000 : k->stack_base - 0x100000);
        kdmp_pointer(g, thread + 0xb8, process);
        kdmp_poke(g, process + 0x600, 0, 1);
        for (size_t c = 0; c <= strlen(name); c++) {
            kdmp_poke(g, process + (k->narrow ? 0x17c : 0x358) + c, (unsigned char)name[c], 1);
        }
    }
}

static void kdmp_populate(struct kdmp_guest *g) {
    const struct kdmp *k = g->k;
    CLEANUP_STR struct str kdbg = STR_INIT;
    g->root = kdmp_new_page(g);
    kdmp_debugger_data(k, &kdbg);
    for (size_t i = 0; i < kdbg.len; i++) {
        kdmp_poke(g, (k->narrow ? KDMP_KDBG32 : KDMP_KDBG64) + i, (unsigned char)kdbg.data[i], 1);
    }
    kdmp_driver_list(g);
    kdmp_gone_list(g);
    kdmp_processors(g);
    for (size_t i = 0; i < k->stack_words; i++) {
        kdmp_pointer(g, k->stack_base + i * kdmp_width(k), k->stack[i]);
    }
    for (size_t i = 0; i < k->poke_count; i++) {
        kdmp_pointer(g, k->pokes[i].at, k->pokes[i].value);
    }
}

static size_t kdmp_row(const struct kdmp_guest *g, size_t i) {
    return g->count - i < KDMP_GROUP ? g->count - i : KDMP_GROUP;
}

static void kdmp_put_runs(const struct kdmp_guest *g, struct str *out) {
    size_t w = kdmp_width(g->k), at = g->k->narrow ? 0x64 : 0x88, runs = 0;
    for (size_t i = 0; i < g->count; i += KDMP_GROUP, runs++) {
        size_t run = at + 2 * w + runs * 2 * w;
        kdmp_set(out, run, kdmp_frame(i), w);
        kdmp_set(out, run + w, kdmp_row(g, i), w);
    }
    kdmp_set(out, at, runs, 4);
    kdmp_set(out, at + w, g->count, w);
}

static void kdmp_put_bitmap(const struct kdmp_guest *g, bool old, struct str *out) {
    size_t head = out->len, bits = 8192; /* more than one block of what a reader counts ahead */
    size_t map = head + (!old ? 0x38 : g->k->narrow ? 0x20 : 0x28);
    size_t first = map + bits / 8;
    str_add(out, old ? "SDMPDUMP" : "FDMPDUMP");
    kdmp_fill(out, "\0\0\0\0", first);
    if (old) {
        kdmp_set(out, head + 12, first, 4);
        kdmp_set(out, head + 16, bits, 4);
        kdmp_set(out, head + 20, g->count, 4);
        kdmp_set(out, head + 24, bits, 4);
    } else {
        kdmp_set(out, head + 0x20, first, 8);
        kdmp_set(out, head + 0x28, g->count, 8);
        kdmp_set(out, head + 0x30, bits, 8);
    }
    for (size_t i = 0; i < g->count; i++) {
        out->data[map + kdmp_frame(i) / 8] |= (char)(1u << (kdmp_frame(i) % 8));
    }
}

static void kdmp_put_ranges(const struct kdmp_guest *g, struct str *out) {
    size_t head = out->len, metadata = 0x20 + (g->count + KDMP_GROUP - 1) / KDMP_GROUP * 16;
    kdmp_put(out, 0x40, 4);
    str_add(out, "RDMPDUMP");
    kdmp_fill(out, "\0\0\0\0", head + 0x30);
    kdmp_set(out, head + 0x10, metadata, 8);
    kdmp_set(out, head + 0x18, 0x2020 + metadata, 8);
    for (size_t i = 0; i < g->count; i += KDMP_GROUP) {
        kdmp_put(out, kdmp_frame(i), 8);
        kdmp_put(out, kdmp_row(g, i), 8);
    }
    kdmp_fill(out, "\0\0\0\0", 0x2020 + metadata);
}

void kdmp_memory(const struct kdmp *k, enum kdmp_map map, struct str *out) {
    CLEANUP_FREE struct kdmp_guest *g = mem_zalloc(1, sizeof(*g));
    g->k = k;
    kdmp_populate(g);
    kdmp_header(k, g->root, out);
    if (map == KDMP_RUNS) {
        kdmp_put_runs(g, out);
    } else if (map == KDMP_RANGES) {
        kdmp_put_ranges(g, out);
    } else {
        kdmp_put_bitmap(g, map == KDMP_OLD_BITMAP, out);
    }
    for (size_t i = 0; i < g->count; i++) {
        str_add_bytes(out, g->page[i], KDMP_PAGE);
    }
}
