/* Whose states they are, and when they go. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "journal/journal.h"
#include "run/states.h"
#include "run/sweep.h"

#define STATES_OWNER "owner"
enum { STATES_OWNER_MAX = 65536 };

/* The lock is taken on the file that is then written to: not fs_write_atomic, which would put another in its
 * place. */
static int states_write_owner(int lock, const char *path, const char *run_dir, struct err *err) {
    CLEANUP_FREE char *full = fs_absolute(run_dir);
    size_t len = strlen(full);
    if (ftruncate(lock, 0) < 0 || pwrite(lock, full, len, 0) != (ssize_t)len) {
        return err_sys(err, errno, "write %s", path);
    }
    return 0;
}

int states_claim(const char *lab_dir, const char *run_id, const char *run_dir, int *lock,
                 struct err *err) {
    CLEANUP_FREE char *states = fs_join(lab_dir, "states");
    CLEANUP_FREE char *dir = states_folder(lab_dir, run_id);
    CLEANUP_FREE char *owner = fs_join(dir, STATES_OWNER);
    if (fs_mkdirs(states, err) < 0) {
        return -1;
    }
    CLEANUP_FD int all = sweep_lock_folder(states, err);
    if (all < 0 || fs_mkdirs(dir, err) < 0) {
        return -1;
    }
    CLEANUP_FD int fd = fs_lock(owner, err);
    if (fd == -2) {
        return err_set(err, ERR_INPUT, "the states in %s are in use by another process", dir);
    }
    if (fd < 0 || states_write_owner(fd, owner, run_dir, err) < 0) {
        return -1;
    }
    *lock = STEAL_FD(fd);
    return 0;
}

static bool states_keep_none(const char *name, void *ctx) {
    (void)name;
    (void)ctx;
    return false;
}

/* Folders first, the owner's file last: what is left after a kill is found again. */
static int states_remove_folder(const char *dir, struct err *err) {
    return states_tidy(dir, states_keep_none, NULL, err) < 0 ? -1 : fs_remove_tree(dir, err);
}

void states_remove(const char *lab_dir, const char *run_id, struct log *log) {
    CLEANUP_FREE char *dir = states_folder(lab_dir, run_id);
    CLEANUP_ERR struct err err = ERR_INIT;
    if (states_remove_folder(dir, &err) < 0) {
        log_warn(log, "states of run %s: %s", run_id, err_text(&err));
    }
}

/* ---- the sweep ------------------------------------------------------------------------------ */

struct states_sweep {
    const char *lab_dir;
    const char *folder; /* lab/states */
    bool all;
    struct log *log;
    struct states_counts *out;
    struct err first; /* first thing that went wrong */
};

/* Interrupted, or left open by a killed orchestrator, in a format that is gone on with. */
static bool states_can_resume(const char *dir) {
    CLEANUP_FREE char *owner = fs_join(dir, STATES_OWNER);
    CLEANUP_FREE char *run_dir = fs_read(owner, STATES_OWNER_MAX, NULL, NULL);
    struct journal *j = run_dir && *run_dir ? journal_open(run_dir, 1, NULL) : NULL;
    struct journal_run run;
    bool can = false;
    if (j && journal_format(j) == JOURNAL_FORMAT && journal_read_run(j, &run, NULL) == 0) {
        can = !str_eq(run.outcome, "finished") && str_eq(run.id, fs_basename(dir));
        journal_run_clear(&run);
    }
    journal_close(j);
    return can;
}

struct states_look { /* at the states of one run */
    const char *dir;
    int whole;
    int64_t bytes;
};

static bool states_keep_whole(const char *name, void *ctx) {
    struct states_look *l = ctx;
    struct state_note note;
    if (states_read(l->dir, name, &note, NULL) < 0) {
        return false;
    }
    l->whole++;
    l->bytes += note.bytes;
    state_note_clear(&note);
    return true;
}

static int states_sweep_run(struct states_sweep *s, const char *run_id, const char *dir,
                            struct err *err) {
    CLEANUP_FREE char *work = str_printf("%s/work/%s", s->lab_dir, run_id);
    struct states_look look = {.dir = dir};
    bool workers = fs_exists(work);
    bool keep = !s->all && states_can_resume(dir);
    if (workers) {
        return 0; /* dying workers may still be at it: the next sweep */
    }
    if (keep && states_tidy(dir, states_keep_whole, &look, err) < 0) {
        return -1;
    }
    if (look.whole > 0) {
        s->out->kept++;
        s->out->kept_bytes += look.bytes;
        return 0;
    }
    if (states_remove_folder(dir, err) < 0) {
        return -1;
    }
    log_info(s->log, "removed the states of run %s", run_id);
    s->out->removed++;
    return 0;
}

static int states_sweep_one(const char *name, void *ctx) {
    struct states_sweep *s = ctx;
    CLEANUP_FREE char *dir = fs_join(s->folder, name);
    CLEANUP_FREE char *owner = fs_join(dir, STATES_OWNER);
    CLEANUP_ERR struct err err = ERR_INIT;
    struct stat st;
    if (lstat(dir, &st) < 0 || !S_ISDIR(st.st_mode)) {
        return 0;
    }
    CLEANUP_FD int lock = fs_lock(owner, &err);
    if (lock == -2) {
        return 0; /* its orchestrator lives */
    }
    if (lock < 0 && !fs_exists(dir)) {
        return 0; /* taken away this moment by whom it belonged to */
    }
    if (lock < 0 || states_sweep_run(s, name, dir, &err) < 0) {
        log_warn(s->log, "sweep: %s", err_text(&err));
        if (!err_is_set(&s->first)) {
            err_move(&s->first, &err);
        }
    }
    return 0;
}

int states_sweep(const char *lab_dir, bool all, struct log *log, struct states_counts *out,
                 struct err *err) {
    CLEANUP_FREE char *folder = fs_join(lab_dir, "states");
    *out = (struct states_counts){0};
    if (!fs_exists(folder)) {
        return 0;
    }
    CLEANUP_FD int lock = sweep_lock_folder(folder, err);
    struct states_sweep s = {lab_dir, folder, all, log, out, ERR_INIT};
    if (lock < 0 || fs_each(folder, states_sweep_one, &s, err) < 0) {
        return -1;
    }
    if (err_is_set(&s.first)) {
        err_move(err, &s.first);
        return -1;
    }
    return 0;
}
