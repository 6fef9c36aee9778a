#include "model/failure.h"

#include <assert.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/str.h"

static const char *const failure_names[] = {
    [FAILURE_NONE] = "none",
    [FAILURE_KERNEL_CRASH] = "kernel-crash",
    [FAILURE_BOOT_LOOP] = "boot-loop",
    [FAILURE_NO_BOOT] = "no-boot",
    [FAILURE_UNASKED_RESTART] = "unasked-restart",
    [FAILURE_HANG] = "hang",
    [FAILURE_NETWORK_LOST] = "network-lost",
    [FAILURE_SERVICE_DOWN] = "service-down",
    [FAILURE_DRIVER_DOWN] = "driver-down",
    [FAILURE_PROCESS_DOWN] = "process-down",
    [FAILURE_PROCESS_CRASH] = "process-crash",
    [FAILURE_FILE_DAMAGED] = "file-damaged",
    [FAILURE_REGISTRY_DAMAGED] = "registry-damaged",
    [FAILURE_INSTALL_FAILED] = "install-failed",
    [FAILURE_UPDATE_FAILED] = "update-failed",
    [FAILURE_UPDATE_NOT_APPLIED] = "update-not-applied",
    [FAILURE_ROLLBACK_FAILED] = "rollback-failed",
    [FAILURE_UNINSTALL_FAILED] = "uninstall-failed",
    [FAILURE_PROTECTION_LOST] = "protection-lost",
    [FAILURE_DATA_LOST] = "data-lost",
    [FAILURE_SYSTEM_FILE] = "system-file-damaged",
    [FAILURE_RESTART_LOOP] = "restart-loop",
    [FAILURE_DISK_FULL] = "disk-full",
    [FAILURE_APPLICATION_BROKEN] = "application-broken",
    [FAILURE_RESIDUE] = "residue-left",
    [FAILURE_RESOURCE_RUNAWAY] = "resource-runaway",
    [FAILURE_SLOWER] = "slower",
    [FAILURE_IMAGE] = "image-fault",
    [FAILURE_HOST_RESOURCES] = "host-resources",
    [FAILURE_VM_DIED] = "vm-died",
    [FAILURE_LAB_BUG] = "lab-bug",
    [FAILURE_NOT_KNOWN] = "not-known",
};
static_assert(ARRAY_LEN(failure_names) == FAILURE_CLASS_COUNT, "a name for every failure class");

static const char *const verdict_names[] = {
    [VERDICT_PASS] = "pass",
    [VERDICT_UPDATE_REGRESSION] = "update-regression",
    [VERDICT_PRODUCT_FAULT] = "product-fault",
    [VERDICT_INTERACTION_FAULT] = "interaction-fault",
    [VERDICT_INFRASTRUCTURE_ERROR] = "infrastructure-error",
    [VERDICT_INCONCLUSIVE] = "inconclusive",
};
static_assert(ARRAY_LEN(verdict_names) == VERDICT_COUNT, "a name for every verdict");

static const char *const decision_names[] = {
    [DECISION_SHIP] = "ship",
    [DECISION_HOLD] = "hold",
    [DECISION_UNKNOWN] = "unknown",
};
static_assert(ARRAY_LEN(decision_names) == DECISION_COUNT, "a name for every decision");

const char *failure_class_name(enum failure_class c) {
    return (unsigned)c < FAILURE_CLASS_COUNT ? failure_names[c] : "not-known";
}

int failure_class_parse(const char *name, enum failure_class *out) {
    for (size_t i = 0; i < ARRAY_LEN(failure_names); i++) {
        if (str_eq(name, failure_names[i])) {
            *out = (enum failure_class)i;
            return 0;
        }
    }
    return -1;
}

bool failure_class_is_infrastructure(enum failure_class c) {
    return c >= FAILURE_IMAGE && c <= FAILURE_LAB_BUG;
}

const char *verdict_name(enum verdict v) {
    return (unsigned)v < VERDICT_COUNT ? verdict_names[v] : "inconclusive";
}

const char *decision_name(enum decision d) {
    return (unsigned)d < DECISION_COUNT ? decision_names[d] : "unknown";
}
