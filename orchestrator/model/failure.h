/* The types of what can go wrong, and of what a cell can come to; analysis/METHOD.md defines each. Strings exist only
 * at the edges (journal, report.json); their spelling is part of the format. */
#ifndef COEXIST_MODEL_FAILURE_H
#define COEXIST_MODEL_FAILURE_H

#include <stdbool.h>

enum failure_class {
    FAILURE_NONE,
    /* harm done inside the guest */
    FAILURE_KERNEL_CRASH,       /* "kernel-crash": stop, came back (or was not given the chance to) */
    FAILURE_BOOT_LOOP,          /* "boot-loop": stopped in each of several boots in a row */
    FAILURE_NO_BOOT,            /* "no-boot": neither ready nor crashed within the time limit */
    FAILURE_UNASKED_RESTART,    /* "unasked-restart": restarted or powered off by itself, no crash seen */
    FAILURE_HANG,               /* "hang": was ready, no channel answers or no program does, no crash seen */
    FAILURE_NETWORK_LOST,       /* "network-lost": serial answers, SSH does not */
    FAILURE_SERVICE_DOWN,       /* "service-down" */
    FAILURE_DRIVER_DOWN,        /* "driver-down": not loaded though it should be */
    FAILURE_PROCESS_DOWN,       /* "process-down": an expected process is absent */
    FAILURE_PROCESS_CRASH,      /* "process-crash": a dump or crash record of a user process */
    FAILURE_FILE_DAMAGED,       /* "file-damaged": a product file missing or of another version/digest */
    FAILURE_REGISTRY_DAMAGED,   /* "registry-damaged" */
    FAILURE_INSTALL_FAILED,     /* "install-failed" */
    FAILURE_UPDATE_FAILED,      /* "update-failed": apply's exit code or time limit */
    FAILURE_UPDATE_NOT_APPLIED, /* "update-not-applied": apply said yes, the took check says no */
    FAILURE_ROLLBACK_FAILED,    /* "rollback-failed" */
    FAILURE_UNINSTALL_FAILED,   /* "uninstall-failed" */
    FAILURE_PROTECTION_LOST,    /* "protection-lost": the detection check fails */
    FAILURE_DATA_LOST,          /* "data-lost": a user's file or shortcut missing or changed */
    FAILURE_SYSTEM_FILE,        /* "system-file-damaged": a file of the system missing or changed */
    FAILURE_RESTART_LOOP,       /* "restart-loop": a product's process does not stay, though its state looks well */
    FAILURE_DISK_FULL,          /* "disk-full": of the guest's system drive */
    FAILURE_APPLICATION_BROKEN, /* "application-broken": a program that belongs to no product does not work */
    FAILURE_RESIDUE,            /* "residue-left": runnable parts of a product after its uninstallation */
    FAILURE_RESOURCE_RUNAWAY,   /* "resource-runaway": memory, processor, threads, handles beyond bounds */
    FAILURE_SLOWER,             /* "slower": found by analysis only */
    /* harm done to or by the lab: never a product's fault */
    FAILURE_IMAGE,              /* "image-fault": the bare image does not come up, or a stand-in gives way itself */
    FAILURE_HOST_RESOURCES,     /* "host-resources": disk, memory or time of the host ran out */
    FAILURE_VM_DIED,            /* "vm-died": QEMU or libvirt failed */
    FAILURE_LAB_BUG,            /* "lab-bug" */
    FAILURE_NOT_KNOWN,          /* "not-known": something is wrong, evidence does not suffice */
    FAILURE_CLASS_COUNT
};
const char *failure_class_name(enum failure_class c);
int failure_class_parse(const char *name, enum failure_class *out); /* -1 when unknown */
bool failure_class_is_infrastructure(enum failure_class c); /* IMAGE .. LAB_BUG */

enum verdict {
    VERDICT_PASS,                 /* "pass" */
    VERDICT_UPDATE_REGRESSION,    /* "update-regression": fine before, harmed after, by the update alone */
    VERDICT_PRODUCT_FAULT,        /* "product-fault": harmed before any update */
    VERDICT_INTERACTION_FAULT,    /* "interaction-fault": only this combination, each alone is fine */
    VERDICT_INFRASTRUCTURE_ERROR, /* "infrastructure-error" */
    VERDICT_INCONCLUSIVE,         /* "inconclusive" */
    VERDICT_COUNT
};
const char *verdict_name(enum verdict v);

enum decision { DECISION_SHIP, DECISION_HOLD, DECISION_UNKNOWN, DECISION_COUNT };
const char *decision_name(enum decision d); /* "ship", "hold", "unknown" */

#endif
