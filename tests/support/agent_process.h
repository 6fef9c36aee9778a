/*
 * The Linux build of the agent as a process behind two pipes, for tests: every wait has an end, and what
 * is wrong fails the test at once.
 */
#ifndef COEXIST_TESTS_SUPPORT_AGENT_PROCESS_H
#define COEXIST_TESTS_SUPPORT_AGENT_PROCESS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/frame.h"

#define WAIT_MS 20000 /* for anything the agent has to do; it needs a fraction */

struct agent {
    pid_t pid;
    int in, out; /* ours */
    struct frame_decoder *decoder;
    char buf[65536];
    size_t at, end;
    char output[1 << 16]; /* decoded bytes of the out events */
    size_t output_len;
    size_t events;
};

int64_t now_ms(void); /* monotonic */

void agent_start(struct agent *a);
/* Ends the input; the agent must end by itself, with 0, in time. */
void agent_stop(struct agent *a);

void agent_write(struct agent *a, const char *bytes, size_t n);
/* printf-like JSON, ' standing for ", sent as one frame */
__attribute__((format(printf, 2, 3))) void agent_send(struct agent *a, const char *format, ...);

/* The next frame within WAIT_MS (new reference), or NULL at the end of the stream. */
json_t *agent_frame(struct agent *a);
/* Counts an event and keeps its output. */
void agent_keep_event(struct agent *a, const json_t *j);
/* Reads to the good answer to id and gives its result; agent_error: it must be this error. id 0: one that
 * belongs to no request. Events on the way are kept, other frames but hello fail the test. */
json_t *agent_ok(struct agent *a, int id);
void agent_ok_drop(struct agent *a, int id);
void agent_error(struct agent *a, int id, const char *code);

int64_t number(const json_t *object, const char *key);

/* Ended, or a zombie that nobody reaps here. */
bool process_gone(int64_t pid);
void check_process_ends(int64_t pid);

#endif
