#include "run/ready.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "run/states.h"
#include "vm/vm.h"

#define READY_DIGESTS "SHA256SUMS" /* as of sha256sum(1) */
enum { READY_DIGESTS_MAX = 4096 };

/* ---- finding -------------------------------------------------------------------------------- */

struct ready_search {
    const struct image *image;
    bool kvm;
    const char *hardware, *digest;
    char *found;
};

static int ready_look(const char *name, void *ctx) {
    struct ready_search *s = ctx;
    struct state_note note;
    if (s->found || !image_is_ready_folder(name) || states_read(s->image->dir, name, &note, NULL) < 0) {
        return 0;
    }
    CLEANUP_FREE char *digests = str_printf("%s/%s/" READY_DIGESTS, s->image->dir, name);
    if (note.memory && fs_exists(digests) && note.kvm == s->kvm && str_eq(note.hardware, s->hardware) &&
        str_eq(note.image, s->digest)) {
        s->found = str_dup(name);
    }
    state_note_clear(&note);
    return 0;
}

char *ready_find(const struct image *image, bool kvm, const char *hardware) {
    char digest[65];
    state_image_digest(image->manifest, digest);
    struct ready_search s = {image, kvm, hardware, digest, NULL};
    fs_each(image->dir, ready_look, &s, NULL);
    return s.found;
}

/* Text of its digests, caller frees; NULL with err. */
static char *ready_digests(const struct image *image, const char *name, struct err *err) {
    static const char *const files[] = {VM_STATE_MEMORY, VM_STATE_DISK, VM_STATE_NVRAM};
    CLEANUP_STR struct str text = STR_INIT;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        CLEANUP_FREE char *path = str_printf("%s/%s/%s", image->dir, name, files[i]);
        if (str_eq(files[i], VM_STATE_NVRAM) && !fs_exists(path)) {
            continue; /* a machine without UEFI */
        }
        char hex[FS_SHA256_HEX];
        if (fs_sha256_file(path, hex, err) < 0) {
            return NULL;
        }
        str_addf(&text, "%s  %s\n", hex, files[i]);
    }
    return str_take(&text);
}

int ready_finish(const struct image *image, const char *name, struct err *err) {
    CLEANUP_FREE char *text = ready_digests(image, name, err);
    CLEANUP_FREE char *path = str_printf("%s/%s/" READY_DIGESTS, image->dir, name);
    return text ? fs_write_atomic(path, text, strlen(text), 0644, err) : -1;
}

int ready_verify(const struct image *image, const char *name, struct err *err) {
    CLEANUP_FREE char *path = str_printf("%s/%s/" READY_DIGESTS, image->dir, name);
    CLEANUP_FREE char *were = fs_read(path, READY_DIGESTS_MAX, NULL, err);
    CLEANUP_FREE char *are = were ? ready_digests(image, name, err) : NULL;
    if (are && !str_eq(were, are)) {
        err_set(err, ERR_INPUT, "%s/%s: a file has not the digest it was kept with", image->dir, name);
    }
    return are && str_eq(were, are) ? 0 : -1;
}

void ready_distrust(const struct image *image, const char *name, struct log *log) {
    log_warn(log, "image %s: its state at ready, %s, is of no use and is not gone on from any more; "
                  "'coexist image ready %s' makes another", image->name, name, image->name);
    states_drop(image->dir, name, false, log);
}

/* ---- those of no use ------------------------------------------------------------------------ */

static int ready_count_folder(const char *name, void *ctx) {
    *(int *)ctx += !str_eq(name, "lock");
    return 0;
}

static int ready_count(const char *lab_dir, const char *folder) {
    CLEANUP_FREE char *dir = fs_join(lab_dir, folder);
    int count = 0;
    return fs_exists(dir) && fs_each(dir, ready_count_folder, &count, NULL) < 0 ? INT32_MAX : count;
}

/* Runs have folders in both for as long as they may go on; work/ has that of whoever makes this one, too. */
static bool ready_none_stands(const char *lab_dir) {
    return ready_count(lab_dir, "states") == 0 && ready_count(lab_dir, "work") <= 1;
}

static bool ready_stays(const char *name, void *ctx) {
    return !image_is_ready_folder(name) || str_eq(name, ctx);
}

int ready_tidy(const char *lab_dir, const struct image *image, const char *name, struct err *err) {
    /* The cast only drops const. */
    return ready_none_stands(lab_dir) ? states_tidy(image->dir, ready_stays, (char *)name, err) : 0;
}

/* Without its digests it is none yet, and without its owner never will be. */
static bool ready_is_whole(const char *name, void *ctx) {
    CLEANUP_FREE char *digests = str_printf("%s/%s/" READY_DIGESTS, (const char *)ctx, name);
    return !image_is_ready_folder(name) || fs_exists(digests);
}

struct ready_sweep {
    const char *lab_dir;
    struct err *err;
};

static int ready_sweep_image(const char *name, const struct image *image, const char *why, void *ctx) {
    const struct ready_sweep *s = ctx;
    CLEANUP_FREE char *path = image_lock_path(s->lab_dir, name);
    CLEANUP_FD int lock = image ? fs_lock(path, NULL) : -1;
    (void)why; /* a broken image is for others to tell of */
    return lock < 0 ? 0 : states_tidy(image->dir, ready_is_whole, image->dir, s->err);
}

int ready_sweep(const char *lab_dir, struct err *err) {
    struct ready_sweep s = {lab_dir, err};
    return image_each(lab_dir, ready_sweep_image, &s, err);
}
