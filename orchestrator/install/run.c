#include "install/run.h"

#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"

/* The prompt stands for 5 s: looked at each second, answered in time. Later phases last minutes. */
#define RUN_PACE_PROMPT CLOCK_S
#define RUN_PACE (3 * CLOCK_S)
#define RUN_ASK_LIMIT (20 * CLOCK_S)
#define RUN_START_LIMIT (120 * CLOCK_S)

struct install_run {
    const struct install_parts *parts;
    struct install_result *result;
    struct install *m; /* &result->state */
    char *picture;     /* file of the last picture */
    char *bytes;       /* its content, to see whether it changed at all */
    size_t len;
    struct screen_reading seen; /* what it shows; text NULL: no picture yet */
    char host_trouble[256];
    int kept;
};

static void run_clear(struct install_run *r) {
    if (r->seen.text) {
        screen_reading_clear(&r->seen);
    }
    unlink(r->picture);
    free(r->picture);
    free(r->bytes);
}

static int64_t run_now(const struct install_run *r) {
    return clock_now(vm_clock(r->parts->vm));
}

/* ---- looking --------------------------------------------------------------------------------- */

/* What nobody in the guest has read yet would be read by the firmware, as keys: it goes with the connection. */
static void run_hang_up(struct install_run *r) {
    if (r->result->guest) {
        guest_disconnect(r->result->guest);
    }
}

static void run_take_event(struct install_run *r, const struct vm_event *ev, struct install_look *look) {
    switch (ev->type) {
    case VM_EVENT_RESET:
        look->resets++;
        run_hang_up(r);
        break;
    case VM_EVENT_SHUTDOWN:
        look->powered_off = true;
        break;
    case VM_EVENT_PANICKED:
        look->panicked = true;
        break;
    case VM_EVENT_IO_ERROR:
    case VM_EVENT_DIED:
        snprintf(r->host_trouble, sizeof(r->host_trouble), "%s: %.200s", vm_event_name(ev->type), ev->detail);
        look->host_trouble = r->host_trouble;
        break;
    default:
        break;
    }
}

/* All events that wait, and those until the deadline when none does. */
static int run_events(struct install_run *r, int64_t deadline, struct install_look *look, struct err *err) {
    struct vm_event ev;
    int rc = 0;
    while ((rc = vm_next_event(r->parts->vm, deadline, &ev, err)) > 0) {
        run_take_event(r, &ev, look);
        deadline = run_now(r);
    }
    return rc;
}

/* True when the file's bytes are others than before. */
static bool run_picture_changed(struct install_run *r) {
    size_t len = 0;
    CLEANUP_FREE char *bytes = fs_read(r->picture, SCREEN_MAX_BYTES, &len, NULL);
    bool changed = bytes && (!r->bytes || len != r->len || memcmp(bytes, r->bytes, len) != 0);
    if (changed) {
        free(r->bytes);
        r->bytes = STEAL(bytes);
        r->len = len;
    }
    return changed;
}

/* A text cursor blinks and dots turn: only what can be read counts as new. */
static void run_look_at_screen(struct install_run *r, struct install_look *look) {
    CLEANUP_ERR struct err err = ERR_INIT;
    if (vm_screenshot(r->parts->vm, r->picture, &err) < 0) {
        log_debug(r->parts->log, "install: %s", err_text(&err));
        return; /* it may have gone off this moment: its event tells */
    }
    look->same_picture = true;
    if (run_picture_changed(r)) {
        struct screen_reading now;
        if (r->parts->read(r->parts->ctx, r->picture, &now, &err) < 0) {
            log_warn(r->parts->log, "install: picture not read: %s", err_text(&err));
            return;
        }
        look->same_picture = r->seen.text && r->seen.kind == now.kind && str_eq(r->seen.text, now.text);
        if (r->seen.text) {
            screen_reading_clear(&r->seen);
        }
        r->seen = now;
    }
    look->picture = r->seen.text != NULL;
    look->kind = r->seen.kind;
    look->text = r->seen.text;
}

static bool run_mark_is_there(struct install_run *r, int64_t deadline) {
    if (!r->parts->mark) {
        return true;
    }
    CLEANUP_ERR struct err err = ERR_INIT;
    json_t *args = json_pack("{s:s}", "path", r->parts->mark);
    json_t *result = NULL;
    bool there = guest_call(r->result->guest, "stat", args, deadline, &result, &err) == 0 &&
                 json_is_true(json_object_get(result, "exists"));
    if (err_is_set(&err)) {
        log_debug(r->parts->log, "install: agent: %s", err_text(&err));
    }
    json_decref(args);
    json_decref(result);
    return there;
}

/* Waits for news: an event, or once somebody may be there, the agent's hello. */
static int run_wait(struct install_run *r, struct install_look *look, struct err *err) {
    bool early = r->m->phase < INSTALL_COPYING; /* a prompt may come, or come again */
    int64_t until = clock_after(vm_clock(r->parts->vm), early ? RUN_PACE_PROMPT : RUN_PACE);
    if (run_events(r, run_now(r), look, err) < 0) { /* a reset that waits: nobody is there to be asked */
        return -1;
    }
    if (install_wants_hello(r->m) && r->result->guest && look->resets == 0) {
        CLEANUP_ERR struct err why = ERR_INIT;
        json_t *hello = NULL;
        if (guest_wait_ready(r->result->guest, until, &hello, &why) == 0) {
            look->hello = true;
            json_decref(r->result->hello);
            r->result->hello = hello;
            look->finished = run_mark_is_there(r, run_now(r) + RUN_ASK_LIMIT);
        } else if (why.cls != ERR_TIMEOUT && why.cls != ERR_INTERRUPT) {
            log_debug(r->parts->log, "install: agent: %s", err_text(&why));
        }
    }
    return run_events(r, look->finished ? run_now(r) : until, look, err);
}

static int run_look(struct install_run *r, struct install_look *look, struct err *err) {
    *look = (struct install_look){.written = -1};
    if (run_wait(r, look, err) < 0) {
        return -1;
    }
    struct vm_diagnostics d;
    enum vm_state state = vm_state(r->parts->vm);
    if (state == VM_RUNNING || state == VM_CRASHED) {
        look->written = vm_diagnose(r->parts->vm, &d, NULL) < 0 ? -1 : d.write_bytes;
        run_look_at_screen(r, look);
    }
    look->now = run_now(r);
    return 0;
}

/* ---- acting ---------------------------------------------------------------------------------- */

static void run_tell(struct install_run *r) {
    CLEANUP_FREE char *line = install_sentence(r->m);
    log_info(r->parts->log, "install: %s", line);
    if (r->parts->tell) {
        r->parts->tell(r->parts->ctx, line);
    }
}

/* The picture as it was when the phase began. */
static void run_keep(struct install_run *r) {
    CLEANUP_FREE char *to =
        str_printf("%s/%02d-%s.png", r->parts->evidence_dir, ++r->kept, install_phase_name(r->m->phase));
    CLEANUP_ERR struct err err = ERR_INIT;
    if (r->seen.text && fs_write_atomic(to, r->bytes, r->len, 0644, &err) < 0) {
        log_warn(r->parts->log, "install: picture not kept: %s", err_text(&err));
    }
    run_tell(r);
}

static void run_act(struct install_run *r, unsigned acts) {
    CLEANUP_ERR struct err err = ERR_INIT;
    if ((acts & INSTALL_ACT_PRESS) && vm_press(r->parts->vm, VM_KEY_SPACE, &err) < 0) {
        log_warn(r->parts->log, "install: %s", err_text(&err));
    }
    if (acts & INSTALL_ACT_KEEP) {
        run_keep(r);
    }
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int run_loop(struct install_run *r, struct err *err) {
    while (r->m->phase != INSTALL_READY && r->m->phase != INSTALL_FAILED) {
        struct install_look look;
        if (run_look(r, &look, err) < 0) {
            return -1;
        }
        run_act(r, install_see(r->m, &look));
    }
    if (r->m->phase == INSTALL_READY) {
        return 0;
    }
    CLEANUP_FREE char *what = install_sentence(r->m);
    return err_set(err, r->m->cause == INSTALL_CAUSE_HOST ? ERR_SYSTEM : ERR_REFUSED, "%s", what);
}

static void run_write_json(const struct install_run *r) {
    CLEANUP_FREE char *path = fs_join(r->parts->evidence_dir, "install.json");
    CLEANUP_ERR struct err err = ERR_INIT;
    json_t *j = install_to_json(r->m);
    CLEANUP_FREE char *text = json_dumps(j, JSON_INDENT(2));
    json_decref(j);
    if (fs_write_atomic(path, text, strlen(text), 0644, &err) < 0) {
        log_warn(r->parts->log, "install: %s", err_text(&err));
    }
}

int install_run(const struct install_parts *parts, struct install_result *result, struct err *err) {
    *result = (struct install_result){0};
    CLEANUP(run_clear) struct install_run r = {.parts = parts, .result = result, .m = &result->state};
    r.picture = fs_join(parts->evidence_dir, "screen.png");
    install_begin(r.m, parts->limits, run_now(&r));
    if (vm_start(parts->vm, clock_after(vm_clock(parts->vm), RUN_START_LIMIT), err) < 0 ||
        !(result->guest = parts->open_guest(parts->ctx, parts->vm, err))) {
        return -1;
    }
    run_tell(&r);
    int rc = run_loop(&r, err);
    run_write_json(&r);
    return rc;
}

void install_result_clear(struct install_result *r) {
    json_decref(r->hello);
    guest_destroy(r->guest);
    *r = (struct install_result){0};
}

json_t *install_to_json(const struct install *m) {
    json_t *phases = json_array();
    for (size_t i = 0; i < INSTALL_READY; i++) {
        json_array_append_new(phases, json_pack("{s:s, s:I}", "name", install_phase_name((enum install_phase)i), "ms",
                                                (json_int_t)(m->phase_took[i] / CLOCK_MS)));
    }
    json_t *j = json_pack("{s:s, s:o, s:i, s:i, s:i, s:I}", "phase", install_phase_name(m->phase), "phases", phases,
                          "presses", m->presses, "prompts", m->prompts, "resets", m->resets, "written_bytes",
                          (json_int_t)m->written);
    if (m->phase == INSTALL_FAILED) {
        json_object_set_new(j, "failed_in", json_string(install_phase_name(m->failed_in)));
        json_object_set_new(j, "cause", json_string(install_cause_name(m->cause)));
        json_object_set_new(j, "said", json_string(m->said));
    }
    return j;
}
