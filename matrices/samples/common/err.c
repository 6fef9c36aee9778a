#include "err.h"

#include <stdarg.h>
#include <stdio.h>

int err_set(struct err *err, unsigned long os, const char *format, ...)
{
    va_list arguments;

    if (!err)
        return -1;
    err->os = os;
    va_start(arguments, format);
    if (vsnprintf(err->text, sizeof err->text, format, arguments) < 0)
        snprintf(err->text, sizeof err->text, "(unprintable path) %s", format);
    va_end(arguments);
    return -1;
}
