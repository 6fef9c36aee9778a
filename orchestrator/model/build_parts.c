/* Commands, checks, products and updates. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "model/build.h"
#include "model/guestpath.h"
#include "model/health_words.h"

enum {
    BUILD_COMMAND_S = 600, /* default time limits, seconds; as the schemas say */
    BUILD_DETECT_S = 60,
};

static char *build_text(const json_t *o, const char *key) {
    return str_dup(json_string_value(json_object_get(o, key)));
}

static int64_t build_seconds(const json_t *o, const char *key, int otherwise) {
    const json_t *n = json_object_get(o, key);
    return (int64_t)(n ? json_number_value(n) : otherwise) * 1000;
}

static char *build_digest(const json_t *o) {
    char *hex = build_text(o, "sha256");
    for (char *p = hex; p && *p; p++) {
        *p = (char)tolower((unsigned char)*p);
    }
    return hex;
}

static void build_code(struct model_codes *codes, uint32_t code) {
    codes->items = mem_grow(codes->items, codes->count + 1, sizeof(*codes->items));
    codes->items[codes->count++] = code;
}

static void build_codes(const json_t *list, struct model_codes *codes) {
    size_t i;
    json_t *code;
    json_array_foreach(list, i, code) {
        build_code(codes, (uint32_t)json_number_value(code));
    }
}

/* A code that is said to be plain success asks for nothing. */
static void build_default_reboot(struct model_command *c) {
    static const uint32_t installer[] = {3010, 1641}; /* ERROR_SUCCESS_REBOOT_REQUIRED, _INITIATED */
    for (size_t i = 0; i < ARRAY_LEN(installer); i++) {
        if (!model_codes_hold(&c->success, installer[i])) {
            build_code(&c->reboot, installer[i]);
        }
    }
}

void build_command(const json_t *o, struct model_command *out) {
    *out = (struct model_command){.command = NULL};
    if (!o) {
        return;
    }
    out->command = build_text(o, "command");
    if (json_object_get(o, "success")) {
        build_codes(json_object_get(o, "success"), &out->success);
    } else {
        build_code(&out->success, 0);
    }
    if (json_object_get(o, "reboot")) {
        build_codes(json_object_get(o, "reboot"), &out->reboot);
    } else {
        build_default_reboot(out);
    }
    out->timeout_ms = build_seconds(o, "timeout_s", BUILD_COMMAND_S);
}

void build_command_free(struct model_command *c) {
    free(c->command);
    free(c->success.items);
    free(c->reboot.items);
}

void build_checks(const json_t *o, struct model_checks *out) {
    const struct health_words *w;
    *out = (struct model_checks){NULL, 0};
    for (size_t k = 0; (w = health_words(k)) != NULL; k++) {
        size_t i;
        json_t *item;
        json_array_foreach(json_object_get(o, w->list), i, item) {
            out->items = mem_grow(out->items, out->count + 1, sizeof(*out->items));
            struct model_check *c = &out->items[out->count++];
            *c = (struct model_check){.kind = w->kind, .name = build_text(item, w->key)};
            c->value = w->second ? build_text(item, w->second) : NULL;
            c->expect = w->expects[0] ? build_text(item, w->expects[0]) : NULL;
            if (c->kind == CHECK_SERVICE && !c->expect) {
                c->expect = str_dup("running");
            }
            c->sha256 = c->kind == CHECK_FILE ? build_digest(item) : NULL;
        }
    }
}

/* What both look at is as `newer` says. */
static void build_checks_renewed(const struct model_checks *old, const struct model_checks *newer,
                                 struct model_checks *out) {
    out->items = mem_zalloc(old->count, sizeof(*out->items));
    out->count = old->count;
    for (size_t i = 0; i < old->count; i++) {
        const struct model_check *other = model_check_find(newer, &old->items[i]);
        const struct model_check *from = other ? other : &old->items[i];
        out->items[i] = (struct model_check){from->kind, str_dup(from->name), str_dup(from->value),
                                             str_dup(from->expect), str_dup(from->sha256)};
    }
}

void build_checks_free(struct model_checks *c) {
    for (size_t i = 0; i < c->count; i++) {
        free(c->items[i].name);
        free(c->items[i].value);
        free(c->items[i].expect);
        free(c->items[i].sha256);
    }
    free(c->items);
}

static void build_detection(const json_t *o, const char *dir, struct model_detection *out) {
    *out = (struct model_detection){.name = NULL};
    if (!o) {
        return;
    }
    out->name = build_text(o, "name");
    if (json_object_get(o, "command")) {
        out->expect = DETECT_COMMAND;
        build_command(o, &out->command);
        out->command.timeout_ms = build_seconds(o, "timeout_s", BUILD_DETECT_S);
        out->within_ms = out->command.timeout_ms;
        return;
    }
    const char *expect = json_string_value(json_object_get(o, "expect"));
    out->expect = str_eq(expect, "removed") ? DETECT_REMOVED : DETECT_UNREADABLE;
    out->path = build_text(o, "path");
    out->within_ms = build_seconds(o, "within_s", BUILD_DETECT_S);
    const char *file = json_string_value(json_object_get(json_object_get(o, "content"), "file"));
    if (file) {
        CLEANUP_FREE char *path = fs_join(dir, file);
        out->content_file = fs_absolute(path);
    }
}

static void build_add_module(struct model_product *p, size_t *count, char *name) {
    for (size_t i = 0; i < *count; i++) {
        if (str_eq_nocase(p->modules[i], name)) {
            free(name);
            return;
        }
    }
    p->modules = mem_grow(p->modules, *count + 2, sizeof(*p->modules));
    p->modules[(*count)++] = name;
    p->modules[*count] = NULL;
}

static char *build_with_suffix(const char *name, const char *suffix) {
    size_t n = strlen(name);
    bool has = n >= strlen(suffix) && str_eq_nocase(name + n - strlen(suffix), suffix);
    return str_printf("%s%s", name, has ? "" : suffix);
}

/* The file a crash would name if the thing checked were at fault; NULL when none follows from it. */
static char *build_module_of(const struct model_check *c) {
    switch (c->kind) {
    case CHECK_SERVICE:
        return build_with_suffix(c->name, ".exe");
    case CHECK_DRIVER:
        return build_with_suffix(c->name, ".sys");
    case CHECK_PROCESS:
        return str_dup(c->name);
    case CHECK_FILE: /* a product may check a file of Windows, which does not make it its own */
        return guestpath_is_of_windows(c->name) ? NULL : str_dup(guestpath_basename(c->name));
    case CHECK_REGISTRY:
    case CHECK_KIND_COUNT:
        break;
    }
    return NULL;
}

static void build_modules_of(const struct model_checks *checks, struct model_product *p, size_t *count) {
    for (size_t k = 0; k < checks->count; k++) {
        char *name = build_module_of(&checks->items[k]);
        if (name) {
            build_add_module(p, count, name);
        }
    }
}

static void build_modules(const json_t *list, struct model_product *p) {
    size_t count = 0;
    p->modules = mem_zalloc(1, sizeof(*p->modules));
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item) {
        build_add_module(p, &count, str_dup(json_string_value(item)));
    }
    build_modules_of(&p->health, p, &count);
    build_add_module(p, &count, str_dup(fs_basename(p->installer)));
}

/* NULL-terminated; NULL without a list. */
static char **build_paths(const json_t *list) {
    size_t n = json_array_size(list);
    char **paths = n ? mem_zalloc(n + 1, sizeof(*paths)) : NULL;
    for (size_t i = 0; i < n; i++) {
        paths[i] = str_dup(json_string_value(json_array_get(list, i)));
    }
    return paths;
}

static void build_paths_free(char **paths) {
    for (char **path = paths; path && *path; path++) {
        free(*path);
    }
    free(paths);
}

void build_product(const struct input_doc *d, struct model_product *out) {
    const json_t *o = d->root;
    const json_t *installer = json_object_get(o, "installer");
    out->id = build_text(o, "id");
    out->vendor = build_text(o, "vendor");
    out->name = build_text(o, "name");
    out->version = build_text(o, "version");
    CLEANUP_FREE char *path =
        fs_join(d->dir, json_string_value(json_object_get(installer, "file")));
    out->installer = fs_absolute(path);
    out->installer_sha256 = build_digest(installer);
    build_command(json_object_get(o, "install"), &out->install);
    build_command(json_object_get(o, "uninstall"), &out->uninstall);
    build_checks(json_object_get(o, "health"), &out->health);
    out->healthy_ms = build_seconds(o, "healthy_within_s", 0);
    build_detection(json_object_get(o, "detection"), d->dir, &out->detection);
    build_modules(json_object_get(o, "modules"), out);
    out->logs = build_paths(json_object_get(o, "logs"));
}

void build_product_free(struct model_product *p) {
    free(p->id);
    free(p->vendor);
    free(p->name);
    free(p->version);
    free(p->installer);
    free(p->installer_sha256);
    build_command_free(&p->install);
    build_command_free(&p->uninstall);
    build_checks_free(&p->health);
    free(p->detection.name);
    free(p->detection.path);
    free(p->detection.content_file);
    build_command_free(&p->detection.command);
    build_paths_free(p->modules);
    build_paths_free(p->logs);
}

static void build_files(const json_t *list, const char *dir, struct model_update *out) {
    out->file_count = json_array_size(list);
    out->files = mem_zalloc(out->file_count, sizeof(*out->files));
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item) {
        CLEANUP_FREE char *path = fs_join(dir, json_string_value(json_object_get(item, "file")));
        out->files[i].host_path = fs_absolute(path);
        out->files[i].sha256 = build_digest(item);
        out->files[i].target = build_text(item, "target");
    }
}

static enum update_kind build_update_kind(const char *name) {
    int k = UPDATE_CONTENT;
    while (k < UPDATE_KIND_COUNT - 1 && !str_eq(name, update_kind_name((enum update_kind)k))) {
        k++;
    }
    return (enum update_kind)k;
}

void build_update(const struct input_doc *d, const struct model *m, struct model_update *out) {
    const json_t *o = d->root;
    out->id = build_text(o, "id");
    out->title = build_text(o, json_object_get(o, "title") ? "title" : "id");
    out->kind = build_update_kind(json_string_value(json_object_get(o, "kind")));
    const char *product = json_string_value(json_object_get(o, "product"));
    out->product = product ? model_find_product(m, product) : NULL;
    out->from = build_text(o, "from");
    out->to = build_text(o, "to");
    build_files(json_object_get(o, "files"), d->dir, out);
    build_command(json_object_get(o, "apply"), &out->apply);
    build_command(json_object_get(o, "rollback"), &out->rollback);
    out->healthy_ms = build_seconds(o, "healthy_within_s", 0);
    out->repair = build_paths(json_object_get(json_object_get(o, "repair"), "remove"));
    build_checks(json_object_get(o, "took"), &out->took);
    if (json_object_get(o, "health")) {
        build_checks(json_object_get(o, "health"), &out->health);
    } else if (out->product) {
        build_checks_renewed(&out->product->health, &out->took, &out->health);
    }
}

void build_adopt(struct model *m, const struct model_update *u) {
    struct model_product *p = u->product ? &m->products[u->product - m->products] : NULL;
    size_t count = 0;
    while (p && p->modules[count]) {
        count++;
    }
    if (p) {
        build_modules_of(&u->health, p, &count);
    }
}

void build_update_free(struct model_update *u) {
    free(u->id);
    free(u->title);
    free(u->from);
    free(u->to);
    for (size_t i = 0; i < u->file_count; i++) {
        free(u->files[i].host_path);
        free(u->files[i].sha256);
        free(u->files[i].target);
    }
    free(u->files);
    build_command_free(&u->apply);
    build_command_free(&u->rollback);
    build_paths_free(u->repair);
    build_checks_free(&u->took);
    build_checks_free(&u->health);
}
