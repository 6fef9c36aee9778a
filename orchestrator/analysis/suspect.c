#include "analysis/suspect.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"

static bool suspect_is_program(const char *name) {
    static const char *const tails[] = {".sys", ".dll", ".exe", ".SYS", ".DLL", ".EXE"};
    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        if (str_ends_with(name, tails[i])) {
            return true;
        }
    }
    return false;
}

static const char *suspect_guest_name(const struct model_file *f) {
    const char *name = f->target ? f->target : fs_basename(f->host_path);
    for (const char *p = name; *p; p++) {
        if ((*p == '\\' || *p == '/') && p[1]) {
            name = p + 1;
        }
    }
    return name;
}

/* The installed name of the program an update brings: where it says its file goes, else what its took check or its own
 * product calls a program of the same kind, else the name the file came under. */
static const char *suspect_replaced(const struct model_update *u, const struct model_file *f) {
    const char *name = suspect_guest_name(f);
    const char *tail = strrchr(name, '.');
    const char *only = NULL;
    if (f->target || (u->product && model_has_module(u->product, name, 0))) {
        return name;
    }
    for (size_t i = 0; i < u->took.count; i++) {
        const struct model_check *check = &u->took.items[i];
        const char *base = strrchr(check->name, '\\');
        base = base ? base + 1 : check->name;
        if (check->kind == CHECK_FILE && u->product && model_has_module(u->product, base, 0)) {
            return base;
        }
    }
    for (size_t i = 0; u->product && u->product->modules[i]; i++) {
        const char *module = u->product->modules[i];
        const char *end = strrchr(module, '.');
        if (end && str_eq_nocase(end, tail)) {
            if (only) {
                return name; /* several of that kind: which of them is not known */
            }
            only = module;
        }
    }
    return only ? only : name;
}

/* Without a dump: the program the update brought, or for a crash the only driver its product has. NULL: no idea. */
const char *suspect_module(const struct judged *c, const char **why) {
    const struct model_update *u = c->plan->update;
    for (size_t i = 0; u && i < u->file_count; i++) {
        if (suspect_is_program(suspect_guest_name(&u->files[i]))) {
            *why = "the program this update replaces";
            return suspect_replaced(u, &u->files[i]);
        }
    }
    const char *driver = NULL;
    for (size_t i = 0; u && u->product && judge_is_crash(c->cls) && u->product->modules[i]; i++) {
        if (str_ends_with(u->product->modules[i], ".sys")) {
            if (driver) {
                return NULL;
            }
            driver = u->product->modules[i];
        }
    }
    *why = "the product's only kernel driver";
    return driver;
}
