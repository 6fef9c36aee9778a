#include "guest/fake_ops.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "sim/machine.h"

typedef json_t *guest_fake_op(struct sim_world *w, const json_t *args, struct err *err);

static json_t *guest_fake_refuse(struct err *err, const char *code, const char *text) {
    err_set(err, ERR_REFUSED, "%s: %s", code, text);
    return NULL;
}

static const char *guest_fake_arg(const json_t *args, const char *key, struct err *err) {
    const char *value = json_string_value(json_object_get(args, key));
    if (!value) {
        guest_fake_refuse(err, "bad-args", key);
    }
    return value;
}

/* A small stable number for a name, so that every process and service looks different but the same
 * each time (FNV-1a). */
static json_int_t guest_fake_number(const char *name, json_int_t span) {
    uint32_t h = 2166136261u;
    for (; *name; name++) {
        h = (h ^ (unsigned char)tolower((unsigned char)*name)) * 16777619u;
    }
    return (json_int_t)h % span;
}

/* ---- the agent itself ------------------------------------------------------------------------ */

json_t *guest_fake_hello(struct sim_world *w) {
    return json_pack("{s:i, s:s, s:s, s:{s:s, s:s, s:s, s:n}, s:I, s:i, s:[s,s,s], s:{s:b, s:b}}",
                     "protocol", 1, "agent", "simulated", "transport", "serial", "os", "name",
                     "Simulated Windows", "version", "10.0.19043", "arch", "x86_64", "wine",
                     "boot_ms", (json_int_t)sim_machine_up_ms(w), "max_frame", 65536, "ops",
                     "exec", "ping", "workload", "can", "eventlog", 0, "drivers", 1);
}

static json_t *guest_fake_op_hello(struct sim_world *w, const json_t *args, struct err *err) {
    (void)args;
    (void)err;
    return guest_fake_hello(w);
}

static json_t *guest_fake_op_ping(struct sim_world *w, const json_t *args, struct err *err) {
    (void)args;
    (void)err;
    return json_pack("{s:I}", "up_ms", (json_int_t)sim_machine_up_ms(w));
}

/* ---- services, drivers, processes ------------------------------------------------------------ */

static json_t *guest_fake_service(const char *name, const char *state, bool driver) {
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:i, s:o}", "name", name, "display", name,
                     "state", state, "start", driver ? "system" : "auto", "type",
                     driver ? "kernel" : "own", "pid",
                     driver ? 0 : guest_fake_number(name, 4000) + 400, "exit_code", 0, "path",
                     json_sprintf(driver ? "C:\\Windows\\system32\\drivers\\%s.sys"
                                         : "C:\\Program Files\\%s.exe",
                                  name));
}

static void guest_fake_add_service(const char *name, const char *data, size_t len, void *ctx) {
    (void)len;
    json_array_append_new(ctx, guest_fake_service(name, data, false));
}

static void guest_fake_add_driver(const char *name, const char *data, size_t len, void *ctx) {
    (void)len;
    json_array_append_new(ctx, guest_fake_service(name, data, true));
}

/* "key=NUMBER" somewhere in a process' data, else what is usual. */
static json_int_t guest_fake_trait(const char *data, const char *key, json_int_t usual) {
    const char *at = data ? strstr(data, key) : NULL;
    return at && at[strlen(key)] == '=' ? strtoll(at + strlen(key) + 1, NULL, 10) : usual;
}

struct guest_fake_processes {
    json_t *items;
    json_int_t up_ms;
};

static void guest_fake_add_process(const char *name, const char *data, size_t len, void *ctx) {
    (void)len;
    struct guest_fake_processes *p = ctx;
    json_int_t n = guest_fake_number(name, 4000);
    json_int_t every = guest_fake_trait(data, "restarts_every_ms", 0);
    json_int_t cpu = n + p->up_ms * guest_fake_trait(data, "cpu_percent", 0) / 100;
    json_array_append_new(
        p->items, json_pack("{s:I, s:i, s:s, s:I, s:I, s:I, s:I, s:I}", "pid",
                            n + 400 + (every > 0 ? p->up_ms / every * 4 : 0), "ppid", 4, "name", name,
                            "cpu_ms", cpu, "working_set", (n + 1000) * 4096, "private_bytes",
                            guest_fake_trait(data, "private_bytes", (n + 500) * 4096), "handles",
                            guest_fake_trait(data, "handles", n / 10 + 20), "threads",
                            guest_fake_trait(data, "threads", n % 12 + 1)));
}

/* With "workers_every_ms=N" a process of the same program below it, another one each N ms. */
static void guest_fake_add_with_workers(const char *name, const char *data, size_t len, void *ctx) {
    struct guest_fake_processes *p = ctx;
    json_int_t every = guest_fake_trait(data, "workers_every_ms", 0);
    guest_fake_add_process(name, data, len, ctx);
    if (every > 0) {
        json_t *worker = json_deep_copy(json_array_get(p->items, json_array_size(p->items) - 1));
        json_t *above = json_object_get(worker, "pid");
        json_object_set(worker, "ppid", above);
        json_object_set_new(worker, "pid", json_integer(json_integer_value(above) + 100000 + p->up_ms / every * 4));
        json_array_append_new(p->items, worker);
    }
}

static void guest_fake_add_product(const char *name, const char *data, size_t len, void *ctx) {
    (void)len;
    json_array_append_new(ctx, json_pack("{s:s, s:s, s:s, s:s, s:s}", "key", name, "name", name,
                                         "version", data, "publisher", "", "uninstall", ""));
}

static json_t *guest_fake_op_services(struct sim_world *w, const json_t *args, struct err *err) {
    (void)args;
    (void)err;
    json_t *items = json_array();
    sim_world_each(w, "service:", guest_fake_add_service, items);
    sim_world_each(w, "driver:", guest_fake_add_driver, items);
    return json_pack("{s:o}", "items", items);
}

static json_t *guest_fake_op_drivers(struct sim_world *w, const json_t *args, struct err *err) {
    (void)args;
    (void)err;
    json_t *items = json_array();
    sim_world_each(w, "driver:", guest_fake_add_driver, items);
    return json_pack("{s:o}", "items", items);
}

static json_t *guest_fake_op_processes(struct sim_world *w, const json_t *args, struct err *err) {
    (void)args;
    (void)err;
    struct guest_fake_processes p = {json_array(), sim_machine_up_ms(w)};
    sim_world_each(w, "process:", guest_fake_add_with_workers, &p);
    return json_pack("{s:o}", "items", p.items);
}

static json_t *guest_fake_op_products(struct sim_world *w, const json_t *args, struct err *err) {
    (void)args;
    (void)err;
    json_t *items = json_array();
    sim_world_each(w, "product:", guest_fake_add_product, items);
    return json_pack("{s:o}", "items", items);
}

static json_t *guest_fake_op_service(struct sim_world *w, const json_t *args, struct err *err) {
    const char *name = guest_fake_arg(args, "name", err);
    if (!name) {
        return NULL;
    }
    CLEANUP_FREE char *service = str_printf("service:%s", name);
    CLEANUP_FREE char *driver = str_printf("driver:%s", name);
    const char *state = sim_world_get(w, service);
    if (state) {
        return guest_fake_service(name, state, false);
    }
    state = sim_world_get(w, driver);
    return state ? guest_fake_service(name, state, true)
                 : guest_fake_refuse(err, "not-found", "no such service");
}

/* ---- files and registry ---------------------------------------------------------------------- */

static const void *guest_fake_file(struct sim_world *w, const json_t *args, size_t *len,
                                   struct err *err) {
    const char *path = guest_fake_arg(args, "path", err);
    if (!path) {
        return NULL;
    }
    CLEANUP_FREE char *thing = str_printf("file:%s", path);
    const void *data = sim_world_get_bytes(w, thing, len);
    if (!data) {
        guest_fake_refuse(err, "not-found", path);
    }
    return data;
}

static json_t *guest_fake_op_stat(struct sim_world *w, const json_t *args, struct err *err) {
    CLEANUP_ERR struct err missing = ERR_INIT;
    size_t len = 0;
    const void *data = guest_fake_file(w, args, &len, &missing);
    if (!data && !json_is_string(json_object_get(args, "path"))) {
        err_move(err, &missing);
        return NULL;
    }
    return json_pack("{s:b, s:b, s:I, s:I}", "exists", data != NULL, "dir", 0, "size",
                     (json_int_t)len, "mtime_unix_ms", (json_int_t)0);
}

static json_t *guest_fake_op_hash(struct sim_world *w, const json_t *args, struct err *err) {
    size_t len = 0;
    const void *data = guest_fake_file(w, args, &len, err);
    if (!data) {
        return NULL;
    }
    char hex[FS_SHA256_HEX];
    fs_sha256_bytes(data, len, hex);
    return json_pack("{s:s, s:I}", "sha256", hex, "size", (json_int_t)len);
}

static json_t *guest_fake_op_look(struct sim_world *w, const json_t *args, struct err *err) {
    const char *paths = guest_fake_arg(args, "paths", err);
    bool digest = json_is_true(json_object_get(args, "digest"));
    if (!paths) {
        return NULL;
    }
    json_t *items = json_array();
    for (json_int_t i = 0; *paths; i++) {
        size_t n = strcspn(paths, "\n"), len = 0;
        json_t *path = json_pack("{s:s%}", "path", paths, n);
        CLEANUP_ERR struct err missing = ERR_INIT;
        const void *data = guest_fake_file(w, path, &len, &missing);
        json_t *item = json_pack("{s:I, s:b, s:b, s:I, s:I}", "i", i, "exists", data != NULL, "dir", 0, "size",
                                 (json_int_t)len, "mtime_unix_ms", (json_int_t)0);
        if (data && digest) {
            char hex[FS_SHA256_HEX];
            fs_sha256_bytes(data, len, hex);
            json_object_set_new(item, "sha256", json_string(hex));
        }
        if (data && json_is_true(json_object_get(args, "crc"))) {
            json_object_set_new(item, "crc32", json_sprintf("%08lx", crc32_z(0, data, len)));
        }
        json_array_append_new(items, item);
        json_decref(path);
        paths += n + (paths[n] == '\n');
    }
    return json_pack("{s:o}", "items", items);
}

static json_t *guest_fake_op_file_version(struct sim_world *w, const json_t *args,
                                          struct err *err) {
    size_t len = 0;
    const char *data = guest_fake_file(w, args, &len, err);
    if (!data) {
        return NULL;
    }
    bool version = len > 0 && strspn(data, "0123456789.") == len;
    return json_pack("{s:s?, s:s?}", "file_version", version ? data : NULL, "product_version",
                     version ? data : NULL);
}

static json_t *guest_fake_op_remove(struct sim_world *w, const json_t *args, struct err *err) {
    size_t len = 0;
    if (!guest_fake_file(w, args, &len, err)) {
        return NULL;
    }
    CLEANUP_FREE char *thing =
        str_printf("file:%s", json_string_value(json_object_get(args, "path")));
    sim_world_set(w, thing, NULL);
    return json_object();
}

struct guest_fake_list {
    const char *dir; /* without a trailing backslash */
    json_t *items;
};

static bool guest_fake_lists(const json_t *items, const char *name) {
    for (size_t i = 0; i < json_array_size(items); i++) {
        if (str_eq_nocase(json_string_value(json_object_get(json_array_get(items, i), "name")), name)) {
            return true;
        }
    }
    return false;
}

/* Folders are there because files are in them. */
static void guest_fake_add_entry(const char *path, const char *data, size_t len, void *ctx) {
    (void)data;
    struct guest_fake_list *list = ctx;
    size_t n = strlen(list->dir);
    if (strncasecmp(path, list->dir, n) != 0 || path[n] != '\\') {
        return;
    }
    size_t end = strcspn(path + n + 1, "\\");
    bool folder = path[n + 1 + end] != '\0';
    CLEANUP_FREE char *name = str_printf("%.*s", (int)end, path + n + 1);
    if (!folder || !guest_fake_lists(list->items, name)) {
        json_array_append_new(list->items, json_pack("{s:s, s:b, s:I, s:I}", "name", name, "dir", (int)folder, "size",
                                                     (json_int_t)(folder ? 0 : len), "mtime_unix_ms", (json_int_t)0));
    }
}

static json_t *guest_fake_op_list(struct sim_world *w, const json_t *args, struct err *err) {
    const char *path = guest_fake_arg(args, "path", err);
    if (!path) {
        return NULL;
    }
    CLEANUP_FREE char *dir = str_dup(path);
    size_t n = strlen(dir);
    if (n > 0 && dir[n - 1] == '\\') {
        dir[n - 1] = '\0';
    }
    struct guest_fake_list list = {dir, json_array()};
    sim_world_each(w, "file:", guest_fake_add_entry, &list);
    return json_pack("{s:o}", "items", list.items);
}

/* Folders are not facts: any file may be put anywhere. */
static json_t *guest_fake_op_mkdir(struct sim_world *w, const json_t *args, struct err *err) {
    (void)w;
    return guest_fake_arg(args, "path", err) ? json_object() : NULL;
}

static json_t *guest_fake_op_registry(struct sim_world *w, const json_t *args, struct err *err) {
    const char *key = guest_fake_arg(args, "key", err);
    const char *value = json_string_value(json_object_get(args, "value"));
    if (!key) {
        return NULL;
    }
    CLEANUP_FREE char *thing = str_printf("registry:%s|%s", key, value ? value : "");
    const char *data = sim_world_get(w, thing);
    return data ? json_pack("{s:b, s:s, s:s}", "exists", 1, "type", "sz", "data", data)
                : json_pack("{s:b}", "exists", 0);
}

/* ---- the system ------------------------------------------------------------------------------ */

static json_t *guest_fake_op_system(struct sim_world *w, const json_t *args, struct err *err) {
    (void)args;
    (void)err;
    json_int_t up = (json_int_t)sim_machine_up_ms(w);
    struct guest_fake_processes p = {json_array(), up};
    sim_world_each(w, "process:", guest_fake_add_with_workers, &p);
    json_int_t count = (json_int_t)json_array_size(p.items) + 12;
    json_decref(p.items);
    const char *memory = sim_world_get(w, "system:memory_available_mib");
    const char *disk = sim_world_get(w, "system:disk_free_mib");
    const json_int_t mib = 1 << 20;
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "up_ms", up,
                     "cpu_idle_ms", up - up / 10, "cpu_kernel_ms", up / 20, "cpu_user_ms", up / 20,
                     "memory_total", 512 * mib, "memory_available",
                     (memory ? strtoll(memory, NULL, 10) : 300) * mib, "commit",
                     200 * mib, "handles", count * 60, "processes", count, "threads", count * 4,
                     "disk_total", 4096 * mib, "disk_free",
                     (disk ? strtoll(disk, NULL, 10) : 3000) * mib);
}

enum { FAKE_CLOCK_NEAR_MS = 250 }; /* agents/proto/PROTOCOL.md */

static json_t *guest_fake_op_clock(struct sim_world *w, const json_t *args, struct err *err) {
    const json_t *unix_ms = json_object_get(args, "unix_ms");
    if (!json_is_integer(unix_ms) || json_integer_value(unix_ms) < 0) {
        return guest_fake_refuse(err, "bad-args", "unix_ms");
    }
    int64_t by = json_integer_value(unix_ms) - sim_machine_wall_ms(w);
    if (by > -FAKE_CLOCK_NEAR_MS && by < FAKE_CLOCK_NEAR_MS) {
        by = 0;
    }
    sim_machine_shift_wall(w, by);
    return json_pack("{s:I}", "moved_ms", (json_int_t)by);
}

static json_t *guest_fake_op_shutdown(struct sim_world *w, const json_t *args, struct err *err) {
    (void)err;
    const char *stays = sim_world_get(w, "system:stays_up_ms");
    sim_machine_go_down_in(w, stays ? atoll(stays) : 0, json_is_true(json_object_get(args, "reboot")));
    return json_object();
}

static json_t *guest_fake_op_eventlog(struct sim_world *w, const json_t *args, struct err *err) {
    (void)w;
    (void)args;
    return guest_fake_refuse(err, "unsupported", "no event log here");
}

/* ---- workloads ------------------------------------------------------------------------------- */

static void guest_fake_add_sample(json_t *items, int i, const char *metric, const char *unit,
                                  double value, double reference_ms) {
    json_array_append_new(items, json_pack("{s:i, s:s, s:f, s:s, s:f}", "i", i, "metric", metric,
                                           "value", value, "unit", unit, "reference_ms",
                                           reference_ms));
}

/* idle and load watch the system; the world's "milliseconds" of them are percent of CPU here. */
static void guest_fake_watch(struct sim_world *w, json_t *items, int i, const char *name) {
    static const struct {
        const char *metric, *unit;
        double factor;
    } watched[] = {{"cpu", "percent", 1}, {"memory", "bytes", 1 << 21}, {"handles", "count", 10}};
    double value = 0;
    double reference = 0;
    sim_world_sample(w, name, &value, &reference);
    for (size_t k = 0; k < ARRAY_LEN(watched); k++) {
        CLEANUP_FREE char *metric = str_printf("%s.%s", name, watched[k].metric);
        double shown = k == 0 && value > 100 ? 100 : value * watched[k].factor;
        guest_fake_add_sample(items, i, metric, watched[k].unit, shown, reference);
    }
}

static bool guest_fake_refuses(struct sim_world *w, const char *what) {
    CLEANUP_FREE char *thing = str_printf("refused:%s", what);
    const char *times = sim_world_get(w, thing);
    long left = times ? strtol(times, NULL, 10) : 0;
    CLEANUP_FREE char *next = str_printf("%ld", left - 1);
    if (left > 0) {
        sim_world_set(w, thing, next);
    }
    return left > 0;
}

static json_t *guest_fake_op_workload(struct sim_world *w, const json_t *args, struct err *err) {
    const char *name = guest_fake_arg(args, "name", err);
    json_int_t reps = json_integer_value(json_object_get(args, "repetitions"));
    if (!name || reps < 1 || reps > 1000) {
        return name ? guest_fake_refuse(err, "bad-args", "repetitions") : NULL;
    }
    if (guest_fake_refuses(w, name)) {
        return guest_fake_refuse(err, "os", "start: Windows error 1359");
    }
    json_t *items = json_array();
    for (int i = 0; i < (int)reps; i++) {
        double ms = 0;
        double reference = 0;
        if (strcmp(name, "idle") == 0 || strcmp(name, "load") == 0) {
            guest_fake_watch(w, items, i, name);
            continue;
        }
        sim_world_sample(w, name, &ms, &reference);
        guest_fake_add_sample(items, i, name, "ms", ms, reference);
    }
    return json_pack("{s:o, s:I}", "items", items, "count", reps);
}

/* ---- the table ------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    guest_fake_op *answer;
    int64_t ms;
} guest_fake_ops_table[] = {
    {"hello", guest_fake_op_hello, 5},
    {"ping", guest_fake_op_ping, 5},
    {"service", guest_fake_op_service, 20},
    {"services", guest_fake_op_services, 60},
    {"drivers", guest_fake_op_drivers, 40},
    {"processes", guest_fake_op_processes, 80},
    {"products", guest_fake_op_products, 40},
    {"stat", guest_fake_op_stat, 10},
    {"hash", guest_fake_op_hash, 40},
    {"file_version", guest_fake_op_file_version, 20},
    {"look", guest_fake_op_look, 40},
    {"list", guest_fake_op_list, 20},
    {"remove", guest_fake_op_remove, 10},
    {"mkdir", guest_fake_op_mkdir, 10},
    {"registry", guest_fake_op_registry, 10},
    {"system", guest_fake_op_system, 30},
    {"eventlog", guest_fake_op_eventlog, 10},
    {"workload", guest_fake_op_workload, 50},
    {"clock", guest_fake_op_clock, 20},
    {"shutdown", guest_fake_op_shutdown, 50},
};

json_t *guest_fake_answer(struct sim_world *w, const char *op, const json_t *args,
                          struct err *err) {
    CLEANUP_FREE char *unknown = str_printf("unknown-op:%s", op);
    if (guest_fake_refuses(w, op)) {
        return guest_fake_refuse(err, "os", "Windows error 1726");
    }
    for (size_t i = 0; i < ARRAY_LEN(guest_fake_ops_table) && !sim_world_get(w, unknown); i++) {
        if (strcmp(guest_fake_ops_table[i].name, op) == 0) {
            return guest_fake_ops_table[i].answer(w, args, err);
        }
    }
    return guest_fake_refuse(err, "unknown-op", op);
}

int64_t guest_fake_op_ms(const char *op, const json_t *args) {
    int64_t factor = 1;
    if (strcmp(op, "workload") == 0) { /* each repetition takes its time, whatever it measures */
        factor += json_integer_value(json_object_get(args, "repetitions"));
    }
    for (size_t i = 0; i < ARRAY_LEN(guest_fake_ops_table); i++) {
        if (strcmp(guest_fake_ops_table[i].name, op) == 0) {
            return guest_fake_ops_table[i].ms * factor;
        }
    }
    return 5;
}
