#include "sim/lab.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "guest/fake.h"
#include "sim/impl.h"
#include "sim/machine.h"
#include "support/suite.h"
#include "vm/fake.h"

/* A text that lives as long as the program, for members that are never written to. */
#define TEXT(literal) ((char *)(uintptr_t)(literal))

static uint32_t zero_code[] = {0};
static uint32_t reboot_codes[] = {3010, 1641};

static struct model_command command_of(const char *line) {
    return (struct model_command){
        .command = str_dup(line), .success = {zero_code, 1}, .reboot = {reboot_codes, 2}, .timeout_ms = 120000,
    };
}

static struct model_check alder_health[] = {
    {CHECK_SERVICE, TEXT("AlderSvc"), NULL, TEXT("running"), NULL},
    {CHECK_DRIVER, TEXT("alderflt"), NULL, NULL, NULL},
    {CHECK_PROCESS, TEXT("aldersvc.exe"), NULL, NULL, NULL},
    {CHECK_FILE, TEXT("C:\\Program Files\\Alder\\engine.dll"), NULL, NULL, NULL},
    {CHECK_REGISTRY, TEXT("HKLM\\Software\\Alder"), TEXT("Version"), TEXT("1.0"), NULL},
};
static struct model_check birch_health[] = {
    {CHECK_SERVICE, TEXT("BirchSvc"), NULL, TEXT("running"), NULL},
    {CHECK_FILE, TEXT("C:\\Program Files\\Birch\\birch.dll"), NULL, NULL, NULL},
};
static struct model_check took_checks[] = {
    {CHECK_REGISTRY, TEXT("HKLM\\Software\\Alder"), TEXT("Content"), TEXT("2"), NULL},
};

static void effect_install_alder(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set_boot(w, "service:AlderSvc", "running");
    sim_world_set_boot(w, "driver:alderflt", "running");
    sim_world_set_boot(w, "process:aldersvc.exe", "running");
    sim_world_set(w, "file:C:\\Program Files\\Alder\\engine.dll", "MZ alder");
    sim_world_set(w, "registry:HKLM\\Software\\Alder|Version", "1.0");
}

static void effect_install_birch(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set_boot(w, "service:BirchSvc", "running");
    sim_world_set(w, "file:C:\\Program Files\\Birch\\birch.dll", "MZ birch");
}

static void effect_apply(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set(w, "registry:HKLM\\Software\\Alder|Content", "2");
}

static void effect_quarantine(struct sim_world *w, void *ctx) {
    sim_world_set(w, ctx, NULL);
}

#define SAFE_OPTION "registry:HKLM\\SYSTEM\\CurrentControlSet\\Control\\SafeBoot\\Option|OptionValue"

/* Safe mode starts nothing of a product. */
static void effect_safe_boot(struct sim_world *w, void *ctx) {
    static const char *const things[] = {"service:AlderSvc", "service:BirchSvc", "driver:alderflt",
                                         "process:aldersvc.exe"};
    (void)ctx;
    bool safe = sim_world_get(w, LAB_SAFE_ASKED) != NULL;
    sim_world_set(w, SAFE_OPTION, safe ? "1" : NULL);
    for (size_t i = 0; safe && i < ARRAY_LEN(things); i++) {
        if (sim_world_get(w, things[i])) {
            sim_world_set(w, things[i], i < 2 ? "stopped" : NULL);
        }
    }
}

bool lab_world_is_safe(const struct sim_world *w) {
    return sim_world_get(w, SAFE_OPTION) != NULL;
}

static void lab_world(struct lab *l) {
    l->world = sim_world_new();
    sim_world_on_boot(l->world, effect_safe_boot, NULL);
    sim_world_on_exec(l->world, "alder-setup.exe", 9000, 0, effect_install_alder, NULL);
    sim_world_on_exec(l->world, "birch.msi", 3300, 0, effect_install_birch, NULL);
    sim_world_on_exec(l->world, "cmd.exe /d /c exit 0", 300, 0, NULL, NULL);
    sim_world_on_exec(l->world, "alder-apply", 1100, 0, effect_apply, NULL);
    sim_world_on_file(l->world, "sample-alder", 700, effect_quarantine,
                      TEXT("file:C:\\Users\\Public\\sample-alder.com"));
    sim_world_on_file(l->world, "sample-birch", 900, effect_quarantine,
                      TEXT("file:C:\\Users\\Public\\sample-birch.com"));
    sim_world_workload(l->world, "copy-small", 800, 5);
    sim_world_workload(l->world, "idle", 1000, 5);
}

static char *lab_file(struct lab *l, const char *name, const char *text) {
    char *path = fs_join(l->dir, name);
    ck_assert_int_eq(fs_write_atomic(path, text, strlen(text), 0644, NULL), 0);
    return path;
}

static char *alder_modules[] = {TEXT("alderflt.sys"), TEXT("aldersvc.exe"), NULL};

static void lab_model(struct lab *l) {
    l->products[0] = (struct model_product){
        .id = TEXT("alder"), .vendor = TEXT("Alder"), .name = TEXT("Alder AV"),
        .version = TEXT("1.0"), .installer = lab_file(l, "alder-setup.exe", "MZ setup"),
        .install = command_of("{installer} /S"), .uninstall = command_of("alder-remove /S"),
        .health = {alder_health, ARRAY_LEN(alder_health)}, .modules = alder_modules,
        .detection = {.name = TEXT("eicar on write"), .expect = DETECT_REMOVED,
                      .path = TEXT("C:\\Users\\Public\\sample-alder.com"), .within_ms = 10000},
    };
    l->products[1] = (struct model_product){
        .id = TEXT("birch"), .vendor = TEXT("Birch"), .name = TEXT("Birch"),
        .version = TEXT("3"), .installer = lab_file(l, "birch.msi", "msi"),
        .install = command_of("msiexec /i {installer} /qn"),
        .uninstall = command_of("msiexec /x {installer} /qn"),
        .health = {birch_health, ARRAY_LEN(birch_health)},
        .detection = {.name = TEXT("eicar on write"), .expect = DETECT_REMOVED,
                      .path = TEXT("C:\\Users\\Public\\sample-birch.com"), .within_ms = 10000},
    };
    l->files[0] = (struct model_file){.host_path = lab_file(l, "content-2.dat", "v2")};
    l->update = (struct model_update){
        .id = TEXT("alder-content-2"), .title = TEXT("content 2"),
        .kind = UPDATE_CONTENT, .product = &l->products[0], .from = TEXT("1"),
        .to = TEXT("2"), .files = l->files, .file_count = 1,
        .apply = command_of("alder-apply {files}\\content-2.dat"),
        .rollback = command_of("alder-back {files}"),
        .took = {took_checks, ARRAY_LEN(took_checks)},
        .health = {alder_health, ARRAY_LEN(alder_health)},
    };
    l->workloads[0] = (struct model_workload){TEXT("copy-small"), 5, NULL};
    l->workloads[1] = (struct model_workload){TEXT("idle"), 1, NULL};
    l->model = (struct model){.products = l->products, .product_count = 2, .updates = &l->update,
                              .update_count = 1, .workloads = l->workloads, .workload_count = 2};
    l->order[0] = &l->products[0];
    l->order[1] = &l->products[1];
    l->cell = (struct plan_cell){.id = TEXT("winelab/alder+birch/alder-content-2/1"),
                                 .image = "winelab", .products = l->order, .product_count = 2,
                                 .update = &l->update, .repetition = 1, .steps = l->steps};
}

void lab_steps(struct lab *l, const enum step_kind *kinds) {
    enum plan_phase phase = PHASE_BEFORE;
    l->cell.step_count = 0;
    for (; *kinds != STEP_KIND_COUNT; kinds++) {
        ck_assert_int_lt((int)l->cell.step_count, LAB_STEPS_MAX);
        phase = *kinds == STEP_APPLY ? PHASE_AFTER : phase;
        size_t times = *kinds == STEP_INSTALL ? l->cell.product_count : 1;
        for (size_t i = 0; i < times; i++) {
            l->steps[l->cell.step_count++] =
                (struct plan_step){*kinds, phase, *kinds == STEP_INSTALL ? (int)i : -1,
                                   step_kind_is_fresh(*kinds), 0};
        }
    }
}

struct lab *lab_new(void) {
    static const enum step_kind usual[] = {
        STEP_PROVISION, STEP_BOOT, STEP_INSTALL, STEP_VERIFY,  STEP_DETECT,
        STEP_MEASURE,   STEP_APPLY, STEP_TOOK,   STEP_REBOOT,  STEP_VERIFY,
        STEP_DETECT,    STEP_MEASURE, STEP_COLLECT, STEP_TEARDOWN, STEP_KIND_COUNT};
    struct lab *l = mem_zalloc(1, sizeof(*l));
    l->dir = suite_scratch();
    l->scratch = fs_join(l->dir, "scratch");
    l->artifacts = fs_join(l->dir, "artifacts");
    l->states = fs_join(l->dir, "states");
    ck_assert_int_eq(fs_mkdirs(l->scratch, NULL), 0);
    ck_assert_int_eq(fs_mkdirs(l->artifacts, NULL), 0);
    lab_world(l);
    lab_model(l);
    lab_steps(l, usual);
    cell_limits_set(&l->limits, NULL, true);
    return l;
}

static void lab_forget(struct lab *l) {
    for (size_t i = 0; i < l->seen_count; i++) {
        obs_clear(&l->seen[i].o);
    }
    free(l->seen);
    l->seen = NULL;
    l->seen_count = 0;
}

void lab_free(struct lab *l) {
    lab_forget(l);
    sim_world_free(l->world);
    for (size_t i = 0; i < 2; i++) {
        free(l->products[i].installer);
        free(l->products[i].install.command);
        free(l->products[i].uninstall.command);
    }
    free(l->files[0].host_path);
    free(l->update.apply.command);
    free(l->update.rollback.command);
    json_decref(l->kept_disk);
    fs_remove_tree(l->dir, NULL);
    free(l->dir);
    free(l->scratch);
    free(l->artifacts);
    free(l->states);
    free(l);
}

/* ---- the machine ----------------------------------------------------------------------------- */

static struct vm *lab_create_vm(void *ctx, struct err *err) {
    struct lab *l = ctx;
    l->vms++;
    struct vm_spec spec = {.name = "cell", .work_dir = l->scratch, .disk = "golden.qcow2",
                           .disk_format = "qcow2"};
    return vm_fake_create(&spec, l->world, NULL, err);
}

static struct guest *lab_create_guest(void *ctx, struct vm *vm, struct err *err) {
    struct lab *l = ctx;
    (void)vm;
    (void)err;
    ck_assert(l->rest == CELL_WORKS); /* a guest that boots does not */
    return guest_fake_create(l->world, NULL);
}

struct copy_out_ctx {
    struct lab *l;
    const char *pattern, *host_dir;
    int copied;
};

static void lab_copy_one(const char *rest, const char *data, size_t len, void *p) {
    struct copy_out_ctx *x = p;
    if (*rest == '\\' && str_matches_nocase(rest + 1, x->pattern)) {
        CLEANUP_FREE char *path = fs_join(x->host_dir, rest + 1);
        ck_assert_int_eq(fs_write_atomic(path, data, len, 0644, NULL), 0);
        x->copied++;
    }
}

static int lab_copy_out(void *ctx, struct vm *vm, struct cell_copy *places, size_t count,
                        struct err *err) {
    struct lab *l = ctx;
    (void)err;
    ck_assert_int_eq((int)vm_state(vm), VM_OFF); /* never the disk of a running machine */
    for (size_t i = 0; i < count; i++) {
        struct copy_out_ctx x = {l, places[i].pattern, places[i].host_dir, 0};
        CLEANUP_FREE char *prefix = str_printf("file:%s", places[i].guest_dir);
        sim_world_each(l->world, prefix, lab_copy_one, &x);
        places[i].copied = x.copied;
        l->copied += x.copied;
    }
    return 0;
}

struct remove_ctx {
    const char *pattern;
    char *names[8];
    int count;
};

static void lab_match_one(const char *rest, const char *data, size_t len, void *p) {
    struct remove_ctx *x = p;
    (void)data;
    (void)len;
    if (str_matches_nocase(rest, x->pattern)) {
        ck_assert_int_lt(x->count, (int)ARRAY_LEN(x->names));
        x->names[x->count++] = str_dup(rest);
    }
}

static int lab_remove_files(void *ctx, struct vm *vm, char *const *patterns, struct err *err) {
    struct lab *l = ctx;
    (void)err;
    ck_assert_int_eq((int)vm_state(vm), VM_OFF);
    int removed = 0;
    for (; *patterns; patterns++) {
        struct remove_ctx x = {.pattern = *patterns};
        sim_world_each(l->world, "file:", lab_match_one, &x);
        for (int i = 0; i < x.count; i++) {
            CLEANUP_FREE char *thing = str_printf("file:%s", x.names[i]);
            sim_world_set(l->world, thing, NULL);
            free(x.names[i]);
            removed++;
        }
    }
    return removed;
}

/* A disk has no clock and no faults: those of the world stay as they are. */
static int lab_keep_disk(void *ctx, struct vm *vm, struct err *err) {
    struct lab *l = ctx;
    (void)err;
    ck_assert_int_eq((int)vm_state(vm), VM_OFF);
    ck_assert_ptr_null(l->kept_disk);
    l->kept_disk = sim_world_to_json(l->world);
    return 0;
}

static int lab_put_back_disk(void *ctx, struct vm *vm, struct err *err) {
    struct lab *l = ctx;
    ck_assert_int_eq((int)vm_state(vm), VM_OFF);
    ck_assert_ptr_nonnull(l->kept_disk);
    bool crash = l->world->crash_on_boot, network = l->world->network_lost, serial = l->world->serial_lost;
    json_object_set_new(l->kept_disk, "wall_ms", json_integer(sim_machine_wall_ms(l->world)));
    int rc = sim_world_from_json(l->world, l->kept_disk, err);
    l->world->crash_on_boot = crash;
    l->world->network_lost = network;
    l->world->serial_lost = serial;
    l->put_back++;
    return rc;
}

static int lab_safe_mode(void *ctx, struct vm *vm, bool on, struct err *err) {
    struct lab *l = ctx;
    ck_assert_int_eq((int)vm_state(vm), VM_OFF);
    if (l->safe_fails[on] != ERR_NONE) {
        return err_set(err, l->safe_fails[on], "guest disk: simulated refusal");
    }
    sim_world_set(l->world, LAB_SAFE_ASKED, on ? "1" : NULL);
    return 0;
}

static int lab_restore(void *ctx, struct vm *vm, const char *state, int64_t deadline,
                       int64_t *stood_ms, struct err *err) {
    struct lab *l = ctx;
    *stood_ms = l->stood_ms;
    CLEANUP_FREE char *dir = fs_join(l->states, state);
    return vm_restore(vm, dir, deadline, err);
}

static int lab_restore_ready(void *ctx, struct vm *vm, int64_t deadline, struct cell_ready *out, struct err *err) {
    struct lab *l = ctx;
    if (!l->ready) {
        return 0;
    }
    snprintf(out->name, sizeof(out->name), "%s", l->ready);
    return lab_restore(ctx, vm, l->ready, deadline, &out->stood_ms, err) < 0 ? -1 : 1;
}

static void lab_distrust_ready(void *ctx) {
    ((struct lab *)ctx)->distrusted++;
}

static int lab_save(void *ctx, struct vm *vm, const struct cell_kept *kept, int64_t deadline,
                    int64_t *bytes, struct err *err) {
    struct lab *l = ctx;
    CLEANUP_FREE char *dir = fs_join(l->states, kept->name);
    CLEANUP_FREE char *memory = fs_join(dir, VM_STATE_MEMORY);
    ck_assert_int_eq(fs_mkdirs(dir, NULL), 0);
    if (vm_save(vm, dir, deadline, err) < 0) {
        return -1;
    }
    *bytes = fs_size(memory);
    l->stood_ms = kept->stood_ms;
    return 0;
}

/* ---- running --------------------------------------------------------------------------------- */

static void lab_emit(void *ctx, const struct observation *o) {
    struct lab *l = ctx;
    l->seen = mem_grow(l->seen, l->seen_count + 1, sizeof(*l->seen));
    json_t *j = obs_to_json(o);
    CLEANUP_ERR struct err err = ERR_INIT;
    if (!j || obs_from_json(j, &l->seen[l->seen_count].o, &err) < 0) {
        ck_abort_msg("no observation: %s", err_text(&err));
    }
    l->seen[l->seen_count++].calls = sim_world_calls(l->world);
    json_decref(j);
    if (l->stop_after > 0 && (int)l->seen_count == l->stop_after) {
        l->stop = l->stop_to;
    }
}

/* Order and pairing of what was seen. Every ck_assert writes to Check's log file: over all observations of thousands of
 * cells that took longer than the cells. */
static void lab_check_form(const struct lab *l) {
    int open = 0, ends = 0;
    int64_t at = 0;
    for (size_t i = 0; i < l->seen_count; i++) {
        const struct observation *o = &l->seen[i].o;
        bool good = o->seq == (int64_t)i && o->at_ms >= at && (o->type == OBS_CELL_BEGIN) == (i == 0) &&
                    (o->type == OBS_CELL_END) == (i + 1 == l->seen_count);
        at = o->at_ms;
        if (o->type == OBS_STEP_BEGIN) {
            good &= open++ == 0;
        }
        if (o->type == OBS_STEP_END) {
            bool skipped = json_object_get(o->data, "skipped") != NULL;
            good &= open == (skipped ? 0 : 1);
            open = 0;
            ends++;
        }
        if (!good) {
            lab_print(l);
            ck_abort_msg("observation %zu (%s of %s) is out of order", i, obs_type_name(o->type), o->kind);
        }
        if (o->type == OBS_FAILURE) {
            enum failure_class class;
            const char *name = json_string_value(json_object_get(o->data, "class"));
            ck_assert_int_eq(failure_class_parse(name, &class), 0);
            ck_assert_msg(lab_text(o)[0] != '\0', "a failure says what happened");
        }
    }
    ck_assert_int_eq(ends, (int)(l->cell.step_count - (l->from.state ? l->from.steps : 0)));
}

static void lab_rests(void *ctx, enum cell_rest rest) {
    struct lab *l = ctx;
    ck_assert(rest != l->rest); /* told only when it changes */
    l->rest = rest;
    l->rested += rest != CELL_WORKS;
    l->last_rests += rest == CELL_LAST_REST;
}

int lab_run(struct lab *l) {
    static const struct cell_machine_ops ops = {
        .create_vm = lab_create_vm, .create_guest = lab_create_guest, .copy_out = lab_copy_out,
        .remove_files = lab_remove_files, .keep_disk = lab_keep_disk, .put_back_disk = lab_put_back_disk,
        .safe_mode = lab_safe_mode, .restore = lab_restore,
        .restore_ready = lab_restore_ready, .distrust_ready = lab_distrust_ready, .save = lab_save,
    };
    struct cell_env env = {
        .cell = &l->cell, .model = &l->model, .machine = &ops, .machine_ctx = l,
        .clock = sim_world_clock(l->world), .limits = l->limits, .scratch_dir = l->scratch,
        .artifact_dir = l->artifacts, .attempt = 1, .from = l->from, .save = l->save, .emit = lab_emit, .emit_ctx = l,
        .rests = lab_rests, .rests_ctx = l, .stop = &l->stop,
    };
    CLEANUP_ERR struct err err = ERR_INIT;
    lab_forget(l);
    json_decref(l->kept_disk);
    l->kept_disk = NULL;
    l->vms = l->put_back = l->rested = l->last_rests = 0;
    l->rest = CELL_WORKS;
    int rc = cell_run(&env, &err);
    lab_check_form(l);
    ck_assert_int_eq(rc < 0, err_is_set(&err));
    ck_assert_int_le(l->vms, 1);
    ck_assert_int_eq(sim_world_unfavoured(l->world), 0); /* what is measured goes before what is not */
    ck_assert_int_eq((int)sim_machine_power(l->world), SIM_POWER_OFF);
    return rc;
}

/* ---- questions ------------------------------------------------------------------------------- */

size_t lab_count(const struct lab *l, enum obs_type type) {
    size_t n = 0;
    for (size_t i = 0; i < l->seen_count; i++) {
        n += l->seen[i].o.type == type;
    }
    return n;
}

const struct observation *lab_failure(const struct lab *l, enum failure_class class) {
    for (size_t i = 0; i < l->seen_count; i++) {
        const struct observation *o = &l->seen[i].o;
        if (o->type == OBS_FAILURE &&
            str_eq(json_string_value(json_object_get(o->data, "class")),
                   failure_class_name(class))) {
            return o;
        }
    }
    return NULL;
}

bool lab_failed(const struct lab *l, enum failure_class class) {
    return lab_failure(l, class) != NULL;
}

size_t lab_failures(const struct lab *l) {
    return lab_count(l, OBS_FAILURE);
}

bool lab_skipped(const struct lab *l, enum step_kind kind, enum plan_phase phase) {
    for (size_t i = 0; i < l->seen_count; i++) {
        const struct observation *o = &l->seen[i].o;
        if (o->type == OBS_STEP_END && l->steps[o->step].kind == kind &&
            l->steps[o->step].phase == phase) {
            return json_object_get(o->data, "skipped") != NULL;
        }
    }
    return false;
}

bool lab_has_artifact_named(const struct lab *l, const char *role, const char *name) {
    for (size_t i = 0; i < l->seen_count; i++) {
        const struct observation *o = &l->seen[i].o;
        if (o->type == OBS_ARTIFACT && str_eq(json_string_value(json_object_get(o->data, "role")), role) &&
            (!name || str_eq(json_string_value(json_object_get(o->data, "name")), name))) {
            return true;
        }
    }
    return false;
}

bool lab_has_artifact(const struct lab *l, const char *role) {
    return lab_has_artifact_named(l, role, NULL);
}

size_t lab_metrics(const struct lab *l, const char *name, enum plan_phase phase) {
    size_t n = 0;
    for (size_t i = 0; i < l->seen_count; i++) {
        const struct observation *o = &l->seen[i].o;
        n += o->type == OBS_METRIC && l->steps[o->step].phase == phase &&
             str_eq(json_string_value(json_object_get(o->data, "name")), name);
    }
    return n;
}

const char *lab_text(const struct observation *o) {
    const char *text = json_string_value(json_object_get(o->data, "text"));
    return text ? text : "";
}

int64_t lab_virtual_ms(const struct lab *l) {
    return l->seen_count ? l->seen[l->seen_count - 1].o.at_ms : 0;
}

void lab_print(const struct lab *l) {
    for (size_t i = 0; i < l->seen_count; i++) {
        const struct observation *o = &l->seen[i].o;
        CLEANUP_FREE char *data = json_dumps(o->data, JSON_COMPACT);
        printf("%8lld ms  call %4d  %-10s %-10s %s\n", (long long)o->at_ms, l->seen[i].calls,
               o->kind, obs_type_name(o->type), data);
    }
    fflush(stdout);
}
