/* The lesser streams of a user minidump: MINIDUMP_UNLOADED_MODULE_LIST, MINIDUMP_THREAD_NAME_LIST, MINIDUMP_MISC_INFO,
 * MINIDUMP_MEMORY_INFO_LIST, comments (minidumpapiset.h), Breakpad's copies of Linux' /proc files. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "evidence/minidump_impl.h"

#define MINIDUMP_UNLOADED_SIZE 24u
#define MINIDUMP_REGION_SIZE 48u
#define MINIDUMP_MAX_TEXT 8192u /* bytes kept of a comment or a command line */
#define MEM_COMMIT 0x1000u      /* winnt.h */
#define MEM_RESERVE 0x2000u
#define MEM_PRIVATE 0x20000u
#define PAGE_EXECUTE_ANY 0xf0u

/* A stream that tells the sizes of its head and of its entries itself, so that later versions may grow. */
static int minidump_sized(struct bytes s, size_t least, size_t count_width, const char *what, size_t *step,
                          struct bytes *entries, struct err *err) {
    if (s.size < 8 + count_width) {
        return err_set(err, ERR_PROTOCOL, "%s list of %zu bytes", what, s.size);
    }
    uint32_t head = bytes_u32(s.data), size = bytes_u32(s.data + 4);
    uint64_t count = bytes_word(s.data + 8, count_width);
    if (head > s.size || size < least || count > (s.size - head) / size) {
        return err_set(err, ERR_PROTOCOL, "%s list says %" PRIu64 " entries in %zu bytes", what, count, s.size);
    }
    *step = size;
    *entries = (struct bytes){s.data + head, (size_t)count * size};
    return 0;
}

static int minidump_read_unloaded(struct minidump_file *f, struct dump *d, struct err *err) {
    struct bytes s = {0}, entries = {0};
    size_t step = 1;
    int found = minidump_stream(f->file, MINIDUMP_UNLOADED, &s, err);
    if (found <= 0 || minidump_sized(s, MINIDUMP_UNLOADED_SIZE, 4, "unloaded module", &step, &entries, err)) {
        return found > 0 ? -1 : found;
    }
    if (entries.size / step > DUMP_MAX_MODULES) {
        return err_set(err, ERR_PROTOCOL, "%zu unloaded modules are beyond belief", entries.size / step);
    }
    d->unloaded = mem_zalloc(entries.size / step, sizeof(*d->unloaded));
    for (size_t at = 0; at < entries.size; at += step) {
        const uint8_t *p = entries.data + at;
        CLEANUP_FREE char *path = minidump_string(f, bytes_u32(p + 20), "unloaded module's name", err);
        if (!path) {
            return -1;
        }
        d->unloaded[d->unloaded_count++] = (struct dump_unloaded){
            .base = bytes_u64(p), .size = bytes_u32(p + 8), .checksum = bytes_u32(p + 12),
            .timestamp = bytes_u32(p + 16), .name = str_dup(bytes_basename(path))};
    }
    return 0;
}

static int minidump_read_thread_names(struct minidump_file *f, struct dump *d, struct err *err) {
    struct bytes s = {0}, entries = {0};
    uint32_t count = 0;
    int found = minidump_stream(f->file, MINIDUMP_THREAD_NAMES, &s, err);
    if (found <= 0 || minidump_list(s, 12, DUMP_MAX_MODULES, "thread name", &entries, &count, err)) {
        return found > 0 ? -1 : found;
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *p = entries.data + 12 * (size_t)i;
        for (size_t t = 0; t < d->thread_count; t++) {
            if (d->threads[t].id != bytes_u32(p) || d->threads[t].name || bytes_u32(p + 8)) {
                continue;
            }
            d->threads[t].name = minidump_string(f, bytes_u32(p + 4), "thread name", err);
            if (!d->threads[t].name) {
                return -1;
            }
            break;
        }
    }
    return 0;
}

static int minidump_read_misc(struct bytes file, struct dump *d, struct err *err) {
    struct bytes s = {0};
    int found = minidump_stream(file, MINIDUMP_MISC, &s, err);
    if (found <= 0) {
        return found;
    }
    if (s.size < 24) {
        return err_set(err, ERR_PROTOCOL, "misc info of %zu bytes", s.size);
    }
    uint32_t flags = bytes_u32(s.data + 4);
    if (flags & 1) { /* MINIDUMP_MISC1_PROCESS_ID */
        d->process.known = true;
        d->process.id = bytes_u32(s.data + 8);
    }
    if (flags & 2) { /* MINIDUMP_MISC1_PROCESS_TIMES */
        d->process.known = true;
        d->process.created = bytes_u32(s.data + 12);
        d->process.user_s = bytes_u32(s.data + 16);
        d->process.kernel_s = bytes_u32(s.data + 20);
        int64_t up = d->time_us - d->process.created * 1000000;
        d->uptime_us = d->process.created && d->time_us && up >= 0 ? up : -1;
    }
    return 0;
}

static int minidump_read_regions(struct bytes file, struct dump *d, struct err *err) {
    struct bytes s = {0}, entries = {0};
    size_t step = 1;
    int found = minidump_stream(file, MINIDUMP_MEMORY_INFO, &s, err);
    if (found <= 0 || minidump_sized(s, MINIDUMP_REGION_SIZE, 8, "memory info", &step, &entries, err)) {
        return found > 0 ? -1 : found;
    }
    for (size_t at = 0; at < entries.size; at += step) {
        const uint8_t *p = entries.data + at;
        uint64_t size = bytes_u64(p + 24);
        uint32_t state = bytes_u32(p + 32);
        d->memory.regions++;
        d->memory.committed += state == MEM_COMMIT ? size : 0;
        d->memory.reserved += state == MEM_RESERVE ? size : 0;
        bool runs = state == MEM_COMMIT && bytes_u32(p + 36) & PAGE_EXECUTE_ANY;
        d->memory.executable_private += runs && bytes_u32(p + 40) == MEM_PRIVATE ? size : 0;
    }
    return 0;
}

static bool minidump_read_pointer(const struct minidump_file *f, size_t width, uint64_t address, uint64_t *out) {
    uint8_t raw[8] = {0};
    if (!address || !dump_ranges_read(&f->memory, f->file, address, raw, width)) {
        return false;
    }
    *out = bytes_word(raw, width);
    return true;
}

/* TEB -> PEB -> RTL_USER_PROCESS_PARAMETERS -> CommandLine (winternl.h); only dumps with memory hold them. */
static void minidump_read_command_line(const struct minidump_file *f, struct dump *d) {
    bool narrow = d->arch == DUMP_X86;
    size_t width = narrow ? 4 : 8;
    uint64_t peb = 0, parameters = 0, text = 0;
    uint8_t length[2];
    if (!d->is_windows || !minidump_read_pointer(f, width, f->teb + (narrow ? 0x30 : 0x60), &peb) ||
        !minidump_read_pointer(f, width, peb + (narrow ? 0x10 : 0x20), &parameters) || !parameters) {
        return;
    }
    uint64_t line = parameters + (narrow ? 0x40 : 0x70);
    if (!dump_ranges_read(&f->memory, f->file, line, length, 2) ||
        !minidump_read_pointer(f, width, line + width, &text)) {
        return;
    }
    size_t size = bytes_u16(length) < MINIDUMP_MAX_TEXT ? bytes_u16(length) : MINIDUMP_MAX_TEXT;
    CLEANUP_FREE uint8_t *raw = mem_zalloc(size + 2, 1);
    if (size && dump_ranges_read(&f->memory, f->file, text, raw, size)) {
        d->process.command_line = bytes_utf16(raw, size);
        d->process.known = true;
    }
}

/* /proc/PID/cmdline: arguments with a NUL behind each. /proc/PID/status: "Pid:\t3747". */
static int minidump_read_linux(struct bytes file, struct dump *d, struct err *err) {
    struct bytes s = {0};
    int found = minidump_stream(file, MINIDUMP_LINUX_CMDLINE, &s, err);
    if (found > 0 && s.size) {
        CLEANUP_FREE uint8_t *line = mem_zalloc(s.size + 1, 1);
        size_t size = s.size < MINIDUMP_MAX_TEXT ? s.size : MINIDUMP_MAX_TEXT;
        memcpy(line, s.data, size);
        for (size_t i = 0; i + 1 < size; i++) {
            line[i] = line[i] ? line[i] : ' ';
        }
        d->process.command_line = bytes_ascii(line, size);
    }
    found = found < 0 ? found : minidump_stream(file, MINIDUMP_LINUX_STATUS, &s, err);
    if (found > 0 && s.size) {
        const uint8_t *at = memmem(s.data, s.size, "\nPid:", 5);
        char number[24] = "";
        size_t left = at ? (size_t)(s.data + s.size - at) - 5 : 0;
        memcpy(number, at ? at + 5 : s.data, left < sizeof(number) - 1 ? left : sizeof(number) - 1);
        uint64_t id = at ? strtoull(number, NULL, 10) : 0;
        d->process.known = d->process.known || id;
        d->process.id = id ? id : d->process.id;
    }
    return found < 0 ? -1 : 0;
}

static int minidump_read_comment(struct bytes file, struct dump *d, struct err *err) {
    struct bytes s = {0};
    int found = minidump_stream(file, MINIDUMP_COMMENT_W, &s, err);
    if (found > 0) {
        d->comment = bytes_utf16(s.data, s.size < MINIDUMP_MAX_TEXT ? s.size : MINIDUMP_MAX_TEXT);
    } else if (!found && (found = minidump_stream(file, MINIDUMP_COMMENT_A, &s, err)) > 0) {
        d->comment = bytes_ascii(s.data, s.size < MINIDUMP_MAX_TEXT ? s.size : MINIDUMP_MAX_TEXT);
    }
    return found < 0 ? -1 : 0;
}

int minidump_read_rest(struct minidump_file *f, struct dump *d, struct err *err) {
    if (minidump_read_unloaded(f, d, err) || minidump_read_thread_names(f, d, err) ||
        minidump_read_misc(f->file, d, err) || minidump_read_regions(f->file, d, err) ||
        minidump_read_linux(f->file, d, err) || minidump_read_comment(f->file, d, err)) {
        return -1;
    }
    minidump_read_command_line(f, d);
    if (d->module_count && *d->modules[0].name) { /* the program itself comes first */
        d->process.name = str_dup(d->modules[0].name);
        d->process.known = true;
    }
    return 0;
}
