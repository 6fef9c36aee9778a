/* Recipes of Windows images: read, checked against their schema and for what a schema cannot say. */
#include "images/windows.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "images/windows_impl.h"
#include "model/schemas.h"

/* What goes with a version: folder of the virtio drivers, and the builds it can have. */
static const struct windows_version { const char *version, *drivers; int builds[2]; } versions[] = {
    {"10-22h2", "w10", {19041, 19045}},     {"11-23h2", "w11", {22621, 22631}},
    {"11-24h2", "w11", {26100, 26100}},     {"11-25h2", "w11", {26100, 26200}},
    {"server-2016", "2k16", {14393, 14393}}, {"server-2019", "2k19", {17763, 17763}},
    {"server-2022", "2k22", {20348, 20348}}, {"server-2025", "2k25", {26100, 26100}},
};

static const struct windows_version *windows_version(const char *name) {
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        if (str_eq(versions[i].version, name)) {
            return &versions[i];
        }
    }
    return NULL;
}

static const char *windows_text(const json_t *j, const char *key, const char *otherwise) {
    const char *text = json_string_value(json_object_get(j, key));
    return text ? text : otherwise;
}

static void windows_take_key(struct windows_recipe *r) {
    r->key = windows_text(r->json, "key", "none");
    if (str_eq(r->key, "none")) {
        r->key_kind = WINDOWS_KEY_NONE;
        r->key = NULL;
    } else if (str_eq(r->key, "kms-client")) {
        r->key_kind = WINDOWS_KEY_KMS;
        r->key = windows_kms_key(r->version, r->edition);
    } else {
        r->key_kind = WINDOWS_KEY_OWN;
    }
}

static struct windows_recipe *windows_build(const char *path, json_t *root) {
    struct windows_recipe *r = mem_zalloc(1, sizeof(*r));
    const json_t *disk = json_object_get(root, "disk_gib");
    *r = (struct windows_recipe){
        .path = fs_absolute(path),
        .json = json_incref(root),
        .name = windows_text(root, "name", ""),
        .title = windows_text(root, "title", ""),
        .version = windows_text(root, "version", ""),
        .edition = windows_text(root, "edition", ""),
        .installation = windows_text(root, "installation", ""),
        .image_name = windows_text(root, "image_name", ""),
        .arch = MEDIA_AMD64,
        .languages = json_object_get(root, "languages"),
        .builds = json_object_get(root, "builds"),
        .profiles = json_object_get(root, "profiles"),
        .profile = json_string_value(json_array_get(json_object_get(root, "profiles"), 0)),
        .bypass = json_object_get(root, "bypass_requirements"),
        .account = windows_text(root, "account", "lab"),
        .defender_passive = str_eq(windows_text(root, "defender", "active"), "passive"),
        .test_signing = json_is_true(json_object_get(root, "test_signing")),
        .virtio_always = str_eq(windows_text(root, "virtio", ""), "always"),
        .openssh = !json_is_false(json_object_get(root, "openssh")),
        .openssh_sha256 = json_string_value(json_object_get(root, "openssh_sha256")),
        .recovery = json_is_true(json_object_get(root, "recovery")),
        .disk_gib = disk ? (int)json_integer_value(disk) : 64,
    };
    r->server = strncmp(r->version, "server-", 7) == 0;
    r->evaluation = str_ends_with(r->edition, "Eval");
    const struct windows_version *v = windows_version(r->version);
    r->driver_system = v ? v->drivers : "";
    windows_take_key(r);
    return r;
}

/* ---- what a schema cannot say --------------------------------------------------------------------------- */

static void windows_check_edition(const struct windows_recipe *r, const struct json_doc *doc, struct diags *diags) {
    bool server_edition = strncmp(r->edition, "Server", 6) == 0;
    if (server_edition != r->server) {
        json_doc_complain(doc, "/edition", 0, diags, "wrong-edition", NULL, "there is no edition %s of Windows %s",
                          r->edition, r->version);
    }
    if (str_eq(r->installation, "Client") == r->server) {
        json_doc_complain(doc, "/installation", 0, diags, "wrong-edition", "Server or Server Core for servers",
                          "Windows %s is not installed as '%s'", r->version, r->installation);
    }
}

static void windows_check_key(const struct windows_recipe *r, const struct json_doc *doc, struct diags *diags) {
    if (r->evaluation && r->key_kind != WINDOWS_KEY_NONE) {
        json_doc_complain(doc, "/key", 0, diags, "evaluation-key", "\"key\": \"none\"",
                          "edition %s is an evaluation: it takes no product key", r->edition);
    } else if (!r->evaluation && r->key_kind == WINDOWS_KEY_NONE) {
        json_doc_complain(doc, "/key", 0, diags, "no-key", "\"kms-client\", or a key of your own",
                          "edition %s is no evaluation: without a key Setup stops and asks for one", r->edition);
    } else if (r->key_kind == WINDOWS_KEY_KMS && !r->key) {
        json_doc_complain(doc, "/key", 0, diags, "no-key", "give a key of your own",
                          "for edition %s of Windows %s no KMS client setup key is known here", r->edition, r->version);
    }
}

static void windows_check_builds(const struct windows_recipe *r, const struct json_doc *doc, struct diags *diags) {
    const struct windows_version *v = windows_version(r->version);
    for (size_t i = 0; v && i < json_array_size(r->builds); i++) {
        const json_t *b = json_array_get(r->builds, i);
        int build = (int)json_integer_value(json_object_get(b, "build"));
        CLEANUP_FREE char *pointer = str_printf("/builds/%zu/build", i);
        if (build < v->builds[0] || build > v->builds[1]) {
            CLEANUP_FREE char *hint = str_printf("it has builds %d to %d", v->builds[0], v->builds[1]);
            json_doc_complain(doc, pointer, 0, diags, "wrong-build", hint, "build %d is not Windows %s", build,
                              r->version);
        }
        const json_t *max = json_object_get(b, "revision_max");
        if (max && json_integer_value(max) < json_integer_value(json_object_get(b, "revision_min"))) {
            json_doc_complain(doc, pointer, 0, diags, "wrong-build", NULL,
                              "no revision is at most %lld and at least %lld", (long long)json_integer_value(max),
                              (long long)json_integer_value(json_object_get(b, "revision_min")));
        }
    }
}

static void windows_check_bypass(const struct windows_recipe *r, const struct json_doc *doc, struct diags *diags) {
    for (size_t i = 0; i < json_array_size(r->bypass); i++) {
        bool listed = false;
        for (size_t k = 0; k < json_array_size(r->profiles); k++) {
            listed |= json_equal(json_array_get(r->bypass, i), json_array_get(r->profiles, k)) == 1;
        }
        if (!listed) {
            CLEANUP_FREE char *pointer = str_printf("/bypass_requirements/%zu", i);
            json_doc_complain(doc, pointer, 0, diags, "unknown-name", NULL, "profile '%s' is not among the profiles",
                              json_string_value(json_array_get(r->bypass, i)));
        }
    }
    if (json_array_size(r->bypass) > 0 && strncmp(r->version, "11-", 3) != 0) {
        json_doc_complain(doc, "/bypass_requirements", 1, diags, "no-effect", NULL,
                          "only Windows 11 has such requirements, this is %s", r->version);
    }
}

/* Windows makes these by itself, so Setup can make no account of that name. Microsoft, "Local accounts" (Windows
 * Server documentation, default local user accounts) and "Security identifiers" (well-known ones). */
static void windows_check_account(const struct windows_recipe *r, const struct json_doc *doc, struct diags *diags) {
    static const char *const taken[] = {
        "Administrator", "Guest", "DefaultAccount", "defaultuser0", "WDAGUtilityAccount", "HelpAssistant", "SYSTEM",
        "Everyone", "None", "Interactive", "Network", "Service", "Batch", "Dialup", "Proxy", "Self", "Anonymous",
        "Administrators", "Guests", "Users",
    };
    for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
        if (str_eq_nocase(r->account, taken[i])) {
            json_doc_complain(doc, "/account", 0, diags, "reserved-name", "another name, such as \"lab\"",
                              "Windows has a \"%s\" of its own", taken[i]);
        }
    }
    if (str_ends_with(r->account, ".")) {
        json_doc_complain(doc, "/account", 0, diags, "wrong-form", NULL, "no account's name can end in a dot");
    }
}

static struct windows_recipe *windows_checked(const char *path, const struct json_doc *doc, struct diags *diags) {
    struct windows_recipe *r = windows_build(path, json_doc_root(doc));
    windows_check_edition(r, doc, diags);
    windows_check_key(r, doc, diags);
    windows_check_builds(r, doc, diags);
    windows_check_bypass(r, doc, diags);
    windows_check_account(r, doc, diags);
    return r;
}

/* ---- loading ------------------------------------------------------------------------------------------------ */

struct windows_recipe *windows_recipe_load(const char *path, struct diags *diags) {
    size_t before = diags->count;
    struct json_doc *doc = schemas_load(SCHEMA_WINDOWS, path, diags);
    struct windows_recipe *r = doc ? windows_checked(path, doc, diags) : NULL;
    json_doc_free(doc);
    if (diags->count > before) {
        windows_recipe_free(r);
        return NULL;
    }
    return r;
}

void windows_recipe_free(struct windows_recipe *r) {
    if (r) {
        free(r->path);
        json_decref(r->json);
        free(r);
    }
}
