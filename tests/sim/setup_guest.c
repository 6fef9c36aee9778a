#include "setup_guest.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"

/* A picture is as old as it takes to read it. */
#define SETUP_READING (1200 * CLOCK_MS)

/* What each stage shows, and about how long it takes. */
static const struct {
    enum screen_kind kind;
    const char *text;
    int usual_ms;
} stages[] = {
    [SETUP_OFF] = {SCREEN_BLANK, "", 0},
    [SETUP_POST] = {SCREEN_BLANK, "", 3000},
    [SETUP_PROMPT] = {SCREEN_BOOT_PROMPT, "Press any key to boot from CD or DVD", 5000},
    [SETUP_LOADING] = {SCREEN_SETUP, "Setup is starting", 20000},
    [SETUP_COPYING] = {SCREEN_SETUP, "Installing Windows: copying files", 60000},
    [SETUP_DEVICES] = {SCREEN_UPDATING, "Getting devices ready", 30000},
    [SETUP_LOGON] = {SCREEN_UPDATING, "Hi. We're getting everything ready for you", 30000},
    [SETUP_UP] = {SCREEN_DESKTOP, "Recycle Bin", 0},
    [SETUP_NOTHING_TO_BOOT] = {SCREEN_BOOT_ERROR, "No bootable device", 0},
};

static const char *const pages[SETUP_FAULT_COUNT] = {
    [SETUP_FAULT_ANSWER_WRONG] = "Windows could not parse or process unattend answer file [D:\\Autounattend.xml] for "
                                 "pass [windowsPE].\nThe answer file is invalid.",
    [SETUP_FAULT_ANSWER_MISSING] = "Language to install:\nEnter your language and other preferences and click Next",
    [SETUP_FAULT_FOREIGN_PAGE] = "Zu installierende Sprache",
    [SETUP_FAULT_NO_DISK] = "We couldn't find any drives. To get a storage driver, click Load driver.",
    [SETUP_FAULT_DISK_CONFIG] = "Windows could not apply the unattend setting <DiskConfiguration>",
    [SETUP_FAULT_DISK_SMALL] = "Windows can't be installed: the disk is too small",
    [SETUP_FAULT_OLD_MACHINE] = "This PC can't run Windows 11",
};

static struct clock *setup_clock(struct setup_guest *g) {
    return &g->clock.clock;
}

/* Between a third of the usual time and three times of it; the prompt alone keeps its five seconds. */
static int64_t setup_takes(struct setup_guest *g, enum setup_stage stage) {
    g->seed = g->seed * 6364136223846793005u + 1442695040888963407u;
    int64_t usual = stages[stage].usual_ms * CLOCK_MS;
    return stage == SETUP_PROMPT ? usual : usual / 3 + (int64_t)((g->seed >> 33) % 267) * usual / 100;
}

static void setup_event(struct setup_guest *g, enum vm_event_type type, const char *detail) {
    if (g->event_count < (int)ARRAY_LEN(g->events)) {
        struct vm_event *ev = &g->events[g->event_count++];
        *ev = (struct vm_event){.type = type, .at_ns = clock_now(setup_clock(g))};
        snprintf(ev->detail, sizeof(ev->detail), "%s", detail);
    }
}

static bool setup_stands(const struct setup_guest *g) {
    bool page = pages[g->fault] && g->stage == SETUP_LOADING && g->struck;
    bool hang = (g->fault == SETUP_FAULT_HANG || g->fault == SETUP_FAULT_SPIN || g->fault == SETUP_FAULT_CRAWL ||
                 g->fault == SETUP_FAULT_STOP_SCREEN) && g->struck;
    return page || hang || g->stage == SETUP_UP || g->stage == SETUP_NOTHING_TO_BOOT || g->stage == SETUP_OFF;
}

static void setup_enter(struct setup_guest *g, enum setup_stage stage) {
    if (stage == SETUP_PROMPT && g->unread) { /* UEFI: bytes on a serial port are keys */
        g->stray_talk++;
    }
    g->unread = g->unread && stage != SETUP_UP;
    g->stage = stage;
    g->stage_began = clock_now(setup_clock(g));
    g->stage_takes = setup_takes(g, stage);
    g->key_down = false;
    if (stage == SETUP_POST) {
        g->boots++;
    }
}

static void setup_reset(struct setup_guest *g) {
    setup_event(g, VM_EVENT_RESET, "");
    setup_enter(g, SETUP_POST);
}

static void setup_boot_disk(struct setup_guest *g) {
    static const enum setup_stage by_boot[] = {SETUP_NOTHING_TO_BOOT, SETUP_NOTHING_TO_BOOT, SETUP_DEVICES};
    if (!g->installed) {
        setup_enter(g, SETUP_NOTHING_TO_BOOT);
    } else {
        setup_enter(g, g->boots < (int)ARRAY_LEN(by_boot) ? by_boot[g->boots] : SETUP_LOGON);
    }
}

static void setup_boot(struct setup_guest *g) {
    if (g->fault == SETUP_FAULT_NOT_BOOTABLE || g->fault == SETUP_FAULT_UNSIGNED) {
        setup_enter(g, SETUP_NOTHING_TO_BOOT);
    } else if (g->fault == SETUP_FAULT_NO_PROMPT) {
        g->installed ? setup_boot_disk(g) : setup_enter(g, SETUP_LOADING);
    } else {
        setup_enter(g, SETUP_PROMPT);
    }
}

/* The stage's time is over. */
static void setup_next(struct setup_guest *g) {
    switch (g->stage) {
    case SETUP_POST:
        setup_boot(g);
        break;
    case SETUP_PROMPT:
        g->key_down ? setup_enter(g, SETUP_LOADING) : setup_boot_disk(g);
        break;
    case SETUP_LOADING:
        g->fault == SETUP_FAULT_SETUP_LOOP ? setup_reset(g) : setup_enter(g, SETUP_COPYING);
        break;
    case SETUP_COPYING:
        g->installed = true;
        setup_reset(g);
        break;
    case SETUP_DEVICES:
        setup_reset(g);
        break;
    case SETUP_LOGON:
        g->fault == SETUP_FAULT_REBOOT_LOOP ? setup_reset(g) : setup_enter(g, SETUP_UP);
        break;
    default:
        break;
    }
}

/* In the middle of its stage. */
static void setup_strike(struct setup_guest *g) {
    static const enum vm_event_type events[SETUP_FAULT_COUNT] = {
        [SETUP_FAULT_PANIC] = VM_EVENT_PANICKED, [SETUP_FAULT_POWER_OFF] = VM_EVENT_SHUTDOWN,
        [SETUP_FAULT_QEMU_DIED] = VM_EVENT_DIED, [SETUP_FAULT_HOST_FULL] = VM_EVENT_IO_ERROR,
    };
    g->struck = true;
    if (g->fault >= SETUP_FAULT_PANIC && g->fault <= SETUP_FAULT_HOST_FULL) {
        setup_event(g, events[g->fault], "told to");
        setup_enter(g, SETUP_OFF);
    }
}

static bool setup_fault_is_due(const struct setup_guest *g, int64_t now) {
    enum setup_stage at = pages[g->fault] ? SETUP_LOADING : g->fault_at;
    return !g->struck && g->stage == at && g->stage != SETUP_OFF && now - g->stage_began >= g->stage_takes / 2 &&
           (pages[g->fault] || g->fault >= SETUP_FAULT_HANG);
}

static void setup_write(struct setup_guest *g, int64_t ns) {
    static const int64_t per_s[SETUP_STAGE_COUNT] = {
        [SETUP_COPYING] = INT64_C(60) << 20, [SETUP_DEVICES] = INT64_C(5) << 20, [SETUP_LOGON] = INT64_C(2) << 20};
    bool still = setup_stands(g);
    g->written += still ? 0 : ns / CLOCK_MS * per_s[g->stage] / 1000;
    g->written += g->struck && g->fault == SETUP_FAULT_CRAWL ? ns / CLOCK_MS : 0;
}

static void setup_live(struct setup_guest *g, int64_t until) {
    while (g->clock.now_ns < until) {
        g->prompt_stood = g->stage == SETUP_PROMPT ? g->clock.now_ns : g->prompt_stood;
        int64_t step = until - g->clock.now_ns < 100 * CLOCK_MS ? until - g->clock.now_ns : 100 * CLOCK_MS;
        setup_write(g, step);
        g->clock.now_ns += step;
        if (setup_fault_is_due(g, g->clock.now_ns)) {
            setup_strike(g);
        }
        if (!setup_stands(g) && g->clock.now_ns - g->stage_began >= g->stage_takes) {
            setup_next(g);
        }
    }
}

/* ---- the machine's side ---------------------------------------------------------------------- */

static int setup_start(void *self, int64_t deadline, struct err *err) {
    struct setup_guest *g = self;
    (void)deadline;
    (void)err;
    setup_live(g, g->clock.now_ns + 400 * CLOCK_MS);
    setup_enter(g, SETUP_POST);
    return 0;
}

static int setup_stop(void *self, int64_t deadline, struct err *err) {
    (void)deadline;
    (void)err;
    setup_enter(self, SETUP_OFF);
    return 0;
}

static int setup_next_event(void *self, int64_t deadline, struct vm_event *ev, struct err *err) {
    struct setup_guest *g = self;
    (void)err;
    while (g->event_count == 0 && g->clock.now_ns < deadline) {
        int64_t step = g->clock.now_ns + 100 * CLOCK_MS;
        setup_live(g, step < deadline ? step : deadline);
    }
    if (g->event_count == 0) {
        return 0;
    }
    *ev = g->events[0];
    memmove(g->events, g->events + 1, (size_t)--g->event_count * sizeof(g->events[0]));
    return 1;
}

static bool setup_shows_stop(const struct setup_guest *g) {
    return g->struck && g->fault == SETUP_FAULT_STOP_SCREEN;
}

/* The "picture" is the kind and the text it shows, and one thing that moves. */
static int setup_screenshot(void *self, const char *path, struct err *err) {
    struct setup_guest *g = self;
    setup_live(g, g->clock.now_ns + 60 * CLOCK_MS);
    g->pictures++;
    if (g->stage == SETUP_OFF || g->pictures % 13 == 0) {
        return err_set(err, ERR_CLOSED, "no picture now");
    }
    enum screen_kind kind = setup_shows_stop(g) ? SCREEN_STOP : stages[g->stage].kind;
    const char *text = setup_shows_stop(g) ? "STOP 0x7E" : stages[g->stage].text;
    if (pages[g->fault] && g->struck && g->stage == SETUP_LOADING) {
        text = pages[g->fault];
    }
    if (g->fault == SETUP_FAULT_UNSIGNED && g->stage == SETUP_NOTHING_TO_BOOT) {
        text = "BdsDxe: failed to load Boot0001: Access Denied";
    }
    bool dots = g->fault == SETUP_FAULT_SPIN || !g->struck;
    CLEANUP_FILE FILE *f = fopen(path, "we"); /* not kept: nothing to be synced */
    if (!f || fprintf(f, "%d\n%u\n%s", (int)kind, dots ? g->pictures : 0, text) < 0) {
        return err_set(err, ERR_SYSTEM, "cannot write %s", path);
    }
    return 0;
}

static int setup_press(void *self, enum vm_key key, struct err *err) {
    struct setup_guest *g = self;
    (void)key;
    (void)err;
    setup_live(g, g->clock.now_ns + 100 * CLOCK_MS);
    g->keys++;
    bool late = g->stage != SETUP_PROMPT && g->clock.now_ns - g->prompt_stood > SETUP_READING;
    g->stray_keys += late || g->installed;
    g->key_down = g->key_down || (g->stage == SETUP_PROMPT && g->fault != SETUP_FAULT_DEAF);
    if (g->key_down) {
        g->stage_takes = 0; /* it goes on at once */
    }
    return 0;
}

static int setup_diagnose(void *self, struct vm_diagnostics *out, struct err *err) {
    struct setup_guest *g = self;
    if (g->stage == SETUP_OFF) {
        return err_set(err, ERR_CLOSED, "off");
    }
    *out = (struct vm_diagnostics){.write_bytes = g->written};
    return 0;
}

static int setup_event_fd(void *self) {
    (void)self;
    return -1;
}

static void setup_destroy(void *self) {
    (void)self; /* the test's */
}

static const struct vm_ops setup_vm_ops = {
    .backend = "setup", .start = setup_start, .stop = setup_stop, .screenshot = setup_screenshot,
    .press = setup_press, .diagnose = setup_diagnose, .next_event = setup_next_event, .event_fd = setup_event_fd,
    .destroy = setup_destroy,
};

/* ---- the agent's side ------------------------------------------------------------------------ */

static int setup_wait_ready(void *self, int64_t deadline, json_t **hello, struct err *err) {
    struct setup_guest *g = self;
    g->stray_talk += g->stage == SETUP_POST || g->stage == SETUP_PROMPT;
    g->unread = g->stage != SETUP_UP;
    while (g->clock.now_ns < deadline) {
        if (g->stage == SETUP_UP && g->fault != SETUP_FAULT_AGENT_SILENT) {
            *hello = json_pack("{s:s}", "agent", "simulated");
            return 0;
        }
        if (g->event_count > 0) {
            return err_set(err, ERR_INTERRUPT, "an event waits");
        }
        int64_t step = g->clock.now_ns + 100 * CLOCK_MS;
        setup_live(g, step < deadline ? step : deadline);
    }
    return err_set(err, ERR_TIMEOUT, "no hello");
}

/* Only whether the mark is there is asked. */
static int setup_call(void *self, const char *op, const json_t *args, int64_t deadline, json_t **result,
                      struct err *err) {
    struct setup_guest *g = self;
    (void)op;
    (void)args;
    if (g->stage != SETUP_UP) {
        return err_set(err, ERR_CLOSED, "gone");
    }
    (void)deadline;
    *result = json_pack("{s:b}", "exists", g->fault != SETUP_FAULT_UNFINISHED &&
                                               g->clock.now_ns - g->stage_began > 10 * CLOCK_S);
    return 0;
}

static void setup_disconnect(void *self) {
    ((struct setup_guest *)self)->unread = false;
}

static const struct guest_ops setup_guest_ops = {
    .backend = "setup", .wait_ready = setup_wait_ready, .call = setup_call, .disconnect = setup_disconnect,
    .destroy = setup_destroy};

static struct guest *setup_open_guest(void *ctx, struct vm *vm, struct err *err) {
    (void)err;
    return guest_wrap(&setup_guest_ops, ctx, vm_clock(vm), NULL);
}

static int setup_read(void *ctx, const char *png, struct screen_reading *out, struct err *err) {
    struct setup_guest *g = ctx;
    CLEANUP_FREE char *text = fs_read(png, 4096, NULL, err);
    if (!text) {
        return -1;
    }
    setup_live(g, g->clock.now_ns + 900 * CLOCK_MS); /* OCR takes its time */
    char *dots = strchr(text, '\n');
    char *words = strchr(dots + 1, '\n');
    *out = (struct screen_reading){.kind = (enum screen_kind)strtol(text, NULL, 10), .text = str_dup(words + 1)};
    return 0;
}

static void setup_now(struct setup_guest *g) {
    clock_virtual_init(&g->clock);
    g->clock.now_ns = CLOCK_S;
}

int setup_guest_install(struct setup_guest *g, const char *dir, const struct install_limits *limits,
                        struct install_result *result, struct err *err) {
    setup_now(g);
    struct vm *vm = vm_wrap(&setup_vm_ops, g, "setup", setup_clock(g), NULL);
    struct install_parts parts = {.vm = vm, .open_guest = setup_open_guest, .read = setup_read, .ctx = g,
                                  .mark = "C:\\done", .evidence_dir = dir, .limits = limits};
    int rc = install_run(&parts, result, err);
    vm_destroy(vm);
    return rc;
}
