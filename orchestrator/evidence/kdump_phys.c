/* Physical memory in a kernel dump. Sources: ntiodump.h of the WDK (PHYSICAL_MEMORY_DESCRIPTOR32/64 in the header of a
 * full dump; SUMMARY_DUMP32/64 of kernel dumps up to Windows 7); rekall's crashdump overlay and 0vercl0k/kdmp-parser
 * (SDMP/FDMP bitmaps since Windows 8 and RDMP page ranges since Windows 11 22H2, as found by reverse engineering). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "evidence/kdump_impl.h"

#define KDUMP_RANK_BITS 4096u
#define KDUMP_MAX_PAGES ((uint64_t)1 << 40) /* 4 EiB: the processors' physical limit is below */

static int kdump_add_run(struct kdump_phys *p, uint64_t page, uint64_t count, struct err *err) {
    if (page > KDUMP_MAX_PAGES || count > KDUMP_MAX_PAGES || p->pages > KDUMP_MAX_PAGES) {
        return err_set(err, ERR_PROTOCOL, "a run of %" PRIu64 " pages at page %" PRIu64 " is beyond belief", count,
                       page);
    }
    p->runs[p->run_count++] = (struct kdump_run){page, count, p->pages};
    p->pages += count;
    return 0;
}

static int kdump_run_compare(const void *a, const void *b) {
    const struct kdump_run *x = a, *y = b;
    return (x->page > y->page) - (x->page < y->page);
}

/* Full dumps: runs in the header, pages from behind the header on. */
static int kdump_open_runs(struct kdump *k, struct err *err) {
    size_t at = k->wide ? 0x88 : 0x64, step = k->wide ? 16 : 8, width = k->wide ? 8 : 4;
    size_t skip = k->wide ? 16 : 8;
    const uint8_t *p = k->file.data + at;
    uint32_t count = bytes_u32(p);
    if (count == 0 || count > (700 - skip) / step) { /* the block has 700 bytes; unused it holds "PAGE" */
        return err_set(err, ERR_PROTOCOL, "the header's list of physical memory says %" PRIu32 " runs", count);
    }
    k->phys.runs = mem_zalloc(count, sizeof(*k->phys.runs));
    k->phys.at = k->head;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *run = p + skip + i * step;
        if (kdump_add_run(&k->phys, bytes_word(run, width), bytes_word(run + width, width), err)) {
            return -1;
        }
    }
    qsort(k->phys.runs, k->phys.run_count, sizeof(*k->phys.runs), kdump_run_compare);
    return 0;
}

/* RDMP: 0x40, "RDMP", "DUMP", a reserved word, bytes of metadata, offset of the first page; 16 bytes more, then pairs
 * of first page and count. The list ends where the metadata does or at a pair that begins with 0. */
static int kdump_open_ranges(struct kdump *k, struct err *err) {
    struct bytes head, list;
    if (bytes_slice(k->file, k->head, 0x30, "RDMP header", &head, err)) {
        return -1;
    }
    uint64_t metadata = bytes_u64(head.data + 0x10);
    k->phys.at = bytes_u64(head.data + 0x18);
    uint64_t from = k->head + 0x30;
    uint64_t size = k->phys.at > from ? k->phys.at - from : 0;
    size = metadata < size ? metadata : size;
    if (size < 16 || bytes_slice(k->file, from, size, "list of page ranges", &list, err)) {
        return size < 16 ? err_set(err, ERR_PROTOCOL, "no room for page ranges before the first page") : -1;
    }
    k->phys.runs = mem_zalloc(list.size / 16, sizeof(*k->phys.runs));
    for (size_t i = 0; i + 16 <= list.size; i += 16) {
        uint64_t page = bytes_u64(list.data + i), count = bytes_u64(list.data + i + 8);
        if (!page) { /* page 0 is never dumped */
            break;
        }
        if (kdump_add_run(&k->phys, page, count, err)) {
            return -1;
        }
    }
    qsort(k->phys.runs, k->phys.run_count, sizeof(*k->phys.runs), kdump_run_compare);
    return 0;
}

static unsigned kdump_bits_set(const uint8_t *p, size_t size) {
    unsigned n = 0;
    for (size_t i = 0; i < size; i++) {
        n += (unsigned)__builtin_popcount(p[i]);
    }
    return n;
}

/* SDMP or FDMP, then "DUMP". The old form (SUMMARY_DUMP) has HeaderSize, BitmapSize, Pages and the size of the bitmap
 * once more; the new one has 64-bit numbers at 0x20. */
static int kdump_open_bitmap(struct kdump *k, struct err *err) {
    struct bytes h;
    if (bytes_slice(k->file, k->head, 0x38, "bitmap header", &h, err)) {
        return -1;
    }
    uint32_t old_at = bytes_u32(h.data + 12), old_bits = bytes_u32(h.data + 16);
    size_t old_map = k->head + (k->wide ? 0x28 : 0x20);
    bool old = old_bits && bytes_u32(h.data + 24) == old_bits && old_at >= old_map + old_bits / 8;
    uint64_t map = old ? old_map : k->head + 0x38;
    k->phys.at = old ? old_at : bytes_u64(h.data + 0x20);
    k->phys.bits = old ? old_bits : bytes_u64(h.data + 0x30);
    if (k->phys.bits == 0 || k->phys.bits > KDUMP_MAX_PAGES) {
        return err_set(err, ERR_PROTOCOL, "a bitmap of %" PRIu64 " pages is beyond belief", k->phys.bits);
    }
    if (bytes_slice(k->file, map, (k->phys.bits + 7) / 8, "bitmap of pages", &k->phys.bitmap, err)) {
        return -1;
    }
    size_t step = KDUMP_RANK_BITS / 8;
    k->phys.ranks = mem_zalloc(k->phys.bitmap.size / step + 1, sizeof(*k->phys.ranks));
    for (size_t i = 0; i < k->phys.bitmap.size; i += step) {
        size_t left = k->phys.bitmap.size - i < step ? k->phys.bitmap.size - i : step;
        k->phys.ranks[i / step] = k->phys.pages;
        k->phys.pages += kdump_bits_set(k->phys.bitmap.data + i, left);
    }
    return 0;
}

int kdump_phys_open(struct kdump *k, struct dump *d, struct err *err) {
    const uint8_t *h = k->file.data + k->head;
    bool room = bytes_has(k->file, k->head, 12);
    bool bitmap = room && (memcmp(h, "SDMPDUMP", 8) == 0 || memcmp(h, "FDMPDUMP", 8) == 0);
    bool ranges = room && bytes_u32(h) == 0x40 && memcmp(h + 4, "RDMPDUMP", 8) == 0;
    d->kind = bitmap || ranges ? DUMP_BITMAP : DUMP_FULL;
    if (!bitmap && !ranges && d->type != 1) {
        return err_set(err, ERR_PROTOCOL, "a dump of type %" PRIu32 " without a map of its pages: cut short or new",
                       d->type);
    }
    if (bitmap ? kdump_open_bitmap(k, err) : ranges ? kdump_open_ranges(k, err) : kdump_open_runs(k, err)) {
        return -1;
    }
    uint64_t room_for = k->phys.at < k->file.size ? (k->file.size - k->phys.at) / KDUMP_PAGE : 0;
    if (room_for < k->phys.pages) {
        d->damage = str_printf("cut short: of %" PRIu64 " pages of memory the file holds %" PRIu64, k->phys.pages,
                               room_for);
    }
    return 0;
}

void kdump_phys_close(struct kdump *k) {
    free(k->phys.runs);
    free(k->phys.ranks);
}

static bool kdump_find_run(const struct kdump_phys *p, uint64_t page, uint64_t *index) {
    size_t low = 0, high = p->run_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (p->runs[mid].page <= page) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    if (!low || page - p->runs[low - 1].page >= p->runs[low - 1].count) {
        return false;
    }
    *index = p->runs[low - 1].first + (page - p->runs[low - 1].page);
    return true;
}

static bool kdump_find_bit(const struct kdump_phys *p, uint64_t page, uint64_t *index) {
    if (page >= p->bits || !(p->bitmap.data[page / 8] >> (page % 8) & 1)) {
        return false;
    }
    size_t block = (size_t)(page / KDUMP_RANK_BITS), from = block * (KDUMP_RANK_BITS / 8);
    uint8_t last = p->bitmap.data[page / 8] & (uint8_t)((1u << (page % 8)) - 1);
    *index = p->ranks[block] + kdump_bits_set(p->bitmap.data + from, (size_t)(page / 8) - from) +
             (unsigned)__builtin_popcount(last);
    return true;
}

bool kdump_phys_read(const struct kdump *k, uint64_t physical, void *out, size_t size) {
    uint64_t page = physical / KDUMP_PAGE, offset = physical % KDUMP_PAGE, index = 0;
    bool found = k->phys.runs ? kdump_find_run(&k->phys, page, &index)
                 : k->phys.ranks ? kdump_find_bit(&k->phys, page, &index) : false;
    if (!found || offset + size > KDUMP_PAGE || index > k->file.size / KDUMP_PAGE) {
        return false;
    }
    uint64_t at = k->phys.at + index * KDUMP_PAGE + offset;
    if (at < k->phys.at || !bytes_has(k->file, at, size)) {
        return false;
    }
    memcpy(out, k->file.data + at, size);
    return true;
}
