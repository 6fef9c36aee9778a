#include "install/source.h"

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "images/image.h"
#include "images/keys.h"
#include "media/reactos.h"
#include "vm/domain_profile.h"

#define SOURCE_PORT "COM2"

/* ---- loading --------------------------------------------------------------------------------- */

static void source_take(struct install_source *s, const char *name, const char *title, const json_t *json,
                        int disk_gib) {
    s->name = name;
    s->title = title;
    s->json = json;
    s->disk_gib = disk_gib;
}

/* Each: where the profile lies; NULL with complaints. */
static char *source_load_windows(struct install_source *s, const struct install_make *spec, struct diags *diags) {
    struct windows_recipe *r = s->windows = windows_recipe_load(spec->recipe, diags);
    if (!r) {
        return NULL;
    }
    source_take(s, r->name, r->title, r->json, r->disk_gib);
    return image_profile_path(r->path, spec->profile ? spec->profile : r->profile);
}

static char *source_load_reactos(struct install_source *s, const struct install_make *spec, struct diags *diags) {
    struct reactos_recipe *r = s->reactos = reactos_recipe_load(spec->recipe, diags);
    if (!r) {
        return NULL;
    }
    source_take(s, r->name, r->title, r->json, r->disk_gib);
    s->language = "";
    return image_profile_path(r->path, spec->profile ? spec->profile : r->profile);
}

/* Whether there can be such a machine on any host; this one is asked when the machine is made. */
static bool source_machine_can_be(const struct image_profile *p, struct diags *diags) {
    struct domain_profile machine;
    CLEANUP_ERR struct err why = ERR_INIT;
    if (domain_profile_read(p->hardware, true, &machine, &why) == 0) {
        return true;
    }
    struct json_doc *doc = json_doc_load(p->path, diags);
    if (doc) {
        json_doc_complain(doc, "/hardware", 1, diags, "impossible-machine", NULL, "%s", err_text(&why));
    }
    json_doc_free(doc);
    return false;
}

int install_source_load(struct install_source *s, const struct install_make *spec, struct diags *diags) {
    CLEANUP_FREE char *path = image_recipe_is(spec->recipe, REACTOS_FORMAT) ? source_load_reactos(s, spec, diags)
                                                                            : source_load_windows(s, spec, diags);
    s->profile = path ? image_profile_load(path, diags) : NULL;
    return s->profile && source_machine_can_be(s->profile, diags) ? 0 : -1;
}

void install_source_clear(struct install_source *s) {
    windows_recipe_free(s->windows);
    reactos_recipe_free(s->reactos);
    image_profile_free(s->profile);
    media_free(s->iso);
    media_free(s->virtio);
}

/* ---- looking --------------------------------------------------------------------------------- */

static int source_look_windows(struct install_source *s, const struct install_make *spec, struct err *err) {
    if (windows_recipe_fit_profile(s->windows, s->profile, err) < 0 || !(s->iso = media_inspect(spec->iso, err)) ||
        (spec->virtio && !(s->virtio = media_inspect(spec->virtio, err))) ||
        !(s->edition = windows_recipe_fit(s->windows, s->iso, spec->language, err))) {
        return -1;
    }
    if (spec->openssh &&
        (s->openssh = windows_recipe_fit_openssh(s->windows, spec->openssh, err)) == OPENSSH_NONE) {
        return -1;
    }
    s->language = spec->language ? spec->language : s->edition->language;
    return windows_recipe_fit_virtio(s->windows, s->profile, s->virtio, &s->drivers, err);
}

static bool source_profile_is(const struct image_profile *p, const char *member, const char *value) {
    return str_eq(json_string_value(json_object_get(p->hardware, member)), value);
}

/* Facts of a run: BIOS, an IDE disk and CD; it has no drivers for the rest. */
static int source_look_reactos(struct install_source *s, const struct install_make *spec, struct err *err) {
    if (spec->virtio || spec->language || spec->openssh) {
        return err_set(err, ERR_INPUT, "recipe '%s' takes neither virtio drivers nor a language nor OpenSSH", s->name);
    }
    if (!source_profile_is(s->profile, "firmware", "bios") || !source_profile_is(s->profile, "disk", "ide")) {
        return err_set(err, ERR_INPUT, "ReactOS is installed on a machine with BIOS and an IDE disk: profile '%s' has "
                                       "another", s->profile->name);
    }
    if (!(s->iso = media_inspect(spec->iso, err))) {
        return -1;
    }
    return s->iso->kind == MEDIA_REACTOS
               ? 0
               : err_set(err, ERR_INPUT, "%s is not ReactOS' boot CD: %s", spec->iso, s->iso->what);
}

int install_source_look(struct install_source *s, const struct install_make *spec, struct err *err) {
    return s->reactos ? source_look_reactos(s, spec, err) : source_look_windows(s, spec, err);
}

/* ---- the CDs --------------------------------------------------------------------------------- */

static int source_cd_windows(const struct install_source *s, const struct install_make *spec, const char *image,
                             const char *cd, struct err *err) {
    char *password = windows_password(spec->lab_dir, image, s->windows->account, err);
    if (!password) {
        return -1;
    }
    struct windows_plan plan = {.recipe = s->windows, .profile = s->profile, .edition = s->edition,
                                .language = s->language, .password = password, .drivers = s->drivers};
    CLEANUP_FREE char *keys = image_keys_dir(spec->lab_dir);
    CLEANUP_FREE char *key = fs_join(keys, IMAGE_CLIENT_KEY ".pub");
    struct windows_cd_files files = {.agent = spec->agent, .virtio_iso = s->drivers ? spec->virtio : NULL,
                                     .openssh = spec->openssh, .openssh_kind = s->openssh, .authorized_key = key};
    int rc = s->openssh ? image_keys_make(keys, err) : 0;
    rc = rc < 0 ? rc : windows_cd(&plan, &files, cd, err);
    windows_password_forget(&password);
    return rc;
}

int install_source_cd(const struct install_source *s, const struct install_make *spec, const char *image,
                      const char *cd, struct err *err) {
    if (!s->reactos) {
        return source_cd_windows(s, spec, image, cd, err);
    }
    struct reactos_spec reactos = {.agent = spec->agent, .agent_port = SOURCE_PORT,
                                   .computer = s->reactos->computer, .locale = s->reactos->locale};
    return reactos_cd(spec->iso, &reactos, cd, err);
}

size_t install_source_drives(const struct install_source *s, const struct install_make *spec, const char *cd,
                             const char **drives) {
    size_t n = 0;
    if (!s->reactos) {
        drives[n++] = spec->iso;
    }
    drives[n++] = cd;
    if (spec->virtio) {
        drives[n++] = spec->virtio;
    }
    return n;
}

/* ---- the manifest ---------------------------------------------------------------------------- */

json_t *install_source_installed(const struct install_source *s, const char *iso_sha256) {
    json_t *j = json_pack("{s:s, s:s, s:s}", "recipe", s->name, "profile", s->profile->name, "iso_sha256", iso_sha256);
    const struct media_edition *e = s->edition;
    if (e) {
        CLEANUP_FREE char *build = str_printf("%d.%d.%d.%d", e->major, e->minor, e->build, e->revision);
        json_object_set_new(j, "image", json_string(e->name));
        json_object_set_new(j, "edition", json_string(e->edition_id));
        json_object_set_new(j, "build", json_string(build));
        json_object_set_new(j, "language", json_string(s->language));
    }
    return j;
}

json_t *install_source_limits(const struct install_source *s, bool stand_in) {
    json_t *limits = s->reactos ? json_deep_copy(s->reactos->limits) : json_array();
    if (stand_in) {
        json_array_append_new(limits, json_string(
            "Installed from the rehearsal's CD: this guest is the stand-in, whatever Windows the medium says to hold. "
            "It proves the lab, not Windows."));
    }
    return limits;
}
