#include "vm/fake.h"

#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "sim/machine.h"
#include "vm/screen.h"

/* Virtual durations, near to what the real backend takes under emulation. */
enum {
    FAKE_START_MS = 400,
    FAKE_STOP_MS = 50,
    FAKE_RESET_MS = 50,
    FAKE_SAVE_MS = 900,
    FAKE_RESTORE_MS = 1200,
    FAKE_SCREENSHOT_MS = 60,
    FAKE_DUMP_MS = 1500,
    FAKE_LOOK_MS = 1,
};

enum { FAKE_STATE_MAX = 256 << 20 };

struct vm_fake {
    struct sim_world *world; /* borrowed */
    char *work_dir, *overlay, *console, *agent_socket;
    unsigned overlays; /* made by saves and restores so far */
    int64_t power_on; /* virtual time */
};

static int vm_fake_call(struct vm_fake *f, int64_t ms, int64_t deadline, struct err *err) {
    return sim_machine_call(f->world, SIM_WAY_HOST, ms, deadline, err);
}

/* The wrapper's state may lag behind: the guest went away and the event still waits. */
static int vm_fake_powered(struct vm_fake *f, struct err *err) {
    if (sim_machine_power(f->world) == SIM_POWER_OFF) {
        return err_set(err, ERR_CLOSED, "QEMU is gone");
    }
    return 0;
}

static int vm_fake_write(struct vm_fake *f, const char *path, const char *text, struct err *err) {
    if (sim_machine_host_write(f->world, path, err) < 0) {
        return -1;
    }
    return fs_write_atomic(path, text, strlen(text), 0644, err);
}

static int vm_fake_start(void *self, int64_t deadline, struct err *err) {
    struct vm_fake *f = self;
    if (vm_fake_call(f, FAKE_START_MS, deadline, err) < 0 ||
        vm_fake_write(f, f->console, "simulated boot\n", err) < 0) {
        return -1;
    }
    f->power_on = clock_now(sim_world_clock(f->world));
    sim_world_favour(f->world, false);
    sim_machine_boot(f->world);
    return 0;
}

static int vm_fake_stop(void *self, int64_t deadline, struct err *err) {
    struct vm_fake *f = self;
    if (vm_fake_call(f, FAKE_STOP_MS, deadline, err) < 0) {
        return -1;
    }
    sim_machine_off(f->world);
    return 0;
}

static int vm_fake_reset(void *self, int64_t deadline, struct err *err) {
    struct vm_fake *f = self;
    if (vm_fake_call(f, FAKE_RESET_MS, deadline, err) < 0 || vm_fake_powered(f, err) < 0) {
        return -1;
    }
    sim_machine_boot(f->world);
    return 0;
}

/* Takes next. */
static void vm_fake_use_overlay(struct vm_fake *f, char *next) {
    unlink(f->overlay);
    free(f->overlay);
    f->overlay = next;
}

/* An overlay on top of `below`; caller frees its path. */
static char *vm_fake_make_overlay(struct vm_fake *f, const char *below, struct err *err) {
    CLEANUP_FREE char *name = str_printf("overlay-%u.qcow2", ++f->overlays);
    CLEANUP_FREE char *path = fs_join(f->work_dir, name);
    CLEANUP_FREE char *text = str_printf("simulated disk on %s\n", below);
    return vm_fake_write(f, path, text, err) < 0 ? NULL : STEAL(path);
}

static int vm_fake_write_state(struct vm_fake *f, const char *dir, struct err *err) {
    CLEANUP_FREE char *memory = fs_join(dir, VM_STATE_MEMORY);
    CLEANUP_FREE char *disk = fs_join(dir, VM_STATE_DISK);
    json_t *state = sim_world_to_json(f->world);
    CLEANUP_FREE char *text = json_dumps(state, JSON_INDENT(1));
    json_decref(state);
    if (vm_fake_write(f, disk, "", err) < 0 || fs_copy(f->overlay, disk, err) < 0) {
        return -1;
    }
    /* After the disk: a failure told beforehand leaves half a state behind. */
    if (sim_machine_save_fails(f->world, err)) {
        return -1;
    }
    return vm_fake_write(f, memory, text, err);
}

static int vm_fake_save(void *self, const char *dir, int64_t deadline, struct err *err) {
    struct vm_fake *f = self;
    if (vm_fake_call(f, FAKE_SAVE_MS, deadline, err) < 0 || vm_fake_powered(f, err) < 0) {
        return -1;
    }
    if (sim_machine_power(f->world) != SIM_POWER_UP) {
        return err_set(err, ERR_INTERRUPT, "the guest is not running any more, an event waits");
    }
    CLEANUP_FREE char *frozen = fs_join(dir, VM_STATE_DISK);
    CLEANUP_FREE char *next = vm_fake_make_overlay(f, frozen, err);
    if (!next) {
        return -1;
    }
    if (vm_fake_write_state(f, dir, err) < 0) {
        unlink(next);
        return -1;
    }
    vm_fake_use_overlay(f, STEAL(next));
    return 0;
}

static int vm_fake_load(struct vm_fake *f, const char *dir, struct err *err) {
    CLEANUP_FREE char *memory = fs_join(dir, VM_STATE_MEMORY);
    CLEANUP_FREE char *text = fs_read(memory, FAKE_STATE_MAX, NULL, err);
    if (!text) {
        return -1;
    }
    json_t *state = json_loads(text, 0, NULL);
    int rc = sim_world_from_json(f->world, state, err);
    json_decref(state);
    return rc;
}

static int vm_fake_restore(void *self, const char *dir, int64_t deadline, struct err *err) {
    struct vm_fake *f = self;
    CLEANUP_FREE char *below = fs_join(dir, VM_STATE_DISK);
    if (vm_fake_call(f, FAKE_RESTORE_MS, deadline, err) < 0 ||
        sim_machine_restore_fails(f->world, err) ||
        vm_fake_write(f, f->console, "simulated restore\n", err) < 0) {
        return -1;
    }
    CLEANUP_FREE char *next = vm_fake_make_overlay(f, below, err);
    if (!next) {
        return -1;
    }
    if (vm_fake_load(f, dir, err) < 0) {
        unlink(next);
        return -1;
    }
    vm_fake_use_overlay(f, STEAL(next));
    f->power_on = clock_now(sim_world_clock(f->world));
    sim_world_favour(f->world, false);
    sim_machine_resume(f->world);
    return 0;
}

/* A picture that tells the states apart: blue for a stop screen, as people expect it. */
static int vm_fake_screenshot(void *self, const char *path, struct err *err) {
    static const uint8_t colours[SIM_POWER_COUNT][3] = {
        [SIM_POWER_BOOTING] = {16, 16, 16},
        [SIM_POWER_UP] = {0, 128, 128},
        [SIM_POWER_PANICKED] = {0, 0, 170},
    };
    enum { WIDTH = 64, HEIGHT = 48 };
    struct vm_fake *f = self;
    if (vm_fake_call(f, FAKE_SCREENSHOT_MS, CLOCK_NEVER, err) < 0 || vm_fake_powered(f, err) < 0 ||
        sim_machine_host_write(f->world, path, err) < 0) {
        return -1;
    }
    uint8_t rgb[WIDTH * HEIGHT * 3];
    for (size_t i = 0; i < (size_t)WIDTH * HEIGHT; i++) {
        memcpy(rgb + 3 * i, colours[sim_machine_power(f->world)], 3);
    }
    return screen_write_png(path, rgb, WIDTH, HEIGHT, err);
}

static int vm_fake_dump(void *self, const char *path, int64_t deadline, struct err *err) {
    struct vm_fake *f = self;
    if (vm_fake_call(f, FAKE_DUMP_MS, deadline, err) < 0 || vm_fake_powered(f, err) < 0) {
        return -1;
    }
    return vm_fake_write(f, path, "simulated memory\n", err);
}

static int vm_fake_diagnose(void *self, struct vm_diagnostics *out, struct err *err) {
    struct vm_fake *f = self;
    if (vm_fake_call(f, FAKE_LOOK_MS, CLOCK_NEVER, err) < 0 || vm_fake_powered(f, err) < 0) {
        return -1;
    }
    int64_t up = clock_now(sim_world_clock(f->world)) - f->power_on;
    *out = (struct vm_diagnostics){.cpu_ns = up / 100 * sim_world_load(f->world),
                                   .read_bytes = up / 1000,
                                   .write_bytes = up / 4000,
                                   .net_rx_bytes = up / 8000,
                                   .net_tx_bytes = up / 8000,
                                   .balloon_bytes = INT64_C(512) << 20,
                                   .rss_bytes = INT64_C(300) << 20,
                                   .starved_ns = sim_world_starved(f->world)};
    return 0;
}

static int vm_fake_favour(void *self, bool on, struct err *err) {
    struct vm_fake *f = self;
    if (vm_fake_call(f, FAKE_LOOK_MS, CLOCK_NEVER, err) < 0 || vm_fake_powered(f, err) < 0) {
        return -1;
    }
    sim_world_favour(f->world, on);
    return 0;
}

static int vm_fake_next_event(void *self, int64_t deadline, struct vm_event *ev, struct err *err) {
    struct vm_fake *f = self;
    return sim_machine_next_event(f->world, deadline, ev, err);
}

static int vm_fake_event_fd(void *self) {
    (void)self;
    return -1; /* the fake guest looks at the same world and needs no descriptor */
}

static int vm_fake_endpoints(void *self, struct vm_endpoints *out, struct err *err) {
    struct vm_fake *f = self;
    if (vm_fake_call(f, 0, CLOCK_NEVER, err) < 0) {
        return -1;
    }
    *out = (struct vm_endpoints){0, f->agent_socket, f->console};
    return 0;
}

static const char *vm_fake_disk_path(void *self) {
    return ((struct vm_fake *)self)->overlay;
}

static void vm_fake_destroy(void *self) {
    struct vm_fake *f = self;
    sim_machine_off(f->world);
    if (f->overlay) {
        unlink(f->overlay);
    }
    free(f->work_dir);
    free(f->overlay);
    free(f->console);
    free(f->agent_socket);
    free(f);
}

static const struct vm_ops vm_fake_ops = {
    .backend = "fake",
    .start = vm_fake_start,
    .stop = vm_fake_stop,
    .reset = vm_fake_reset,
    .save = vm_fake_save,
    .restore = vm_fake_restore,
    .screenshot = vm_fake_screenshot,
    .dump = vm_fake_dump,
    .diagnose = vm_fake_diagnose,
    .favour = vm_fake_favour,
    .next_event = vm_fake_next_event,
    .event_fd = vm_fake_event_fd,
    .endpoints = vm_fake_endpoints,
    .disk_path = vm_fake_disk_path,
    .destroy = vm_fake_destroy,
};

struct vm *vm_fake_create(const struct vm_spec *spec, struct sim_world *world, struct log *log,
                          struct err *err) {
    struct vm_fake *f = mem_zalloc(1, sizeof(*f));
    f->world = world;
    f->work_dir = str_dup(spec->work_dir);
    f->overlay = fs_join(spec->work_dir, "overlay.qcow2");
    f->console = fs_join(spec->work_dir, "console.log");
    f->agent_socket = fs_join(spec->work_dir, "agent.sock");
    if (vm_fake_write(f, f->overlay, "simulated disk\n", err) < 0) {
        err_prefix(err, "vm %s: create", spec->name);
        vm_fake_destroy(f);
        return NULL;
    }
    return vm_wrap(&vm_fake_ops, f, spec->name, sim_world_clock(world), log);
}
