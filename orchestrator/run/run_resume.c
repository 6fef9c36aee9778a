/* Taking up an interrupted run: everything is looked at before anything is changed. */
#include <ctype.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "run/run_state.h"
#include "run/states.h"
#include "run/sweep.h"

/* A sweep of another command holds a run's lock for moments. */
#define RESUME_LOCK_WAIT (2 * CLOCK_S)

/* ---- which run ------------------------------------------------------------------------------ */

static int resume_find(struct run *r, const char *run, struct err *err) {
    CLEANUP_FREE char *named = fs_join(r->o->runs_dir, run);
    CLEANUP_FREE char *journal = fs_join(named, "journal.sqlite");
    CLEANUP_FREE char *other = fs_join(run, "journal.sqlite");
    bool by_id = fs_exists(journal);
    if (!*run || (!by_id && !fs_exists(other))) {
        return err_set(err, ERR_INPUT, "there is no run '%s' in %s", run, r->o->runs_dir);
    }
    r->dir = fs_absolute(by_id ? named : run);
    size_t len = strlen(r->dir);
    while (len > 1 && r->dir[len - 1] == '/') {
        r->dir[--len] = '\0';
    }
    return 0;
}

static int resume_lock(struct run *r, const char *run, struct err *err) {
    CLEANUP_FREE char *path = fs_join(r->dir, SWEEP_RUN_LOCK);
    struct clock *clock = clock_monotonic();
    int64_t deadline = clock_after(clock, RESUME_LOCK_WAIT);
    while ((r->lock = fs_lock(path, err)) == -2) {
        if (clock_now(clock) >= deadline) {
            return err_set(err, ERR_INPUT, "run '%s' is still running", run);
        }
        clock->wait_until(clock, clock_after(clock, CLOCK_S / 20));
    }
    return r->lock < 0 ? -1 : 0;
}

/* ---- its journal ---------------------------------------------------------------------------- */

static int resume_open_journal(struct run *r, struct err *err) {
    r->journal = journal_open(r->dir, 0, err);
    if (!r->journal || journal_check(r->journal, err) < 0) {
        /* SQLite says "not a database", "malformed": to the user it is the file that is wrong. */
        if (err->cls == ERR_SYSTEM) {
            err->cls = ERR_INPUT;
        }
        return -1;
    }
    if (journal_read_run(r->journal, &r->record, err) < 0) {
        return -1;
    }
    if (journal_format(r->journal) != JOURNAL_FORMAT) {
        return err_set(err, ERR_INPUT,
                       "its journal has format %d, written by coexist %s: it can be reported, going on "
                       "needs format %d", journal_format(r->journal), r->record.version,
                       JOURNAL_FORMAT);
    }
    r->id = str_dup(r->record.id);
    return 0;
}

/* The same input always gives the same plan; another version of the program may plan otherwise. */
static int resume_make_plan(struct run *r, struct err *err) {
    struct diags diags = DIAGS_INIT;
    r->own_model = model_from_source(r->record.matrix, &diags);
    r->own_plan = r->own_model ? plan_build_kept(r->own_model, r->record.plan, &diags) : NULL;
    if (!r->own_plan) {
        err_set(err, ERR_INPUT, "the matrix in its journal is not understood: %s",
                diags.count ? diags.items[0].message : "no reason given");
    }
    diags_free(&diags);
    if (!r->own_plan) {
        return -1;
    }
    r->model = r->own_model;
    r->plan = r->own_plan;
    json_t *now = plan_to_json(r->own_plan);
    bool same = json_equal(now, r->record.plan);
    json_decref(now);
    return same ? 0
                : err_set(err, ERR_INPUT, "coexist %s, which began it, planned it otherwise than this one",
                          r->record.version);
}

/* ---- what it was made of -------------------------------------------------------------------- */

struct resume_files {
    struct log *log;
    int changed;
};

static void resume_check_file(struct resume_files *f, const char *file, const char *wanted) {
    CLEANUP_ERR struct err err = ERR_INIT;
    char hex[FS_SHA256_HEX];
    if (fs_sha256_file(file, hex, &err) < 0) {
        log_error(f->log, "%s", err_text(&err));
        f->changed++;
    } else if (!str_eq_nocase(hex, wanted)) {
        log_error(f->log, "%s: SHA-256 is %s, the run began with %s", file, hex, wanted);
        f->changed++;
    }
}

/* Every "file" beside a "sha256" below value; the journal has them with absolute paths. */
static void resume_check_files(struct resume_files *f, json_t *value) {
    size_t i;
    json_t *item;
    const char *key;
    json_array_foreach(value, i, item) {
        resume_check_files(f, item);
    }
    json_object_foreach(value, key, item) {
        resume_check_files(f, item);
    }
    const char *file = json_string_value(json_object_get(value, "file"));
    const char *wanted = json_string_value(json_object_get(value, "sha256"));
    if (file && wanted) {
        resume_check_file(f, file, wanted);
    }
}

static int resume_check_input(struct run *r, struct err *err) {
    struct resume_files f = {r->o->log, 0};
    resume_check_files(&f, json_object_get(r->record.matrix, "products"));
    resume_check_files(&f, json_object_get(r->record.matrix, "updates"));
    return f.changed ? err_set(err, ERR_INPUT,
                               "%d of the files it tests changed since it began: begin a new run",
                               f.changed)
                     : 0;
}

static int resume_check_images(struct run *r, struct err *err) {
    json_t *now = run_manifests(r);
    bool same = json_equal(now, r->record.images);
    json_decref(now);
    return same ? 0
                : err_set(err, ERR_INPUT, "an image is not the one it began with: begin a new run");
}

/* ---- going on ------------------------------------------------------------------------------- */

static int resume_read_past(struct run *r, struct err *err) {
    struct sched_limits limits;
    sched_limits_default(&limits);
    CLEANUP_FREE char *states = states_folder(r->o->lab_dir, r->id);
    struct past_spec spec = {.journal = r->journal, .plan = r->plan, .states = states,
                             .images = r->record.images, .kvm = r->kvm,
                             .attempts_max = limits.attempts, .confirm = run_confirm(r)};
    if (past_read(&spec, &r->past, err) < 0) {
        return -1;
    }
    return states_tidy(states, past_keeps, &r->past, err);
}

/* Its workers die by themselves when their orchestrator does, which takes them a moment. */
static int resume_take_over(struct run *r, struct err *err) {
    return sweep_wait_for_run(r->o->lab_dir, r->id, r->o->log, err) < 0 ||
                   states_claim(r->o->lab_dir, r->id, r->dir, &r->states_lock, err) < 0 ||
                   resume_read_past(r, err) < 0
               ? -1
               : journal_resume(r->journal, err);
}

static int resume_prepare(struct run *r, const char *run, bool *finished, struct err *err) {
    if (resume_find(r, run, err) < 0 || resume_lock(r, run, err) < 0 ||
        resume_open_journal(r, err) < 0) {
        return -1;
    }
    *finished = str_eq(r->record.outcome, "finished") && !r->o->minimize_given;
    if (*finished) {
        return 0;
    }
    return resume_make_plan(r, err) < 0 || resume_check_input(r, err) < 0 ||
                   run_make_ready(r, err) < 0 || resume_check_images(r, err) < 0
               ? -1
               : resume_take_over(r, err);
}

int run_resume(const struct run_opts *opts, const char *run, struct run_result *out, struct err *err) {
    struct run r = {.o = opts, .lock = -1, .states_lock = -1};
    *out = (struct run_result){0};
    int rc = resume_prepare(&r, run, &out->was_finished, err);
    if (rc == 0 && out->was_finished) {
        out->id = str_dup(r.id);
        out->dir = str_dup(r.dir);
    } else if (rc == 0) {
        rc = run_execute(&r, out, err);
    } else {
        err_prefix(err, "run '%s' cannot be resumed", run);
    }
    run_clear(&r);
    return rc;
}
