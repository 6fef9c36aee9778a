#include "common/op_error.h"

#include <stdarg.h>
#include <stdio.h>

int op_fail(struct op_error *err, enum proto_error code, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(err->message, sizeof err->message, format, ap);
    va_end(ap);
    err->code = code;
    err->os = 0;
    return -1;
}

int op_fail_os(struct op_error *err, uint32_t os, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(err->message, sizeof err->message, format, ap);
    va_end(ap);
    err->code = plat_error_class(os);
    err->os = os;
    return -1;
}
