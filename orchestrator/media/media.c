#include "media/media.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fence.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/texts.h"
#include "media/media_impl.h"

static const char *const kind_names[] = {
    [MEDIA_WINDOWS] = "windows-setup", [MEDIA_VIRTIO] = "virtio-drivers", [MEDIA_REACTOS] = "reactos",
    [MEDIA_OTHER] = "other",           [MEDIA_NO_ISO] = "not-an-iso",
};
static_assert(ARRAY_LEN(kind_names) == MEDIA_KIND_COUNT, "a name for every kind");

const char *media_kind_name(enum media_kind k) {
    return kind_names[k];
}

static const char *const arch_names[] = {
    [MEDIA_ARCH_OTHER] = "other", [MEDIA_X86] = "x86",     [MEDIA_AMD64] = "amd64",
    [MEDIA_ARM] = "arm",          [MEDIA_ARM64] = "arm64",
};
static_assert(ARRAY_LEN(arch_names) == MEDIA_ARCH_COUNT, "a name for every architecture");

const char *media_arch_name(enum media_arch a) {
    return arch_names[a];
}

static const char *const image_kind_names[] = {
    [MEDIA_IMAGE_NONE] = "none", [MEDIA_IMAGE_WIM] = "wim", [MEDIA_IMAGE_ESD] = "esd", [MEDIA_IMAGE_SWM] = "swm",
};
static_assert(ARRAY_LEN(image_kind_names) == MEDIA_IMAGE_KIND_COUNT, "a name for every kind of image");

const char *media_image_kind_name(enum media_image_kind k) {
    return image_kind_names[k];
}

static void media_edition_clear(struct media_edition *e) {
    free(e->name);
    free(e->display_name);
    free(e->description);
    free(e->edition_id);
    free(e->installation);
    free(e->language);
    texts_free_array(e->languages);
}

void media_clear(struct media *m) {
    free(m->path);
    free(m->what);
    free(m->label);
    for (size_t i = 0; i < m->boot_count; i++) {
        free(m->boots[i].path);
    }
    free(m->boots);
    free(m->image_path);
    free(m->trouble);
    for (size_t i = 0; i < m->edition_count; i++) {
        media_edition_clear(&m->editions[i]);
    }
    free(m->editions);
    texts_free_array(m->drivers);
    *m = (struct media){0};
}

void media_free(struct media *m) {
    if (m) {
        media_clear(m);
        free(m);
    }
}

bool media_has_driver(const struct media *m, const char *driver, const char *system, enum media_arch arch) {
    CLEANUP_FREE char *wanted = str_printf("%s/%s/%s", driver, system, media_arch_name(arch));
    for (size_t i = 0; m->drivers[i]; i++) {
        if (strcasecmp(m->drivers[i], wanted) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- the fence ------------------------------------------------------------------------------------ */

struct media_ask { const char *path, *scratch; };

static int media_look_fenced(void *ctx, struct str *out, struct err *err) {
    const struct media_ask *ask = ctx;
    struct media m = {0};
    setenv("TMPDIR", ask->scratch, 1);
    int rc = media_look(ask->path, &m, err);
    if (rc == 0) {
        json_t *j = media_to_json(&m);
        char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
        rc = text ? 0 : err_set(err, ERR_PROTOCOL, "its names are no text");
        str_add(out, text ? text : "");
        free(text);
        json_decref(j);
    }
    media_clear(&m);
    return rc;
}

/* The child's temporary files lie in a folder of the parent's, who removes it however the child ended. */
static int media_look_scratch(const char *path, struct str *out, struct err *err) {
    static const struct fence_limits limits = {
        .timeout_ns = MEDIA_TIME, .memory_bytes = MEDIA_MEMORY, .max_output = 8 << 20};
    const char *tmp = getenv("TMPDIR");
    CLEANUP_FREE char *scratch = str_printf("%s/coexist-media-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(scratch)) {
        return err_sys(err, errno, "make %s", scratch);
    }
    struct media_ask ask = {path, scratch};
    int rc = fence_run(media_look_fenced, &ask, &limits, out, err);
    return fs_remove_tree(scratch, rc < 0 ? NULL : err) < 0 ? -1 : rc;
}

struct media *media_inspect(const char *path, struct err *err) {
    CLEANUP_STR struct str out = STR_INIT;
    if (media_look_scratch(path, &out, err) < 0) {
        err_prefix(err, "%s", path);
        return NULL;
    }
    json_t *j = json_loadb(str_get(&out), out.len, 0, NULL);
    struct media *m = media_from_json(j, err);
    json_decref(j);
    if (!m) {
        err_prefix(err, "%s", path);
    }
    return m;
}
