/* User minidumps. Source of the format: Microsoft's minidumpapiset.h (MINIDUMP_HEADER, MINIDUMP_DIRECTORY,
 * MINIDUMP_EXCEPTION_STREAM, MINIDUMP_MODULE, MINIDUMP_THREAD, MINIDUMP_MEMORY_DESCRIPTOR, MINIDUMP_MEMORY64_LIST,
 * MINIDUMP_STRING) and winnt.h (CONTEXT, PROCESSOR_ARCHITECTURE_*). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "evidence/minidump_impl.h"

#define MINIDUMP_VERSION 0xa793u /* low 16 bits; the rest is the writer's own */
#define MINIDUMP_HEADER_SIZE 32u
#define MINIDUMP_DIRECTORY_SIZE 12u
#define MINIDUMP_THREAD_SIZE 48u
#define MINIDUMP_MODULE_SIZE 108u
#define MINIDUMP_EXCEPTION_SIZE 168u
#define MINIDUMP_FIXED_FILE_INFO 0xfeef04bdu /* VS_FIXEDFILEINFO.dwSignature */
#define MINIDUMP_MAX_STREAMS 4096u
#define MINIDUMP_MAX_PATH_BYTES 65536u /* UNICODE_STRING's limit */

/* A MINIDUMP_LOCATION_DESCRIPTOR (DataSize, Rva) at p. */
static int minidump_location(struct bytes file, const uint8_t *p, const char *what, struct bytes *out,
                             struct err *err) {
    return bytes_slice(file, bytes_u32(p + 4), bytes_u32(p), what, out, err);
}

static int minidump_check_header(struct bytes file, struct err *err) {
    if (file.size < MINIDUMP_HEADER_SIZE) {
        return err_set(err, ERR_PROTOCOL, "%zu bytes are too few for a header", file.size);
    }
    if (bytes_u16(file.data + 4) != MINIDUMP_VERSION) {
        return err_set(err, ERR_PROTOCOL, "version 0x%04x instead of 0x%04x", bytes_u16(file.data + 4),
                       MINIDUMP_VERSION);
    }
    return 0;
}

int minidump_stream(struct bytes file, uint32_t type, struct bytes *out, struct err *err) {
    uint32_t count = bytes_u32(file.data + 8);
    struct bytes dir = {0};
    if (count > MINIDUMP_MAX_STREAMS) {
        return err_set(err, ERR_PROTOCOL, "%" PRIu32 " streams are beyond belief", count);
    }
    if (bytes_slice(file, bytes_u32(file.data + 12), (uint64_t)count * MINIDUMP_DIRECTORY_SIZE,
                    "stream directory", &dir, err)) {
        return -1;
    }
    int found = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *entry = dir.data + (size_t)i * MINIDUMP_DIRECTORY_SIZE;
        struct bytes part;
        if (bytes_u32(entry) == 0) { /* UnusedStream: its place says nothing */
            continue;
        }
        if (minidump_location(file, entry + 4, "stream", &part, err)) {
            err_prefix(err, "stream %" PRIu32 " of type %" PRIu32, i, bytes_u32(entry));
            return -1;
        }
        if (!found && bytes_u32(entry) == type) {
            *out = part;
            found = 1;
        }
    }
    return found;
}

int minidump_list(struct bytes stream, size_t entry_size, uint32_t max, const char *what,
                  struct bytes *entries, uint32_t *count, struct err *err) {
    if (stream.size < 4) {
        return err_set(err, ERR_PROTOCOL, "%s list of %zu bytes", what, stream.size);
    }
    *count = bytes_u32(stream.data);
    uint64_t need = (uint64_t)*count * entry_size;
    size_t skip = stream.size == need + 8 ? 8 : 4;
    if (need > stream.size - 4 || *count > max) {
        err_set(err, ERR_PROTOCOL, "%s list says %" PRIu32 " entries in %zu bytes", what, *count, stream.size);
        return -1;
    }
    *entries = (struct bytes){stream.data + skip, (size_t)need};
    return 0;
}

char *minidump_string(struct minidump_file *f, uint32_t at, const char *what, struct err *err) {
    struct bytes length, text;
    if (bytes_slice(f->file, at, 4, what, &length, err)) {
        return NULL;
    }
    uint32_t size = bytes_u32(length.data);
    if (size > MINIDUMP_MAX_PATH_BYTES || size > f->text_left) {
        err_set(err, ERR_PROTOCOL, "%s of %" PRIu32 " bytes", what, size);
        return NULL;
    }
    if (bytes_slice(f->file, (uint64_t)at + 4, size, what, &text, err)) {
        return NULL;
    }
    f->text_left -= size;
    return bytes_utf16(text.data, text.size);
}

static int minidump_read_module(struct minidump_file *f, const uint8_t *p, struct dump_module *m,
                                struct err *err) {
    m->path = minidump_string(f, bytes_u32(p + 20), "module name", err);
    if (!m->path) {
        return -1;
    }
    m->base = bytes_u64(p);
    m->size = bytes_u32(p + 8);
    m->checksum = bytes_u32(p + 12);
    m->timestamp = bytes_u32(p + 16);
    m->name = bytes_basename(m->path);
    if (bytes_u32(p + 24) == MINIDUMP_FIXED_FILE_INFO) {
        snprintf(m->version, sizeof(m->version), "%u.%u.%u.%u", bytes_u16(p + 34), bytes_u16(p + 32),
                 bytes_u16(p + 38), bytes_u16(p + 36));
    }
    return 0;
}

static int minidump_read_modules(struct minidump_file *f, struct dump *d, struct err *err) {
    struct bytes stream = {0}, entries = {0};
    uint32_t count = 0;
    int found = minidump_stream(f->file, MINIDUMP_MODULES, &stream, err);
    if (found <= 0) {
        return found;
    }
    if (minidump_list(stream, MINIDUMP_MODULE_SIZE, DUMP_MAX_MODULES, "module", &entries, &count, err)) {
        return -1;
    }
    d->modules = mem_zalloc(count, sizeof(*d->modules));
    for (uint32_t i = 0; i < count; i++) {
        if (minidump_read_module(f, entries.data + (size_t)i * MINIDUMP_MODULE_SIZE,
                                 &d->modules[i], err)) {
            err_prefix(err, "module %" PRIu32, i);
            return -1;
        }
        d->module_count++;
    }
    return 0;
}

/* The address that was touched: parameter 1 of an access violation or an in-page error (winnt.h, EXCEPTION_RECORD). */
static void minidump_fault(struct dump *d) {
    const struct dump_exception *e = &d->exception;
    d->fault = (struct dump_fault){.known = true, .address = e->address, .code = e->code,
                                   .source = str_dup("the exception record")};
    if (!d->is_windows) { /* there the address is the one that was touched; the instruction is in the context */
        d->fault.address = d->pc;
        d->fault.has_access = true;
        d->fault.access = e->address;
        return;
    }
    if ((e->code == 0xc0000005u || e->code == 0xc0000006u) && e->count >= 2) {
        d->fault.has_access = true;
        d->fault.access = e->parameters[1];
    }
}

static int minidump_read_exception(struct bytes file, struct dump *d, struct err *err) {
    struct bytes s = {0}, context = {0};
    int found = minidump_stream(file, MINIDUMP_EXCEPTION, &s, err);
    if (found <= 0) {
        return found;
    }
    if (s.size < MINIDUMP_EXCEPTION_SIZE) {
        return err_set(err, ERR_PROTOCOL, "exception stream of %zu bytes", s.size);
    }
    struct dump_exception *e = &d->exception;
    e->known = true;
    e->thread = bytes_u32(s.data);
    e->code = bytes_u32(s.data + 8);
    e->flags = bytes_u32(s.data + 12);
    e->address = bytes_u64(s.data + 24);
    uint32_t count = bytes_u32(s.data + 32);
    e->count = count > 15 ? 15 : count;
    for (uint32_t i = 0; i < e->count; i++) {
        e->parameters[i] = bytes_u64(s.data + 40 + 8 * (size_t)i);
    }
    if (minidump_location(file, s.data + 160, "exception context", &context, err)) {
        return -1;
    }
    dump_read_context(d, context);
    minidump_fault(d);
    return 0;
}

/* A thread's stack need not be with the thread: full dumps keep it with the rest of the memory. */
static void minidump_keep_stack(struct minidump_file *f, struct dump *d, const struct dump_thread *t,
                                struct bytes stack) {
    uint64_t at = 0, base = t->stack_base;
    if (!stack.size) {
        uint64_t from = d->sp ? d->sp : base;
        size_t got = dump_ranges_find(&f->memory, from, DUMP_MAX_STACK, &at);
        stack = (struct bytes){got ? f->file.data + at : NULL, got};
        base = from;
    }
    if (!stack.size) {
        return;
    }
    d->stack_base = base;
    d->stack_size = stack.size < DUMP_MAX_STACK ? stack.size : DUMP_MAX_STACK;
    d->stack = mem_zalloc(d->stack_size, 1);
    memcpy(d->stack, stack.data, d->stack_size);
}

static int minidump_read_thread(struct minidump_file *f, struct dump *d, const uint8_t *p,
                                struct dump_thread *t, struct err *err) {
    struct bytes stack, context;
    if (minidump_location(f->file, p + 32, "stack", &stack, err) ||
        minidump_location(f->file, p + 40, "context", &context, err)) {
        return -1;
    }
    struct dump scratch = {.arch = d->arch};
    dump_read_context(&scratch, context);
    *t = (struct dump_thread){.id = bytes_u32(p), .teb = bytes_u64(p + 16), .stack_base = bytes_u64(p + 24),
                              .stack_size = stack.size, .pc = scratch.pc, .sp = scratch.sp};
    if (d->exception.known && t->id == d->exception.thread && !d->stack) {
        minidump_keep_stack(f, d, t, stack);
        f->teb = t->teb;
    }
    return 0;
}

static int minidump_read_threads(struct minidump_file *f, struct dump *d, struct err *err) {
    struct bytes stream = {0}, entries = {0};
    uint32_t count = 0;
    int found = minidump_stream(f->file, MINIDUMP_THREADS, &stream, err);
    if (found <= 0) {
        return found;
    }
    if (minidump_list(stream, MINIDUMP_THREAD_SIZE, DUMP_MAX_MODULES, "thread", &entries, &count, err)) {
        return -1;
    }
    d->threads = mem_zalloc(count, sizeof(*d->threads));
    for (uint32_t i = 0; i < count; i++) {
        if (minidump_read_thread(f, d, entries.data + (size_t)i * MINIDUMP_THREAD_SIZE, &d->threads[i],
                                 err)) {
            err_prefix(err, "thread %" PRIu32, i);
            return -1;
        }
        d->thread_count++;
    }
    if (!f->teb && count) {
        f->teb = d->threads[0].teb;
    }
    return 0;
}

/* MINIDUMP_MEMORY_LIST: short ranges, each with its place. */
static int minidump_read_memory(struct minidump_file *f, struct err *err) {
    struct bytes s = {0}, entries = {0};
    uint32_t count = 0;
    int found = minidump_stream(f->file, MINIDUMP_MEMORY, &s, err);
    if (found <= 0) {
        return found;
    }
    if (minidump_list(s, 16, UINT32_MAX, "memory", &entries, &count, err)) {
        return -1;
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *p = entries.data + 16 * (size_t)i;
        struct bytes part;
        if (minidump_location(f->file, p + 8, "memory", &part, err)) {
            err_prefix(err, "memory range %" PRIu32, i);
            return -1;
        }
        dump_ranges_add(&f->memory, f->file, bytes_u64(p), bytes_u32(p + 12), part.size);
    }
    return 0;
}

/* MINIDUMP_MEMORY64_LIST: all ranges in one piece of the file. */
static int minidump_read_memory64(struct minidump_file *f, struct err *err) {
    struct bytes s = {0};
    int found = minidump_stream(f->file, MINIDUMP_MEMORY64, &s, err);
    if (found <= 0) {
        return found;
    }
    if (s.size < 16 || bytes_u64(s.data) > (s.size - 16) / 16) {
        return err_set(err, ERR_PROTOCOL, "64-bit memory list of %zu bytes", s.size);
    }
    uint64_t at = bytes_u64(s.data + 8), ranges = bytes_u64(s.data);
    for (uint64_t i = 0; i < ranges; i++) {
        const uint8_t *p = s.data + 16 + 16 * (size_t)i;
        uint64_t size = bytes_u64(p + 8);
        if (!bytes_has(f->file, at, size)) {
            return err_set(err, ERR_PROTOCOL,
                           "memory range %" PRIu64 " at %" PRIu64 " with %" PRIu64
                           " bytes reaches beyond the file's %zu bytes",
                           i, at, size, f->file.size);
        }
        dump_ranges_add(&f->memory, f->file, bytes_u64(p), at, size);
        at += size;
    }
    return 0;
}

int minidump_read(struct bytes file, struct dump *d, struct err *err) {
    struct minidump_file f = {.file = file, .text_left = file.size};
    d->kind = DUMP_USER;
    int rc = minidump_check_header(file, err);
    if (!rc) {
        uint32_t written = bytes_u32(file.data + 20); /* TimeDateStamp: seconds since 1970 */
        d->time_us = (int64_t)written * 1000000;
        d->type = bytes_u32(file.data + 24) & 0xffff; /* MINIDUMP_TYPE */
        rc = minidump_read_system(&f, d, err) || minidump_read_memory(&f, err) ||
             minidump_read_memory64(&f, err);
    }
    if (!rc) {
        dump_ranges_seal(&f.memory);
        rc = minidump_read_modules(&f, d, err) || minidump_read_exception(file, d, err) ||
             minidump_read_threads(&f, d, err) || minidump_read_rest(&f, d, err);
    }
    free(f.memory.items);
    if (rc) {
        err_prefix(err, "minidump");
    }
    return rc ? -1 : 0;
}
