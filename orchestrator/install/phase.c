/* The phases as a table: names, time limits, allowed moves. */
#include <assert.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "install/install.h"
#include "install/machine.h"

#define TO(phase) (1u << (phase))
#define TO_FAILED TO(INSTALL_FAILED)

/* Times on a quick host with KVM, generous: a Windows installation takes 8 to 15 minutes there. */
static const struct install_phase_row {
    const char *name, *title;
    int limit_s, silence_s;
    unsigned moves;
} phase_rows[] = {
    [INSTALL_FIRMWARE] = {"firmware", "firmware", 60, 60,
                          TO(INSTALL_PROMPT) | TO(INSTALL_LOADING) | TO(INSTALL_COPYING) | TO_FAILED},
    [INSTALL_PROMPT] = {"boot-prompt", "boot prompt", 60, 60,
                        TO(INSTALL_LOADING) | TO(INSTALL_COPYING) | TO_FAILED},
    [INSTALL_LOADING] = {"setup-loading", "loading Setup", 300, 120,
                         TO(INSTALL_PROMPT) | TO(INSTALL_COPYING) | TO_FAILED},
    [INSTALL_COPYING] = {"copying", "copying files", 2400, 180, TO(INSTALL_DEVICES) | TO_FAILED},
    [INSTALL_DEVICES] = {"devices", "first boot from the disk", 1800, 240,
                         TO(INSTALL_FIRST_LOGON) | TO(INSTALL_READY) | TO_FAILED},
    [INSTALL_FIRST_LOGON] = {"first-logon", "first logon", 1800, 300, TO(INSTALL_READY) | TO_FAILED},
    [INSTALL_READY] = {"ready", "ready", 0, 0, 0},
    [INSTALL_FAILED] = {"failed", "failed", 0, 0, 0},
};
static_assert(ARRAY_LEN(phase_rows) == INSTALL_PHASE_COUNT, "a row for every phase");

enum { PHASE_RESETS = 8, PHASE_PROMPTS = 4 };

const char *install_phase_name(enum install_phase p) {
    return phase_rows[p].name;
}

const char *install_phase_title(enum install_phase p) {
    return phase_rows[p].title;
}

bool install_phase_may(enum install_phase from, enum install_phase to) {
    return phase_rows[from].moves & TO(to);
}

struct install_limits install_limits_usual(int slowness) {
    struct install_limits l = {.resets = PHASE_RESETS, .prompts = PHASE_PROMPTS};
    for (size_t i = 0; i < INSTALL_PHASE_COUNT; i++) {
        l.phase[i] = CLOCK_S * phase_rows[i].limit_s * slowness;
        l.silence[i] = CLOCK_S * phase_rows[i].silence_s * slowness;
    }
    return l;
}

static const struct {
    const char *name, *sentence;
} cause_rows[] = {
    [INSTALL_CAUSE_NONE] = {"none", "nothing went wrong"},
    [INSTALL_CAUSE_PROMPT_MISSED] = {"prompt-missed", "\"Press any key to boot\" timed out before a key reached it"},
    [INSTALL_CAUSE_NO_BOOT] = {"no-boot", "the firmware starts nothing from the medium: is it bootable, and for this "
                                          "firmware?"},
    [INSTALL_CAUSE_SECURE_BOOT] = {"secure-boot", "Secure Boot refused the medium's loader: it is not signed with an "
                                                  "enrolled key"},
    [INSTALL_CAUSE_ANSWER_MISSING] = {"answer-missing", "Setup asks a person: it found no answer file on the lab's CD, "
                                                        "or one that leaves this open"},
    [INSTALL_CAUSE_ANSWER_WRONG] = {"answer-wrong", "Setup refused the answer file"},
    [INSTALL_CAUSE_NO_DISK] = {"no-disk", "Setup sees no disk: the storage driver is missing (a virtio disk needs the "
                                          "virtio CD)"},
    [INSTALL_CAUSE_DISK_CONFIG] = {"disk-config", "Setup could not make the partitions as told: another disk number, "
                                                  "or partitions for the other firmware"},
    [INSTALL_CAUSE_DISK_SMALL] = {"disk-small", "the disk is too small: the recipe must ask for a larger one"},
    [INSTALL_CAUSE_REQUIREMENTS] = {"requirements", "Setup asks for more than this machine has: Secure Boot, a TPM "
                                                    "2.0, memory or a newer processor"},
    [INSTALL_CAUSE_KEY] = {"key", "product key and edition do not fit this medium"},
    [INSTALL_CAUSE_MEDIUM] = {"medium", "files on the medium are missing or damaged"},
    [INSTALL_CAUSE_REBOOT_LOOP] = {"reboot-loop", "the machine resets again and again"},
    [INSTALL_CAUSE_SILENT_HANG] = {"silent-hang", "nothing moves any more on disk and screen, and the screen does not "
                                                  "say why"},
    [INSTALL_CAUSE_TOO_SLOW] = {"too-slow", "it still went on when its time was over"},
    [INSTALL_CAUSE_STOPPED] = {"stopped", "the system stopped with an error of its kernel"},
    [INSTALL_CAUSE_POWERED_OFF] = {"powered-off", "the machine switched itself off"},
    [INSTALL_CAUSE_AGENT_SILENT] = {"agent-silent", "the system is up, but the agent never answered on the serial "
                                                    "port: the first-logon commands did not install it"},
    [INSTALL_CAUSE_UNFINISHED] = {"unfinished", "the agent answers, but the first-logon commands did not come to their "
                                                "end"},
    [INSTALL_CAUSE_HOST] = {"host", "the host failed, not the installation"},
};
static_assert(ARRAY_LEN(cause_rows) == INSTALL_CAUSE_COUNT, "a row for every cause");

const char *install_cause_name(enum install_cause c) {
    return cause_rows[c].name;
}

const char *install_cause_sentence(enum install_cause c) {
    return cause_rows[c].sentence;
}
