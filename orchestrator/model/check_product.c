#include "base/cleanup.h"
#include "base/str.h"
#include "model/check.h"
#include "model/hostfile.h"

static const char check_files_hint[] =
    "{files} is the folder of an update's files; a product's command has {installer}";

static void check_install(const struct input *in, const struct input_doc *d) {
    const json_t *install = json_object_get(d->root, "install");
    size_t before = in->diags->count;
    check_command(in, d, "/install", install, "installer", check_files_hint);
    bool written = check_uses(install, "") && in->diags->count == before; /* one misspelt was complained about */
    if (written && !check_uses(install, "{installer}")) {
        json_doc_complain(d->doc, "/install/command", 0, in->diags, "installer-unused",
                          "write {installer} where the installer's path in the guest belongs, for "
                          "example \"{installer} /S\" or \"msiexec /i {installer} /qn\"",
                          "the install command does not use the installer");
    }
}

static void check_detection(const struct input *in, const struct input_doc *d) {
    const json_t *o = json_object_get(d->root, "detection");
    check_command(in, d, "/detection", o, NULL,
                  "nothing of the product's files is at hand when detection is checked");
    const char *path = json_string_value(json_object_get(o, "path"));
    if (path && *path) {
        check_guest_path(in, d, "/detection/path", path);
    }
    const json_t *content = json_object_get(o, "content");
    if (json_is_object(content) && !in->offline) {
        struct hostfile_at at = {d->doc, "/detection/content", in->diags};
        hostfile_check(&at, content, d->dir, "sample");
    }
}

void check_product(const struct input *in, const struct input_doc *d) {
    size_t before = in->diags->count;
    if (!in->offline) {
        struct hostfile_at at = {d->doc, "/installer", in->diags};
        hostfile_check(&at, json_object_get(d->root, "installer"), d->dir, "installer");
        if (in->diags->count == before) {
            check_guest_name(in, d, "/installer", json_object_get(d->root, "installer"));
        }
    }
    check_install(in, d);
    check_command(in, d, "/uninstall", json_object_get(d->root, "uninstall"), "installer",
                  check_files_hint);
    check_checks(in, d, "/health", json_object_get(d->root, "health"));
    check_detection(in, d);
    check_guest_patterns(in, d, "/logs", json_object_get(d->root, "logs"));
}
