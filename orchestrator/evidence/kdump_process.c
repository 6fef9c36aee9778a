/* Which process the crashing thread belonged to. Sources: wdbgexts.h (KDDEBUGGER_DATA64 tells the offsets of KPRCB,
 * KTHREAD and EPROCESS that a debugger needs); where EPROCESS.ImageFileName lies is not among them: on 64 bits it
 * follows Peb at one distance since Windows 10 (public symbols), older places are listed. */
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "evidence/kdump_impl.h"

#define KDBG_PROCESSORS 0x218u /* KiProcessorBlock: array of pointers to KPRCB */
#define KDBG_THREAD_INITIAL_STACK 0x29eu
#define KDBG_THREAD_PROCESS 0x2a0u
#define KDBG_PROCESS_SIZE 0x2a8u
#define KDBG_PROCESS_PEB 0x2aau
#define KDBG_PRCB_THREAD 0x2b4u
#define KDBG_PRCB_CONTEXT 0x338u /* pointer to a CONTEXT; Windows 7 and later */
#define KDUMP_STACK_REACH 0x20000u /* kernel stacks are 12 to 72 KiB */
#define KDUMP_NAME 15u
#define KDUMP_MAX_PROCESSORS 2048u

static bool kdump_name_letter(uint8_t c) {
    return c > 0x20 && c < 0x7f && !strchr("\\/:*?\"<>|", c);
}

/* Length of the name at p (at most 15 characters and a NUL), or 0. */
static size_t kdump_name_length(const uint8_t *p, size_t left) {
    size_t n = 0;
    while (n < KDUMP_NAME && n < left && (kdump_name_letter(p[n]) || (n && p[n] == ' '))) {
        n++;
    }
    return n >= 2 && n < left && p[n] == 0 ? n : 0;
}

static bool kdump_name_sure(const uint8_t *p, size_t n) {
    static const char *const known[] = {"System", "Idle", "Registry", "MemCompression", "Secure System"};
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (strlen(known[i]) == n && memcmp(p, known[i], n) == 0) {
            return true;
        }
    }
    return n > 4 && strncasecmp((const char *)p + n - 4, ".exe", 4) == 0;
}

static char *kdump_name_at(struct bytes process, size_t at, bool sure) {
    size_t n = at && at < process.size ? kdump_name_length(process.data + at, process.size - at) : 0;
    return n && (!sure || kdump_name_sure(process.data + at, n)) ? bytes_ascii(process.data + at, n) : NULL;
}

char *kdump_image_name(const struct kdump *k, struct bytes process) {
    static const uint16_t wide[] = {0x5a8, 0x450, 0x448, 0x438, 0x2e0, 0x238, 0x268, 0x338};
    static const uint16_t narrow[] = {0x1ac, 0x17c, 0x170, 0x16c, 0x14c, 0x174, 0x164, 0x154};
    size_t peb = kdump_debugger_offset(k, KDBG_PROCESS_PEB);
    char *name = peb && k->wide ? kdump_name_at(process, peb + 0x58, false) : NULL;
    for (size_t i = 0; !name && i < ARRAY_LEN(wide); i++) {
        name = kdump_name_at(process, k->wide ? wide[i] : narrow[i], true);
    }
    for (size_t at = 0x100; !name && at < process.size; at += 4) {
        name = kdump_name_at(process, at, true);
    }
    return name;
}

static void kdump_process_read(struct kdump *k, struct dump *d, uint64_t process) {
    size_t size = kdump_debugger_offset(k, KDBG_PROCESS_SIZE);
    size = size > 0x100 && size <= 0x1000 ? size : 0x600;
    CLEANUP_FREE uint8_t *raw = mem_zalloc(size, 1);
    if (!kdump_virt_read(k, process, raw, size)) {
        return;
    }
    d->process.name = kdump_image_name(k, (struct bytes){raw, size});
    d->process.known = d->process.name != NULL;
}

/* The processor whose thread runs on the stack of the crashing context; a machine with one has no other. */
static bool kdump_is_crashing(const struct kdump *k, const struct dump *d, uint64_t thread) {
    uint64_t top = 0;
    uint16_t initial = kdump_debugger_offset(k, KDBG_THREAD_INITIAL_STACK);
    if (d->processors == 1) {
        return true;
    }
    return initial && kdump_virt_pointer(k, thread + initial, &top) && d->sp < top &&
           top - d->sp < KDUMP_STACK_REACH;
}

/* A header without a context: the one the processor kept. */
static void kdump_kept_context(struct kdump *k, struct dump *d, uint64_t prcb) {
    uint8_t raw[0x4d0];
    uint64_t context = 0;
    uint16_t at = kdump_debugger_offset(k, KDBG_PRCB_CONTEXT);
    size_t size = k->wide ? sizeof(raw) : 0x2cc;
    if (d->sp || !at || !kdump_virt_pointer(k, prcb + at, &context) || !kdump_virt_read(k, context, raw, size)) {
        return;
    }
    dump_read_context(d, (struct bytes){raw, size});
    if (d->sp) {
        dump_note(d, str_printf("the header holds no context: the first processor's own is used"));
        kdump_stack(k, d);
    }
}

void kdump_process(struct kdump *k, struct dump *d) {
    uint64_t block = kdump_debugger_pointer(k, KDBG_PROCESSORS), prcb = 0, thread = 0, process = 0;
    uint16_t to_thread = kdump_debugger_offset(k, KDBG_PRCB_THREAD);
    uint16_t to_process = kdump_debugger_offset(k, KDBG_THREAD_PROCESS);
    size_t width = k->wide ? 8 : 4;
    if (d->process.known || d->kind == DUMP_TRIAGE || !block || !to_thread || !to_process) {
        return;
    }
    for (size_t i = 0; i < d->processors && i < KDUMP_MAX_PROCESSORS; i++) {
        if (!kdump_virt_pointer(k, block + i * width, &prcb) || !prcb) {
            continue;
        }
        kdump_kept_context(k, d, prcb);
        if (kdump_virt_pointer(k, prcb + to_thread, &thread) && kdump_is_crashing(k, d, thread) &&
            kdump_virt_pointer(k, thread + to_process, &process)) {
            kdump_process_read(k, d, process);
            return;
        }
    }
}
