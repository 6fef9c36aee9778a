/* Why an op failed: what goes into the "error" object of an answer. */
#ifndef COEXIST_COMMON_OP_ERROR_H
#define COEXIST_COMMON_OP_ERROR_H

#include "proto/proto.h"

struct op_error {
    enum proto_error code;
    uint32_t os;       /* GetLastError() or errno, for PROTO_ERR_OS; else 0 */
    char message[240]; /* UTF-8 as far as the arguments were; cut when longer */
};

#if defined(__MINGW_PRINTF_FORMAT)
#define OP_PRINTF(a, b) __attribute__((format(__MINGW_PRINTF_FORMAT, a, b)))
#else
#define OP_PRINTF(a, b) __attribute__((format(printf, a, b)))
#endif

/* Both fill *err and return -1. */
int op_fail(struct op_error *err, enum proto_error code, const char *format, ...) OP_PRINTF(3, 4);
/* For a failed system call: not-found and denied are told apart from the number, the rest is os. */
int op_fail_os(struct op_error *err, uint32_t os, const char *format, ...) OP_PRINTF(3, 4);

/* The platform's part of op_fail_os: the class of an error number. */
enum proto_error plat_error_class(uint32_t os);

#endif
