/* Does this ISO, this machine, this CD of drivers fit the recipe? What is refused says what was asked for, what was
 * found, and what would fit. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "images/image.h"
#include "images/windows.h"

enum { FIT_LISTED = 12, FIT_LANGUAGES = 8 /* of one image */, FIT_SUGGESTED = 4 };

/* ---- one image of the medium -------------------------------------------------------------------- */

static bool fit_build(const struct windows_recipe *r, const struct media_edition *e) {
    for (size_t i = 0; i < json_array_size(r->builds); i++) {
        const json_t *b = json_array_get(r->builds, i), *max = json_object_get(b, "revision_max");
        if (json_integer_value(json_object_get(b, "build")) == e->build &&
            json_integer_value(json_object_get(b, "revision_min")) <= e->revision &&
            (!max || json_integer_value(max) >= e->revision)) {
            return true;
        }
    }
    return false;
}

static bool fit_language(const struct media_edition *e, const char *language) {
    bool has = str_eq_nocase(e->language, language);
    for (size_t i = 0; e->languages[i]; i++) {
        has |= str_eq_nocase(e->languages[i], language);
    }
    return has;
}

/* What is looked at one after the other; the first that no image passes is the reason. */
enum fit_step { FIT_ARCH, FIT_EDITION, FIT_INSTALLATION, FIT_LANGUAGE, FIT_BUILD, FIT_STEP_COUNT };

static bool fit_passes(const struct windows_recipe *r, const struct media_edition *e, const char *language,
                       enum fit_step step) {
    switch (step) {
    case FIT_ARCH: return e->arch == r->arch;
    case FIT_EDITION: return str_eq_nocase(e->edition_id, r->edition);
    case FIT_INSTALLATION: return str_eq_nocase(e->installation, r->installation);
    case FIT_LANGUAGE: return fit_language(e, language);
    case FIT_BUILD: return fit_build(r, e);
    case FIT_STEP_COUNT: break;
    }
    return false;
}

/* The first image that passes all steps; else NULL and the step none passed. */
static const struct media_edition *fit_find(const struct windows_recipe *r, const struct media *m, const char *language,
                                            enum fit_step *failed) {
    *failed = FIT_ARCH;
    for (size_t i = 0; i < m->edition_count; i++) {
        enum fit_step step = FIT_ARCH;
        while (step < FIT_STEP_COUNT && fit_passes(r, &m->editions[i], language, step)) {
            step = (enum fit_step)(step + 1);
        }
        if (step == FIT_STEP_COUNT) {
            return &m->editions[i];
        }
        *failed = step > *failed ? step : *failed;
    }
    return NULL;
}

/* ---- words -------------------------------------------------------------------------------------- */

static void fit_say_builds(const struct windows_recipe *r, struct str *out) {
    for (size_t i = 0; i < json_array_size(r->builds); i++) {
        const json_t *b = json_array_get(r->builds, i), *max = json_object_get(b, "revision_max");
        long long min = json_integer_value(json_object_get(b, "revision_min"));
        str_addf(out, "%s%lld", i ? " or " : "", (long long)json_integer_value(json_object_get(b, "build")));
        if (min > 0) {
            str_addf(out, ".%lld and later", min);
        }
        if (max) {
            str_addf(out, " up to .%lld", (long long)json_integer_value(max));
        }
    }
}

static void fit_say_asked(const struct windows_recipe *r, const char *language, enum fit_step failed, struct str *out) {
    switch (failed) {
    case FIT_ARCH: str_addf(out, "for %s", media_arch_name(r->arch)); break;
    case FIT_EDITION: str_addf(out, "of edition %s", r->edition); break;
    case FIT_INSTALLATION: str_addf(out, "of edition %s as %s", r->edition, r->installation); break;
    case FIT_LANGUAGE: str_addf(out, "of edition %s in language %s", r->edition, language); break;
    case FIT_BUILD:
    case FIT_STEP_COUNT:
        str_addf(out, "of edition %s with build ", r->edition);
        fit_say_builds(r, out);
        break;
    }
}

static void fit_say_found(const struct media *m, struct str *out) {
    for (size_t i = 0; i < m->edition_count && i < FIT_LISTED; i++) {
        const struct media_edition *e = &m->editions[i];
        str_addf(out, "%s%d '%s' (%s, %s, %s, %d.%d", i ? "; " : "", e->index, e->name,
                 *e->edition_id ? e->edition_id : "no edition", *e->installation ? e->installation : "no type",
                 media_arch_name(e->arch), e->build, e->revision);
        for (size_t k = 0; k < FIT_LANGUAGES && e->languages[k]; k++) {
            str_addf(out, ", %s", e->languages[k]);
        }
        str_add(out, e->evaluation ? ", evaluation)" : ")");
    }
    if (m->edition_count > FIT_LISTED) {
        str_addf(out, "; and %zu more", m->edition_count - FIT_LISTED);
    }
}

/* ---- what would fit ----------------------------------------------------------------------------- */

struct fit_search {
    const char *dir;
    const struct media *m;
    struct str *out;
    int found;
};

static int fit_try_recipe(const char *name, void *ctx) {
    struct fit_search *s = ctx;
    if (!str_ends_with(name, ".json") || s->found >= FIT_SUGGESTED) {
        return 0;
    }
    CLEANUP_FREE char *path = fs_join(s->dir, name);
    struct diags diags = DIAGS_INIT;
    CLEANUP(windows_recipe_free_ptr) struct windows_recipe *r =
        image_recipe_is(path, WINDOWS_FORMAT) ? windows_recipe_load(path, &diags) : NULL;
    diags_free(&diags);
    for (size_t i = 0; r && i < json_array_size(r->languages); i++) {
        const char *language = json_string_value(json_array_get(r->languages, i));
        enum fit_step failed;
        if (fit_find(r, s->m, language, &failed)) {
            str_addf(s->out, "%s%s", s->found ? ", " : "; it would fit: ", r->name);
            if (i > 0) {
                str_addf(s->out, " --language %s", language);
            }
            s->found++;
            break;
        }
    }
    return 0;
}

static void fit_suggest(const struct windows_recipe *r, const struct media *m, struct str *out) {
    CLEANUP_FREE char *dir = fs_dirname(r->path);
    struct fit_search s = {dir, m, out, 0};
    fs_each(dir, fit_try_recipe, &s, NULL);
    if (!s.found) {
        str_addf(out, "; no recipe in %s fits this ISO", dir);
    }
}

/* ---- the medium --------------------------------------------------------------------------------- */

static int fit_is_windows(const struct windows_recipe *r, const struct media *m, struct err *err) {
    if (m->kind != MEDIA_WINDOWS) {
        return err_set(err, ERR_INPUT, "%s is %s; recipe '%s' needs the ISO of %s", m->path, m->what, r->name,
                       r->title);
    }
    if (m->trouble) {
        return err_set(err, ERR_INPUT, "%s%s%s: %s", m->path, m->image_path ? ": " : "",
                       m->image_path ? m->image_path : "", m->trouble);
    }
    return 0;
}

static const struct media_edition *fit_refuse(const struct windows_recipe *r, const struct media *m,
                                              const char *language, enum fit_step failed, struct err *err) {
    CLEANUP_STR struct str text = STR_INIT;
    str_addf(&text, "%s does not fit recipe '%s': it holds no image ", m->path, r->name);
    fit_say_asked(r, language, failed, &text);
    str_add(&text, "; found: ");
    fit_say_found(m, &text);
    for (size_t i = 0; i < m->edition_count; i++) {
        CLEANUP_FREE char *eval = str_printf("%sEval", r->edition);
        if (r->key_kind != WINDOWS_KEY_NONE && str_eq_nocase(m->editions[i].edition_id, eval)) {
            str_addf(&text, "; evaluation media take no product key, and the recipe has one");
            break;
        }
    }
    fit_suggest(r, m, &text);
    err_set(err, ERR_INPUT, "%s", str_get(&text));
    return NULL;
}

bool windows_recipe_has_language(const struct windows_recipe *r, const char *language, struct err *err) {
    CLEANUP_STR struct str known = STR_INIT;
    for (size_t i = 0; i < json_array_size(r->languages); i++) {
        const char *l = json_string_value(json_array_get(r->languages, i));
        if (str_eq_nocase(l, language)) {
            return true;
        }
        str_addf(&known, "%s%s", i ? ", " : "", l);
    }
    err_set(err, ERR_INPUT, "recipe '%s' does not have language '%s'; it has %s", r->name, language, str_get(&known));
    return false;
}

const struct media_edition *windows_recipe_fit(const struct windows_recipe *r, const struct media *m,
                                               const char *language, struct err *err) {
    const char *asked = language ? language : json_string_value(json_array_get(r->languages, 0));
    if (!windows_recipe_has_language(r, asked, err) || fit_is_windows(r, m, err) < 0) {
        return NULL;
    }
    enum fit_step failed;
    const struct media_edition *e = fit_find(r, m, asked, &failed);
    return e ? e : fit_refuse(r, m, asked, failed, err);
}

/* ---- the machine -------------------------------------------------------------------------------- */

static const char *fit_hardware(const struct image_profile *p, const char *key, const char *otherwise) {
    const char *text = json_string_value(json_object_get(p->hardware, key));
    return text ? text : otherwise;
}

static bool fit_lists(const json_t *names, const char *name) {
    for (size_t i = 0; i < json_array_size(names); i++) {
        if (str_eq(json_string_value(json_array_get(names, i)), name)) {
            return true;
        }
    }
    return false;
}

int windows_recipe_fit_profile(const struct windows_recipe *r, const struct image_profile *p, struct err *err) {
    bool secure = str_eq(fit_hardware(p, "firmware", "bios"), "uefi-secure");
    bool tpm = str_eq(fit_hardware(p, "tpm", "none"), "2.0");
    if (!fit_lists(r->profiles, p->name)) {
        return err_set(err, ERR_INPUT, "recipe '%s' does not name profile '%s' among its profiles", r->name, p->name);
    }
    if (r->test_signing && secure) {
        return err_set(err, ERR_INPUT,
                       "recipe '%s' wants test-signing, which Windows refuses with Secure Boot: profile '%s' has it",
                       r->name, p->name);
    }
    if (strncmp(r->version, "11-", 3) == 0 && (!secure || !tpm) && !fit_lists(r->bypass, p->name)) {
        return err_set(err, ERR_INPUT,
                       "Windows 11 asks for UEFI with Secure Boot and a TPM 2.0; profile '%s' has %s. Setup's checks "
                       "are switched off only where the recipe says so (bypass_requirements)",
                       p->name, !secure && !tpm ? "neither" : secure ? "no TPM" : "no Secure Boot");
    }
    return 0;
}

/* ---- drivers ------------------------------------------------------------------------------------ */

int windows_recipe_fit_virtio(const struct windows_recipe *r, const struct image_profile *p,
                              const struct media *virtio, bool *needed, struct err *err) {
    bool disk = str_eq(fit_hardware(p, "disk", "virtio"), "virtio");
    bool net = str_eq(fit_hardware(p, "net", "virtio"), "virtio");
    *needed = disk || net || r->virtio_always;
    if (!*needed) {
        return 0;
    }
    if (!virtio) {
        return err_set(err, ERR_INPUT, "%s '%s' %s virtio drivers, which Windows' own medium does not have: name their "
                       "ISO (--virtio)", disk || net ? "profile" : "recipe", disk || net ? p->name : r->name,
                       disk || net ? "needs" : "wants");
    }
    if (virtio->kind != MEDIA_VIRTIO) {
        return err_set(err, ERR_INPUT, "%s is %s; the ISO of the virtio drivers for Windows is needed", virtio->path,
                       virtio->what);
    }
    const struct { const char *driver; bool wanted; } drivers[] = {{"viostor", disk}, {"NetKVM", net}};
    for (size_t i = 0; i < ARRAY_LEN(drivers); i++) {
        if (drivers[i].wanted && !media_has_driver(virtio, drivers[i].driver, r->driver_system, r->arch)) {
            return err_set(err, ERR_INPUT, "%s (%s) has no %s for %s (%s/%s/%s): a newer one is needed", virtio->path,
                           virtio->label, drivers[i].driver, r->title, drivers[i].driver, r->driver_system,
                           media_arch_name(r->arch));
        }
    }
    return 0;
}

/* ---- OpenSSH ------------------------------------------------------------------------------------ */

enum openssh_kind windows_recipe_fit_openssh(const struct windows_recipe *r, const char *path, struct err *err) {
    char hex[FS_SHA256_HEX];
    if (!r->openssh) {
        err_set(err, ERR_INPUT, "recipe '%s' wants no OpenSSH (\"openssh\": false), and a package of it was named",
                r->name);
        return OPENSSH_NONE;
    }
    enum openssh_kind kind = openssh_look(path, r->arch, err);
    if (kind == OPENSSH_NONE || !r->openssh_sha256) {
        return kind;
    }
    if (fs_sha256_file(path, hex, err) < 0) {
        return OPENSSH_NONE;
    }
    if (!str_eq(hex, r->openssh_sha256)) {
        err_set(err, ERR_INPUT, "%s has SHA-256 %s, recipe '%s' names %s", path, hex, r->name, r->openssh_sha256);
        return OPENSSH_NONE;
    }
    return kind;
}
