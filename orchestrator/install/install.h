/* An unattended installation as a state machine. What is seen of the machine from outside (its screen, what it wrote to
 * the disk, its resets, the agent's hello on the serial port) goes in; keys to press and a verdict come out. Pure: the
 * same code is proven on the virtual clock and runs a real VM (install/run.h).
 *
 * The way of an installation; which moves are possible stands in install/phase.c:
 *
 *     FIRMWARE -> PROMPT -> LOADING -> COPYING -> DEVICES -> FIRST_LOGON -> READY
 *         '---------->--------^                      '------------>----------^
 *     any but READY -> FAILED
 */
#ifndef COEXIST_INSTALL_INSTALL_H
#define COEXIST_INSTALL_INSTALL_H

#include <stdbool.h>
#include <stdint.h>

#include "evidence/screen_read.h"

enum install_phase {
    INSTALL_FIRMWARE,    /* from power-on until something of the medium is seen */
    INSTALL_PROMPT,      /* "Press any key to boot from CD or DVD" is, or was last, on the screen */
    INSTALL_LOADING,     /* Setup comes up from the medium; nothing is on the disk yet */
    INSTALL_COPYING,     /* the disk is written; until the first reset */
    INSTALL_DEVICES,     /* the system's first boot from the disk; until the next reset, a sign-in or a desktop */
    INSTALL_FIRST_LOGON, /* account, first-logon commands; until the agent answers and says that all is done */
    INSTALL_READY,
    INSTALL_FAILED,
    INSTALL_PHASE_COUNT
};
const char *install_phase_name(enum install_phase p);  /* "boot-prompt": for JSON. Static storage */
const char *install_phase_title(enum install_phase p); /* "boot prompt": for people. Static storage */

/* Why an installation did not come to its end, as likely as what was seen allows to say. */
enum install_cause {
    INSTALL_CAUSE_NONE,
    INSTALL_CAUSE_PROMPT_MISSED,    /* the prompt timed out */
    INSTALL_CAUSE_NO_BOOT,          /* the firmware starts nothing from the medium */
    INSTALL_CAUSE_SECURE_BOOT,      /* the firmware refused the loader's signature */
    INSTALL_CAUSE_ANSWER_MISSING,   /* Setup asks a person: it found no answer file, or one that leaves this open */
    INSTALL_CAUSE_ANSWER_WRONG,     /* Setup refused the answer file */
    INSTALL_CAUSE_NO_DISK,          /* no disk is seen: the storage driver is missing */
    INSTALL_CAUSE_DISK_CONFIG,      /* partitions could not be made as told */
    INSTALL_CAUSE_DISK_SMALL,
    INSTALL_CAUSE_REQUIREMENTS,     /* "This PC can't run Windows 11" */
    INSTALL_CAUSE_KEY,              /* edition and product key do not fit */
    INSTALL_CAUSE_MEDIUM,           /* files of the medium are missing or damaged */
    INSTALL_CAUSE_REBOOT_LOOP,
    INSTALL_CAUSE_SILENT_HANG,      /* nothing changes any more, and nothing on the screen says why */
    INSTALL_CAUSE_TOO_SLOW,         /* it went on until the phase's time was over */
    INSTALL_CAUSE_STOPPED,          /* a stop screen or a kernel's panic */
    INSTALL_CAUSE_POWERED_OFF,
    INSTALL_CAUSE_AGENT_SILENT,     /* the system is up, the agent never said hello */
    INSTALL_CAUSE_UNFINISHED,       /* the agent answers, the first-logon commands never ended */
    INSTALL_CAUSE_HOST,             /* QEMU died, the host's disk is full: no fault of medium or recipe */
    INSTALL_CAUSE_COUNT
};
const char *install_cause_name(enum install_cause c);     /* "prompt-missed": for JSON. Static storage */
const char *install_cause_sentence(enum install_cause c); /* for people, with what to do. Static storage */

/* Time limits, in ns; install_limits_usual() has those of the table times `slowness`. */
struct install_limits {
    int64_t phase[INSTALL_PHASE_COUNT];   /* in the phase altogether */
    int64_t silence[INSTALL_PHASE_COUNT]; /* without anything new on disk or screen */
    int resets;                           /* more are a loop */
    int prompts;                          /* this many came and went: no key reaches it */
};
/* slowness: 1 for KVM; emulation takes about eight times as long. */
struct install_limits install_limits_usual(int slowness);

/* One look at the machine. */
struct install_look {
    int64_t now;           /* ns, on the clock of all looks */
    int64_t written;       /* bytes written to the disk since power-on; -1: not known */
    bool picture;          /* the members below tell of a picture; else the screen was not looked at */
    bool same_picture;     /* nothing that can be read changed since the last one */
    enum screen_kind kind;
    const char *text;      /* all that could be read on it; borrowed; may be NULL */
    int resets;            /* by itself, since the look before */
    bool hello;            /* the agent answers */
    bool finished;         /* and says that all commands of the answer file are done */
    bool powered_off, panicked;
    const char *host_trouble; /* what failed at the host's side; borrowed; NULL: nothing */
};

enum install_act { /* bits */
    INSTALL_ACT_PRESS = 1, /* press a key now */
    INSTALL_ACT_KEEP = 2,  /* keep this picture: another phase has begun, or it ends */
};

enum { INSTALL_SAID = 512 };

struct install { /* a value; read only outside install/machine.c */
    struct install_limits limits;
    enum install_phase phase;
    int64_t began, phase_began, last_new; /* ns */
    int64_t phase_took[INSTALL_PHASE_COUNT];
    int64_t written, written_before; /* now; when the phase began */
    int64_t written_at_reset;        /* when the machine reset last */
    enum screen_kind kind;  /* of the last picture */
    int64_t pressed;        /* when a key was pressed last; 0: never */
    int presses, prompts, resets;
    bool prompt_shown;      /* on the last picture */
    bool up;                /* a sign-in screen or a desktop was seen in this phase */
    bool heard;             /* the agent said hello */
    /* FAILED only. */
    enum install_phase failed_in;
    enum install_cause cause;
    char said[INSTALL_SAID]; /* what the cause was taken from: a line of the screen, a figure */
};

void install_begin(struct install *m, const struct install_limits *limits, int64_t now);
/* Takes one look; returns install_act bits. After READY or FAILED nothing changes any more. */
unsigned install_see(struct install *m, const struct install_look *look);
/* Whether the agent's port may be spoken to now: not before the system is on the disk, and after each reset not before
 * that was written to. Until then the firmware is there: UEFI takes what comes on a serial port for keys, and would
 * answer the prompt with them, or enter its menus. */
bool install_wants_hello(const struct install *m);
/* "boot prompt: the prompt timed out ...: ..." Caller frees. */
char *install_sentence(const struct install *m);

/* What a screen's text says is wrong; NONE when nothing known. line: the text that said it, at least INSTALL_SAID. */
enum install_cause install_read_signs(const char *text, char line[INSTALL_SAID]);

#endif
