/* Errors of the sample products: what went wrong, with the Windows code behind it. */
#ifndef SAMPLES_ERR_H
#define SAMPLES_ERR_H

struct err {
    unsigned long os; /* GetLastError() value, 0 when the fault is not the system's */
    char text[256];   /* UTF-8, always terminated */
};

/* Fills err (which may be NULL) and returns -1, so that callers can `return err_set(...)`. */
int err_set(struct err *err, unsigned long os, const char *format, ...)
    __attribute__((format(gnu_printf, 3, 4)));

#endif
