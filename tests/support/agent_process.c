#include "support/agent_process.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/base64.h"
#include "proto/proto.h"

int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static const char *agent_program(void) {
    static char path[512];
    const char *told = getenv("COEXIST_AGENT_POSIX"), *build = getenv("COEXIST_BUILD");
    if (told) {
        return told;
    }
    snprintf(path, sizeof path, "%s/agents/agent-posix", build ? build : "build");
    return path;
}

void agent_start(struct agent *a) {
    int in[2], out[2];
    memset(a, 0, sizeof *a);
    ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
    ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
    a->pid = fork();
    if (a->pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        execl(agent_program(), "agent-posix", "--stdio", (char *)NULL);
        _exit(127);
    }
    ck_assert_int_gt(a->pid, 0);
    close(in[0]);
    close(out[1]);
    a->in = in[1];
    a->out = out[0];
    a->decoder = frame_decoder_new(PROTO_MAX_FRAME);
}

void agent_write(struct agent *a, const char *bytes, size_t n) {
    while (n > 0) {
        ssize_t put = write(a->in, bytes, n);
        ck_assert_msg(put > 0, "the agent does not take bytes: %s", strerror(errno));
        bytes += put;
        n -= (size_t)put;
    }
}

/* printf-like JSON, ' standing for " */
void agent_send(struct agent *a, const char *format, ...) {
    char text[60000], frame[60002];
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    ck_assert_int_lt(n, (int)sizeof text);
    for (int i = 0; i < n; i++) {
        text[i] = text[i] == '\'' ? '"' : text[i];
    }
    size_t len = frame_encode(text, (size_t)n, frame, sizeof frame);
    ck_assert_uint_gt(len, 0);
    agent_write(a, frame, len);
}

/* The next frame within WAIT_MS, or NULL at the end of the stream. */
json_t *agent_frame(struct agent *a) {
    int64_t end = now_ms() + WAIT_MS;
    for (;;) {
        while (a->at < a->end) {
            enum frame_event event;
            size_t len;
            a->at += frame_decoder_feed(a->decoder, a->buf + a->at, a->end - a->at, &event);
            ck_assert_msg(event == FRAME_NONE || event == FRAME_READY, "the agent broke the framing");
            if (event == FRAME_READY) {
                const char *text = frame_decoder_text(a->decoder, &len);
                json_t *j = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
                ck_assert_msg(json_is_object(j), "not JSON: %.*s", (int)len, text);
                return j;
            }
        }
        struct pollfd p = {.fd = a->out, .events = POLLIN};
        int64_t left = end - now_ms();
        ck_assert_msg(left > 0 && poll(&p, 1, (int)left) == 1, "no word from the agent in time");
        ssize_t n = read(a->out, a->buf, sizeof a->buf);
        if (n == 0) {
            return NULL;
        }
        ck_assert_int_gt(n, 0);
        a->at = 0;
        a->end = (size_t)n;
    }
}

void agent_keep_event(struct agent *a, const json_t *j) {
    a->events++;
    const char *data = json_string_value(json_object_get(j, "data"));
    if (strcmp(json_string_value(json_object_get(j, "event")), "out") == 0 && data) {
        size_t n;
        ck_assert_int_eq(base64_decode(data, strlen(data), a->output + a->output_len,
                                       sizeof a->output - 1 - a->output_len, &n), 0);
        ck_assert_uint_le(n, PROTO_MAX_CHUNK);
        a->output_len += n;
        a->output[a->output_len] = '\0';
    }
}

/* Reads until the answer to id; counts events; other answers are a failure. */
static json_t *agent_answer(struct agent *a, int id) {
    a->events = 0;
    a->output_len = 0;
    a->output[0] = '\0';
    for (;;) {
        json_t *j = agent_frame(a);
        ck_assert_msg(j != NULL, "the agent ended");
        if (json_object_get(j, "hello")) {
            json_decref(j);
            continue;
        }
        ck_assert_msg(json_integer_value(json_object_get(j, "id")) == id, "another frame: %s", json_dumps(j, 0));
        if (!json_object_get(j, "event")) {
            return j;
        }
        agent_keep_event(a, j);
        json_decref(j);
    }
}

json_t *agent_ok(struct agent *a, int id) {
    json_t *j = agent_answer(a, id);
    ck_assert_msg(json_is_true(json_object_get(j, "ok")), "%s", json_dumps(j, 0));
    json_t *result = json_incref(json_object_get(j, "result"));
    json_decref(j);
    ck_assert(json_is_object(result));
    return result;
}

void agent_ok_drop(struct agent *a, int id) {
    json_decref(agent_ok(a, id));
}

/* The answer to id is an error of this code; id 0: an error without an id. */
void agent_error(struct agent *a, int id, const char *code) {
    json_t *j = id ? agent_answer(a, id) : agent_frame(a);
    if (!id && j && json_object_get(j, "hello")) {
        json_decref(j);
        j = agent_frame(a);
    }
    ck_assert_ptr_nonnull(j);
    ck_assert_msg(!json_is_true(json_object_get(j, "ok")), "%s", json_dumps(j, 0));
    ck_assert_int_eq(json_integer_value(json_object_get(j, "id")), id);
    ck_assert_str_eq(json_string_value(json_object_get(json_object_get(j, "error"), "code")), code);
    json_decref(j);
}

int64_t number(const json_t *object, const char *key) {
    const json_t *v = json_object_get(object, key);
    ck_assert_msg(json_is_integer(v), "%s", key);
    return json_integer_value(v);
}

/* Ends the input; the agent must end by itself, with 0, in time. */
void agent_stop(struct agent *a) {
    int64_t end = now_ms() + WAIT_MS;
    int status = -1;
    close(a->in);
    for (;;) { /* its output ends when it does */
        struct pollfd p = {.fd = a->out, .events = POLLIN};
        int64_t left = end - now_ms();
        ck_assert_msg(left > 0 && poll(&p, 1, (int)left) == 1, "the agent does not end");
        if (read(a->out, a->buf, sizeof a->buf) <= 0) {
            break;
        }
    }
    ck_assert_int_eq(waitpid(a->pid, &status, 0), a->pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
    close(a->out);
    frame_decoder_free(a->decoder);
}

/* Ended, or a zombie that nobody reaps here. */
bool process_gone(int64_t pid) {
    char path[64], state = 0;
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    FILE *f = fopen(path, "r");
    if (!f) {
        return true;
    }
    int n = fscanf(f, "%*d (%*[^)]) %c", &state);
    fclose(f);
    return n == 1 && state == 'Z';
}

void check_process_ends(int64_t pid) {
    int64_t end = now_ms() + WAIT_MS;
    ck_assert_int_gt(pid, 1);
    while (!process_gone(pid)) {
        ck_assert_msg(now_ms() < end, "process %lld lives on", (long long)pid);
        poll(NULL, 0, 10);
    }
}
