/* A simulated machine with an installation CD in its drive, on a virtual clock: firmware, a boot prompt of five
 * seconds, Setup, two reboots, first logon, the agent; and everything that goes wrong on that way. */
#ifndef COEXIST_TESTS_SETUP_GUEST_H
#define COEXIST_TESTS_SETUP_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "install/run.h"

enum setup_stage {
    SETUP_OFF, SETUP_POST, SETUP_PROMPT, SETUP_LOADING, SETUP_COPYING, SETUP_DEVICES, SETUP_LOGON, SETUP_UP,
    SETUP_NOTHING_TO_BOOT, SETUP_STAGE_COUNT
};

enum setup_fault {
    SETUP_FAULT_NONE,
    SETUP_FAULT_NO_PROMPT,      /* no fault: a medium without a prompt */
    SETUP_FAULT_DEAF,           /* no key arrives: the prompt is missed */
    SETUP_FAULT_NOT_BOOTABLE, SETUP_FAULT_UNSIGNED,
    SETUP_FAULT_ANSWER_WRONG, SETUP_FAULT_ANSWER_MISSING, SETUP_FAULT_FOREIGN_PAGE, /* a page in no known language */
    SETUP_FAULT_NO_DISK, SETUP_FAULT_DISK_CONFIG, SETUP_FAULT_DISK_SMALL, SETUP_FAULT_OLD_MACHINE,
    SETUP_FAULT_REBOOT_LOOP,    /* from the disk */
    SETUP_FAULT_SETUP_LOOP,     /* Setup itself resets before it writes */
    SETUP_FAULT_HANG,           /* in the stage given: nothing changes any more */
    SETUP_FAULT_SPIN,           /* the same, with dots that turn */
    SETUP_FAULT_CRAWL,          /* goes on for ever, ever so slowly */
    SETUP_FAULT_STOP_SCREEN, SETUP_FAULT_PANIC, SETUP_FAULT_POWER_OFF, SETUP_FAULT_QEMU_DIED, SETUP_FAULT_HOST_FULL,
    SETUP_FAULT_AGENT_SILENT, SETUP_FAULT_UNFINISHED,
    SETUP_FAULT_COUNT
};

struct setup_guest {
    struct clock_virtual clock;
    enum setup_fault fault;
    enum setup_stage fault_at; /* for HANG, SPIN, CRAWL, STOP_SCREEN, PANIC, POWER_OFF, QEMU_DIED, HOST_FULL */
    uint64_t seed;             /* how long each stage takes; pictures that fail */
    /* What came of it. */
    enum setup_stage stage;
    int64_t stage_began, stage_takes, written;
    int64_t prompt_stood; /* when it stood on the screen last */
    int boots;                 /* so far */
    bool installed, struck;    /* files are on the disk; the fault has struck */
    int stray_talk;            /* what was said to the agent came to firmware or boot loader */
    bool unread;               /* something was said that nobody has read yet */
    int keys, stray_keys;      /* stray: pressed while no prompt stood on the picture, or when it was installed */
    bool key_down;             /* at this prompt */
    struct vm_event events[16];
    int event_count;
    unsigned pictures;
};

/* Makes the machine and runs the installation on it. Kept pictures go to dir. As install_run. */
int setup_guest_install(struct setup_guest *g, const char *dir, const struct install_limits *limits,
                        struct install_result *result, struct err *err);

#endif
