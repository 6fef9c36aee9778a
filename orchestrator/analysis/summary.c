/* One sentence a release manager can act on. Wording only: everything said here was decided elsewhere. */
#include <math.h>
#include <stdlib.h>

#include "analysis/judge.h"
#include "base/cleanup.h"
#include "base/str.h"

static const char *summary_class(enum failure_class cls) {
    static const char *const texts[FAILURE_CLASS_COUNT] = {
        [FAILURE_NONE] = "Nothing failed",
        [FAILURE_KERNEL_CRASH] = "Kernel crash",
        [FAILURE_BOOT_LOOP] = "Boot loop",
        [FAILURE_NO_BOOT] = "Does not boot",
        [FAILURE_UNASKED_RESTART] = "Restarts or powers off by itself",
        [FAILURE_HANG] = "Hang",
        [FAILURE_NETWORK_LOST] = "Network lost while the guest is alive",
        [FAILURE_SERVICE_DOWN] = "Service down",
        [FAILURE_DRIVER_DOWN] = "Driver not loaded",
        [FAILURE_PROCESS_DOWN] = "Process missing",
        [FAILURE_PROCESS_CRASH] = "Process crash",
        [FAILURE_FILE_DAMAGED] = "Product file damaged or gone",
        [FAILURE_REGISTRY_DAMAGED] = "Registry damaged",
        [FAILURE_INSTALL_FAILED] = "Installation failed",
        [FAILURE_UPDATE_FAILED] = "Update failed",
        [FAILURE_UPDATE_NOT_APPLIED] = "Update did not take",
        [FAILURE_ROLLBACK_FAILED] = "Rollback failed",
        [FAILURE_UNINSTALL_FAILED] = "Uninstallation failed",
        [FAILURE_PROTECTION_LOST] = "Protection lost",
        [FAILURE_DATA_LOST] = "User data lost",
        [FAILURE_SYSTEM_FILE] = "System file damaged or gone",
        [FAILURE_RESTART_LOOP] = "Process restarts again and again",
        [FAILURE_DISK_FULL] = "The guest's disk is full",
        [FAILURE_APPLICATION_BROKEN] = "Ordinary programs do not work",
        [FAILURE_RESIDUE] = "Uninstallation leaves parts behind",
        [FAILURE_RESOURCE_RUNAWAY] = "Resource runaway",
        [FAILURE_SLOWER] = "Slower",
        [FAILURE_IMAGE] = "The image gave way by itself",
        [FAILURE_HOST_RESOURCES] = "The host ran out of resources",
        [FAILURE_VM_DIED] = "The virtual machine died",
        [FAILURE_LAB_BUG] = "The lab is at fault",
        [FAILURE_NOT_KNOWN] = "Something is wrong",
    };
    return (unsigned)cls < FAILURE_CLASS_COUNT && texts[cls] ? texts[cls] : "Failed";
}

char *summary_detail(const struct judged *c) {
    const char *text = c->primary ? c->primary->text : NULL;
    if (!text || !*text) {
        return NULL;
    }
    bool ends = str_ends_with(text, ".") || str_ends_with(text, "]");
    bool lower = *text >= 'a' && *text <= 'z';
    return str_printf("%c%s%s", lower ? *text - 'a' + 'A' : *text, text + 1, ends ? "" : ".");
}

static void summary_products(const struct judged *c, struct str *s, const char *before_last) {
    for (size_t i = 0; i < c->plan->product_count; i++) {
        str_addf(s, "%s%s", i == 0 ? "" : i + 1 == c->plan->product_count ? before_last : ", ",
                 c->plan->products[i]->id);
    }
}

static void summary_pass(const struct judged *c, const struct analysis_cell *cell, struct str *s) {
    size_t compared = 0;
    for (size_t i = 0; i < cell->metric_count; i++) {
        compared += !cell->metrics[i].process && !isnan(cell->metrics[i].p_value);
    }
    if (c->plan->update) {
        str_addf(s, "Healthy before and after %s", c->plan->update->id);
    } else {
        str_add(s, "Healthy without any update");
    }
    if (compared) {
        str_addf(s, "; %zu metrics compared, none too much worse", compared);
    }
    if (cell->attempts > 1) {
        str_addf(s, "; passed on attempt %d", cell->attempts);
    }
    str_add(s, ".");
}

/* "Boot loop (3 crashes in a row)", or the metric with its size. */
static void summary_what(const struct judged *c, const struct analysis_cell *cell, struct str *s) {
    if (c->worst && judge_is_performance(c->cls)) {
        const struct analysis_metric *m = c->worst;
        str_addf(s, "%s: %s %+.0f %% (at least %+.0f %%; %zu against %zu samples)",
                 summary_class(c->cls), m->name, m->change_percent, m->change_low, m->before_count,
                 m->after_count);
        return;
    }
    str_add(s, summary_class(c->cls));
    if (cell->boots > 1) {
        str_addf(s, " (%d crashes in a row)", cell->boots);
    }
}

static void summary_where(const struct judged *c, const struct analysis_cell *cell, struct str *s) {
    if (cell->blame.module && !judge_is_performance(c->cls)) {
        str_addf(s, ", module %s", cell->blame.module);
        if (c->crash.owner && str_eq(cell->blame.module, c->crash.module)) {
            str_addf(s, " of %s", c->crash.owner->vendor);
        }
    }
}

static void summary_fault(const struct judged *c, const struct analysis_cell *cell, struct str *s) {
    summary_what(c, cell, s);
    const char *update = c->plan->update ? c->plan->update->id : NULL;
    if (cell->verdict == VERDICT_INTERACTION_FAULT && cell->blame.update) {
        str_addf(s, ", but only when %s meets %s", update,
                 cell->blame.with ? cell->blame.with : "its neighbours");
        if (cell->by_order) {
            str_add(s, ", installed in this order: ");
            summary_products(c, s, " then ");
        }
    } else if (cell->verdict == VERDICT_INTERACTION_FAULT) {
        str_add(s, " without any update, only in this company: ");
        summary_products(c, s, " and ");
    } else if (cell->verdict == VERDICT_PRODUCT_FAULT) {
        str_add(s, update && cell->failed_before ? " before any update" : " not by the update");
        if (cell->blame.product) {
            str_addf(s, ": %s", cell->blame.product);
        }
    } else {
        str_addf(s, " after %s", update ? update : "the update");
    }
    summary_where(c, cell, s);
    str_add(s, ".");
}

static void summary_open(const struct judged *c, struct str *s) {
    if (c->outcome == OUTCOME_NOT_RUN) {
        str_add(s, "Not run.");
        return;
    }
    if (c->worst) {
        str_addf(s, "%s %+.0f %%, but the host was too busy to tell: run it again on a quiet host.",
                 c->worst->name, c->worst->change_percent);
    } else if (c->facts->ended && c->facts->complete) {
        str_addf(s, "%s, and the evidence does not say what.", summary_class(c->cls));
    } else {
        str_add(s, "Did not run to its end.");
        if (c->primary) {
            str_addf(s, " Until then: %s.", failure_class_name(c->cls));
        }
    }
}

char *summary_make(const struct judged *c, const struct analysis_cell *cell) {
    struct str s = STR_INIT;
    switch (cell->verdict) {
    case VERDICT_PASS:
        summary_pass(c, cell, &s);
        break;
    case VERDICT_INFRASTRUCTURE_ERROR:
        str_addf(&s, "%s; this says nothing about the products.", summary_class(c->cls));
        break;
    case VERDICT_UPDATE_REGRESSION:
    case VERDICT_PRODUCT_FAULT:
    case VERDICT_INTERACTION_FAULT:
        summary_fault(c, cell, &s);
        break;
    case VERDICT_INCONCLUSIVE:
    case VERDICT_COUNT:
        summary_open(c, &s);
        break;
    }
    if (c->failed > 0 && c->failed < c->repetitions) {
        str_addf(&s, " Flaky: %zu of %zu repetitions failed.", c->failed, c->repetitions);
    } else if (c->alike > 0 && c->alike < c->failed) {
        str_addf(&s, " %zu of %zu repetitions failed, in this way %zu.", c->failed, c->repetitions, c->alike);
    } else if (c->failed > 0 && c->confirms > 0) {
        str_addf(&s, " Firm: %zu of %zu repetitions failed.", c->failed, c->repetitions);
    }
    return str_take(&s);
}
