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

int step_drill(struct cell *c, struct err *err) {
    CLEANUP_ERR struct err broke = ERR_INIT;
    c->drilling = true;
    c->drill_faults = 0;
    c->handled = false;
    c->waiting_count = 0;
    cell_vm_off(c);
    if (drill_repair(c, &broke)) {
        drill_rollback(c, &broke);
    }
    c->drilling = false;
    c->handled = false;
    c->waiting_count = 0;
    if (err_is_set(&broke)) {
        cell_minor(c, "repair drill", &broke);
    }
    (void)err;
    return 0;
}
