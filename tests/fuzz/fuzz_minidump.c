/* Minidumps come from the guest: any bytes must give an answer or a reason, within bounds. */
#include <stddef.h>
#include <stdint.h>

#include "analysis/minidump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool fuzz_any_module(const char *name, void *ctx) {
    *(size_t *)ctx += name[0] != '\0';
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct minidump *d = minidump_parse(data, size, &err);
    if (!d) {
        return err.cls == ERR_PROTOCOL ? 0 : (__builtin_trap(), 0);
    }
    size_t seen = 0;
    minidump_module_at(d, d->address);
    minidump_stack_find(d, fuzz_any_module, &seen, NULL);
    minidump_free(d);
    return 0;
}
