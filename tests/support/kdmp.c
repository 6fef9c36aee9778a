#include "support/kdmp.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "support/kdmp_impl.h"

void kdmp_put(struct str *out, uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        char byte = (char)(i < 8 ? value >> (8 * i) : 0);
        str_add_bytes(out, &byte, 1);
    }
}

void kdmp_set(struct str *out, size_t at, uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        out->data[at + i] = (char)(value >> (8 * i));
    }
}

void kdmp_fill(struct str *out, const char *with, size_t to) {
    for (size_t i = 0; out->len < to; i++) {
        str_add_bytes(out, with + i % 4, 1);
    }
}

size_t kdmp_width(const struct kdmp *k) {
    return k->narrow ? 4 : 8;
}

size_t kdmp_head(const struct kdmp *k) {
    return k->narrow ? 0x1000 : 0x2000;
}

static const struct kdmp_driver drivers64[] = {
    {"\\SystemRoot\\system32\\ntoskrnl.exe", 0xfffff80000000000, 0x1000000, 0x5f000001, 0xaaaa01,
     {1, 10, 19041, 0x11}},
    {"\\SystemRoot\\System32\\drivers\\fltmgr.sys", 0xfffff80002000000, 0x80000, 0x5f000002, 0xaaaa02,
     {2, 20, 19041, 0x12}},
    {"\\SystemRoot\\System32\\drivers\\alderflt.sys", 0xfffff80003000000, 0x20000, 0x5f000003, 0xaaaa03,
     {3, 30, 19041, 0x13}},
    {"birchflt.sys", 0xfffff80004000000, 0x30000, 0x5f000004, 0xaaaa04, {4, 40, 19041, 0x14}},
};
static const struct kdmp_driver drivers32[] = {
    {"\\SystemRoot\\system32\\ntkrnlpa.exe", 0x82000000, 0x400000, 0x5f000001, 0xaaaa01,
     {1, 10, 19041, 0x11}},
    {"\\SystemRoot\\System32\\drivers\\fltmgr.sys", 0x88000000, 0x80000, 0x5f000002, 0xaaaa02,
     {2, 20, 19041, 0x12}},
    {"\\SystemRoot\\System32\\drivers\\alderflt.sys", 0x89000000, 0x20000, 0x5f000003, 0xaaaa03,
     {3, 30, 19041, 0x13}},
    {"birchflt.sys", 0x8a000000, 0x30000, 0x5f000004, 0xaaaa04, {4, 40, 19041, 0x14}},
};
static const struct kdmp_gone gone64[] = {
    {"cedargone.sys", 0xfffff80005000000, 0xfffff80005010000, 132587000000000000}};
static const struct kdmp_gone gone32[] = {{"cedargone.sys", 0x8b000000, 0x8b010000, 132587000000000000}};

struct kdmp kdmp_sample(void) {
    return (struct kdmp){
        .levels = 4, .machine = 0x8664, .type = 4, .processors = 2, .build = 19045, .code = 0xd1,
        .parameters = {0x10, 2, 1, 0xfffff80003001234}, .filetime = 132587339507813280, .uptime = 36000000000,
        .exception_code = 0x80000003, .exception_address = 0xfffff80000123456, .pc = 0xfffff80000123456,
        .sp = 0xffffd00000008010, .drivers = drivers64, .driver_count = ARRAY_LEN(drivers64), .gone = gone64,
        .gone_count = 1, .stack_base = 0xffffd00000008000,
        .stack = {0xfffff80000123999, 0, 0xfffff80000200000, 7, 0xfffff80002000777, 0xfffff80004000555,
                  0xfffff80003001234, 0xfffff80000300000},
        .stack_words = 8, .process = "aldersvc.exe"};
}

struct kdmp kdmp_sample32(void) {
    return (struct kdmp){
        .narrow = true, .machine = 0x14c, .type = 4, .processors = 1, .build = 7601, .code = 0xd1,
        .parameters = {0x10, 2, 1, 0x89001234}, .filetime = 132587339507813280, .uptime = 36000000000,
        .exception_code = 0x80000003, .exception_address = 0x82012345, .pc = 0x82012345, .sp = 0x8f008008,
        .drivers = drivers32, .driver_count = ARRAY_LEN(drivers32), .gone = gone32, .gone_count = 1,
        .stack_base = 0x8f008000,
        .stack = {0x82012399, 0, 0x82020000, 7, 0x88000777, 0x8a000555, 0x89001234, 0x82030000},
        .stack_words = 8, .process = "aldersvc.exe"};
}

/* Offsets as in ntiodump.h; everything else stays "PAGE", as Windows leaves it. */
void kdmp_header(const struct kdmp *k, uint64_t table, struct str *out) {
    bool n = k->narrow;
    size_t w = kdmp_width(k);
    str_add_bytes(out, n ? "PAGEDUMP" : "PAGEDU64", 8);
    kdmp_fill(out, "PAGE", kdmp_head(k));
    kdmp_set(out, 8, 15, 4);
    kdmp_set(out, 12, k->build, 4);
    kdmp_set(out, 0x10, table, w);
    kdmp_set(out, n ? 0x18 : 0x20, n ? KDMP_LIST32 : KDMP_LIST64, w);
    kdmp_set(out, n ? 0x20 : 0x30, k->machine, 4);
    kdmp_set(out, n ? 0x24 : 0x34, k->processors, 4);
    kdmp_set(out, n ? 0x28 : 0x38, k->code, 4);
    for (size_t i = 0; i < 4; i++) {
        kdmp_set(out, (n ? 0x2c : 0x40) + i * w, k->parameters[i], w);
    }
    if (n) {
        kdmp_set(out, 0x5c, k->pae, 1);
    }
    kdmp_set(out, n ? 0x60 : 0x80, n ? KDMP_KDBG32 : KDMP_KDBG64, w);
    size_t context = n ? 0x320 : 0x348;
    bool arm = k->machine == 0xaa64;
    kdmp_set(out, context + (n ? 0xb8 : arm ? 0x108 : 0xf8), k->pc, w);
    kdmp_set(out, context + (n ? 0xc4 : arm ? 0x100 : 0x98), k->sp, w);
    size_t exception = n ? 0x7d0 : 0xf00;
    kdmp_set(out, exception, k->exception_code, 4);
    kdmp_set(out, exception + 4, 0, 4);
    kdmp_set(out, exception + 8 + w, k->exception_address, w);
    kdmp_set(out, exception + 8 + 2 * w, 0, 4);
    kdmp_set(out, n ? 0xf88 : 0xf98, k->type, 4);
    kdmp_set(out, n ? 0xfc0 : 0xfa8, k->filetime, 8);
    kdmp_set(out, n ? 0xfb8 : 0x1030, k->uptime, 8);
}

/* KDDEBUGGER_DATA64: always with 64-bit fields. */
void kdmp_debugger_data(const struct kdmp *k, struct str *out) {
    size_t at = out->len;
    kdmp_fill(out, k->encoded ? "\xc3\x5a\x99\x17" : "\0\0\0\0", at + 0x380);
    if (k->encoded) {
        return;
    }
    memcpy(out->data + at + 0x10, "KDBG", 4);
    kdmp_set(out, at + 0x14, 0x380, 4);
    kdmp_set(out, at + 0x48, k->narrow ? KDMP_LIST32 : KDMP_LIST64, 8);
    kdmp_set(out, at + 0x218, k->narrow ? KDMP_PRCBS32 : KDMP_PRCBS64, 8);
    kdmp_set(out, at + 0x220, k->narrow ? KDMP_GONE32 : KDMP_GONE64, 8);
    kdmp_set(out, at + 0x29e, 0x28, 2);  /* KTHREAD.InitialStack */
    kdmp_set(out, at + 0x2a0, 0xb8, 2);  /* KTHREAD.ApcState.Process */
    kdmp_set(out, at + 0x2a8, 0x600, 2); /* size of EPROCESS */
    kdmp_set(out, at + 0x2aa, 0x300, 2); /* EPROCESS.Peb */
    kdmp_set(out, at + 0x2b4, 8, 2);     /* KPRCB.CurrentThread */
}

static size_t kdmp_string(struct str *out, const char *text) {
    size_t at = out->len;
    kdmp_put(out, strlen(text), 4);
    for (const char *p = text; *p; p++) {
        kdmp_put(out, (unsigned char)*p, 2);
    }
    kdmp_put(out, 0, 2);
    kdmp_fill(out, "\0\0\0\0", (out->len + 7) & ~(size_t)7);
    return at;
}

static void kdmp_triage_drivers(const struct kdmp *k, size_t head, struct str *out) {
    bool n = k->narrow;
    size_t w = kdmp_width(k), step = n ? 0x4c : 0x90, list = out->len;
    kdmp_fill(out, "\0\0\0\0", list + step * k->driver_count);
    size_t pool = out->len;
    for (size_t i = 0; i < k->driver_count; i++) {
        size_t name = kdmp_string(out, k->drivers[i].path), at = list + i * step;
        kdmp_set(out, at, name, 4);
        kdmp_set(out, at + (n ? 0x1c : 0x38), k->drivers[i].base, w);
        kdmp_set(out, at + (n ? 0x24 : 0x48), k->drivers[i].size, 4);
        kdmp_set(out, at + (n ? 0x44 : 0x80), k->drivers[i].checksum, 4);
        kdmp_set(out, at + (n ? 0x48 : 0x88), k->drivers[i].timestamp, 4);
    }
    kdmp_set(out, head + 48, list, 4);
    kdmp_set(out, head + 52, k->driver_count, 4);
    kdmp_set(out, head + 56, pool, 4);
    kdmp_set(out, head + 60, out->len - pool, 4);
    if (k->broken) {
        kdmp_set(out, head + 64, list + (size_t)(k->broken - 1) * step, 4);
    }
}

static void kdmp_triage_gone(const struct kdmp *k, size_t head, struct str *out) {
    kdmp_set(out, head + 24, out->len, 4);
    kdmp_put(out, k->gone_count, k->narrow ? 4 : 8);
    for (size_t i = 0; i < k->gone_count; i++) {
        size_t length = strlen(k->gone[i].name) < 12 ? strlen(k->gone[i].name) : 12;
        kdmp_put(out, 2 * length, 2);
        kdmp_put(out, 2 * length, 2);
        kdmp_put(out, 0, k->narrow ? 4 : 12);
        for (size_t c = 0; c < 12; c++) {
            kdmp_put(out, c < length ? (unsigned char)k->gone[i].name[c] : 0, 2);
        }
        kdmp_put(out, k->gone[i].start, kdmp_width(k));
        kdmp_put(out, k->gone[i].end, kdmp_width(k));
    }
}

/* TRIAGE_DATA_BLOCKs, one for each poke. */
static void kdmp_triage_blocks(const struct kdmp *k, size_t place, struct str *out) {
    size_t w = kdmp_width(k), data = out->len;
    for (size_t i = 0; i < k->poke_count; i++) {
        kdmp_put(out, k->pokes[i].value, w);
    }
    kdmp_set(out, place, out->len, 4);
    kdmp_set(out, place + 4, k->poke_count, 4);
    for (size_t i = 0; i < k->poke_count; i++) {
        kdmp_put(out, k->pokes[i].at, 8);
        kdmp_put(out, data + i * w, 4);
        kdmp_put(out, w, 4);
    }
}

void kdmp_triage(const struct kdmp *k, struct str *out) {
    size_t w = kdmp_width(k), head = kdmp_head(k);
    kdmp_header(k, 0x1ab000, out);
    kdmp_fill(out, "\0\0\0\0", head + 0x80);
    kdmp_set(out, head + 0x48, k->stack_base, w);
    kdmp_set(out, head + 40, out->len, 4);
    kdmp_set(out, head + 44, k->stack_words * w, 4);
    for (size_t i = 0; i < k->stack_words; i++) {
        kdmp_put(out, k->stack[i], w);
    }
    size_t process = out->len;
    kdmp_set(out, head + 32, process, 4);
    kdmp_fill(out, "\0\0\0\0", process + 0x600);
    memcpy(out->data + process + (k->narrow ? 0x17c : 0x358), k->process, strlen(k->process));
    kdmp_set(out, head + 36, out->len, 4);
    kdmp_triage_gone(k, head, out);
    kdmp_set(out, head + (k->narrow ? 0x58 : 0x70), out->len, 4);
    kdmp_set(out, head + (k->narrow ? 0x5c : 0x74), 0x380, 4);
    kdmp_debugger_data(k, out);
    kdmp_triage_drivers(k, head, out);
    kdmp_triage_blocks(k, head + (k->narrow ? 0x60 : 0x78), out);
    kdmp_set(out, head + 8, out->len, 4);
    str_add_bytes(out, "TRGD", 4);
    kdmp_set(out, head + 4, out->len, 4);
    str_add(out, "DumpBlob"); /* secondary data follow what SizeOfDump counts */
}
