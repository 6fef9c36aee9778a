#include "run/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "journal/journal.h"
#include "model/failure.h"
#include "plan/confirm.h"
#include "plan/minimize.h"
#include "run/cell.h"
#include "run/job.h"
#include "run/machine.h"
#include "run/states.h"
#include "run/sweep.h"
#include "run/worker_watch.h"
#include "vm/probe.h"

enum { WORKER_OK = 0, WORKER_LAB_FAILED = 3 };

struct worker {
    struct log said; /* first: the log's own function finds the worker by it */
    struct log *log; /* what it goes on to */
    const char *cell_id;
    int64_t began;
    struct journal_run run;
    struct model *model;
    struct plan *plan;
    const struct plan_cell *planned;
    struct plan_cell cell; /* the run of it that this worker makes: the id is that run's, all else the plan's */
    int attempt;
    struct job job;
    char *work_dir, *scratch, *artifacts, *states;
    int lock; /* on work_dir's owner file */
    struct worker_watch *watch;
    struct machine *machine;
    struct hosts_one at; /* with w->job.host */
    struct machine_host host;
    char *lab, *owner;
    bool kvm;
};

/* Several workers write to one file: each line says whose it is and how long after that one's start. */
static void worker_log(struct log *log, enum log_level level, const char *line) {
    const struct worker *w = (const struct worker *)log;
    long long ms = (clock_now(clock_monotonic()) - w->began) / CLOCK_MS;
    log_say(w->log, level, "%s (attempt %d) %lld.%03lld s: %s", w->cell_id, w->attempt, ms / 1000, ms % 1000, line);
}

/* The run's plan, made again from what the journal kept: the same input always gives the same
 * plan. */
static int worker_read_plan(struct worker *w, const char *run_dir, const char *cell_id,
                            struct err *err) {
    struct journal *j = journal_open(run_dir, 1, err);
    int rc = j ? journal_read_run(j, &w->run, err) : -1;
    journal_close(j);
    if (rc < 0) {
        return -1;
    }
    struct diags diags = DIAGS_INIT;
    w->model = model_from_source(w->run.matrix, &diags);
    w->plan = w->model ? plan_build_kept(w->model, w->run.plan, &diags) : NULL;
    if (!w->plan) {
        err_set(err, ERR_BUG, "the journal's matrix cannot be planned: %s",
                diags.count ? diags.items[0].message : "no reason given");
    }
    diags_free(&diags);
    if (!w->plan) {
        return -1;
    }
    int k;
    minimize_add(w->plan, cell_id);
    w->planned = confirm_find(w->plan, cell_id, &k);
    if (!w->planned) {
        return err_set(err, ERR_BUG, "the plan has no cell '%s'", cell_id);
    }
    w->cell = *w->planned;
    w->cell.id = (char *)cell_id; /* the cast only drops const */
    w->cell.confirm = k;
    return 0;
}

/* Short, for it is part of a socket's path. Runs that minimise have no place in the plan to be named by. */
static char *worker_name(const struct worker *w) {
    if (!w->cell.minimize) {
        return str_printf("%zu-%d-%d", (size_t)(w->planned - w->plan->cells), w->cell.confirm, w->attempt);
    }
    char hex[FS_SHA256_HEX];
    fs_sha256_bytes(w->cell.id, strlen(w->cell.id), hex);
    return str_printf("m%.8s-%d", hex, w->attempt);
}

static int worker_make_folders(struct worker *w, const char *run_dir, const char *lab_dir,
                               struct err *err) {
    CLEANUP_FREE char *name = worker_name(w);
    w->work_dir = sweep_claim(lab_dir, w->run.id, name, &w->lock, err);
    if (!w->work_dir) {
        return -1;
    }
    w->scratch = fs_join(w->work_dir, "scratch");
    w->artifacts = fs_join(run_dir, "artifacts");
    w->states = states_folder(lab_dir, w->run.id);
    return fs_mkdirs(w->scratch, err) < 0 || fs_mkdirs(w->artifacts, err) < 0 ? -1 : 0;
}

/* A host with a daemon: what it can do was found out by whoever looks after it. */
static int worker_take_host(struct worker *w, const char *lab_dir, struct err *err) {
    const json_t *host = w->job.host;
    if (hosts_from_json(json_object_get(host, "at"), &w->at, err) < 0 ||
        !(w->lab = hosts_lab_id(lab_dir, err))) {
        return -1;
    }
    w->owner = str_printf("%s.%s", w->run.id, fs_basename(w->work_dir));
    w->kvm = json_is_true(json_object_get(host, "kvm"));
    w->host = (struct machine_host){.at = &w->at, .lab = w->lab, .owner = w->owner,
                                    .seen = json_is_true(json_object_get(host, "seen"))};
    return 0;
}

static int worker_find_accelerator(struct worker *w, const char *lab_dir, struct err *err) {
    CLEANUP_FREE char *cache = fs_join(lab_dir, "cache");
    char why[256];
    return fs_mkdirs(cache, err) < 0 || vm_probe_kvm(cache, &w->kvm, why, err) < 0 ? -1 : 0;
}

static int worker_make_machine(struct worker *w, const char *lab_dir, struct err *err) {
    if ((w->job.host ? worker_take_host(w, lab_dir, err)
                     : worker_find_accelerator(w, lab_dir, err)) < 0) {
        return -1;
    }
    struct machine_spec spec = {
        .lab_dir = lab_dir, .image = w->cell.image, .work_dir = w->work_dir, .kvm = w->kvm,
        .cold = w->job.cold, .states = w->states, .cell = w->cell.id, .attempt = w->attempt,
        .host = w->job.host ? &w->host : NULL,
        .interrupt_fd = worker_watch_fd(w->watch), .clock = clock_monotonic(), .log = &w->said,
    };
    w->machine = machine_new(&spec, err);
    return w->machine ? 0 : -1;
}

static int worker_run_cell(struct worker *w, struct err *err) {
    struct cell_env env = {
        .cell = &w->cell, .model = w->model, .machine = machine_ops(), .machine_ctx = w->machine,
        .clock = clock_monotonic(), .log = &w->said, .scratch_dir = w->scratch,
        .artifact_dir = w->artifacts, .attempt = w->attempt, .from = w->job.from,
        .save = w->job.save, .emit = worker_watch_emit, .emit_ctx = w->watch,
        .rests = worker_watch_rests, .rests_ctx = w->watch,
        .stop = worker_watch_stop(w->watch), .stop_signal = worker_watch_signal(w->watch),
    };
    cell_limits_set(&env.limits, w->model, w->kvm);
    return cell_run(&env, err);
}

/* The folder goes before its lock: from then on nobody else would. */
static void worker_clear(struct worker *w) {
    machine_free(w->machine);
    worker_watch_end(w->watch);
    if (w->work_dir) {
        CLEANUP_ERR struct err err = ERR_INIT;
        if (fs_remove_tree(w->work_dir, &err) < 0) {
            log_warn(&w->said, "%s", err_text(&err));
        }
        CLEANUP_FREE char *parent = fs_dirname(w->work_dir);
        rmdir(parent); /* the last one out */
    }
    if (w->lock >= 0) {
        close(w->lock);
    }
    plan_free(w->plan);
    model_free(w->model);
    journal_run_clear(&w->run);
    free(w->work_dir);
    free(w->scratch);
    free(w->artifacts);
    free(w->states);
    free(w->lab);
    free(w->owner);
    hosts_one_clear(&w->at);
    job_clear(&w->job);
}

static void worker_say(struct worker *w, int64_t seq, enum obs_type type,
                       json_t *data) {
    struct observation o = {.cell = w->cell.id, .attempt = w->attempt, .seq = seq, .step = -1,
                            .kind = (char *)"", .phase = (char *)"before", .type = type,
                            .data = data ? data : json_object()};
    worker_watch_emit(w->watch, &o);
    json_decref(o.data);
}

/* The cell could not even begin: said in the journal, not only in a log nobody reads. */
static void worker_tell_not_begun(struct worker *w, const struct err *err) {
    enum failure_class class =
        err->cls == ERR_NOSPACE ? FAILURE_HOST_RESOURCES : FAILURE_LAB_BUG;
    worker_say(w, 0, OBS_FAILURE,
               json_pack("{s:s, s:s, s:n}", "class", failure_class_name(class), "text",
                         err_text(err), "product"));
    worker_say(w, 1, OBS_CELL_END, json_pack("{s:b}", "complete", 0));
}

static int worker_do(struct worker *w, const char *run_dir, const char *cell_id, const char *job,
                     const char *lab_dir, struct err *err) {
    if (worker_read_plan(w, run_dir, cell_id, err) < 0 ||
        job_parse(job, w->cell.step_count, &w->job, err) < 0 ||
        worker_make_folders(w, run_dir, lab_dir, err) < 0) {
        return -1;
    }
    w->watch = worker_watch_start(WORKER_REPORT_FD, w->work_dir, err);
    if (!w->watch) {
        return -1;
    }
    if (worker_make_machine(w, lab_dir, err) < 0) {
        worker_tell_not_begun(w, err);
        return -1;
    }
    return worker_run_cell(w, err);
}

int worker_main(const char *run_dir, const char *cell_id, int attempt, const char *job,
                const char *lab_dir, struct log *log) {
    /* QEMU and whatever else is started here must not keep the report open. */
    if (fcntl(WORKER_REPORT_FD, F_SETFD, FD_CLOEXEC) < 0) {
        log_error(log, "worker: descriptor %d is not open: this is started by `coexist run` only",
                  WORKER_REPORT_FD);
        return WORKER_LAB_FAILED;
    }
    mallopt(M_ARENA_MAX, 1); /* its threads mostly wait: heaps of their own would only take memory */
    struct worker w = {.said = {log->level, worker_log}, .log = log, .lock = -1, .attempt = attempt,
                       .cell_id = cell_id, .began = clock_now(clock_monotonic())};
    CLEANUP_ERR struct err err = ERR_INIT;
    int rc = worker_do(&w, run_dir, cell_id, job, lab_dir, &err);
    if (rc < 0) {
        log_error(&w.said, "%s", err_text(&err));
    }
    worker_clear(&w);
    return rc < 0 ? WORKER_LAB_FAILED : WORKER_OK;
}
