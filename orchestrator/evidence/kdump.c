/* Windows kernel dumps: the header. Sources: ntiodump.h of the WDK (DUMP_HEADER32: 0x1000 bytes, DUMP_HEADER64: 0x2000
 * bytes, EXCEPTION_RECORD32/64); the newer dump types after 0vercl0k/kdmp-parser. What Windows does not fill in reads
 * "PAGE" over and over. */
#include "evidence/kdump_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "evidence/bugcheck.h"
#include "evidence/stop_code.h"

#define KDUMP_UNFILLED 0x45474150u /* "PAGE" */
#define KDUMP_TYPE_HEADER 3u
#define KDUMP_TYPE_TRIAGE 4u

struct kdump_layout { /* offsets in the header */
    size_t size, table, loaded_list, machine, processors, code, parameters, debugger, context, context_size, exception,
        comment, type, time, uptime;
};

static const struct kdump_layout kdump_layout32 = {0x1000, 0x10, 0x18, 0x20, 0x24,  0x28,  0x2c, 0x60,
                                                   0x320,  1200, 0x7d0, 0x820, 0xf88, 0xfc0, 0xfb8};
static const struct kdump_layout kdump_layout64 = {0x2000, 0x10, 0x20, 0x30,  0x34,  0x38,  0x40, 0x80,
                                                   0x348,  3000, 0xf00, 0xfb0, 0xf98, 0xfa8, 0x1030};

bool kdump_is(struct bytes file) {
    return file.size >= 8 && memcmp(file.data, "PAGE", 4) == 0 &&
           (memcmp(file.data + 4, "DU64", 4) == 0 || memcmp(file.data + 4, "DUMP", 4) == 0);
}

static bool kdump_unfilled(uint64_t value, size_t width) {
    return value == KDUMP_UNFILLED ||
           (width == 8 && value == ((uint64_t)KDUMP_UNFILLED << 32 | KDUMP_UNFILLED));
}

static uint64_t kdump_field(const uint8_t *p, size_t width) {
    uint64_t value = bytes_word(p, width);
    return kdump_unfilled(value, width) ? 0 : value;
}

static void kdump_read_exception(const struct kdump *k, const uint8_t *p, struct dump_exception *e) {
    size_t width = k->wide ? 8 : 4;
    e->code = bytes_u32(p);
    e->known = e->code != 0 && e->code != KDUMP_UNFILLED;
    if (!e->known) {
        e->code = 0;
        return;
    }
    e->flags = bytes_u32(p + 4);
    e->address = kdump_field(p + 8 + width, width);
    uint32_t count = bytes_u32(p + 8 + 2 * width);
    e->count = count <= 15 ? count : 0;
    for (uint32_t i = 0; i < e->count; i++) {
        e->parameters[i] = kdump_field(p + (k->wide ? 0x20 : 0x14) + i * width, width);
    }
}

static void kdump_read_bugcheck(const struct kdump *k, const struct kdump_layout *l, struct dump_bugcheck *b) {
    const uint8_t *h = k->file.data;
    size_t width = k->wide ? 8 : 4;
    b->raw = bytes_u32(h + l->code);
    b->known = b->raw != KDUMP_UNFILLED;
    b->raw = b->known ? b->raw : 0;
    b->code = bugcheck_plain(b->raw);
    for (size_t i = 0; i < 4; i++) {
        b->parameters[i] = kdump_field(h + l->parameters + i * width, width);
    }
}

static void kdump_read_header(struct kdump *k, const struct kdump_layout *l, struct dump *d) {
    const uint8_t *h = k->file.data;
    size_t width = k->wide ? 8 : 4;
    d->machine = bytes_u32(h + l->machine);
    d->arch = k->arch = dump_machine_arch(d->machine);
    d->is_windows = true;
    d->system = str_dup("Windows");
    d->processors = bytes_u32(h + l->processors);
    d->os_build = bytes_u32(h + 12) & 0xffff; /* MinorVersion; the high half has 0xF in some */
    d->type = bytes_u32(h + l->type);
    d->time_us = dump_filetime_us(bytes_u64(h + l->time));
    uint64_t up = bytes_u64(h + l->uptime);
    d->uptime_us = up >> 56 || kdump_unfilled(up, 8) ? -1 : (int64_t)(up / 10);
    k->table = kdump_field(h + l->table, width);
    k->loaded_list = kdump_field(h + l->loaded_list, width);
    k->debugger_block = kdump_field(h + l->debugger, width);
    k->pae = !k->wide && h[0x5c] == 1;
    kdump_read_bugcheck(k, l, &d->bugcheck);
    kdump_read_exception(k, h + l->exception, &d->exception);
    dump_read_context(d, (struct bytes){h + l->context, l->context_size});
    if (kdump_unfilled(d->sp, width)) { /* no context was written */
        d->pc = d->sp = d->fp = 0;
    }
    if (bytes_u32(h + l->comment) != KDUMP_UNFILLED) {
        CLEANUP_FREE char *comment = bytes_ascii(h + l->comment, 128);
        d->comment = *comment ? STEAL(comment) : NULL;
    }
}

/* Windows' version by build, as far as builds tell it (Microsoft's release information). */
static void kdump_version(struct dump *d) {
    static const struct {
        uint32_t build, major, minor;
    } versions[] = {{10000, 10, 0}, {9600, 6, 3}, {9200, 6, 2}, {7600, 6, 1}, {6000, 6, 0}, {3790, 5, 2},
                    {2600, 5, 1},   {2195, 5, 0}};
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        if (d->os_build >= versions[i].build) {
            d->os_major = versions[i].major;
            d->os_minor = versions[i].minor;
            return;
        }
    }
}

static int kdump_read_rest(struct kdump *k, struct dump *d, struct err *err) {
    if (d->type == KDUMP_TYPE_HEADER) {
        d->kind = DUMP_FULL;
        dump_note(d, str_printf("the dump has nothing but its header"));
        kdump_fault(k, d);
        return 0;
    }
    if (d->type == KDUMP_TYPE_TRIAGE) {
        d->kind = DUMP_TRIAGE;
        if (kdump_triage(k, d, err)) {
            return -1;
        }
    } else {
        if (kdump_phys_open(k, d, err)) {
            return -1;
        }
        kdump_virt_open(k, d);
        kdump_debugger_data(k, d);
        kdump_modules(k, d);
        kdump_unloaded(k, d);
    }
    kdump_versions(k, d);
    kdump_fault(k, d);
    if (d->kind != DUMP_TRIAGE) {
        kdump_stack(k, d);
    }
    kdump_process(k, d);
    return 0;
}

int kdump_read(struct bytes file, struct dump *d, struct err *err) {
    struct kdump k = {.file = file, .text_left = file.size};
    k.wide = memcmp(file.data + 4, "DU64", 4) == 0;
    const struct kdump_layout *l = k.wide ? &kdump_layout64 : &kdump_layout32;
    k.head = l->size;
    if (file.size < l->size) {
        return err_set(err, ERR_PROTOCOL, "kernel dump: %zu bytes are too few for the header's %zu", file.size,
                       l->size);
    }
    kdump_read_header(&k, l, d);
    kdump_version(d);
    int rc = kdump_read_rest(&k, d, err);
    if (rc && d->bugcheck.known) {
        const char *name = stop_code_name(d->bugcheck.code);
        err_prefix(err, "kernel dump of bugcheck 0x%" PRIX32 "%s%s", d->bugcheck.code, name ? " " : "",
                   name ? name : "");
    } else if (rc) {
        err_prefix(err, "kernel dump");
    }
    kdump_phys_close(&k);
    free(k.ranges.items);
    return rc ? -1 : 0;
}
