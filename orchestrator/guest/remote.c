#include "guest/remote.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "guest/agent_client.h"
#include "guest/file_chunks.h"
#include "guest/serial.h"
#include "guest/ssh.h"

/* One attempt to log in; emulated guests were seen to need 0.6 s. */
#define REMOTE_LOGIN_NS (20 * CLOCK_S)
/* The SSH server may start a little after the agent: so long after a boot, attempts are repeated. After
 * that a server that is not there is a finding. */
#define REMOTE_GRACE_NS (30 * CLOCK_S)
#define REMOTE_RETRY_NS (500 * CLOCK_MS)

struct remote {
    struct waiter waiter;
    struct log *log;
    char *ssh_user, *ssh_host_key, *ssh_key_file, *agent_command; /* owned */
    int ssh_port;              /* 0: no SSH */
    int64_t ready_at;          /* when the guest was last known to have come up */
    struct serial *serial;     /* NULL: no serial port */
    struct ssh *ssh;           /* NULL until needed */
    struct agent_client *stdio; /* agent behind an SSH channel of ssh; NULL until needed */
    bool serial_only; /* reach() found SSH lost and serial answering: the rest goes that way */
};

static int64_t remote_earlier(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* ---- the ways in ---- */

/* Logs in, again and again until `patience` while the server is not there or silent. */
static struct ssh *remote_login(struct remote *r, int64_t patience, int64_t deadline,
                                struct err *err) {
    struct ssh_spec spec = {r->ssh_port, r->ssh_user, r->ssh_host_key, r->ssh_key_file, NULL};
    for (;;) {
        CLEANUP_ERR struct err why = ERR_INIT;
        int64_t until = remote_earlier(deadline, clock_after(r->waiter.clock, REMOTE_LOGIN_NS));
        struct ssh *ssh = ssh_connect(&spec, &r->waiter, until, &why);
        if (ssh) {
            return ssh;
        }
        bool absent = why.cls == ERR_CLOSED || why.cls == ERR_TIMEOUT;
        int64_t next = clock_after(r->waiter.clock, REMOTE_RETRY_NS);
        if (!absent || next >= remote_earlier(patience, deadline) ||
            waiter_pause(&r->waiter, next, &why) < 0) {
            err_move(err, &why);
            return NULL;
        }
    }
}

static void remote_drop_ssh(struct remote *r) {
    if (r->ssh) {
        ssh_abandon(r->ssh);
    }
    agent_client_free(r->stdio);
    ssh_close(r->ssh);
    r->stdio = NULL;
    r->ssh = NULL;
}

static struct ssh *remote_ssh(struct remote *r, int64_t deadline, struct err *err) {
    if (r->ssh && ssh_is_dead(r->ssh)) {
        remote_drop_ssh(r);
    }
    if (!r->ssh) {
        r->ssh = remote_login(r, r->ready_at + REMOTE_GRACE_NS, deadline, err);
        log_debug(r->log, "guest: SSH login on port %d %s", r->ssh_port,
                  r->ssh ? "succeeded" : "failed");
    }
    return r->ssh;
}

/* A new agent behind a channel of that connection, having said hello. */
static struct agent_client *remote_start_agent(struct remote *r, struct ssh *ssh, int64_t deadline, struct err *err) {
    json_t *hello = NULL;
    struct stream *stream = ssh_exec(ssh, r->agent_command, deadline, err);
    struct agent_client *agent = stream ? agent_client_new(stream, r->waiter.clock, 0) : NULL;
    if (agent && agent_client_hello(agent, deadline, &hello, err) < 0) {
        err_prefix(err, "starting the agent over SSH");
        agent_client_free(agent);
        agent = NULL;
    }
    json_decref(hello);
    return agent;
}

static struct agent_client *remote_stdio(struct remote *r, int64_t deadline, struct err *err) {
    if (r->stdio && agent_client_is_dead(r->stdio)) {
        agent_client_free(r->stdio);
        r->stdio = NULL;
    }
    struct ssh *ssh = remote_ssh(r, deadline, err); /* may drop r->stdio with its connection */
    if (ssh && !r->stdio) {
        r->stdio = remote_start_agent(r, ssh, deadline, err);
    }
    return r->stdio;
}

/* Not serial because SSH failed: a network that broke is a finding, which must come up as an error. Once
 * reach() has told it, evidence and a rollback may still go by serial. */
static bool remote_uses_ssh(const struct remote *r) {
    return r->ssh_port && !r->serial_only;
}

static struct agent_client *remote_agent(struct remote *r, int64_t deadline, struct err *err) {
    return remote_uses_ssh(r) ? remote_stdio(r, deadline, err) : serial_client(r->serial, err);
}

/* ---- the operations ---- */

static int remote_wait_ready(void *self, int64_t deadline, json_t **hello, struct err *err) {
    struct remote *r = self;
    if (!r->serial) {
        return err_set(err, ERR_INPUT, "the VM has no serial port to wait on");
    }
    if (serial_wait_ready(r->serial, deadline, hello, err) < 0) {
        return -1;
    }
    r->ready_at = clock_now(r->waiter.clock);
    return 0;
}

static void remote_fill_exec(const json_t *result, struct guest_exec *out) {
    out->exit_code = (uint32_t)json_integer_value(json_object_get(result, "exit_code"));
    out->timed_out = json_is_true(json_object_get(result, "timed_out"));
    out->truncated = json_is_true(json_object_get(result, "truncated"));
    out->duration_ms = json_integer_value(json_object_get(result, "duration_ms"));
}

static int remote_exec(void *self, const char *command, int64_t limit_ms, size_t max_output,
                       int64_t deadline, struct guest_exec *out, struct err *err) {
    struct remote *r = self;
    *out = (struct guest_exec){.exit_code = 0};
    struct agent_client *c = remote_agent(r, deadline, err);
    if (!c) {
        return -1;
    }
    json_t *args = json_pack("{s:s, s:I, s:I}", "command", command, "timeout_ms",
                             (json_int_t)limit_ms, "max_output", (json_int_t)max_output);
    if (!args) {
        return err_set(err, ERR_INPUT, "command is not UTF-8");
    }
    json_t *result = NULL;
    struct agent_call call = {"exec", args, deadline, &out->out, &out->err, max_output};
    int rc = agent_client_call(c, &call, &result, err);
    json_decref(args);
    if (rc < 0) {
        guest_exec_free(out);
        return -1;
    }
    remote_fill_exec(result, out);
    json_decref(result);
    return 0;
}

static int remote_put(void *self, const char *host_path, const char *guest_path, int64_t deadline,
                      struct err *err) {
    struct remote *r = self;
    if (remote_uses_ssh(r)) {
        struct ssh *ssh = remote_ssh(r, deadline, err);
        return ssh ? ssh_put(ssh, host_path, guest_path, deadline, err) : -1;
    }
    struct agent_client *c = remote_agent(r, deadline, err);
    return c ? file_chunks_put(c, host_path, guest_path, deadline, err) : -1;
}

static int remote_get(void *self, const char *guest_path, const char *host_path, int64_t max_bytes,
                      int64_t deadline, struct err *err) {
    struct remote *r = self;
    if (remote_uses_ssh(r)) {
        struct ssh *ssh = remote_ssh(r, deadline, err);
        return ssh ? ssh_get(ssh, guest_path, host_path, max_bytes, deadline, err) : -1;
    }
    struct agent_client *c = remote_agent(r, deadline, err);
    return c ? file_chunks_get(c, guest_path, host_path, max_bytes, deadline, err) : -1;
}

static int remote_call(void *self, const char *op, const json_t *args, int64_t deadline,
                       json_t **result, struct err *err) {
    struct remote *r = self;
    struct agent_client *c = remote_agent(r, deadline, err);
    /* Whatever an exec puts out is dropped here, but must still be within what the agent sends. */
    struct agent_call call = {op, args, deadline, NULL, NULL, 1 << 20};
    return c ? agent_client_call(c, &call, result, err) : -1;
}

/* Keeps the reason; negative only for an interrupt, which ends the asking. */
static int remote_note(struct err *why, char *text, size_t cap, struct err *err) {
    snprintf(text, cap, "%s", err_is_set(why) ? err_text(why) : "");
    if (why->cls != ERR_INTERRUPT) {
        return 0;
    }
    err_move(err, why);
    return -1;
}

static int remote_reach_serial(struct remote *r, int64_t deadline, struct guest_reach *out,
                               struct err *err) {
    CLEANUP_ERR struct err why = ERR_INIT;
    struct agent_call call = {.op = "ping", .deadline = deadline};
    struct agent_client *c = NULL;
    if (!r->serial) {
        err_set(&why, ERR_INPUT, "the VM has no serial port");
    } else {
        c = serial_client(r->serial, &why);
    }
    out->serial = c && agent_client_call(c, &call, NULL, &why) == 0;
    return remote_note(&why, out->serial_why, sizeof(out->serial_why), err);
}

/* Where nothing answers on the serial port: does a program start at all? */
static void remote_look_frozen(struct remote *r, struct ssh *ssh, int64_t deadline, struct guest_reach *out,
                               struct err *why) {
    struct agent_client *agent = remote_start_agent(r, ssh, deadline, why);
    out->frozen = !agent && why->cls == ERR_TIMEOUT;
    agent_client_free(agent);
}

static int remote_reach_ssh(struct remote *r, int64_t deadline, struct guest_reach *out,
                            struct err *err) {
    CLEANUP_ERR struct err why = ERR_INIT;
    struct ssh *ssh = NULL;
    if (!r->ssh_port) {
        err_set(&why, ERR_INPUT, "SSH is not set up");
    } else {
        ssh = remote_login(r, deadline, deadline, &why);
    }
    out->ssh = ssh != NULL;
    out->no_ssh = !r->ssh_port;
    if (ssh && !out->serial) {
        remote_look_frozen(r, ssh, deadline, out, &why);
    }
    if (ssh && !r->ssh) {
        r->ssh = ssh;
    } else if (ssh) {
        ssh_abandon(ssh);
        ssh_close(ssh);
    }
    return remote_note(&why, out->ssh_why, sizeof(out->ssh_why), err);
}

/* Serial first, with half of the time, so that each way has its turn whatever the other does. */
static int remote_reach(void *self, int64_t deadline, struct guest_reach *out, struct err *err) {
    struct remote *r = self;
    int64_t now = clock_now(r->waiter.clock);
    int64_t half = deadline == CLOCK_NEVER || deadline < now ? deadline : now + (deadline - now) / 2;
    *out = (struct guest_reach){.serial = false};
    if (remote_reach_serial(r, half, out, err) < 0 || remote_reach_ssh(r, deadline, out, err) < 0) {
        return -1;
    }
    r->serial_only = r->ssh_port && out->serial && !out->ssh;
    return 0;
}

static void remote_disconnect(void *self) {
    struct remote *r = self;
    struct agent_uptime up = {.known = false};
    if (r->stdio) {
        up = agent_client_uptime(r->stdio);
    }
    remote_drop_ssh(r);
    r->serial_only = false;
    if (r->serial) {
        serial_disconnect(r->serial, &up);
    }
}

static void remote_destroy(void *self) {
    struct remote *r = self;
    remote_drop_ssh(r);
    serial_free(r->serial);
    free(r->ssh_user);
    free(r->ssh_host_key);
    free(r->ssh_key_file);
    free(r->agent_command);
    free(r);
}

static const struct guest_ops remote_ops = {
    .backend = "remote",
    .wait_ready = remote_wait_ready,
    .exec = remote_exec,
    .put = remote_put,
    .get = remote_get,
    .call = remote_call,
    .reach = remote_reach,
    .disconnect = remote_disconnect,
    .destroy = remote_destroy,
};

static int remote_check(const struct guest_remote_spec *spec, struct err *err) {
    if (!spec->serial_socket && !spec->ssh_port) {
        return err_set(err, ERR_INPUT, "guest: neither a serial port nor SSH");
    }
    if (spec->ssh_port < 0 || spec->ssh_port > 65535 ||
        (spec->ssh_port && !(spec->ssh_user && spec->ssh_host_key && spec->ssh_key_file &&
                             spec->agent_path))) {
        return err_set(err, ERR_INPUT, "guest: SSH needs a port, user, host key, key and agent");
    }
    return 0;
}

struct guest *guest_remote_create(const struct guest_remote_spec *spec, struct clock *clock,
                                  struct log *log, struct err *err) {
    if (remote_check(spec, err) < 0) {
        return NULL;
    }
    struct remote *r = mem_zalloc(1, sizeof(*r));
    r->waiter = (struct waiter){clock, spec->interrupt_fd};
    r->log = log;
    r->ssh_port = spec->ssh_port;
    r->ssh_user = str_dup(spec->ssh_user);
    r->ssh_host_key = str_dup(spec->ssh_host_key);
    r->ssh_key_file = str_dup(spec->ssh_key_file);
    r->agent_command = str_printf("%s --stdio", spec->agent_path ? spec->agent_path : "");
    r->ready_at = clock_now(clock);
    if (spec->serial_socket) {
        r->serial = serial_new(spec->serial_socket, &r->waiter, log, err);
        if (!r->serial) {
            remote_destroy(r);
            return NULL;
        }
    }
    return guest_wrap(&remote_ops, r, clock, log);
}
