#include "run/states.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "vm/vm.h"

#define STATE_FORMAT "coexist-state/1"
#define STATE_FILE "state.json"
enum { STATE_FILE_MAX = 1 << 20 };

void state_note_clear(struct state_note *n) {
    free(n->cell);
    free(n->base);
    free(n->image);
    free(n->hardware);
    *n = (struct state_note){0};
}

void state_image_digest(const json_t *manifest, char hex[65]) {
    CLEANUP_FREE char *text = manifest ? json_dumps(manifest, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    fs_sha256_bytes(text ? text : "", text ? strlen(text) : 0, hex);
}

char *states_folder(const char *lab_dir, const char *run_id) {
    CLEANUP_FREE char *lab = fs_absolute(lab_dir);
    return str_printf("%s/states/%s", lab, run_id);
}

/* ---- walking a state's files --------------------------------------------------------------- */

struct state_walk {
    const char *dir;    /* folder being looked at */
    const char *prefix; /* its name within the state, "" or "tpm/" */
    json_t *files;      /* name -> bytes */
    int64_t bytes;      /* on the disk: sparse files take less than their size */
    bool sync;
};

static int state_visit_file(struct state_walk *w, const char *path, const char *name,
                            const struct stat *st, struct err *err) {
    CLEANUP_FREE char *full = str_printf("%s%s", w->prefix, name);
    w->bytes += (int64_t)st->st_blocks * 512;
    json_object_set_new(w->files, full, json_integer((json_int_t)st->st_size));
    if (!w->sync) {
        return 0;
    }
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 || fsync(fd) < 0 ? err_sys(err, errno, "bring %s to the disk", path) : 0;
}

struct state_visit {
    struct state_walk *walk;
    struct err *err;
};

static int state_walk_dir(struct state_walk *w, struct err *err);

static int state_visit(const char *name, void *ctx) {
    struct state_visit *v = ctx;
    CLEANUP_FREE char *path = fs_join(v->walk->dir, name);
    struct stat st;
    if (lstat(path, &st) < 0) {
        return err_sys(v->err, errno, "%s", path);
    }
    if (S_ISREG(st.st_mode)) {
        bool note = !*v->walk->prefix && str_eq(name, STATE_FILE);
        return note ? 0 : state_visit_file(v->walk, path, name, &st, v->err);
    }
    if (!S_ISDIR(st.st_mode)) {
        return 0;
    }
    CLEANUP_FREE char *prefix = str_printf("%s%s/", v->walk->prefix, name);
    struct state_walk inner = {path, prefix, v->walk->files, 0, v->walk->sync};
    int rc = state_walk_dir(&inner, v->err);
    v->walk->bytes += inner.bytes;
    return rc;
}

static int state_walk_dir(struct state_walk *w, struct err *err) {
    struct state_visit v = {w, err};
    if (fs_each(w->dir, state_visit, &v, err) < 0) {
        return -1;
    }
    CLEANUP_FD int fd = w->sync ? open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    return fd >= 0 && fsync(fd) < 0 ? err_sys(err, errno, "bring %s to the disk", w->dir) : 0;
}

/* ---- making -------------------------------------------------------------------------------- */

static int states_refuse_existing(const char *dir, struct err *err) {
    CLEANUP_FREE char *note = fs_join(dir, STATE_FILE);
    return fs_exists(note) ? err_set(err, ERR_BUG, "%s is a state already", dir) : 0;
}

char *states_begin(const char *folder, const char *name, struct err *err) {
    CLEANUP_FREE char *dir = fs_join(folder, name);
    if (states_refuse_existing(dir, err) < 0 || fs_remove_tree(dir, err) < 0 ||
        fs_mkdirs(dir, err) < 0) {
        return NULL;
    }
    return STEAL(dir);
}

int states_finish(const char *folder, const char *name, const struct state_note *note, int64_t *bytes,
                  struct err *err) {
    CLEANUP_FREE char *dir = fs_join(folder, name);
    CLEANUP_FREE char *path = fs_join(dir, STATE_FILE);
    struct state_walk w = {.dir = dir, .prefix = "", .files = json_object(), .sync = true};
    if (state_walk_dir(&w, err) < 0) {
        json_decref(w.files);
        return -1;
    }
    json_t *j = json_pack("{s:s, s:s, s:i, s:I, s:I, s:I, s:s?, s:s, s:b, s:s?, s:o}", "format",
                          STATE_FORMAT, "cell", note->cell, "attempt", note->attempt, "steps",
                          (json_int_t)note->steps, "at_ms", (json_int_t)note->at_ms,
                          "stood_ms", (json_int_t)note->stood_ms, "base", note->base, "image",
                          note->image, "kvm", note->kvm, "hardware", note->hardware, "files", w.files);
    CLEANUP_FREE char *text = j ? json_dumps(j, JSON_INDENT(1)) : NULL;
    json_decref(j);
    if (!text) {
        return err_set(err, ERR_BUG, "%s: its note is not JSON", dir);
    }
    *bytes = w.bytes;
    return fs_write_atomic(path, text, strlen(text), 0644, err);
}

/* ---- reading ------------------------------------------------------------------------------- */

static int state_unpack(const json_t *j, struct state_note *out, json_t **files, struct err *err) {
    const char *format, *cell, *image;
    json_int_t attempt, steps, at_ms, stood_ms = 0;
    int kvm;
    json_error_t je;
    if (json_unpack_ex((json_t *)j, &je, 0, "{s:s, s:s, s:I, s:I, s:I, s?I, s:s, s:b, s:o}",
                       "format", &format, "cell", &cell, "attempt", &attempt, "steps", &steps, "at_ms", &at_ms,
                       "stood_ms", &stood_ms, "image", &image, "kvm", &kvm, "files", files) < 0) {
        return err_set(err, ERR_INPUT, "%s", je.text);
    }
    if (!str_eq(format, STATE_FORMAT) || attempt < 1 || attempt > 1000 || steps < 1 ||
        steps > 100000 || at_ms < 0 || stood_ms < 0 || !json_is_object(*files)) {
        return err_set(err, ERR_INPUT, "not of the format " STATE_FORMAT);
    }
    *out = (struct state_note){.cell = str_dup(cell), .attempt = (int)attempt, .steps = (size_t)steps,
                               .at_ms = at_ms, .stood_ms = stood_ms, .image = str_dup(image), .kvm = kvm,
                               .base = str_dup(json_string_value(json_object_get(j, "base"))),
                               .hardware = str_dup(json_string_value(json_object_get(j, "hardware")))};
    return 0;
}

/* Every file as large as it was; only the memory may have been dropped since. */
static int state_check_files(const char *dir, const json_t *wanted, struct state_note *out,
                             struct err *err) {
    struct state_walk w = {.dir = dir, .prefix = "", .files = json_object()};
    int rc = state_walk_dir(&w, err);
    out->memory = json_object_get(w.files, VM_STATE_MEMORY) != NULL;
    out->bytes = w.bytes;
    const char *name;
    json_t *size;
    json_object_foreach((json_t *)wanted, name, size) {
        const json_t *found = json_object_get(w.files, name);
        bool gone = !found && str_eq(name, VM_STATE_MEMORY);
        if (rc == 0 && !gone && !json_equal(size, found)) {
            rc = err_set(err, ERR_INPUT, "%s is not as it was saved", name);
        }
    }
    if (rc == 0 && !json_object_get(w.files, VM_STATE_DISK)) {
        rc = err_set(err, ERR_INPUT, "it has no disk");
    }
    json_decref(w.files);
    return rc;
}

int states_read(const char *folder, const char *name, struct state_note *out, struct err *err) {
    CLEANUP_FREE char *dir = fs_join(folder, name);
    CLEANUP_FREE char *path = fs_join(dir, STATE_FILE);
    *out = (struct state_note){0};
    size_t len = 0;
    CLEANUP_FREE char *text = fs_exists(path) ? fs_read(path, STATE_FILE_MAX, &len, err) : NULL;
    json_t *j = text ? json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    json_t *files = NULL;
    int rc = j ? state_unpack(j, out, &files, err)
               : err_set(err, ERR_INPUT, "there is no whole " STATE_FILE);
    if (rc == 0) {
        rc = state_check_files(dir, files, out, err);
    }
    json_decref(j);
    if (rc < 0) {
        state_note_clear(out);
        err_prefix(err, "state %s", dir);
    }
    return rc;
}

/* ---- dropping ------------------------------------------------------------------------------ */

static int64_t state_dir_bytes(const char *dir) {
    struct state_walk w = {.dir = dir, .prefix = "", .files = json_object()};
    int rc = state_walk_dir(&w, NULL);
    json_decref(w.files);
    return rc < 0 ? 0 : w.bytes;
}

int64_t states_bytes(const char *folder, const char *name) {
    CLEANUP_FREE char *dir = fs_join(folder, name);
    return fs_exists(dir) ? state_dir_bytes(dir) : 0;
}

int64_t states_drop(const char *folder, const char *name, bool all, struct log *log) {
    CLEANUP_FREE char *dir = fs_join(folder, name);
    CLEANUP_FREE char *note = fs_join(dir, STATE_FILE);
    CLEANUP_FREE char *memory = fs_join(dir, VM_STATE_MEMORY);
    CLEANUP_ERR struct err err = ERR_INIT;
    /* The note first: half a state must not look like a whole one. */
    if (all && (unlink(note) == 0 || errno == ENOENT) && fs_remove_tree(dir, &err) == 0) {
        return 0;
    }
    if (!all && unlink(memory) < 0 && errno != ENOENT) {
        err_sys(&err, errno, "remove %s", memory);
    }
    if (err_is_set(&err)) {
        log_warn(log, "state %s: %s", name, err_text(&err));
    }
    return states_bytes(folder, name);
}

struct states_tidy {
    const char *folder;
    bool (*keep)(const char *name, void *ctx);
    void *ctx;
    struct err *err;
};

static int states_tidy_one(const char *name, void *ctx) {
    struct states_tidy *t = ctx;
    CLEANUP_FREE char *dir = fs_join(t->folder, name);
    struct stat st;
    if (lstat(dir, &st) < 0 || !S_ISDIR(st.st_mode) || t->keep(name, t->ctx)) {
        return 0;
    }
    return fs_remove_tree(dir, t->err);
}

int states_tidy(const char *folder, bool (*keep)(const char *name, void *ctx), void *ctx,
                struct err *err) {
    struct states_tidy t = {folder, keep, ctx, err};
    return fs_exists(folder) ? fs_each(folder, states_tidy_one, &t, err) : 0;
}
