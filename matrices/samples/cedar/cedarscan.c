/* cedarscan.exe STOP READY: protects until the event STOP is set. Both are inherited handles. */
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#include "guard.h"
#include "log.h"

enum { CEDARSCAN_USAGE = 1, CEDARSCAN_CANNOT = 2 };

static HANDLE cedarscan_handle(const char *text)
{
    return (HANDLE)(ULONG_PTR)strtoull(text, NULL, 10);
}

int main(int count, char **arguments)
{
    struct err err = { .os = 0 };
    struct guard *guard;
    HANDLE stop;

    if (count != 3) {
        fprintf(stderr, "cedarscan is started by CedarSvc\n");
        return CEDARSCAN_USAGE;
    }
    stop = cedarscan_handle(arguments[1]);
    guard = guard_open(&err);
    if (!guard) {
        log_write(L"cannot protect: %hs (error %lu)", err.text, err.os);
        return CEDARSCAN_CANNOT;
    }
    SetEvent(cedarscan_handle(arguments[2]));
    WaitForSingleObject(stop, INFINITE);
    guard_close(guard);
    return 0;
}
