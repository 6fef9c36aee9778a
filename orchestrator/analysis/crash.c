#include "analysis/crash.h"

#include <inttypes.h>
#include <stdlib.h>

#include "analysis/minidump.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"

/* Dumps looked at in one cell: a crash storm leaves more alike, not more to learn. */
#define CRASH_MAX_DUMPS 16

static bool crash_is_product_module(const char *name, void *ctx) {
    return model_module_owner(ctx, name) != NULL;
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

/* A module of no product at the fault (the system's own, most often) says where it broke, not who broke it: then the
 * first product module on the stack is asked. */
static void crash_from_dump(const struct model *m, const struct minidump *d, struct crash *c) {
    uint64_t address = d->address;
    const struct minidump_module *at = minidump_module_at(d, d->address);
    const struct minidump_module *blamed = at;
    if (!at || !model_module_owner(m, at->name)) {
        const struct minidump_module *caller =
            minidump_stack_find(d, crash_is_product_module, (void *)m, &address);
        if (caller) {
            blamed = caller;
            c->on_stack = true;
        }
    }
    if (!blamed) {
        c->how = str_printf("%s 0x%08" PRIx32 " at 0x%" PRIx64 ", in no module",
                            minidump_code_name(d->code), d->code, d->address);
        return;
    }
    c->module = str_dup(blamed->name);
    c->owner = model_module_owner(m, blamed->name);
    c->how = str_printf("%s 0x%08" PRIx32 " in %s+0x%" PRIx64 "%s%s%s%s", minidump_code_name(d->code),
                        d->code, blamed->name, address - blamed->base,
                        *blamed->version ? " (version " : "", blamed->version,
                        *blamed->version ? ")" : "", c->on_stack ? " on the faulting stack" : "");
    if (c->on_stack && at) {
        char *both = str_printf("%s; the fault itself is in %s", c->how, at->name);
        free(c->how);
        c->how = both;
    }
}

static void crash_read_one(const struct model *m, const char *artifact_dir,
                           const struct analysis_artifact *a, struct crash *c) {
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *relative = str_printf("%.2s/%s", a->sha256, a->sha256);
    CLEANUP_FREE char *path = fs_join(artifact_dir, relative);
    *c = (struct crash){.kernel = str_eq(a->role, "minidump")};
    CLEANUP(minidump_free_ptr) struct minidump *d = minidump_load(path, &err);
    if (!d) {
        c->problem = str_printf("%s: %s", a->name, err_text(&err));
    } else if (!d->has_exception) {
        c->problem = str_printf("%s: the dump holds no exception", a->name);
    } else {
        crash_from_dump(m, d, c);
    }
}

void crash_read(const struct model *m, const char *artifact_dir, const struct cell_facts *facts,
                struct crash *out) {
    *out = (struct crash){0};
    bool any = false;
    int looked = 0;
    for (size_t i = 0; i < facts->artifact_count && looked < CRASH_MAX_DUMPS; i++) {
        const struct analysis_artifact *a = &facts->artifacts[i];
        if (!str_eq(a->role, "minidump") && !str_eq(a->role, "process-dump")) {
            continue;
        }
        struct crash one;
        looked++;
        crash_read_one(m, artifact_dir, a, &one);
        if (!any || crash_score(&one) > crash_score(out)) {
            struct crash old = *out;
            *out = one;
            one = old;
        }
        any = true;
        crash_clear(&one);
    }
}
