#include "run/cell.h"

#include <assert.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "run/cell_state.h"

/* One row for each kind of step. */
static const struct step_row {
    cell_step_fn *run;
    enum failure_class own; /* when the guest is fine and only did not do what the step asked for */
    bool always;            /* also after a failure */
} step_rows[] = {
    [STEP_PROVISION] = {step_provision, FAILURE_VM_DIED, false},
    [STEP_BOOT] = {step_boot, FAILURE_NO_BOOT, false},
    [STEP_INSTALL] = {step_install, FAILURE_INSTALL_FAILED, false},
    [STEP_VERIFY] = {step_verify, FAILURE_NOT_KNOWN, false},
    [STEP_DETECT] = {step_detect, FAILURE_NOT_KNOWN, false},
    [STEP_MEASURE] = {step_measure, FAILURE_NOT_KNOWN, false},
    [STEP_APPLY] = {step_apply, FAILURE_UPDATE_FAILED, false},
    [STEP_TOOK] = {step_took, FAILURE_NOT_KNOWN, false},
    [STEP_REBOOT] = {step_reboot, FAILURE_NOT_KNOWN, false},
    [STEP_SOAK] = {step_soak, FAILURE_NOT_KNOWN, false},
    [STEP_ROLLBACK] = {step_rollback, FAILURE_ROLLBACK_FAILED, false},
    [STEP_UNINSTALL] = {step_uninstall, FAILURE_UNINSTALL_FAILED, false},
    [STEP_COLLECT] = {step_collect, FAILURE_NOT_KNOWN, true},
    [STEP_DRILL] = {step_drill, FAILURE_NOT_KNOWN, true},
    [STEP_TEARDOWN] = {step_teardown, FAILURE_LAB_BUG, true},
};
static_assert(ARRAY_LEN(step_rows) == STEP_KIND_COUNT, "a row for every kind of step");

/* Seen on a busy two-core host: winelab boots in 18 s under emulation, a service start takes some
 * seconds there; real Windows under KVM boots in well under a minute. */
void cell_limits_set(struct cell_limits *l, const struct model *m, bool kvm) {
    *l = (struct cell_limits){
        .vm = (kvm ? 30 : 60) * CLOCK_S,
        .boot = (kvm ? 180 : 240) * CLOCK_S,
        .down = (kvm ? 60 : 120) * CLOCK_S,
        .healthy = (kvm ? 30 : 45) * CLOCK_S,
        .command_extra = (kvm ? 30 : 60) * CLOCK_S,
        .file = (kvm ? 60 : 120) * CLOCK_S,
        .call = (kvm ? 30 : 60) * CLOCK_S,
        .workload = (kvm ? 60 : 180) * CLOCK_S,
        .state = 300 * CLOCK_S,
        .crash_settle = (kvm ? 5 : 8) * CLOCK_S,
        .stand = (kvm ? 20 : 30) * CLOCK_S,
        .calm = (kvm ? 60 : 90) * CLOCK_S,
        .poll = CLOCK_S / 2,
        .loop_boots = 3,
    };
    if (m && m->watch_ms > 0) {
        l->stand = m->watch_ms * CLOCK_MS;
    }
}

static void cell_say_begin(struct cell *c) {
    const struct plan_cell *p = c->env->cell;
    json_t *ids = json_array();
    for (size_t i = 0; i < p->product_count; i++) {
        json_array_append_new(ids, json_string(p->products[i]->id));
    }
    json_t *data = json_pack("{s:o, s:s?, s:s, s:i, s:i}", "products", ids, "update",
                             p->update ? p->update->id : NULL, "image", p->image, "repetition",
                             p->repetition, "worker_pid", (int)getpid());
    const struct cell_from *from = &c->env->from;
    if (p->confirm) {
        json_object_set_new(data, "confirm", json_integer(p->confirm));
    }
    if (p->minimize) {
        json_object_set_new(data, "minimize", json_integer(p->minimize));
    }
    if (from->state) {
        json_object_set_new(data, "from",
                            json_pack("{s:s, s:i, s:I, s:s}", "cell", from->cell, "attempt",
                                      from->attempt, "steps", (json_int_t)from->steps, "state",
                                      from->state));
    }
    cell_emit(c, OBS_CELL_BEGIN, data);
}

/* Why a step is not run, or NULL. */
static const char *cell_skip_reason(struct cell *c, const struct step_row *row) {
    /* With nothing but the teardown left there is nothing to stop any more. */
    if (c->env->stop && *c->env->stop && (row->run != step_teardown || cell_stop_now(c))) {
        c->stopped = true;
    }
    if (row->run == step_teardown) {
        return NULL;
    }
    if (c->stopped) {
        return "the run was stopped";
    }
    if (row->run == step_collect && !c->vm) {
        return "there is no VM";
    }
    if (row->run == step_drill) {
        return step_drill_needless(c);
    }
    return row->always ? NULL : c->failed;
}

static void cell_step(struct cell *c, int index) {
    const struct plan_step *step = &c->env->cell->steps[index];
    const struct step_row *row = &step_rows[step->kind];
    c->step = index;
    c->kind = step_kind_name(step->kind);
    c->phase = step->phase;
    c->side = CELL_SIDE_HOST;
    c->step_failures = 0;
    const char *skip = cell_skip_reason(c, row);
    if (skip) {
        cell_emit(c, OBS_STEP_END,
                  json_pack("{s:b, s:i, s:s}", "ok", 0, "ms", 0, "skipped", skip));
        return;
    }
    if (!row->always) {
        cell_works(c);
    }
    cell_emit(c, OBS_STEP_BEGIN, NULL);
    int64_t began = clock_now(c->env->clock), rested = cell_rested(c);
    CLEANUP_ERR struct err err = ERR_INIT;
    if (row->run(c, &err) < 0) {
        cell_fuse(c, row->own, &err);
    }
    int64_t ms = (clock_now(c->env->clock) - began) / CLOCK_MS;
    json_t *end = json_pack("{s:b, s:I}", "ok", c->step_failures == 0 && !cell_stop_now(c), "ms", (json_int_t)ms);
    rested = (cell_rested(c) - rested) / CLOCK_MS;
    if (rested > 0) {
        json_object_set_new(end, "rested_ms", json_integer((json_int_t)rested));
    }
    cell_emit(c, OBS_STEP_END, end);
}

static void cell_free(struct cell *c) {
    cell_vm_drop(c); /* a plan without a teardown step, or one that broke */
    free(c->failed);
    free(c->console);
    free(c->infra_text);
    free(c->installed);
    for (size_t i = 0; i < c->dump_count; i++) {
        free(c->dumps[i]);
    }
    free(c->dumps);
    for (size_t i = 0; i < c->told_count; i++) {
        free(c->told[i]);
    }
    free(c->told);
    vitals_free(c->vitals);
}

/* The lab's own failures, as the caller wants them. */
static int cell_outcome(const struct cell *c, struct err *err) {
    if (c->infra == FAILURE_NONE) {
        return 0;
    }
    enum err_class cls = c->infra == FAILURE_LAB_BUG ? ERR_BUG : ERR_SYSTEM;
    return err_set(err, cls, "%s: %s: %s", c->env->cell->id, failure_class_name(c->infra),
                   c->infra_text ? c->infra_text : "");
}

static void cell_say_end(struct cell *c) {
    int signal = c->env->stop_signal ? *c->env->stop_signal : 0;
    json_t *data = json_pack("{s:b}", "complete", !c->stopped);
    if (c->stopped && signal) {
        json_object_set_new(data, "signal", json_integer(signal));
    }
    cell_emit(c, OBS_CELL_END, data);
}

int cell_run(const struct cell_env *env, struct err *err) {
    bool kept = env->from.state != NULL;
    struct cell c = {.env = env, .step = -1, .kind = "",
                     .began_ns = clock_now(env->clock) - (kept ? env->from.at_ms * CLOCK_MS : 0),
                     .kept_at = clock_now(env->clock)};
    c.installed = mem_zalloc(env->cell->product_count + 1, sizeof(*c.installed));
    cell_say_begin(&c);
    if (kept) {
        cell_start_from_state(&c);
    }
    for (size_t i = kept ? env->from.steps : 0; i < env->cell->step_count; i++) {
        cell_step(&c, (int)i);
        cell_keep_state(&c, i + 1);
    }
    c.step = -1;
    c.kind = "";
    cell_say_end(&c);
    int rc = cell_outcome(&c, err);
    cell_free(&c);
    return rc;
}
