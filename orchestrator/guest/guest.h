/* The contract with what runs inside a VM. A guest is reached over two ways at once: the serial
 * port (no driver, no network: it survives a product that breaks networking) and SSH (fast).
 * Backends: real (serial + libssh2) and fake (virtual clock, scripted world). Nothing a guest says
 * is trusted: every answer is bounded and type-checked before it gets here.
 *
 * Every call has a deadline on the guest's clock and can be cut short: when the interrupt fd given
 * at creation becomes readable (the VM crashed), the call returns ERR_INTERRUPT at once.
 */
#ifndef COEXIST_GUEST_GUEST_H
#define COEXIST_GUEST_GUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"

struct guest_exec {
    uint32_t exit_code;    /* Windows process exit code */
    bool timed_out;        /* the guest killed it at its time limit */
    bool truncated;        /* output was longer than max_output */
    int64_t duration_ms;   /* as measured in the guest */
    struct str out, err;   /* raw bytes as they came */
};
void guest_exec_free(struct guest_exec *x);

/* Which of the two ways answer, each asked on its own. */
struct guest_reach {
    bool serial; /* agent answered a ping on the serial port */
    bool ssh;    /* SSH transport, host key and login succeeded */
    bool frozen; /* SSH lets in, but no program started there answers; asked when the serial port is silent */
    bool no_ssh; /* there is no way for SSH to this guest: that it does not answer says nothing */
    char serial_why[160], ssh_why[160]; /* what was seen when it did not */
};

struct guest; /* opaque */

struct guest_ops {
    const char *backend;
    /* Until the agent says hello on the serial port after `since` (a boot); *hello is the object of
     * the hello frame (new reference). Timeout text says what was seen meanwhile. */
    int (*wait_ready)(void *self, int64_t deadline, json_t **hello, struct err *err);
    /* Runs a Windows command line with a time limit inside the guest. */
    int (*exec)(void *self, const char *command, int64_t limit_ms, size_t max_output,
                int64_t deadline, struct guest_exec *out, struct err *err);
    /* Whole files, host path <-> guest path (Windows form, "C:\\x\\y"); parents are made. max_bytes
     * bounds what is accepted from the guest. */
    int (*put)(void *self, const char *host_path, const char *guest_path, int64_t deadline,
               struct err *err);
    int (*get)(void *self, const char *guest_path, const char *host_path, int64_t max_bytes,
               int64_t deadline, struct err *err);
    /* Any other agent operation (agents/proto/PROTOCOL.md). *result is the answer's object with,
     * for list operations, "items": [...] collected from events (bounded); new reference. A refusal
     * by the agent is ERR_REFUSED with its code at the start of the message ("not-found: ..."). */
    int (*call)(void *self, const char *op, const json_t *args, int64_t deadline, json_t **result,
                struct err *err);
    int (*reach)(void *self, int64_t deadline, struct guest_reach *out, struct err *err);
    /* Drops connections (after a reboot or reset they are stale). Never fails. */
    void (*disconnect)(void *self);
    void (*destroy)(void *self);
};

/* Takes self. */
struct guest *guest_wrap(const struct guest_ops *ops, void *self, struct clock *clock,
                         struct log *log);

int guest_wait_ready(struct guest *g, int64_t deadline, json_t **hello, struct err *err);
int guest_exec(struct guest *g, const char *command, int64_t limit_ms, size_t max_output,
               int64_t deadline, struct guest_exec *out, struct err *err);
int guest_put(struct guest *g, const char *host_path, const char *guest_path, int64_t deadline,
              struct err *err);
int guest_get(struct guest *g, const char *guest_path, const char *host_path, int64_t max_bytes,
              int64_t deadline, struct err *err);
int guest_call(struct guest *g, const char *op, const json_t *args, int64_t deadline,
               json_t **result, struct err *err);
/* Sets the guest's wall clock: unix_ms is the time it is, in ms since 1970 (clock_wall_ms). A guest restored
 * from a saved state needs it: its clock stands where it stood. *moved_ms (may be NULL): by how much it was
 * moved, 0 when it was right to a quarter of a second. ERR_REFUSED: the guest cannot. */
int guest_set_clock(struct guest *g, int64_t unix_ms, int64_t deadline, int64_t *moved_ms,
                    struct err *err);
int guest_reach(struct guest *g, int64_t deadline, struct guest_reach *out, struct err *err);
void guest_disconnect(struct guest *g);
void guest_destroy(struct guest *g); /* NULL is fine */
static inline void guest_destroy_ptr(struct guest **g) {
    guest_destroy(*g);
}

#endif
