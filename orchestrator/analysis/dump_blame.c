#include "analysis/dump_blame.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "evidence/microsoft.h"

const char *dump_blame_how_name(enum dump_blame_how h) {
    static const char *const names[DUMP_BLAME_HOW_COUNT] = {"nobody", "named", "address",
                                                            "unloaded", "stack", "microsoft"};
    return names[h];
}

const char *dump_blame_nobody(const struct dump *d) {
    static const struct {
        uint32_t code;
        const char *why;
    } codes[] = {
        {0x80, "the hardware raised a non-maskable interrupt"},
        {0x9c, "the processor reports a hardware error"},
        {0xe2, "somebody asked for this crash"},
        {0x124, "the hardware reports an error"},
        {0x12b, "memory hardware changed a bit"},
        {0x161, "a dump of the running system was asked for, nothing crashed"},
        {0x1c8, "somebody held the power button"},
        {0xdeaddead, "somebody asked for this crash"},
    };
    for (size_t i = 0; d->bugcheck.known && i < ARRAY_LEN(codes); i++) {
        if (codes[i].code == d->bugcheck.code) {
            return codes[i].why;
        }
    }
    return NULL;
}

static const struct dump_module *dump_blame_scan(const struct dump *d, size_t at,
                                                 bool (*wanted)(const struct dump *d, const struct dump_module *m,
                                                                void *ctx),
                                                 void *ctx, uint64_t *address) {
    const struct dump_module *m;
    while ((m = dump_stack_next(d, &at, address))) {
        if (wanted(d, m, ctx)) {
            return m;
        }
    }
    return NULL;
}

const struct dump_module *dump_blame_stack(const struct dump *d,
                                           bool (*wanted)(const struct dump *d, const struct dump_module *m, void *ctx),
                                           void *ctx, uint64_t *address) {
    uint64_t ignored = 0;
    address = address ? address : &ignored;
    size_t from = dump_stack_start(d);
    const struct dump_module *m = dump_blame_scan(d, from, wanted, ctx, address);
    return m || !from ? m : dump_blame_scan(d, 0, wanted, ctx, address);
}

static bool dump_blame_foreign(const struct dump *d, const struct dump_module *m, void *ctx) {
    (void)ctx;
    return microsoft_module(d, m, NULL) == MICROSOFT_NOT;
}

static bool dump_blame_no_kernel(const struct dump *d, const struct dump_module *m, void *ctx) {
    (void)ctx;
    return microsoft_module(d, m, NULL) != MICROSOFT_KERNEL;
}

static void dump_blame_set(struct dump_blame *b, enum dump_blame_how how, const struct dump_module *m,
                           uint64_t address, double confidence) {
    b->how = how;
    b->module = m;
    b->name = m->name;
    b->offset = address ? address - m->base : 0;
    b->confidence = confidence;
}

static bool dump_blame_named(const struct dump *d, struct dump_blame *b) {
    const struct dump_module *m = dump_module_named(d, d->named);
    if (!d->named || (m ? !dump_blame_foreign(d, m, NULL) : microsoft_name(d->named) != MICROSOFT_NOT)) {
        return false;
    }
    b->how = DUMP_BLAME_NAMED;
    b->module = m;
    b->name = m ? m->name : d->named;
    b->confidence = 0.9;
    b->reason = str_dup(d->named_how);
    return true;
}

/* Where the instruction pointer says nothing (a jump into nowhere), the context's own may. */
static uint64_t dump_blame_address(const struct dump *d) {
    bool nowhere = !dump_module_at(d, d->fault.address) && !dump_unloaded_at(d, d->fault.address);
    return nowhere && d->kind == DUMP_USER && d->pc ? d->pc : d->fault.address;
}

static bool dump_blame_at_fault(const struct dump *d, struct dump_blame *b) {
    uint64_t address = d->fault.known ? dump_blame_address(d) : 0;
    const struct dump_unloaded *gone = address && !dump_module_at(d, address) ? dump_unloaded_at(d, address) : NULL;
    if (!gone && d->fault.has_access && !dump_module_at(d, d->fault.access)) {
        gone = dump_unloaded_at(d, d->fault.access); /* something still pointed there */
    }
    b->at = address ? dump_module_at(d, address) : NULL;
    if (b->at && dump_blame_foreign(d, b->at, NULL)) {
        dump_blame_set(b, DUMP_BLAME_ADDRESS, b->at, address, 0.95);
        b->reason = str_printf("the fault lies in it (%s)",
                               address == d->fault.address ? d->fault.source : "the crashing context");
        return true;
    }
    if (gone && microsoft_name(gone->name) == MICROSOFT_NOT) {
        b->how = DUMP_BLAME_UNLOADED;
        b->name = gone->name;
        b->confidence = 0.9;
        b->reason = str_dup("the fault lies where this driver was before it was unloaded");
        return true;
    }
    return false;
}

/* A module of Windows' own that works for nobody else is itself what broke. */
static bool dump_blame_leaf(const struct dump *d, struct dump_blame *b) {
    if (!b->at || d->kind == DUMP_USER || microsoft_module(d, b->at, NULL) != MICROSOFT_OWN) {
        return false;
    }
    dump_blame_set(b, DUMP_BLAME_MICROSOFT, b->at, d->fault.address, 0.5);
    b->reason = str_printf("the fault lies in it (%s); it is Microsoft's own", d->fault.source);
    return true;
}

static bool dump_blame_on_stack(const struct dump *d, struct dump_blame *b) {
    uint64_t address = 0;
    const struct dump_module *m = dump_blame_stack(d, dump_blame_foreign, NULL, &address);
    if (!m) {
        return false;
    }
    dump_blame_set(b, DUMP_BLAME_STACK, m, address, b->at ? 0.6 : 0.5);
    b->reason = str_printf("first module on the stack that is not Microsoft's; the fault itself %s%s",
                           b->at ? "lies in " : "is not located in a module", b->at ? b->at->name : "");
    return true;
}

static void dump_blame_only_microsoft(const struct dump *d, struct dump_blame *b) {
    uint64_t address = d->fault.address;
    const struct dump_module *m = b->at && dump_blame_no_kernel(d, b->at, NULL) ? b->at : NULL;
    bool at_fault = m != NULL;
    if (!m) {
        m = dump_blame_stack(d, dump_blame_no_kernel, NULL, &address);
    }
    if (!m) {
        b->reason = str_dup(d->stack ? "only the kernel's own modules are at the fault and on the stack"
                                     : "no module but the kernel's is at the fault, and the dump holds no stack");
        return;
    }
    dump_blame_set(b, DUMP_BLAME_MICROSOFT, m, address, at_fault ? 0.3 : 0.2);
    b->reason = str_printf("only Microsoft's modules are at the fault and on the stack; this one is %s",
                           at_fault ? "where the fault lies" : "the first on the stack besides the kernel");
}

struct dump_blame dump_blame(const struct dump *d) {
    struct dump_blame b = {.how = DUMP_BLAME_NOBODY};
    const char *nobody = dump_blame_nobody(d);
    if (nobody) {
        b.reason = str_dup(nobody);
    } else if (!dump_blame_named(d, &b) && !dump_blame_at_fault(d, &b) && !dump_blame_leaf(d, &b) &&
               !dump_blame_on_stack(d, &b)) {
        dump_blame_only_microsoft(d, &b);
    }
    if (!b.at && d->fault.known) {
        b.at = dump_module_at(d, dump_blame_address(d));
    }
    return b;
}

void dump_blame_clear(struct dump_blame *b) {
    free(b->reason);
    *b = (struct dump_blame){0};
}
