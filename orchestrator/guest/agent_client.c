#include "guest/agent_client.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "guest/agent_link.h"
#include "guest/agent_schema.h"
#include "guest/printable.h"
#include "proto/proto.h"

/* A cancel is a courtesy to the guest: it may cost the caller no more than this past its deadline. */
#define CLIENT_CANCEL_NS (200 * CLOCK_MS)

struct agent_client {
    struct agent_link *link;
    struct clock *clock;
    uint64_t next_id;
    bool heard; /* the agent has spoken on this stream: another greeting means it started anew */
    struct agent_uptime uptime;
};

/* One request under way. */
struct agent_pending {
    const struct agent_call *call;
    uint64_t id;
    json_t *items; /* NULL unless it is a list operation */
    size_t item_bytes;
    size_t output; /* bytes of it so far */
    json_t *hello; /* filled instead of the result when the agent greets and the op is hello */
};

struct agent_client *agent_client_new(struct stream *stream, struct clock *clock,
                                      uint64_t first_id) {
    struct agent_client *c = mem_zalloc(1, sizeof(*c));
    c->link = agent_link_new(stream);
    c->clock = clock;
    /* 48 bits leave room to count up below PROTO_MAX_ID. */
    c->next_id = first_id ? first_id : 1 + ((uint64_t)randombytes_random() << 16);
    return c;
}

void agent_client_free(struct agent_client *c) {
    if (c) {
        agent_link_free(c->link);
        free(c);
    }
}

bool agent_client_is_dead(const struct agent_client *c) {
    return agent_link_is_dead(c->link);
}

struct agent_seen agent_client_seen(const struct agent_client *c) {
    return *agent_link_seen(c->link);
}

struct agent_uptime agent_client_uptime(const struct agent_client *c) {
    return c->uptime;
}

char *agent_client_describe(const struct agent_client *c) {
    return agent_link_describe(c->link);
}

static void agent_client_note_uptime(struct agent_client *c, const json_t *up) {
    if (json_is_integer(up) && json_integer_value(up) >= 0 &&
        json_integer_value(up) <= (json_int_t)PROTO_MAX_ID) {
        c->uptime = (struct agent_uptime){true, json_integer_value(up), clock_now(c->clock)};
    }
}

static int agent_client_send(struct agent_client *c, const char *op, const json_t *args,
                             int64_t deadline, uint64_t *id, struct err *err) {
    *id = c->next_id++;
    int64_t left = (deadline - clock_now(c->clock)) / CLOCK_MS;
    json_t *frame = json_pack("{s:I, s:s, s:O*}", "id", (json_int_t)*id, "op", op, "args", args);
    if (!frame) {
        return err_set(err, ERR_INPUT, "operation's name or arguments are not UTF-8");
    }
    if (deadline != CLOCK_NEVER) {
        json_object_set_new(frame, "deadline_ms", json_integer(left < 1 ? 1 : left));
    }
    int rc = agent_link_write(c->link, frame, deadline, err);
    json_decref(frame);
    return rc;
}

static void agent_client_cancel(struct agent_client *c, uint64_t id) {
    uint64_t unused = 0;
    json_t *args = json_pack("{s:I}", "id", (json_int_t)id);
    agent_client_send(c, "cancel", args, clock_after(c->clock, CLIENT_CANCEL_NS), &unused, NULL);
    json_decref(args);
}

static int agent_client_add_output(struct agent_pending *p, struct str *to,
                                   const json_t *data, struct err *err) {
    const char *op = p->call->op;
    if (!agent_schema_has_output(op)) {
        return err_set(err, ERR_PROTOCOL, "%s: output from what has none", op);
    }
    unsigned char raw[PROTO_MAX_CHUNK];
    size_t n = 0;
    if (!json_is_string(data) ||
        sodium_base642bin(raw, sizeof(raw), json_string_value(data), json_string_length(data), NULL,
                          &n, NULL, sodium_base64_VARIANT_ORIGINAL) < 0) {
        return err_set(err, ERR_PROTOCOL, "%s: output that is not base64 of at most %d bytes", op,
                       PROTO_MAX_CHUNK);
    }
    if (n > p->call->max_output - p->output) {
        return err_set(err, ERR_PROTOCOL, "%s: more output than the %zu bytes asked for", op,
                       p->call->max_output);
    }
    p->output += n;
    if (to) {
        str_add_bytes(to, raw, n);
    }
    return 0;
}

static int agent_client_add_item(struct agent_pending *p, json_t *item, size_t len,
                                 struct err *err) {
    const char *op = p->call->op;
    if (!p->items) {
        return err_set(err, ERR_PROTOCOL, "%s: items from what is no list operation", op);
    }
    if (agent_schema_item(op, item, err) < 0) {
        return -1;
    }
    p->item_bytes += len;
    if (json_array_size(p->items) >= AGENT_MAX_ITEMS || p->item_bytes > AGENT_MAX_ITEM_BYTES) {
        return err_set(err, ERR_PROTOCOL, "%s: more than %d items or %u bytes of them", op,
                       AGENT_MAX_ITEMS, AGENT_MAX_ITEM_BYTES);
    }
    json_array_append(p->items, item);
    return 0;
}

static int agent_client_take_event(struct agent_pending *p, const json_t *frame, size_t len,
                                   struct err *err) {
    const char *event = json_string_value(json_object_get(frame, "event"));
    json_t *data = json_object_get(frame, "data");
    if (str_eq(event, "out")) {
        return agent_client_add_output(p, p->call->out, data, err);
    }
    if (str_eq(event, "err")) {
        return agent_client_add_output(p, p->call->err, data, err);
    }
    if (str_eq(event, "item")) {
        return agent_client_add_item(p, data, len, err);
    }
    return err_set(err, ERR_PROTOCOL, "%s: an event of no known kind", p->call->op);
}

static int agent_client_refused(const char *op, const json_t *error, struct err *err) {
    const json_t *code = json_object_get(error, "code");
    const json_t *message = json_object_get(error, "message");
    if (!json_is_string(code) || (message && !json_is_string(message))) {
        return err_set(err, ERR_PROTOCOL, "%s: refused without a code", op);
    }
    CLEANUP_FREE char *word = printable_text(json_string_value(code),
                                                   json_string_length(code), 32);
    CLEANUP_FREE char *text = printable_text(json_is_string(message) ? json_string_value(message)
                                                                           : "",
                                                   json_string_length(message), 400);
    enum err_class cls = str_eq(word, proto_error_name(PROTO_ERR_DEADLINE)) ? ERR_TIMEOUT
                                                                           : ERR_REFUSED;
    return err_set(err, cls, "%s: %s", word, text[0] ? text : op);
}

/* The answer's result with the items collected; NULL with err. New reference. */
static json_t *agent_client_take_answer(struct agent_pending *p, const json_t *frame,
                                        struct err *err) {
    const char *op = p->call->op;
    const json_t *ok = json_object_get(frame, "ok");
    json_t *result = json_object_get(frame, "result");
    if (json_is_false(ok)) {
        agent_client_refused(op, json_object_get(frame, "error"), err);
        return NULL;
    }
    if (!json_is_true(ok)) {
        err_set(err, ERR_PROTOCOL, "%s: an answer that is neither yes nor no", op);
        return NULL;
    }
    if (agent_schema_result(op, result, err) < 0) {
        return NULL;
    }
    if (p->items) {
        json_object_set(result, "items", p->items);
    }
    return json_incref(result);
}

/* What is not about a request. True when it was: beats, greetings, complaints. */
static bool agent_client_take_notice(struct agent_client *c, const json_t *frame,
                                     const json_t **greeting) {
    struct agent_seen *seen = agent_link_seen(c->link);
    const json_t *beat = json_object_get(frame, "beat");
    const json_t *hello = json_object_get(frame, "hello");
    if (beat) {
        seen->beats++;
        c->heard = true;
        agent_client_note_uptime(c, json_object_get(beat, "up_ms"));
    } else if (hello) {
        agent_client_note_uptime(c, json_object_get(hello, "boot_ms"));
        *greeting = hello;
    } else if (!json_object_get(frame, "id") && json_object_get(frame, "error")) {
        seen->refused++;
    } else {
        return false;
    }
    return true;
}

/* 1: a frame about the request with this id; 0: something else, skipped; negative: ERR_CLOSED. */
static int agent_client_sort(struct agent_client *c, struct agent_pending *p, json_t *frame,
                             struct err *err) {
    const json_t *greeting = NULL;
    if (agent_client_take_notice(c, frame, &greeting)) {
        bool again = greeting && c->heard;
        c->heard = c->heard || greeting;
        if (greeting && str_eq(p->call->op, "hello")) {
            p->hello = json_incref(json_object_get(frame, "hello"));
        } else if (again) {
            return err_set(err, ERR_CLOSED, "the agent started anew meanwhile");
        }
        return 0;
    }
    struct agent_seen *seen = agent_link_seen(c->link);
    const json_t *id = json_object_get(frame, "id");
    if (!json_is_integer(id) ||
        !(json_object_get(frame, "ok") || json_object_get(frame, "event"))) {
        seen->broken++;
        return 0;
    }
    if ((uint64_t)json_integer_value(id) != p->id) {
        seen->late++;
        return 0;
    }
    c->heard = true;
    return 1;
}

/* Reads until the request has its result. NULL with err. */
static json_t *agent_client_await(struct agent_client *c, struct agent_pending *p,
                                  struct err *err) {
    for (;;) {
        json_t *frame = NULL;
        json_t *result = NULL;
        size_t len = 0;
        bool done = false;
        if (agent_link_read(c->link, p->call->deadline, &frame, &len, err) < 0) {
            return NULL;
        }
        int rc = agent_client_sort(c, p, frame, err);
        if (rc > 0 && json_object_get(frame, "event")) {
            rc = agent_client_take_event(p, frame, len, err);
        } else if (rc > 0) {
            result = agent_client_take_answer(p, frame, err);
            done = true;
        }
        json_decref(frame);
        if (done || rc < 0 || p->hello) {
            return result;
        }
    }
}

/* The agent still works on what nobody waits for any more; an interrupt means there is no agent. */
static void agent_client_give_up(struct agent_client *c, const struct agent_pending *p,
                                 struct err *err) {
    bool cancel = err->cls == ERR_PROTOCOL || err->cls == ERR_TIMEOUT;
    if (err->cls == ERR_TIMEOUT) {
        CLEANUP_FREE char *seen = agent_link_describe(c->link);
        CLEANUP_FREE char *text = str_dup(err_text(err));
        err_set(err, ERR_TIMEOUT, "%s (%s)", text, seen);
    }
    if (cancel && !agent_link_is_dead(c->link) && !str_eq(p->call->op, "hello")) {
        agent_client_cancel(c, p->id);
    }
}

static json_t *agent_client_run(struct agent_client *c, struct agent_pending *p,
                                struct err *err) {
    CLEANUP_ERR struct err why = ERR_INIT;
    json_t *result = NULL;
    if (agent_client_send(c, p->call->op, p->call->args, p->call->deadline, &p->id, &why) == 0) {
        result = agent_client_await(c, p, &why);
    }
    if (err_is_set(&why)) {
        agent_client_give_up(c, p, &why);
        if (why.cls != ERR_REFUSED) { /* a refusal begins with its code (guest/guest.h) */
            err_prefix(&why, "agent");
        }
        err_move(err, &why);
    }
    return result;
}

int agent_client_call(struct agent_client *c, const struct agent_call *call, json_t **result,
                      struct err *err) {
    struct agent_pending p = {.call = call};
    json_t *got = NULL;
    if (str_eq(call->op, "hello")) {
        agent_client_hello(c, call->deadline, &got, err);
    } else {
        p.items = agent_schema_is_list(call->op) ? json_array() : NULL;
        got = agent_client_run(c, &p, err);
        json_decref(p.items);
    }
    if (!got) {
        return -1;
    }
    agent_client_note_uptime(c, json_object_get(got, "up_ms"));
    if (result) {
        *result = got;
    } else {
        json_decref(got);
    }
    return 0;
}

int agent_client_hello(struct agent_client *c, int64_t deadline, json_t **hello, struct err *err) {
    CLEANUP_ERR struct err why = ERR_INIT;
    struct agent_call call = {.op = "hello", .deadline = deadline};
    struct agent_pending p = {.call = &call};
    json_t *got = agent_client_run(c, &p, &why);
    got = p.hello ? p.hello : got;
    if (!got) {
        err_move(err, &why);
        return -1;
    }
    if (agent_schema_hello(got, err) < 0) {
        err_prefix(err, "agent");
        json_decref(got);
        return -1;
    }
    agent_client_note_uptime(c, json_object_get(got, "boot_ms"));
    *hello = got;
    return 0;
}
