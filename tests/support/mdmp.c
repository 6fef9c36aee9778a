#include "support/mdmp.h"

#include <string.h>

#define MDMP_SP 0x7ff000u
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
    mdmp_zeros(out, 20);
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

void mdmp_write(const struct mdmp *d, struct str *out) {
    str_add_bytes(out, "MDMP\x93\xa7\0\0", 8);
    mdmp_put(out, 4, 4);
    mdmp_put(out, 32, 4);
    mdmp_zeros(out, 16 + 4 * 12);
    mdmp_system(out);
    mdmp_modules(out, d);
    mdmp_thread(out, d);
}
