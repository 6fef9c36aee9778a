#include "scm.h"

#include <stdio.h>
#include <windows.h>

#include "paths.h"
#include "vendor.h"

enum { SCM_WAIT_MS = 30000, SCM_POLL_MS = 100 };

static SC_HANDLE scm_open(const wchar_t *name, DWORD access, SC_HANDLE *manager, struct err *err)
{
    SC_HANDLE service;

    *manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE);
    if (!*manager) {
        err_set(err, GetLastError(), "cannot reach the service manager");
        return NULL;
    }
    service = OpenServiceW(*manager, name, access);
    if (!service) {
        err_set(err, GetLastError(), "cannot open service %ls", name);
        CloseServiceHandle(*manager);
        *manager = NULL;
    }
    return service;
}

static void scm_close(SC_HANDLE manager, SC_HANDLE service)
{
    CloseServiceHandle(service);
    CloseServiceHandle(manager);
}

static int scm_query(SC_HANDLE service, SERVICE_STATUS_PROCESS *status)
{
    DWORD needed;

    return QueryServiceStatusEx(service, SC_STATUS_PROCESS_INFO, (BYTE *)status, sizeof *status,
                                &needed) ? 0 : -1;
}

unsigned long scm_state(const wchar_t *name)
{
    SERVICE_STATUS_PROCESS status = { .dwCurrentState = 0 };
    SC_HANDLE manager;
    SC_HANDLE service = scm_open(name, SERVICE_QUERY_STATUS, &manager, NULL);

    if (!service)
        return 0;
    if (scm_query(service, &status) < 0)
        status.dwCurrentState = 0;
    scm_close(manager, service);
    return status.dwCurrentState;
}

/*
 * The manager offers no wait for a state that Wine has too (NotifyServiceStatusChange), so the
 * state is asked for again and again until the deadline. A service that ends while it should be
 * starting is a failure at once.
 */
static int scm_wait(SC_HANDLE service, DWORD wanted, struct err *err)
{
    ULONGLONG deadline = GetTickCount64() + SCM_WAIT_MS;
    SERVICE_STATUS_PROCESS status;

    for (;;) {
        if (scm_query(service, &status) < 0)
            return err_set(err, GetLastError(), "cannot query the service");
        if (status.dwCurrentState == wanted)
            return 0;
        if (wanted == SERVICE_RUNNING && status.dwCurrentState == SERVICE_STOPPED)
            return err_set(err, status.dwWin32ExitCode, "the service stopped (specific code %lu)",
                           status.dwServiceSpecificExitCode);
        if (GetTickCount64() >= deadline)
            return err_set(err, ERROR_TIMEOUT, "the service stays in state %lu",
                           status.dwCurrentState);
        Sleep(SCM_POLL_MS);
    }
}

int scm_start(const wchar_t *name, struct err *err)
{
    SC_HANDLE manager;
    SC_HANDLE service = scm_open(name, SERVICE_START | SERVICE_QUERY_STATUS, &manager, err);
    int result;

    if (!service)
        return -1;
    if (StartServiceW(service, 0, NULL) || GetLastError() == ERROR_SERVICE_ALREADY_RUNNING)
        result = scm_wait(service, SERVICE_RUNNING, err);
    else
        result = err_set(err, GetLastError(), "cannot start %ls", name);
    scm_close(manager, service);
    return result;
}

/* "Stopped" is said a little before the process ends, and only then its files are free. */
static int scm_stop_process(SC_HANDLE service, HANDLE process, struct err *err)
{
    SERVICE_STATUS status;

    if (!ControlService(service, SERVICE_CONTROL_STOP, &status) &&
        GetLastError() != ERROR_SERVICE_NOT_ACTIVE)
        return err_set(err, GetLastError(), "the service does not take a stop");
    if (scm_wait(service, SERVICE_STOPPED, err) < 0)
        return -1;
    if (process && WaitForSingleObject(process, SCM_WAIT_MS) != WAIT_OBJECT_0)
        return err_set(err, ERROR_TIMEOUT, "the service's process does not end");
    return 0;
}

static int scm_stop_open(SC_HANDLE service, struct err *err)
{
    SERVICE_STATUS_PROCESS status;
    HANDLE process = NULL;
    int result;

    if (scm_query(service, &status) < 0)
        return err_set(err, GetLastError(), "cannot query the service");
    if (status.dwCurrentState == SERVICE_STOPPED)
        return 0;
    /* A driver shares its host process with other drivers: that one goes on. */
    if (status.dwProcessId && (status.dwServiceType & SERVICE_WIN32_OWN_PROCESS))
        process = OpenProcess(SYNCHRONIZE, FALSE, status.dwProcessId);
    result = scm_stop_process(service, process, err);
    if (process)
        CloseHandle(process);
    return result;
}

int scm_stop(const wchar_t *name, struct err *err)
{
    SC_HANDLE manager;
    SC_HANDLE service = scm_open(name, SERVICE_STOP | SERVICE_QUERY_STATUS, &manager, err);
    int result;

    if (!service)
        return -1;
    result = scm_stop_open(service, err);
    scm_close(manager, service);
    return result;
}

static int scm_create(const wchar_t *name, const wchar_t *title, DWORD type,
                      const wchar_t *command, struct err *err)
{
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CREATE_SERVICE);
    SC_HANDLE service;

    if (!manager)
        return err_set(err, GetLastError(), "cannot reach the service manager");
    service = CreateServiceW(manager, name, title, SERVICE_CHANGE_CONFIG, type,
                             SERVICE_AUTO_START, SERVICE_ERROR_NORMAL, command, NULL, NULL, NULL,
                             NULL, NULL);
    if (!service && GetLastError() == ERROR_SERVICE_EXISTS) {
        service = OpenServiceW(manager, name, SERVICE_CHANGE_CONFIG);
        if (service)
            ChangeServiceConfigW(service, type, SERVICE_AUTO_START, SERVICE_ERROR_NORMAL, command,
                                 NULL, NULL, NULL, NULL, NULL, title);
    }
    if (!service)
        err_set(err, GetLastError(), "cannot make service %ls", name);
    else
        CloseServiceHandle(service);
    CloseServiceHandle(manager);
    return service ? 0 : -1;
}

static int scm_register_file(const wchar_t *name, const wchar_t *title, DWORD type,
                             const wchar_t *file, struct err *err)
{
    wchar_t path[PATHS_MAX], command[PATHS_MAX + 8];
    const wchar_t *shape = type == SERVICE_KERNEL_DRIVER ? L"\\??\\%ls" : L"\"%ls\"";

    if (paths_install(path, file, err) < 0)
        return -1;
    _snwprintf(command, PATHS_MAX + 8, shape, path);
    return scm_create(name, title, type, command, err);
}

int scm_register(struct err *err)
{
    const struct vendor *vendor = vendor_self();

    if (vendor->driver &&
        scm_register_file(vendor->driver, vendor->driver_title, SERVICE_KERNEL_DRIVER,
                          vendor->driver_file, err) < 0)
        return -1;
    return scm_register_file(vendor->service, vendor->service_title, SERVICE_WIN32_OWN_PROCESS,
                             vendor->service_file, err);
}

static int scm_remove(const wchar_t *name, struct err *err)
{
    SC_HANDLE manager;
    SC_HANDLE service;
    int result;

    if (!scm_state(name))
        return 0;
    service = scm_open(name, SERVICE_STOP | SERVICE_QUERY_STATUS | DELETE, &manager, err);
    if (!service)
        return -1;
    result = scm_stop_open(service, err);
    if (!DeleteService(service) && GetLastError() != ERROR_SERVICE_MARKED_FOR_DELETE)
        result = err_set(err, GetLastError(), "cannot remove service %ls", name);
    scm_close(manager, service);
    return result;
}

int scm_unregister(struct err *err)
{
    const struct vendor *vendor = vendor_self();
    int result = scm_remove(vendor->service, err);

    if (vendor->driver)
        result |= scm_remove(vendor->driver, err);
    return result;
}
