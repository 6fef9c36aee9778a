#include "evidence/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "evidence/dump_impl.h"

/* How much of a file without a signature is looked at to tell whether it is nothing but zeros. */
#define DUMP_ZEROS_LOOKED ((size_t)64 << 20)

const char *dump_kind_name(enum dump_kind k) {
    static const char *const names[DUMP_KIND_COUNT] = {"user", "triage", "full", "bitmap"};
    return names[k];
}

const char *dump_arch_name(enum dump_arch a) {
    static const char *const names[] = {"x86", "amd64", "arm64", "other"};
    return names[a];
}

enum dump_arch dump_machine_arch(uint32_t machine) {
    switch (machine) { /* winnt.h */
    case 0x014c:
        return DUMP_X86;
    case 0x8664:
        return DUMP_AMD64;
    case 0xaa64:
        return DUMP_ARM64;
    default:
        return DUMP_ARCH_OTHER;
    }
}

void dump_note(struct dump *d, char *text) {
    d->notes = mem_grow(d->notes, d->note_count + 1, sizeof(*d->notes));
    d->notes[d->note_count++] = text;
}

int64_t dump_filetime_us(uint64_t filetime) {
    int64_t us = (int64_t)(filetime / 10) - DUMP_FILETIME_UNIX_S * 1000000;
    bool sane = filetime < (uint64_t)1 << 62 && us > 315532800ll * 1000000; /* 1980 */
    return sane ? us : 0;
}

/* Offsets of the program counter, stack and frame pointers in CONTEXT (winnt.h; x86 0x2cc bytes, AMD64 0x4d0, ARM64
 * 0x390). */
void dump_read_context(struct dump *d, struct bytes context) {
    static const struct {
        size_t pc, sp, fp, width;
    } at[] = {
        [DUMP_X86] = {0xb8, 0xc4, 0xb4, 4},
        [DUMP_AMD64] = {0xf8, 0x98, 0xa0, 8},
        [DUMP_ARM64] = {0x108, 0x100, 0xf0, 8},
    };
    if (d->arch == DUMP_ARCH_OTHER || !bytes_has(context, at[d->arch].pc, at[d->arch].width) ||
        !bytes_has(context, at[d->arch].sp, at[d->arch].width)) {
        return;
    }
    d->pc = bytes_word(context.data + at[d->arch].pc, at[d->arch].width);
    d->sp = bytes_word(context.data + at[d->arch].sp, at[d->arch].width);
    d->fp = bytes_word(context.data + at[d->arch].fp, at[d->arch].width);
}

void dump_ranges_add(struct dump_ranges *r, struct bytes file, uint64_t address, uint64_t at, uint64_t size) {
    if (!size || !bytes_has(file, at, size) || address + size < address) {
        return;
    }
    if (r->count == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 64;
        r->items = mem_grow(r->items, r->cap, sizeof(*r->items));
    }
    r->items[r->count++] = (struct dump_range){address, size, at};
}

static int dump_ranges_compare(const void *a, const void *b) {
    const struct dump_range *x = a, *y = b;
    return (x->address > y->address) - (x->address < y->address);
}

void dump_ranges_seal(struct dump_ranges *r) {
    if (r->count) {
        qsort(r->items, r->count, sizeof(*r->items), dump_ranges_compare);
    }
}

size_t dump_ranges_find(const struct dump_ranges *r, uint64_t address, size_t size, uint64_t *at) {
    size_t low = 0, high = r->count;
    while (low < high) { /* the first that begins behind the address */
        size_t mid = low + (high - low) / 2;
        if (r->items[mid].address <= address) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    /* Blocks may overlap: a few before the nearest are asked too. */
    for (size_t i = low; i-- > 0 && low - i <= 8;) {
        const struct dump_range *x = &r->items[i];
        if (address - x->address < x->size) {
            uint64_t left = x->size - (address - x->address);
            *at = x->at + (address - x->address);
            return left < size ? (size_t)left : size;
        }
    }
    return 0;
}

bool dump_ranges_read(const struct dump_ranges *r, struct bytes file, uint64_t address, void *out,
                      size_t size) {
    for (uint8_t *to = out; size;) {
        uint64_t at = 0;
        size_t got = dump_ranges_find(r, address, size, &at);
        if (!got) {
            return false;
        }
        memcpy(to, file.data + at, got);
        to += got;
        address += got;
        size -= got;
    }
    return true;
}

static bool dump_all_zero(const uint8_t *p, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (p[i]) {
            return false;
        }
    }
    return true;
}

static int dump_read(struct bytes file, struct dump *d, struct err *err) {
    if (file.size == 0) {
        return err_set(err, ERR_PROTOCOL, "dump: the file is empty: its writing was interrupted");
    }
    if (kdump_is(file)) {
        return kdump_read(file, d, err);
    }
    if (file.size >= 4 && memcmp(file.data, "MDMP", 4) == 0) {
        return minidump_read(file, d, err);
    }
    size_t looked = file.size < DUMP_ZEROS_LOOKED ? file.size : DUMP_ZEROS_LOOKED;
    if (dump_all_zero(file.data, looked)) {
        return looked == file.size
                   ? err_set(err, ERR_PROTOCOL, "dump: the file is all zeros: its writing was interrupted")
                   : err_set(err, ERR_PROTOCOL,
                             "dump: the file begins with %zu MiB of zeros: its writing was interrupted",
                             looked >> 20);
    }
    if (file.size < 8) {
        return err_set(err, ERR_PROTOCOL, "dump: %zu bytes are too few for a header", file.size);
    }
    return err_set(err, ERR_PROTOCOL,
                   "dump: begins with neither 'MDMP' (user) nor 'PAGEDUMP' or 'PAGEDU64' (kernel)");
}

struct dump *dump_parse(const void *data, size_t size, struct err *err) {
    CLEANUP(dump_free_ptr) struct dump *d = mem_zalloc(1, sizeof(*d));
    d->uptime_us = -1;
    d->process.user_s = d->process.kernel_s = -1;
    if (dump_read((struct bytes){data, size}, d, err)) {
        return NULL;
    }
    return STEAL(d);
}

struct dump *dump_load(const char *path, struct err *err) {
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st)) {
        err_sys(err, errno, "open %s", path);
        return NULL;
    }
    if (!S_ISREG(st.st_mode)) {
        err_set(err, ERR_INPUT, "%s is not a file", path);
        return NULL;
    }
    if (st.st_size == 0) {
        return dump_parse("", 0, err);
    }
    void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED) {
        err_sys(err, errno, "map %s", path);
        return NULL;
    }
    struct dump *d = dump_parse(map, (size_t)st.st_size, err);
    munmap(map, (size_t)st.st_size);
    return d;
}

bool dump_file_is_kernel(const char *path) {
    uint8_t head[8];
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && pread(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
           kdump_is((struct bytes){head, sizeof(head)});
}

void dump_free(struct dump *d) {
    if (!d) {
        return;
    }
    for (size_t i = 0; i < d->module_count; i++) {
        free(d->modules[i].path);
    }
    for (size_t i = 0; i < d->unloaded_count; i++) {
        free(d->unloaded[i].name);
    }
    for (size_t i = 0; i < d->thread_count; i++) {
        free(d->threads[i].name);
    }
    for (size_t i = 0; i < d->note_count; i++) {
        free(d->notes[i]);
    }
    void *owned[] = {d->modules, d->unloaded, d->threads, d->notes, d->stack, d->system,
                     d->service_pack, d->processor, d->process.name, d->process.command_line,
                     d->fault.source, d->named, d->named_how, d->comment, d->damage};
    for (size_t i = 0; i < ARRAY_LEN(owned); i++) {
        free(owned[i]);
    }
    free(d);
}

size_t dump_width(const struct dump *d) {
    return d->arch == DUMP_X86 ? 4 : 8;
}

const struct dump_module *dump_module_at(const struct dump *d, uint64_t address) {
    for (size_t i = 0; i < d->module_count; i++) {
        const struct dump_module *m = &d->modules[i];
        if (address >= m->base && address - m->base < m->size) {
            return m;
        }
    }
    return NULL;
}

const struct dump_unloaded *dump_unloaded_at(const struct dump *d, uint64_t address) {
    for (size_t i = 0; i < d->unloaded_count; i++) {
        const struct dump_unloaded *u = &d->unloaded[i];
        if (address >= u->base && address - u->base < u->size) {
            return u;
        }
    }
    return NULL;
}

const struct dump_module *dump_module_named(const struct dump *d, const char *name) {
    for (size_t i = 0; name && i < d->module_count; i++) {
        if (str_eq_nocase(d->modules[i].name, name)) {
            return &d->modules[i];
        }
    }
    return NULL;
}

size_t dump_stack_start(const struct dump *d) {
    size_t width = dump_width(d);
    if (!d->stack || d->sp < d->stack_base || d->sp - d->stack_base >= d->stack_size) {
        return 0;
    }
    size_t at = (size_t)(d->sp - d->stack_base);
    return at + (width - at % width) % width;
}

/* ARM64 keeps a signature in the unused high bits of return addresses (pointer authentication); bit 55 says which half
 * of the address space is meant (Arm Architecture Reference Manual, "Pointer authentication"). */
static uint64_t dump_plain_pointer(const struct dump *d, uint64_t word) {
    const uint64_t high = 0xffffull << 48;
    if (d->arch != DUMP_ARM64) {
        return word;
    }
    return word >> 55 & 1 ? word | high : word & ~high;
}

const struct dump_module *dump_stack_next(const struct dump *d, size_t *at, uint64_t *address) {
    size_t width = dump_width(d);
    for (; d->stack && *at + width <= d->stack_size; *at += width) {
        uint64_t word = dump_plain_pointer(d, bytes_word(d->stack + *at, width));
        const struct dump_module *m = word ? dump_module_at(d, word) : NULL;
        if (m) {
            *at += width;
            *address = word;
            return m;
        }
    }
    return NULL;
}

const char *dump_code_name(uint32_t code) {
    static const struct {
        uint32_t code; /* NTSTATUS values of ntstatus.h */
        const char *name;
    } names[] = {
        {0xc0000005u, "access violation"},
        {0xc00000fdu, "stack overflow"},
        {0xc0000094u, "integer division by zero"},
        {0xc0000095u, "integer overflow"},
        {0xc000001du, "illegal instruction"},
        {0xc0000096u, "privileged instruction"},
        {0xc0000374u, "heap corruption"},
        {0xc0000409u, "stack buffer overrun or fail-fast"},
        {0x80000003u, "breakpoint"},
        {0x80000004u, "single step"},
        {0x80000002u, "misaligned data"},
        {0x80000001u, "guard page touched"},
        {0xc0000006u, "in-page error"},
        {0xc000000du, "invalid parameter"},
        {0xc0000008u, "invalid handle"},
        {0xc0000025u, "noncontinuable exception"},
        {0xc000008cu, "array bounds exceeded"},
        {0xc000009cu, "device data error"},
        {0xc000009du, "device not connected"},
        {0xc000009au, "insufficient resources"},
        {0xc000000eu, "no such device"},
        {0xc000016au, "disk operation failed"},
        {0xc0000185u, "I/O device error"},
        {0xc0000420u, "assertion failure"},
        {0xc0000417u, "invalid C runtime parameter"},
        {0xc0000602u, "fail-fast"},
        {0xc0000135u, "DLL not found"},
        {0xc0000142u, "DLL initialisation failed"},
        {0xe06d7363u, "unhandled C++ exception"},
        {0xe0434352u, "unhandled .NET exception"},
        {0xc000027bu, "application-internal exception"},
        {0xcfffffffu, "application hang"},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (names[i].code == code) {
            return names[i].name;
        }
    }
    return "exception";
}
