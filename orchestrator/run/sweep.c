#include "run/sweep.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "journal/journal.h"
#include "vm/libvirt.h"

#define SWEEP_LOCK_WAIT (30 * CLOCK_S)
#define SWEEP_LOCK_POLL (20 * CLOCK_MS)

int sweep_lock_folder(const char *work, struct err *err) {
    CLEANUP_FREE char *path = fs_join(work, "lock");
    struct clock *clock = clock_monotonic();
    int64_t deadline = clock_after(clock, SWEEP_LOCK_WAIT);
    for (;;) {
        int fd = fs_lock(path, err);
        if (fd != -2) {
            return fd;
        }
        if (clock_now(clock) >= deadline) {
            return err_set(err, ERR_TIMEOUT, "waited %d s for the lock %s",
                           (int)(SWEEP_LOCK_WAIT / CLOCK_S), path);
        }
        clock->wait_until(clock, clock_after(clock, SWEEP_LOCK_POLL));
    }
}

/* The lab's work folder without links or detours: a VM remembers the path of its folder, and the same
 * lab may be named in another way next time. NULL with err. */
static char *sweep_work_path(const char *lab_dir, struct err *err) {
    CLEANUP_FREE char *work = fs_join(lab_dir, "work");
    char *real = realpath(work, NULL);
    if (!real) {
        err_sys(err, errno, "find %s", work);
    }
    return real;
}

char *sweep_claim(const char *lab_dir, const char *run, const char *name, int *lock,
                  struct err *err) {
    if (strchr(name, '.')) {
        err_set(err, ERR_BUG, "work folder %s: its machines on other hosts would be taken for somebody else's", name);
        return NULL;
    }
    CLEANUP_FREE char *named = fs_join(lab_dir, "work");
    CLEANUP_FREE char *work = fs_mkdirs(named, err) == 0 ? sweep_work_path(lab_dir, err) : NULL;
    if (!work) {
        return NULL;
    }
    CLEANUP_FREE char *dir = str_printf("%s/%s/%s", work, run, name);
    CLEANUP_FREE char *owner = fs_join(dir, "owner");
    CLEANUP_FD int all = sweep_lock_folder(work, err);
    if (all < 0 || fs_mkdirs(dir, err) < 0) {
        return NULL;
    }
    *lock = fs_lock(owner, err);
    if (*lock == -2) {
        err_set(err, ERR_BUG, "%s already has an owner", dir);
    }
    return *lock < 0 ? NULL : STEAL(dir);
}

struct sweep {
    const char *dir; /* the folder whose entries are looked at */
    struct log *log;
    int swept;
    struct err first; /* first thing that went wrong */
};

static bool sweep_is_dir(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void sweep_keep_error(struct sweep *s, struct err *err) {
    log_warn(s->log, "sweep: %s", err_text(err));
    if (!err_is_set(&s->first)) {
        err_move(&s->first, err);
    }
}

static int sweep_one(const char *name, void *ctx) {
    struct sweep *s = ctx;
    CLEANUP_FREE char *dir = fs_join(s->dir, name);
    CLEANUP_FREE char *owner = fs_join(dir, "owner");
    CLEANUP_FREE char *vm = fs_join(dir, SWEEP_VM_DIR);
    CLEANUP_ERR struct err err = ERR_INIT;
    if (!sweep_is_dir(dir)) {
        return 0;
    }
    CLEANUP_FD int lock = fs_lock(owner, &err);
    if (lock == -2) {
        return 0; /* its owner lives */
    }
    if (lock < 0 && !sweep_is_dir(dir)) {
        return 0; /* its owner took it away this moment */
    }
    if (lock < 0 || vm_libvirt_sweep(vm, &err) < 0 || fs_remove_tree(dir, &err) < 0) {
        sweep_keep_error(s, &err);
        return 0;
    }
    log_info(s->log, "removed what a dead worker left in %s", dir);
    s->swept++;
    return 0;
}

static int sweep_run_dir(const char *name, void *ctx) {
    struct sweep *s = ctx;
    CLEANUP_FREE char *dir = fs_join(s->dir, name);
    CLEANUP_ERR struct err err = ERR_INIT;
    if (!sweep_is_dir(dir)) {
        return 0;
    }
    struct sweep inner = {.dir = dir, .log = s->log, .first = ERR_INIT};
    if (fs_each(dir, sweep_one, &inner, &err) < 0 && sweep_is_dir(dir)) {
        sweep_keep_error(s, &err);
    }
    rmdir(dir); /* only when nothing lives in it any more */
    s->swept += inner.swept;
    if (err_is_set(&inner.first) && !err_is_set(&s->first)) {
        err_move(&s->first, &inner.first);
    }
    err_clear(&inner.first);
    return 0;
}

int sweep_lab(const char *lab_dir, struct log *log, struct err *err) {
    CLEANUP_FREE char *named = fs_join(lab_dir, "work");
    if (!fs_exists(named)) {
        return 0;
    }
    CLEANUP_FREE char *work = sweep_work_path(lab_dir, err);
    if (!work) {
        return -1;
    }
    CLEANUP_FD int all = sweep_lock_folder(work, err);
    if (all < 0) {
        return -1;
    }
    struct sweep s = {.dir = work, .log = log, .first = ERR_INIT};
    if (fs_each(work, sweep_run_dir, &s, err) < 0) {
        return -1;
    }
    if (err_is_set(&s.first)) {
        err_move(err, &s.first);
        err_clear(&s.first);
        return -1;
    }
    return s.swept;
}

/* ---- runs ---------------------------------------------------------------------------------- */

static bool sweep_run_is_open(const char *dir) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct journal *j = journal_open(dir, 1, &err);
    struct journal_run run;
    bool open = false;
    if (j && journal_read_run(j, &run, &err) == 0) {
        open = run.outcome == NULL;
        journal_run_clear(&run);
    }
    journal_close(j);
    return open;
}

static int sweep_run_mark(const char *name, void *ctx) {
    struct sweep *s = ctx;
    CLEANUP_FREE char *dir = fs_join(s->dir, name);
    CLEANUP_FREE char *path = fs_join(dir, SWEEP_RUN_LOCK);
    CLEANUP_ERR struct err err = ERR_INIT;
    /* No lock file: not a run of ours, or one from elsewhere: not ours to change. */
    if (!sweep_is_dir(dir) || access(path, W_OK) < 0) {
        return 0;
    }
    CLEANUP_FD int lock = fs_lock(path, &err);
    if (lock >= 0 && strncmp(name, SWEEP_RUN_PART, strlen(SWEEP_RUN_PART)) == 0) {
        if (fs_remove_tree(dir, &err) < 0) {
            sweep_keep_error(s, &err);
        }
        return 0; /* killed before it was a run */
    }
    if (lock < 0 || !sweep_run_is_open(dir)) {
        return 0;
    }
    struct journal *j = journal_open(dir, 0, &err);
    if (!j || journal_finish(j, "interrupted", &err) < 0) {
        sweep_keep_error(s, &err);
    } else {
        s->swept++;
        log_info(s->log, "run %s was left by its orchestrator: marked as interrupted", name);
    }
    journal_close(j);
    return 0;
}

int sweep_runs(const char *runs_dir, struct log *log, struct err *err) {
    if (!fs_exists(runs_dir)) {
        return 0;
    }
    struct sweep s = {.dir = runs_dir, .log = log, .first = ERR_INIT};
    if (fs_each(runs_dir, sweep_run_mark, &s, err) < 0) {
        return -1;
    }
    if (err_is_set(&s.first)) {
        err_move(err, &s.first);
        err_clear(&s.first);
        return -1;
    }
    return s.swept;
}

/* ---- everything ----------------------------------------------------------------------------- */

#define SWEEP_WAIT_NS (30 * CLOCK_S)

static int sweep_find_dir(const char *name, void *ctx) {
    CLEANUP_FREE char *path = fs_join(ctx, name);
    return sweep_is_dir(path) ? 1 : 0;
}

static bool sweep_work_is_empty(const char *lab_dir) {
    CLEANUP_FREE char *work = fs_join(lab_dir, "work");
    return !fs_exists(work) || fs_each(work, sweep_find_dir, work, NULL) == 0;
}

int sweep_wait_for_run(const char *lab_dir, const char *run_id, struct log *log, struct err *err) {
    CLEANUP_FREE char *dir = str_printf("%s/work/%s", lab_dir, run_id);
    struct clock *clock = clock_monotonic();
    int64_t deadline = clock_after(clock, SWEEP_WAIT_NS);
    for (;;) {
        if (sweep_lab(lab_dir, log, err) < 0) {
            return -1;
        }
        if (!fs_exists(dir)) {
            return 0;
        }
        if (clock_now(clock) >= deadline) {
            return err_set(err, ERR_TIMEOUT, "a worker of run %s still lives: see %s", run_id, dir);
        }
        clock->wait_until(clock, clock_after(clock, CLOCK_S / 4));
    }
}

int sweep_all(const char *lab_dir, const char *runs_dir, struct log *log, struct sweep_counts *out,
              struct err *err) {
    struct clock *clock = clock_monotonic();
    int64_t deadline = clock_after(clock, SWEEP_WAIT_NS);
    out->runs = sweep_runs(runs_dir, log, err);
    int folders = out->runs < 0 ? -1 : sweep_lab(lab_dir, log, err);
    out->folders = folders;
    while (out->runs > 0 && folders >= 0 && !sweep_work_is_empty(lab_dir) &&
           clock_now(clock) < deadline) {
        clock->wait_until(clock, clock_after(clock, CLOCK_S / 4));
        folders = sweep_lab(lab_dir, log, err);
        out->folders += folders;
    }
    return folders < 0 ? -1 : 0;
}
