/* Where a kernel broke: followed from the bugcheck's parameters, whose roles evidence/bugcheck.h tells. Sources of the
 * structures followed: winnt.h (EXCEPTION_RECORD, CONTEXT), wdm.h (IRP, IO_STACK_LOCATION, DEVICE_OBJECT,
 * DRIVER_OBJECT), ntos ke.h (KTRAP_FRAME of AMD64 and x86, as in public symbols). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "evidence/bugcheck.h"
#include "evidence/kdump_impl.h"

#define STATUS_BREAKPOINT 0x80000003u
#define KDUMP_NAME_BYTES 512u

static void kdump_fault_at(struct dump *d, uint64_t address, char *source) {
    if (!address || d->fault.known) {
        free(source);
        return;
    }
    d->fault.known = true;
    d->fault.address = address;
    d->fault.source = source;
}

static void kdump_fault_record(struct kdump *k, struct dump *d, uint64_t pointer, size_t index) {
    uint8_t raw[0x98];
    size_t width = k->wide ? 8 : 4, size = k->wide ? 0x98 : 0x50;
    if (!pointer || !kdump_virt_read(k, pointer, raw, size)) {
        return;
    }
    uint32_t count = bytes_u32(raw + 8 + 2 * width);
    const uint8_t *parameters = raw + (k->wide ? 0x20 : 0x14);
    if (count > 15) {
        return;
    }
    d->fault.code = d->fault.code ? d->fault.code : bytes_u32(raw);
    if (bytes_u32(raw) == 0xc0000005u && count >= 2 && !d->fault.has_access) {
        d->fault.has_access = true;
        d->fault.access = bytes_word(parameters + width, width);
    }
    kdump_fault_at(d, bytes_word(raw + 8 + width, width),
                   str_printf("the exception record that bugcheck parameter %zu points to", index + 1));
}

static bool kdump_in_kernel_half(const struct kdump *k, uint64_t address) {
    return k->wide ? address >> 63 : address >> 31;
}

/* The context of the exception says more than that of the bugcheck, if it belongs to the same address. */
static void kdump_fault_context(struct kdump *k, struct dump *d, uint64_t pointer, size_t index) {
    uint8_t raw[0x4d0];
    size_t size = k->arch == DUMP_X86 ? 0x2cc : k->arch == DUMP_ARM64 ? 0x390 : sizeof(raw);
    struct dump scratch = {.arch = d->arch};
    if (!pointer || !kdump_virt_read(k, pointer, raw, size)) {
        return;
    }
    dump_read_context(&scratch, (struct bytes){raw, size});
    if (!kdump_in_kernel_half(k, scratch.pc) || !kdump_in_kernel_half(k, scratch.sp) ||
        (d->fault.known && d->fault.address != scratch.pc)) {
        return;
    }
    d->pc = scratch.pc;
    d->sp = scratch.sp;
    d->fp = scratch.fp;
    kdump_fault_at(d, scratch.pc, str_printf("the context that bugcheck parameter %zu points to", index + 1));
}

static void kdump_fault_trap(struct kdump *k, struct dump *d, uint64_t pointer, size_t index) {
    uint64_t pc = 0, sp = 0;
    if (k->arch == DUMP_ARM64 || !kdump_virt_pointer(k, pointer + (k->wide ? 0x168 : 0x68), &pc) || !pointer ||
        !kdump_in_kernel_half(k, pc)) {
        return;
    }
    kdump_fault_at(d, pc, str_printf("the trap frame that bugcheck parameter %zu points to", index + 1));
    /* On x86 a trap from the kernel pushes no stack pointer: the stack goes on behind the frame's code segment. */
    if (!k->wide) {
        sp = pointer + 0x74;
    } else if (!kdump_virt_pointer(k, pointer + 0x180, &sp)) {
        return;
    }
    if (kdump_in_kernel_half(k, sp)) {
        d->pc = pc;
        d->sp = sp;
    }
}

static void kdump_name_driver(struct dump *d, const char *name, const char *how) {
    if (!d->named && name && *name) {
        d->named = str_dup(bytes_basename(name));
        d->named_how = str_dup(how);
    }
}

/* Who holds the request that does not finish: the driver of the device its current stack location names. */
static void kdump_fault_irp(struct kdump *k, struct dump *d, uint64_t irp) {
    bool wide = k->wide;
    uint64_t location = 0, device = 0, driver = 0, start = 0;
    if (!kdump_virt_pointer(k, irp + (wide ? 0xb8 : 0x60), &location) ||
        !kdump_virt_pointer(k, location + (wide ? 0x28 : 0x14), &device) ||
        !kdump_virt_pointer(k, device + 8, &driver)) {
        return;
    }
    const struct dump_module *m =
        kdump_virt_pointer(k, driver + (wide ? 0x18 : 0xc), &start) ? dump_module_at(d, start) : NULL;
    CLEANUP_FREE char *object =
        m ? NULL : kdump_virt_unicode(k, driver + (wide ? 0x38 : 0x1c), KDUMP_NAME_BYTES);
    kdump_name_driver(d, m ? m->name : object, "it holds the request that does not finish");
}

static void kdump_fault_roles(struct kdump *k, struct dump *d, const struct bugcheck *b) {
    const uint64_t *p = d->bugcheck.parameters;
    for (size_t i = 0; i < 4; i++) {
        if (b->roles[i] == BUGCHECK_CODE && kdump_in_kernel_half(k, p[i])) {
            kdump_fault_at(d, p[i], str_printf("bugcheck parameter %zu", i + 1));
        } else if (b->roles[i] == BUGCHECK_STATUS && !d->fault.code) {
            d->fault.code = (uint32_t)p[i];
        } else if (b->roles[i] == BUGCHECK_MEMORY && !d->fault.has_access) {
            d->fault.has_access = true;
            d->fault.access = p[i];
        } else if (b->roles[i] == BUGCHECK_NAME) {
            CLEANUP_FREE char *name = kdump_virt_unicode(k, p[i], KDUMP_NAME_BYTES);
            kdump_name_driver(d, name, "the bugcheck names it");
        }
    }
    for (size_t i = 0; i < 4; i++) {
        if (b->roles[i] == BUGCHECK_RECORD) {
            kdump_fault_record(k, d, p[i], i);
        } else if (b->roles[i] == BUGCHECK_CONTEXT) {
            kdump_fault_context(k, d, p[i], i);
        } else if (b->roles[i] == BUGCHECK_TRAP) {
            kdump_fault_trap(k, d, p[i], i);
        }
    }
    if (b->code == 0x9f && p[0] == 3) {
        kdump_fault_irp(k, d, p[3]);
    }
}

/* The kernel and the hardware layer are where every bugcheck ends, not where it came from. */
static const struct dump_module *kdump_driver_at(const struct dump *d, uint64_t address) {
    const struct dump_module *m = address ? dump_module_at(d, address) : NULL;
    bool kernel = m && (m == d->modules || str_eq_nocase(m->name, "hal.dll"));
    return kernel ? NULL : m;
}

void kdump_fault(struct kdump *k, struct dump *d) {
    const struct bugcheck *b = bugcheck_find(d->bugcheck.code);
    if (b && d->bugcheck.known) {
        kdump_fault_roles(k, d, b);
    }
    if (d->exception.known && d->exception.code != STATUS_BREAKPOINT) {
        d->fault.code = d->fault.code ? d->fault.code : d->exception.code;
        kdump_fault_at(d, d->exception.address, str_dup("the header's exception record"));
    }
    for (size_t i = 0; !d->fault.known && i < 4; i++) {
        if (kdump_driver_at(d, d->bugcheck.parameters[i])) {
            kdump_fault_at(d, d->bugcheck.parameters[i], str_printf("bugcheck parameter %zu", i + 1));
        }
    }
    if (kdump_driver_at(d, d->pc)) {
        kdump_fault_at(d, d->pc, str_dup("the crashing context"));
    }
}
