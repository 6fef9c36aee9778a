#include "proto/proto.h"

#include <assert.h>
#include <string.h>

static const char *const proto_op_names[] = {
    [PROTO_OP_HELLO] = "hello",
    [PROTO_OP_PING] = "ping",
    [PROTO_OP_CANCEL] = "cancel",
    [PROTO_OP_EXEC] = "exec",
    [PROTO_OP_PUT] = "put",
    [PROTO_OP_GET] = "get",
    [PROTO_OP_STAT] = "stat",
    [PROTO_OP_HASH] = "hash",
    [PROTO_OP_LOOK] = "look",
    [PROTO_OP_LIST] = "list",
    [PROTO_OP_REMOVE] = "remove",
    [PROTO_OP_MKDIR] = "mkdir",
    [PROTO_OP_PROCESSES] = "processes",
    [PROTO_OP_SERVICES] = "services",
    [PROTO_OP_DRIVERS] = "drivers",
    [PROTO_OP_SERVICE] = "service",
    [PROTO_OP_FILE_VERSION] = "file_version",
    [PROTO_OP_PRODUCTS] = "products",
    [PROTO_OP_REGISTRY] = "registry",
    [PROTO_OP_SYSTEM] = "system",
    [PROTO_OP_EVENTLOG] = "eventlog",
    [PROTO_OP_SHUTDOWN] = "shutdown",
    [PROTO_OP_WORKLOAD] = "workload",
    [PROTO_OP_CLOCK] = "clock",
};
static_assert(sizeof proto_op_names / sizeof proto_op_names[0] == PROTO_OP_COUNT,
              "every op has its word");

static const char *const proto_error_names[] = {
    [PROTO_ERR_BAD_FRAME] = "bad-frame",   [PROTO_ERR_TOO_LONG] = "too-long",
    [PROTO_ERR_UNKNOWN_OP] = "unknown-op", [PROTO_ERR_BAD_ARGS] = "bad-args",
    [PROTO_ERR_DEADLINE] = "deadline",     [PROTO_ERR_CANCELLED] = "cancelled",
    [PROTO_ERR_NOT_FOUND] = "not-found",   [PROTO_ERR_DENIED] = "denied",
    [PROTO_ERR_OS] = "os",                 [PROTO_ERR_UNSUPPORTED] = "unsupported",
    [PROTO_ERR_BUSY] = "busy",
};
static_assert(sizeof proto_error_names / sizeof proto_error_names[0] == PROTO_ERR_COUNT,
              "every error code has its word");

static int proto_find(const char *const *names, size_t count, const char *word, size_t len)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(names[i]) == len && memcmp(names[i], word, len) == 0)
            return (int)i;
    return -1;
}

const char *proto_op_name(enum proto_op op)
{
    return (unsigned)op < PROTO_OP_COUNT ? proto_op_names[op] : "?";
}

const char *proto_error_name(enum proto_error code)
{
    return (unsigned)code < PROTO_ERR_COUNT ? proto_error_names[code] : "?";
}

int proto_op_find(const char *word, size_t len)
{
    return proto_find(proto_op_names, PROTO_OP_COUNT, word, len);
}

int proto_error_find(const char *word, size_t len)
{
    return proto_find(proto_error_names, PROTO_ERR_COUNT, word, len);
}
