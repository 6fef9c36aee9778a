/*
 * Words and limits of the agent protocol, version 1; see PROTOCOL.md. Shared by the agent and the
 * orchestrator. No allocation, no platform dependency.
 */
#ifndef COEXIST_PROTO_PROTO_H
#define COEXIST_PROTO_PROTO_H

#include <stddef.h>
#include <stdint.h>

#define PROTO_VERSION 1
/* Bytes of JSON text between RS and LF. */
#define PROTO_MAX_FRAME 65536
/* Raw bytes in one out/err event or put/get chunk, before base64. */
#define PROTO_MAX_CHUNK 32768
/* Requests running at once; hello, ping and cancel do not count. */
#define PROTO_MAX_REQUESTS 8
/* The largest integer every JSON reader holds exactly (RFC 8259, section 6). */
#define PROTO_MAX_ID (UINT64_C(1) << 53)
/* Pause between beats on a serial line, milliseconds. */
#define PROTO_BEAT_MS 5000
/* JSON nesting accepted in a request. */
#define PROTO_MAX_DEPTH 16

enum proto_op {
    PROTO_OP_HELLO,
    PROTO_OP_PING,
    PROTO_OP_CANCEL,
    PROTO_OP_EXEC,
    PROTO_OP_PUT,
    PROTO_OP_GET,
    PROTO_OP_STAT,
    PROTO_OP_HASH,
    PROTO_OP_LOOK,
    PROTO_OP_LIST,
    PROTO_OP_REMOVE,
    PROTO_OP_MKDIR,
    PROTO_OP_PROCESSES,
    PROTO_OP_SERVICES,
    PROTO_OP_DRIVERS,
    PROTO_OP_SERVICE,
    PROTO_OP_FILE_VERSION,
    PROTO_OP_PRODUCTS,
    PROTO_OP_REGISTRY,
    PROTO_OP_SYSTEM,
    PROTO_OP_EVENTLOG,
    PROTO_OP_SHUTDOWN,
    PROTO_OP_WORKLOAD,
    PROTO_OP_CLOCK,
    PROTO_OP_COUNT
};

enum proto_error {
    PROTO_ERR_BAD_FRAME,   /* a frame that is no JSON object; has no id */
    PROTO_ERR_TOO_LONG,    /* a frame over the limit (no id), or an answer that would be */
    PROTO_ERR_UNKNOWN_OP,  /* a word this agent does not know */
    PROTO_ERR_BAD_ARGS,    /* a missing, mistyped or impossible argument */
    PROTO_ERR_DEADLINE,    /* deadline_ms passed */
    PROTO_ERR_CANCELLED,   /* stopped by cancel, or by the end of the connection */
    PROTO_ERR_NOT_FOUND,   /* no such file, service, key, request */
    PROTO_ERR_DENIED,      /* the guest refused access */
    PROTO_ERR_OS,          /* any other failure of the guest's system; "os" has its number */
    PROTO_ERR_UNSUPPORTED, /* known, but this guest cannot do it */
    PROTO_ERR_BUSY,        /* PROTO_MAX_REQUESTS are running */
    PROTO_ERR_COUNT
};

/* The word on the wire; a static string. Out of range is a bug of the caller: "?" comes back. */
const char *proto_op_name(enum proto_op op);
const char *proto_error_name(enum proto_error code);

/* The enum for a word of len bytes, or -1 when there is none. */
int proto_op_find(const char *word, size_t len);
int proto_error_find(const char *word, size_t len);

#endif
