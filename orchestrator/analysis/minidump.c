#include "analysis/minidump.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"

#define MINIDUMP_SIGNATURE 0x504d444du /* "MDMP" */
#define MINIDUMP_VERSION 0xa793u       /* low 16 bits; the rest is the writer's own */
#define MINIDUMP_HEADER_SIZE 32u
#define MINIDUMP_DIRECTORY_SIZE 12u
#define MINIDUMP_THREAD_SIZE 48u
#define MINIDUMP_MODULE_SIZE 108u
#define MINIDUMP_EXCEPTION_SIZE 168u
#define MINIDUMP_SYSTEM_SIZE 32u      /* what is read of it */
#define MINIDUMP_FIXED_FILE_INFO 0xfeef04bdu /* VS_FIXEDFILEINFO.dwSignature */
#define MINIDUMP_PLATFORM_NT 2u       /* VER_PLATFORM_WIN32_NT */
#define MINIDUMP_MAX_STREAMS 4096u
#define MINIDUMP_MAX_MODULES 16384u
#define MINIDUMP_MAX_STACK (1u << 20) /* Windows' default reservation for a stack */
#define MINIDUMP_MAX_PATH_BYTES 4096u

enum { STREAM_THREADS = 3, STREAM_MODULES = 4, STREAM_EXCEPTION = 6, STREAM_SYSTEM = 7 };

struct minidump_view { /* a bounds-checked part of the file */
    const uint8_t *data;
    size_t size;
};

static uint16_t minidump_u16(const uint8_t *p) {
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t minidump_u32(const uint8_t *p) {
    return (uint32_t)minidump_u16(p) | (uint32_t)minidump_u16(p + 2) << 16;
}

static uint64_t minidump_u64(const uint8_t *p) {
    return (uint64_t)minidump_u32(p) | (uint64_t)minidump_u32(p + 4) << 32;
}

static int minidump_slice(struct minidump_view file, uint64_t at, uint64_t size, const char *what,
                          struct minidump_view *out, struct err *err) {
    if (at > file.size || size > file.size - at) {
        err_set(err, ERR_PROTOCOL,
                "minidump: %s at %" PRIu64 " with %" PRIu64
                " bytes reaches beyond the file's %zu bytes",
                what, at, size, file.size);
        return -1;
    }
    *out = (struct minidump_view){file.data + at, (size_t)size};
    return 0;
}

/* A MINIDUMP_LOCATION_DESCRIPTOR (DataSize, Rva) at p. */
static int minidump_location(struct minidump_view file, const uint8_t *p, const char *what,
                             struct minidump_view *out, struct err *err) {
    return minidump_slice(file, minidump_u32(p + 4), minidump_u32(p), what, out, err);
}

static bool minidump_all_zero(struct minidump_view file) {
    for (size_t i = 0; i < file.size; i++) {
        if (file.data[i]) {
            return false;
        }
    }
    return true;
}

static int minidump_check_header(struct minidump_view file, struct err *err) {
    if (file.size == 0) {
        return err_set(err, ERR_PROTOCOL, "minidump: the file is empty: its writing was interrupted");
    }
    if (minidump_all_zero(file)) {
        return err_set(err, ERR_PROTOCOL,
                       "minidump: the file is all zeros: its writing was interrupted");
    }
    if (file.size >= 8 && memcmp(file.data, "PAGE", 4) == 0 &&
        (memcmp(file.data + 4, "DU64", 4) == 0 || memcmp(file.data + 4, "DUMP", 4) == 0)) {
        return err_set(err, ERR_PROTOCOL, "minidump: this is a kernel dump (%.8s), which is not read yet",
                       (const char *)file.data);
    }
    if (file.size < MINIDUMP_HEADER_SIZE) {
        return err_set(err, ERR_PROTOCOL, "minidump: %zu bytes are too few for a header", file.size);
    }
    if (minidump_u32(file.data) != MINIDUMP_SIGNATURE) {
        return err_set(err, ERR_PROTOCOL, "minidump: does not begin with 'MDMP'");
    }
    if (minidump_u16(file.data + 4) != MINIDUMP_VERSION) {
        return err_set(err, ERR_PROTOCOL, "minidump: version 0x%04x instead of 0x%04x",
                       minidump_u16(file.data + 4), MINIDUMP_VERSION);
    }
    return 0;
}

/* 1 with *out, 0 when the dump has no such stream. Every stream of the directory must lie inside the file, wanted
 * or not: a dump that is cut short is not to be trusted in part. */
static int minidump_stream(struct minidump_view file, uint32_t type, struct minidump_view *out,
                           struct err *err) {
    uint32_t count = minidump_u32(file.data + 8);
    struct minidump_view dir = {0};
    if (count > MINIDUMP_MAX_STREAMS) {
        return err_set(err, ERR_PROTOCOL, "minidump: %" PRIu32 " streams are beyond belief", count);
    }
    if (minidump_slice(file, minidump_u32(file.data + 12),
                       (uint64_t)count * MINIDUMP_DIRECTORY_SIZE, "stream directory", &dir, err)) {
        return -1;
    }
    int found = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *entry = dir.data + (size_t)i * MINIDUMP_DIRECTORY_SIZE;
        struct minidump_view part;
        if (minidump_u32(entry) == 0) { /* UnusedStream: its place says nothing */
            continue;
        }
        if (minidump_location(file, entry + 4, "stream", &part, err)) {
            err_prefix(err, "stream %" PRIu32 " of type %" PRIu32, i, minidump_u32(entry));
            return -1;
        }
        if (!found && minidump_u32(entry) == type) {
            *out = part;
            found = 1;
        }
    }
    return found;
}

/* The entries of a stream that is a count and an array. Some writers align the array to 8 bytes after the count;
 * the stream's size tells. */
static int minidump_list(struct minidump_view stream, size_t entry_size, uint32_t max,
                         const char *what, struct minidump_view *entries, uint32_t *count,
                         struct err *err) {
    if (stream.size < 4) {
        err_set(err, ERR_PROTOCOL, "minidump: %s list of %zu bytes", what, stream.size);
        return -1;
    }
    *count = minidump_u32(stream.data);
    uint64_t need = (uint64_t)*count * entry_size;
    size_t skip = stream.size == need + 8 ? 8 : 4;
    if (*count > max || need > stream.size - 4) {
        err_set(err, ERR_PROTOCOL, "minidump: %s list says %" PRIu32 " entries in %zu bytes", what,
                *count, stream.size);
        return -1;
    }
    *entries = (struct minidump_view){stream.data + skip, (size_t)need};
    return 0;
}

static void minidump_add_utf8(struct str *s, uint32_t c) {
    if (c < 0x80) {
        char byte = (char)c;
        str_add_bytes(s, &byte, 1);
    } else if (c < 0x800) {
        str_addf(s, "%c%c", (int)(0xc0 | c >> 6), (int)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        str_addf(s, "%c%c%c", (int)(0xe0 | c >> 12), (int)(0x80 | (c >> 6 & 0x3f)),
                 (int)(0x80 | (c & 0x3f)));
    } else {
        str_addf(s, "%c%c%c%c", (int)(0xf0 | c >> 18), (int)(0x80 | (c >> 12 & 0x3f)),
                 (int)(0x80 | (c >> 6 & 0x3f)), (int)(0x80 | (c & 0x3f)));
    }
}

static char *minidump_utf16(const uint8_t *p, size_t bytes) {
    struct str s = STR_INIT;
    for (size_t i = 0; i + 1 < bytes; i += 2) {
        uint32_t c = minidump_u16(p + i);
        if (c >= 0xd800 && c < 0xdc00 && i + 3 < bytes) {
            uint32_t low = minidump_u16(p + i + 2);
            if (low >= 0xdc00 && low < 0xe000) {
                c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
                i += 2;
            }
        }
        if (c == 0) {
            break;
        }
        bool bad = (c >= 0xd800 && c < 0xe000) || c < 0x20 || c == 0x7f;
        minidump_add_utf8(&s, bad ? 0xfffd : c);
    }
    return str_take(&s);
}

static const char *minidump_basename(const char *path) {
    const char *name = path;
    for (const char *p = path; *p; p++) {
        if ((*p == '\\' || *p == '/') && p[1]) {
            name = p + 1;
        }
    }
    return name;
}

static int minidump_read_module(struct minidump_view file, const uint8_t *p,
                                struct minidump_module *m, struct err *err) {
    uint32_t at = minidump_u32(p + 20);
    struct minidump_view length, text;
    if (minidump_slice(file, at, 4, "module name", &length, err)) {
        return -1;
    }
    uint32_t bytes = minidump_u32(length.data);
    if (bytes > MINIDUMP_MAX_PATH_BYTES) {
        return err_set(err, ERR_PROTOCOL, "minidump: module name of %" PRIu32 " bytes", bytes);
    }
    if (minidump_slice(file, (uint64_t)at + 4, bytes, "module name", &text, err)) {
        return -1;
    }
    m->base = minidump_u64(p);
    m->size = minidump_u32(p + 8);
    m->timestamp = minidump_u32(p + 16);
    m->path = minidump_utf16(text.data, text.size);
    m->name = minidump_basename(m->path);
    if (minidump_u32(p + 24) == MINIDUMP_FIXED_FILE_INFO) {
        snprintf(m->version, sizeof(m->version), "%u.%u.%u.%u", minidump_u16(p + 34),
                 minidump_u16(p + 32), minidump_u16(p + 38), minidump_u16(p + 36));
    }
    return 0;
}

static int minidump_read_modules(struct minidump_view file, struct minidump *d, struct err *err) {
    struct minidump_view stream = {0}, entries = {0};
    uint32_t count = 0;
    int found = minidump_stream(file, STREAM_MODULES, &stream, err);
    if (found <= 0) {
        return found;
    }
    if (minidump_list(stream, MINIDUMP_MODULE_SIZE, MINIDUMP_MAX_MODULES, "module", &entries,
                      &count, err)) {
        return -1;
    }
    d->modules = mem_zalloc(count, sizeof(*d->modules));
    for (uint32_t i = 0; i < count; i++) {
        if (minidump_read_module(file, entries.data + (size_t)i * MINIDUMP_MODULE_SIZE,
                                 &d->modules[i], err)) {
            err_prefix(err, "module %" PRIu32, i);
            return -1;
        }
        d->module_count++;
    }
    return 0;
}

static int minidump_read_system(struct minidump_view file, struct minidump *d, struct err *err) {
    struct minidump_view s = {0};
    int found = minidump_stream(file, STREAM_SYSTEM, &s, err);
    d->arch = MINIDUMP_ARCH_OTHER;
    if (found <= 0) {
        return found;
    }
    if (s.size < MINIDUMP_SYSTEM_SIZE) {
        return err_set(err, ERR_PROTOCOL, "minidump: system info of %zu bytes", s.size);
    }
    switch (minidump_u16(s.data)) { /* PROCESSOR_ARCHITECTURE_* of winnt.h */
    case 0:
        d->arch = MINIDUMP_X86;
        break;
    case 9:
        d->arch = MINIDUMP_AMD64;
        break;
    case 12:
        d->arch = MINIDUMP_ARM64;
        break;
    default:
        break;
    }
    d->os_major = minidump_u32(s.data + 8);
    d->os_minor = minidump_u32(s.data + 12);
    d->os_build = minidump_u32(s.data + 16);
    d->is_windows = minidump_u32(s.data + 20) == MINIDUMP_PLATFORM_NT;
    return 0;
}

/* Stack pointer in a CONTEXT, by architecture: offset and width. */
static uint64_t minidump_context_sp(enum minidump_arch arch, struct minidump_view context) {
    size_t at = arch == MINIDUMP_X86 ? 0xc4 : arch == MINIDUMP_AMD64 ? 0x98 : 0x100;
    size_t width = arch == MINIDUMP_X86 ? 4 : 8;
    if (arch == MINIDUMP_ARCH_OTHER || context.size < at + width) {
        return 0;
    }
    return width == 4 ? minidump_u32(context.data + at) : minidump_u64(context.data + at);
}

static int minidump_read_exception(struct minidump_view file, struct minidump *d, struct err *err) {
    struct minidump_view s = {0}, context = {0};
    int found = minidump_stream(file, STREAM_EXCEPTION, &s, err);
    if (found <= 0) {
        return found;
    }
    if (s.size < MINIDUMP_EXCEPTION_SIZE) {
        return err_set(err, ERR_PROTOCOL, "minidump: exception stream of %zu bytes", s.size);
    }
    d->has_exception = true;
    d->thread = minidump_u32(s.data);
    d->code = minidump_u32(s.data + 8);
    d->address = minidump_u64(s.data + 24);
    /* EXCEPTION_ACCESS_VIOLATION: parameter 0 is the kind of access, 1 the address. */
    if (d->code == 0xc0000005u && minidump_u32(s.data + 32) >= 2) {
        d->access = minidump_u64(s.data + 48);
    }
    if (minidump_location(file, s.data + 160, "exception context", &context, err)) {
        return -1;
    }
    d->sp = minidump_context_sp(d->arch, context);
    return 0;
}

static int minidump_read_stack(struct minidump_view file, struct minidump *d, struct err *err) {
    struct minidump_view stream = {0}, entries = {0}, stack = {0};
    uint32_t count = 0;
    int found = minidump_stream(file, STREAM_THREADS, &stream, err);
    if (found <= 0 || !d->has_exception) {
        return found < 0 ? -1 : 0;
    }
    if (minidump_list(stream, MINIDUMP_THREAD_SIZE, MINIDUMP_MAX_MODULES, "thread", &entries,
                      &count, err)) {
        return -1;
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *p = entries.data + (size_t)i * MINIDUMP_THREAD_SIZE;
        if (minidump_u32(p) != d->thread) {
            continue;
        }
        if (minidump_location(file, p + 32, "stack", &stack, err)) {
            return -1;
        }
        d->stack_base = minidump_u64(p + 24);
        d->stack_size = stack.size < MINIDUMP_MAX_STACK ? stack.size : MINIDUMP_MAX_STACK;
        d->stack = mem_zalloc(d->stack_size, 1);
        memcpy(d->stack, stack.data, d->stack_size);
        return 0;
    }
    return 0;
}

struct minidump *minidump_parse(const void *data, size_t size, struct err *err) {
    struct minidump_view file = {data, size};
    if (minidump_check_header(file, err)) {
        return NULL;
    }
    CLEANUP(minidump_free_ptr) struct minidump *d = mem_zalloc(1, sizeof(*d));
    if (minidump_read_system(file, d, err) || minidump_read_modules(file, d, err) ||
        minidump_read_exception(file, d, err) || minidump_read_stack(file, d, err)) {
        return NULL;
    }
    return STEAL(d);
}

struct minidump *minidump_load(const char *path, struct err *err) {
    size_t size = 0;
    CLEANUP_FREE char *data = fs_read(path, MINIDUMP_MAX_BYTES, &size, err);
    return data ? minidump_parse(data, size, err) : NULL;
}

void minidump_free(struct minidump *d) {
    if (!d) {
        return;
    }
    for (size_t i = 0; i < d->module_count; i++) {
        free(d->modules[i].path);
    }
    free(d->modules);
    free(d->stack);
    free(d);
}
