/* shutdown, with or without a start afterwards. */
#include <stdio.h>
#include <string.h>
#include <windows.h>

#include "windows/guest.h"
#include "windows/ops.h"

#ifndef SHTDN_REASON_FLAG_PLANNED
#define SHTDN_REASON_FLAG_PLANNED 0x80000000
#endif

/*
 * Wine ends its own processes only, not the machine under it, and its own shutdown.exe does nothing.
 * A guest that can do more has a program of its own in that one's place, which does not carry the
 * mark that Wine's builtin files have behind their DOS header.
 */
static bool shutdown_program_is_wines(const wchar_t *path)
{
    static const char mark[] = "Wine builtin", fake[] = "Wine placeholder";
    char head[0x60] = "";
    DWORD n = 0;
    HANDLE f = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);

    if (f == INVALID_HANDLE_VALUE)
        return true; /* there is none: as good as Wine's */
    ReadFile(f, head, sizeof head, &n, NULL);
    CloseHandle(f);
    return n < sizeof head || memcmp(head + 0x40, mark, sizeof mark - 1) == 0 ||
           memcmp(head + 0x40, fake, sizeof fake - 1) == 0;
}

static int shutdown_by_program(bool reboot, struct op_error *err)
{
    wchar_t program[MAX_PATH + 32], line[MAX_PATH + 64];
    STARTUPINFOW start = {.cb = sizeof start};
    PROCESS_INFORMATION info;
    UINT n = GetSystemDirectoryW(program, MAX_PATH);

    if (n == 0 || n >= MAX_PATH)
        return guest_fail(err, "system folder");
    wcscat(program, L"\\shutdown.exe");
    if (shutdown_program_is_wines(program))
        return op_fail(err, PROTO_ERR_UNSUPPORTED, "Wine cannot restart the machine under it");
    _snwprintf(line, sizeof line / sizeof *line, L"\"%ls\" %ls /t 0", program,
               reboot ? L"/r" : L"/s");
    if (!CreateProcessW(program, line, NULL, NULL, FALSE, CREATE_NO_WINDOW, NULL, NULL, &start,
                        &info))
        return guest_fail(err, "shutdown.exe");
    CloseHandle(info.hThread);
    CloseHandle(info.hProcess);
    return 0;
}

static int shutdown_by_windows(bool reboot, struct op_error *err)
{
    if (guest_take_privilege(L"SeShutdownPrivilege", err) < 0)
        return -1;
    /* One second, so that the answer is out before the network and the agent go. */
    if (!InitiateSystemShutdownExW(NULL, NULL, 1, TRUE, reboot, SHTDN_REASON_FLAG_PLANNED))
        return guest_fail(err, "shutdown");
    return 0;
}

int op_shutdown(struct request *rq, struct jsonw *result, struct op_error *err)
{
    bool reboot = false;

    (void)result;
    if (request_opt_bool(rq, "reboot", &reboot, err) < 0)
        return -1;
    return guest_wine_version() != NULL ? shutdown_by_program(reboot, err)
                                        : shutdown_by_windows(reboot, err);
}
