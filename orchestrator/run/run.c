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
#include "images/image.h"
#include "journal/journal.h"
#include "run/host.h"
#include "run/spawn.h"
#include "run/sweep.h"
#include "vm/probe.h"

enum { RUN_JOBS = 2 };

struct run {
    const struct run_opts *o;
    struct image **images; /* one for each of model->images */
    bool kvm;
    char *id, *dir, *program;
    char started[32];
    int lock; /* on the run's folder */
    struct journal *journal;
};

/* ---- before anything starts ---------------------------------------------------------------- */

static int run_load_images(struct run *r, struct err *err) {
    const struct model *m = r->o->model;
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

static json_t *run_manifests(const struct run *r) {
    json_t *all = json_object();
    for (size_t i = 0; i < r->o->model->image_count; i++) {
        json_object_set(all, r->o->model->images[i], r->images[i]->manifest);
    }
    return all;
}

static struct journal *run_make_journal(struct run *r, struct err *err) {
    struct journal_run record = {
        .id = r->id, .started = r->started, .version = str_dup(r->o->version),
        .host = host_describe(r->kvm), .matrix = r->o->model->source,
        .images = run_manifests(r), .plan = plan_to_json(r->o->plan),
    };
    struct journal *j = journal_create(r->dir, &record, err);
    free(record.version);
    free(record.host);
    json_decref(record.images);
    json_decref(record.plan);
    return j;
}

static int run_make_folder(struct run *r, struct err *err) {
    CLEANUP_FREE char *runs = fs_absolute(r->o->runs_dir);
    r->id = run_make_id(r->o->model);
    r->dir = fs_join(runs, r->id);
    clock_wall_iso(r->started);
    CLEANUP_FREE char *lock = fs_join(r->dir, SWEEP_RUN_LOCK);
    CLEANUP_FREE char *artifacts = fs_join(r->dir, "artifacts");
    if (fs_mkdirs(artifacts, err) < 0) {
        return -1;
    }
    r->lock = fs_lock(lock, err);
    if (r->lock < 0) {
        return r->lock == -2 ? err_set(err, ERR_BUG, "%s is somebody's already", r->dir) : -1;
    }
    r->journal = run_make_journal(r, err);
    return r->journal ? 0 : -1;
}

/* ---- running ------------------------------------------------------------------------------- */

static int64_t run_cell_memory(void *ctx, const struct plan_cell *cell) {
    const struct run *r = ctx;
    for (size_t i = 0; i < r->o->model->image_count; i++) {
        if (str_eq(r->o->model->images[i], cell->image)) {
            return json_integer_value(json_object_get(r->images[i]->profile, "memory_mib")) << 20;
        }
    }
    return 0;
}

static int run_cells(struct run *r, struct sched_result *out, struct err *err) {
    CLEANUP_FREE char *lab = fs_absolute(r->o->lab_dir);
    struct spawn_spec spec = {.program = r->program, .lab_dir = lab, .run_dir = r->dir,
                              .journal = r->journal, .log = r->o->log,
                              .cell_memory = run_cell_memory, .ctx = r};
    struct spawn *spawn = spawn_new(&spec, err);
    if (!spawn) {
        return -1;
    }
    struct sched_host host = {.name = "this host", .slots = r->o->jobs ? r->o->jobs : RUN_JOBS};
    struct sched_opts opts = {.plan = r->o->plan, .hosts = &host, .host_count = 1,
                              .clock = clock_monotonic(), .log = r->o->log, .ops = spawn_ops(),
                              .ops_ctx = spawn, .progress = r->o->progress};
    sched_limits_default(&opts.limits);
    int rc = sched_run(&opts, out, err);
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

static void run_clear(struct run *r) {
    journal_close(r->journal);
    if (r->lock >= 0) {
        close(r->lock);
    }
    for (size_t i = 0; r->images && i < r->o->model->image_count; i++) {
        image_free(r->images[i]);
    }
    free(r->images);
    free(r->program);
    free(r->id);
    free(r->dir);
}

static int run_prepare(struct run *r, struct err *err) {
    struct sweep_counts swept = {0};
    if (sweep_all(r->o->lab_dir, r->o->runs_dir, r->o->log, &swept, err) < 0) {
        return -1;
    }
    return run_load_images(r, err) < 0 || run_probe(r, err) < 0 ||
                   run_find_program(r, err) < 0 || run_make_folder(r, err) < 0
               ? -1
               : 0;
}

int run_start(const struct run_opts *opts, struct run_result *out, struct err *err) {
    struct run r = {.o = opts, .lock = -1};
    *out = (struct run_result){0};
    int rc = run_prepare(&r, err);
    if (rc == 0) {
        out->id = str_dup(r.id);
        out->dir = str_dup(r.dir);
        if (opts->started) {
            opts->started(opts->ctx, r.id, r.dir);
        }
        rc = run_cells(&r, &out->cells, err);
        rc = run_finish(&r, rc, &out->cells, err);
        sweep_lab(opts->lab_dir, opts->log, NULL);
    }
    run_clear(&r);
    return rc;
}

void run_result_clear(struct run_result *r) {
    free(r->id);
    free(r->dir);
    *r = (struct run_result){0};
}
