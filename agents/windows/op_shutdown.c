/* shutdown, with or without a start afterwards. */
#include <stdio.h>
#include <windows.h>

#include "windows/guest.h"
#include "windows/ops.h"

#ifndef SHTDN_REASON_FLAG_PLANNED
#define SHTDN_REASON_FLAG_PLANNED 0x80000000
#endif

static int shutdown_take_privilege(struct op_error *err)
{
    TOKEN_PRIVILEGES p = {.PrivilegeCount = 1,
                          .Privileges = {{.Attributes = SE_PRIVILEGE_ENABLED}}};
    HANDLE token;

    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY, &token))
        return guest_fail(err, "token");
    BOOL ok = LookupPrivilegeValueW(NULL, L"SeShutdownPrivilege", &p.Privileges[0].Luid) &&
              AdjustTokenPrivileges(token, FALSE, &p, 0, NULL, NULL);
    DWORD os = GetLastError();
    CloseHandle(token);
    /* Success with ERROR_NOT_ALL_ASSIGNED: the privilege is not to be had. */
    return ok && os == ERROR_SUCCESS ? 0 : guest_fail_code(err, os, "shutdown privilege");
}

/*
 * Wine ends its own processes only, not the machine under it. A guest that can do it has a program
 * of its own in place of Windows' shutdown.exe and says so here (see PROTOCOL.md, "shutdown").
 */
static int shutdown_by_helper(bool reboot, struct op_error *err)
{
    wchar_t line[MAX_PATH + 64], helper[MAX_PATH];
    DWORD size = sizeof helper - sizeof *helper, type = 0;
    STARTUPINFOW start = {.cb = sizeof start};
    PROCESS_INFORMATION info;
    HKEY key;

    LONG os = RegOpenKeyExW(HKEY_LOCAL_MACHINE, L"Software\\coexist\\agent", 0, KEY_QUERY_VALUE,
                            &key);
    if (os == ERROR_SUCCESS) {
        os = RegQueryValueExW(key, L"ShutdownHelper", NULL, &type, (BYTE *)helper, &size);
        RegCloseKey(key);
    }
    if (os != ERROR_SUCCESS || type != REG_SZ)
        return op_fail(err, PROTO_ERR_UNSUPPORTED, "Wine without a ShutdownHelper");
    helper[size / sizeof *helper] = L'\0';
    _snwprintf(line, sizeof line / sizeof *line - 1, L"\"%ls\" %ls", helper,
               reboot ? L"/r /t 0" : L"/s /t 0");
    line[sizeof line / sizeof *line - 1] = L'\0';
    if (!CreateProcessW(NULL, line, NULL, NULL, FALSE, CREATE_NO_WINDOW, NULL, NULL, &start, &info))
        return guest_fail(err, "ShutdownHelper");
    CloseHandle(info.hThread);
    CloseHandle(info.hProcess);
    return 0;
}

static int shutdown_by_windows(bool reboot, struct op_error *err)
{
    if (shutdown_take_privilege(err) < 0)
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
    return guest_wine_version() != NULL ? shutdown_by_helper(reboot, err)
                                        : shutdown_by_windows(reboot, err);
}
