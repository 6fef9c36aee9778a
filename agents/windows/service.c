#include "windows/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#include "common/plat.h"
#include "windows/options.h"
#include "windows/serve.h"

/* What stopping may take at most, told to the service manager, milliseconds. */
#define SERVICE_STOP_MS 15000

struct service {
    SERVICE_STATUS_HANDLE status;
    struct plat_event *stop;
};

static void service_report(const struct service *s, DWORD state, DWORD exit_code)
{
    SERVICE_STATUS st = {
        .dwServiceType = SERVICE_WIN32_OWN_PROCESS,
        .dwCurrentState = state,
        .dwControlsAccepted =
            state == SERVICE_RUNNING ? SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN : 0,
        .dwWin32ExitCode = exit_code,
        .dwWaitHint = state == SERVICE_STOP_PENDING ? SERVICE_STOP_MS : 0,
    };
    SetServiceStatus(s->status, &st);
}

static DWORD WINAPI service_control(DWORD control, DWORD type, void *data, void *context)
{
    struct service *s = context;

    (void)type;
    (void)data;
    switch (control) {
    case SERVICE_CONTROL_STOP:
    case SERVICE_CONTROL_SHUTDOWN:
        service_report(s, SERVICE_STOP_PENDING, NO_ERROR);
        plat_event_set(s->stop);
        return NO_ERROR;
    case SERVICE_CONTROL_INTERROGATE:
        return NO_ERROR;
    default:
        return ERROR_CALL_NOT_IMPLEMENTED;
    }
}

static void WINAPI service_main(DWORD argc, wchar_t **argv)
{
    struct service s = {.stop = plat_event_new()};
    struct options o;

    (void)argc;
    (void)argv;
    s.status = RegisterServiceCtrlHandlerExW(SERVICE_NAME, service_control, &s);
    if (s.status == NULL || s.stop == NULL)
        return;
    options_read(&o); /* the process's own command line has the port */
    service_report(&s, SERVICE_RUNNING, NO_ERROR);
    serve_serial(o.port, s.stop);
    options_free(&o);
    /* The event stays: a control may still be on its way; the process ends anyway. */
    service_report(&s, SERVICE_STOPPED, NO_ERROR);
}

static int service_complain(const char *what)
{
    fprintf(stderr, "agent: %s: Windows error %lu\n", what, GetLastError());
    return 1;
}

int service_run(void)
{
    wchar_t name[] = SERVICE_NAME;
    SERVICE_TABLE_ENTRYW table[] = {{name, service_main}, {NULL, NULL}};

    if (StartServiceCtrlDispatcherW(table))
        return 0;
    if (GetLastError() == ERROR_FAILED_SERVICE_CONTROLLER_CONNECT)
        fputs("agent: --service is for the service manager; by hand use --serial\n", stderr);
    return service_complain("service dispatcher");
}

/* "C:\path\agent.exe" --service --port COM2 */
static int service_command(const wchar_t *port, wchar_t *out, size_t n)
{
    wchar_t self[MAX_PATH];
    DWORD len = GetModuleFileNameW(NULL, self, MAX_PATH);
    if (len == 0 || len >= MAX_PATH)
        return -1;
    int written = _snwprintf(out, n, L"\"%ls\" --service --port %ls", self, port);
    return written < 0 || (size_t)written >= n ? -1 : 0;
}

static SC_HANDLE service_register(SC_HANDLE manager, const wchar_t *command)
{
    SC_HANDLE service = CreateServiceW(manager, SERVICE_NAME, L"Coexist lab agent",
                                       SERVICE_ALL_ACCESS, SERVICE_WIN32_OWN_PROCESS,
                                       SERVICE_AUTO_START, SERVICE_ERROR_NORMAL, command, NULL,
                                       NULL, NULL, NULL, NULL);
    if (service != NULL || GetLastError() != ERROR_SERVICE_EXISTS)
        return service;
    service = OpenServiceW(manager, SERVICE_NAME, SERVICE_ALL_ACCESS);
    if (service != NULL &&
        !ChangeServiceConfigW(service, SERVICE_WIN32_OWN_PROCESS, SERVICE_AUTO_START,
                              SERVICE_ERROR_NORMAL, command, NULL, NULL, NULL, NULL, NULL, NULL)) {
        CloseServiceHandle(service);
        service = NULL;
    }
    return service;
}

/* A crashed agent comes back after two seconds; the count of crashes is forgotten daily. */
static void service_set_recovery(SC_HANDLE service)
{
    SC_ACTION restart[] = {{SC_ACTION_RESTART, 2000}};
    SERVICE_FAILURE_ACTIONSW actions = {
        .dwResetPeriod = 86400, .cActions = 1, .lpsaActions = restart};
    ChangeServiceConfig2W(service, SERVICE_CONFIG_FAILURE_ACTIONS, &actions);
}

/* Safe mode starts nothing but what is listed, by a service's name or a device class' (Windows
   Internals, 5th edition, chapter 13, "Driver Loading in Safe Mode"): the agent, and the class
   "Ports" for its serial port. */
static int service_list_for_safe_mode(void)
{
    static const struct {
        const wchar_t *name, *kind;
    } items[] = {{SERVICE_NAME, L"Service"}, {L"{4D36E978-E325-11CE-BFC1-08002BE10318}", L"Ports"}};
    static const wchar_t *const modes[] = {L"Minimal", L"Network"};
    wchar_t path[200];

    for (size_t i = 0; i < 4; i++) {
        const wchar_t *kind = items[i / 2].kind;
        DWORD size = (DWORD)((wcslen(kind) + 1) * sizeof *kind);
        HKEY key;
        _snwprintf(path, sizeof path / sizeof *path,
                   L"SYSTEM\\CurrentControlSet\\Control\\SafeBoot\\%ls\\%ls", modes[i % 2],
                   items[i / 2].name);
        LONG os = RegCreateKeyExW(HKEY_LOCAL_MACHINE, path, 0, NULL, 0, KEY_SET_VALUE, NULL, &key,
                                  NULL);
        if (os == ERROR_SUCCESS) {
            os = RegSetValueExW(key, NULL, 0, REG_SZ, (const BYTE *)kind, size);
            RegCloseKey(key);
        }
        if (os != ERROR_SUCCESS) {
            SetLastError((DWORD)os);
            return -1;
        }
    }
    return 0;
}

int service_install(const wchar_t *port)
{
    wchar_t command[MAX_PATH + 64];
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CREATE_SERVICE | SC_MANAGER_CONNECT);

    if (manager == NULL)
        return service_complain("service manager");
    if (service_command(port, command, sizeof command / sizeof *command) < 0) {
        CloseServiceHandle(manager);
        return service_complain("own path");
    }
    SC_HANDLE service = service_register(manager, command);
    int rc = service == NULL ? service_complain("registration") : 0;
    if (service != NULL) {
        if (service_list_for_safe_mode() < 0)
            rc = service_complain("list of safe mode");
        service_set_recovery(service);
        CloseServiceHandle(service);
    }
    CloseServiceHandle(manager);
    return rc;
}

/* Waits, polling as the service manager wants it (there is no event to wait for in NT 5.2). */
static void service_stop(SC_HANDLE service)
{
    SERVICE_STATUS st;
    uint64_t end = plat_now_ms() + SERVICE_STOP_MS;
    struct plat_event *never = plat_event_new();

    if (ControlService(service, SERVICE_CONTROL_STOP, &st))
        while (never != NULL && QueryServiceStatus(service, &st) &&
               st.dwCurrentState != SERVICE_STOPPED && plat_now_ms() < end)
            plat_event_wait(never, 100);
    plat_event_free(never);
}

int service_uninstall(void)
{
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    SC_HANDLE service = manager == NULL ? NULL
                                        : OpenServiceW(manager, SERVICE_NAME, SERVICE_ALL_ACCESS);
    int rc = 0;

    if (service == NULL)
        rc = service_complain("service");
    if (service != NULL) {
        service_stop(service);
        if (!DeleteService(service))
            rc = service_complain("removal");
        CloseServiceHandle(service);
    }
    if (manager != NULL)
        CloseServiceHandle(manager);
    return rc;
}
