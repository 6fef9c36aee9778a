#include "analysis/crash.h"

#include <inttypes.h>
#include <stdlib.h>

#include "analysis/dump_blame.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "evidence/stop_code.h"

/* Dumps looked at in one cell: a crash storm leaves more alike, not more to learn. */
#define CRASH_MAX_DUMPS 16

static bool crash_is_product_module(const struct dump *d, const struct dump_module *m, void *ctx) {
    (void)d;
    return model_module_owner(ctx, m->name) != NULL;
}

void crash_clear(struct crash *c) {
    /* NOLINTBEGIN(clang-analyzer-unix.Malloc): it loses track when structs are swapped below */
    free(c->module);
    free(c->how);
    free(c->problem);
    /* NOLINTEND(clang-analyzer-unix.Malloc) */
    *c = (struct crash){0};
}

static int crash_score(const struct crash *c) {
    return (c->module != NULL) + 4 * (c->owner != NULL) + 2 * c->kernel - c->on_stack;
}

struct crash_suspect {
    const struct dump_module *module; /* NULL: none */
    const char *name;                 /* the same, or of a driver that is not loaded; NULL: none */
    uint64_t offset;
    bool on_stack;
};

/* A module of no product at the fault (the system's own, most often) says where it broke, not who broke it: then the
 * driver the dump itself names is asked, then the first product module on the stack. */
static struct crash_suspect crash_suspect(const struct model *m, const struct dump *d, const struct dump_blame *b) {
    uint64_t address = 0;
    struct crash_suspect at = {b->at, b->at ? b->at->name : NULL, b->at ? d->fault.address - b->at->base : 0, false};
    bool owned = b->name && model_module_owner(m, b->name);
    if (dump_blame_nobody(d)) {
        return (struct crash_suspect){0};
    }
    if (owned && b->how != DUMP_BLAME_STACK) {
        return (struct crash_suspect){b->module, b->name, b->offset, false};
    }
    if (b->at && model_module_owner(m, b->at->name)) {
        return at;
    }
    const struct dump_module *caller = dump_blame_stack(d, crash_is_product_module, (void *)m, &address);
    if (caller) {
        return (struct crash_suspect){caller, caller->name, address - caller->base, true};
    }
    if (b->at || !b->name) {
        return at;
    }
    return (struct crash_suspect){b->module, b->name, b->offset, b->how == DUMP_BLAME_STACK};
}

static void crash_say_what(const struct dump *d, struct str *s) {
    if (d->bugcheck.known) {
        const char *name = stop_code_name(d->bugcheck.code);
        str_addf(s, "bugcheck 0x%" PRIX32 " %s", d->bugcheck.code, name ? name : "(not in the table)");
        str_add(s, d->fault.code ? ", " : "");
    }
    if (d->fault.code || !d->bugcheck.known) {
        str_addf(s, "%s 0x%08" PRIx32, dump_code_name(d->fault.code), d->fault.code);
    }
}

static void crash_from_dump(const struct model *m, const struct dump *d, struct crash *c) {
    CLEANUP(dump_blame_clear) struct dump_blame b = dump_blame(d);
    struct crash_suspect who = crash_suspect(m, d, &b);
    struct str s = STR_INIT;
    crash_say_what(d, &s);
    if (!who.name) {
        if (d->fault.known && !dump_blame_nobody(d)) {
            str_addf(&s, " at 0x%" PRIx64 ", in no module", d->fault.address);
        } else {
            str_addf(&s, "; %s", b.reason);
        }
        c->how = str_take(&s);
        return;
    }
    c->module = str_dup(who.name);
    c->owner = model_module_owner(m, who.name);
    c->on_stack = who.on_stack;
    str_addf(&s, " in %s", who.name);
    if (who.offset) {
        str_addf(&s, "+0x%" PRIx64, who.offset);
    }
    if (who.module && *who.module->version) {
        str_addf(&s, " (version %s)", who.module->version);
    }
    if (c->on_stack) {
        str_addf(&s, " on the faulting stack%s%s", b.at ? "; the fault itself is in " : "", b.at ? b.at->name : "");
    }
    c->how = str_take(&s);
}

static bool crash_is_kernel_dump(const char *role) {
    return str_eq(role, "minidump") || str_eq(role, "memory-dump");
}

static void crash_read_one(const struct model *m, const char *path, const struct analysis_artifact *a,
                           struct crash *c) {
    CLEANUP_ERR struct err err = ERR_INIT;
    *c = (struct crash){.kernel = crash_is_kernel_dump(a->role)};
    CLEANUP(dump_free_ptr) struct dump *d = dump_load(path, &err);
    if (!d) {
        c->problem = str_printf("%s: %s", a->name, err_text(&err));
    } else if (!d->exception.known && !d->bugcheck.known) {
        c->problem = str_printf("%s: the dump holds no exception", a->name);
    } else {
        crash_from_dump(m, d, c);
        c->problem = d->damage ? str_printf("%s: %s", a->name, d->damage) : NULL;
    }
}

/* The host's dump of a guest that is no Windows is in another format, and nothing for here. */
static bool crash_is_readable(const struct analysis_artifact *a, const char *path) {
    return str_eq(a->role, "minidump") || str_eq(a->role, "process-dump") ||
           (str_eq(a->role, "memory-dump") && dump_file_is_kernel(path));
}

void crash_read(const struct model *m, const char *artifact_dir, const struct cell_facts *facts,
                struct crash *out) {
    *out = (struct crash){0};
    bool any = false;
    int looked = 0;
    for (size_t i = 0; i < facts->artifact_count && looked < CRASH_MAX_DUMPS; i++) {
        const struct analysis_artifact *a = &facts->artifacts[i];
        CLEANUP_FREE char *relative = str_printf("%.2s/%s", a->sha256, a->sha256);
        CLEANUP_FREE char *path = fs_join(artifact_dir, relative);
        if (!crash_is_readable(a, path)) {
            continue;
        }
        struct crash one;
        looked++;
        crash_read_one(m, path, a, &one);
        if (!any || crash_score(&one) > crash_score(out)) {
            struct crash old = *out;
            *out = one;
            one = old;
        }
        any = true;
        crash_clear(&one);
    }
}
