#include "guest/guest.h"

#include <ctype.h>
#include <string.h>

#include "base/cleanup.h"

struct guest {
    const struct guest_ops *ops;
    void *self; /* owned; the backend's own object */
    struct clock *clock;
    struct log *log;
};

void guest_exec_free(struct guest_exec *x) {
    str_free(&x->out);
    str_free(&x->err);
}

struct guest *guest_wrap(const struct guest_ops *ops, void *self, struct clock *clock,
                         struct log *log) {
    struct guest *g = mem_zalloc(1, sizeof(*g));
    *g = (struct guest){ops, self, clock, log};
    return g;
}

/* One call in progress: its name for the trace, an argument for people, and when it began. */
struct guest_trace {
    const char *what;
    const char *arg;
    int64_t began;
    struct err own; /* takes the text when the caller does not want it */
};

static void guest_trace_end(struct guest_trace *t) {
    err_clear(&t->own);
}

static struct err *guest_enter(struct guest *g, struct guest_trace *t, const char *what,
                               const char *arg, struct err *err) {
    *t = (struct guest_trace){what, arg, clock_now(g->clock), ERR_INIT};
    return err ? err : &t->own;
}

/* Traces and says in an error which call it came from. */
static int guest_leave(struct guest *g, struct guest_trace *t, int rc, struct err *e) {
    log_debug(g->log, "guest: %s%s%.120s: %lld ms: %s", t->what, *t->arg ? " " : "", t->arg,
              (long long)((clock_now(g->clock) - t->began) / CLOCK_MS),
              rc < 0 ? err_text(e) : "ok");
    /* A refusal keeps the agent's code at the start of its text. */
    if (rc < 0 && e->cls != ERR_REFUSED) {
        err_prefix(e, "guest: %s%s%.120s", t->what, *t->arg ? " " : "", t->arg);
    }
    return rc < 0 ? -1 : 0;
}

static int guest_check_deadline(struct guest *g, int64_t deadline, struct err *err) {
    if (clock_now(g->clock) >= deadline) {
        return err_set(err, ERR_TIMEOUT, "the deadline had passed before the call");
    }
    return 0;
}

/* Windows form: drive letter, colon, backslash. Anything else comes from a mistake of ours. */
static int guest_check_path(const char *path, struct err *err) {
    if (!path || !isalpha((unsigned char)path[0]) || path[1] != ':' || path[2] != '\\') {
        return err_set(err, ERR_BUG, "'%s' is not a full Windows path", path ? path : "");
    }
    return 0;
}

int guest_wait_ready(struct guest *g, int64_t deadline, json_t **hello, struct err *err) {
    CLEANUP(guest_trace_end) struct guest_trace t;
    struct err *e = guest_enter(g, &t, "wait ready", "", err);
    int rc = g->ops->wait_ready(g->self, deadline, hello, e);
    if (rc == 0 && !json_is_object(*hello)) {
        json_decref(*hello);
        rc = err_set(e, ERR_PROTOCOL, "the agent's hello is not an object");
    }
    return guest_leave(g, &t, rc, e);
}

int guest_exec(struct guest *g, const char *command, int64_t limit_ms, size_t max_output,
               int64_t deadline, struct guest_exec *out, struct err *err) {
    CLEANUP(guest_trace_end) struct guest_trace t;
    struct err *e = guest_enter(g, &t, "exec", command, err);
    memset(out, 0, sizeof(*out));
    int rc = limit_ms > 0 ? guest_check_deadline(g, deadline, e)
                          : err_set(e, ERR_BUG, "a command needs a time limit");
    if (rc == 0) {
        rc = g->ops->exec(g->self, command, limit_ms, max_output, deadline, out, e);
    }
    if (rc < 0) { /* half an answer is none */
        guest_exec_free(out);
        memset(out, 0, sizeof(*out));
    }
    return guest_leave(g, &t, rc, e);
}

int guest_put(struct guest *g, const char *host_path, const char *guest_path, int64_t deadline,
              struct err *err) {
    CLEANUP(guest_trace_end) struct guest_trace t;
    struct err *e = guest_enter(g, &t, "put", guest_path, err);
    int rc = guest_check_path(guest_path, e);
    if (rc == 0 && (rc = guest_check_deadline(g, deadline, e)) == 0) {
        rc = g->ops->put(g->self, host_path, guest_path, deadline, e);
    }
    return guest_leave(g, &t, rc, e);
}

int guest_get(struct guest *g, const char *guest_path, const char *host_path, int64_t max_bytes,
              int64_t deadline, struct err *err) {
    CLEANUP(guest_trace_end) struct guest_trace t;
    struct err *e = guest_enter(g, &t, "get", guest_path, err);
    int rc = guest_check_path(guest_path, e);
    if (rc == 0 && (rc = guest_check_deadline(g, deadline, e)) == 0) {
        rc = g->ops->get(g->self, guest_path, host_path, max_bytes, deadline, e);
    }
    return guest_leave(g, &t, rc, e);
}

int guest_call(struct guest *g, const char *op, const json_t *args, int64_t deadline,
               json_t **result, struct err *err) {
    CLEANUP(guest_trace_end) struct guest_trace t;
    struct err *e = guest_enter(g, &t, "call", op, err);
    *result = NULL;
    int rc = guest_check_deadline(g, deadline, e);
    if (rc == 0) {
        rc = g->ops->call(g->self, op, args, deadline, result, e);
    }
    if (rc == 0 && !json_is_object(*result)) {
        json_decref(*result);
        *result = NULL;
        rc = err_set(e, ERR_PROTOCOL, "the answer's result is not an object");
    }
    return guest_leave(g, &t, rc, e);
}

int guest_set_clock(struct guest *g, int64_t unix_ms, int64_t deadline, int64_t *moved_ms,
                    struct err *err) {
    json_t *result = NULL;
    json_t *args = json_pack("{s:I}", "unix_ms", (json_int_t)unix_ms);
    int rc = guest_call(g, "clock", args, deadline, &result, err);
    if (rc == 0 && moved_ms) {
        *moved_ms = json_integer_value(json_object_get(result, "moved_ms"));
    }
    json_decref(args);
    json_decref(result);
    return rc;
}

int guest_reach(struct guest *g, int64_t deadline, struct guest_reach *out, struct err *err) {
    CLEANUP(guest_trace_end) struct guest_trace t;
    struct err *e = guest_enter(g, &t, "reach", "", err);
    memset(out, 0, sizeof(*out));
    int rc = g->ops->reach(g->self, deadline, out, e);
    return guest_leave(g, &t, rc, e);
}

void guest_disconnect(struct guest *g) {
    g->ops->disconnect(g->self);
}

void guest_destroy(struct guest *g) {
    if (g) {
        g->ops->destroy(g->self);
        free(g);
    }
}
