/* Repair drills: an update stopped the boot; which way back is there, and how long does it take? What is seen here
 * says nothing any more of the update's verdict, which stands before. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "run/cell_state.h"

static bool drill_update_was_tried(const struct cell *c) {
    for (int i = 0; i <= c->failed_at; i++) {
        if (c->env->cell->steps[i].kind == STEP_APPLY) {
            return true;
        }
    }
    return false;
}

const char *step_drill_needless(const struct cell *c) {
    if (!c->failed || c->up) {
        return "the machine boots";
    }
    if (!c->vm || c->infra != FAILURE_NONE) {
        return "the lab failed";
    }
    return drill_update_was_tried(c) ? NULL : "it failed before the update";
}

__attribute__((format(printf, 5, 6))) static void drill_say(struct cell *c, const char *what, bool ok,
                                                            int64_t ns, const char *fmt, ...) {
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    cell_emit(c, OBS_DRILL, json_pack("{s:s, s:b, s:I, s:o}", "what", what, "ok", ok, "ms",
                                      (json_int_t)(ns / CLOCK_MS), "text",
                                      cell_text(text, strlen(text), CELL_TEXT_MAX)));
}

/* The files to remove: those the update names for this, else those it placed. NULL-terminated, NULL when there are
 * none; the array is the caller's, the texts are the update's. */
static char **drill_files(const struct model_update *u) {
    char **files = NULL;
    size_t n = 0;
    for (char *const *p = u->repair; p && *p; p++) {
        files = mem_grow(files, n + 2, sizeof(*files));
        files[n++] = *p;
    }
    for (size_t i = 0; !u->repair && i < u->file_count; i++) {
        if (u->files[i].target) {
            files = mem_grow(files, n + 2, sizeof(*files));
            files[n++] = u->files[i].target;
        }
    }
    if (files) {
        files[n] = NULL;
    }
    return files;
}

/* Waits until the machine answers and stands. */
static int drill_wait(struct cell *c, int64_t since, struct err *err) {
    if (cell_wait_ready(c, since, err) < 0) {
        return -1;
    }
    int rc = cell_stand(c, err);
    return rc > 0 ? err_set(err, ERR_INTERRUPT, "it went down again") : rc;
}

/* True: the machine is back. */
static bool drill_repair(struct cell *c, struct err *err) {
    CLEANUP_FREE char **files = drill_files(c->env->cell->update);
    if (!files || !c->env->machine->remove_files) {
        cell_note(c, "no repair drill: %s", files ? "the machine's disk cannot be changed from outside"
                                                  : "the update names no file to remove");
        return false;
    }
    int64_t began = clock_now(c->env->clock);
    c->side = CELL_SIDE_HOST;
    int removed = c->env->machine->remove_files(c->env->machine_ctx, c->vm, files, err);
    if (removed <= 0) {
        if (removed == 0) {
            drill_say(c, "repair", false, 0, "none of the files to remove is on the disk: %s%s", files[0],
                      files[1] ? ", ..." : "");
        }
        return false;
    }
    c->update_is = CELL_UPDATE_UNSURE; /* something of it is left */
    int64_t since = clock_now(c->env->clock);
    bool back = cell_vm_power_on(c, err) == 0 && drill_wait(c, since, err) == 0;
    int64_t took = (back ? c->ready_at : clock_now(c->env->clock)) - began;
    if (back || c->side == CELL_SIDE_GUEST) {
        drill_say(c, "repair", back, took, "%d file%s removed from its disk from outside (%s%s); the machine %s%s%s",
                  removed, removed == 1 ? "" : "s", files[0], files[1] ? ", ..." : "",
                  back ? "boots again" : "does not boot all the same", back ? "" : ": ",
                  back ? "" : err_text(err));
        err_clear(err);
    }
    return back;
}

/* The vendor's own way back, on a machine that boots again; then it has to come up once more, and be well. */
static void drill_rollback(struct cell *c, struct err *err) {
    const struct model_update *u = c->env->cell->update;
    if (!u->rollback.command) {
        cell_note(c, "no rollback drill: the update has none");
        return;
    }
    int64_t began = clock_now(c->env->clock);
    int rc = step_rollback(c, err);
    rc = rc < 0 || c->drill_faults > 0 ? rc : cell_reboot(c, err);
    rc = rc < 0 || c->drill_faults > 0 ? rc : step_verify_until(c, cell_healthy_by(c), err);
    if (rc < 0 && c->side != CELL_SIDE_GUEST) {
        return;
    }
    bool ok = rc == 0 && c->drill_faults == 0;
    drill_say(c, "rollback", ok, clock_now(c->env->clock) - began, "%s%s",
              ok ? "rolled back, restarted, every product is healthy" : "the rollback did not make it well: ",
              ok ? "" : rc < 0 ? err_text(err) : "see the notes before");
    err_clear(err);
}

/* ---- safe mode ------------------------------------------------------------------------------- */

/* What Windows says of itself: 1: it runs in safe mode, 0: it does not; negative with err. The key is there in safe
 * mode alone (Windows Internals, 5th edition, chapter 13, "Safe-Mode-Aware User Programs"). */
static int drill_is_safe(struct cell *c, struct err *err) {
    json_auto_t *result = NULL;
    json_t *args = json_pack("{s:s, s:s}", "key", "HKLM\\SYSTEM\\CurrentControlSet\\Control\\SafeBoot\\Option", "value",
                             "OptionValue");
    if (cell_call(c, "registry", args, c->env->limits.call, &result, err) < 0) {
        return -1;
    }
    const char *mode = json_string_value(json_object_get(result, "data"));
    return mode && !str_eq(mode, "0");
}

/* Changes where the next boot goes and lets it come. 0: it answers; negative with err. */
static int drill_boot(struct cell *c, bool safe, struct err *err) {
    c->side = CELL_SIDE_HOST;
    if (vm_state(c->vm) != VM_OFF) {
        return err_set(err, ERR_SYSTEM, "the machine is not off");
    }
    if (c->env->machine->safe_mode(c->env->machine_ctx, c->vm, safe, err) < 0) {
        return -1;
    }
    int64_t since = clock_now(c->env->clock);
    return cell_vm_power_on(c, err) < 0 ? -1 : cell_wait_ready(c, since, err);
}

/* True: it stands, in safe mode. */
static bool drill_safe_boot(struct cell *c, struct err *err) {
    int64_t began = clock_now(c->env->clock);
    int rc = drill_boot(c, true, err);
    int64_t took = (rc == 0 ? c->ready_at : clock_now(c->env->clock)) - began;
    int stood = rc == 0 ? cell_stand(c, err) : rc;
    int safe = stood == 0 ? drill_is_safe(c, err) : -1;
    if (stood > 0) {
        c->side = CELL_SIDE_GUEST;
        err_set(err, ERR_INTERRUPT, "it went down again");
    }
    if (safe < 0 && (c->side != CELL_SIDE_GUEST || cell_stop_now(c))) {
        return false;
    }
    drill_say(c, "safe-mode", safe > 0, took, "%s%s",
              safe > 0    ? "safe mode was asked for on its disk from outside; the machine comes up in safe mode"
              : safe == 0 ? "safe mode was asked for on its disk from outside; the machine comes up, but says that it "
                            "is not in safe mode"
                          : "the machine does not come up in safe mode either: ",
              safe < 0 ? err_text(err) : "");
    err_clear(err);
    return safe > 0;
}

/* In safe mode: rolls back, then starts the machine as always, which has to be well. */
static int drill_safe_undo(struct cell *c, struct err *err) {
    int rc = step_rollback_command(c, err);
    if (rc <= 0 || c->drill_faults > 0) {
        return rc < 0 ? -1 : 0;
    }
    if (cell_shut_down(c, err) < 0) {
        err_prefix(err, "in safe mode, after the rollback");
        return -1;
    }
    if (drill_boot(c, false, err) < 0) {
        err_prefix(err, "the first normal start");
        return -1;
    }
    return step_verify_until(c, cell_healthy_by(c), err);
}

static int drill_safe_proof(struct cell *c, struct err *err) {
    const char *id = c->env->cell->update->id;
    int stood = cell_stand(c, err);
    int held = stood == 0 && c->took_proves ? step_took_holds(c, err) : 0;
    if (stood > 0) {
        c->side = CELL_SIDE_GUEST;
        return err_set(err, ERR_INTERRUPT, "it went down again");
    }
    if (held > 0) {
        cell_fail(c, FAILURE_ROLLBACK_FAILED, NULL, "%s is still there after its rollback in safe mode", id);
    }
    return stood < 0 || held < 0 ? -1 : 0;
}

static void drill_safe_rollback(struct cell *c, struct err *err) {
    if (!c->env->cell->update->rollback.command) {
        cell_note(c, "no rollback drill in safe mode: the update has none");
        return;
    }
    int64_t began = clock_now(c->env->clock);
    int rc = drill_safe_undo(c, err);
    int64_t took = clock_now(c->env->clock) - began;
    rc = rc < 0 || c->drill_faults > 0 ? rc : drill_safe_proof(c, err);
    if (rc < 0 && (c->side != CELL_SIDE_GUEST || cell_stop_now(c))) {
        return;
    }
    bool ok = rc == 0 && c->drill_faults == 0;
    drill_say(c, "safe-mode-rollback", ok, took, "%s%s",
              ok ? "rolled back in safe mode; started as always again, every product is healthy"
                 : "the rollback in safe mode did not make it well: ",
              ok ? "" : rc < 0 ? err_text(err) : "see the notes before");
    err_clear(err);
}

/* ---- one after the other --------------------------------------------------------------------- */

static void drill_by_removal(struct cell *c, struct err *err) {
    if (drill_repair(c, err)) {
        drill_rollback(c, err);
    }
}

/* From the disk as the failure left it, not as another drill did. */
static void drill_by_safe_mode(struct cell *c, struct err *err) {
    c->side = CELL_SIDE_HOST;
    if (c->env->machine->put_back_disk(c->env->machine_ctx, c->vm, err) == 0 && drill_safe_boot(c, err)) {
        drill_safe_rollback(c, err);
    }
}

/* what: for notes, "... drill". */
static void drill_run(struct cell *c, const char *what, void (*drill)(struct cell *, struct err *)) {
    CLEANUP_ERR struct err broke = ERR_INIT;
    c->drilling = true;
    c->drill_faults = 0;
    c->handled = false;
    c->waiting_count = 0;
    cell_works(c);
    cell_vm_off(c);
    cell_pump(c, &broke); /* what the switching off set free says nothing of this drill */
    c->waiting_count = 0;
    err_clear(&broke);
    if (vm_state(c->vm) == VM_OFF && c->infra == FAILURE_NONE && !cell_stop_now(c)) {
        drill(c, &broke);
    }
    c->drilling = false;
    c->handled = false;
    c->going_down = false;
    c->waiting_count = 0;
    if (err_is_set(&broke) && broke.cls == ERR_REFUSED && c->side == CELL_SIDE_HOST) {
        cell_note(c, "no %s: %s", what, err_text(&broke));
    } else if (err_is_set(&broke)) {
        cell_minor(c, what, &broke);
    }
}

static bool drill_keep(struct cell *c) {
    const struct cell_machine_ops *m = c->env->machine;
    CLEANUP_ERR struct err why = ERR_INIT;
    cell_vm_off(c);
    if (m->keep_disk && m->put_back_disk && m->safe_mode && vm_state(c->vm) == VM_OFF &&
        m->keep_disk(c->env->machine_ctx, c->vm, &why) == 0) {
        return true;
    }
    cell_note(c, "no safe mode drill: %s",
              err_is_set(&why) ? err_text(&why) : "the machine's disk cannot be kept as the failure left it");
    return false;
}

int step_drill(struct cell *c, struct err *err) {
    (void)err;
    bool kept = drill_keep(c);
    drill_run(c, "repair drill", drill_by_removal);
    if (kept) {
        drill_run(c, "safe mode drill", drill_by_safe_mode);
    }
    return 0;
}
