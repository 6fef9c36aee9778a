#include "install/machine.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"

/* Files are on the disk, not only a partition table: more than firmware, boot loader and Setup's own marks write. */
#define INSTALL_COPYING_BYTES (INT64_C(4) << 20)
/* A prompt waits 5 s; asked this often it hears at least four keys. */
#define INSTALL_PRESS_EVERY CLOCK_S

void install_begin(struct install *m, const struct install_limits *limits, int64_t now) {
    *m = (struct install){.limits = *limits, .began = now, .phase_began = now, .last_new = now};
}

static void install_move(struct install *m, enum install_phase to, int64_t now) {
    assert(install_phase_may(m->phase, to));
    m->phase_took[m->phase] += now - m->phase_began;
    m->phase = to;
    m->phase_began = now;
    m->last_new = now;
    m->written_before = m->written;
    m->up = false;
}

__attribute__((format(printf, 4, 5))) static void install_fail(struct install *m, enum install_cause cause,
                                                               int64_t now, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    vsnprintf(m->said, sizeof(m->said), format, ap);
    va_end(ap);
    for (char *c = m->said; *c; c++) {
        *c = (unsigned char)*c < ' ' || (unsigned char)*c > '~' ? ' ' : *c; /* one line, and never half a character */
    }
    m->failed_in = m->phase;
    m->cause = cause;
    install_move(m, INSTALL_FAILED, now);
}

/* ---- what ends it whatever the phase --------------------------------------------------------- */

static bool install_over(struct install *m, const struct install_look *look) {
    if (look->host_trouble) {
        install_fail(m, INSTALL_CAUSE_HOST, look->now, "%s", look->host_trouble);
    } else if (look->panicked) {
        install_fail(m, INSTALL_CAUSE_STOPPED, look->now, "the panic device told of it");
    } else if (look->powered_off) {
        install_fail(m, INSTALL_CAUSE_POWERED_OFF, look->now, "after %lld MiB on the disk",
                     (long long)(m->written >> 20));
    } else if (look->picture && (look->kind == SCREEN_STOP || look->kind == SCREEN_KERNEL_PANIC)) {
        install_fail(m, INSTALL_CAUSE_STOPPED, look->now, "%s", look->text ? look->text : "");
    }
    return m->phase == INSTALL_FAILED;
}

/* Nothing was started from the medium and the firmware is at its end, or back at its beginning. */
static void install_not_booted(struct install *m, const struct install_look *look) {
    char line[INSTALL_SAID];
    const char *text = look->text ? look->text : "";
    if (install_read_signs(text, line) == INSTALL_CAUSE_SECURE_BOOT) {
        install_fail(m, INSTALL_CAUSE_SECURE_BOOT, look->now, "the screen says: %s", line);
    } else if (m->resets > 0) { /* a prompt that nobody answered resets nothing */
        install_fail(m, INSTALL_CAUSE_REBOOT_LOOP, look->now, "%d resets and nothing on the disk", m->resets);
    } else if (m->prompts > 0) {
        install_fail(m, INSTALL_CAUSE_PROMPT_MISSED, look->now, "keys pressed: %d, prompts seen: %d", m->presses,
                     m->prompts);
    } else {
        install_fail(m, INSTALL_CAUSE_NO_BOOT, look->now, "the screen says: %.400s", text);
    }
}

/* Setup's own words count while they stand there: twice in a row, so that a page that passes by is none. */
static bool install_complains(struct install *m, const struct install_look *look) {
    char line[INSTALL_SAID];
    if (!look->picture || !look->same_picture || !look->text) {
        return false;
    }
    enum install_cause cause = install_read_signs(look->text, line);
    if (cause == INSTALL_CAUSE_NO_BOOT && m->phase < INSTALL_COPYING) {
        install_not_booted(m, look);
    } else if (cause != INSTALL_CAUSE_NONE) {
        install_fail(m, cause, look->now, "the screen says: %s", line);
    }
    return cause != INSTALL_CAUSE_NONE;
}

/* ---- moves ----------------------------------------------------------------------------------- */

static bool install_writes(const struct install *m) {
    return m->written >= INSTALL_COPYING_BYTES;
}

static unsigned install_at_prompt(struct install *m, const struct install_look *look) {
    if (m->phase != INSTALL_PROMPT) {
        install_move(m, INSTALL_PROMPT, look->now);
    }
    if (!m->prompt_shown && ++m->prompts > m->limits.prompts) {
        install_not_booted(m, look);
        return 0;
    }
    m->prompt_shown = true;
    if (m->presses > 0 && look->now - m->pressed < INSTALL_PRESS_EVERY) {
        return 0;
    }
    m->presses++;
    m->pressed = look->now;
    return INSTALL_ACT_PRESS;
}

/* FIRMWARE, PROMPT, LOADING: nothing is on the disk, so a prompt is there to be answered. */
static unsigned install_before_copying(struct install *m, const struct install_look *look) {
    if (install_writes(m)) {
        install_move(m, INSTALL_COPYING, look->now);
        return 0;
    }
    if (!look->picture) {
        return 0;
    }
    if (look->kind == SCREEN_BOOT_PROMPT) {
        return install_at_prompt(m, look);
    }
    m->prompt_shown = false;
    bool setup = look->kind == SCREEN_SETUP || look->kind == SCREEN_SETUP_TEXT;
    if (look->kind == SCREEN_BOOT_ERROR) {
        install_not_booted(m, look);
    } else if (m->phase == INSTALL_PROMPT || (m->phase == INSTALL_FIRMWARE && setup)) {
        install_move(m, INSTALL_LOADING, look->now);
    }
    return 0;
}

static bool install_shows_system(const struct install_look *look) {
    return look->picture && (look->kind == SCREEN_LOGIN || look->kind == SCREEN_DESKTOP);
}

static void install_on_disk(struct install *m, const struct install_look *look) {
    m->up = m->up || install_shows_system(look);
    m->heard = m->heard || look->hello;
    if (look->hello && look->finished && m->phase != INSTALL_COPYING) {
        install_move(m, INSTALL_READY, look->now);
    } else if (m->phase == INSTALL_COPYING && look->resets > 0) {
        install_move(m, INSTALL_DEVICES, look->now);
    } else if (m->phase == INSTALL_DEVICES && (look->resets > 0 || m->up)) {
        install_move(m, INSTALL_FIRST_LOGON, look->now);
        m->up = install_shows_system(look);
    } else if (look->picture && look->kind == SCREEN_BOOT_ERROR && look->same_picture) {
        install_fail(m, INSTALL_CAUSE_NO_BOOT, look->now, "the installed disk: %.400s", look->text ? look->text : "");
    }
}

/* ---- time ------------------------------------------------------------------------------------ */

static enum install_cause install_why_late(const struct install *m, bool silent) {
    if (m->phase == INSTALL_FIRMWARE) {
        return INSTALL_CAUSE_NO_BOOT;
    }
    if (m->phase == INSTALL_PROMPT) {
        return INSTALL_CAUSE_PROMPT_MISSED;
    }
    if (m->up || m->heard) {
        return m->heard ? INSTALL_CAUSE_UNFINISHED : INSTALL_CAUSE_AGENT_SILENT;
    }
    if (silent && m->phase == INSTALL_LOADING && m->kind == SCREEN_SETUP) {
        return INSTALL_CAUSE_ANSWER_MISSING; /* a window that waits */
    }
    return silent ? INSTALL_CAUSE_SILENT_HANG : INSTALL_CAUSE_TOO_SLOW;
}

static void install_check_time(struct install *m, int64_t now) {
    int64_t quiet = now - m->last_new;
    int64_t long_since = now - m->phase_began;
    bool silent = quiet >= m->limits.silence[m->phase];
    if (silent || long_since >= m->limits.phase[m->phase]) {
        install_fail(m, install_why_late(m, silent), now,
                     "%lld s in this phase, %lld s without anything new, %lld MiB written in it, the screen shows %s",
                     (long long)(long_since / CLOCK_S), (long long)(quiet / CLOCK_S),
                     (long long)((m->written - m->written_before) >> 20), screen_kind_sentence(m->kind));
    }
}

/* ---- one look -------------------------------------------------------------------------------- */

static void install_note(struct install *m, const struct install_look *look) {
    if (look->written > m->written) {
        m->written = look->written;
        m->last_new = look->now;
    }
    if (look->picture) {
        m->kind = look->kind;
        m->last_new = look->same_picture ? m->last_new : look->now;
    }
    m->resets += look->resets;
    m->written_at_reset = look->resets > 0 ? m->written : m->written_at_reset;
    m->last_new = look->resets > 0 ? look->now : m->last_new;
}

static unsigned install_step(struct install *m, const struct install_look *look) {
    if (install_over(m, look) || install_complains(m, look)) {
        return 0;
    }
    if (m->resets > m->limits.resets) {
        install_fail(m, INSTALL_CAUSE_REBOOT_LOOP, look->now, "%d resets in %lld s", m->resets,
                     (long long)((look->now - m->began) / CLOCK_S));
        return 0;
    }
    unsigned acts = 0;
    if (m->phase < INSTALL_COPYING) {
        acts = install_before_copying(m, look);
    } else {
        install_on_disk(m, look);
    }
    if (m->phase < INSTALL_READY) {
        install_check_time(m, look->now);
    }
    return acts;
}

unsigned install_see(struct install *m, const struct install_look *look) {
    enum install_phase before = m->phase;
    if (before >= INSTALL_READY) {
        return 0;
    }
    install_note(m, look);
    unsigned acts = install_step(m, look);
    return acts | (m->phase != before ? INSTALL_ACT_KEEP : 0);
}

bool install_wants_hello(const struct install *m) {
    bool on_disk = m->phase == INSTALL_DEVICES || m->phase == INSTALL_FIRST_LOGON;
    return on_disk && m->written > m->written_at_reset;
}

char *install_sentence(const struct install *m) {
    if (m->phase != INSTALL_FAILED) {
        return str_dup(install_phase_title(m->phase));
    }
    return str_printf("%s: %s (%s)", install_phase_title(m->failed_in), install_cause_sentence(m->cause), m->said);
}
