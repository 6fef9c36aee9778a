/* Evidence: from the living guest, or from its disk when it does not live any more. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "model/guestpath.h"
#include "run/cell_state.h"
#include "run/console.h"

enum {
    COLLECT_FILES_MAX = 32,
    COLLECT_CONSOLE_MAX = 256 * 1024,
};
#define COLLECT_BYTES_MAX (INT64_C(64) << 20)

/* Items of a guest folder; an empty array when there is no such folder. New reference, NULL with
 * err. */
static json_t *collect_list(struct cell *c, const char *folder, struct err *err) {
    json_auto_t *result = NULL;
    CLEANUP_ERR struct err refused = ERR_INIT;
    json_t *args = json_pack("{s:s}", "path", folder);
    if (cell_call(c, "list", args, c->env->limits.call, &result, &refused) < 0) {
        if (refused.cls == ERR_REFUSED) {
            return json_array();
        }
        err_move(err, &refused);
        return NULL;
    }
    json_t *items = json_object_get(result, "items");
    return json_is_array(items) ? json_incref(items) : json_array();
}

/* A name from the guest is only a name: no folder, no drive, no control character, not hidden. */
static bool collect_name_is_plain(const char *name) {
    if (!name || !*name || *name == '.' || strlen(name) > 200) {
        return false;
    }
    for (const char *p = name; *p; p++) {
        if ((unsigned char)*p < 0x20 || strchr("/\\:*?\"<>|", *p)) {
            return false;
        }
    }
    return true;
}

/* ---- process crashes ----------------------------------------------------------------------- */

static bool dumps_known(const struct cell *c, const char *name) {
    for (size_t i = 0; i < c->dump_count; i++) {
        if (str_eq_nocase(c->dumps[i], name)) {
            return true;
        }
    }
    return false;
}

/* "alder.exe.1234.dmp" is a dump of alder.exe (Windows Error Reporting's LocalDumps naming). */
static char *dumps_program(const char *name) {
    char *program = str_dup(name);
    for (int i = 0; i < 2; i++) {
        char *dot = strrchr(program, '.');
        if (dot && dot != program) {
            *dot = '\0';
        }
    }
    return program;
}

static void dumps_tell(struct cell *c, const char *name) {
    if (dumps_known(c, name) || c->dump_count >= COLLECT_FILES_MAX) {
        return;
    }
    c->dumps = mem_grow(c->dumps, c->dump_count + 1, sizeof(*c->dumps));
    c->dumps[c->dump_count++] = str_dup(name);
    CLEANUP_FREE char *program = dumps_program(name);
    const struct model_product *owner = cell_module_owner(c, program, 0);
    cell_fail(c, FAILURE_PROCESS_CRASH, owner ? owner->id : NULL, "%s crashed (dump %s)", program,
              name);
}

int step_find_process_dumps(struct cell *c, struct err *err) {
    json_auto_t *items = collect_list(c, GUEST_DUMPS, err);
    if (!items) {
        return -1;
    }
    size_t i;
    json_t *item;
    json_array_foreach(items, i, item) {
        const char *name = json_string_value(json_object_get(item, "name"));
        if (collect_name_is_plain(name) && str_matches_nocase(name, "*.dmp")) {
            dumps_tell(c, name);
        }
    }
    return 0;
}

/* ---- files from the living guest ----------------------------------------------------------- */

struct collect_place {
    const char *folder, *pattern, *role;
    const char *product; /* whose log it is; NULL: nobody's */
};
static const struct collect_place collect_places[] = {
    {GUEST_MINIDUMPS, "*.dmp", "minidump", NULL},
    {GUEST_DUMPS, "*.dmp", "process-dump", NULL},
    {GUEST_OUT, "*", "log", NULL},
    {GUEST_EVENT_LOGS, "System.evtx", "event-log", NULL},
    {GUEST_EVENT_LOGS, "Application.evtx", "event-log", NULL},
};

struct collect_list { /* the places above and those of the products' own logs */
    struct collect_place *places;
    char **folders; /* the products' */
    size_t count, folder_count;
};

static void collect_list_add_logs(struct collect_list *l, const struct model_product *p) {
    for (char *const *log = p->logs; log && *log; log++) {
        const char *name = guestpath_basename(*log);
        l->folders = mem_grow(l->folders, l->folder_count + 1, sizeof(*l->folders));
        l->folders[l->folder_count] = str_printf("%.*s", (int)(name - *log - 1), *log);
        l->places = mem_grow(l->places, l->count + 1, sizeof(*l->places));
        l->places[l->count++] =
            (struct collect_place){l->folders[l->folder_count++], name, "product-log", p->id};
    }
}

/* Logs of every product of the cell: one whose install failed has the most to tell. */
static struct collect_list collect_list_make(const struct plan_cell *cell) {
    struct collect_list l = {.count = ARRAY_LEN(collect_places)};
    l.places = mem_zalloc(l.count, sizeof(*l.places));
    memcpy(l.places, collect_places, sizeof(collect_places));
    for (size_t i = 0; i < cell->product_count; i++) {
        collect_list_add_logs(&l, cell->products[i]);
    }
    return l;
}

static void collect_list_clear(struct collect_list *l) {
    for (size_t i = 0; i < l->folder_count; i++) {
        free(l->folders[i]);
    }
    free(l->folders);
    free(l->places);
}

static const char *collect_role(const struct collect_place *place, const char *name) {
    bool own = !place->product && str_eq_nocase(name, "agent.log"); /* a vendor's may have that name, too */
    return own ? "agent-log" : place->role;
}

/* Two vendors may name their logs alike. */
static int collect_keep(struct cell *c, const struct collect_place *place, const char *name, const char *path,
                        struct err *err) {
    CLEANUP_FREE char *own = place->product ? str_printf("%s %s", place->product, name) : str_dup(name);
    return cell_artifact(c, collect_role(place, name), own, path, err);
}

static int collect_file(struct cell *c, const struct collect_place *place, const char *name,
                        struct err *err) {
    CLEANUP_FREE char *from = str_printf("%s\\%s", place->folder, name);
    CLEANUP_FREE char *to = fs_join(c->env->scratch_dir, "collected");
    CLEANUP_ERR struct err refused = ERR_INIT;
    if (cell_get(c, from, to, COLLECT_BYTES_MAX, &refused) < 0) {
        if (refused.cls != ERR_REFUSED) {
            err_move(err, &refused);
            return -1;
        }
        cell_note(c, "not collected: %s", err_text(&refused));
        return 0;
    }
    int rc = collect_keep(c, place, name, to, err);
    unlink(to);
    return rc;
}

static int collect_folder(struct cell *c, const struct collect_place *place, struct err *err) {
    json_auto_t *items = collect_list(c, place->folder, err);
    if (!items) {
        return -1;
    }
    if (json_array_size(items) == 0 && !place->product && str_eq(place->pattern, "System.evtx")) {
        cell_note(c, "event logs: skipped, the guest has none");
    }
    size_t i;
    json_t *item;
    int taken = 0;
    json_array_foreach(items, i, item) {
        const char *name = json_string_value(json_object_get(item, "name"));
        if (json_is_true(json_object_get(item, "dir")) || !collect_name_is_plain(name) ||
            !str_matches_nocase(name, place->pattern)) {
            continue;
        }
        if (++taken > COLLECT_FILES_MAX) {
            cell_note(c, "%s: only the first %d files were collected", place->folder,
                      COLLECT_FILES_MAX);
            break;
        }
        if (collect_file(c, place, name, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int collect_live(struct cell *c, struct err *err) {
    if (step_find_process_dumps(c, err) < 0) {
        return -1;
    }
    CLEANUP(collect_list_clear) struct collect_list l = collect_list_make(c->env->cell);
    for (size_t i = 0; i < l.count; i++) {
        if (collect_folder(c, &l.places[i], err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- files from the disk of a guest that does not live ------------------------------------- */

struct collect_offline_ctx {
    struct cell *c;
    const struct collect_place *place;
    const char *dir;
};

static int collect_offline_one(const char *name, void *p) {
    struct collect_offline_ctx *ctx = p;
    CLEANUP_FREE char *path = fs_join(ctx->dir, name);
    CLEANUP_ERR struct err err = ERR_INIT;
    if (strcmp(ctx->place->role, "process-dump") == 0) {
        dumps_tell(ctx->c, name);
    }
    if (collect_keep(ctx->c, ctx->place, name, path, &err) < 0) {
        cell_minor(ctx->c, "collect from the disk", &err);
    }
    return 0;
}

static void collect_offline_take(struct cell *c, const struct collect_list *l, const struct cell_copy *copies,
                                 struct err *err) {
    for (size_t i = 0; i < l->count; i++) {
        struct collect_offline_ctx ctx = {c, &l->places[i], copies[i].host_dir};
        if (copies[i].copied > 0) {
            fs_each(copies[i].host_dir, collect_offline_one, &ctx, err);
        }
    }
}

/* All places, each into a folder of its own below `dir`. */
static int collect_offline_places(struct cell *c, const char *dir, const struct collect_list *l,
                                  struct cell_copy *copies, struct err *err) {
    for (size_t i = 0; i < l->count; i++) {
        copies[i] = (struct cell_copy){l->places[i].folder, l->places[i].pattern,
                                       str_printf("%s/%zu", dir, i), 0};
    }
    for (size_t i = 0; i < l->count; i++) {
        if (fs_mkdirs(copies[i].host_dir, err) < 0) {
            return -1;
        }
    }
    c->env->machine->copy_out(c->env->machine_ctx, c->vm, copies, l->count, err);
    return 0;
}

static void collect_offline(struct cell *c) {
    if (!c->env->machine->copy_out || !c->vm || vm_state(c->vm) != VM_OFF ||
        c->infra != FAILURE_NONE || cell_stop_now(c)) {
        return;
    }
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *dir = fs_join(c->env->scratch_dir, "from-disk");
    CLEANUP(collect_list_clear) struct collect_list l = collect_list_make(c->env->cell);
    struct cell_copy *copies = mem_zalloc(l.count, sizeof(*copies));
    c->side = CELL_SIDE_HOST;
    if (collect_offline_places(c, dir, &l, copies, &err) == 0) {
        collect_offline_take(c, &l, copies, err_is_set(&err) ? NULL : &err);
    }
    if (err_is_set(&err)) {
        cell_minor(c, "collect from the disk", &err);
    }
    for (size_t i = 0; i < l.count; i++) {
        free((char *)copies[i].host_dir);
    }
    free(copies);
    fs_remove_tree(dir, NULL);
}

/* ---- from the host ------------------------------------------------------------------------- */

/* The end of the boot console: where a kernel says why it stops. */
static int collect_console(struct cell *c, const char *log, struct err *err) {
    CLEANUP_FILE FILE *f = fopen(log, "re");
    if (!f) {
        return 0; /* a machine without that port */
    }
    if (fseek(f, -COLLECT_CONSOLE_MAX, SEEK_END) < 0) {
        rewind(f);
    }
    CLEANUP_FREE char *tail = mem_zalloc(1, COLLECT_CONSOLE_MAX);
    size_t len = fread(tail, 1, COLLECT_CONSOLE_MAX, f);
    CLEANUP_FREE char *path = fs_join(c->env->scratch_dir, "console.txt");
    c->side = CELL_SIDE_HOST;
    if (len == 0) {
        return 0;
    }
    return fs_write_atomic(path, tail, len, 0600, err) < 0
               ? -1
               : cell_artifact(c, "console", "console.txt", path, err);
}

static void collect_from_host(struct cell *c) {
    cell_screenshot(c, "end");
    CLEANUP_ERR struct err err = ERR_INIT;
    if (c->console && collect_console(c, c->console, &err) < 0) {
        cell_minor(c, "console log", &err);
    }
}

int step_collect(struct cell *c, struct err *err) {
    CLEANUP_ERR struct err live = ERR_INIT;
    /* A guest that crashes while it is looked at may come back: then it is asked once more. After a
     * failure of the lab itself nothing of it is worth asking. */
    for (int i = 0; i < 2 && c->up && c->infra == FAILURE_NONE; i++) {
        int rc = i > 0 ? 0 : c->failed ? step_look_for_cause(c, &live) : step_last_look(c, &live);
        if (rc == 0) {
            rc = collect_live(c, &live);
        }
        if (rc == 0) {
            break;
        }
        cell_fuse(c, FAILURE_NOT_KNOWN, &live);
        c->up = c->up && i == 0;
    }
    console_look(c);
    collect_from_host(c);
    if (!c->up) {
        cell_vm_off(c);
        collect_offline(c);
    }
    (void)err;
    return 0;
}
