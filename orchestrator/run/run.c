#include "run/run.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "run/host.h"
#include "run/learn.h"
#include "run/machine.h"
#include "run/rounds.h"
#include "run/run_state.h"
#include "run/spawn.h"
#include "run/states.h"
#include "run/sweep.h"
#include "vm/domain_xml.h"
#include "vm/probe.h"

enum { RUN_JOBS = 2 };
/* Beside the guest's memory, a state has what was written to the disk since the last one. */
#define RUN_STATE_DISK (INT64_C(1) << 30)

/* ---- before anything starts ---------------------------------------------------------------- */

static int run_load_images(struct run *r, struct err *err) {
    const struct model *m = r->model;
    r->images = mem_zalloc(m->image_count + 1, sizeof(*r->images));
    for (size_t i = 0; i < m->image_count; i++) {
        log_info(r->o->log, "verifying image %s", m->images[i]);
        r->images[i] = image_open(r->o->lab_dir, m->images[i], err);
        if (!r->images[i] || image_verify(r->images[i], err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int run_probe(struct run *r, struct err *err) {
    CLEANUP_FREE char *cache = fs_join(r->o->lab_dir, "cache");
    char why[256] = "";
    if (fs_mkdirs(cache, err) < 0 || vm_probe_kvm(cache, &r->kvm, why, err) < 0) {
        return -1;
    }
    log_info(r->o->log, "%s: %s", r->kvm ? "KVM is used" : "KVM is not used", why);
    return 0;
}

/* "/proc/self/exe" resolved: a worker must be the same program, even when the file is replaced by
 * name. */
static int run_find_program(struct run *r, struct err *err) {
    if (r->o->program) {
        r->program = fs_absolute(r->o->program);
        return 0;
    }
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (n < 0) {
        return err_sys(err, errno, "find this program");
    }
    path[n] = '\0';
    r->program = str_dup(path);
    return 0;
}

/* ---- the run's folder ---------------------------------------------------------------------- */

/* "20261121-050000-demo-1a2b": sorts by time, says what it was, and two at once do not meet. */
static char *run_make_id(const struct model *m) {
    uint16_t salt = 0;
    ssize_t n = getrandom(&salt, sizeof(salt), 0);
    (void)n; /* two bytes are always given (getrandom(2)) */
    time_t now = time(NULL);
    struct tm tm;
    char when[32];
    gmtime_r(&now, &tm);
    strftime(when, sizeof(when), "%Y%m%d-%H%M%S", &tm);
    return str_printf("%s-%s-%04x", when, m->name, salt);
}

json_t *run_manifests(const struct run *r) {
    json_t *all = json_object();
    for (size_t i = 0; i < r->model->image_count; i++) {
        json_object_set(all, r->model->images[i], r->images[i]->manifest);
    }
    return all;
}

/* This machine, and by their names those that cells may run on instead. Caller frees. */
static char *run_describe_hosts(const struct run *r) {
    const struct hosts *asked = r->o->hosts;
    CLEANUP_FREE char *here = host_describe(r->kvm);
    struct str all = STR_INIT;
    str_add(&all, here);
    for (size_t i = 0; asked && i < asked->count; i++) {
        str_addf(&all, "%s%s", i ? ", " : "; cells on ", asked->items[i].name);
    }
    return str_take(&all);
}

static struct journal *run_make_journal(struct run *r, const char *dir, struct err *err) {
    char started[32];
    clock_wall_iso(started);
    struct journal_run record = {
        .id = r->id, .started = started, .version = str_dup(r->o->version),
        .host = run_describe_hosts(r), .matrix = r->model->source,
        .images = run_manifests(r), .plan = plan_to_json(r->plan),
    };
    struct journal *j = journal_create(dir, &record, err);
    free(record.version);
    free(record.host);
    json_decref(record.images);
    json_decref(record.plan);
    return j;
}

/* Made under another name: a run that has its own has a whole journal, whenever it was killed. */
static int run_fill_folder(struct run *r, const char *part, struct err *err) {
    CLEANUP_FREE char *lock = fs_join(part, SWEEP_RUN_LOCK);
    CLEANUP_FREE char *artifacts = fs_join(part, "artifacts");
    if (fs_mkdirs(part, err) < 0) {
        return -1;
    }
    r->lock = fs_lock(lock, err);
    if (r->lock < 0) {
        return r->lock == -2 ? err_set(err, ERR_BUG, "%s is somebody's already", part) : -1;
    }
    struct journal *j = fs_mkdirs(artifacts, err) < 0 ? NULL : run_make_journal(r, part, err);
    journal_close(j);
    return j ? 0 : -1;
}

static int run_make_folder(struct run *r, struct err *err) {
    CLEANUP_FREE char *runs = fs_absolute(r->o->runs_dir);
    r->id = run_make_id(r->model);
    r->dir = fs_join(runs, r->id);
    CLEANUP_FREE char *part = str_printf("%s/" SWEEP_RUN_PART "%s", runs, r->id);
    if (run_fill_folder(r, part, err) < 0) {
        fs_remove_tree(part, NULL);
        return -1;
    }
    if (rename(part, r->dir) < 0) {
        return err_sys(err, errno, "make %s", r->dir);
    }
    r->journal = journal_open(r->dir, 0, err);
    return r->journal ? 0 : -1;
}

/* ---- running ------------------------------------------------------------------------------- */

static int64_t run_cell_memory(void *ctx, const struct plan_cell *cell) {
    const struct run *r = ctx;
    for (size_t i = 0; i < r->model->image_count; i++) {
        if (str_eq(r->model->images[i], cell->image)) {
            return (json_integer_value(json_object_get(r->images[i]->profile, "memory_mib")) +
                    (r->kvm ? 0 : DOMAIN_TCG_CACHE_MIB)) << 20;
        }
    }
    return 0;
}

static int run_cell_vcpus(void *ctx, const struct plan_cell *cell) {
    const struct run *r = ctx;
    for (size_t i = 0; i < r->model->image_count; i++) {
        const json_t *n = json_object_get(r->images[i]->profile, "vcpus");
        if (str_eq(r->model->images[i], cell->image) && n) {
            return (int)json_integer_value(n);
        }
    }
    return 1;
}

static void run_choose_hosts(struct run *r) {
    if (r->o->hosts && r->o->hosts->count > 0) {
        hosts_copy(r->o->hosts, &r->hosts);
    } else {
        hosts_add_here(&r->hosts, r->o->jobs ? r->o->jobs : RUN_JOBS);
    }
}

int run_confirm(const struct run *r) {
    return r->o->confirm_given ? r->o->confirm : r->model->confirm;
}

static int64_t run_state_bytes(const struct run *r) {
    int64_t most = 0;
    for (size_t i = 0; i < r->model->image_count; i++) {
        int64_t mib = json_integer_value(json_object_get(r->images[i]->profile, "memory_mib"));
        most = mib << 20 > most ? mib << 20 : most;
    }
    return most + RUN_STATE_DISK;
}

static int64_t run_states_max(const struct run *r) {
    if (r->o->state_budget > 0) {
        return r->o->state_budget;
    }
    int64_t half = fs_free_bytes(r->o->lab_dir) / 2;
    for (size_t i = 0; i < r->past.kept_count; i++) {
        half += r->past.kept[i].bytes / 2; /* what they take is not free and yet theirs */
    }
    return half < RUN_STATE_BUDGET ? half : RUN_STATE_BUDGET;
}

/* States of an earlier part of the run lie on this machine: only its embedded driver can begin there. */
static void run_place_kept(struct run *r) {
    int here = -1;
    for (size_t i = 0; i < r->hosts.count && here < 0; i++) {
        here = r->hosts.items[i].uri.way == HOST_EMBED ? (int)i : -1;
    }
    for (size_t i = 0; i < r->past.kept_count; i++) {
        r->past.kept[i].host = here;
    }
}

struct run_going { /* one run's cells, as the rounds need them */
    struct run *run;
    struct spawn *spawn;
};

/* How many cells more than a host has slots may run while as many wait for their last look. Each still has some
 * seconds of work before it, which would disturb what is measured beside it. One slot means one machine at a time. */
static int run_leaving(const struct plan *plan, int slots) {
    bool measures = false;
    for (size_t i = 0; i < plan->model->step_count; i++) {
        measures = measures || plan->model->steps[i].kind == STEP_MEASURE;
    }
    return measures || slots < 2 ? 0 : 2 * slots;
}

/* kept: states of an earlier part of the run are begun at. */
static int run_schedule(const struct run_going *g, const struct plan *plan, const struct sched_past *past, bool kept,
                        const struct sched_result *so_far, struct sched_result *out, struct err *err) {
    struct run *r = g->run;
    CLEANUP_FREE struct sched_host *hosts = mem_zalloc(r->hosts.count, sizeof(*hosts));
    for (size_t i = 0; i < r->hosts.count; i++) {
        const struct hosts_one *one = &r->hosts.items[i];
        hosts[i] = (struct sched_host){.name = one->name, .slots = one->slots,
                                       .spare = one->slots / 2, .leaving = run_leaving(plan, one->slots),
                                       .stateless = one->uri.way != HOST_EMBED};
    }
    run_place_kept(r);
    struct estimate estimate;
    estimate_init(&estimate);
    CLEANUP_FREE char *learned = learn_estimate(r->o->runs_dir, &estimate);
    struct sched_opts opts = {.plan = plan, .hosts = hosts, .host_count = r->hosts.count,
                              .sharing = !r->o->no_sharing, .state_bytes = run_state_bytes(r),
                              .states_max = r->states_max, .confirm = kept ? run_confirm(r) : 0,
                              .points = true, .point_every = r->o->checkpoint,
                              .past = past, .done_before = so_far->done, .failed_before = so_far->failed,
                              .estimate = learned ? &estimate : NULL,
                              .kept = r->past.kept, .kept_count = kept ? r->past.kept_count : 0,
                              .clock = clock_monotonic(), .log = r->o->log, .ops = spawn_ops(),
                              .ops_ctx = g->spawn, .progress = r->o->progress};
    sched_limits_default(&opts.limits);
    return sched_run(&opts, out, err);
}

static char **run_ask_wanted(void *ctx, struct err *err) {
    const struct run_going *g = ctx;
    return g->run->o->wanted(g->run->o->ctx, g->run->dir, err);
}

static int run_schedule_round(void *ctx, const struct plan *plan, const struct sched_past *past,
                              const struct sched_result *so_far, struct sched_result *out, struct err *err) {
    const struct run_going *g = ctx;
    log_info(g->run->o->log, "%zu run%s to shrink what fails", plan->cell_count, plan->cell_count == 1 ? "" : "s");
    return run_schedule(g, plan, past, false, so_far, out, err);
}

/* The plan's cells, then what is wanted besides. */
static int run_everything(struct run_going *g, struct sched_result *out, struct err *err) {
    struct run *r = g->run;
    struct sched_result none = {0};
    if (run_schedule(g, r->plan, r->past.cells, true, &none, out, err) < 0) {
        return -1;
    }
    struct sched_limits limits;
    sched_limits_default(&limits);
    struct rounds rounds = {.model = r->model, .journal = r->journal, .attempts_max = limits.attempts,
                            .wanted = run_ask_wanted, .schedule = run_schedule_round, .ctx = g};
    bool asked = r->o->wanted && (r->o->minimize_given || r->model->minimize > 0);
    return asked ? rounds_run(&rounds, out, err) : 0;
}

static char *run_image_names(const struct run *r) {
    struct str names = STR_INIT;
    for (size_t i = 0; i < r->model->image_count; i++) {
        str_addf(&names, "%s%s", i ? "," : "", r->model->images[i]);
    }
    return str_take(&names);
}

static int run_cells(struct run *r, struct sched_result *out, struct err *err) {
    CLEANUP_FREE char *lab = fs_absolute(r->o->lab_dir);
    CLEANUP_FREE char *states = states_folder(lab, r->id);
    r->states_max = run_states_max(r);
    struct spawn_spec spec = {.program = r->program, .lab_dir = lab, .run_dir = r->dir,
                              .states = states, .states_max = r->states_max,
                              .journal = r->journal, .log = r->o->log,
                              .cell_memory = run_cell_memory, .cell_vcpus = run_cell_vcpus,
                              .ctx = r};
    CLEANUP_FREE char *images = run_image_names(r);
    spec.hosts = &r->hosts;
    spec.images = images;
    struct spawn *spawn = spawn_new(&spec, err);
    if (!spawn) {
        return -1;
    }
    struct run_going going = {r, spawn};
    int rc = spawn_meet_hosts(spawn, err) < 0 ? -1 : run_everything(&going, out, err);
    spawn_free(spawn);
    return rc;
}

static int run_finish(struct run *r, int rc, const struct sched_result *cells, struct err *err) {
    CLEANUP_ERR struct err finish = ERR_INIT;
    const char *outcome = rc < 0 || cells->interrupted ? "interrupted" : "finished";
    if (journal_finish(r->journal, outcome, &finish) < 0 && rc == 0) {
        err_move(err, &finish);
        return -1;
    }
    return rc;
}

int run_execute(struct run *r, struct run_result *out, struct err *err) {
    run_choose_hosts(r);
    out->id = str_dup(r->id);
    out->dir = str_dup(r->dir);
    if (r->o->started) {
        r->o->started(r->o->ctx, r->id, r->dir, r->plan, r->past.done);
    }
    int rc = run_cells(r, &out->cells, err);
    rc = run_finish(r, rc, &out->cells, err);
    sweep_lab(r->o->lab_dir, r->o->log, NULL);
    if (rc == 0 && !out->cells.interrupted) {
        states_remove(r->o->lab_dir, r->id, r->o->log);
    }
    return rc;
}

void run_clear(struct run *r) {
    journal_close(r->journal);
    for (size_t i = 0; r->images && i < r->model->image_count; i++) {
        image_free(r->images[i]);
    }
    free(r->images);
    past_clear(&r->past);
    hosts_clear(&r->hosts);
    plan_free(r->own_plan);
    model_free(r->own_model);
    journal_run_clear(&r->record);
    free(r->program);
    free(r->id);
    free(r->dir);
    if (r->states_lock >= 0) {
        close(r->states_lock);
    }
    if (r->lock >= 0) {
        close(r->lock);
    }
}

int run_make_ready(struct run *r, struct err *err) {
    struct sweep_counts swept = {0};
    struct states_counts states = {0};
    if (sweep_all(r->o->lab_dir, r->o->runs_dir, r->o->log, &swept, err) < 0 ||
        states_sweep(r->o->lab_dir, false, r->o->log, &states, err) < 0) {
        return -1;
    }
    if (run_load_images(r, err) < 0 || run_probe(r, err) < 0 || run_find_program(r, err) < 0) {
        return -1;
    }
    for (size_t i = 0; !r->o->no_sharing && i < r->model->image_count; i++) {
        machine_check_ready(r->images[i], r->kvm, r->o->log);
    }
    return 0;
}

int run_start(const struct run_opts *opts, struct run_result *out, struct err *err) {
    struct run r = {.o = opts, .model = opts->model, .plan = opts->plan, .lock = -1,
                    .states_lock = -1};
    *out = (struct run_result){0};
    int rc = run_make_ready(&r, err) < 0 || run_make_folder(&r, err) < 0 ||
                     states_claim(opts->lab_dir, r.id, r.dir, &r.states_lock, err) < 0
                 ? -1
                 : run_execute(&r, out, err);
    run_clear(&r);
    return rc;
}

void run_result_clear(struct run_result *r) {
    free(r->id);
    free(r->dir);
    *r = (struct run_result){0};
}
