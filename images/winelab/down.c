#include "down.h"

#include <stdlib.h>

enum {
    DOWN_SERVICES_WAIT_MS = 5000, /* Windows' own WaitToKillServiceTimeout */
    DOWN_POLL_MS = 50,
    DOWN_LINE_MAX = 1024,
};

bool down_labctl(const wchar_t *arguments)
{
    static const wchar_t program[] = L"\\\\?\\unix\\usr\\lib\\coexist\\labctl";
    wchar_t line[DOWN_LINE_MAX];
    STARTUPINFOW start = {.cb = sizeof start};
    PROCESS_INFORMATION process;
    if (lstrlenW(arguments) + 16 > DOWN_LINE_MAX)
        return false;
    lstrcpyW(line, L"labctl ");
    lstrcatW(line, arguments);
    if (!CreateProcessW(program, line, NULL, NULL, FALSE, 0, NULL, NULL, &start, &process))
        return false;
    WaitForSingleObject(process.hProcess, INFINITE);
    CloseHandle(process.hThread);
    CloseHandle(process.hProcess);
    return true;
}

static ENUM_SERVICE_STATUS_PROCESSW *down_list_services(SC_HANDLE manager, DWORD *count)
{
    DWORD size = 0, resume = 0;
    EnumServicesStatusExW(manager, SC_ENUM_PROCESS_INFO, SERVICE_WIN32, SERVICE_ACTIVE, NULL, 0,
                          &size, count, &resume, NULL);
    void *list = malloc(size ? size : 1);
    resume = 0;
    if (list && !EnumServicesStatusExW(manager, SC_ENUM_PROCESS_INFO, SERVICE_WIN32, SERVICE_ACTIVE,
                                       list, size, &size, count, &resume, NULL))
        *count = 0;
    return list;
}

static bool down_is_running(SC_HANDLE service)
{
    SERVICE_STATUS status;
    return QueryServiceStatus(service, &status) && status.dwCurrentState != SERVICE_STOPPED;
}

/* Wine has no system shutdown, so nobody sends this control but we. */
static void down_tell_services(void)
{
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT | SC_MANAGER_ENUMERATE_SERVICE);
    DWORD count = 0;
    ENUM_SERVICE_STATUS_PROCESSW *list = manager ? down_list_services(manager, &count) : NULL;
    ULONGLONG end = GetTickCount64() + DOWN_SERVICES_WAIT_MS;
    for (DWORD i = 0; list && i < count; i++) {
        if (!(list[i].ServiceStatusProcess.dwControlsAccepted & SERVICE_ACCEPT_SHUTDOWN))
            continue;
        SC_HANDLE service = OpenServiceW(manager, list[i].lpServiceName, SERVICE_ALL_ACCESS);
        SERVICE_STATUS status;
        if (service && ControlService(service, SERVICE_CONTROL_SHUTDOWN, &status))
            while (GetTickCount64() < end && down_is_running(service))
                Sleep(DOWN_POLL_MS);
        if (service)
            CloseServiceHandle(service);
    }
    free(list);
    if (manager)
        CloseServiceHandle(manager);
}

bool down_request(bool again)
{
    down_tell_services();
    return down_labctl(again ? L"reboot" : L"poweroff");
}
