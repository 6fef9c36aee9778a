#include "guest/fake.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "guest/fake_ops.h"
#include "sim/machine.h"

enum {
    FAKE_EXEC_MS = 60,        /* what any command costs beside its own time */
    FAKE_UNKNOWN_MS = 200,    /* cmd.exe looking for a program that is not there */
    FAKE_FILE_MS = 30,        /* per file */
    FAKE_FILE_KIB_PER_MS = 8,
    FAKE_PING_MS = 5,
    FAKE_REACH_MS = 10000,    /* how long a silent way is listened to, */
    FAKE_REACH_AGAIN_MS = 500, /* and how often meanwhile */
    FAKE_FILE_MAX = 256 << 20,
};

struct guest_fake {
    struct sim_world *world; /* borrowed */
};

static int guest_fake_wait_ready(void *self, int64_t deadline, json_t **hello, struct err *err) {
    struct guest_fake *g = self;
    if (sim_machine_wait_up(g->world, deadline, err) < 0) {
        return -1;
    }
    *hello = guest_fake_hello(g->world);
    return 0;
}

/* What cmd.exe says; so a command nobody set up shows. */
static int guest_fake_exec_unknown(struct guest_fake *g, const char *command, int64_t deadline,
                                   struct guest_exec *out, struct err *err) {
    if (sim_machine_spend(g->world, SIM_WAY_SSH, FAKE_UNKNOWN_MS, deadline, err) < 0) {
        return -1;
    }
    out->exit_code = 1;
    out->duration_ms = FAKE_UNKNOWN_MS;
    str_addf(&out->err,
             "'%s' is not recognized as an internal or external command,\r\n"
             "operable program or batch file.\r\n",
             command);
    return 0;
}

static int guest_fake_exec(void *self, const char *command, int64_t limit_ms, size_t max_output,
                           int64_t deadline, struct guest_exec *out, struct err *err) {
    struct guest_fake *g = self;
    (void)max_output; /* nothing a simulated command says is long */
    if (sim_machine_call(g->world, SIM_WAY_SSH, FAKE_EXEC_MS, deadline, err) < 0) {
        return -1;
    }
    int found = sim_world_find_exec(g->world, command);
    if (found < 0) {
        return guest_fake_exec_unknown(g, command, deadline, out, err);
    }
    int64_t ms = sim_world_exec_ms(g->world, found);
    out->timed_out = ms > limit_ms;
    out->duration_ms = out->timed_out ? limit_ms : ms;
    if (sim_machine_spend(g->world, SIM_WAY_SSH, out->duration_ms, deadline, err) < 0) {
        return -1;
    }
    out->exit_code = out->timed_out ? 1 : sim_world_exec_finish(g->world, found);
    /* The command itself may have brought the machine down: then nobody is left to answer. */
    return sim_machine_spend(g->world, SIM_WAY_SSH, 0, deadline, err);
}

static int guest_fake_put(void *self, const char *host_path, const char *guest_path,
                          int64_t deadline, struct err *err) {
    struct guest_fake *g = self;
    size_t len = 0;
    CLEANUP_FREE char *data = fs_read(host_path, FAKE_FILE_MAX, &len, err);
    if (!data) {
        return -1;
    }
    int64_t ms = FAKE_FILE_MS + (int64_t)len / 1024 / FAKE_FILE_KIB_PER_MS;
    if (sim_machine_call(g->world, SIM_WAY_SSH, ms, deadline, err) < 0) {
        return -1;
    }
    CLEANUP_FREE char *thing = str_printf("file:%s", guest_path);
    sim_world_set_bytes(g->world, thing, data, len);
    sim_world_file_put(g->world, guest_path);
    return 0;
}

static int guest_fake_get(void *self, const char *guest_path, const char *host_path,
                          int64_t max_bytes, int64_t deadline, struct err *err) {
    struct guest_fake *g = self;
    if (sim_machine_call(g->world, SIM_WAY_SSH, FAKE_FILE_MS, deadline, err) < 0) {
        return -1;
    }
    CLEANUP_FREE char *thing = str_printf("file:%s", guest_path);
    size_t len = 0;
    const void *data = sim_world_get_bytes(g->world, thing, &len);
    if (!data) {
        return err_set(err, ERR_REFUSED, "not-found: %s", guest_path);
    }
    if ((int64_t)len > max_bytes) {
        return err_set(err, ERR_PROTOCOL, "%s has %zu bytes, more than %lld", guest_path, len,
                       (long long)max_bytes);
    }
    if (sim_machine_host_write(g->world, host_path, err) < 0) {
        return -1;
    }
    return fs_write_atomic(host_path, data, len, 0644, err);
}

/* The serial port, and the agent over SSH when the serial port is dead. */
static enum sim_way guest_fake_call_way(struct guest_fake *g) {
    return !sim_machine_answers(g->world, SIM_WAY_SERIAL, NULL) &&
                   sim_machine_answers(g->world, SIM_WAY_SSH, NULL)
               ? SIM_WAY_SSH
               : SIM_WAY_SERIAL;
}

static int guest_fake_call(void *self, const char *op, const json_t *args, int64_t deadline,
                           json_t **result, struct err *err) {
    struct guest_fake *g = self;
    int64_t ms = guest_fake_op_ms(op, args);
    /* Begins on the host's side: a fault that strikes here decides which way is left. */
    if (sim_machine_call(g->world, SIM_WAY_HOST, 0, deadline, err) < 0 ||
        sim_machine_spend(g->world, guest_fake_call_way(g), ms, deadline, err) < 0) {
        return -1;
    }
    *result = guest_fake_answer(g->world, op, args, err);
    return *result ? 0 : -1;
}

static bool guest_fake_reach_way(struct guest_fake *g, enum sim_way way, char why[160]) {
    const char *seen = "";
    bool answers = sim_machine_answers(g->world, way, &seen);
    snprintf(why, 160, "%s", answers ? "" : seen);
    return answers;
}

/* Asked while something is wrong, so waiting events do not cut it short. */
static int guest_fake_reach(void *self, int64_t deadline, struct guest_reach *out,
                            struct err *err) {
    struct guest_fake *g = self;
    struct clock *clock = sim_world_clock(g->world);
    if (sim_machine_call(g->world, SIM_WAY_HOST, FAKE_PING_MS, deadline, err) < 0) {
        return -1;
    }
    int64_t patience = clock_after(clock, FAKE_REACH_MS * CLOCK_MS);
    for (int64_t until = patience < deadline ? patience : deadline;;) {
        out->serial = guest_fake_reach_way(g, SIM_WAY_SERIAL, out->serial_why);
        out->ssh = guest_fake_reach_way(g, SIM_WAY_SSH, out->ssh_why);
        out->frozen = sim_machine_frozen(g->world);
        out->ssh |= out->frozen;
        if ((out->serial && out->ssh) || clock_now(clock) >= until) {
            return 0;
        }
        int64_t again = clock_after(clock, FAKE_REACH_AGAIN_MS * CLOCK_MS);
        clock->wait_until(clock, again < until ? again : until);
    }
}

static void guest_fake_disconnect(void *self) {
    (void)self; /* the world has no connections to go stale */
}

static void guest_fake_destroy(void *self) {
    free(self);
}

static const struct guest_ops guest_fake_ops = {
    .backend = "fake",
    .wait_ready = guest_fake_wait_ready,
    .exec = guest_fake_exec,
    .put = guest_fake_put,
    .get = guest_fake_get,
    .call = guest_fake_call,
    .reach = guest_fake_reach,
    .disconnect = guest_fake_disconnect,
    .destroy = guest_fake_destroy,
};

struct guest *guest_fake_create(struct sim_world *world, struct log *log) {
    struct guest_fake *g = mem_zalloc(1, sizeof(*g));
    g->world = world;
    return guest_wrap(&guest_fake_ops, g, sim_world_clock(world), log);
}
