#include "sim/world.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "sim/impl.h"

static const char *const sim_fault_names[] = {
    "none",        "crash",     "crash-on-boot", "hang", "freeze", "network-lost",
    "serial-lost", "disk-full", "qemu-died",     "slow", "lab-bug",
};
static_assert(ARRAY_LEN(sim_fault_names) == SIM_FAULT_KIND_COUNT, "a name for every fault");

const char *sim_fault_name(enum sim_fault_kind kind) {
    return (unsigned)kind < SIM_FAULT_KIND_COUNT ? sim_fault_names[kind] : "unknown";
}

/* Appends one zeroed element to a growing array and gives its place. */
#define SIM_APPEND(array, count)                                                 \
    __extension__({                                                              \
        (array) = mem_grow((array), (count) + 1, sizeof(*(array)));              \
        memset(&(array)[count], 0, sizeof(*(array)));                            \
        &(array)[(count)++];                                                     \
    })

struct sim_world *sim_world_new(void) {
    struct sim_world *w = mem_zalloc(1, sizeof(*w));
    w->load_percent = 50;
    w->boot_ms = 12000;
    w->noise = UINT64_C(0x9e3779b97f4a7c15);
    sim_machine_init(w);
    return w;
}

void sim_world_free(struct sim_world *w) {
    if (!w) {
        return;
    }
    for (size_t i = 0; i < w->fact_count; i++) {
        free(w->facts[i].name);
        free(w->facts[i].data);
        free(w->facts[i].boot);
    }
    for (size_t i = 0; i < w->command_count; i++) {
        free(w->commands[i].match);
    }
    for (size_t i = 0; i < w->file_count; i++) {
        free(w->files[i].match);
    }
    for (size_t i = 0; i < w->workload_count; i++) {
        free(w->workloads[i].name);
    }
    free(w->facts);
    free(w->commands);
    free(w->boots);
    free(w->files);
    free(w->timers);
    free(w->workloads);
    free(w->faults);
    free(w);
}

struct clock *sim_world_clock(struct sim_world *w) {
    return &w->clock;
}

void sim_world_fault_at(struct sim_world *w, int nth_call, enum sim_fault_kind kind) {
    struct sim_due_fault *f = SIM_APPEND(w->faults, w->fault_count);
    *f = (struct sim_due_fault){w->calls + nth_call, kind};
}

void sim_world_fail_saves(struct sim_world *w, enum err_class cls) {
    w->save_fails = cls;
}

void sim_world_fail_restores(struct sim_world *w, enum err_class cls) {
    w->restore_fails = cls;
}

int sim_world_calls(const struct sim_world *w) {
    return w->calls;
}

/* ---- facts ----------------------------------------------------------------------------------- */

static struct sim_fact *sim_world_find(const struct sim_world *w, const char *thing) {
    for (size_t i = 0; i < w->fact_count; i++) {
        if (str_eq_nocase(w->facts[i].name, thing)) {
            return &w->facts[i];
        }
    }
    return NULL;
}

static struct sim_fact *sim_world_fact(struct sim_world *w, const char *thing) {
    struct sim_fact *f = sim_world_find(w, thing);
    if (!f) {
        f = SIM_APPEND(w->facts, w->fact_count);
        f->name = str_dup(thing);
    }
    return f;
}

void sim_world_set_bytes(struct sim_world *w, const char *thing, const void *data, size_t len) {
    struct sim_fact *f = sim_world_fact(w, thing);
    char *copy = NULL;
    if (data) { /* before the free: data may be the fact's own old bytes */
        copy = mem_zalloc(len + 1, 1);
        memcpy(copy, data, len);
    }
    free(f->data);
    f->data = copy;
    f->len = data ? len : 0;
}

void sim_world_set(struct sim_world *w, const char *thing, const char *data) {
    sim_world_set_bytes(w, thing, data, data ? strlen(data) : 0);
}

void sim_world_set_boot(struct sim_world *w, const char *thing, const char *data) {
    struct sim_fact *f = sim_world_fact(w, thing);
    free(f->boot);
    f->boot = str_dup(data);
    sim_world_set(w, thing, data);
}

const void *sim_world_get_bytes(const struct sim_world *w, const char *thing, size_t *len) {
    const struct sim_fact *f = sim_world_find(w, thing);
    if (!f || !f->data) {
        return NULL;
    }
    *len = f->len;
    return f->data;
}

const char *sim_world_get(const struct sim_world *w, const char *thing) {
    size_t len = 0;
    return sim_world_get_bytes(w, thing, &len);
}

void sim_world_each(const struct sim_world *w, const char *prefix,
                    void (*fn)(const char *rest, const char *data, size_t len, void *ctx),
                    void *ctx) {
    size_t n = strlen(prefix);
    for (size_t i = 0; i < w->fact_count; i++) {
        const struct sim_fact *f = &w->facts[i];
        if (f->data && strncasecmp(f->name, prefix, n) == 0) {
            fn(f->name + n, f->data, f->len, ctx);
        }
    }
}

void sim_world_boot_facts(struct sim_world *w) {
    for (size_t i = 0; i < w->fact_count; i++) {
        if (w->facts[i].boot) {
            sim_world_set(w, w->facts[i].name, w->facts[i].boot);
        }
    }
    for (size_t i = 0; i < w->boot_count; i++) {
        w->boots[i].effect(w, w->boots[i].ctx);
    }
}

/* ---- what things do -------------------------------------------------------------------------- */

void sim_world_on_exec(struct sim_world *w, const char *match, int64_t ms, uint32_t exit_code,
                       sim_effect *effect, void *ctx) {
    struct sim_command *c = SIM_APPEND(w->commands, w->command_count);
    *c = (struct sim_command){str_dup(match), ms, exit_code, effect, ctx};
}

void sim_world_on_boot(struct sim_world *w, sim_effect *effect, void *ctx) {
    struct sim_hook *h = SIM_APPEND(w->boots, w->boot_count);
    *h = (struct sim_hook){NULL, 0, effect, ctx};
}

void sim_world_on_file(struct sim_world *w, const char *match, int64_t after_ms,
                       sim_effect *effect, void *ctx) {
    struct sim_hook *h = SIM_APPEND(w->files, w->file_count);
    *h = (struct sim_hook){str_dup(match), after_ms, effect, ctx};
}

void sim_world_later(struct sim_world *w, int64_t ms, sim_effect *effect, void *ctx) {
    struct sim_timer *t = SIM_APPEND(w->timers, w->timer_count);
    *t = (struct sim_timer){w->now + ms * CLOCK_MS, effect, ctx};
}

void sim_world_file_put(struct sim_world *w, const char *guest_path) {
    CLEANUP_FREE char *thing = str_printf("file:%s", guest_path);
    size_t len = 0;
    const void *data = sim_world_get_bytes(w, thing, &len);
    for (size_t i = 0; i < w->file_count; i++) {
        const struct sim_hook *h = &w->files[i];
        if (strcasestr(guest_path, h->match) ||
            (data && memmem(data, len, h->match, strlen(h->match)))) {
            sim_world_later(w, h->after_ms, h->effect, h->ctx);
        }
    }
}

int sim_world_find_exec(const struct sim_world *w, const char *command) {
    for (size_t i = w->command_count; i-- > 0;) {
        if (strstr(command, w->commands[i].match)) {
            return (int)i;
        }
    }
    return -1;
}

int64_t sim_world_exec_ms(const struct sim_world *w, int index) {
    return w->commands[index].ms;
}

uint32_t sim_world_exec_finish(struct sim_world *w, int index) {
    struct sim_command c = w->commands[index]; /* a copy: the effect may add commands */
    if (c.effect) {
        c.effect(w, c.ctx);
    }
    return c.exit_code;
}

void sim_world_boot_ms(struct sim_world *w, int64_t ms) {
    w->boot_ms = ms;
}

/* ---- workloads ------------------------------------------------------------------------------- */

static struct sim_workload *sim_world_find_workload(const struct sim_world *w, const char *name) {
    for (size_t i = 0; i < w->workload_count; i++) {
        if (strcmp(w->workloads[i].name, name) == 0) {
            return &w->workloads[i];
        }
    }
    return NULL;
}

void sim_world_workload(struct sim_world *w, const char *name, double mean_ms,
                        double spread_percent) {
    struct sim_workload *k = sim_world_find_workload(w, name);
    if (!k) {
        k = SIM_APPEND(w->workloads, w->workload_count);
        k->name = str_dup(name);
    }
    k->mean_ms = mean_ms;
    k->spread_percent = spread_percent;
}

void sim_world_seed(struct sim_world *w, uint64_t seed) {
    w->noise = seed;
}

/* SplitMix64 (Steele, Lea, Flood 2014): tiny, seedable, and the same on every machine. */
static double sim_world_uniform(struct sim_world *w) {
    uint64_t z = (w->noise += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

double sim_world_noise(struct sim_world *w) {
    double sum = 0;
    for (int i = 0; i < 12; i++) { /* the sum of twelve uniforms has variance one */
        sum += sim_world_uniform(w);
    }
    return sum - 6;
}

void sim_world_set_load(struct sim_world *w, int percent) {
    w->load_percent = percent;
}

int sim_world_load(const struct sim_world *w) {
    return w->load_percent;
}

int64_t sim_world_starved(const struct sim_world *w) {
    int64_t now = w->now;
    int64_t until = now < w->starve_until ? now : w->starve_until;
    int64_t hungry = until > w->starve_from ? until - w->starve_from : 0;
    return w->starved_ns + (int64_t)((double)hungry * w->starve_percent / 100);
}

void sim_world_starve(struct sim_world *w, double percent, int64_t until) {
    w->starved_ns = sim_world_starved(w);
    w->starve_from = w->now;
    w->starve_until = until;
    w->starve_percent = percent;
}

void sim_world_network_back(struct sim_world *w) {
    w->network_lost = false;
}

void sim_world_favour(struct sim_world *w, bool on) {
    w->favoured = on;
}

bool sim_world_favoured(const struct sim_world *w) {
    return w->favoured;
}

int sim_world_unfavoured(const struct sim_world *w) {
    return w->unfavoured;
}

void sim_world_sample(struct sim_world *w, const char *name, double *ms, double *reference_ms) {
    w->unfavoured += !w->favoured;
    const struct sim_workload *k = sim_world_find_workload(w, name);
    double mean = k ? k->mean_ms : 100;
    double spread = k ? k->spread_percent : 2;
    double host = exp(0.05 * sim_world_noise(w)); /* a busy host slows both alike */
    *reference_ms = 20 * host * exp(0.002 * sim_world_noise(w));
    *ms = mean * host * exp(spread / 100 * sim_world_noise(w));
}

/* ---- states ---------------------------------------------------------------------------------- */

/* Bytes as a string of code points 0..255, so that any file content survives JSON. */
static json_t *sim_world_bytes_json(const char *data, size_t len) {
    CLEANUP_STR struct str s = STR_INIT;
    for (size_t i = 0; i < len; i++) {
        str_addf(&s, "%02x", (unsigned char)data[i]);
    }
    return json_string(str_get(&s));
}

static void sim_world_bytes_parse(struct sim_world *w, const char *name, const char *hex) {
    size_t len = strlen(hex) / 2;
    CLEANUP_FREE char *data = mem_zalloc(len + 1, 1);
    for (size_t i = 0; i < len; i++) {
        unsigned byte = 0;
        sscanf(hex + 2 * i, "%2x", &byte);
        data[i] = (char)byte;
    }
    sim_world_set_bytes(w, name, data, len);
}

json_t *sim_world_to_json(const struct sim_world *w) {
    json_t *facts = json_array();
    for (size_t i = 0; i < w->fact_count; i++) {
        const struct sim_fact *f = &w->facts[i];
        json_t *j = json_pack("{s:s, s:s*}", "name", f->name, "boot", f->boot);
        if (f->data) {
            json_object_set_new(j, "data", sim_world_bytes_json(f->data, f->len));
        }
        json_array_append_new(facts, j);
    }
    json_t *loads = json_array();
    for (size_t i = 0; i < w->workload_count; i++) {
        const struct sim_workload *k = &w->workloads[i];
        json_array_append_new(loads, json_pack("{s:s, s:f, s:f}", "name", k->name, "mean_ms",
                                               k->mean_ms, "spread", k->spread_percent));
    }
    return json_pack("{s:s, s:o, s:o, s:I, s:b, s:b, s:b}", "format", "coexist-sim-state/1",
                     "facts", facts, "workloads", loads, "wall_ms",
                     (json_int_t)sim_machine_wall_ms(w), "crash_on_boot", w->crash_on_boot, "network_lost",
                     w->network_lost, "serial_lost", w->serial_lost);
}

int sim_world_from_json(struct sim_world *w, const json_t *j, struct err *err) {
    const json_t *facts = json_object_get(j, "facts");
    const json_t *loads = json_object_get(j, "workloads");
    if (!str_eq(json_string_value(json_object_get(j, "format")), "coexist-sim-state/1") ||
        !json_is_array(facts) || !json_is_array(loads)) {
        return err_set(err, ERR_INPUT, "not a saved state of a simulated world");
    }
    for (size_t i = 0; i < w->fact_count; i++) {
        sim_world_set_boot(w, w->facts[i].name, NULL);
    }
    size_t i;
    json_t *item;
    json_array_foreach(facts, i, item) {
        const char *name = json_string_value(json_object_get(item, "name"));
        const char *data = json_string_value(json_object_get(item, "data"));
        sim_world_set_boot(w, name, json_string_value(json_object_get(item, "boot")));
        if (data) {
            sim_world_bytes_parse(w, name, data);
        }
    }
    json_array_foreach(loads, i, item) {
        sim_world_workload(w, json_string_value(json_object_get(item, "name")),
                           json_real_value(json_object_get(item, "mean_ms")),
                           json_real_value(json_object_get(item, "spread")));
    }
    json_int_t wall_ms = json_integer_value(json_object_get(j, "wall_ms"));
    sim_machine_shift_wall(w, wall_ms - sim_machine_wall_ms(w));
    w->crash_on_boot = json_is_true(json_object_get(j, "crash_on_boot"));
    w->network_lost = json_is_true(json_object_get(j, "network_lost"));
    w->serial_lost = json_is_true(json_object_get(j, "serial_lost"));
    return 0;
}
