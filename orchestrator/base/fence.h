/* A fence around code that reads hostile input with somebody else's library: it runs in a child process with limits
 * of time and memory, and only the text that it gives comes back. A crash in there is an error here. */
#ifndef COEXIST_BASE_FENCE_H
#define COEXIST_BASE_FENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct fence_limits {
    int64_t timeout_ns;  /* > 0, of the monotonic clock; the child is killed when it passes */
    size_t memory_bytes; /* address space the child may add to its parent's; 0: unlimited */
    size_t max_output;   /* bytes; more is an error (an error's text is cut at 4096 instead) */
    bool group;          /* fn starts processes of its own: when the time passes they are killed, too */
};

/* Runs fn in a child: what it puts into out (0 returned) is added to `out`; its err (not 0) becomes `err`. Everything
 * else that fn changes is lost with the child. The child writes nothing to standard output or error, and must not
 * wait for other threads of the parent. Errors: ERR_TIMEOUT; ERR_PROTOCOL when the child died by a signal or gave too
 * much, which is the input's fault; ERR_SYSTEM. */
int fence_run(int (*fn)(void *ctx, struct str *out, struct err *err), void *ctx,
              const struct fence_limits *limits, struct str *out, struct err *err);

#endif
