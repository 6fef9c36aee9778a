#include "support/mdmp.h"

#include <string.h>

#define MDMP_SP 0x7ff000u
#define MDMP_TEB 0x70000000u
#define MDMP_CONTEXT_SIZE 1232u /* CONTEXT of AMD64 */

static void mdmp_put(struct str *out, uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        char byte = (char)(value >> (8 * i));
        str_add_bytes(out, &byte, 1);
    }
}

static void mdmp_poke(struct str *out, size_t at, uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        out->data[at + i] = (char)(value >> (8 * i));
    }
}

static void mdmp_zeros(struct str *out, size_t count) {
    for (size_t i = 0; i < count; i++) {
        mdmp_put(out, 0, 1);
    }
}

static size_t mdmp_string(struct str *out, const char *text) {
    size_t at = out->len;
    mdmp_put(out, 2 * strlen(text), 4);
    for (const char *p = text; *p; p++) {
        mdmp_put(out, (unsigned char)*p, 2);
    }
    mdmp_put(out, 0, 2);
    return at;
}

static void mdmp_directory(struct str *out, size_t slot, uint32_t type, size_t at) {
    mdmp_poke(out, 32 + 12 * slot, type, 4);
    mdmp_poke(out, 32 + 12 * slot + 4, out->len - at, 4);
    mdmp_poke(out, 32 + 12 * slot + 8, at, 4);
}

static void mdmp_system(struct str *out) {
    size_t at = out->len;
    mdmp_put(out, 9, 2); /* PROCESSOR_ARCHITECTURE_AMD64 */
    mdmp_zeros(out, 6);
    mdmp_put(out, 10, 4);
    mdmp_put(out, 0, 4);
    mdmp_put(out, 19043, 4);
    mdmp_put(out, 2, 4); /* VER_PLATFORM_WIN32_NT */
    mdmp_zeros(out, 32);
    mdmp_directory(out, 0, 7, at);
}

static void mdmp_modules(struct str *out, const struct mdmp *d) {
    size_t names[16];
    for (size_t i = 0; i < d->module_count; i++) {
        names[i] = mdmp_string(out, d->modules[i].path);
    }
    size_t at = out->len;
    mdmp_put(out, d->module_count, 4);
    for (size_t i = 0; i < d->module_count; i++) {
        const struct mdmp_module *m = &d->modules[i];
        mdmp_put(out, m->base, 8);
        mdmp_put(out, m->size, 4);
        mdmp_put(out, 0, 8);
        mdmp_put(out, names[i], 4);
        mdmp_put(out, 0xfeef04bd, 4);
        mdmp_put(out, 0x10000, 4);
        mdmp_put(out, (uint64_t)m->version[0] << 16 | m->version[1], 4);
        mdmp_put(out, (uint64_t)m->version[2] << 16 | m->version[3], 4);
        mdmp_zeros(out, 52 - 16 + 32);
    }
    mdmp_directory(out, 1, 4, at);
}

static void mdmp_thread(struct str *out, const struct mdmp *d) {
    size_t stack = out->len;
    for (size_t i = 0; i < d->stack_words; i++) {
        mdmp_put(out, d->stack[i], 8);
    }
    size_t context = out->len;
    mdmp_zeros(out, MDMP_CONTEXT_SIZE);
    mdmp_poke(out, context + 0x98, MDMP_SP, 8);
    mdmp_poke(out, context + 0xf8, d->address, 8);
    size_t at = out->len;
    mdmp_put(out, 1, 4);
    mdmp_put(out, 4321, 4);
    mdmp_zeros(out, 12);
    mdmp_put(out, d->rich ? MDMP_TEB : 0, 8);
    mdmp_put(out, MDMP_SP, 8);
    mdmp_put(out, d->stack_words * 8, 4);
    mdmp_put(out, stack, 4);
    mdmp_put(out, MDMP_CONTEXT_SIZE, 4);
    mdmp_put(out, context, 4);
    mdmp_directory(out, 2, 3, at);
    at = out->len;
    mdmp_put(out, 4321, 8);
    mdmp_put(out, d->code, 8); /* code and flags */
    mdmp_put(out, 0, 8);
    mdmp_put(out, d->address, 8);
    mdmp_put(out, 2, 8);
    mdmp_put(out, 0, 8);
    mdmp_put(out, 0xdead0000, 8);
    mdmp_zeros(out, 13 * 8);
    mdmp_put(out, MDMP_CONTEXT_SIZE, 4);
    mdmp_put(out, context, 4);
    mdmp_directory(out, 3, 6, at);
}

static void mdmp_unloaded(struct str *out, const struct mdmp_rich *r) {
    size_t names[16];
    for (size_t i = 0; i < r->unloaded_count; i++) {
        names[i] = mdmp_string(out, r->unloaded[i].path);
    }
    size_t at = out->len;
    mdmp_put(out, 12, 4);
    mdmp_put(out, 24, 4);
    mdmp_put(out, r->unloaded_count, 4);
    for (size_t i = 0; i < r->unloaded_count; i++) {
        mdmp_put(out, r->unloaded[i].base, 8);
        mdmp_put(out, r->unloaded[i].size, 4);
        mdmp_put(out, 0x1234, 4);
        mdmp_put(out, 0x5f000000, 4);
        mdmp_put(out, names[i], 4);
    }
    mdmp_directory(out, 4, 14, at);
}

static void mdmp_misc(struct str *out, const struct mdmp_rich *r) {
    size_t at = out->len;
    mdmp_put(out, 24, 4);
    mdmp_put(out, 3, 4);
    mdmp_put(out, r->process_id, 4);
    mdmp_put(out, r->created, 4);
    mdmp_put(out, r->user_s, 4);
    mdmp_put(out, r->kernel_s, 4);
    mdmp_directory(out, 5, 15, at);
    mdmp_poke(out, 20, r->created + 60, 4);
    size_t name = mdmp_string(out, r->thread_name);
    at = out->len;
    mdmp_put(out, 1, 4);
    mdmp_put(out, 4321, 4);
    mdmp_put(out, name, 8);
    mdmp_directory(out, 6, 24, at);
    at = out->len;
    str_add(out, r->comment);
    mdmp_put(out, 0, 1);
    mdmp_directory(out, 7, 10, at);
}

/* MINIDUMP_MEMORY64_LIST of one page that holds TEB, PEB, process parameters and the command line. */
static void mdmp_memory(struct str *out, const struct mdmp_rich *r) {
    size_t list = out->len, data = list + 32;
    mdmp_put(out, 1, 8);
    mdmp_put(out, data, 8);
    mdmp_put(out, MDMP_TEB, 8);
    mdmp_put(out, 0x1000, 8);
    mdmp_directory(out, 8, 9, list);
    mdmp_zeros(out, 0x1000);
    mdmp_poke(out, data + 0x60, MDMP_TEB + 0x100, 8);
    mdmp_poke(out, data + 0x100 + 0x20, MDMP_TEB + 0x200, 8);
    mdmp_poke(out, data + 0x200 + 0x70, 2 * strlen(r->command_line), 2);
    mdmp_poke(out, data + 0x200 + 0x78, MDMP_TEB + 0x400, 8);
    for (size_t i = 0; i < strlen(r->command_line); i++) {
        mdmp_poke(out, data + 0x400 + 2 * i, (unsigned char)r->command_line[i], 2);
    }
}

/* MINIDUMP_MEMORY_INFO_LIST: one private, executable region and one reserved. */
static void mdmp_regions(struct str *out) {
    size_t at = out->len;
    mdmp_put(out, 16, 4);
    mdmp_put(out, 48, 4);
    mdmp_put(out, 2, 8);
    for (int i = 0; i < 2; i++) {
        mdmp_zeros(out, 24);
        mdmp_put(out, 0x3000, 8);
        mdmp_put(out, i ? 0x2000 : 0x1000, 4);
        mdmp_put(out, i ? 0 : 0x40, 4);
        mdmp_put(out, 0x20000, 8);
    }
    mdmp_directory(out, 9, 16, at);
}

static void mdmp_rich(struct str *out, const struct mdmp_rich *r) {
    mdmp_unloaded(out, r);
    mdmp_misc(out, r);
    mdmp_memory(out, r);
    mdmp_regions(out);
}

void mdmp_write(const struct mdmp *d, struct str *out) {
    str_add_bytes(out, "MDMP\x93\xa7\0\0", 8);
    size_t streams = d->rich ? 10 : 4;
    mdmp_put(out, streams, 4);
    mdmp_put(out, 32, 4);
    mdmp_zeros(out, 16 + streams * 12);
    mdmp_system(out);
    mdmp_modules(out, d);
    mdmp_thread(out, d);
    if (d->rich) {
        mdmp_rich(out, d->rich);
    }
}
