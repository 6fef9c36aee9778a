#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/nearest.h"
#include "base/str.h"
#include "model/check.h"
#include "model/guestpath.h"
#include "model/health_words.h"
#include "model/hostfile.h"

static const char check_installer_hint[] =
    "{installer} belongs to a product; an update's command has {files}, the folder of its files";

static void check_update_product(const struct input *in, const struct input_doc *d) {
    const char *kind = json_string_value(json_object_get(d->root, "kind"));
    const char *product = json_string_value(json_object_get(d->root, "product"));
    bool os = str_eq(kind, "os");
    bool absent = !json_object_get(d->root, "product");
    if (os && product) {
        json_doc_complain(d->doc, "/product", 1, in->diags, "impossible",
                          "remove \"product\", or correct \"kind\"",
                          "an update of kind \"os\" belongs to no product");
    } else if (kind && !os && absent) {
        json_doc_complain(d->doc, "", 0, in->diags, "missing-key",
                          "add \"product\": the id of the product it is for",
                          "an update of kind \"%s\" lacks the key \"product\"", kind);
    } else if (product && in->product_count > 0 && input_knows_all(in->products, in->product_count) &&
               !input_find(in->products, in->product_count, product)) {
        const char **ids = mem_zalloc(in->product_count, sizeof(*ids));
        for (size_t i = 0; i < in->product_count; i++) {
            ids[i] = in->products[i].id;
        }
        CLEANUP_FREE char *hint = nearest_hint(product, ids, in->product_count);
        json_doc_complain(d->doc, "/product", 0, in->diags, "unknown-name", hint,
                          "the matrix has no product \"%s\"", product);
        free(ids);
    }
}

/* Never NULL; "" when there is none. */
static const char *check_file_name(const json_t *file) {
    const char *name = json_string_value(json_object_get(file, "file"));
    return name ? fs_basename(name) : "";
}

/* Two files for one place: the second would silently replace the first. */
static void check_update_collision(const struct input *in, const struct input_doc *d,
                                   const json_t *files, size_t i) {
    const json_t *file = json_array_get(files, i);
    const char *target = json_string_value(json_object_get(file, "target"));
    for (size_t k = 0; k < i; k++) {
        const json_t *other = json_array_get(files, k);
        const char *its = json_string_value(json_object_get(other, "target"));
        bool same = target && its ? str_eq_nocase(target, its)
                                  : !target && !its && *check_file_name(file) &&
                                        str_eq_nocase(check_file_name(file), check_file_name(other));
        if (same) {
            CLEANUP_FREE char *at =
                str_printf("/files/%zu/%s", i, target ? "target" : "file");
            json_doc_complain(d->doc, at, 0, in->diags, "duplicate",
                              "Windows does not tell upper from lower case in names",
                              "two files of the update go to \"%s\"",
                              target ? target : check_file_name(file));
            return;
        }
    }
}

static void check_update_files(const struct input *in, const struct input_doc *d, bool placed) {
    const json_t *files = json_object_get(d->root, "files");
    for (size_t i = 0; i < json_array_size(files); i++) {
        const json_t *file = json_array_get(files, i);
        CLEANUP_FREE char *at = str_printf("/files/%zu", i);
        CLEANUP_FREE char *at_target = str_printf("%s/target", at);
        const char *target = json_string_value(json_object_get(file, "target"));
        if (!in->offline) {
            struct hostfile_at place = {d->doc, at, in->diags};
            size_t before = in->diags->count;
            hostfile_check(&place, file, d->dir, "update");
            if (!target && in->diags->count == before) {
                check_guest_name(in, d, at, file);
            }
        }
        if (target && *target) {
            check_guest_path(in, d, at_target, target);
        } else if (!placed && *check_file_name(file) && !json_object_get(file, "target")) {
            json_doc_complain(d->doc, at, 0, in->diags, "file-unused",
                              "give it a \"target\" path in the guest, or use {files} in the "
                              "command of \"apply\"",
                              "file \"%s\" has no target, and no apply command uses {files}",
                              check_file_name(file));
        }
        check_update_collision(in, d, files, i);
    }
}

/* "{files}\\NAME" in a command: NAME must be a file that goes there. */
static void check_update_reference(const struct input *in, const struct input_doc *d,
                                   const char *pointer, const char *begin) {
    size_t len = strcspn(begin, "\"\\/*?<>| ,;=");
    CLEANUP_FREE char *name = str_printf("%.*s", (int)len, begin);
    const json_t *files = json_object_get(d->root, "files");
    size_t n = json_array_size(files);
    const char **names = mem_zalloc(n, sizeof(*names));
    size_t count = 0;
    bool there = len == 0 || strchr("\\/*? ", begin[len]) != NULL; /* a folder or a pattern: not sure */
    there = there && begin[len] != '\0';
    for (size_t i = 0; i < n; i++) {
        const json_t *file = json_array_get(files, i);
        if (!json_object_get(file, "target")) {
            names[count++] = check_file_name(file);
            there |= str_eq_nocase(name, names[count - 1]);
        }
    }
    if (!there && len > 0 && count > 0) {
        CLEANUP_FREE char *hint = nearest_hint(name, names, count);
        json_doc_complain(d->doc, pointer, 0, in->diags, "unknown-name", hint,
                          "no file of the update that goes to {files} is named \"%s\"", name);
    }
    free(names);
}

static void check_update_references(const struct input *in, const struct input_doc *d,
                                    const char *key) {
    static const char mark[] = "{files}\\";
    const char *text = json_string_value(
        json_object_get(json_object_get(d->root, key), "command"));
    CLEANUP_FREE char *at = str_printf("/%s/command", key);
    for (const char *p = text; p && (p = strstr(p, mark)) != NULL; p++) {
        check_update_reference(in, d, at, p + strlen(mark));
    }
}

static void check_update_apply(const struct input *in, const struct input_doc *d) {
    const json_t *apply = json_object_get(d->root, "apply");
    const json_t *files = json_object_get(d->root, "files");
    bool uses = check_uses(apply, "{files}");
    check_command(in, d, "/apply", apply, "files", check_installer_hint);
    check_command(in, d, "/rollback", json_object_get(d->root, "rollback"), "files",
                  check_installer_hint);
    check_update_references(in, d, "apply");
    check_update_references(in, d, "rollback");
    if (!apply && (!files || (json_is_array(files) && json_array_size(files) == 0))) {
        json_doc_complain(d->doc, "", 0, in->diags, "no-effect",
                          "add \"files\", or an \"apply\" command",
                          "the update has neither files nor an apply command");
    }
    if (uses) {
        bool loose = false; /* a file without target, which is what {files} holds */
        for (size_t i = 0; i < json_array_size(files); i++) {
            loose |= !json_object_get(json_array_get(files, i), "target");
        }
        if (!loose) {
            json_doc_complain(d->doc, "/apply/command", 0, in->diags, "no-files",
                              "list a file without \"target\" under \"files\"; with a target it goes "
                              "there instead",
                              "the apply command uses {files}, and no file goes there");
        }
    }
    check_update_files(in, d, uses);
}

/* Nobody tells upper from lower case; of versions, "2.0" may be "2.0.0.0". */
static bool check_may_both_be(const char *key, const char *a, const char *b) {
    const char *longer = strlen(a) > strlen(b) ? a : b;
    size_t n = strlen(longer == a ? b : a);
    bool cut = longer[n] == '\0' || (str_eq(key, "version") && longer[n] == '.');
    return cut && strncasecmp(a, b, n) == 0;
}

/* What the update's own words about one thing are in "took" and in "health": they cannot both hold. */
static void check_update_contradiction(const struct input *in, const struct input_doc *d, const struct health_words *w,
                                       const json_t *took, size_t at) {
    const json_t *list = json_object_get(json_object_get(d->root, "health"), w->list);
    for (size_t k = 0; k < json_array_size(list); k++) {
        const json_t *other = json_array_get(list, k);
        for (size_t e = 0; health_words_same_thing(w, took, other) && e < ARRAY_LEN(w->expects) && w->expects[e]; e++) {
            const char *a = json_string_value(json_object_get(took, w->expects[e]));
            const char *b = json_string_value(json_object_get(other, w->expects[e]));
            if (a && b && !check_may_both_be(w->expects[e], a, b)) {
                CLEANUP_FREE char *pointer = str_printf("/took/%s/%zu/%s", w->list, at, w->expects[e]);
                CLEANUP_FREE char *its = str_printf("/health/%s/%zu/%s", w->list, k, w->expects[e]);
                CLEANUP_FREE char *hint = str_printf("\"health\" of this update says \"%s\" at line %d", b,
                                                     json_doc_at(d->doc, its, 0).line);
                json_doc_complain(d->doc, pointer, 0, in->diags, "contradiction", hint,
                                  "after the update, \"%s\" cannot be \"%s\" and something else",
                                  health_words_name(w, took), a);
            }
        }
    }
}

static void check_update_health(const struct input *in, const struct input_doc *d) {
    if (json_object_get(d->root, "health") &&
        str_eq(json_string_value(json_object_get(d->root, "kind")), "os")) {
        json_doc_complain(d->doc, "/health", 1, in->diags, "impossible", "say it in \"took\"",
                          "an update of kind \"os\" belongs to no product whose health it could change");
    }
    check_checks(in, d, "/health", json_object_get(d->root, "health"));
    const struct health_words *w;
    for (size_t t = 0; (w = health_words(t)) != NULL; t++) {
        const json_t *took = json_object_get(json_object_get(d->root, "took"), w->list);
        for (size_t i = 0; i < json_array_size(took); i++) {
            check_update_contradiction(in, d, w, json_array_get(took, i), i);
        }
    }
}

void check_update(const struct input *in, const struct input_doc *d) {
    const char *from = json_string_value(json_object_get(d->root, "from"));
    const char *to = json_string_value(json_object_get(d->root, "to"));
    check_update_product(in, d);
    if (from && str_eq(from, to)) {
        json_doc_complain(d->doc, "/to", 0, in->diags, "same-version",
                          "\"from\" is the version before, \"to\" the version after",
                          "the update leads from version %s to the same version", from);
    }
    check_update_apply(in, d);
    check_guest_patterns(in, d, "/repair/remove", json_object_get(json_object_get(d->root, "repair"), "remove"));
    check_checks(in, d, "/took", json_object_get(d->root, "took"));
    check_update_health(in, d);
}
