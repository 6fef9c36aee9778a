#include "run/repeat.h"

#include <string.h>

#include "base/str.h"
#include "model/failure.h"
#include "model/model.h"

#define REPEAT_BIT(class) (UINT64_C(1) << (class))

/* What is there or is not, whenever one looks; each of these comes from a file, a value or three boots in a row. */
static const uint64_t repeat_firm =
    REPEAT_BIT(FAILURE_BOOT_LOOP) | REPEAT_BIT(FAILURE_FILE_DAMAGED) | REPEAT_BIT(FAILURE_REGISTRY_DAMAGED) |
    REPEAT_BIT(FAILURE_UPDATE_NOT_APPLIED) | REPEAT_BIT(FAILURE_DATA_LOST) | REPEAT_BIT(FAILURE_SYSTEM_FILE) |
    REPEAT_BIT(FAILURE_RESIDUE);

void repeat_see(struct repeat *r, const struct observation *o) {
    enum failure_class class;
    if (o->type == OBS_FAILURE) {
        const char *name = json_string_value(json_object_get(o->data, "class"));
        if (!name || failure_class_parse(name, &class) < 0) {
            class = FAILURE_NOT_KNOWN; /* a newer worker's */
        }
        if (class != FAILURE_NONE && !failure_class_is_infrastructure(class)) {
            r->failed |= REPEAT_BIT(class);
        }
    } else if (o->type == OBS_ARTIFACT) {
        const char *role = json_string_value(json_object_get(o->data, "role"));
        r->dump |= str_eq(role, "minidump") || str_eq(role, "memory-dump");
    }
}

int repeat_times(const struct repeat *r, int confirm) {
    if (!r->failed) {
        return 0;
    }
    if (confirm != MODEL_CONFIRM_BY_EVIDENCE) {
        return confirm;
    }
    bool firm = (r->failed & repeat_firm) || (r->dump && (r->failed & REPEAT_BIT(FAILURE_KERNEL_CRASH)));
    return firm ? 0 : 1;
}
