/* Dumps come from the guest: any bytes must give an answer or a reason, within bounds. */
#include <stddef.h>
#include <stdint.h>

#include "analysis/dump_blame.h"
#include "base/cleanup.h"
#include "evidence/dump.h"
#include "reports/dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP(dump_free_ptr) struct dump *d = dump_parse(data, size, &err);
    CLEANUP_STR struct str text = STR_INIT;
    struct products none = {0};
    if (!d) {
        return err.cls == ERR_PROTOCOL ? 0 : (__builtin_trap(), 0);
    }
    struct dump_blame b = dump_blame(d);
    struct dump_report r = {.file = "f", .dump = d, .blame = &b, .products = &none};
    dump_report_text(&r, &text);
    json_t *o = dump_report_json(&r);
    if (!o || !b.reason) {
        __builtin_trap();
    }
    json_decref(o);
    dump_blame_clear(&b);
    return 0;
}
