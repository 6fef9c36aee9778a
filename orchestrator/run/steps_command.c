/* Steps that run a vendor's command: install, apply, rollback, uninstall. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "run/cell_state.h"
#include "run/vitals.h"

/* What a command belongs to, for placeholders and records. */
struct command_job {
    const char *metric; /* name of its duration, NULL: not recorded */
    enum failure_class own;
    const char *product;   /* id or NULL */
    const char *installer; /* guest path for {installer}, or NULL */
    const char *files;     /* guest folder for {files}, or NULL */
};

/* Replaces {installer} and {files}. Caller frees. */
static char *command_expand(const char *command, const struct command_job *job) {
    CLEANUP_STR struct str s = STR_INIT;
    while (*command) {
        if (job->installer && strncmp(command, "{installer}", 11) == 0) {
            str_add(&s, job->installer);
            command += 11;
        } else if (job->files && strncmp(command, "{files}", 7) == 0) {
            str_add(&s, job->files);
            command += 7;
        } else {
            str_add_bytes(&s, command++, 1);
        }
    }
    return str_take(&s);
}

/* The last of what a program said: errors stand at the end. Into buf, printable. */
static const char *command_tail(const struct guest_exec *x, char buf[400]) {
    const struct str *s = x->err.len > 0 ? &x->err : &x->out;
    size_t keep = s->len > 300 ? 300 : s->len;
    size_t n = 0;
    for (size_t i = s->len - keep; i < s->len && n < 398; i++) {
        unsigned char b = (unsigned char)s->data[i];
        buf[n++] = b == '\r' || b == '\n' || b == '\t' ? ' ' : (char)b;
    }
    buf[n] = '\0';
    return buf;
}

static void command_say_duration(struct cell *c, const struct command_job *job,
                                 const struct guest_exec *x) {
    if (job->metric) {
        cell_metric(c, &(struct cell_metric){
                           .name = job->metric, .unit = "ms", .source = "agent",
                           .value = (double)x->duration_ms, .reference_ms = __builtin_nan(""),
                           .product = job->product});
    }
}

/* 1: success, 0: failure recorded, 2: success and a reboot is asked for. */
static int command_judge(struct cell *c, const struct model_command *cmd,
                         const struct command_job *job, const struct guest_exec *x) {
    char tail[400];
    if (x->timed_out) {
        cell_fail(c, job->own, job->product,
                  "not done after %lld s and ended by force: %s; said: %s",
                  (long long)(cmd->timeout_ms / 1000), cmd->command, command_tail(x, tail));
        return 0;
    }
    command_say_duration(c, job, x);
    if (model_codes_hold(&cmd->reboot, x->exit_code)) {
        cell_note(c, "exit code %u asks for a restart", x->exit_code);
        return 2;
    }
    if (model_codes_hold(&cmd->success, x->exit_code)) {
        return 1;
    }
    cell_fail(c, job->own, job->product, "exit code %u (0x%08x) of: %s; said: %s", x->exit_code,
              x->exit_code, cmd->command, command_tail(x, tail));
    return 0;
}

/* Runs it, reboots when it asks for that. 1: done, 0: failure recorded, -1 with err. */
static int command_run(struct cell *c, const struct model_command *cmd,
                       const struct command_job *job, struct err *err) {
    CLEANUP_FREE char *line = command_expand(cmd->command, job);
    CLEANUP(guest_exec_free) struct guest_exec x = {0};
    vitals_forget(c);
    if (cell_exec(c, line, cmd->timeout_ms, &x, err) < 0) {
        return -1;
    }
    c->changed_at = clock_now(c->env->clock);
    int judged = command_judge(c, cmd, job, &x);
    if (judged == 2) {
        return cell_reboot(c, err) < 0 ? -1 : 1;
    }
    return judged;
}

static char *command_installer_path(const struct model_product *p) {
    return str_printf(GUEST_IN "\\%s\\%s", p->id, fs_basename(p->installer));
}

/* ---- install and uninstall ----------------------------------------------------------------- */

static int install_one(struct cell *c, size_t i, struct err *err) {
    const struct model_product *p = c->env->cell->products[i];
    CLEANUP_FREE char *path = command_installer_path(p);
    if (cell_put(c, p->installer, path, err) < 0) {
        err_prefix(err, "product %s", p->id);
        return -1;
    }
    c->touched = true;
    struct command_job job = {.metric = "install", .own = FAILURE_INSTALL_FAILED, .product = p->id,
                              .installer = path};
    int rc = command_run(c, &p->install, &job, err);
    if (rc < 0) {
        err_prefix(err, "install %s", p->id);
    }
    c->installed[i] = rc > 0;
    return rc;
}

int step_install(struct cell *c, struct err *err) {
    const struct plan_cell *p = c->env->cell;
    int product = p->steps[c->step].product;
    if (product < 0 || (size_t)product >= p->product_count) {
        return err_set(err, ERR_BUG, "the plan's install step names no product");
    }
    return install_one(c, (size_t)product, err) < 0 ? -1 : 0;
}

/* What stays must not suffer from what goes: what was told before is not its doing. */
static int uninstall_look_at_others(struct cell *c, const struct model_product *gone, struct err *err) {
    size_t before = c->told_count, others = 0;
    for (size_t i = 0; i < c->env->cell->product_count; i++) {
        others += c->installed[i];
    }
    if (others > 0 && step_verify_until(c, cell_healthy_by(c), err) < 0) {
        return -1;
    }
    if (c->told_count != before && c->infra == FAILURE_NONE) {
        cell_fail(c, FAILURE_UNINSTALL_FAILED, gone->id,
                  "what stays is not healthy after the uninstallation of %s, which said that it succeeded", gone->id);
    }
    return 0;
}

static int uninstall_one(struct cell *c, size_t i, struct err *err) {
    const struct model_product *p = c->env->cell->products[i];
    CLEANUP_FREE char *path = command_installer_path(p);
    struct command_job job = {.own = FAILURE_UNINSTALL_FAILED, .product = p->id, .installer = path};
    int rc = command_run(c, &p->uninstall, &job, err);
    if (rc < 0) {
        err_prefix(err, "uninstall %s", p->id);
        return -1;
    }
    c->installed[i] = false; /* nobody promises that half of it is healthy */
    if (rc > 0 && (cell_look_for_residue(c, p, err) < 0 || uninstall_look_at_others(c, p, err) < 0)) {
        err_prefix(err, "after the uninstallation of %s", p->id);
        return -1;
    }
    return 0;
}

int step_uninstall(struct cell *c, struct err *err) {
    for (size_t i = c->env->cell->product_count; i-- > 0;) {
        const struct model_product *p = c->env->cell->products[i];
        if (c->installed[i] && !p->uninstall.command) {
            cell_note(c, "product %s has no uninstall command", p->id);
        } else if (c->installed[i] && uninstall_one(c, i, err) < 0) {
            return -1;
        }
    }
    return vitals_begin(c, err) < 0 ? -1 : step_look(c, err);
}

/* ---- apply and rollback -------------------------------------------------------------------- */

static int apply_put_files(struct cell *c, const struct model_update *u, struct err *err) {
    for (size_t i = 0; i < u->file_count; i++) {
        const struct model_file *f = &u->files[i];
        CLEANUP_FREE char *path =
            f->target ? str_dup(f->target)
                      : str_printf(GUEST_UPDATE "\\%s", fs_basename(f->host_path));
        if (cell_put(c, f->host_path, path, err) < 0) {
            err_prefix(err, "update %s", u->id);
            return -1;
        }
    }
    return 0;
}

static int update_command(struct cell *c, const struct model_command *cmd, const char *metric,
                          enum failure_class own, struct err *err) {
    const struct model_update *u = c->env->cell->update;
    CLEANUP_FREE char *installer = u->product ? command_installer_path(u->product) : NULL;
    struct command_job job = {.metric = metric, .own = own, .files = GUEST_UPDATE,
                              .product = u->product ? u->product->id : NULL,
                              .installer = installer};
    int rc = command_run(c, cmd, &job, err);
    if (rc < 0) {
        err_prefix(err, "update %s", u->id);
    }
    return rc;
}

int step_apply(struct cell *c, struct err *err) {
    const struct model_update *u = c->env->cell->update;
    if (!u) {
        cell_note(c, "nothing to apply: this cell is the control");
        return 0;
    }
    c->touched = true;
    int held = u->took.count > 0 ? step_took_holds(c, err) : 1;
    c->took_proves = held == 0;
    if (held > 0 && u->took.count > 0) {
        cell_note(c, "the took checks of %s hold before it is applied already: they cannot show that it took effect",
                  u->id);
    }
    c->update_is = CELL_UPDATE_UNSURE;
    if (held < 0 || apply_put_files(c, u, err) < 0) {
        return -1;
    }
    int rc = 1; /* without a command, putting the files in place is the update */
    if (u->apply.command) {
        rc = update_command(c, &u->apply, "apply", FAILURE_UPDATE_FAILED, err);
    }
    c->update_is = rc > 0 ? CELL_UPDATE_APPLIED : c->update_is;
    return rc < 0 ? -1 : 0;
}

int step_rollback_command(struct cell *c, struct err *err) {
    c->update_is = CELL_UPDATE_UNSURE;
    int rc = update_command(c, &c->env->cell->update->rollback, NULL, FAILURE_ROLLBACK_FAILED, err);
    c->update_is = rc > 0 ? CELL_UPDATE_AWAY : c->update_is;
    return rc;
}

int step_rollback(struct cell *c, struct err *err) {
    const struct model_update *u = c->env->cell->update;
    if (!u || !u->rollback.command) {
        cell_note(c, "no rollback: %s", u ? "the update has none" : "this cell is the control");
        return 0;
    }
    int rc = step_rollback_command(c, err);
    if (rc <= 0) {
        return rc;
    }
    uint64_t before = c->step_failures;
    if (step_verify_until(c, cell_healthy_by(c), err) < 0) {
        return -1;
    }
    const char *product = u->product ? u->product->id : NULL;
    int held = c->took_proves ? step_took_holds(c, err) : 0;
    if (held > 0) {
        cell_fail(c, FAILURE_ROLLBACK_FAILED, product,
                  "%s is still there after its rollback, which said that it succeeded", u->id);
    }
    if (held < 0 || step_look(c, err) < 0) {
        return -1;
    }
    if (c->step_failures != before && held == 0) {
        cell_fail(c, FAILURE_ROLLBACK_FAILED, product,
                  "the guest is not healthy after the rollback of %s", u->id);
    }
    return 0;
}
